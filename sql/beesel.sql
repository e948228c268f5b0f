-- The shipped document beesel-2021 against its source: Privacy Protocol Aanpak ondermijning, gemeente Beesel, 2021.
\set VERBOSITY default
SET datestyle = 'ISO';
SELECT l.* FROM casus.shipped_protocol p, casus.lint_protocol(p.definition) l WHERE p.name = 'beesel-2021';
SELECT casus.install_protocol('beesel-2021');
SELECT casus.install_protocol('beesel-2021');
SELECT name, title FROM casus.protocol;

-- 1.36, 15.1, 26.1: what must be set before activation
SELECT p.value ->> 'name' AS parameter, p.value ->> 'type' AS type, p.value ->> 'mandatory' AS mandatory, p.value ->> 'article' AS article
	FROM casus.protocol, jsonb_array_elements(definition -> 'parameters') p;

-- [B-1] Bijlage 8: twelve departments, and no others
SELECT definition -> 'parties' ->> 'closed' AS closed, definition -> 'parties' ->> 'article' AS article FROM casus.protocol;
SELECT ordinal, value, title FROM casus.list_value WHERE list = 'parties' ORDER BY ordinal;

-- [B-3] coordinator and procesregisseur are one office; [B-4] a casusregisseur is of one casus; [B-49] ambtseed or VOG;
-- [B-74] the FG supervises, so he decides nothing
SELECT name, title, level, needs_oath, excludes, article FROM casus.office ORDER BY ordinal;
SELECT count(*) AS fg_and_controller_read_nothing FROM casus.rule WHERE office IN ('fg', 'verwerkingsverantwoordelijke');
SELECT count(*) AS decided_by_fg FROM casus.gate WHERE decided_by = 'fg';

-- [B-5] college and burgemeester, each for his own powers; [B-23] powers of 6.4 and Bijlage 9, or another one
SELECT c.value ->> 'name' AS controller, c.value ->> 'article' AS article FROM casus.protocol, jsonb_array_elements(definition -> 'controllers') c;
SELECT value, controller, article FROM casus.list_value WHERE list = 'bevoegdheden' ORDER BY ordinal;

-- [B-7] seven phases and the ends, each with its own purpose and the steps of Bijlage 3; other purposes see no content
SELECT name, is_initial, is_terminal, is_closing, article FROM casus.phase ORDER BY ordinal;
SELECT u.name, u.phases, u.is_standing, u.is_session, jsonb_array_length(d.value -> 'steps') AS steps, u.article
	FROM casus.purpose u, casus.protocol p, jsonb_array_elements(p.definition -> 'purposes') d
	WHERE d.value ->> 'name' = u.name ORDER BY u.ordinal;
SELECT count(*) AS rules_for_another_phase FROM casus.rule WHERE purpose <> phase;
-- [B-89] art. 6.5: 3.5.a binds whatever is done with data, by whatever office: no verb has a rule past the purpose of the phase;
-- what 7.1 keeps out is in no category (below)
SELECT v.verb, count(*) > 0 AS has_rules, count(*) FILTER (WHERE r.purpose <> r.phase OR r.article = '') AS past_it
	FROM casus.rule r, unnest(r.may) v(verb) GROUP BY v.verb ORDER BY v.verb;

-- Bijlage 1: indicators by group
SELECT part, count(*) FROM casus.list_value WHERE list = 'indicatoren' GROUP BY part ORDER BY min(ordinal);
SELECT value, title, article FROM casus.list_value WHERE list = 'indicatoren' AND value LIKE '%abc%' ORDER BY value;

-- [B-13] Bijlage 5 cat. 1, [B-15] relations: personalia, address, contact; [B-16] aandrager: organisation and business contact
SELECT s.name AS subject, s.article, array_agg(c.name ORDER BY c.ordinal) AS categories
	FROM casus.subject_category s JOIN casus.category c ON s.name = ANY (c.subjects) AND c.article LIKE 'Bijlage 5%'
	GROUP BY s.name, s.article, s.ordinal ORDER BY s.ordinal;
