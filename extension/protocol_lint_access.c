/*
 * protocol_lint_access.c
 *		Checks of a protocol document that concern access: purposes, categories,
 *		retention stages and rules; and the unfolding of a rule into one row per
 *		state, office and purpose, which loader and checks share.
 *
 * A state is a phase (code 0 to 31) or a retention stage (32 to 63).
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protocol_doc.h"

#include "miscadmin.h"

#define BIT(i) (UINT64CONST(1) << (i))

/* In the order of the bits of CasusVerb. */
static const char *const verbs[] = {"read", "supply", "correct", "remove"};

static const char *const scopes[] = {"all", "own", "shared"};	/* in the order of CasusScope */

/* ---- unfolding ---- */

static int
verb_bits(const DocNames *may)
{
	int			bits = 0;
	int			i;

	for (i = 0; i < lengthof(verbs); i++)
		if (doc_has(may, verbs[i]))
			bits |= 1 << i;
	return bits;
}

/* CasusScope of a name, or -1. */
static int
scope_code(const char *name)
{
	int			i;

	for (i = 0; i < lengthof(scopes); i++)
		if (strcmp(scopes[i], name) == 0)
			return i;
	return -1;
}

static uint64
category_bits(const CasusDoc *doc, const DocNames *categories)
{
	uint64		bits = 0;
	int			i;

	for (i = 0; i < doc->categories.n; i++)
		if (categories->all ||
			doc_has(categories, DOC_ITEM(&doc->categories, DocCategory, i)->entry.name))
			bits |= BIT(i);
	return bits;
}

/* Is this purpose for the dossiers of a phase? By default for the one of its name. */
static bool
purpose_is_for(const DocPurpose *purpose, const char *phase)
{
	return purpose->phases.given ? doc_has(&purpose->phases, phase) :
		strcmp(purpose->entry.name, phase) == 0;
}

/* Name of the phase that a state belongs to, or NULL. */
static const char *
phase_of_state(const CasusDoc *doc, int state)
{
	int			phase = state;

	if (state >= DOC_FIRST_STAGE)
		phase = doc->stage[state - DOC_FIRST_STAGE]->phase;
	return phase < 0 ? NULL : DOC_ITEM(&doc->phases, DocPhase, phase)->entry.name;
}

/* Does the rule speak of this purpose in this state? */
static bool
rule_takes_purpose(const DocRule *rule, const DocPurpose *purpose, const char *phase)
{
	if (!purpose_is_for(purpose, phase))
		return false;
	return rule->purposes.given ? doc_has(&rule->purposes, purpose->entry.name) :
		strcmp(purpose->entry.name, phase) == 0;
}

static uint64
rule_states(const CasusDoc *doc, const DocRule *rule)
{
	uint64		states = 0;
	int			i;

	for (i = 0; i < rule->phases.n; i++)
	{
		int			phase = doc_find(&doc->phases, DocPhase, rule->phases.name[i]);

		if (phase >= 0)
			states |= BIT(phase);
	}
	for (i = 0; i < rule->stages.n; i++)
	{
		int			stage = doc_stage(doc, rule->stages.name[i]);

		if (stage >= 0)
			states |= BIT(DOC_FIRST_STAGE + stage);
	}
	return states;
}

/* Adds the rows of one rule for one state. */
static void
expand_state(const CasusDoc *doc, const DocRule *rule, int state,
			 DocGrant *grants, int *n)
{
	const char *phase = phase_of_state(doc, state);
	int			purpose;
	int			i;

	for (purpose = 0; purpose < doc->purposes.n && phase != NULL; purpose++)
	{
		if (!rule_takes_purpose(rule, DOC_ITEM(&doc->purposes, DocPurpose, purpose), phase))
			continue;
		for (i = 0; i < rule->offices.n; i++)
		{
			int			office = doc_find(&doc->offices, DocOffice, rule->offices.name[i]);
			DocGrant   *grant;

			/* One more than is allowed, so that the caller can tell. */
			if (office < 0 || *n > DOC_MAX_GRANTS)
				continue;
			grant = &grants[(*n)++];
			grant->rule = rule;
			grant->state = state;
			grant->office = office;
			grant->purpose = purpose;
			grant->categories = category_bits(doc, &rule->categories);
			grant->scope = Max(scope_code(rule->scope), 0);
			grant->participants = rule->participants;
			grant->verbs = verb_bits(&rule->may);
		}
	}
}

