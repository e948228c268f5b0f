/*
 * protect_check.c
 *		What casus.protect() demands of a table and of the names it was given.
 *
 * Every error names what is wrong; nothing has been changed when one is
 * raised.  The caller holds the lock under which the table is changed.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "protect.h"
#include "state.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

/* For a hint: what there is of it. */
static const char *
where_known(const char *what)
{
	return strcmp(what, "file") == 0 ? "SELECT name, protocol FROM casus.file;" :
		strcmp(what, "category") == 0 ? "SELECT protocol, name FROM casus.category;" :
		strcmp(what, "subject category") == 0 ? "SELECT protocol, name FROM casus.subject_category;" :
		strcmp(what, "party") == 0 ? "SELECT file, name FROM casus.party;" :
		strcmp(what, "column") == 0 || strncmp(what, "via", 3) == 0 ? CASUS_HINT_SURVEY :
		CASUS_HINT_CALLS;
}

void
casus_protect_check_unknown(const char *what, const char *name, const char *where)
{
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
					  psprintf("unknown %s \"%s\"", what, name),
					  where, where_known(what));
}

/* The caller: casus_admin (a superuser counts), and owner of the table. */
void
casus_protect_check_caller(Relation rel)
{
	if (!casus_is_admin(GetUserId()))
		casus_refuse("wrong_office", "casus.protect needs the role casus_admin",
					 psprintf("Role \"%s\" is not a member of casus_admin.",
							  GetUserNameFromId(GetUserId(), false)), CASUS_HINT_ADMINS);
	if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", RelationGetRelationName(rel)),
				 errhint("GRANT %s TO %s;  -- by who may",
						 quote_identifier(GetUserNameFromId(rel->rd_rel->relowner, false)),
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

static void
check_kind(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	Oid			schema = RelationGetNamespace(rel);
	char	   *schema_name = get_namespace_name(schema);

	if (rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		casus_protect_unsuitable(rel, "It is a foreign table: its rows are elsewhere.", NULL);
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		casus_protect_unsuitable(rel, "It is not an ordinary table.", NULL);
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		casus_protect_unsuitable(rel, "It is temporary.", NULL);
	if (IsCatalogNamespace(schema) || IsToastNamespace(schema) ||
		strcmp(schema_name, "information_schema") == 0)
		casus_protect_unsuitable(rel, "It is a system table.", NULL);
	if (casus_is_own_relation(relid) || strcmp(schema_name, CASUS_SCHEMA) == 0 ||
		strcmp(schema_name, CASUS_CAT_SCHEMA) == 0 ||
		strcmp(schema_name, CASUS_INT_SCHEMA) == 0)
		casus_protect_unsuitable(rel, "It is a table of casus itself.", NULL);
}

/* The key is how an act finds the row again; a deferrable one is no key for that. */
static void
check_key(Relation rel)
{
	if (!OidIsValid(casus_compat_primary_key(rel)))
		casus_protect_unsuitable(rel, "It has no primary key.",
				   psprintf("ALTER TABLE %s ADD COLUMN casus_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;  -- or a key of its own columns",
							casus_relation_ddl_name(RelationGetRelid(rel))));
}

/*
 * An exclusion constraint, such as a key over periods, compares by more than
 * equality: its errors show the values of the row that is there already.
 */
static void
check_exclusions(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_index->indisexclusion)
			casus_protect_unsuitable(rel, psprintf("The errors of its exclusion constraint \"%s\" would show values of rows that nobody may see.",
									 RelationGetRelationName(index)), NULL);
		index_close(index, AccessShareLock);
	}
	foreach(lc, RelationGetFKeyList(rel))
	{
		if (casus_compat_is_period_key(((ForeignKeyCacheInfo *) lfirst(lc))->conoid))
			casus_protect_unsuitable(rel, "It has a foreign key over periods, which would not hold for rows that nobody may see.",
					   NULL);
	}
}

/* Ours must be the last to see the row: what comes after could change the label. */
void
casus_protect_check_triggers(Relation rel)
{
	if (rel->trigdesc == NULL)
		return;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];

		if (TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype) &&
			!trigger->tgisinternal &&
			strcmp(trigger->tgname, CASUS_TRIGGER_NAME) > 0)
			casus_protect_unsuitable(rel, psprintf("Its trigger \"%s\" would run after the trigger of casus.",
									 trigger->tgname),
					   psprintf("ALTER TRIGGER \"%s\" ON %s RENAME TO \"%s\";",
								casus_relation_ddl_escape(trigger->tgname),
								casus_relation_ddl_name(RelationGetRelid(rel)),
								casus_relation_ddl_escape(psprintf("a%.*s", NAMEDATALEN - 5,
																   trigger->tgname))));
	}
}

