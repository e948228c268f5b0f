/*
 * protocol_lint_read.c
 *		Reads a protocol document from jsonb into structs, and reports what does
 *		not have the shape of the form: unknown and missing keys, wrong types,
 *		malformed names, too many entries.
 *
 * One reader walks the table in protocol_lint_form.c; the form is at most four
 * levels deep, so whatever is nested deeper is a wrong type and is never
 * descended into.  All memory is the caller's context; nothing is locked.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protocol_doc.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define MAX_FINDINGS	1000	/* a hostile document must not fill memory */
#define MAX_NAME		63
#define MAX_TEXT		4000

/* ---- findings ---- */

void
casus_protocol_lint_read_add(DocLint *lint, const char *severity, const char *path,
							 const char *format,...)
{
	DocFinding *finding;
	StringInfoData message;

	if (strcmp(severity, "error") == 0)
		lint->nerrors++;
	if (list_length(lint->findings) > MAX_FINDINGS)
		return;

	finding = palloc(sizeof(DocFinding));
	finding->severity = pstrdup(severity);
	finding->path = pstrdup(path);
	initStringInfo(&message);
	if (list_length(lint->findings) == MAX_FINDINGS)
		format = gettext_noop("more findings are left out");
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&message, _(format), args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	finding->message = message.data;
	lint->findings = lappend(lint->findings, finding);
}

/* ---- finding names ---- */

int
casus_protocol_lint_read_find(const DocArray *array, size_t size, const char *name)
{
	int			i;

	if (*name == '\0')
		return -1;
	for (i = 0; i < array->n; i++)
		if (strcmp(((DocEntry *) (array->items + i * size))->name, name) == 0)
			return i;
	return -1;
}

int
casus_protocol_lint_read_stage(const CasusDoc *doc, const char *name)
{
	int			i;

	for (i = 0; i < doc->nstages; i++)
		if (*name != '\0' && strcmp(doc->stage[i]->entry.name, name) == 0)
			return i;
	return -1;
}

bool
casus_protocol_lint_read_has(const DocNames *names, const char *name)
{
	int			i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

/* ---- values ---- */

/* A document may hold anything in a string; in a finding it is cut short. */
static char *
text_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static const char *
shown(const char *text)
{
	int			len = strlen(text);

	return len <= 60 ? text :
		psprintf("%.*s...", pg_mbcliplen(text, len, 60), text);
}

static bool
is_name(const char *text, bool versioned)
{
	const char *c;

	if (strlen(text) > MAX_NAME || *text < 'a' || *text > 'z')
		return false;
	for (c = text; *c != '\0'; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_' ||
			  (versioned && (*c == '-' || *c == '.'))))
			return false;
	return true;
}

static const char *
read_name(DocLint *lint, const JsonbValue *value, const char *path, bool versioned)
{
	char	   *text;

	if (value->type != jbvString)
	{
		doc_add(lint, "error", path, "a name is expected");
		return "";
	}
	text = text_of(value);
	if (!is_name(text, versioned))
	{
		doc_add(lint, "error", path,
				"\"%s\" is no name: up to 63 lower-case letters, digits and \"_\", a letter first",
				shown(text));
		return "";
	}
	return text;
}

static const char *
read_text(DocLint *lint, const JsonbValue *value, const char *path)
{
	char	   *text;

	if (value->type != jbvString)
	{
		doc_add(lint, "error", path, "a text is expected");
		return "";
	}
	text = text_of(value);
	if (strspn(text, " \t\r\n") == strlen(text))
		doc_add(lint, "error", path, "the text is empty");
	else if (strlen(text) > MAX_TEXT)
	{
		doc_add(lint, "error", path, "the text is longer than %d bytes", MAX_TEXT);
		return "";
	}
	return text;
}

/* A whole number from 0; nine digits are enough for every key of the form. */
static int
read_int(DocLint *lint, const JsonbValue *value, const char *path)
{
	char	   *digits;

	if (value->type == jbvNumeric)
	{
		digits = DatumGetCString(DirectFunctionCall1(numeric_out,
													 NumericGetDatum(value->val.numeric)));
		if (strlen(digits) <= 9 && strspn(digits, "0123456789") == strlen(digits))
			return atoi(digits);
	}
	doc_add(lint, "error", path, "a whole number from 0 is expected");
	return 0;
}

