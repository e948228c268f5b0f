/*
 * registry_settings.c
 *		The settings of a protected table as text of its security labels.
 *
 * Owns the JSON form only: it neither looks into casus' state nor decides
 * anything.  A form that cannot be read gives NULL, and whoever asked fails
 * closed.  No locks of its own: callers hold the relation.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "commands/seclabel.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

static const char *const kind_names[] = {"root", "dossier", "via", "via_child"};
static const char *const mode_names[] = {"none", "registered", "observe", "enforce"};

/* ---- writing ---- */

static void
put_string(StringInfo buf, const char *key, const char *value)
{
	if (value == NULL)
		return;
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoChar(buf, ',');
	escape_json(buf, key);
	appendStringInfoChar(buf, ':');
	escape_json(buf, value);
}

static void
put_bool(StringInfo buf, const char *key, bool value)
{
	if (!value)
		return;
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoChar(buf, ',');
	escape_json(buf, key);
	appendStringInfoString(buf, ":true");
}

static void
put_coded(StringInfo buf, const char *key, const CasusCoded *coded)
{
	put_string(buf, key, coded->constant);
	if (!coded->mapped)
		return;
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoChar(buf, ',');
	escape_json(buf, psprintf("%s_map", key));
	appendStringInfoString(buf, ":{");
	for (int i = 0; i < coded->nmap; i++)
		put_string(buf, coded->map[i].from, coded->map[i].to);
	appendStringInfoChar(buf, '}');
}

char *
casus_registry_settings_write(const CasusSettings *settings)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	put_string(&buf, "mode", mode_names[settings->mode]);
	put_string(&buf, "kind", kind_names[settings->kind]);
	put_string(&buf, "installation", settings->installation);
	put_string(&buf, "via_child", settings->via_child);
	put_string(&buf, "resolve_schema", settings->resolve_schema);
	put_string(&buf, "resolve_name", settings->resolve_name);
	put_bool(&buf, "hide", settings->hide);
	put_bool(&buf, "inherit_item", settings->inherit_item);
	put_bool(&buf, "links", settings->links);
	put_bool(&buf, "default_outside", settings->default_outside);
	put_bool(&buf, "had_row_security", settings->had_row_security);
	put_bool(&buf, "had_force", settings->had_force);
	appendStringInfo(&buf, ",\"uses\":%d", settings->nuses);
	appendStringInfoString(&buf, ",\"files\":[");
	for (int i = 0; i < settings->nfiles; i++)
	{
		const CasusFileSettings *fs = &settings->files[i];

		appendStringInfoString(&buf, i > 0 ? ",{" : "{");
		put_string(&buf, "file", fs->file);
		put_string(&buf, "governs", fs->governs_text);
		put_string(&buf, "default_basis", fs->default_basis);
		put_coded(&buf, "category", &fs->category);
		put_coded(&buf, "originator", &fs->originator);
		put_coded(&buf, "subject_category", &fs->subject_category);
		appendStringInfoChar(&buf, '}');
	}
	appendStringInfoString(&buf, "]}");
	return buf.data;
}

char *
casus_registry_settings_write_uses(List *uses)
{
	StringInfoData buf;
	ListCell   *lc;

	if (uses == NIL)
		return NULL;
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	foreach(lc, uses)
	{
		CasusColumnUse *use = lfirst(lc);

		appendStringInfoString(&buf, lc == list_head(uses) ? "{" : ",{");
		put_string(&buf, "use", use->use);
		put_string(&buf, "file", use->file);
		put_string(&buf, "value", use->value);
		if (use->ordinal != 0)
			appendStringInfo(&buf, ",\"n\":%d", use->ordinal);
		appendStringInfoChar(&buf, '}');
	}
	appendStringInfoChar(&buf, ']');
	return buf.data;
}

/* ---- reading ---- */

/*
 * Labels are written by casus alone, but a restore passes through the relabel
 * hook with whatever text the dump holds: malformed JSON must come out as
 * false there, not as an error that a table's every reader meets.
 */
static Jsonb *
parse_json(const char *text)
{
	Datum		value;

	if (!casus_input_value(F_JSONB_IN, text, InvalidOid, &value))
		return NULL;
	return DatumGetJsonbP(value);
}

static char *
get_string(JsonbContainer *object, const char *key)
{
	JsonbValue	buf;
	JsonbValue *v;

	v = getKeyJsonValueFromContainer(object, key, strlen(key), &buf);
	if (v == NULL || v->type != jbvString)
		return NULL;
	return pnstrdup(v->val.string.val, v->val.string.len);
}

static bool
get_bool(JsonbContainer *object, const char *key)
{
	JsonbValue	buf;
	JsonbValue *v;

	v = getKeyJsonValueFromContainer(object, key, strlen(key), &buf);
	return v != NULL && v->type == jbvBool && v->val.boolean;
}

