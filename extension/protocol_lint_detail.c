/*
 * protocol_lint_detail.c
 *		Checks of a protocol document that concern what gates demand: the keys of
 *		the details of a decision, their kinds, and where their values are from.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protocol_doc.h"

static bool
is_type(const char *name)
{
	static const char *const types[] = {"text", "date", "boolean", "integer", "choice", "list"};

	for (int i = 0; i < lengthof(types); i++)
		if (strcmp(types[i], name) == 0)
			return true;
	return false;
}

/* A parameter of the file that holds a list, from which the values are. */
static void
check_detail_parameter(DocLint *lint, const CasusDoc *doc, const DocDetail *detail)
{
	char	   *path = psprintf("%s.parameter", detail->entry.path);
	int			i = doc_find(&doc->parameters, DocParameter, detail->parameter);

	if (*detail->from != '\0')
		doc_add(lint, "error", path, "the values are from a list or from a parameter: one of the two");
	if (i < 0 || strcmp(DOC_ITEM(&doc->parameters, DocParameter, i)->type, "list") != 0)
		doc_add(lint, "error", path, "there is no parameter \"%s\" of type list", detail->parameter);
}

static void
check_detail_source(DocLint *lint, const CasusDoc *doc, const DocDetail *detail)
{
	bool		takes_list = strcmp(detail->type, "choice") == 0 ||
		strcmp(detail->type, "list") == 0;

	if (*detail->parameter != '\0')
		check_detail_parameter(lint, doc, detail);
	else if (*detail->from == '\0' && strcmp(detail->type, "choice") == 0)
		doc_add(lint, "error", detail->entry.path, "a choice must name the list it is from");
	if (!takes_list && (*detail->from != '\0' || *detail->parameter != '\0'))
		doc_add(lint, "error", psprintf("%s.%s", detail->entry.path,
										*detail->from != '\0' ? "from" : "parameter"),
				"only a choice or a list is from a list");
	if (*detail->from == '\0')
		return;
	if (strcmp(detail->from, DOC_PARTIES) == 0)
	{
		if (!doc->parties.closed)
			doc_add(lint, "error", psprintf("%s.from", detail->entry.path),
					"the parties of this protocol are no closed list");
	}
	else if (doc_find(&doc->lists, DocList, detail->from) < 0)
		doc_add(lint, "error", psprintf("%s.from", detail->entry.path),
				"there is no list \"%s\"", detail->from);
}

/* "aandrager=professional": another key of the gate, and a value it may have. */
static void
check_detail_when(DocLint *lint, const CasusDoc *doc, const DocGate *gate,
				  const DocDetail *detail)
{
	const char *equals = strchr(detail->when, '=');
	char	   *key;
	int			other;
	int			list;

	if (*detail->when == '\0')
		return;
	key = pnstrdup(detail->when, equals ? equals - detail->when : strlen(detail->when));
	other = doc_find(&gate->details, DocDetail, key);
	if (equals == NULL || other < 0)
	{
		doc_add(lint, "error", psprintf("%s.when", detail->entry.path),
				"a condition reads key=value, with a key of the same gate");
		return;
	}
	list = doc_find(&doc->lists, DocList, DOC_ITEM(&gate->details, DocDetail, other)->from);
	if (list >= 0 &&
		doc_find(&DOC_ITEM(&doc->lists, DocList, list)->values, DocValue, equals + 1) < 0)
		doc_add(lint, "error", psprintf("%s.when", detail->entry.path),
				"\"%s\" is not a value of list \"%s\"", equals + 1,
				DOC_ITEM(&doc->lists, DocList, list)->entry.name);
}

/* What the protocol fills in must be an answer that it would accept. */
static void
check_detail_default(DocLint *lint, const CasusDoc *doc, const DocDetail *detail)
{
	char	   *path = psprintf("%s.default", detail->entry.path);
	int			list;

	if (*detail->value == '\0')
		return;
	if (strcmp(detail->type, "choice") != 0)
	{
		doc_add(lint, "error", path, "only a choice has a default");
		return;
	}
	list = doc_find(&doc->lists, DocList, detail->from);
	if (list >= 0 &&
		doc_find(&DOC_ITEM(&doc->lists, DocList, list)->values, DocValue,
				 detail->value) < 0)
		doc_add(lint, "error", path, "\"%s\" is not a value of list \"%s\"",
				detail->value, detail->from);
}

static void
check_detail(DocLint *lint, const CasusDoc *doc, const DocGate *gate, int i)
{
	DocDetail  *detail = DOC_ITEM(&gate->details, DocDetail, i);
	int			j;

	if (*detail->type != '\0' && !is_type(detail->type))
		doc_add(lint, "error", psprintf("%s.type", detail->entry.path),
				"\"%s\" is not a type of detail: text, date, boolean, integer, choice, list",
				detail->type);
	check_detail_source(lint, doc, detail);
	check_detail_when(lint, doc, gate, detail);
	check_detail_default(lint, doc, detail);
	if (detail->min_given && strcmp(detail->type, "text") != 0 &&
		strcmp(detail->type, "list") != 0)
		doc_add(lint, "error", psprintf("%s.min", detail->entry.path),
				"a minimum is for text and list");
	if (detail->equals_given && strcmp(detail->type, "boolean") != 0)
		doc_add(lint, "error", psprintf("%s.equals", detail->entry.path),
				"a required value is for boolean");
	if (*gate->meeting != '\0' && strcmp(detail->entry.name, DOC_PRESENT) == 0)
		doc_add(lint, "error", detail->entry.path,
				"the key \"%s\" is taken: every meeting records who was present", DOC_PRESENT);
	for (j = 0; j < detail->outcomes.n; j++)
		if (!doc_has(&gate->outcomes, detail->outcomes.name[j]))
			doc_add(lint, "error", psprintf("%s.outcomes", detail->entry.path),
					"gate \"%s\" has no outcome \"%s\"", gate->entry.name,
					detail->outcomes.name[j]);
	for (j = 0; j < i; j++)
		if (*detail->entry.name != '\0' &&
			strcmp(DOC_ITEM(&gate->details, DocDetail, j)->entry.name, detail->entry.name) == 0)
			doc_add(lint, "error", detail->entry.path, "key \"%s\" is demanded twice",
					detail->entry.name);
}

void
casus_protocol_lint_detail(DocLint *lint, const CasusDoc *doc)
{
	int			i;
	int			j;

	for (i = 0; i < doc->gates.n; i++)
	{
		DocGate    *gate = DOC_ITEM(&doc->gates, DocGate, i);

		for (j = 0; j < gate->details.n; j++)
			check_detail(lint, doc, gate, j);
	}
}