/*
 * What every governed write fails on once the table is bound: triggers that write
 * into a table that is not protected, as far as their text shows.
 */
List *
casus_protect_check_histories(Oid relid)
{
	CasusQuery	query;
	List	   *lines = NIL;
	MemoryContext caller = CurrentMemoryContext;

	casus_query_begin(&query);
	casus_query_arg(&query, OIDOID, ObjectIdGetDatum(relid), false);
	casus_query_read(&query, "SELECT name, target FROM casus_int.open_histories($1)");
	/* The lines outlive the query. */
	MemoryContextSwitchTo(caller);
	for (uint64 row = 0; row < query.nrows; row++)
		lines = lappend(lines,
						psprintf(_("every governed write of %s will be refused while trigger \"%s\" writes into %s, which is not protected: protect that table first, by a column with the dossier that the trigger fills"),
								 casus_relation_ddl_name(relid),
								 casus_query_get_text(&query, row, 1),
								 casus_query_get_text(&query, row, 2)));
	casus_query_end(&query);
	return lines;
}

/* Whoever subscribes would get every row. */
void
casus_protect_check_published(Relation rel)
{
	char	   *hint = casus_publication_hint(RelationGetRelid(rel));

	if (hint != NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "copy_out",
						  psprintf("table %s is published",
								   casus_relation_ddl_name(RelationGetRelid(rel))),
						  casus_check_ground_of(RelationGetRelid(rel), "copy_out",
												_("a publication of it, of its schema, of a table above it or of all tables would send its rows to whoever subscribes")),
						  hint);
}

/* A function of a user in the partition key sees every row as it is routed. */
static void
check_partition_key(Relation rel)
{
	PartitionKey key = RelationGetPartitionKey(rel);

	if (key != NULL && key->partexprs != NIL && !casus_guard_trusted((Node *) key->partexprs))
		casus_protect_unsuitable(rel, "Its partition key calls functions that are neither built in nor C code of an extension.",
				   NULL);
}

/*
 * Partitions, and tables that inherit, are protected with the table at the
 * top: its policy is all that a query through it meets.
 */
void
casus_protect_check_family(Relation rel)
{
	List	   *members = casus_family_members(RelationGetRelid(rel));
	ListCell   *lc;

	if (rel->rd_rel->relispartition || has_superclass(RelationGetRelid(rel)))
		casus_protect_unsuitable(rel, rel->rd_rel->relispartition ? "It is a partition: the partitioned table is protected, with all its partitions." :
				   "It inherits from a table: that one is protected, with all that inherit from it.", NULL);
	foreach(lc, members)
	{
		List	   *parents = casus_family_parents(lfirst_oid(lc));
		ListCell   *lp;

		foreach(lp, parents)
		{
			if (!list_member_oid(members, lfirst_oid(lp)))
				casus_protect_unsuitable(rel, psprintf("Table \"%s\" inherits from it and from another table.",
										 get_rel_name(lfirst_oid(lc))), NULL);
		}
	}
}

void
casus_protect_check_member(Relation rel)
{
	AttrNumber	label = get_attnum(RelationGetRelid(rel), CASUS_LABEL_COLUMN);

	check_kind(rel);
	check_exclusions(rel);
	casus_protect_check_published(rel);
	casus_protect_check_triggers(rel);
	casus_protect_check_code(rel);
	if (label != InvalidAttrNumber &&
		casus_registry_find(RelationGetRelid(rel)) == NULL)
		casus_protect_unsuitable(rel, "It has a column \"casus_label\" of its own.", NULL);
	check_partition_key(rel);
}

