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
	'Sets a parameter of the protocol for one file. For casus_admin; unknown file or parameter 22023. Returns the act.';

CREATE FUNCTION casus.activate_protocol(file text, dpia text DEFAULT NULL, parameters jsonb DEFAULT '{}') RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_activate_protocol';
COMMENT ON FUNCTION casus.activate_protocol(text, text, jsonb) IS
	'Activates the protocol in a file: from then on dossiers open and people enter. dpia: reference of the data protection impact assessment. Refused (55000 casus.content_missing) while that or a mandatory parameter is missing; the detail lists them with their articles. For casus_admin. Returns the act.';

CREATE FUNCTION casus.add_party(file text, party text, kind text DEFAULT NULL, title text DEFAULT NULL, starts timestamptz DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_add_party';
COMMENT ON FUNCTION casus.add_party(text, text, text, text, timestamptz) IS
	'Adds an organisation or department to a file, from a moment on (default now). Refused with the article (22023) where the protocol has a closed list, e.g. Beesel Bijlage 8. For casus_admin. Returns the act.';

CREATE FUNCTION casus.end_membership(file text, party text, reason text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_end_membership';
COMMENT ON FUNCTION casus.end_membership(text, text, text) IS
	'Ends the membership of a party and the appointments held for it, now. What it brought in stays under the protocol. For casus_admin. Returns the act.';

/* ---- people ---- */

CREATE FUNCTION casus.add_person(name text, role regrole DEFAULT NULL, oath_on date DEFAULT NULL, vog_on date DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_add_person';
COMMENT ON FUNCTION casus.add_person(text, regrole, date, date) IS
	'Makes a person known by a unique name, with his database role and the dates of ambtseed and VOG. A role belongs to one person and matches exactly, by name and oid together, not by membership (22023 when it is somebody else''s, 42710 when the name is taken). For casus_admin. Returns the act.';

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
	'Records when a person took the ambtseed or got a VOG; a date left out stays as it was. For casus_admin. Returns the act.';

CREATE FUNCTION casus.appoint(person text, file text, party text, office text, dossier bigint DEFAULT NULL,
		starts timestamptz DEFAULT NULL, ends timestamptz DEFAULT NULL, reason text DEFAULT NULL,
		standing_purpose text DEFAULT NULL, may_session boolean DEFAULT false)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_appoint';
COMMENT ON FUNCTION casus.appoint(text, text, text, text, bigint, timestamptz, timestamptz, text, text, boolean) IS
	'Appoints a person to an office of a file from starts (default now) until ends (default open). An office of the file takes no party, one of a party takes a party, one of a dossier takes a dossier (22023 casus.wrong_office). Refused (55000) without the ambtseed or VOG that the office asks for, or beside an office that excludes it. Done by whom the protocol says: casus_admin or an office. standing_purpose, may_session: only purposes that the protocol marks so. Returns the appointment.';

CREATE FUNCTION casus.deputise(appointment bigint, person text, starts timestamptz DEFAULT NULL, ends timestamptz DEFAULT NULL, reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_deputise';
COMMENT ON FUNCTION casus.deputise(bigint, text, timestamptz, timestamptz, text) IS
	'Lets another person hold the office of an appointment for a time, at most as long as the appointment itself; he must satisfy all that casus.appoint asks. Returns the appointment of the deputy.';

CREATE FUNCTION casus.end_appointment(appointment bigint, reason text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_end_appointment';
COMMENT ON FUNCTION casus.end_appointment(bigint, text) IS
	'Ends an appointment and those of its deputies now; it binds the next statement of every session. Done by whoever may appoint. Returns the act.';

/* ---- dossiers ---- */

CREATE FUNCTION casus.open_dossier(file text, details jsonb DEFAULT NULL, motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_open_dossier';
COMMENT ON FUNCTION casus.open_dossier(text, jsonb, text) IS
	'Opens a dossier in the initial phase of an activated file (else 55000). Done by an office that may supply there, e.g. the coordinator (Beesel art. 1.22, 1.27). details: what is told at opening; at the gate of the initial phase it counts as given. Refusals: casus.no_appointment, casus.wrong_office, casus.ambiguous_capacity. Returns the id of the dossier.';

CREATE FUNCTION casus.decide(dossier bigint, gate text, outcome text, motivation text DEFAULT NULL, details jsonb DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_decide';
COMMENT ON FUNCTION casus.decide(bigint, text, text, text, jsonb) IS
	'Records the decision at a gate: outcome and detail keys as casus.gate lists them; a meeting also names those present (key aanwezig: names of persons). Counts during this stay of the dossier in its phase; the newest counts. Refusals with the article: casus.wrong_office, casus.wrong_phase, casus.gate_missing (another gate comes first), casus.content_missing (lists every key). Returns the act.';

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
	'Lets a party with all its delegates, or one person, take part in a dossier from now on. office: default the one held for parties; an office held for one dossier appoints the person to it. Done by an office that decides a gate of the phase. Refusals: casus.wrong_office; unknown party or person 22023. Returns the act.';

CREATE FUNCTION casus.end_involvement(dossier bigint, party text DEFAULT NULL, person text DEFAULT NULL, reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_end_involvement';
COMMENT ON FUNCTION casus.end_involvement(bigint, text, text, text) IS
	'Ends the part that a party or a person takes in a dossier, now, and the office he holds for this dossier only. 22023 casus.not_involved when there is none. Returns the act.';

CREATE FUNCTION casus.share(dossier bigint, items bigint[], parties text[], motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_share';
COMMENT ON FUNCTION casus.share(bigint, bigint[], text[], text) IS
	'Lets parties see items of a dossier (numbers of casus.item_of), or with items NULL the whole dossier, in the phases where the protocol lets shared items be seen. Decided in such a phase, or in the one before it once its gate is decided (casus.gate_missing, casus.wrong_phase). Seen by delegates of parties that take part. Returns the act.';

CREATE FUNCTION casus.unshare(dossier bigint, items bigint[], parties text[], motivation text DEFAULT NULL) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_unshare';
COMMENT ON FUNCTION casus.unshare(bigint, bigint[], text[], text) IS
	'Takes back what was shared, now; items NULL: everything. One item of a dossier that is shared as a whole cannot be taken back alone (55000). Returns the act.';
