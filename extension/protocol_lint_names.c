/*
 * protocol_lint_names.c
 *		Checks of a protocol document that concern names: duplicates, citations,
 *		parameters, parties, lists, offices, and the content that gates demand.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protocol_doc.h"

#include "miscadmin.h"

#define ADMIN "casus_admin"

/* Without these no protocol is activated, whatever its text: see design 4. */
static const char *const required_parameters[] = {"startdatum", "dpia"};

/* ---- duplicates and citations ---- */

static void
check_duplicates(DocLint *lint, const DocArray *array, size_t size, const char *what)
{
	int			i;

	for (i = 1; i < array->n; i++)
	{
		DocEntry   *entry = (DocEntry *) (array->items + size * i);
		int			first = casus_protocol_lint_read_find(array, size, entry->name);

		CHECK_FOR_INTERRUPTS();
		if (first >= 0 && first < i)
			doc_add(lint, "error", entry->path, "%s \"%s\" is defined twice", what, entry->name);
	}
}

#define check_twice(lint, array, type, what) \
	check_duplicates(lint, array, sizeof(type), what)

static void
check_all_duplicates(DocLint *lint, const CasusDoc *doc)
{
	int			i;

	check_twice(lint, &doc->articles, DocEntry, "article");
	check_twice(lint, &doc->parameters, DocParameter, "parameter");
	check_twice(lint, &doc->controllers, DocEntry, "controller");
	check_twice(lint, &doc->parties.list, DocParty, "party");
	check_twice(lint, &doc->lists, DocList, "list");
	for (i = 0; i < doc->lists.n; i++)
		check_twice(lint, &DOC_ITEM(&doc->lists, DocList, i)->values, DocValue, "value");
	check_twice(lint, &doc->offices, DocOffice, "office");
	check_twice(lint, &doc->subject_categories, DocEntry, "subject category");
	check_twice(lint, &doc->categories, DocCategory, "category");
	check_twice(lint, &doc->phases, DocPhase, "phase");
	check_twice(lint, &doc->purposes, DocPurpose, "purpose");
	check_twice(lint, &doc->gates, DocGate, "gate");
	for (i = 0; i < doc->nstages; i++)
		if (doc_stage(doc, doc->stage[i]->entry.name) < i &&
			doc_stage(doc, doc->stage[i]->entry.name) >= 0)
			doc_add(lint, "error", doc->stage[i]->entry.path,
					"stage \"%s\" is defined twice", doc->stage[i]->entry.name);
}

/* Does a citation begin with this article: "3.5" cites 3.5, 3.5.c, "3.5, lid 2"? */
static bool
cites(const char *citation, int len, const char *article)
{
	int			n = strlen(article);

	return n > 0 && n <= len && strncmp(citation, article, n) == 0 &&
		(n == len || strchr(".,: ", citation[n]) != NULL);
}

/* "3.5.c; Bijlage 3" cites two: each must begin with an article of the list. */
static void
check_citation_at(DocLint *lint, const CasusDoc *doc, const char *path, const char *cursor)
{

	if (doc->articles.n == 0)
		return;
	while (*cursor != '\0')
	{
		int			len;
		int			i;

		cursor += strspn(cursor, "; ");
		len = strcspn(cursor, ";");
		for (i = 0; i < doc->articles.n; i++)
			if (cites(cursor, len, DOC_ITEM(&doc->articles, DocEntry, i)->name))
				break;
		if (len > 0 && i == doc->articles.n)
			doc_add(lint, "error", path,
					"\"%.*s\" is not among the articles of this protocol", Min(len, 60), cursor);
		cursor += len;
	}
}

static void
check_citation(DocLint *lint, const CasusDoc *doc, const DocEntry *entry)
{
	check_citation_at(lint, doc, psprintf("%s.article", entry->path), entry->article);
}

static void
check_citations_of(DocLint *lint, const CasusDoc *doc, const DocArray *array, size_t size)
{
	int			i;

	for (i = 0; i < array->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		check_citation(lint, doc, (DocEntry *) (array->items + size * i));
	}
}

