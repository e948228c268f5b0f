/*
 * fence.c
 *		The fence of a protected table goes up and down: its triggers, its
 *		policies, its row security.
 *
 * Of a family every member has a fence of its own: a query that names the
 * parent is bound by the parent's, one that names a partition by that one's.
 * The caller holds a lock on the table that keeps everybody else out.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"

#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/pg_trigger.h"
#include "commands/policy.h"
#include "commands/trigger.h"
#include "rewrite/rowsecurity.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static bool
has_trigger(Oid relid, const char *name)
{
	return OidIsValid(get_trigger_oid(relid, name, true));
}

bool
casus_fence_has_trigger(Oid relid)
{
	return has_trigger(relid, CASUS_TRIGGER_NAME);
}

/* And that for rows which wait, where its keys ask for it. */
bool
casus_fence_has_triggers(Oid relid, const CasusSettings *settings)
{
	for (int i = 0; i < settings->nvia; i++)
	{
		if (settings->via[i].deferrable && !has_trigger(relid, CASUS_PENDING_NAME))
			return false;
	}
	return has_trigger(relid, CASUS_TRIGGER_NAME);
}

/*
 * Everybody may execute the functions of the triggers, or no owner could add a
 * partition: under another name, or on a table that is not protected, they are
 * somebody's own make.
 */
void
casus_fence_check_trigger(const TriggerData *trigger, const char *name)
{
	Relation	rel = trigger->tg_relation;
	const CasusProtected *prot = casus_registry_find(RelationGetRelid(rel));

	if (prot != NULL && prot->mode != CASUS_MODE_REGISTERED &&
		strcmp(trigger->tg_trigger->tgname, name) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("trigger \"%s\" is not one that casus made", trigger->tg_trigger->tgname),
			 errdetail("Its function belongs to the triggers of tables that are bound."),
			 errhint("DROP TRIGGER %s ON %s;", quote_identifier(trigger->tg_trigger->tgname),
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												RelationGetRelationName(rel)))));
}

void
casus_fence_make_triggers(List **lines, Oid relid, const CasusSettings *settings)
{
	char	   *table = casus_relation_ddl_name(relid);
	bool		deferrable = false;

	for (int i = 0; i < settings->nvia; i++)
		deferrable |= settings->via[i].deferrable;
	if (!has_trigger(relid, CASUS_TRIGGER_NAME))
		casus_relation_ddl_note(lines, psprintf("CREATE TRIGGER \"%s\" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s.row_trigger()",
							CASUS_TRIGGER_NAME, table, CASUS_INT_SCHEMA));
	casus_relation_ddl_note(lines, psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER \"%s\"", table, CASUS_TRIGGER_NAME));
	if (!deferrable)
		return;
	if (!has_trigger(relid, CASUS_PENDING_NAME))
		casus_relation_ddl_note(lines, psprintf("CREATE CONSTRAINT TRIGGER \"%s\" AFTER INSERT OR UPDATE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (%s.is_pending(NEW.%s)) EXECUTE FUNCTION %s.resolve_pending()",
							CASUS_PENDING_NAME, table, CASUS_INT_SCHEMA,
							CASUS_LABEL_COLUMN, CASUS_INT_SCHEMA));
	casus_relation_ddl_note(lines, psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER \"%s\"", table, CASUS_PENDING_NAME));
}

/*
 * The permissive policy is for tables without row security only: beside the
 * table's own policies a TRUE would be OR-ed with them and cancel them.
 */