static void
read_names_array(DocLint *lint, JsonbContainer *array, const char *path, bool free_text,
				 DocNames *names)
{
	int			n = JsonContainerSize(array);
	int			i;

	if (n > MAX_FINDINGS)
	{
		doc_add(lint, "error", path, "more than %d names", MAX_FINDINGS);
		n = 0;
	}
	names->name = palloc(sizeof(char *) * Max(n, 1));
	for (i = 0; i < n; i++)
	{
		char	   *item_path = psprintf("%s[%d]", path, i);
		JsonbValue *item = getIthJsonbValueFromContainer(array, i);
		const char *name;

		name = free_text ? read_text(lint, item, item_path) :
			read_name(lint, item, item_path, false);
		if (*name == '\0')
			continue;
		if (doc_has(names, name))
			doc_add(lint, "warning", item_path, "\"%s\" is named twice", shown(name));
		else
			names->name[names->n++] = name;
	}
}

static void
read_names(DocLint *lint, const JsonbValue *value, const char *path, DocType type,
		   DocNames *names)
{
	names->given = true;
	if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data))
		read_names_array(lint, value->val.binary.data, path, type == DOC_TEXTS, names);
	else if (type == DOC_NAMES_OR_ALL && value->type == jbvString &&
			 value->val.string.len == 1 && *value->val.string.val == '*')
		names->all = true;
	else if (type != DOC_TEXTS && value->type == jbvString)
	{
		names->name = palloc(sizeof(char *));
		names->name[0] = read_name(lint, value, path, false);
		names->n = *names->name[0] == '\0' ? 0 : 1;
	}
	else
		doc_add(lint, "error", path, "an array of %s is expected",
				type == DOC_TEXTS ? "texts" : "names");
}

/* ---- objects ---- */

static void read_object(DocLint *lint, JsonbContainer *object, const char *path,
						const DocKind *kind, char *out);

/* Strings that nothing sets must read as "", whatever the document lacks. */
static void
set_empty(const DocKind *kind, char *out)
{
	int			i;

	for (i = 0; i < kind->nkeys; i++)
	{
		const DocKey *key = &kind->keys[i];

		if (key->type == DOC_NAME || key->type == DOC_VERSIONED || key->type == DOC_TEXT)
			*(const char **) (out + key->offset) = "";
		else if (key->type == DOC_OBJECT)
		{
			DocEntry   *child = (DocEntry *) (out + key->offset);

			child->path = child->name = child->title = child->article = "";
			set_empty(key->kind, (char *) child);
		}
	}
	if (kind->json != 0)
		*(const char **) (out + kind->json) = "[]";
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static void
read_objects(DocLint *lint, const JsonbValue *value, const char *path,
			 const DocKind *kind, DocArray *out)
{
	JsonbContainer *array;
	int			n;
	int			i;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
	{
		doc_add(lint, "error", path, "an array of objects is expected");
		return;
	}
	array = value->val.binary.data;
	n = JsonContainerSize(array);
	if (n > kind->max)
	{
		doc_add(lint, "error", path, "%d entries, but at most %d can be numbered", n, kind->max);
		n = kind->max;
	}
	out->items = palloc0(kind->size * Max(n, 1));
	for (i = 0; i < n; i++)
	{
		char	   *item_path = psprintf("%s[%d]", path, i);
		JsonbValue *item = getIthJsonbValueFromContainer(array, i);
		DocEntry   *entry = (DocEntry *) (out->items + kind->size * i);

		entry->name = entry->title = entry->article = "";
		set_empty(kind, (char *) entry);
		entry->path = item_path;
		if (is_object(item))
			read_object(lint, item->val.binary.data, item_path, kind, (char *) entry);
		else
			doc_add(lint, "error", item_path, "an object is expected");
	}
	out->n = n;
}

static void
read_value(DocLint *lint, const JsonbValue *value, const char *path,
		   const DocKey *key, char *field)
{
	switch (key->type)
	{
		case DOC_NAME:
		case DOC_VERSIONED:
			*(const char **) field = read_name(lint, value, path,
											   key->type == DOC_VERSIONED);
			break;
		case DOC_TEXT:
			*(const char **) field = read_text(lint, value, path);
			break;
		case DOC_BOOL:
			if (value->type == jbvBool)
				*(bool *) field = value->val.boolean;
			else
				doc_add(lint, "error", path, "true or false is expected");
			break;
		case DOC_INT:
			*(int *) field = read_int(lint, value, path);
			break;
		case DOC_NAMES:
		case DOC_NAMES_OR_ALL:
		case DOC_TEXTS:
			read_names(lint, value, path, key->type, (DocNames *) field);
			break;
		case DOC_OBJECT:
			((DocEntry *) field)->path = path;
			if (is_object(value))
				read_object(lint, value->val.binary.data, path, key->kind, field);
			else
				doc_add(lint, "error", path, "an object is expected");
			break;
		case DOC_OBJECTS:
			read_objects(lint, value, path, key->kind, (DocArray *) field);
			break;
	}
}

static void
report_unknown_keys(DocLint *lint, JsonbContainer *object, const char *path,
					const DocKind *kind)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			i;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		for (i = 0; i < kind->nkeys; i++)
			if (strlen(kind->keys[i].key) == value.val.string.len &&
				strncmp(kind->keys[i].key, value.val.string.val, value.val.string.len) == 0)
				break;
		if (i == kind->nkeys)
			doc_add(lint, "error", path, "unknown key \"%s\" in %s",
					shown(text_of(&value)), kind->what);
	}
}

