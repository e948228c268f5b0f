/*
 * protect.c
 *		casus.protect(): registers a table and gives it its label column.
 *
 * Holds ACCESS EXCLUSIVE on the table from the first check to the end of the
 * transaction: what was checked is what is changed.  Everything is checked
 * before anything is changed, and what is changed is in one transaction.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "protect.h"
#include "resolve.h"
#include "subject.h"

#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(casus_sql_protect);

/* The arguments, in the order of the SQL declaration. */
typedef enum Argument
{
	ARG_RELATION, ARG_FILE, ARG_OPENS_DOSSIER, ARG_DOSSIER, ARG_VIA,
	ARG_VIA_CHILD, ARG_GOVERNS,
	ARG_CATEGORY, ARG_CATEGORY_COLUMN, ARG_CATEGORY_MAP,
	ARG_ORIGINATOR, ARG_ORIGINATOR_COLUMN, ARG_ORIGINATOR_MAP,
	ARG_SUBJECT_CATEGORY, ARG_SUBJECT_CATEGORY_COLUMN, ARG_SUBJECT_CATEGORY_MAP,
	ARG_SUBJECT_COLUMN, ARG_COLUMNS, ARG_DEFAULT_BASIS, ARG_ITEM,
	ARG_WITHOUT_PURPOSE, ARG_DRY_RUN, ARG_VIA_LINK, ARG_RESOLVE
} Argument;

/* One call, as it takes shape. */
typedef struct Wish
{
	FunctionCallInfo fcinfo;
	Relation	rel;
	const CasusProtected *before;	/* already protected for another file */
	CasusSettings settings;
	CasusFileSettings *fs;		/* the new one, last in settings.files */
	const CasusProtocol *protocol;
	List	   *uses;			/* CasusColumnUse, all columns of the table */
	List	   *generated;		/* the same of columns generated from those */
	Oid			child;			/* via_child */
	AttrNumber	child_attno;
	bool		mixed;
	List	   *lines;			/* what is done, as SQL */
} Wish;

static char *
text_arg(Wish *wish, Argument arg)
{
	if (wish->fcinfo->args[arg].isnull)
		return NULL;
	return text_to_cstring(DatumGetTextPP(wish->fcinfo->args[arg].value));
}

static bool
bool_arg(Wish *wish, Argument arg)
{
	return !wish->fcinfo->args[arg].isnull &&
		DatumGetBool(wish->fcinfo->args[arg].value);
}

static void
wrong(const char *message, const char *detail)
{
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL, message, detail, NULL);
}

static CasusColumnUse *
add_use(Wish *wish, AttrNumber attno, const char *use, const char *value)
{
	CasusColumnUse *new = palloc0(sizeof(CasusColumnUse));

	new->attno = attno;
	new->use = pstrdup(use);
	new->file = wish->fs->file;
	new->value = value == NULL ? NULL : pstrdup(value);
	wish->uses = lappend(wish->uses, new);
	return new;
}

/* ---- names of the protocol ---- */

static void
check_category(Wish *wish, const char *name, const char *where)
{
	if (casus_protocol_category(wish->protocol, name) < 0)
		casus_protect_check_unknown("category", name,
									psprintf("It stands in %s; view casus.category lists those of protocol \"%s\".",
											 where, wish->protocol->name));
}

static void
check_party(Wish *wish, const char *name, const char *where)
{
	if (casus_rowcodes_party(wish->fs->id, name) < 0)
		casus_protect_check_unknown("party", name,
									psprintf("It stands in %s; file \"%s\" has no such party.",
											 where, wish->fs->file));
}

static void
check_subject_category(Wish *wish, const char *name, const char *where)
{
	if (casus_protocol_subject_category(wish->protocol, name) <= 0)
		casus_protect_check_unknown("subject category", name,
									psprintf("It stands in %s; protocol \"%s\" has no such category of data subjects.",
											 where, wish->protocol->name));
}

typedef void (*NameCheck) (Wish *wish, const char *name, const char *where);