static void
make_policies(List **lines, Oid relid, bool had_row_security)
{
	char	   *table = casus_relation_ddl_name(relid);

	casus_relation_ddl_note(lines, psprintf("CREATE POLICY %s ON %s AS RESTRICTIVE FOR ALL TO PUBLIC USING (%s.permits(%s)) WITH CHECK (true)",
						CASUS_POLICY_NAME, table, CASUS_INT_SCHEMA, CASUS_LABEL_COLUMN));
	if (!had_row_security)
		casus_relation_ddl_note(lines, psprintf("CREATE POLICY %s ON %s AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true)",
							CASUS_OPEN_POLICY_NAME, table));
	casus_relation_ddl_note(lines, psprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY", table));
	casus_relation_ddl_note(lines, psprintf("ALTER TABLE %s FORCE ROW LEVEL SECURITY", table));
}

static bool
has_policy_named(Relation rel, const char *name)
{
	ListCell   *lc;

	if (rel->rd_rsdesc == NULL)
		return false;
	foreach(lc, rel->rd_rsdesc->policies)
	{
		if (strcmp(((RowSecurityPolicy *) lfirst(lc))->policy_name, name) == 0)
			return true;
	}
	return false;
}

/*
 * A fence that somebody damaged is taken down first, so that bind mends it.  Of a table
 * whose row security is switched off the relcache has no policies: the catalog has.
 */
static void
drop_policies(List **lines, Oid relid)
{
	bool		casus = OidIsValid(get_relation_policy_oid(relid, CASUS_POLICY_NAME, true));
	bool		open = OidIsValid(get_relation_policy_oid(relid, CASUS_OPEN_POLICY_NAME, true));
	char	   *table = casus_relation_ddl_name(relid);

	if (casus)
		casus_relation_ddl_note(lines, psprintf("DROP POLICY %s ON %s", CASUS_POLICY_NAME, table));
	if (open)
		casus_relation_ddl_note(lines, psprintf("DROP POLICY %s ON %s", CASUS_OPEN_POLICY_NAME, table));
}

/* A member of a family: had it row security of its own, before casus? */
static bool
had_row_security(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		result;

	result = rel->rd_rel->relrowsecurity && !has_policy_named(rel, CASUS_OPEN_POLICY_NAME);
	table_close(rel, AccessShareLock);
	return result;
}

/* The top's was noted when it was bound first; that of a member is to be seen. */
static bool
keeps_own(Oid relid, const CasusSettings *settings)
{
	const CasusProtected *prot = casus_registry_find(relid);

	return prot == NULL || prot->family == relid ? settings->had_row_security :
		had_row_security(relid);
}

void
casus_fence_make_policies(List **lines, Oid relid, const CasusSettings *settings)
{
	bool		own = keeps_own(relid, settings);

	drop_policies(lines, relid);
	make_policies(lines, relid, own);
}

/* Those of a partition go with the ones that they were cloned from. */
void
casus_fence_drop_triggers(List **lines, Oid relid)
{
	static const char *const names[] = {CASUS_TRIGGER_NAME, CASUS_PENDING_NAME};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (has_trigger(relid, names[i]))
			casus_relation_ddl_note(lines, psprintf("DROP TRIGGER \"%s\" ON %s", names[i],
													casus_relation_ddl_name(relid)));
	}
}

/* Values of personal data have no place in pg_statistic, nor in those of a new part. */
void
casus_fence_hide_statistics(List **lines, Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	List	   *uses = casus_family_uses(rel, casus_registry_find(relid)->family);
	ListCell   *lc;

	table_close(rel, AccessShareLock);
	foreach(lc, uses)
	{
		CasusColumnUse *use = lfirst(lc);
		char	   *column;

		if (strcmp(use->use, "data") != 0 && strcmp(use->use, "subject") != 0)
			continue;
		column = casus_relation_ddl_escape(get_attname(relid, use->attno, false));
		casus_relation_ddl_note(lines,
								psprintf("ALTER TABLE ONLY %s ALTER COLUMN \"%s\" SET STATISTICS 0",
										 casus_relation_ddl_name(relid), column));
		RemoveStatistics(relid, use->attno);
	}
}

/* Takes the whole fence down, to what was there before. */
void
casus_fence_take_down(List **lines, Oid relid, const CasusSettings *settings)
{
	const CasusProtected *prot = casus_registry_find(relid);
	bool		own = keeps_own(relid, settings);
	bool		had_force = own && settings->had_force;
	char	   *table = casus_relation_ddl_name(relid);

	if (prot == NULL || prot->family == relid)
		had_force = settings->had_force;
	drop_policies(lines, relid);
	casus_fence_drop_triggers(lines, relid);
	if (settings->mode != CASUS_MODE_ENFORCE)
		return;
	casus_relation_ddl_note(lines, psprintf("ALTER TABLE %s %s ROW LEVEL SECURITY", table, own ? "ENABLE" : "DISABLE"));
	casus_relation_ddl_note(lines, psprintf("ALTER TABLE %s %s ROW LEVEL SECURITY", table,
						had_force ? "FORCE" : "NO FORCE"));
}
