-- survey of the tables of the demonstration, in the shape of Open Zaak: what it proposes is what the demonstration does.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
\getenv source PG_ABS_SRCDIR
\set openzaak :source /test/demo/openzaak.sql
SET client_min_messages = warning;
CREATE ROLE zaakbehandelaar;
\set ECHO none
\o /dev/null
\i :openzaak
\o
\set ECHO all
SELECT coalesce(distance::text, '-') AS distance, relation, proposal FROM casus.survey('public')
	WHERE finding = 'table' AND proposal IS NOT NULL;
SELECT relation, finding, object, detail FROM casus.survey('public')
	WHERE finding IN ('base_table', 'link_table', 'derived', 'kind', 'no_primary_key', 'trigger', 'publication', 'rule');
-- It changes nothing.
SELECT count(*) FROM pg_attribute WHERE attname = 'casus_label' AND attrelid >= 16384 AND attrelid::regclass::text NOT LIKE 'casus%';
DROP OWNED BY zaakbehandelaar;
DROP ROLE zaakbehandelaar;