/* A jsonb object of strings, each value a name of the protocol. */
static void
read_map(Wish *wish, Jsonb *map, const char *what, CasusCoded *coded, NameCheck check)
{
	JsonbIterator *it;
	JsonbValue	v;
	JsonbIteratorToken token;

	if (!JB_ROOT_IS_OBJECT(map))
		wrong(psprintf("%s must be a JSON object", what), NULL);
	coded->mapped = true;
	coded->map = palloc0(sizeof(CasusMapEntry) * (JB_ROOT_COUNT(map) + 1));
	it = JsonbIteratorInit(&map->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			coded->map[coded->nmap].from = pnstrdup(v.val.string.val, v.val.string.len);
		else if (token == WJB_VALUE)
		{
			if (v.type != jbvString)
				wrong(psprintf("%s must map to names", what),
					  psprintf("The value of \"%s\" is not a string.",
							   coded->map[coded->nmap].from));
			coded->map[coded->nmap].to = pnstrdup(v.val.string.val, v.val.string.len);
			check(wish, coded->map[coded->nmap].to, what);
			coded->nmap++;
		}
	}
}

/* The three arguments of category, originator and subject_category. */
static void
read_coded(Wish *wish, Argument first, const char *what, CasusCoded *coded,
		   NameCheck check)
{
	char	   *column = text_arg(wish, first + 1);

	coded->constant = text_arg(wish, first);
	if (coded->constant != NULL && column != NULL)
		wrong(psprintf("%s and %s_column exclude each other", what, what), NULL);
	if (coded->constant != NULL)
		check(wish, coded->constant, what);
	if (column != NULL)
	{
		coded->attno = casus_protect_check_column(wish->rel, column);
		add_use(wish, coded->attno, what, NULL);
	}
	if (wish->fcinfo->args[first + 2].isnull)
		return;
	if (column == NULL)
		wrong(psprintf("%s_map without %s_column", what, what), NULL);
	read_map(wish, DatumGetJsonbP(wish->fcinfo->args[first + 2].value),
			 psprintf("%s_map", what), coded, check);
}

static void
read_columns(Wish *wish)
{
	CasusCoded	map = {0};

	if (wish->fcinfo->args[ARG_COLUMNS].isnull)
		return;
	read_map(wish, DatumGetJsonbP(wish->fcinfo->args[ARG_COLUMNS].value),
			 "columns", &map, check_category);
	for (int i = 0; i < map.nmap; i++)
	{
		AttrNumber	attno = casus_protect_check_column(wish->rel, map.map[i].from);

		add_use(wish, attno, "data", map.map[i].to);
		wish->fs->ndata++;
	}
}

/* ---- where the label comes from ---- */

static void
read_via(Wish *wish, char *given)
{
	List	   *columns = casus_protect_check_list(given);
	ListCell   *lc;
	int			n = 0;

	wish->settings.via = palloc0(sizeof(CasusVia) * list_length(columns));
	foreach(lc, columns)
	{
		CasusVia   *via = &wish->settings.via[n];
		const CasusProtected *parent;
		CasusColumnUse *use;

		casus_protect_check_via(wish->rel, lfirst(lc), via);
		use = add_use(wish, via->attno, "via", NULL);
		use->ordinal = ++n;
		use->file = NULL;
		parent = casus_registry_find(via->parent);
		wish->mixed |= parent->mixed;
	}
	wish->settings.nvia = n;
}

static void
read_resolve(Wish *wish)
{
	CasusSettings *settings = &wish->settings;
	ListCell   *lc;
	int			n = 0;

	settings->kind = CASUS_KIND_DOSSIER;
	foreach(lc, casus_protect_resolve(wish->rel,
									  DatumGetObjectId(wish->fcinfo->args[ARG_RESOLVE].value),
									  &settings->resolve_schema, &settings->resolve_name))
	{
		CasusColumnUse *use = add_use(wish, lfirst_int(lc), "resolve", NULL);

		use->ordinal = ++n;
		use->file = NULL;
	}
}

static void
read_kind(Wish *wish)
{
	char	   *dossier = text_arg(wish, ARG_DOSSIER);
	char	   *via = text_arg(wish, ARG_VIA);
	char	   *via_child = text_arg(wish, ARG_VIA_CHILD);
	char	   *via_link = text_arg(wish, ARG_VIA_LINK);
	bool		opens = bool_arg(wish, ARG_OPENS_DOSSIER);
	bool		resolves = !wish->fcinfo->args[ARG_RESOLVE].isnull;

	if (opens + (dossier != NULL) + (via != NULL) + (via_child != NULL) + (via_link != NULL) +
		resolves != 1)
		wrong("exactly one of opens_dossier, dossier, via, via_child, via_link and resolve says how rows come to a dossier", NULL);
	if (via_link != NULL)
	{
		via_child = casus_protect_check_via_link(wish->rel, via_link);
		wish->settings.links = true;
	}
	if (opens)
		wish->settings.kind = CASUS_KIND_ROOT;
	else if (dossier != NULL)
	{
		wish->settings.kind = CASUS_KIND_DOSSIER;
		wish->settings.dossier_attno = casus_protect_check_column(wish->rel, dossier);
		if (get_atttype(RelationGetRelid(wish->rel), wish->settings.dossier_attno) != INT8OID)
			wrong(psprintf("column \"%s\" cannot hold the id of a dossier", dossier),
				  "It must be of type bigint.");
		add_use(wish, wish->settings.dossier_attno, "dossier", NULL)->file = NULL;
	}
	else if (resolves)
		read_resolve(wish);
	else if (via != NULL)
	{
		wish->settings.kind = CASUS_KIND_VIA;
		read_via(wish, via);
	}
	else
	{
		wish->settings.kind = CASUS_KIND_VIA_CHILD;
		wish->settings.via_child = via_child;
		casus_protect_check_via_child(wish->rel, via_child, &wish->child,
									  &wish->child_attno);
		wish->mixed = true;
	}
}

