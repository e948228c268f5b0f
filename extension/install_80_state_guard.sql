/*
 * install_80_state_guard.sql
 *		Logical replication writes no state: a row of casus_cat.opening that came
 *		from another server would be a break-glass that nobody gave.
 */
CREATE FUNCTION casus_int.state_guard() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'casus_sql_state_guard';
REVOKE ALL ON FUNCTION casus_int.state_guard() FROM PUBLIC;
COMMENT ON FUNCTION casus_int.state_guard() IS
	'Trigger of every state table, for its rows and for TRUNCATE: refuses what a worker of logical replication writes (42501 casus.bypass).';

CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.installation
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.installation ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.installation
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.installation ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.protocol
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.protocol ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.protocol
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.protocol ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.phase
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.phase ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.phase
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.phase ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.purpose
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.purpose ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.purpose
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.purpose ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.office
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.office ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.office
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.office ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.subject_category
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.subject_category ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.subject_category
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.subject_category ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.category
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.category ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.category
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.category ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.stage
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.stage ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.stage
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.stage ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.rule
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.rule ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.rule
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.rule ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.gate
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.gate ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.gate
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.gate ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.transition
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.transition ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.transition
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.transition ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.list_value
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.list_value ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.list_value
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.list_value ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.file
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.file ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.file
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.file ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.party
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.party ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.party
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.party ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.person
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.person ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.person
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.person ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.person_role
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.person_role ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.person_role
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.person_role ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.appointment
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.appointment ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.appointment
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.appointment ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.dossier
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.dossier ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.dossier
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.dossier ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.participant
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.participant ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.participant
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.participant ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.sharing
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.sharing ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.sharing
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.sharing ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.linked
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.linked ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.linked
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.linked ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.opening
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.opening ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.opening
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.opening ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.act
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.act ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.act
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.act ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.act_content
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.act_content ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.act_content
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.act_content ENABLE ALWAYS TRIGGER state_guard_truncate;
CREATE TRIGGER state_guard BEFORE INSERT OR UPDATE OR DELETE ON casus_cat.decision
	FOR EACH ROW EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.decision ENABLE ALWAYS TRIGGER state_guard;
CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.decision
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard();
ALTER TABLE casus_cat.decision ENABLE ALWAYS TRIGGER state_guard_truncate;
