-- Protocol documents: every finding of the lint with its path, and loading.
\set VERBOSITY default
SET search_path = public;

-- A small document without a finding; each case below changes one thing in it.
CREATE TABLE base AS SELECT $${
	"name": "proef-1.0", "title": "Proefreglement", "source": "test",
	"articles": [{"name": "1", "title": "Partijen"}, {"name": "2", "title": "Fasen"}, {"name": "3.1", "title": "Toegang"},
		{"name": "Bijlage 1", "title": "Lijst"}],
	"parameters": [{"name": "startdatum", "title": "Begin", "type": "date", "mandatory": true, "article": "1"},
		{"name": "dpia", "title": "DPIA", "type": "text", "mandatory": true, "article": "1"}],
	"controllers": [{"name": "college", "title": "College", "article": "1"}],
	"oath": {"article": "1"},
	"checks": {"no_purpose": "2", "no_appointment": "1", "ambiguous_capacity": "1", "wrong_office": "1", "wrong_purpose": "2", "wrong_phase": "2",
		"wrong_category": "3.1", "not_involved": "1", "gate_missing": "2", "content_missing": "2", "no_parent": "3.1", "not_shared": "3.1", "retention": "2",
		"context_changed": "2", "label": "3.1", "bypass": "3.1", "copy_out": "3.1", "ddl": "3.1", "not_fenced": "3.1"},
	"parties": {"closed": true, "kinds": ["afdeling"], "article": "1", "list": [
		{"name": "a", "title": "A", "kind": "afdeling"}, {"name": "b", "title": "B", "kind": "afdeling"}]},
	"lists": [{"name": "kenmerken", "title": "Kenmerken", "article": "Bijlage 1", "values": [
		{"value": "k1", "title": "Een", "controller": "college"}, {"value": "k2", "title": "Twee", "part": "rest", "article": "Bijlage 1, 2"}]}],
	"offices": [
		{"name": "beheerder", "title": "Beheerder", "level": "file", "appointed_by": ["casus_admin"], "needs_oath": false, "article": "1"},
		{"name": "regisseur", "title": "Regisseur", "level": "dossier", "appointed_by": "beheerder", "needs_oath": true, "article": "1"},
		{"name": "lid", "title": "Lid", "level": "party", "appointed_by": ["beheerder"], "needs_oath": true, "article": "1"},
		{"name": "toezichthouder", "title": "FG", "level": "file", "appointed_by": ["casus_admin"], "excludes": ["beheerder"],
			"supervises": true, "needs_oath": false, "article": "1"}],
	"subject_categories": [{"name": "persoon", "title": "Persoon", "article": "1"}],
	"categories": [{"name": "naw", "title": "Naam", "subjects": ["persoon"], "article": "1"},
		{"name": "feit", "title": "Feit", "subjects": ["persoon", "geen"], "article": "1"},
		{"name": "plan", "title": "Plan", "subjects": "*", "article": "1"}],
	"phases": [{"name": "open", "title": "Open", "initial": true, "article": "2"},
		{"name": "bezig", "title": "Bezig", "article": "2"},
		{"name": "dicht", "title": "Dicht", "terminal": true, "closing": true, "article": "2"},
		{"name": "af", "title": "Af", "terminal": true, "article": "2"}],
	"purposes": [{"name": "open", "title": "Open", "article": "2"}, {"name": "bezig", "title": "Bezig", "article": "2"},
		{"name": "nazorg", "title": "Nazorg", "phases": ["dicht", "af"], "session": true, "article": "2"}],
	"gates": [
		{"name": "weging", "title": "Weging", "phases": ["open"], "decided_by": "beheerder", "outcomes": ["ja", "nee"], "article": "2",
			"details": [{"key": "kenmerk", "type": "choice", "from": "kenmerken", "article": "2"},
				{"key": "reden", "type": "text", "min": 3, "when": "kenmerk=k2", "outcomes": ["ja"], "article": "2"},
				{"key": "partijen", "type": "list", "from": "parties", "optional": true, "article": "2"},
				{"key": "gezien", "type": "boolean", "equals": true, "article": "2"}]},
		{"name": "slot", "title": "Slot", "phases": ["bezig"], "decided_by": "beheerder", "meeting": "overleg", "present_min": 2,
			"outcomes": ["klaar"], "after": ["weging"], "after_outcomes": ["ja"], "article": "2"}],
	"transitions": [
		{"from": "open", "to": "bezig", "gate": "weging", "outcomes": ["ja"], "offices": ["beheerder"], "article": "2"},
		{"from": ["open"], "to": "af", "gate": "weging", "outcomes": ["nee"], "offices": ["beheerder"], "article": "2"},
		{"from": ["bezig"], "to": "dicht", "gate": "slot", "outcomes": ["klaar"], "offices": ["beheerder"], "article": "2"}],
	"rules": [
		{"phases": ["open", "bezig"], "offices": ["beheerder"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct", "remove"], "article": "3.1"},
		{"phases": "bezig", "offices": "regisseur", "categories": ["naw", "plan"], "scope": "all", "participants": true, "may": ["read"], "article": "3.1.a"},
		{"phases": ["bezig"], "offices": ["lid"], "categories": "*", "scope": "shared", "participants": true, "may": ["read"], "article": "3.1, lid 2; 2"},
		{"phases": ["bezig"], "offices": ["lid"], "categories": ["feit"], "scope": "own", "participants": true, "may": ["read", "supply"], "article": "3.1"},
		{"stages": ["dicht_1", "af_1"], "offices": ["beheerder"], "purposes": ["nazorg"], "categories": "*", "scope": "all", "may": ["read"], "article": "3.1"}],
	"retention": [
		{"phase": "dicht", "article": "2", "stages": [
			{"name": "dicht_1", "title": "Inzage", "until": "gedurende 6 months after besluit", "article": "2"}]},
		{"phase": "af", "article": "2", "stages": [
			{"name": "af_1", "title": "Wacht", "until": "uiterlijk 1 year after besluit", "article": "2"}]}]
}$$::jsonb AS doc;
SELECT * FROM base, casus.lint_protocol(doc);

-- with(path, value): the document with one value changed; value NULL: the key gone
CREATE FUNCTION pg_temp.changed(path text, value text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE WHEN value IS NULL THEN doc #- path::text[] ELSE jsonb_set(doc, path::text[], value::jsonb) END FROM base
$$;
CREATE FUNCTION pg_temp.lint(path text, value text) RETURNS TABLE (finding text) LANGUAGE sql AS $$
	SELECT format('%s %s: %s', l.severity, l.path, l.message) FROM casus.lint_protocol(pg_temp.changed($1, $2)) l
$$;
CREATE FUNCTION pg_temp.lint_added(path text, value text) RETURNS TABLE (finding text) LANGUAGE sql AS $$
	SELECT format('%s %s: %s', l.severity, l.path, l.message) FROM base,
		casus.lint_protocol(jsonb_set(doc, path::text[], doc #> path::text[] || value::jsonb)) l
$$;
\pset format unaligned
\pset tuples_only on

-- the article of each check
SELECT pg_temp.lint('{checks}', NULL);
SELECT pg_temp.lint('{checks,no_purpose}', NULL);
SELECT pg_temp.lint('{checks,no_purpose}', '" "');
SELECT pg_temp.lint('{checks,no_purpose}', '["1"]');
SELECT pg_temp.lint('{checks,no_purpose}', '"9.9"');
SELECT pg_temp.lint('{checks,no_porpoise}', '"1"');
SELECT pg_temp.lint('{checks}', '"1"');

-- shape: keys, types, names, numbers
SELECT pg_temp.lint('{title}', NULL);
SELECT pg_temp.lint('{rules,0,article}', NULL);
SELECT pg_temp.lint('{rules,0,article}', '" "');
SELECT pg_temp.lint('{rules,1,colour}', '"red"');
SELECT pg_temp.lint('{colour}', '"red"');
SELECT pg_temp.lint('{offices,2,needs_oath}', '"yes"');
SELECT pg_temp.lint('{offices,2,needs_oath}', 'null');
SELECT pg_temp.lint('{gates,1,present_min}', '2.5');
SELECT pg_temp.lint('{gates,1,present_min}', '-2');
SELECT pg_temp.lint('{gates,1,present_min}', '1e30');
SELECT pg_temp.lint('{controllers,0,name}', '"Het College"');
SELECT pg_temp.lint('{controllers,0,title}', to_jsonb(repeat('x', 4001))::text);
SELECT pg_temp.lint('{name}', '"Proef 1"');
SELECT pg_temp.lint('{oath}', '[]');
SELECT pg_temp.lint('{rules,2}', '"all"');
SELECT pg_temp.lint('{rules,0,may,1}', '{"read": true}');
SELECT pg_temp.lint('{rules,0,may,1}', '"read"');
SELECT pg_temp.lint('{purposes,0,steps}', '"Registratie"');
SELECT pg_temp.lint('{retention,0,stages}', '{}');
-- no document at all
SELECT severity, path, message FROM casus.lint_protocol('[]') LIMIT 1;
SELECT severity, path, message FROM casus.lint_protocol('"beesel"') LIMIT 1;
SELECT severity, path, message FROM casus.lint_protocol('null') LIMIT 1;
SELECT count(*) FROM casus.lint_protocol('{}') WHERE severity = 'error';
SELECT casus.lint_protocol(NULL) IS NULL;
-- deep nesting and a flood of findings
SELECT pg_temp.lint('{rules,0,may}', repeat('[', 1000) || repeat(']', 1000));
SELECT pg_temp.lint('{rules,0,scope}', repeat('{"a":', 1000) || '1' || repeat('}', 1000));
SELECT count(*), max(message) FILTER (WHERE message LIKE 'more%') FROM base,
	casus.lint_protocol(doc || (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 5000) i));
SELECT max(octet_length(message)) < 200 FROM base, casus.lint_protocol(doc || jsonb_build_object(repeat('é', 1000), 1));

-- too many codes
CREATE FUNCTION pg_temp.many(path text, n int) RETURNS TABLE (finding text) LANGUAGE sql AS $$
	SELECT f FROM base, pg_temp.lint_added(path, (SELECT jsonb_agg(jsonb_set(doc #> path::text[] -> 0, '{name}', to_jsonb('n' || i)))
		FROM generate_series(1, n) i)::text) f WHERE f LIKE '%can be numbered%'
$$;
SELECT pg_temp.many('{phases}', 28), pg_temp.many('{phases}', 29);
SELECT pg_temp.many('{categories}', 61), pg_temp.many('{categories}', 62);
SELECT pg_temp.many('{purposes}', 62);
SELECT pg_temp.many('{offices}', 61);
SELECT pg_temp.many('{subject_categories}', 63);
SELECT pg_temp.many('{retention,0,stages}', 32);
SELECT f FROM base, pg_temp.lint_added('{retention,0,stages}', (SELECT jsonb_agg(jsonb_build_object('name', 's' || i, 'title', 'S',
	'article', '2', 'until', format('gedurende %s months after besluit', 6 + i))) FROM generate_series(1, 31) i)::text) f
	WHERE f LIKE 'error%';

-- duplicates
SELECT pg_temp.lint('{phases,1,name}', '"open"') LIMIT 1;
SELECT pg_temp.lint('{categories,1,name}', '"naw"') LIMIT 1;
SELECT pg_temp.lint('{parties,list,1,name}', '"a"');
SELECT pg_temp.lint('{lists,0,values,1,parameter}', '"bestaat_niet"');
SELECT pg_temp.lint('{lists,0,values,1,value}', '"k1"');
SELECT pg_temp.lint('{retention,1,stages,0,name}', '"dicht_1"');
SELECT pg_temp.lint('{parameters,0,name}', '"dpia"');

-- citations
SELECT pg_temp.lint('{rules,1,article}', '"3.2"');
SELECT pg_temp.lint('{rules,1,article}', '"3.1.b; 9"');
SELECT pg_temp.lint('{gates,0,details,0,article}', '"Bijlage 12"');

-- parameters, parties, lists
SELECT pg_temp.lint('{parameters,1}', NULL);
SELECT pg_temp.lint('{parameters,0,mandatory}', 'false');
SELECT pg_temp.lint('{parameters,0,type}', '"datum"');
SELECT pg_temp.lint('{parties,list}', '[]');
SELECT pg_temp.lint('{parties,list,0,kind}', '"dienst"');
SELECT pg_temp.lint('{controllers}', '[]');
SELECT pg_temp.lint('{lists,0,values,0,controller}', '"minister"');
SELECT pg_temp.lint('{lists,0,values}', '[]');
SELECT pg_temp.lint_added('{lists}', '[{"name": "parties", "title": "P", "article": "1", "values": [{"value": "a", "title": "A"}]}]');
SELECT pg_temp.lint('{parties,closed}', 'false');

-- unknown names
SELECT pg_temp.lint('{rules,1,offices}', '["directeur"]');
SELECT pg_temp.lint('{rules,1,phases}', '["later"]');
SELECT pg_temp.lint('{rules,4,stages,0}', '"later"');
SELECT pg_temp.lint('{rules,1,purposes}', '["kijken"]');
SELECT pg_temp.lint('{rules,1,categories,0}', '"dna"');
SELECT pg_temp.lint('{rules,1,scope}', '"mine"');
SELECT pg_temp.lint('{rules,1,may,0}', '"delete"');
SELECT pg_temp.lint('{categories,0,subjects,0}', '"dier"');
SELECT pg_temp.lint('{offices,2,level}', '"gemeente"');
SELECT pg_temp.lint('{offices,2,appointed_by,0}', '"raad"');
SELECT pg_temp.lint('{offices,3,excludes,0}', '"raad"');
SELECT pg_temp.lint('{purposes,2,phases,0}', '"later"');
SELECT pg_temp.lint('{purposes,2,phases}', NULL);
SELECT pg_temp.lint('{gates,0,decided_by}', '"directeur"');
SELECT pg_temp.lint('{gates,1,after,0}', '"vooraf"');
SELECT pg_temp.lint('{gates,1,after_outcomes,0}', '"misschien"');
SELECT pg_temp.lint('{gates,1,phases,0}', '"later"');
SELECT pg_temp.lint('{gates,0,details,0,from}', '"soorten"');
SELECT pg_temp.lint('{gates,0,details,1,outcomes,0}', '"misschien"');
SELECT pg_temp.lint('{gates,0,details,1,when}', '"kenmerk=k9"');
SELECT pg_temp.lint('{gates,0,details,1,when}', '"kleur=rood"');
SELECT pg_temp.lint('{gates,0,details,1,when}', '"kenmerk"');
SELECT pg_temp.lint('{transitions,0,gate}', '"poort"');
SELECT pg_temp.lint('{transitions,0,outcomes,0}', '"misschien"');
SELECT pg_temp.lint('{transitions,0,offices,0}', '"directeur"');
SELECT pg_temp.lint('{retention,1,phase}', '"later"');

-- details of gates
SELECT pg_temp.lint('{gates,0,details,0,type}', '"bedrag"');
SELECT pg_temp.lint('{gates,0,details,0,from}', NULL);
SELECT pg_temp.lint('{gates,0,details,1,from}', '"kenmerken"');
SELECT pg_temp.lint('{gates,0,details,3,min}', '1');
SELECT pg_temp.lint('{gates,0,details,1,equals}', 'true');
SELECT pg_temp.lint('{gates,0,details,0,default}', '"onzin"');
SELECT pg_temp.lint('{gates,0,details,1,default}', '"onzin"');
SELECT pg_temp.lint('{gates,0,details,3,key}', '"reden"');
SELECT pg_temp.lint('{gates,0,details,0,parameter}', '"startdatum"');
SELECT pg_temp.lint('{gates,0,details,1,parameter}', '"startdatum"');
SELECT pg_temp.lint('{gates,0,details,2}', '{"key": "partijen", "type": "list", "parameter": "tabel", "article": "2"}');
SELECT pg_temp.lint('{gates,1,details}', '[{"key": "aanwezig", "type": "list", "article": "2"}]');

-- the course of a dossier: unreachable, dead end, no way back from the end
SELECT pg_temp.lint('{transitions,1}', NULL);
SELECT pg_temp.lint('{transitions,2}', NULL);
SELECT pg_temp.lint('{transitions,2,from}', '["bezig", "dicht"]');
SELECT pg_temp.lint('{transitions,0,to}', '"open"');
SELECT pg_temp.lint('{transitions,0,to}', '"dicht"');
SELECT pg_temp.lint('{transitions,1,outcomes}', '["ja", "nee"]');
SELECT pg_temp.lint('{transitions,0,outcomes}', '[]');
SELECT pg_temp.lint('{transitions,0,offices}', '[]');
SELECT pg_temp.lint('{transitions,2,from}', '["open"]');
SELECT pg_temp.lint('{phases,1,initial}', 'true');
SELECT pg_temp.lint('{phases,0,initial}', 'false');
SELECT pg_temp.lint('{phases,3,closing}', 'true');
SELECT pg_temp.lint('{phases,2,closing}', 'false');
SELECT pg_temp.lint('{phases,2,terminal}', 'false');
SELECT pg_temp.lint('{phases,0,terminal}', 'true');
SELECT pg_temp.lint('{gates,0,after}', '["slot"]');
SELECT pg_temp.lint('{gates,0,after}', '["weging"]');
SELECT pg_temp.lint('{gates,0,phases}', '[]');
SELECT pg_temp.lint('{gates,1,phases}', '["bezig", "dicht"]');
SELECT pg_temp.lint('{gates,0,outcomes}', '[]') LIMIT 1;
SELECT pg_temp.lint('{gates,1,present_min}', '0');
SELECT pg_temp.lint('{gates,1,meeting}', NULL);
SELECT pg_temp.lint_added('{gates}', '[{"name": "los", "title": "Los", "phases": ["open"], "decided_by": "beheerder", "outcomes": ["ja"], "article": "2"}]');

-- offices that exclude each other
SELECT pg_temp.lint('{offices,3,excludes}', '[]');
SELECT pg_temp.lint('{offices,0,excludes}', '["beheerder"]');
SELECT pg_temp.lint('{gates,1,decided_by}', '"toezichthouder"');
SELECT pg_temp.lint('{transitions,1,offices}', '["toezichthouder"]');
-- An office for a party that takes part in the dossier: one of a dossier, and parties must be able to take part.
SELECT pg_temp.lint('{offices,1,needs_party}', 'true');
SELECT pg_temp.lint('{offices,1,needs_party}', '"lid"');
SELECT pg_temp.lint('{offices,2,needs_party}', 'true');
SELECT pg_temp.lint('{offices}', (SELECT jsonb_set(jsonb_set(doc -> 'offices', '{1,needs_party}', 'true'), '{2,level}', '"file"') FROM base)::text);
-- Who inspects supervises, for a purpose that is there, and somebody else is told.
SELECT pg_temp.lint('{offices,3,inspects}', '"niets"');
SELECT pg_temp.lint('{offices,3}', (SELECT doc -> 'offices' -> 3 || '{"inspects": "bezig", "reviews": true}' FROM base)::text);
SELECT pg_temp.lint('{offices,0}', (SELECT doc -> 'offices' -> 0 || '{"inspects": "bezig"}' FROM base)::text);
-- Who oversees the log of a file holds an office of all of it.  [B-47]
SELECT pg_temp.lint('{offices,0,oversees}', 'true');
SELECT pg_temp.lint('{offices,2,oversees}', 'true');
SELECT pg_temp.lint('{offices,1,oversees}', '"ja"');
SELECT pg_temp.lint('{break_glass}', '{"hours": 73, "article": "99"}');
SELECT pg_temp.lint('{revocation}', '{"days": 32, "article": "99"}');
SELECT pg_temp.lint('{break_glass}', '{"hours": 0, "article": "1", "days": 1}');
-- how long the access log is kept (A41)
SELECT pg_temp.lint('{log}', '{"months": 60, "article": "1"}');
SELECT pg_temp.lint('{log}', '{"months": 1201, "article": "99"}');
SELECT pg_temp.lint('{log}', '{"months": 0, "parameter": "startdatum", "article": "1"}');
SELECT pg_temp.lint('{log}', '{"article": "1"}');
SELECT pg_temp.lint('{offices,0,appointed_by}', '["lid"]');
SELECT pg_temp.lint('{offices,2,appointed_by}', '["lid"]');

-- categories, retention
SELECT pg_temp.lint('{rules,0,categories}', '["naw", "feit"]');
SELECT f FROM base, casus.lint_protocol(jsonb_set(jsonb_set(jsonb_set(jsonb_set(doc, '{rules,0,categories}', '["feit", "plan"]'),
	'{rules,1,categories}', '["plan"]'), '{rules,2,categories}', '["feit"]'), '{rules,4,categories}', '["feit"]')) l,
	format('%s %s: %s', l.severity, l.path, l.message) f;
SELECT pg_temp.lint('{categories,0,subjects}', '[]');
SELECT pg_temp.lint('{subject_categories,0,name}', '"geen"');
SELECT pg_temp.lint('{retention,1,stages,0,until}', '"een jaar"');
SELECT pg_temp.lint('{retention,1,stages,0,until}', '"uiterlijk 1 year after Besluit"');
SELECT pg_temp.lint('{retention,1,phase}', '"bezig"');
SELECT pg_temp.lint('{retention,1,phase}', '"dicht"');
SELECT pg_temp.lint('{retention,1,stages}', '[]');
SELECT pg_temp.lint_added('{retention,1,stages}', '[{"name": "af_2", "title": "T", "until": "gedurende 12 months after besluit", "article": "2"}]');
SELECT pg_temp.lint_added('{retention,1,stages}', '[{"name": "af_2", "title": "T", "until": "uiterlijk 12 months after besluit", "article": "2"}]');
SELECT f FROM base, casus.lint_protocol(jsonb_set(doc #- '{retention,1}', '{rules,4,stages}', '["dicht_1"]')) l,
	format('%s %s: %s', l.severity, l.path, l.message) f;

-- rules
SELECT pg_temp.lint('{rules,4}', '{"phases": ["dicht"], "offices": ["beheerder"], "purposes": ["nazorg"], "categories": "*", "scope": "all", "may": ["read"], "article": "3.1"}');
SELECT pg_temp.lint('{rules,1,phases}', NULL);
SELECT pg_temp.lint('{rules,4,purposes}', '["bezig"]');
SELECT pg_temp.lint('{rules,4,purposes}', NULL);
SELECT pg_temp.lint('{rules,1,offices}', '[]');
SELECT pg_temp.lint('{rules,1,categories}', '[]');
SELECT pg_temp.lint('{rules,1,may}', '[]');
SELECT pg_temp.lint('{rules,2,may}', '["read", "supply"]');
SELECT pg_temp.lint('{rules,0,scope}', '"own"');
SELECT pg_temp.lint('{rules,0,participants}', 'true');
-- a rule that waits for a gate: one that there is, with an outcome that it has, and not for reading
SELECT pg_temp.lint('{rules,3,after}', '["weging"]');
SELECT pg_temp.lint('{rules,3}', '{"phases": ["bezig"], "offices": ["lid"], "categories": ["feit"], "scope": "own", "participants": true, "may": ["supply"], "after": ["vooraf"], "after_outcomes": ["misschien"], "article": "3.1"}');
SELECT pg_temp.lint('{rules,3}', '{"phases": ["bezig"], "offices": ["lid"], "categories": ["feit"], "scope": "own", "participants": true, "may": ["supply"], "after": ["weging"], "after_outcomes": ["ja"], "article": "3.1"}');
SELECT pg_temp.lint_added('{rules}', '[{"phases": ["bezig"], "offices": ["beheerder"], "categories": ["feit"], "scope": "all", "may": ["supply"], "after": ["weging"], "article": "3.1"}]');
-- rules against each other: a restriction that another rule lifts, and a repetition
SELECT pg_temp.lint_added('{rules}', '[{"phases": ["bezig"], "offices": ["regisseur"], "categories": ["plan"], "scope": "all", "may": ["read"], "article": "3.1"}]');
SELECT pg_temp.lint_added('{rules}', '[{"phases": ["bezig"], "offices": ["regisseur"], "categories": "*", "scope": "all", "may": ["read"], "article": "3.1"}]');
SELECT pg_temp.lint_added('{rules}', '[{"phases": ["bezig"], "offices": ["lid"], "categories": "*", "scope": "all", "participants": true, "may": ["read"], "article": "3.1"}]');
SELECT pg_temp.lint_added('{rules}', '[{"phases": ["open"], "offices": ["beheerder"], "categories": ["naw"], "scope": "all", "may": ["read"], "article": "3.1"}]');
\pset format aligned
\pset tuples_only off

-- loading: refused with every error, for admins only, and then nothing has changed
CREATE ROLE protocol_nobody;
CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(n::text, ',') FROM (SELECT count(*) FROM casus.protocol UNION ALL SELECT count(*) FROM casus.phase
		UNION ALL SELECT count(*) FROM casus.rule UNION ALL SELECT count(*) FROM casus.list_value) s(n) $$;
SELECT casus.load_protocol(pg_temp.changed('{rules,1,offices}', '["directeur"]'));
\echo :LAST_ERROR_SQLSTATE
SELECT casus.load_protocol(pg_temp.changed('{phases}', '[]'));
SELECT casus.load_protocol('7');
CREATE FUNCTION pg_temp.code(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text;
BEGIN
	EXECUTE call;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME;
	RETURN SQLSTATE || ' ' || code;
END $$;
SELECT pg_temp.code($$SELECT casus.load_protocol('{}')$$), pg_temp.code($$SELECT casus.install_protocol('x')$$);
-- no more findings in one error than can be read
SELECT pg_temp.code($$SELECT casus.load_protocol(doc || (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 60) i)) FROM base$$);
DO $$
DECLARE detail text;
BEGIN
	PERFORM casus.load_protocol(doc || (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 60) i)) FROM base;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE NOTICE '% lines, the last one: %', cardinality(string_to_array(detail, E'\n')), substring(detail from '[^\n]*$');
END $$;
SELECT casus.install_protocol('proef-1.0');
\echo :LAST_ERROR_SQLSTATE
SET ROLE protocol_nobody;
SELECT casus.load_protocol('{}');
\echo :LAST_ERROR_SQLSTATE
SELECT casus.install_protocol('beesel-2021');
SELECT count(*) AS lint_is_for_everyone FROM casus.lint_protocol('[]') WHERE path = '$';
RESET ROLE;
SELECT state();
BEGIN;
SELECT casus.load_protocol(doc) FROM base;
SELECT state();
ROLLBACK;
SELECT state();

-- compiled rules go with the rows they were made from: after a rollback the same id is another protocol
CREATE FUNCTION pg_temp.appoint(purpose text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM casus.appoint('protocol p', 'protocol f', NULL, 'beheerder', standing_purpose => purpose);
	RETURN 'appointed';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION pg_temp.try(definition jsonb) RETURNS TABLE (nazorg text, verslag text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM casus.load_protocol(definition), casus.open_file('proef-1.0', 'protocol f'), casus.add_person('protocol p');
	RETURN QUERY SELECT pg_temp.appoint('nazorg'), pg_temp.appoint('verslag');
END $$;
BEGIN;
SELECT * FROM pg_temp.try(pg_temp.changed('{purposes,2,standing}', 'true'));
ROLLBACK;
BEGIN;
SELECT * FROM pg_temp.try(replace(pg_temp.changed('{purposes,2,standing}', 'true')::text, 'nazorg', 'verslag')::jsonb);
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT * FROM pg_temp.try(pg_temp.changed('{purposes,2,standing}', 'true'));
ROLLBACK TO s;
SELECT * FROM pg_temp.try(replace(pg_temp.changed('{purposes,2,standing}', 'true')::text, 'nazorg', 'verslag')::jsonb);
ROLLBACK;

-- loaded: the vocabulary, for everyone
SELECT casus.load_protocol(doc) FROM base;
GRANT SELECT ON base TO protocol_nobody;
SET ROLE protocol_nobody;
SELECT name, title, source, definition = (SELECT doc FROM base) AS is_document FROM casus.protocol;
SELECT * FROM casus.phase ORDER BY ordinal;
SELECT * FROM casus.stage ORDER BY phase, ordinal;
SELECT * FROM casus.purpose ORDER BY ordinal;
SELECT * FROM casus.office ORDER BY ordinal;
SELECT * FROM casus.subject_category ORDER BY ordinal;
SELECT * FROM casus.category ORDER BY ordinal;
SELECT name, phases, decided_by, meeting, present_min, outcomes, jsonb_array_length(details) AS details, after, after_outcomes, article
	FROM casus.gate ORDER BY ordinal;
SELECT * FROM casus.transition ORDER BY ordinal;
SELECT * FROM casus.rule ORDER BY ordinal;
SELECT * FROM casus.list_value ORDER BY list, ordinal;
SELECT name, title FROM casus.shipped_protocol ORDER BY name;
-- the tables behind are nobody's
SELECT count(*) FROM casus_cat.protocol;
RESET ROLE;

-- again: the same document is no change, another one under the same name is an error
SELECT casus.load_protocol(doc) FROM base;
SELECT state();
SELECT casus.load_protocol(pg_temp.changed('{title}', '"Anders"'));
\echo :LAST_ERROR_SQLSTATE
SELECT casus.load_protocol(pg_temp.changed('{name}', '"proef-1.1"'));
SELECT name FROM casus.protocol ORDER BY name;
REVOKE ALL ON base FROM protocol_nobody;
DROP ROLE protocol_nobody;