static int
get_int(JsonbContainer *object, const char *key)
{
	JsonbValue	buf;
	JsonbValue *v;

	v = getKeyJsonValueFromContainer(object, key, strlen(key), &buf);
	if (v == NULL || v->type != jbvNumeric)
		return 0;
	return DatumGetInt32(DirectFunctionCall1(numeric_int4,
											 NumericGetDatum(v->val.numeric)));
}

static int
get_name(JsonbContainer *object, const char *key,
		 const char *const *names, int n)
{
	char	   *value = get_string(object, key);

	for (int i = 0; value != NULL && i < n; i++)
	{
		if (strcmp(value, names[i]) == 0)
			return i;
	}
	return -1;
}

static bool
get_coded(JsonbContainer *object, const char *key, CasusCoded *coded)
{
	char	   *map_key = psprintf("%s_map", key);
	JsonbValue	buf;
	JsonbValue	k;
	JsonbValue *v;
	JsonbIterator *it;
	JsonbIteratorToken token;

	coded->constant = get_string(object, key);
	v = getKeyJsonValueFromContainer(object, map_key, strlen(map_key), &buf);
	if (v == NULL)
		return true;
	if (v->type != jbvBinary || !JsonContainerIsObject(v->val.binary.data))
		return false;
	coded->mapped = true;
	coded->map = palloc0(sizeof(CasusMapEntry) *
						 (JsonContainerSize(v->val.binary.data) + 1));
	it = JsonbIteratorInit(v->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &k, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			coded->map[coded->nmap].from =
				pnstrdup(k.val.string.val, k.val.string.len);
		else if (token == WJB_VALUE)
		{
			if (k.type != jbvString)
				return false;
			coded->map[coded->nmap++].to =
				pnstrdup(k.val.string.val, k.val.string.len);
		}
	}
	return true;
}

static bool
read_file(JsonbContainer *object, CasusFileSettings *fs)
{
	fs->file = get_string(object, "file");
	fs->governs_text = get_string(object, "governs");
	fs->default_basis = get_string(object, "default_basis");
	return fs->file != NULL &&
		get_coded(object, "category", &fs->category) &&
		get_coded(object, "originator", &fs->originator) &&
		get_coded(object, "subject_category", &fs->subject_category);
}

/*
 * What parsing leaves behind is several times what it yields, and the
 * registry keeps its entries: so the JSON gets a context that goes at once.
 */
static Jsonb *
parse_in(MemoryContext scratch, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(scratch);
	Jsonb	   *json = parse_json(text);

	MemoryContextSwitchTo(old);
	return json;
}

static CasusSettings *
read_settings(Jsonb *json)
{
	CasusSettings *settings = palloc0(sizeof(CasusSettings));
	JsonbContainer *files;
	JsonbValue	buf;
	JsonbValue *v;
	int			kind;
	int			mode;

	if (json == NULL || !JB_ROOT_IS_OBJECT(json))
		return NULL;
	kind = get_name(&json->root, "kind", kind_names, lengthof(kind_names));
	mode = get_name(&json->root, "mode", mode_names, lengthof(mode_names));
	v = getKeyJsonValueFromContainer(&json->root, "files", 5, &buf);
	if (kind < 0 || mode < 0 || v == NULL || v->type != jbvBinary ||
		!JsonContainerIsArray(v->val.binary.data))
		return NULL;

	settings->cxt = CurrentMemoryContext;
	settings->kind = (CasusKind) kind;
	settings->mode = (CasusMode) mode;
	settings->nuses = get_int(&json->root, "uses");
	settings->installation = get_string(&json->root, "installation");
	settings->via_child = get_string(&json->root, "via_child");
	settings->resolve_schema = get_string(&json->root, "resolve_schema");
	settings->resolve_name = get_string(&json->root, "resolve_name");
	settings->hide = get_bool(&json->root, "hide");
	settings->inherit_item = get_bool(&json->root, "inherit_item");
	settings->links = get_bool(&json->root, "links");
	settings->default_outside = get_bool(&json->root, "default_outside");
	settings->had_row_security = get_bool(&json->root, "had_row_security");
	settings->had_force = get_bool(&json->root, "had_force");

	files = v->val.binary.data;
	settings->nfiles = JsonContainerSize(files);
	settings->files = palloc0(sizeof(CasusFileSettings) * (settings->nfiles + 1));
	for (int i = 0; i < settings->nfiles; i++)
	{
		v = getIthJsonbValueFromContainer(files, i);
		if (v == NULL || v->type != jbvBinary ||
			!JsonContainerIsObject(v->val.binary.data) ||
			!read_file(v->val.binary.data, &settings->files[i]))
			return NULL;
	}
	return settings;
}

CasusSettings *
casus_registry_settings_read(const char *text)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "casus label",
												  ALLOCSET_SMALL_SIZES);
	CasusSettings *settings = read_settings(parse_in(scratch, text));

	MemoryContextDelete(scratch);
	return settings;
}

