/*
 * protect.sql
 *		casus on the benchmark's tables: two files under Beesel's rules, adapted
 *		so that a purpose may last for a session, which pgbench needs.
 */
SET client_min_messages = warning;
CREATE EXTENSION casus;