DocGrant *
casus_protocol_lint_access_expand(const CasusDoc *doc, int *ngrants)
{
	DocGrant   *grants = palloc(sizeof(DocGrant) * (DOC_MAX_GRANTS + 1));
	int			i;
	int			state;

	*ngrants = 0;
	for (i = 0; i < doc->rules.n; i++)
	{
		DocRule    *rule = DOC_ITEM(&doc->rules, DocRule, i);
		uint64		states = rule_states(doc, rule);

		for (state = 0; state < CASUS_MAX_CODE; state++)
		{
			CHECK_FOR_INTERRUPTS();
			if (states & BIT(state))
				expand_state(doc, rule, state, grants, ngrants);
		}
	}
	return grants;
}

/* ---- purposes, categories, retention ---- */

static void
check_purposes(DocLint *lint, const CasusDoc *doc)
{
	int			i;
	int			j;

	for (i = 0; i < doc->purposes.n; i++)
	{
		DocPurpose *purpose = DOC_ITEM(&doc->purposes, DocPurpose, i);

		for (j = 0; j < purpose->phases.n; j++)
			if (doc_find(&doc->phases, DocPhase, purpose->phases.name[j]) < 0)
				doc_add(lint, "error", psprintf("%s.phases", purpose->entry.path),
						"there is no phase \"%s\"", purpose->phases.name[j]);
		if (!purpose->phases.given &&
			doc_find(&doc->phases, DocPhase, purpose->entry.name) < 0)
			doc_add(lint, "error", purpose->entry.path,
					"no phase is named like purpose \"%s\": it must say its phases, [] for none",
					purpose->entry.name);
	}
}

static void
check_categories(DocLint *lint, const CasusDoc *doc)
{
	int			i;
	int			j;

	if (doc_find(&doc->subject_categories, DocEntry, DOC_NO_SUBJECT) >= 0)
		doc_add(lint, "error", "$.subject_categories",
				"\"%s\" means data about no person and cannot be defined", DOC_NO_SUBJECT);
	for (i = 0; i < doc->categories.n; i++)
	{
		DocCategory *category = DOC_ITEM(&doc->categories, DocCategory, i);

		if (!category->subjects.all && category->subjects.n == 0)
			doc_add(lint, "error", psprintf("%s.subjects", category->entry.path),
					"category \"%s\" may be kept about nobody; write \"*\" for anyone",
					category->entry.name);
		for (j = 0; j < category->subjects.n; j++)
			if (strcmp(category->subjects.name[j], DOC_NO_SUBJECT) != 0 &&
				doc_find(&doc->subject_categories, DocEntry, category->subjects.name[j]) < 0)
				doc_add(lint, "error", psprintf("%s.subjects", category->entry.path),
						"there is no subject category \"%s\"", category->subjects.name[j]);
	}
}

/*
 * The stages of a phase follow each other, so their terms must grow; compared
 * from a day on which no month is cut short.
 */
static void
check_stages(DocLint *lint, DocRetention *retention)
{
	DateADT		previous = 0;
	int			i;

	for (i = 0; i < retention->stages.n; i++)
	{
		DocStage   *stage = DOC_ITEM(&retention->stages, DocStage, i);
		const char *path = psprintf("%s.until", stage->entry.path);
		const char *problem;
		bool		out_of_range;
		DateADT		due;

		if (*stage->until == '\0')
			continue;
		problem = casus_term_parse(stage->until, &stage->term, &out_of_range);
		if (problem != NULL)
		{
			doc_add(lint, "error", path, "malformed term: %s", problem);
			continue;
		}
		stage->term_valid = true;
		due = casus_term_due_on(&stage->term, 0) +
			(stage->term.mode == CASUS_TERM_GEDURENDE ? 1 : 0);
		if (i > 0 && due <= previous)
			doc_add(lint, "error", path,
					"stage \"%s\" ends no later than the stage before it", stage->entry.name);
		previous = due;
	}
}