static void
read_governs(Wish *wish)
{
	char	   *text = text_arg(wish, ARG_GOVERNS);
	ListCell   *lc;

	if (text == NULL)
		return;
	if (wish->settings.kind == CASUS_KIND_VIA_CHILD)
		wrong("governs does not go with via_child",
			  "The rows of the child decide which rows are governed.");
	wish->fs->governs_text = text;
	wish->fs->governs = casus_governs_parse(wish->rel, text, NIL, BOOLOID, "governs");
	foreach(lc, casus_governs_columns(wish->fs->governs))
	{
		AttrNumber	attno = lfirst_int(lc);

		add_use(wish, attno, "name",
				get_attname(RelationGetRelid(wish->rel), attno, false));
	}
	wish->mixed = true;
}

static void
read_file(Wish *wish)
{
	char	   *name = text_arg(wish, ARG_FILE);
	int32		protocol;

	if (name == NULL)
		wrong("protect needs the name of a file", NULL);
	wish->fs->file = name;
	if (!casus_registry_find_file(name, &wish->fs->id, &protocol))
		casus_protect_check_unknown("file", name, "casus.open_file makes one.");
	wish->protocol = casus_protocol(protocol);
}

static void
read_manners(Wish *wish)
{
	char	   *item = text_arg(wish, ARG_ITEM);
	char	   *without = text_arg(wish, ARG_WITHOUT_PURPOSE);

	if (item != NULL && strcmp(item, "row") != 0 && strcmp(item, "inherit") != 0)
		casus_protect_check_unknown("item", item, "It is row or inherit.");
	wish->settings.inherit_item = item != NULL && strcmp(item, "inherit") == 0;
	if (without != NULL && strcmp(without, "error") != 0 && strcmp(without, "hide") != 0)
		casus_protect_check_unknown("without_purpose", without, "It is error or hide.");
	if (!wish->settings.inherit_item && casus_protect_check_below_link(&wish->settings))
		wrong("rows below a table with via_link need item => 'inherit'",
			  "They belong to as many dossiers as the row that they hang on.");
	wish->settings.hide = without != NULL ? strcmp(without, "hide") == 0 : wish->mixed;
	wish->settings.default_outside = wish->mixed;
	wish->fs->default_basis = text_arg(wish, ARG_DEFAULT_BASIS);
}

/*
 * A root that already carries rows of another file keeps those settings; the
 * predicates must be there on both sides, since a row is in one file.
 */
static void
join_earlier(Wish *wish)
{
	const CasusSettings *old = casus_registry_settings(RelationGetRelid(wish->rel));
	char	   *name = text_arg(wish, ARG_FILE);
	int			n = old == NULL ? 0 : old->nfiles;

	wish->before = casus_registry_find(RelationGetRelid(wish->rel));
	wish->settings.files = palloc0(sizeof(CasusFileSettings) * (n + 1));
	wish->settings.nfiles = n + 1;
	wish->settings.mode = CASUS_MODE_REGISTERED;
	wish->fs = &wish->settings.files[n];
	if (old == NULL)
		return;
	for (int i = 0; i < n; i++)
	{
		if (name != NULL && strcmp(old->files[i].file, name) == 0)
			casus_setup_error(ERRCODE_DUPLICATE_OBJECT, NULL,
							  psprintf("table \"%s\" is already protected for file \"%s\"",
									   RelationGetRelationName(wish->rel), name), NULL,
							  psprintf("SELECT casus.unprotect(%s, '<reason>');",
									   quote_literal_cstr(
									   casus_relation_ddl_name(RelationGetRelid(wish->rel)))));
		wish->settings.files[i] = old->files[i];
		if (old->kind == CASUS_KIND_ROOT &&
			(old->files[i].governs_text == NULL || wish->fcinfo->args[ARG_GOVERNS].isnull))
			wrong("a table that opens dossiers in several files needs governs for each of them",
				  "One row belongs to one file.");
	}
	wish->settings.mode = old->mode;
	wish->settings.had_row_security = old->had_row_security;
	wish->settings.had_force = old->had_force;
	wish->uses = casus_registry_settings_uses(wish->rel);
}

