-- A look-up of what is protected that is cancelled half-way: the next statement is bound all the same.
-- Another session holds the catalog that the look-up needs, after a change that makes everybody look again.
-- (18 needs that catalog no more, and is not cancelled: interrupted_1.out.)
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
SET client_min_messages = warning;
\set VERBOSITY terse
\o /dev/null
\ir :fixture
CREATE EXTENSION dblink;
SELECT dblink_connect('other', format('host=%s port=%s dbname=%s user=postgres application_name=interrupted_other',
	split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database()));
\o
SELECT count(*) FROM beesel.notitie;
SET lock_timeout = '100ms';
SELECT dblink_exec('other', 'CREATE SCHEMA interrupted_other') \g /dev/null
SELECT dblink_exec('other', 'BEGIN; CREATE SCHEMA interrupted_again; COMMIT; BEGIN; LOCK pg_catalog.pg_extension IN ACCESS EXCLUSIVE MODE') \g /dev/null
SELECT count(*) FROM beesel.notitie;
ALTER TABLE beesel.notitie DISABLE ROW LEVEL SECURITY;
\! psql -XAtq -d postgres -c "SELECT pg_terminate_backend(pid, 180000) FROM pg_stat_activity WHERE application_name = 'interrupted_other'"
RESET lock_timeout;
SELECT count(*) FROM beesel.notitie;
ALTER TABLE beesel.notitie DISABLE ROW LEVEL SECURITY;
DELETE FROM pg_class WHERE false;
DROP SCHEMA interrupted_other, interrupted_again;