static void
check_retention(DocLint *lint, const CasusDoc *doc)
{
	uint64		seen = 0;
	int			i;

	for (i = 0; i < doc->retention.n; i++)
	{
		DocRetention *retention = DOC_ITEM(&doc->retention, DocRetention, i);
		const char *path = psprintf("%s.phase", retention->entry.path);
		int			phase = doc_find(&doc->phases, DocPhase, retention->phase);

		check_stages(lint, retention);
		if (retention->stages.n == 0)
			doc_add(lint, "error", psprintf("%s.stages", retention->entry.path),
					"retention without a stage");
		if (phase < 0)
		{
			doc_add(lint, "error", path, "there is no phase \"%s\"", retention->phase);
			continue;
		}
		if (!DOC_ITEM(&doc->phases, DocPhase, phase)->terminal)
			doc_add(lint, "error", path,
					"phase \"%s\" is not terminal: its retention clock never starts",
					retention->phase);
		if (seen & BIT(phase))
			doc_add(lint, "error", path, "retention of phase \"%s\" is defined twice",
					retention->phase);
		seen |= BIT(phase);
	}
	for (i = 0; i < doc->phases.n; i++)
	{
		DocPhase   *phase = DOC_ITEM(&doc->phases, DocPhase, i);

		if (phase->terminal && !(seen & BIT(i)))
			doc_add(lint, "warning", phase->entry.path,
					"terminal phase \"%s\" has no retention: nothing ends what rules allow there",
					phase->entry.name);
	}
}

/* ---- rules ---- */

static bool
phase_has_stages(const CasusDoc *doc, int phase)
{
	int			i;

	for (i = 0; i < doc->nstages; i++)
		if (doc->stage[i]->phase == phase)
			return true;
	return false;
}

static void
check_rule_states(DocLint *lint, const CasusDoc *doc, const DocRule *rule)
{
	const char *path = rule->entry.path;
	int			i;

	if (rule->phases.n == 0 && rule->stages.n == 0)
		doc_add(lint, "error", path, "a rule must name phases or stages");
	for (i = 0; i < rule->phases.n; i++)
	{
		int			phase = doc_find(&doc->phases, DocPhase, rule->phases.name[i]);

		if (phase < 0)
			doc_add(lint, "error", psprintf("%s.phases", path),
					"there is no phase \"%s\"", rule->phases.name[i]);
		else if (phase_has_stages(doc, phase))
			doc_add(lint, "error", psprintf("%s.phases", path),
					"phase \"%s\" has retention stages: the rule must name a stage",
					rule->phases.name[i]);
	}
	for (i = 0; i < rule->stages.n; i++)
		if (doc_stage(doc, rule->stages.name[i]) < 0)
			doc_add(lint, "error", psprintf("%s.stages", path),
					"there is no stage \"%s\"", rule->stages.name[i]);
}

static void
check_rule_offices(DocLint *lint, const CasusDoc *doc, const DocRule *rule)
{
	bool		is_partial = strcmp(rule->scope, "all") != 0;
	int			i;

	if (rule->offices.n == 0)
		doc_add(lint, "error", psprintf("%s.offices", rule->entry.path), "the rule is for nobody");
	for (i = 0; i < rule->offices.n; i++)
	{
		int			office = doc_find(&doc->offices, DocOffice, rule->offices.name[i]);
		const char *path = psprintf("%s.offices", rule->entry.path);

		if (office < 0)
			doc_add(lint, "error", path, "there is no office \"%s\"", rule->offices.name[i]);
		else if (strcmp(DOC_ITEM(&doc->offices, DocOffice, office)->level, "file") == 0)
		{
			if (is_partial)
				doc_add(lint, "error", path,
						"office \"%s\" has no party, so nothing is its own or shared with it",
						rule->offices.name[i]);
			if (rule->participants)
				doc_add(lint, "warning", path,
						"office \"%s\" is of the whole file: it takes part only by name",
						rule->offices.name[i]);
		}
	}
}