/* ---- carrying it out ---- */

static void
say(Wish *wish, char *sql, bool run)
{
	wish->lines = lappend(wish->lines, sql);
	if (run)
		casus_relation_ddl_run(sql);
}

static List *
uses_of(List *all, AttrNumber attno)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, all)
	{
		CasusColumnUse *use = lfirst(lc);

		if (use->attno == attno)
			result = lappend(result, use);
	}
	return result;
}

static void
label_columns(Wish *wish, Oid relid, List *uses, bool run)
{
	List	   *done = NIL;
	ListCell   *lc;

	foreach(lc, uses)
	{
		AttrNumber	attno = ((CasusColumnUse *) lfirst(lc))->attno;
		List	   *mine = uses_of(uses, attno);

		if (list_member_int(done, attno))
			continue;
		done = lappend_int(done, attno);
		say(wish, psprintf("SECURITY LABEL FOR casus ON COLUMN %s.\"%s\" IS %s",
						   casus_relation_ddl_name(relid),
						   casus_relation_ddl_escape(get_attname(relid, attno, false)),
						   quote_literal_cstr(casus_registry_settings_write_uses(mine))),
			false);
		if (run)
			casus_registry_store_uses(relid, attno, mine);
	}
}

/* The child's column says that its rows relabel the parent's. */
static void
label_child(Wish *wish, bool run)
{
	Relation	child = table_open(wish->child, AccessShareLock);
	List	   *uses = casus_registry_settings_uses(child);
	CasusColumnUse *use = palloc0(sizeof(CasusColumnUse));
	ListCell   *lc;

	table_close(child, AccessShareLock);
	foreach(lc, uses_of(uses, wish->child_attno))
	{
		if (strcmp(((CasusColumnUse *) lfirst(lc))->use, "relabels") == 0)
			return;
	}
	use->attno = wish->child_attno;
	use->use = "relabels";
	label_columns(wish, wish->child,
				  lappend(uses_of(uses, wish->child_attno), use), run);
}

static void
remove_statistics(Oid relid, const char *column)
{
	ListCell   *lc;

	foreach(lc, casus_family_members(relid))
		RemoveStatistics(lfirst_oid(lc), get_attnum(lfirst_oid(lc), column));
}

/* Values of personal data have no place in pg_statistic. */
static void
hide_statistics(Wish *wish, Oid relid, bool run)
{
	ListCell   *lc;

	foreach(lc, list_concat_copy(wish->uses, wish->generated))
	{
		CasusColumnUse *use = lfirst(lc);

		if (strcmp(use->use, "data") != 0 && strcmp(use->use, "subject") != 0)
			continue;
		say(wish, psprintf("ALTER TABLE %s ALTER COLUMN \"%s\" SET STATISTICS 0",
						   casus_relation_ddl_name(relid),
						   casus_relation_ddl_escape(get_attname(relid, use->attno, false))),
			run);
		/* Without this ANALYZE stops, but what it collected before stays. */
		if (run)
			remove_statistics(relid, get_attname(relid, use->attno, false));
	}
}

static void
carry_out(Wish *wish, Oid relid, bool run)
{
	char	   *table = casus_relation_ddl_name(relid);
	char	   *outside = DatumGetCString(DirectFunctionCall1(uuid_out,
															  UUIDPGetDatum(&casus_label_outside)));

	if (wish->before == NULL)
		say(wish, psprintf("ALTER TABLE %s ADD COLUMN %s %s.label%s", table,
						   CASUS_LABEL_COLUMN, CASUS_SCHEMA,
						   wish->mixed ? psprintf(" DEFAULT '%s'", outside) : ""), run);
	hide_statistics(wish, relid, run);
	label_columns(wish, relid, wish->uses, run);
	if (OidIsValid(wish->child))
		label_child(wish, run);
	say(wish, psprintf("SECURITY LABEL FOR casus ON TABLE %s IS %s", table,
					   quote_literal_cstr(casus_registry_settings_write(&wish->settings))),
		false);
	if (run)
		casus_registry_store(relid, &wish->settings);
}