void
casus_protect_check_table(Relation rel)
{
	ListCell   *lc;

	check_kind(rel);
	casus_protect_check_family(rel);
	foreach(lc, casus_family_members(RelationGetRelid(rel)))
	{
		Relation	member = table_open(lfirst_oid(lc), NoLock);

		casus_protect_check_member(member);
		check_key(member);
		table_close(member, NoLock);
	}
}

/* The trigger runs before it has a value, and would take the row for one without dossier. */
static void
refuse_generated(Relation rel, AttrNumber attno)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);

	if (att->attgenerated)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  psprintf("column \"%s\" is generated", NameStr(att->attname)),
						  "It has no value yet when the label of its row is made.",
						  _("Name a column that is stored as it is written."));
}

AttrNumber
casus_protect_check_column(Relation rel, const char *name)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), name);

	if (attno <= 0)
		casus_protect_check_unknown("column", name,
									psprintf("Table \"%s\" has no such column; names are taken as they are written, without folding.",
											 RelationGetRelationName(rel)));
	if (strcmp(name, CASUS_LABEL_COLUMN) == 0)
		casus_protect_check_unknown("column", name, "The label column is casus' own.");
	refuse_generated(rel, attno);
	return attno;
}

/* ---- where the label comes from ---- */

/* Does the way from a table upwards lead to the given one? */
static bool
leads_to(Oid from, Oid to, int depth)
{
	const CasusSettings *settings;

	if (from == to)
		return true;
	if (depth > 64 || (settings = casus_registry_settings(from)) == NULL)
		return false;
	for (int i = 0; i < settings->nvia; i++)
	{
		if (OidIsValid(settings->via[i].parent) &&
			leads_to(settings->via[i].parent, to, depth + 1))
			return true;
	}
	return false;
}

/* Foreign keys are not inherited, but by partitions. */
static void
check_via_of_members(Relation rel, const char *column, const CasusVia *via)
{
	ListCell   *lc;

	foreach(lc, casus_family_members(RelationGetRelid(rel)))
	{
		Relation	member = table_open(lfirst_oid(lc), NoLock);
		CasusVia	own;

		if (!casus_registry_resolve_via(member, casus_protect_check_column(member, column), &own) ||
			own.parent != via->parent)
			casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
							  psprintf("column \"%s\" of table \"%s\" is not part of a foreign key",
									   column, RelationGetRelationName(member)),
							  "Each table of the family needs a foreign key to the same parent table.",
							  CASUS_HINT_SURVEY);
		table_close(member, NoLock);
	}
}

void
casus_protect_check_via(Relation rel, const char *column, CasusVia *via)
{
	AttrNumber	attno = casus_protect_check_column(rel, column);
	char	   *parent;

	if (!casus_registry_resolve_via(rel, attno, via))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  psprintf("column \"%s\" is not part of a foreign key", column),
						  "via needs a foreign key to the parent table.", CASUS_HINT_SURVEY);
	for (int i = 0; i < via->nkeys; i++)
		refuse_generated(rel, via->fkatt[i]);
	check_via_of_members(rel, column, via);
	parent = get_rel_name(via->parent);
	if (casus_registry_is_of(via->parent, RelationGetRelid(rel)))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  psprintf("foreign key column \"%s\" leads to its own table", column),
						  "A self-reference does not join dossiers.", CASUS_HINT_SURVEY);
	if (leads_to(via->parent, RelationGetRelid(rel), 0))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  psprintf("foreign key column \"%s\" makes a circle of protected tables", column),
						  psprintf("Table \"%s\" itself gets its label over \"%s\".",
								   parent, RelationGetRelationName(rel)), CASUS_HINT_SURVEY);
	if (casus_registry_find(via->parent) == NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\", to which column \"%s\" leads, is not protected",
								   parent, column),
						  "Parents are protected first.",
						  casus_relation_ddl_survey(via->parent));
}