static void
check_rule_purposes(DocLint *lint, const CasusDoc *doc, const DocRule *rule)
{
	uint64		states = rule_states(doc, rule);
	int			state;
	int			i;

	for (i = 0; i < rule->purposes.n; i++)
		if (doc_find(&doc->purposes, DocPurpose, rule->purposes.name[i]) < 0)
			doc_add(lint, "error", psprintf("%s.purposes", rule->entry.path),
					"there is no purpose \"%s\"", rule->purposes.name[i]);
	for (state = 0; state < CASUS_MAX_CODE; state++)
	{
		const char *phase;

		if (!(states & BIT(state)) || (phase = phase_of_state(doc, state)) == NULL)
			continue;
		for (i = 0; i < doc->purposes.n; i++)
			if (rule_takes_purpose(rule, DOC_ITEM(&doc->purposes, DocPurpose, i), phase))
				break;
		if (i == doc->purposes.n)
			doc_add(lint, "error", psprintf("%s.purposes", rule->entry.path),
					"no purpose of this rule is for dossiers in phase \"%s\"", phase);
	}
}

static void
check_rule_content(DocLint *lint, const CasusDoc *doc, const DocRule *rule)
{
	const char *path = rule->entry.path;
	int			i;

	for (i = 0; i < rule->categories.n; i++)
		if (doc_find(&doc->categories, DocCategory, rule->categories.name[i]) < 0)
			doc_add(lint, "error", psprintf("%s.categories", path),
					"there is no category \"%s\"", rule->categories.name[i]);
	if (!rule->categories.all && rule->categories.n == 0)
		doc_add(lint, "error", psprintf("%s.categories", path), "the rule is about no category");
	if (*rule->scope != '\0' && scope_code(rule->scope) < 0)
		doc_add(lint, "error", psprintf("%s.scope", path),
				"\"%s\" is not a scope: all, own, shared", rule->scope);
	for (i = 0; i < rule->may.n; i++)
	{
		DocNames	one = {true, false, 1, &rule->may.name[i]};

		if (verb_bits(&one) == 0)
			doc_add(lint, "error", psprintf("%s.may", path),
					"\"%s\" is not a verb: read, supply, correct, remove", rule->may.name[i]);
	}
	if (rule->may.n == 0)
		doc_add(lint, "error", psprintf("%s.may", path), "the rule allows nothing");
	if (strcmp(rule->scope, "shared") == 0 && (verb_bits(&rule->may) & ~CASUS_READ))
		doc_add(lint, "error", psprintf("%s.may", path),
				"what another party brought in and shared can only be read");
}

/* ---- rules against each other ---- */

static int
compare_grants(const void *left, const void *right)
{
	const DocGrant *a = left;
	const DocGrant *b = right;

	if (a->state != b->state)
		return a->state - b->state;
	if (a->office != b->office)
		return a->office - b->office;
	if (a->purpose != b->purpose)
		return a->purpose - b->purpose;
	/* Both point into one array. */
	return (int) (a->rule - b->rule);
}

/*
 * Rules only ever allow; so a rule that allows less of the same is without
 * effect.  When it is narrower by scope, participation or a gate, its author thought
 * that it restricts: that is a contradiction and no mere repetition.
 */
static void
check_pair(DocLint *lint, const DocGrant *wide, const DocGrant *narrow)
{
	bool		is_restriction = wide->scope != narrow->scope ||
		wide->participants != narrow->participants || narrow->rule->after.n > 0;

	if ((narrow->categories & ~wide->categories) != 0 || (narrow->verbs & ~wide->verbs) != 0 ||
		narrow->categories == 0 || narrow->verbs == 0 ||
		(wide->scope != CASUS_SCOPE_ALL && wide->scope != narrow->scope) ||
		(wide->participants && !narrow->participants) || wide->rule->after.n > 0)
		return;
	if (is_restriction)
		doc_add(lint, "error", narrow->rule->entry.path,
				"the rule contradicts %s, which allows the same without its restriction",
				wide->rule->entry.path);
	else
		doc_add(lint, "warning", narrow->rule->entry.path,
				"the rule adds nothing to %s", wide->rule->entry.path);
}

static bool
same_place(const DocGrant *a, const DocGrant *b)
{
	return a->state == b->state && a->office == b->office && a->purpose == b->purpose;
}

