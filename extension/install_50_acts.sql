/*
 * install_50_acts.sql
 *		Set-up of files and people, acts on dossiers, and the views on both.
 *
 * Acts are EXECUTE to PUBLIC: who may do them is judged by office, not by
 * GRANT.  Each returns the id of its act, but for open_dossier (the dossier's)
 * and appoint and deputise (the appointment's).
 */

/* ---- files ---- */

CREATE FUNCTION casus.open_file(protocol text, file text, controllers text[] DEFAULT NULL, parameters jsonb DEFAULT '{}')
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_open_file';
COMMENT ON FUNCTION casus.open_file(text, text, text[], jsonb) IS
	'Opens a file under an installed protocol and creates the parties of a closed list. controllers: who is responsible, default those that the protocol names. Nothing opens in it before casus.activate_protocol. For casus_admin (42501 casus.wrong_office); unknown protocol 22023, name taken 42710. Returns the act.';

CREATE FUNCTION casus.set_parameter(file text, name text, value jsonb) RETURNS bigint
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_set_parameter';
COMMENT ON FUNCTION casus.set_parameter(text, text, jsonb) IS
	'Sets a parameter of the protocol for one file; null takes it away. An active file keeps those without which it could not be activated, the DPIA with them (55000 casus.content_missing). For casus_admin; unknown file or parameter, or a value of another type, 22023 (a date is a day of the calendar, as YYYY-MM-DD); that of the term of the log is a whole number of months, 1 to 1200. Returns the act.';

CREATE FUNCTION casus.activate_protocol(file text, dpia text DEFAULT NULL, parameters jsonb DEFAULT '{}') RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_activate_protocol';
COMMENT ON FUNCTION casus.activate_protocol(text, text, jsonb) IS
	'Activates the protocol in a file: from then on dossiers open and people enter. dpia: reference of the data protection impact assessment; left out: that of parameter dpia, if it is set and the file not active yet. Refused (55000 casus.content_missing) while that or a mandatory parameter is missing; the detail lists them with their articles. For casus_admin. Returns the act.';

