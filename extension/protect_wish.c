/*
 * protect_wish.c
 *		What a call of casus.protect() asks for: its arguments, read and checked.
 *
 * Nothing is changed here.  The caller holds the lock on the table, so that what
 * is checked stays so until protect.c has carried it out.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protect.h"
#include "resolve.h"
#include "subject.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

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

static char *
text_arg(CasusWish *wish, Argument arg)
{
	if (wish->fcinfo->args[arg].isnull)
		return NULL;
	return text_to_cstring(DatumGetTextPP(wish->fcinfo->args[arg].value));
}

static bool
bool_arg(CasusWish *wish, Argument arg)
{
	return !wish->fcinfo->args[arg].isnull &&
		DatumGetBool(wish->fcinfo->args[arg].value);
}

static void
wrong(const char *message, const char *detail)
{
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL, message, detail, CASUS_HINT_CALLS);
}

static CasusColumnUse *
add_use(CasusWish *wish, AttrNumber attno, const char *use, const char *value)
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
check_category(CasusWish *wish, const char *name, const char *where)
{
	if (casus_protocol_category(wish->protocol, name) < 0)
		casus_protect_check_unknown("category", name,
									psprintf("It stands in %s; view casus.category lists those of protocol \"%s\".",
											 where, wish->protocol->name));
}

static void
check_party(CasusWish *wish, const char *name, const char *where)
{
	if (casus_rowcodes_party(wish->fs->id, name) < 0)
		casus_protect_check_unknown("party", name,
									psprintf("It stands in %s; file \"%s\" has no such party.",
											 where, wish->fs->file));
}

static void
check_subject_category(CasusWish *wish, const char *name, const char *where)
{
	if (casus_protocol_subject_category(wish->protocol, name) <= 0)
		casus_protect_check_unknown("subject category", name,
									psprintf("It stands in %s; protocol \"%s\" has no such category of data subjects.",
											 where, wish->protocol->name));
}

typedef void (*NameCheck) (CasusWish *wish, const char *name, const char *where);

/* A jsonb object of strings, each value a name of the protocol. */
static void
read_map(CasusWish *wish, Jsonb *map, const char *what, CasusCoded *coded, NameCheck check)
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
read_coded(CasusWish *wish, Argument first, const char *what, CasusCoded *coded,
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
read_columns(CasusWish *wish)
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
read_via(CasusWish *wish, char *given)
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
read_resolve(CasusWish *wish)
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
read_kind(CasusWish *wish)
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
read_governs(CasusWish *wish)
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
read_file(CasusWish *wish)
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
read_manners(CasusWish *wish)
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
join_earlier(CasusWish *wish)
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

/* ---- the call ---- */

Oid
casus_protect_wish_table(FunctionCallInfo fcinfo)
{
	if (fcinfo->args[ARG_RELATION].isnull)
		wrong("protect needs a table", NULL);
	return DatumGetObjectId(fcinfo->args[ARG_RELATION].value);
}

/* Is it more than a dry run? */
bool
casus_protect_wish_runs(FunctionCallInfo fcinfo)
{
	return fcinfo->args[ARG_DRY_RUN].isnull ||
		!DatumGetBool(fcinfo->args[ARG_DRY_RUN].value);
}

void
casus_protect_wish_read(CasusWish *wish)
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