static void
check_all_citations(DocLint *lint, const CasusDoc *doc)
{
	int			i;

	check_citations_of(lint, doc, &doc->parameters, sizeof(DocParameter));
	check_citations_of(lint, doc, &doc->controllers, sizeof(DocEntry));
	check_citation(lint, doc, &doc->oath);
	check_citation(lint, doc, &doc->break_glass.entry);
	check_citation(lint, doc, &doc->revocation.entry);
	check_citation(lint, doc, &doc->log.entry);
	check_citation(lint, doc, &doc->parties.entry);
	check_citations_of(lint, doc, &doc->parties.list, sizeof(DocParty));
	check_citations_of(lint, doc, &doc->lists, sizeof(DocList));
	for (i = 0; i < doc->lists.n; i++)
		check_citations_of(lint, doc, &DOC_ITEM(&doc->lists, DocList, i)->values,
						   sizeof(DocValue));
	check_citations_of(lint, doc, &doc->offices, sizeof(DocOffice));
	check_citations_of(lint, doc, &doc->subject_categories, sizeof(DocEntry));
	check_citations_of(lint, doc, &doc->categories, sizeof(DocCategory));
	check_citations_of(lint, doc, &doc->phases, sizeof(DocPhase));
	check_citations_of(lint, doc, &doc->purposes, sizeof(DocPurpose));
	check_citations_of(lint, doc, &doc->gates, sizeof(DocGate));
	for (i = 0; i < doc->gates.n; i++)
		check_citations_of(lint, doc, &DOC_ITEM(&doc->gates, DocGate, i)->details,
						   sizeof(DocDetail));
	check_citations_of(lint, doc, &doc->transitions, sizeof(DocTransition));
	check_citations_of(lint, doc, &doc->rules, sizeof(DocRule));
	check_citations_of(lint, doc, &doc->retention, sizeof(DocRetention));
	for (i = 0; i < doc->nstages; i++)
		check_citation(lint, doc, &doc->stage[i]->entry);
}

/* ---- checks ---- */

static void
check_checks(DocLint *lint, const CasusDoc *doc)
{
	const DocKind *form = &casus_protocol_lint_form_checks;
	StringInfoData missing;
	int			i;

	initStringInfo(&missing);
	for (i = 0; i < form->nkeys; i++)
	{
		const char *article = doc->checks.article[i];

		if (*article != '\0')
			check_citation_at(lint, doc, psprintf("$.checks.%s", form->keys[i].key), article);
		else if (i < DOC_CHECKS_RAISED)
			appendStringInfo(&missing, "%s%s", missing.len ? ", " : "", form->keys[i].key);
	}
	if (missing.len > 0)
		doc_add(lint, "warning", "$.checks",
				"refusals by these checks would name no article: %s", missing.data);
}

/* ---- parameters, parties, lists ---- */