static void
check_contradictions(DocLint *lint, const CasusDoc *doc, DocGrant *grants, int n)
{
	/* Each pair of rules is reported once, not for every state it meets in. */
	bool	   *seen = palloc0(sizeof(bool) * Max(doc->rules.n * doc->rules.n, 1));
	DocRule    *first = DOC_ITEM(&doc->rules, DocRule, 0);
	int			i;
	int			j;

	qsort(grants, n, sizeof(DocGrant), compare_grants);
	for (i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (j = i + 1; j < n && same_place(&grants[i], &grants[j]); j++)
		{
			int			pair = (grants[i].rule - first) * doc->rules.n + (grants[j].rule - first);
			int			before = lint->findings ? list_length(lint->findings) : 0;

			if (seen[pair] || grants[i].rule == grants[j].rule)
				continue;
			check_pair(lint, &grants[i], &grants[j]);
			if (before == (lint->findings ? list_length(lint->findings) : 0))
				check_pair(lint, &grants[j], &grants[i]);
			seen[pair] = before != (lint->findings ? list_length(lint->findings) : 0);
		}
	}
}

/* ---- what nobody reaches ---- */

static void
check_use(DocLint *lint, const CasusDoc *doc, const DocGrant *grants, int n)
{
	uint64		read = 0;
	uint64		supplied = 0;
	uint64		purposes = 0;
	uint64		states = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		purposes |= BIT(grants[i].purpose);
		states |= BIT(grants[i].state);
		if (grants[i].verbs & CASUS_READ)
			read |= grants[i].categories;
		if (grants[i].verbs & CASUS_SUPPLY)
			supplied |= grants[i].categories;
	}
	for (i = 0; i < doc->categories.n; i++)
	{
		DocEntry   *entry = &DOC_ITEM(&doc->categories, DocCategory, i)->entry;

		if (!(read & BIT(i)))
			doc_add(lint, "error", entry->path, "nobody may ever see category \"%s\"", entry->name);
		else if (!(supplied & BIT(i)))
			doc_add(lint, "warning", entry->path, "nobody may ever bring in category \"%s\"",
					entry->name);
	}
	for (i = 0; i < doc->phases.n; i++)
	{
		DocEntry   *entry = &DOC_ITEM(&doc->phases, DocPhase, i)->entry;

		if (!(states & BIT(i)) && !phase_has_stages(doc, i))
			doc_add(lint, "warning", entry->path, "no rule is for phase \"%s\"", entry->name);
	}
	for (i = 0; i < doc->nstages; i++)
		if (!(states & BIT(DOC_FIRST_STAGE + i)))
			doc_add(lint, "note", doc->stage[i]->entry.path, "nobody reads in stage \"%s\"",
					doc->stage[i]->entry.name);
	for (i = 0; i < doc->purposes.n; i++)
	{
		DocEntry   *entry = &DOC_ITEM(&doc->purposes, DocPurpose, i)->entry;

		if (!(purposes & BIT(i)))
			doc_add(lint, "note", entry->path, "no rule grants content for purpose \"%s\"",
					entry->name);
	}
}

void
casus_protocol_lint_access(DocLint *lint, const CasusDoc *doc)
{
	DocGrant   *grants;
	int			n;
	int			i;

	check_purposes(lint, doc);
	check_categories(lint, doc);
	check_retention(lint, doc);
	for (i = 0; i < doc->rules.n; i++)
	{
		DocRule    *rule = DOC_ITEM(&doc->rules, DocRule, i);

		check_rule_states(lint, doc, rule);
		check_rule_offices(lint, doc, rule);
		check_rule_purposes(lint, doc, rule);
		check_rule_content(lint, doc, rule);
	}
	grants = casus_protocol_lint_access_expand(doc, &n);
	if (n > DOC_MAX_GRANTS)
	{
		doc_add(lint, "error", "$.rules",
				"the rules make more than %d rows of state, office and purpose", DOC_MAX_GRANTS);
		return;
	}
	check_contradictions(lint, doc, grants, n);
	check_use(lint, doc, grants, n);
}