CREATE FUNCTION casus.add_party(file text, party text, kind text DEFAULT NULL, title text DEFAULT NULL, starts timestamptz DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_add_party';
COMMENT ON FUNCTION casus.add_party(text, text, text, text, timestamptz) IS
	'Adds an organisation or department to a file, from a moment on (default now), or lets one whose membership ended take part again. Refused with the article (22023) where the protocol has a closed list, e.g. Beesel Bijlage 8. For casus_admin. Returns the act.';

CREATE FUNCTION casus.end_membership(file text, party text, reason text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_end_membership';
COMMENT ON FUNCTION casus.end_membership(text, text, text) IS
	'Ends the membership of a party, now, with the appointments held for it, its taking part in dossiers and what is shared with it: none of it comes back with the party (casus.add_party). What it brought in stays under the protocol. For casus_admin. Returns the act. Errors: 22023 no such party, or no member now; 40001 changed at the same time.';

/* ---- people ---- */

CREATE FUNCTION casus.add_person(name text, role regrole DEFAULT NULL, oath_on date DEFAULT NULL, vog_on date DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_add_person';
COMMENT ON FUNCTION casus.add_person(text, regrole, date, date) IS
	'Makes a person known by a unique name, with his database role and the dates of ambtseed and VOG. A role belongs to one person and matches exactly, by name and oid together, not by membership (22023 when it is somebody else''s, 42710 when the name is taken). A date in the future is refused (22023). For casus_admin. Returns the act.';

CREATE FUNCTION casus.bind_person(name text, role regrole) RETURNS bigint
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_bind_person';
COMMENT ON FUNCTION casus.bind_person(text, regrole) IS
	'Binds a person to a database role, after a restore or when the role was renamed or made anew. For casus_admin; unknown person, or a role that is somebody else''s: 22023. Returns the act.';

CREATE FUNCTION casus.set_oath(name text, oath_on date DEFAULT NULL, vog_on date DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_set_oath';
COMMENT ON FUNCTION casus.set_oath(text, date, date) IS
	'Records when a person took the ambtseed or got a VOG; a date left out stays as it was, one in the future is refused (22023). For casus_admin. Returns the act.';

CREATE FUNCTION casus.appoint(person text, file text, party text, office text, dossier bigint DEFAULT NULL,
		starts timestamptz DEFAULT NULL, ends timestamptz DEFAULT NULL, reason text DEFAULT NULL,
		standing_purpose text DEFAULT NULL, may_session boolean DEFAULT false)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_appoint';
COMMENT ON FUNCTION casus.appoint(text, text, text, text, bigint, timestamptz, timestamptz, text, text, boolean) IS
	'Appoints a person to an office of a file from starts (default now) until ends (default open). An office of the file takes no party, one of a party takes a party, one of a dossier takes a dossier (22023 casus.wrong_office). Refused (55000) without the ambtseed or VOG that the office asks for, or beside an office that excludes it. For one dossier, not once it has ended (casus.wrong_phase); where the protocol says needs_party, for a party that takes part in it (55000 casus.not_involved), and ended with its part. Done by whom the protocol says: casus_admin or an office. In which dossiers a person who had left the office took part by name (casus.involve) is decided anew. standing_purpose, may_session: only purposes that the protocol marks so. Returns the appointment.';

CREATE FUNCTION casus.deputise(appointment bigint, person text, starts timestamptz DEFAULT NULL, ends timestamptz DEFAULT NULL, reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_deputise';
COMMENT ON FUNCTION casus.deputise(bigint, text, timestamptz, timestamptz, text) IS
	'Lets another person hold the office of an appointment for a time (starts: default now; ends: default with it), no sooner and at most as long as the appointment itself (starts and ends that lie outside it become its own), which may be that of a deputy; he must satisfy all that casus.appoint asks. Returns the appointment of the deputy.';

CREATE FUNCTION casus.end_appointment(appointment bigint, reason text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_end_appointment';
COMMENT ON FUNCTION casus.end_appointment(bigint, text) IS
	'Ends an appointment and those of its deputies, and of theirs, now; it binds the next statement of every session. Done by whoever may appoint. Returns the act.';

/* ---- dossiers ---- */

CREATE FUNCTION casus.open_dossier(file text, details jsonb DEFAULT NULL, motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_open_dossier';
COMMENT ON FUNCTION casus.open_dossier(text, jsonb, text) IS
	'Opens a dossier in the initial phase of an activated file (else 55000). Done by an office that may supply there, e.g. the coordinator (Beesel art. 1.22, 1.27). details: what is told at opening, of the keys that the gates of the initial phase ask for; there it counts as given. Refused (55000) before the startdatum of the file. Refusals: casus.content_missing (a key that no such gate knows, or a value not of its type or list), casus.no_appointment, casus.wrong_office, casus.ambiguous_capacity. Returns the id of the dossier.';

CREATE FUNCTION casus.decide(dossier bigint, gate text, outcome text, motivation text DEFAULT NULL, details jsonb DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_decide';
COMMENT ON FUNCTION casus.decide(bigint, text, text, text, jsonb) IS
	'Records the decision at a gate: outcome and detail keys as casus.gate lists them; a meeting also names those present (key aanwezig: names of persons). Counts during this stay of the dossier in its phase; the newest counts. 55000 for another outcome, or without a party with which items are shared, while something rests on the decision that it takes the place of: a later gate, items shared by it. Refusals with the article: casus.wrong_office, casus.wrong_phase, casus.gate_missing (another gate comes first), casus.content_missing (lists every key that is missing or wrong, also one that is not asked for here, or that the gate does not know). A key whose values are those of a parameter of the file is filled in where that holds one value. Returns the act.';

CREATE FUNCTION casus.revoke_decision(act bigint, motivation text) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_revoke_decision';
COMMENT ON FUNCTION casus.revoke_decision(bigint, text) IS
	'Takes back a decision (its act, as casus.decide returned it), by the office that decides the gate, in the stay in which it was taken, while nothing rests on it (55000: a later gate, items shared by it). One that ended the dossier can be revoked until the end of the next day, or as long as revocation.days of the protocol says: the dossier is back in the phase before, as a new stay, and its clock stands still. Refusals: casus.wrong_phase (the dossier has gone on, or the term has passed), casus.wrong_office, casus.no_appointment; 22023 casus.content_missing without motivation. Returns the act.';

CREATE VIEW casus_int.standing WITH (security_barrier) AS
	SELECT d.dossier, d.gate, d.outcome, d.act, d.decided_on
	FROM casus_cat.decision d
	JOIN casus_cat.act a ON a.id = d.act AND a.state = 'effective'
	JOIN casus_cat.dossier s ON s.id = d.dossier AND s.phase = d.phase AND a.at >= s.phase_since
	WHERE d.revoked_by IS NULL;
COMMENT ON VIEW casus_int.standing IS
	'Decisions of the present stay of each dossier in its phase that have not been revoked; the newest of a gate counts.';

CREATE VIEW casus_int.ending WITH (security_barrier) AS
	SELECT s.id AS dossier, t.protocol, t.ordinal, t.to_phase, t.gate, pg_catalog.min(d.decided_on) AS since
	FROM casus_cat.dossier s
	JOIN casus_cat.file f ON f.id = s.file
	JOIN casus_cat.transition t ON t.protocol = f.protocol AND t.from_phase = s.phase
	JOIN casus_cat.phase p ON p.protocol = t.protocol AND p.code = t.to_phase AND p.is_terminal
	JOIN casus_int.standing d ON d.dossier = s.id AND d.gate = t.gate AND d.outcome = ANY (t.outcomes)
	WHERE NOT EXISTS (SELECT FROM casus_int.standing l
		WHERE l.dossier = s.id AND l.gate = t.gate AND l.act > d.act AND l.outcome <> ALL (t.outcomes))
	GROUP BY s.id, t.protocol, t.ordinal, t.to_phase, t.gate;
COMMENT ON VIEW casus_int.ending IS
	'Dossiers of which a gate has decided that they end and that have not ended yet: the transition that it opens, and since which day it has been so decided, whatever was decided again the same way.';

CREATE FUNCTION casus.advance(dossier bigint, phase text, motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_advance';
COMMENT ON FUNCTION casus.advance(bigint, text, text) IS
	'Moves a dossier to a phase that its protocol lets follow on the present one, once the gate to it has been decided with the right outcome. A terminal phase starts the retention clock at the day of that decision. Refusals with the article: casus.wrong_phase, casus.wrong_office, casus.gate_missing. Returns the act.';

CREATE FUNCTION casus.close_dossier(dossier bigint, motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_close_dossier';
COMMENT ON FUNCTION casus.close_dossier(bigint, text) IS
	'casus.advance into the closing phase of the protocol (Beesel: afsluiten, art. 1.33). Returns the act.';

CREATE FUNCTION casus.involve(dossier bigint, party text DEFAULT NULL, person text DEFAULT NULL, office text DEFAULT NULL, reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_involve';
COMMENT ON FUNCTION casus.involve(bigint, text, text, text, text) IS
	'Lets a party with all its delegates, or one person, take part in a dossier from now on. office: default the one held for parties; an office held for one dossier appoints the person to it, as casus.appoint does. Done by an office that decides a gate of the phase. Refusals: casus.wrong_office; casus.wrong_phase for a dossier that has ended; unknown party or person 22023. Returns the act.';

CREATE FUNCTION casus.end_involvement(dossier bigint, party text DEFAULT NULL, person text DEFAULT NULL, reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_end_involvement';
COMMENT ON FUNCTION casus.end_involvement(bigint, text, text, text) IS
	'Ends the part that a party or a person takes in a dossier, now, and the office he holds for this dossier only, with those of his deputies in it. With the part of a party end the offices held for it in this dossier where the protocol says needs_party (Beesel: its casusregisseur). 22023 casus.not_involved when there is none. Returns the act.';

CREATE FUNCTION casus.share(dossier bigint, items bigint[], parties text[], motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_share';
COMMENT ON FUNCTION casus.share(bigint, bigint[], text[], text) IS
	'Lets parties see items of a dossier (numbers of casus.item_of), or with items NULL the whole dossier, in the phases where the protocol lets shared items be seen. Decided in such a phase, or in the one before it once its gate is decided (casus.gate_missing, casus.wrong_phase); in the one before, only with parties that the newest decision of that gate names, where it names parties (casus.content_missing). Seen by delegates of parties that take part. A number that no row of the dossier bears, or none that the caller reads, is refused (casus.no_appointment); every protected table of the database is looked through for them. Returns the act.';

CREATE FUNCTION casus.unshare(dossier bigint, items bigint[], parties text[], motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_unshare';
COMMENT ON FUNCTION casus.unshare(bigint, bigint[], text[], text) IS
	'Takes back what was shared, now; items NULL: everything. One item of a dossier that is shared as a whole cannot be taken back alone (55000). Returns the act.';

CREATE FUNCTION casus.checklist(dossier bigint)
	RETURNS TABLE (gate text, decided_by text, outcomes text, leads_to text, key text, type text, list text, is_met boolean, article text)
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_checklist';
COMMENT ON FUNCTION casus.checklist(bigint) IS
	'What the present phase of a dossier still asks: per gate one row without key (is it decided) and one per detail key (is it given; never its value), with the list or parameter it takes values from and the article. For whoever may know of the dossier, else 42501 casus.no_appointment.';

/* ---- beside the rules ---- */

CREATE FUNCTION casus.break_glass(reason text, dossier bigint, duration interval DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_break_glass';
COMMENT ON FUNCTION casus.break_glass(text, bigint, interval) IS
	'Emergency: opens all rows of a dossier for reading to the caller''s role (every session of it), from the commit of this act until the duration is over (default and maximum: break_glass.hours of the protocol, 8 where it says nothing), casus.end_opening or casus.leave. For whoever holds an office in the file of the dossier, and for casus_admin and superusers. Each read is logged with the act; casus.opening shows it to the offices that review. Refused: 42501 casus.no_appointment (no such dossier for the caller), casus.second_person (an earlier one is over and not reviewed: his own, on this dossier, or, for casus_admin, of any of them), casus.bypass (from a SECURITY DEFINER function); 22023 without a reason or for too long; 55000 while it is open already. Does not open a dossier past its retention. Returns the act. Beesel art. 12.1.';

CREATE FUNCTION casus.break_glass(reason text, relation regclass, key text, duration interval) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_break_glass_row';
COMMENT ON FUNCTION casus.break_glass(text, regclass, text, interval) IS
	'As casus.break_glass(text, bigint, interval), for the dossier of the row of a protected table with this primary key (one column), which need not be visible to the caller; duration NULL: as long as the protocol allows. casus.no_appointment also where there is no such row or it is outside the protocol; 22023 when the table is not protected or has no such key. The attempt is on record before the row is looked up.';

CREATE FUNCTION casus.inspect(dossier bigint, reason text, duration interval DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_inspect';
COMMENT ON FUNCTION casus.inspect(bigint, text, interval) IS
	'A supervisor looks at the content of a dossier: opens it for reading as casus.break_glass does, for the purpose that the protocol gives the office (casus.office.inspects; Beesel: fg, toezicht, art. 24.3), one hour unless said otherwise, at most as long as break-glass. Needs no review; casus.opening shows it to the offices that review. Refused: casus.no_appointment, casus.wrong_office, casus.bypass. Returns the act.';

CREATE FUNCTION casus.inspect(relation regclass, key text, reason text, duration interval) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_inspect_row';
COMMENT ON FUNCTION casus.inspect(regclass, text, text, interval) IS
	'As casus.inspect(bigint, text, interval), for the dossier of the row of a protected table with this primary key (one column), which need not be visible to the caller; duration NULL: the default. casus.no_appointment also where there is no such row or it is outside the protocol; 22023 when the table is not protected or has no such key. The attempt is on record before the row is looked up.';

CREATE FUNCTION casus.end_opening(act bigint, motivation text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_end_opening';
COMMENT ON FUNCTION casus.end_opening(bigint, text) IS
	'Ends now what the caller has opened by the act of casus.break_glass or casus.inspect. 22023 when nothing is open to him by it.';

CREATE FUNCTION casus.review_break_glass(act bigint, outcome text, motivation text) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_review_break_glass';
COMMENT ON FUNCTION casus.review_break_glass(bigint, text, text) IS
	'Judges a break-glass (its act): outcome justified or not_justified, with motivation. By an office of the file that the protocol names (casus.office.reviews), never by who opened, who has one of his own to be reviewed in the file, or who was appointed by the one he judges since (42501 casus.second_person). Ends one that still runs. Returns the act.';

CREATE FUNCTION casus_int.sees_opening(file integer, person integer, role_name name) RETURNS boolean
	LANGUAGE c STABLE CALLED ON NULL INPUT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_sees_opening';
COMMENT ON FUNCTION casus_int.sees_opening(integer, integer, name) IS
	'May the caller see an opening: casus_auditor, who made it, offices of the file that review or inspect.';

/* ---- explanations ---- */

CREATE FUNCTION casus.why(relation regclass, dossier bigint)
	RETURNS TABLE (verb text, allowed boolean, items text, categories text, code text, article text, reason text, hint text, column_name text)
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_why';
COMMENT ON FUNCTION casus.why(regclass, bigint) IS
	'Which rule, article and check grant or refuse the caller in his present capacity: a row for each verb (read, supply, correct, remove), whose items (another''s, own) and group of categories with the same verdict (* for all). code is the code a refusal would carry. With column_name: a column of a category of its own that is barred to him in rows which he does read. Says nothing about a dossier that the caller may not know of.';

CREATE FUNCTION casus.my_purposes()
	RETURNS TABLE (file text, office text, party text, dossier bigint, purpose text, title text, since timestamptz, until timestamptz, is_standing boolean, call text, reads boolean)
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_my_purposes';
COMMENT ON FUNCTION casus.my_purposes() IS
	'The offices that the caller holds now and the purposes that each may enter, with the call that takes it up (for who inspects: casus.inspect). reads: a rule gives the office content for this purpose; without it nothing shows. Empty for a role that is no person known to casus.';

CREATE FUNCTION casus.explain_access(person text, relation regclass, dossier bigint, verb text DEFAULT 'read')
	RETURNS TABLE (role text, file text, office text, party text, purpose text, for_verb text, allowed boolean, items text, categories text, code text, article text, reason text, hint text, column_name text)
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_explain_access';
COMMENT ON FUNCTION casus.explain_access(text, regclass, bigint, text) IS
	'Which rule, article and check grant or refuse a person access to a dossier: a row for each office he holds in its file, purpose for which a rule gives that office the verb (read, the default, supply, correct, remove), whose items and group of categories with the same verdict. column_name as in casus.why. role NULL: he has no role to log in with now. Rules only, never content. relation NULL: whatever the table. For casus_admin, casus_auditor and offices that review or inspect in the file; to others, and for a dossier that is not there, 42501 casus.wrong_office; unknown person or verb 22023.';

CREATE FUNCTION casus.dossier_of(relation regclass, key text) RETURNS bigint
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_dossier_of_text';
COMMENT ON FUNCTION casus.dossier_of(regclass, text) IS
	'The dossier of the row of a protected table with this primary key (one column), read with the caller''s own rights: NULL when there is no such row for him, or it is outside the protocol. 22023 when the table is not protected or has no such key.';

CREATE FUNCTION casus.dossier_of(relation regclass, key jsonb) RETURNS bigint
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_dossier_of_jsonb';
COMMENT ON FUNCTION casus.dossier_of(regclass, jsonb) IS
	'As casus.dossier_of(regclass, text), for a primary key of any number of columns: {"column": value, ...}.';

/* ---- who sees which row of the views ---- */

CREATE FUNCTION casus_int.sees_dossier(dossier bigint) RETURNS boolean
	LANGUAGE c STABLE CALLED ON NULL INPUT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_sees_dossier';
COMMENT ON FUNCTION casus_int.sees_dossier(bigint) IS
	'May the caller know of the dossier: an office of its file; taking part in it, in a phase or retention stage in which this office reads something, decides or moves it on; or casus_auditor. NULL (acts about no dossier): casus_admin and casus_auditor.';

CREATE FUNCTION casus_int.reads_dossier(dossier bigint, act bigint) RETURNS boolean
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_reads_dossier';
COMMENT ON FUNCTION casus_int.reads_dossier(bigint, bigint) IS
	'May the caller, in his present capacity, read the dossier as a whole: then its motivations and details too. Where he may, what is written of this act is on record as read by him. Behind casus.act_log and casus.decision.';

CREATE FUNCTION casus_int.sees_file(file integer) RETURNS boolean
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_sees_file';
COMMENT ON FUNCTION casus_int.sees_file(integer) IS
	'May the caller see what stands about the file: any appointment in it, casus_admin, casus_auditor.';

CREATE FUNCTION casus_int.sees_person(person integer, file integer) RETURNS boolean
	LANGUAGE c STABLE CALLED ON NULL INPUT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_sees_person';
COMMENT ON FUNCTION casus_int.sees_person(integer, integer) IS
	'May the caller see the person (in a file): himself, an office of the whole file, casus_admin, casus_auditor.';

/* ---- views ---- */

/*
 * Each keeps rows back, and OFFSET 0 stands above that check: the planner takes
 * no condition of the statement's below it.  It would else take down whatever
 * leaks no column, as a CASE one of whose arms fails, and in a UNION ALL all of
 * it.  Comparisons with a constant, which cannot fail and may have an index, are
 * put below it before planning (guard_view.c).  What was written about dossiers
 * is computed above it, of the rows that the conditions have left.
 */

CREATE VIEW casus.file WITH (security_barrier) AS
	SELECT f.name, p.name AS protocol, f.controllers, f.parameters, f.second_person, f.opened_at, f.activated_at
	FROM casus_cat.file f JOIN casus_cat.protocol p ON p.id = f.protocol
	WHERE casus_int.sees_file(f.id)
	OFFSET 0;
COMMENT ON VIEW casus.file IS
	'Files with their protocol, controllers and parameters; activated_at NULL: nothing opens yet. Seen by whoever holds an appointment in the file, casus_admin and casus_auditor.';

CREATE VIEW casus.party WITH (security_barrier) AS
	SELECT f.name AS file, y.name, y.title, y.kind, y.starts, y.ends
	FROM casus_cat.party y JOIN casus_cat.file f ON f.id = y.file
	WHERE casus_int.sees_file(f.id)
	OFFSET 0;
COMMENT ON VIEW casus.party IS
	'Parties of a file (organisations or departments) with the period of their membership. Seen as casus.file.';

CREATE VIEW casus.person WITH (security_barrier) AS
	SELECT p.name, r.role_name, p.oath_on, p.vog_on, p.added_at,
		r.person IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_roles g WHERE g.oid = r.role_oid AND g.rolname = r.role_name) AS is_bound
	FROM casus_cat.person p LEFT JOIN casus_cat.person_role r ON r.person = p.id
	WHERE casus_int.sees_person(p.id, NULL)
		OR EXISTS (SELECT FROM casus_cat.appointment a WHERE a.person = p.id AND casus_int.sees_person(p.id, a.file))
	OFFSET 0;
COMMENT ON VIEW casus.person IS
	'Persons, their database role, dates of ambtseed and VOG; is_bound: the role exists under that name and oid. Seen by oneself, by offices of a whole file in which the person holds an appointment, by casus_admin and casus_auditor.';

CREATE VIEW casus.appointment WITH (security_barrier) AS
	SELECT a.id, p.name AS person, f.name AS file, o.name AS office, y.name AS party, a.dossier,
		a.starts, a.ends, a.deputy_for, u.name AS standing_purpose, a.may_session, a.reason,
		a.starts <= pg_catalog.clock_timestamp() AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()) AS holds_now
	FROM casus_cat.appointment a
	JOIN casus_cat.person p ON p.id = a.person
	JOIN casus_cat.file f ON f.id = a.file
	JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office
	LEFT JOIN casus_cat.party y ON y.file = a.file AND y.code = a.party
	LEFT JOIN casus_cat.purpose u ON u.protocol = f.protocol AND u.code = a.standing_purpose
	WHERE casus_int.sees_person(a.person, a.file)
	OFFSET 0;
COMMENT ON VIEW casus.appointment IS
	'Appointments past, present and to come: office of a file, a party or one dossier. Seen by the person, by offices of the whole file, casus_admin and casus_auditor.';

CREATE VIEW casus.dossier WITH (security_barrier) AS
	SELECT d.id, f.name AS file, h.name AS phase, d.phase_since, d.clock, d.opened_at, d.closed_at, d.is_taken_in
	FROM casus_cat.dossier d
	JOIN casus_cat.file f ON f.id = d.file
	JOIN casus_cat.phase h ON h.protocol = f.protocol AND h.code = d.phase
	WHERE casus_int.sees_dossier(d.id)
	OFFSET 0;
COMMENT ON VIEW casus.dossier IS
	'Dossiers: phase, since when, clock (the day the retention clock started). Only those that the caller may know of: an office of the file; taking part, while the dossier is in a phase or retention stage in which this office reads something, decides or moves it on; casus_auditor.';

CREATE VIEW casus.participant WITH (security_barrier) AS
	SELECT t.dossier, y.name AS party, p.name AS person, o.name AS office, t.starts, t.ends
	FROM casus_cat.participant t
	JOIN casus_cat.dossier d ON d.id = t.dossier
	JOIN casus_cat.file f ON f.id = d.file
	JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = t.office
	LEFT JOIN casus_cat.party y ON y.file = d.file AND y.code = t.party
	LEFT JOIN casus_cat.person p ON p.id = t.person
	WHERE casus_int.sees_dossier(t.dossier)
	UNION ALL
	SELECT a.dossier, y.name, p.name, o.name, a.starts, a.ends
	FROM casus_cat.appointment a
	JOIN casus_cat.file f ON f.id = a.file
	JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office
	JOIN casus_cat.person p ON p.id = a.person
	LEFT JOIN casus_cat.party y ON y.file = a.file AND y.code = a.party
	WHERE a.dossier IS NOT NULL AND casus_int.sees_dossier(a.dossier)
	OFFSET 0;
COMMENT ON VIEW casus.participant IS
	'Who takes part in a dossier, in which office, over which period: a party with all its delegates, a person, or whoever holds an office for this dossier. Seen as casus.dossier.';

CREATE VIEW casus.sharing WITH (security_barrier) AS
	SELECT s.dossier, nullif(s.item, 0) AS item, y.name AS party, s.starts, s.ends, s.act
	FROM casus_cat.sharing s
	JOIN casus_cat.dossier d ON d.id = s.dossier
	JOIN casus_cat.party y ON y.file = d.file AND y.code = s.party
	WHERE casus_int.sees_dossier(s.dossier)
	OFFSET 0;
COMMENT ON VIEW casus.sharing IS
	'What is or was shared with which party; item NULL: the whole dossier. Seen as casus.dossier.';

CREATE VIEW casus.act_log WITH (security_barrier) AS
	SELECT r.id, r.at, r.kind, r.state, r.file, r.dossier, r.person, r.role_name, r.actor_kind, r.office, r.party, r.purpose, r.controller,
		CASE WHEN r.dossier IS NULL OR casus_int.reads_dossier(r.dossier, r.act) THEN r.motivation END AS motivation,
		CASE WHEN r.dossier IS NULL OR casus_int.reads_dossier(r.dossier, r.act) THEN r.details END AS details
	FROM (SELECT a.id, a.at, a.kind, a.state, f.name AS file, a.dossier, p.name AS person, a.role_name, a.actor_kind,
		o.name AS office, y.name AS party, u.name AS purpose, a.controller, c.act, c.motivation, c.details
	FROM casus_cat.act a
	LEFT JOIN casus_cat.act_content c ON c.act = a.id
	LEFT JOIN casus_cat.file f ON f.id = a.file
	LEFT JOIN casus_cat.person p ON p.id = a.person
	LEFT JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office
	LEFT JOIN casus_cat.party y ON y.file = a.file AND y.code = a.party
	LEFT JOIN casus_cat.purpose u ON u.protocol = f.protocol AND u.code = a.purpose
	WHERE casus_int.sees_dossier(a.dossier)
	OFFSET 0) r;
COMMENT ON VIEW casus.act_log IS
	'Acts that took effect: who (actor_kind l login, r role set, t token), in which office and party, for which purpose, which controller is responsible. Motivation and details are content: only for whoever reads the dossier now, NULL to others; to read them is on record as a read of the dossier (casus.access_log, relation casus_cat.act_content, row_counts: acts), and a copy of them is refused as one of governed rows is. Acts about no dossier are for casus_admin and casus_auditor, the others as casus.dossier.';

CREATE VIEW casus.decision WITH (security_barrier) AS
	SELECT r.act, r.dossier, r.gate, r.outcome, r.phase, r.decided_on, r.person, r.office, r.revoked_by,
		CASE WHEN casus_int.reads_dossier(r.dossier, r.content) THEN r.motivation END AS motivation,
		CASE WHEN casus_int.reads_dossier(r.dossier, r.content) THEN r.details END AS details
	FROM (SELECT d.act, d.dossier, g.name AS gate, d.outcome, h.name AS phase, d.decided_on, p.name AS person, o.name AS office,
		d.revoked_by, c.act AS content, c.motivation, c.details
	FROM casus_cat.decision d
	JOIN casus_cat.act a ON a.id = d.act
	LEFT JOIN casus_cat.act_content c ON c.act = a.id
	JOIN casus_cat.file f ON f.id = a.file
	JOIN casus_cat.gate g ON g.protocol = f.protocol AND g.code = d.gate
	JOIN casus_cat.phase h ON h.protocol = f.protocol AND h.code = d.phase
	LEFT JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office
	LEFT JOIN casus_cat.person p ON p.id = a.person
	WHERE casus_int.sees_dossier(d.dossier)
	OFFSET 0) r;
COMMENT ON VIEW casus.decision IS
	'Decisions at gates, by whom and when; motivation and details as in casus.act_log. Seen as casus.dossier.';

CREATE VIEW casus.opening WITH (security_barrier) AS
	SELECT g.act, g.kind, f.name AS file, g.dossier, p.name AS person, g.role_name, g.as_admin, o.name AS office, u.name AS purpose,
		g.starts, g.ends, g.starts <= pg_catalog.clock_timestamp() AND g.ends > pg_catalog.clock_timestamp() AS is_open,
		CASE WHEN casus_int.sees_opening(g.file, g.person, g.role_name) THEN c.motivation END AS reason,
		CASE WHEN g.kind = 'break_glass' THEN g.review IS NOT NULL END AS is_reviewed,
		g.outcome, r.at AS reviewed_at, q.name AS reviewed_by,
		CASE WHEN casus_int.sees_opening(g.file, g.person, g.role_name) THEN x.motivation END AS review
	FROM casus_cat.opening g
	JOIN casus_cat.file f ON f.id = g.file
	LEFT JOIN casus_cat.person p ON p.id = g.person
	LEFT JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = g.office
	LEFT JOIN casus_cat.purpose u ON u.protocol = f.protocol AND u.code = g.purpose
	LEFT JOIN casus_cat.act_content c ON c.act = g.act
	LEFT JOIN casus_cat.act r ON r.id = g.review
	LEFT JOIN casus_cat.person q ON q.id = r.person
	LEFT JOIN casus_cat.act_content x ON x.act = g.review
	WHERE casus_int.sees_opening(g.file, g.person, g.role_name)
	OFFSET 0;
COMMENT ON VIEW casus.opening IS
	'Dossiers opened beside the rules: kind break_glass or inspect, who, when, until when, the reason, and for break-glass the review (outcome justified or not_justified). as_admin: by a casus_admin, not in an office. What was read under it: casus.access_log, column opening. Seen by casus_auditor, by who opened, and by the offices of the file that review or inspect (casus.office).';

GRANT SELECT ON casus.opening, casus.file, casus.party, casus.person, casus.appointment, casus.dossier, casus.participant,
	casus.sharing, casus.act_log, casus.decision TO PUBLIC;