static bool
is_one_of(const char *text, const char *const *words, int n)
{
	int			i;

	for (i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static void
check_parameters(DocLint *lint, const CasusDoc *doc)
{
	static const char *const types[] = {"date", "text", "list", "boolean", "integer"};
	int			i;

	for (i = 0; i < doc->parameters.n; i++)
	{
		DocParameter *parameter = DOC_ITEM(&doc->parameters, DocParameter, i);

		if (*parameter->type != '\0' && !is_one_of(parameter->type, types, lengthof(types)))
			doc_add(lint, "error", psprintf("%s.type", parameter->entry.path),
					"\"%s\" is not a type of parameter: date, text, list, boolean, integer",
					parameter->type);
	}
	for (i = 0; i < lengthof(required_parameters); i++)
	{
		int			code = doc_find(&doc->parameters, DocParameter, required_parameters[i]);

		if (code < 0)
			doc_add(lint, "error", "$.parameters", "the mandatory parameter \"%s\" is missing",
					required_parameters[i]);
		else if (!DOC_ITEM(&doc->parameters, DocParameter, code)->mandatory)
			doc_add(lint, "error", psprintf("$.parameters[%d].mandatory", code),
					"the parameter \"%s\" must be mandatory", required_parameters[i]);
	}
}

static void
check_parties(DocLint *lint, const CasusDoc *doc)
{
	const DocParties *parties = &doc->parties;
	int			i;

	if (parties->closed && parties->list.n == 0)
		doc_add(lint, "error", "$.parties",
				"a closed list of parties is empty: nobody could take part");
	for (i = 0; i < parties->list.n; i++)
	{
		DocParty   *party = DOC_ITEM(&parties->list, DocParty, i);

		if (*party->kind != '\0' && !doc_has(&parties->kinds, party->kind))
			doc_add(lint, "error", psprintf("%s.kind", party->entry.path),
					"\"%s\" is not a kind of party of this protocol", party->kind);
	}
	if (doc->controllers.n == 0)
		doc_add(lint, "error", "$.controllers", "a protocol without a controller");
}

static void
check_lists(DocLint *lint, const CasusDoc *doc)
{
	int			i;
	int			j;

	for (i = 0; i < doc->lists.n; i++)
	{
		DocList    *list = DOC_ITEM(&doc->lists, DocList, i);

		if (strcmp(list->entry.name, DOC_PARTIES) == 0)
			doc_add(lint, "error", list->entry.path,
					"the list \"%s\" is made from $.parties and cannot be defined", DOC_PARTIES);
		if (list->values.n == 0)
			doc_add(lint, "error", list->entry.path, "list \"%s\" is empty", list->entry.name);
		for (j = 0; j < list->values.n; j++)
		{
			DocValue   *value = DOC_ITEM(&list->values, DocValue, j);

			if (*value->controller != '\0' &&
				doc_find(&doc->controllers, DocEntry, value->controller) < 0)
				doc_add(lint, "error", psprintf("%s.controller", value->entry.path),
						"there is no controller \"%s\"", value->controller);
			if (*value->parameter != '\0' &&
				doc_find(&doc->parameters, DocParameter, value->parameter) < 0)
				doc_add(lint, "error", psprintf("%s.parameter", value->entry.path),
						"there is no parameter \"%s\"", value->parameter);
		}
	}
}

/* ---- offices ---- */

static bool
decides(const CasusDoc *doc, const char *office)
{
	int			i;

	for (i = 0; i < doc->gates.n; i++)
		if (strcmp(DOC_ITEM(&doc->gates, DocGate, i)->decided_by, office) == 0)
			return true;
	for (i = 0; i < doc->transitions.n; i++)
		if (doc_has(&DOC_ITEM(&doc->transitions, DocTransition, i)->offices, office))
			return true;
	return false;
}

/*
 * Who supervises must not decide, neither by the same office nor by holding
 * another one (AVG 38(6)): the exclusion may stand at either office.
 */
static void
check_supervisor(DocLint *lint, const CasusDoc *doc, const DocOffice *office)
{
	int			i;

	if (decides(doc, office->entry.name))
		doc_add(lint, "error", office->entry.path,
				"office \"%s\" supervises and may not decide at a gate or carry out a transition",
				office->entry.name);
	for (i = 0; i < doc->offices.n; i++)
	{
		DocOffice  *other = DOC_ITEM(&doc->offices, DocOffice, i);

		if (other == office || !decides(doc, other->entry.name) ||
			doc_has(&office->excludes, other->entry.name) ||
			doc_has(&other->excludes, office->entry.name))
			continue;
		doc_add(lint, "error", psprintf("%s.excludes", office->entry.path),
				"office \"%s\" supervises and must exclude the deciding office \"%s\"",
				office->entry.name, other->entry.name);
	}
}

/*
 * Who judges break-glass and is told of inspections: the offices of which the
 * document says so; where it says so of none, those that supervise.
 */
bool
casus_protocol_lint_reviews(const CasusDoc *doc, const DocOffice *office)
{
	for (int i = 0; i < doc->offices.n; i++)
		if (DOC_ITEM(&doc->offices, DocOffice, i)->reviews)
			return office->reviews;
	return office->supervises;
}

/* Who may look at any content decides nothing, and somebody else hears of it. */
static void
check_inspector(DocLint *lint, const CasusDoc *doc, const DocOffice *office)
{
	char	   *path = psprintf("%s.inspects", office->entry.path);
	bool		heard = false;

	if (doc_find(&doc->purposes, DocPurpose, office->inspects) < 0)
		doc_add(lint, "error", path, "there is no purpose \"%s\"", office->inspects);
	if (!office->supervises)
		doc_add(lint, "error", path,
				"office \"%s\" inspects and must be one that supervises", office->entry.name);
	for (int i = 0; i < doc->offices.n; i++)
	{
		DocOffice  *other = DOC_ITEM(&doc->offices, DocOffice, i);

		heard |= other != office && casus_protocol_lint_reviews(doc, other);
	}
	if (!heard)
		doc_add(lint, "warning", path,
				"no other office reviews, so nobody is told of the inspections of office \"%s\"",
				office->entry.name);
}

static void
check_break_glass(DocLint *lint, const CasusDoc *doc)
{
	if (*doc->break_glass.entry.path != '\0' &&
		(doc->break_glass.hours < 1 || doc->break_glass.hours > DOC_MAX_GLASS_HOURS))
		doc_add(lint, "error", psprintf("%s.hours", doc->break_glass.entry.path),
				"break-glass lasts from 1 to %d hours", DOC_MAX_GLASS_HOURS);
	if (*doc->revocation.entry.path != '\0' && doc->revocation.days > DOC_MAX_REVOCATION_DAYS)
		doc_add(lint, "error", psprintf("%s.days", doc->revocation.entry.path),
				"a closing decision can be revoked for at most %d days", DOC_MAX_REVOCATION_DAYS);
}

/* Which offices can be filled, beginning with those that casus_admin appoints. */
static uint64
offices_that_can_be_filled(const CasusDoc *doc)
{
	uint64		filled = 0;
	bool		grew = true;

	while (grew)
	{
		int			i;

		grew = false;
		for (i = 0; i < doc->offices.n; i++)
		{
			DocNames   *by = &DOC_ITEM(&doc->offices, DocOffice, i)->appointed_by;
			int			j;

			for (j = 0; j < by->n && !(filled & (UINT64CONST(1) << i)); j++)
			{
				int			code = doc_find(&doc->offices, DocOffice, by->name[j]);

				if (strcmp(by->name[j], ADMIN) == 0 ||
					(code >= 0 && (filled & (UINT64CONST(1) << code))))
				{
					filled |= UINT64CONST(1) << i;
					grew = true;
				}
			}
		}
	}
	return filled;
}

/* Held for one dossier, and parties take part in one by the office that is held for them. */
static void
check_needs_party(DocLint *lint, const CasusDoc *doc, const DocOffice *office)
{
	char	   *path = psprintf("%s.needs_party", office->entry.path);
	bool		takes_part = false;

	if (strcmp(office->level, "dossier") != 0)
		doc_add(lint, "error", path, "only an office of one dossier needs a party that takes part in it");
	for (int i = 0; i < doc->offices.n; i++)
		takes_part |= strcmp(DOC_ITEM(&doc->offices, DocOffice, i)->level, "party") == 0;
	if (!takes_part)
		doc_add(lint, "error", path, "office \"%s\" can never be held: no office is of level party, so no party takes part",
				office->entry.name);
}

static void
check_office(DocLint *lint, const CasusDoc *doc, const DocOffice *office)
{
	static const char *const levels[] = {"file", "party", "dossier"};
	int			i;

	if (*office->level != '\0' && !is_one_of(office->level, levels, lengthof(levels)))
		doc_add(lint, "error", psprintf("%s.level", office->entry.path),
				"\"%s\" is not a level: file, party, dossier", office->level);
	for (i = 0; i < office->appointed_by.n; i++)
		if (strcmp(office->appointed_by.name[i], ADMIN) != 0 &&
			doc_find(&doc->offices, DocOffice, office->appointed_by.name[i]) < 0)
			doc_add(lint, "error", psprintf("%s.appointed_by", office->entry.path),
					"there is no office \"%s\"", office->appointed_by.name[i]);
	for (i = 0; i < office->excludes.n; i++)
	{
		const char *other = office->excludes.name[i];

		if (strcmp(other, office->entry.name) == 0)
			doc_add(lint, "error", psprintf("%s.excludes", office->entry.path),
					"office \"%s\" excludes itself: nobody could hold it", other);
		else if (doc_find(&doc->offices, DocOffice, other) < 0)
			doc_add(lint, "error", psprintf("%s.excludes", office->entry.path),
					"there is no office \"%s\"", other);
	}
	if (office->needs_party)
		check_needs_party(lint, doc, office);
	if (office->oversees && *office->level != '\0' && strcmp(office->level, "file") != 0)
		doc_add(lint, "error", psprintf("%s.oversees", office->entry.path),
				"only an office of the whole file oversees it: the log tells of all its dossiers");
	if (office->supervises)
		check_supervisor(lint, doc, office);
	if (*office->inspects != '\0')
		check_inspector(lint, doc, office);
}

static void
check_offices(DocLint *lint, const CasusDoc *doc)
{
	uint64		filled = offices_that_can_be_filled(doc);
	int			i;

	check_break_glass(lint, doc);
	for (i = 0; i < doc->offices.n; i++)
	{
		DocOffice  *office = DOC_ITEM(&doc->offices, DocOffice, i);

		check_office(lint, doc, office);
		if (!(filled & (UINT64CONST(1) << i)))
			doc_add(lint, "error", psprintf("%s.appointed_by", office->entry.path),
					"office \"%s\" can never be filled: no chain of appointments begins at %s",
					office->entry.name, ADMIN);
	}
}

void
casus_protocol_lint_names(DocLint *lint, const CasusDoc *doc)
{
	check_all_duplicates(lint, doc);
	check_all_citations(lint, doc);
	check_checks(lint, doc);
	check_parameters(lint, doc);
	check_parties(lint, doc);
	check_lists(lint, doc);
	check_offices(lint, doc);
}