-- what the case itself needs, beside Bijlage 5; [B-26] the fact of a decision only
SELECT name, subjects, article, title FROM casus.category WHERE article NOT LIKE 'Bijlage 5%' ORDER BY ordinal;
-- [B-24] [B-89] received police data and the BSN are no category; nothing may be kept about just anyone
SELECT count(*) FROM casus.category WHERE name ~ 'politie|bsn|burgerservice' OR is_for_any;
SELECT count(*) AS burgemeester_is_no_source FROM casus.list_value WHERE list = 'bronnen' AND value ~ 'burgemeester|politie';	-- [B-25]

-- [B-29] to [B-34] what may be brought in, phase by phase, only what that phase is for
SELECT phase, office, scope, categories, article FROM casus.rule WHERE 'supply' = ANY (may) ORDER BY ordinal;

-- [B-9] [B-19] [B-38] who reads, phase by phase; [B-93] until the overleg the coordinator alone
SELECT coalesce(stage, phase) AS state, office, scope, participants, cardinality(categories) AS categories, article
	FROM casus.rule WHERE 'read' = ANY (may) ORDER BY ordinal;

-- [B-41] [B-42] [B-43] retention, and the day on which each stage ends for a decision of 31 August 2023
SELECT s.phase, s.name, s.until, casus.due_on(s.until, '2023-08-31') AS day, s.article,
	(SELECT string_agg(DISTINCT r.office, ', ') FROM casus.rule r WHERE r.stage = s.name AND 'read' = ANY (r.may)) AS readers
	FROM casus.stage s ORDER BY s.phase, s.ordinal;

-- [B-77] [B-78] intake; [B-79] zwaarte: one of eleven criteria and an explanation; [B-80] where it is handled best;
-- [B-81] the FG on deviation; [B-83] hits; [B-84] sharing; [B-85] the overleg; [B-88] closing is decided by the overleg
SELECT name, phases, decided_by, meeting, present_min, outcomes, after, after_outcomes, article FROM casus.gate ORDER BY ordinal;
SELECT g.name AS gate, d.value ->> 'key' AS key, d.value ->> 'type' AS type, d.value ->> 'from' AS "from", d.value ->> 'min' AS min,
	d.value ->> 'equals' AS equals, d.value ->> 'when' AS "when", d.value ->> 'outcomes' AS outcomes, d.value ->> 'article' AS article
	FROM casus.gate g, jsonb_array_elements(g.details) WITH ORDINALITY d ORDER BY g.ordinal, d.ordinality;
SELECT ordinal, value, article FROM casus.list_value WHERE list = 'criteria' ORDER BY ordinal;
SELECT list, array_agg(value ORDER BY ordinal) FROM casus.list_value WHERE list IN ('aandragers', 'bekendheid', 'bronnen', 'standaard') GROUP BY list ORDER BY list;

-- transitions: no way back, no phase skipped, nothing leaves the end
SELECT from_phase, to_phase, gate, outcomes, offices, article FROM casus.transition ORDER BY ordinal;
SELECT t.from_phase, t.to_phase FROM casus.transition t
	JOIN casus.phase a ON a.name = t.from_phase JOIN casus.phase b ON b.name = t.to_phase
	WHERE a.is_terminal OR (NOT b.is_terminal AND b.ordinal <> a.ordinal + 1);

-- every rule, gate, transition, category and stage cites its article
SELECT count(*) FROM (SELECT article FROM casus.rule UNION ALL SELECT article FROM casus.gate UNION ALL SELECT article FROM casus.transition
	UNION ALL SELECT article FROM casus.category UNION ALL SELECT article FROM casus.stage UNION ALL SELECT article FROM casus.list_value
	UNION ALL SELECT article FROM casus.office UNION ALL SELECT article FROM casus.purpose UNION ALL SELECT article FROM casus.phase) a
	WHERE article !~ '[0-9]';