static List *
read_uses(AttrNumber attno, Jsonb *json, bool *ok)
{
	List	   *uses = NIL;
	int			n;

	*ok = json != NULL && JB_ROOT_IS_ARRAY(json) && !JB_ROOT_IS_SCALAR(json);
	if (!*ok)
		return NIL;
	n = JB_ROOT_COUNT(json);
	for (int i = 0; i < n; i++)
	{
		CasusColumnUse *use = palloc0(sizeof(CasusColumnUse));
		JsonbValue *v = getIthJsonbValueFromContainer(&json->root, i);

		if (v->type != jbvBinary || !JsonContainerIsObject(v->val.binary.data) ||
			(use->use = get_string(v->val.binary.data, "use")) == NULL)
		{
			*ok = false;
			return NIL;
		}
		use->attno = attno;
		use->file = get_string(v->val.binary.data, "file");
		use->value = get_string(v->val.binary.data, "value");
		use->ordinal = get_int(v->val.binary.data, "n");
		uses = lappend(uses, use);
	}
	return uses;
}

List *
casus_registry_settings_read_uses(AttrNumber attno, const char *text, bool *ok)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "casus label",
												  ALLOCSET_SMALL_SIZES);
	List	   *uses = read_uses(attno, parse_in(scratch, text), ok);

	MemoryContextDelete(scratch);
	return uses;
}

static int
use_order(const ListCell *a, const ListCell *b)
{
	const CasusColumnUse *ua = lfirst(a);
	const CasusColumnUse *ub = lfirst(b);

	return ua->ordinal != ub->ordinal ? ua->ordinal - ub->ordinal :
		ua->attno - ub->attno;
}

/* What the columns of a relation are used for, in the order of the ordinals. */
List *
casus_registry_settings_uses(Relation rel)
{
	List	   *uses = NIL;

	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		ObjectAddress column;
		char	   *text;
		bool		ok;

		if (TupleDescAttr(RelationGetDescr(rel), i)->attisdropped)
			continue;
		ObjectAddressSubSet(column, RelationRelationId,
							RelationGetRelid(rel), i + 1);
		text = GetSecurityLabel(&column, CASUS_PROVIDER);
		if (text != NULL)
			uses = list_concat(uses, casus_registry_settings_read_uses(i + 1, text, &ok));
	}
	list_sort(uses, use_order);
	return uses;
}

static int
count_use(List *uses, const char *use)
{
	ListCell   *lc;
	int			n = 0;

	foreach(lc, uses)
		n += strcmp(((CasusColumnUse *) lfirst(lc))->use, use) == 0;
	return n;
}

/* Those that protect of this table has made; relabels is of its parent's. */
int
casus_registry_settings_count_uses(List *uses)
{
	return list_length(uses) - count_use(uses, "relabels");
}

static void
apply_to_file(CasusFileSettings *fs, const CasusColumnUse *use)
{
	if (use->file != NULL && strcmp(use->file, fs->file) != 0)
		return;
	if (strcmp(use->use, "category") == 0)
		fs->category.attno = use->attno;
	else if (strcmp(use->use, "originator") == 0)
		fs->originator.attno = use->attno;
	else if (strcmp(use->use, "subject_category") == 0)
		fs->subject_category.attno = use->attno;
	else if (strcmp(use->use, "subject") == 0)
		fs->subject_attno = use->attno;
	else if (strcmp(use->use, "data") == 0 && use->value != NULL)
	{
		fs->data[fs->ndata].attno = use->attno;
		fs->data[fs->ndata++].category = use->value;
	}
}

/* Puts the columns' part into the settings; via and relabels get the column only. */
void
casus_registry_settings_apply_uses(CasusSettings *settings, List *uses)
{
	ListCell   *lc;
	int			n = list_length(uses) + 1;

	settings->via = palloc0(sizeof(CasusVia) * (count_use(uses, "via") + 1));
	settings->relabels = palloc0(sizeof(CasusVia) * (count_use(uses, "relabels") + 1));
	settings->resolve_attnos = palloc0(sizeof(AttrNumber) * (count_use(uses, "resolve") + 1));
	for (int i = 0; i < settings->nfiles; i++)
		settings->files[i].data = palloc0(sizeof(CasusDataColumn) * n);
	foreach(lc, uses)
	{
		CasusColumnUse *use = lfirst(lc);

		if (strcmp(use->use, "via") == 0)
			settings->via[settings->nvia++].attno = use->attno;
		else if (strcmp(use->use, "relabels") == 0)
			settings->relabels[settings->nrelabels++].attno = use->attno;
		else if (strcmp(use->use, "resolve") == 0)
			settings->resolve_attnos[settings->nresolve++] = use->attno;
		else if (strcmp(use->use, "dossier") == 0)
			settings->dossier_attno = use->attno;
		else
		{
			for (int i = 0; i < settings->nfiles; i++)
				apply_to_file(&settings->files[i], use);
		}
	}
}
