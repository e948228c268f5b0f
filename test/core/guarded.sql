-- test/core/guarded.sql
--	Goes before the fixture: casus and a protected table, so that every part of
--	the guard works in the database in which the core suite runs.
CREATE EXTENSION casus;