static void
say_cost(Wish *wish, double rows)
{
	ListCell   *lc;

	say(wish, psprintf("-- cost: ACCESS EXCLUSIVE lock for a moment, no rewrite; 16 bytes a row once labelled; about %.0f rows for casus.take_in to look at",
					   rows < 0 ? 0 : rows), false);
	say(wish, "-- after casus.bind: COPY FROM into the table is refused by PostgreSQL, and pg_dump by the table's owner fails; dump with a login that has BYPASSRLS and is a member of casus_backup", false);
	foreach(lc, casus_family_members(RelationGetRelid(wish->rel)))
	{
		if (lfirst_oid(lc) != RelationGetRelid(wish->rel))
			say(wish, psprintf("-- with it: %s", casus_relation_ddl_name(lfirst_oid(lc))), false);
	}
	for (int i = 0; i < wish->settings.nvia; i++)
	{
		const CasusVia *via = &wish->settings.via[i];

		if (via->deferrable)
			say(wish, psprintf("-- the foreign key of \"%s\" is deferrable: a row that comes before its parent is labelled at commit",
							   get_attname(RelationGetRelid(wish->rel), via->attno, false)),
				false);
	}
}

static void
read_wish(Wish *wish)
{
	join_earlier(wish);
	read_file(wish);
	read_kind(wish);
	read_governs(wish);
	read_coded(wish, ARG_CATEGORY, "category", &wish->fs->category, check_category);
	read_coded(wish, ARG_ORIGINATOR, "originator", &wish->fs->originator, check_party);
	read_coded(wish, ARG_SUBJECT_CATEGORY, "subject_category",
			   &wish->fs->subject_category, check_subject_category);
	if (!wish->fcinfo->args[ARG_SUBJECT_COLUMN].isnull)
		add_use(wish, casus_subject_column(wish->rel, text_arg(wish, ARG_SUBJECT_COLUMN)),
				"subject", NULL);
	read_columns(wish);
	wish->generated = casus_governs_generated_uses(wish->rel, wish->uses);
	read_manners(wish);
	wish->settings.nuses = casus_registry_settings_count_uses(wish->uses);
	wish->settings.installation =
		casus_installation_id() == NULL ? NULL :
		DatumGetCString(DirectFunctionCall1(uuid_out,
											UUIDPGetDatum(casus_installation_id())));
	if (wish->before != NULL && wish->before->settings != NULL &&
		wish->settings.kind != ((const CasusSettings *) wish->before->settings)->kind)
		wrong("a table comes to its dossiers in one way, for all its files", NULL);
}

Datum
casus_sql_protect(PG_FUNCTION_ARGS)
{
	Wish	   *wish = palloc0(sizeof(Wish));
	bool		run;
	Oid			relid;
	double		rows;
	ListCell   *lc;

	casus_require_preloaded();
	if (PG_ARGISNULL(ARG_RELATION))
		wrong("protect needs a table", NULL);
	relid = PG_GETARG_OID(ARG_RELATION);
	wish->fcinfo = fcinfo;
	run = !bool_arg(wish, ARG_DRY_RUN);

	/* A dry run looks only; it keeps nobody waiting. */
	wish->rel = try_table_open(relid, run ? AccessExclusiveLock : AccessShareLock);
	if (wish->rel == NULL)
		casus_protect_check_unknown("table", psprintf("%u", relid), NULL);
	casus_protect_check_caller(wish->rel);
	(void) casus_family_lock(relid, run ? AccessExclusiveLock : AccessShareLock);
	casus_protect_check_table(wish->rel);
	casus_guard_named_check();
	if (run)
		casus_installation_ensure();
	read_wish(wish);
	rows = wish->rel->rd_rel->reltuples;
	if (!run)
		say_cost(wish, rows);
	foreach(lc, casus_protect_check_histories(relid))
		say(wish, psprintf("-- %s", (char *) lfirst(lc)), false);
	/* ALTER TABLE refuses a table that the session has open. */
	table_close(wish->rel, NoLock);
	wish->rel = NULL;
	carry_out(wish, relid, run);
	if (run)
		casus_census_check_new_file(relid);
	casus_accesslog_event("setup", relid, 0, NULL,
						  run ? psprintf("protect for file %s", wish->fs->file) :
						  psprintf("protect for file %s, dry run", wish->fs->file));
	casus_relation_ddl_return(fcinfo, wish->lines);
	return (Datum) 0;
}