/* 'table.fk_column' or 'schema.table.fk_column'; without schema that of the parent. */
void
casus_protect_check_via_child(Relation rel, const char *given, Oid *child, AttrNumber *attno)
{
	List	   *names;
	char	   *column;
	Relation	other;
	CasusVia	via;

	names = casus_compat_qualified_name(given);
	if (list_length(names) < 2 || list_length(names) > 3)
		casus_protect_check_unknown("via_child", given, "It is written as 'table.fk_column'.");
	column = strVal(llast(names));
	names = list_truncate(names, list_length(names) - 1);
	if (list_length(names) == 1)
		*child = get_relname_relid(strVal(linitial(names)), RelationGetNamespace(rel));
	else
	{
		Oid			schema = get_namespace_oid(strVal(linitial(names)), true);

		*child = OidIsValid(schema) ?
			get_relname_relid(strVal(lsecond(names)), schema) : InvalidOid;
	}
	if (!OidIsValid(*child))
		casus_protect_check_unknown("table", strVal(llast(names)), "It stands in via_child.");
	if (*child == RelationGetRelid(rel))
		casus_protect_check_unknown("via_child", given, "It is the table itself.");

	other = table_open(*child, AccessShareLock);
	*attno = casus_protect_check_column(other, column);
	if (!casus_registry_resolve_via(other, *attno, &via) ||
		via.parent != RelationGetRelid(rel))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  psprintf("column \"%s\" of table \"%s\" is no foreign key to table \"%s\"",
								   column, RelationGetRelationName(other),
								   RelationGetRelationName(rel)), NULL, CASUS_HINT_SURVEY);
	if (!has_privs_of_role(GetUserId(), other->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", RelationGetRelationName(other))));
	table_close(other, AccessShareLock);
}

/*
 * 'link_table', with its only foreign key to this one, or 'link_table.fk_column'.
 * Returns the latter.  The rows of the link table say which dossiers: it is
 * protected first.
 */
char *
casus_protect_check_via_link(Relation rel, const char *given)
{
	List	   *names = casus_compat_qualified_name(given);
	Oid			relid = InvalidOid;
	Relation	link;
	AttrNumber	attno = InvalidAttrNumber;
	ListCell   *lc;

	if (list_length(names) == 1)
		relid = get_relname_relid(strVal(linitial(names)), RelationGetNamespace(rel));
	else if (list_length(names) == 2 &&
			 OidIsValid(get_namespace_oid(strVal(linitial(names)), true)))
		relid = get_relname_relid(strVal(lsecond(names)),
								  get_namespace_oid(strVal(linitial(names)), true));
	if (!OidIsValid(relid))
		return unconstify(char *, given);

	if (casus_registry_find(relid) == NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("the link table \"%s\" is not protected", given),
						  "Its rows say which dossiers.",
						  casus_relation_ddl_survey(relid));
	link = table_open(relid, AccessShareLock);
	foreach(lc, RelationGetFKeyList(link))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);

		if (key->confrelid != RelationGetRelid(rel))
			continue;
		if (attno != InvalidAttrNumber)
			casus_protect_check_unknown("via_link", given, "Several foreign keys lead here: 'table.fk_column'.");
		attno = key->conkey[0];
	}
	table_close(link, AccessShareLock);
	if (attno == InvalidAttrNumber)
		casus_protect_check_unknown("via_link", given, "It has no foreign key to the table.");
	return psprintf("%s.%s", casus_relation_ddl_name(relid),
					quote_identifier(get_attname(relid, attno, false)));
}

/* Do rows of the table come to their dossier over one with via_link? */
bool
casus_protect_check_below_link(const CasusSettings *settings)
{
	for (int i = 0; i < settings->nvia; i++)
	{
		const CasusSettings *parent = OidIsValid(settings->via[i].parent) ?
			casus_registry_settings(settings->via[i].parent) : NULL;

		if (parent != NULL && (parent->links || casus_protect_check_below_link(parent)))
			return true;
	}
	return false;
}

/* 'a', or '{a,"b c"}' */
List *
casus_protect_check_list(const char *given)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	List	   *list = NIL;
	ArrayType  *array;

	if (given[0] != '{')
		return list_make1(pstrdup(given));
	array = DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN, (char *) given,
													TEXTOID, -1));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			casus_protect_check_unknown("column", "NULL", "It stands in via.");
		list = lappend(list, TextDatumGetCString(values[i]));
	}
	if (list == NIL)
		casus_protect_check_unknown("column", given, "via names no column.");
	return list;
}