static void
read_object(DocLint *lint, JsonbContainer *object, const char *path,
			const DocKind *kind, char *out)
{
	int			i;

	report_unknown_keys(lint, object, path, kind);
	for (i = 0; i < kind->nkeys; i++)
	{
		const DocKey *key = &kind->keys[i];
		JsonbValue	value;

		if (getKeyJsonValueFromContainer(object, key->key, strlen(key->key), &value) == NULL)
		{
			if (key->required)
				doc_add(lint, "error", path, "%s lacks the key \"%s\"", kind->what, key->key);
			continue;
		}
		if (key->given != 0)
			*(bool *) (out + key->given) = true;
		read_value(lint, &value, psprintf("%s.%s", path, key->key), key, out + key->offset);
		if (kind->json != 0 && key->type == DOC_OBJECTS && value.type == jbvBinary)
			*(const char **) (out + kind->json) =
				JsonbToCString(NULL, value.val.binary.data, value.val.binary.len);
	}
}

/* The stages of all phases in one row: their codes are their places in it. */
static void
number_stages(DocLint *lint, CasusDoc *doc)
{
	int			i;
	int			j;

	for (i = 0; i < doc->retention.n; i++)
	{
		DocRetention *retention = DOC_ITEM(&doc->retention, DocRetention, i);

		for (j = 0; j < retention->stages.n; j++)
		{
			DocStage   *stage = DOC_ITEM(&retention->stages, DocStage, j);

			if (doc->nstages == DOC_MAX_STAGES)
			{
				doc_add(lint, "error", stage->entry.path,
						"more than %d retention stages cannot be numbered", DOC_MAX_STAGES);
				return;
			}
			stage->phase = doc_find(&doc->phases, DocPhase, retention->phase);
			stage->ordinal = j + 1;
			doc->stage[doc->nstages++] = stage;
		}
	}
}

CasusDoc *
casus_protocol_lint_read(DocLint *lint, Jsonb *definition)
{
	CasusDoc   *doc = palloc0(sizeof(CasusDoc));

	set_empty(&casus_protocol_lint_form, (char *) doc);
	doc->entry.path = "$";
	doc->entry.article = "";
	if (!JB_ROOT_IS_OBJECT(definition))
	{
		doc_add(lint, "error", "$", "a protocol document is a JSON object");
		return doc;
	}
	read_object(lint, &definition->root, "$", &casus_protocol_lint_form, (char *) doc);
	number_stages(lint, doc);
	return doc;
}
