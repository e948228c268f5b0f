/*
 * roles.sql
 *		The database roles as they were before casus: the application's one
 *		owner role, and civil servants with a login for their reporting tool.
 */
CREATE ROLE openzaak LOGIN;
CREATE ROLE zaakbehandelaar NOLOGIN;
CREATE ROLE coordinator LOGIN IN ROLE zaakbehandelaar;
CREATE ROLE regisseur LOGIN IN ROLE zaakbehandelaar;
CREATE ROLE handhaving LOGIN IN ROLE zaakbehandelaar;
CREATE ROLE belastingen LOGIN IN ROLE zaakbehandelaar;
CREATE ROLE analist LOGIN IN ROLE zaakbehandelaar;

/* The application takes a civil servant's role for the length of a transaction. */
GRANT coordinator, regisseur, handhaving, belastingen TO openzaak;

CREATE DATABASE openzaak OWNER openzaak;
