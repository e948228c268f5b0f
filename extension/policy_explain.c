/*
 * policy_explain.c
 *		The verdict with its reason, for any capacity and verb.
 *
 * Checks go in a fixed order: purpose, involvement, phase or retention, taking
 * part, category, whose item it is, the gates that the rule waits for.  To a
 * capacity that may not know of the dossier every refusal is the same as that
 * for a dossier that does not exist.
 *
 * The last verdicts that allowed are remembered, one per category (modulo a few),
 * for statements that write many rows of one dossier; each holds for one version
 * of state and until a moment, as the read verdict does.  Private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"
#include "state.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

/* What the checks look at. */
typedef struct Case
{
	const CasusCapacity *capacity;
	const CasusLabel *label;
	CasusVerb	verb;
	const CasusProtocol *protocol;
	CasusDossier dossier;
	bool		takes_part;
	bool		may_know;		/* of the dossier's existence */
	bool		waited;			/* for a gate that has been decided since */
	TimestampTz until;			/* when the answer may change by itself */
} Case;

#define MEMORIES	8

static struct Memory
{
	uint64		version;
	TimestampTz until;
	CasusCapacity capacity;
	int64		dossier;
	uint8		category;
	uint16		party;
	CasusVerb	verb;
	char		article[128];
}			memories[MEMORIES];

static const char *
verb_name(CasusVerb verb)
{
	switch (verb)
	{
		case CASUS_READ:
			return _("read");
		case CASUS_SUPPLY:
			return _("supply");
		case CASUS_CORRECT:
			return _("correct");
		case CASUS_REMOVE:
			return _("remove");
	}
	return "";
}

static bool
refuse(CasusReason *reason, const char *code, const char *article,
	   const char *text, const char *hint)
{
	reason->code = code;
	reason->article = article;
	reason->text = text;
	reason->hint = hint;
	return false;
}

static bool
allow(CasusReason *reason, const char *article, const char *text)
{
	memset(reason, 0, sizeof(*reason));
	reason->article = article;
	reason->text = text;
	return true;
}

static bool
refuse_unknown(CasusReason *reason)
{
	return refuse(reason, "not_involved", NULL,
				  _("the dossier does not exist, or this office is not involved in it"),
				  NULL);
}

static bool
refuse_no_purpose(CasusReason *reason)
{
	return refuse(reason, "no_purpose", NULL,
				  _("no purpose has been entered for this file"),
				  CASUS_HINT_ENTER);
}

/* ---- the rules that bear on a case ---- */

static const char *
state_article(const Case *c)
{
	for (int i = 0; i < c->protocol->nstages; i++)
		if (c->protocol->stages[i].code == c->dossier.state)
			return c->protocol->stages[i].article;
	return c->dossier.phase < c->protocol->nphases ?
		c->protocol->phase_article[c->dossier.phase] : NULL;
}

static const char *
state_name(const Case *c)
{
	for (int i = 0; i < c->protocol->nstages; i++)
		if (c->protocol->stages[i].code == c->dossier.state)
			return c->protocol->stages[i].name;
	return c->dossier.phase < c->protocol->nphases ?
		c->protocol->phase[c->dossier.phase] : "?";
}

/* The purpose that reads this phase, for the hint. */
static const char *
enter_hint(const Case *c)
{
	const CasusProtocol *p = c->protocol;

	for (int i = 0; i < p->npurposes; i++)
		if (p->purpose_phases[i] & (UINT64CONST(1) << c->dossier.phase))
			return psprintf("BEGIN; SELECT casus.enter(%s, dossier => " INT64_FORMAT ");",
							quote_literal_cstr(p->purpose[i]), c->dossier.id);
	return NULL;
}

/* Who may do what in this phase or stage. */
static const char *
rules_hint(const Case *c)
{
	return psprintf("SELECT office, purpose, categories, may FROM casus.rule "
					"WHERE protocol = %s AND %s = %s;",
					quote_literal_cstr(c->protocol->name),
					c->dossier.state >= 32 ? "stage" : "phase",
					quote_literal_cstr(state_name(c)));
}

static bool
is_for_capacity(const CasusRule *rule, const Case *c)
{
	return rule->office == c->capacity->office &&
		rule->purpose == c->capacity->purpose &&
		(rule->verbs & c->verb) != 0;
}

/* The office has no rule in this state: why not? */
static bool
refuse_state(const Case *c, CasusReason *reason)
{
	const CasusProtocol *p = c->protocol;
	bool		others = false;
	bool		elsewhere = false;

	for (int i = 0; i < p->nrules; i++)
	{
		const CasusRule *rule = &p->rules[i];

		if ((rule->verbs & c->verb) == 0)
			continue;
		if (rule->state == c->dossier.state && rule->purpose == c->capacity->purpose)
			others = true;
		if (is_for_capacity(rule, c))
			elsewhere = true;
	}

	if (c->dossier.state >= 32)
		return refuse(reason, "retention", state_article(c),
					  psprintf(_("in stage %s office %s may not %s for purpose %s"),
							   state_name(c), p->office[c->capacity->office],
							   verb_name(c->verb), p->purpose[c->capacity->purpose]),
					  rules_hint(c));
	if (others && !elsewhere)
		return refuse(reason, "wrong_office", state_article(c),
					  psprintf(_("office %s may not %s for purpose %s"),
							   p->office[c->capacity->office], verb_name(c->verb),
							   p->purpose[c->capacity->purpose]),
					  rules_hint(c));
	return refuse(reason, "wrong_phase", state_article(c),
				  psprintf(_("in phase %s office %s may not %s for purpose %s"),
						   state_name(c), p->office[c->capacity->office],
						   verb_name(c->verb), p->purpose[c->capacity->purpose]),
				  rules_hint(c));
}

/* Is the item within the scope of the rule? */
static bool
in_scope(const CasusRule *rule, const Case *c)
{
	switch (rule->scope)
	{
		case CASUS_SCOPE_ALL:
			return true;
		case CASUS_SCOPE_OWN:
			/* What is supplied now is supplied by the party that supplies it. */
			return c->capacity->party != 0 && c->label->party == c->capacity->party;
		case CASUS_SCOPE_SHARED:
			return casus_dossier_shared(c->label->dossier, c->label->item,
										c->capacity->party);
	}
	return false;
}

/*
 * Goes through the rules of the state; remembers the nearest miss, so that
 * the refusal names the first check that no rule got past.
 */
static bool
judge_rules(Case *c, CasusReason *reason)
{
	const CasusProtocol *p = c->protocol;
	uint64		bit = UINT64CONST(1) << c->label->category;
	const CasusRule *no_part = NULL;
	const CasusRule *no_category = NULL;
	const CasusRule *no_scope = NULL;
	const CasusRule *no_gate = NULL;
	char	   *missing = NULL;

	for (int i = 0; i < p->nrules; i++)
	{
		const CasusRule *rule = &p->rules[i];

		if (rule->state != c->dossier.state || !is_for_capacity(rule, c))
			continue;
		if (rule->participants && !c->takes_part)
			no_part = no_part ? no_part : rule;
		else if ((rule->categories & bit) == 0)
			no_category = no_category ? no_category : rule;
		else if (!in_scope(rule, c))
			no_scope = no_scope ? no_scope : rule;
		else if (rule->waits &&
				 (missing = casus_decided_before_rule(p->id, rule->ordinal, c->dossier.id)) != NULL)
			no_gate = rule;
		else
		{
			c->waited = rule->waits;
			return allow(reason, rule->article,
						 psprintf(_("office %s may %s for purpose %s in %s"),
								  p->office[c->capacity->office], verb_name(c->verb),
								  p->purpose[c->capacity->purpose], state_name(c)));
		}
	}

	if (no_gate)
		return refuse(reason, "gate_missing", no_gate->article,
					  psprintf(_("%s of category %s comes after gate %s"), verb_name(c->verb),
							   p->category[c->label->category], missing),
					  psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");", c->dossier.id));
	if (no_scope)
		return refuse(reason, "not_shared", no_scope->article,
					  no_scope->scope == CASUS_SCOPE_SHARED ?
					  _("the item has not been shared with this party") :
					  _("the item was brought in by another party"),
					  no_scope->scope == CASUS_SCOPE_SHARED ?
					  psprintf("SELECT * FROM casus.participant WHERE dossier = " INT64_FORMAT
							   ";  -- one of these may share it: casus.share()", c->dossier.id) :
					  psprintf("SELECT * FROM casus.participant WHERE dossier = " INT64_FORMAT
							   ";  -- the party that brought it in may", c->dossier.id));
	if (no_category)
		return refuse(reason, "wrong_category", no_category->article,
					  psprintf(_("office %s may not %s category %s for purpose %s"),
							   p->office[c->capacity->office], verb_name(c->verb),
							   c->label->category < p->ncategories ?
							   p->category[c->label->category] : "?",
							   p->purpose[c->capacity->purpose]),
					  rules_hint(c));
	if (no_part)
		return refuse(reason, "not_involved", no_part->article,
					  _("this office or its party does not take part in the dossier"),
					  psprintf("SELECT * FROM casus.participant WHERE dossier = " INT64_FORMAT
							   ";  -- casus.involve() brings in another", c->dossier.id));
	return refuse_state(c, reason);
}

/* Fills in the dossier and who takes part; false: nothing that may be known. */
static bool
look_up(Case *c)
{
	const CasusCapacity *capacity = c->capacity;
	char		level;

	if (!casus_dossier_load(c->label->dossier, &c->dossier) ||
		c->dossier.state == CASUS_STATE_GONE ||
		c->dossier.file != capacity->file ||
		(capacity->dossier != 0 && capacity->dossier != c->dossier.id))
		return false;
	c->protocol = casus_protocol(capacity->protocol);
	if (capacity->office >= c->protocol->noffices ||
		capacity->purpose >= c->protocol->npurposes)
		return false;

	level = c->protocol->office_level[capacity->office];
	c->until = c->dossier.valid_until;
	c->takes_part = casus_dossier_participates_until(c->dossier.id, capacity->person,
													 capacity->party, capacity->office,
													 &c->until);
	c->may_know = level == CASUS_LEVEL_FILE || c->takes_part;
	return level != CASUS_LEVEL_DOSSIER || c->takes_part;
}

static bool
judge(Case *c, CasusReason *reason)
{
	if (!look_up(c))
		return refuse_unknown(reason);
	if ((c->protocol->purpose_phases[c->capacity->purpose] &
		 (UINT64CONST(1) << c->dossier.phase)) == 0)
		return refuse(reason, "wrong_phase",
					  c->protocol->phase_article[c->dossier.phase],
					  psprintf(_("purpose %s is not for dossiers in phase %s"),
							   c->protocol->purpose[c->capacity->purpose],
							   c->protocol->phase[c->dossier.phase]),
					  enter_hint(c));
	return judge_rules(c, reason);
}

/* ---- the memory of what was allowed ---- */

static bool
is_remembered(const CasusCapacity *capacity, const CasusLabel *label, CasusVerb verb)
{
	const struct Memory *allowed = &memories[label->category % MEMORIES];

	return allowed->version == casus_catalog_generation &&
		allowed->dossier == label->dossier &&
		allowed->category == label->category &&
		allowed->party == label->party &&
		allowed->verb == verb &&
		memcmp(&allowed->capacity, capacity, sizeof(*capacity)) == 0 &&
		(allowed->until == DT_NOEND || GetCurrentTimestamp() < allowed->until);
}

/* Only what depends neither on the single item nor on a decision: that may be another later. */
static void
remember(const Case *c, const CasusReason *reason, uint64 version)
{
	struct Memory *allowed = &memories[c->label->category % MEMORIES];

	if (c->waited)
		return;
	for (int i = 0; i < c->protocol->nrules; i++)
		if (is_for_capacity(&c->protocol->rules[i], c) &&
			c->protocol->rules[i].scope == CASUS_SCOPE_SHARED)
			return;
	allowed->until = c->until;
	allowed->version = version;
	allowed->capacity = *c->capacity;
	allowed->dossier = c->label->dossier;
	allowed->category = c->label->category;
	allowed->party = c->label->party;
	allowed->verb = c->verb;
	strlcpy(allowed->article, reason->article ? reason->article : "",
			sizeof(allowed->article));
}

static bool
explain_one(const CasusCapacity *capacity, const CasusLabel *label,
			CasusVerb verb, CasusReason *reason)
{
	Case		c = {0};
	uint64		version = casus_catalog_generation;

	if (capacity == NULL)
		return refuse_no_purpose(reason);
	if (is_remembered(capacity, label, verb))
		return allow(reason, memories[label->category % MEMORIES].article, NULL);

	c.capacity = capacity;
	c.label = label;
	c.verb = verb;
	if (judge(&c, reason))
	{
		remember(&c, reason, version);
		return true;
	}
	/* Whoever may not know of the dossier learns nothing from the check either. */
	if (!c.may_know)
		return refuse_unknown(reason);
	return false;
}

/* Of a row of several dossiers every one has to allow it. */
bool
casus_policy_explain(const CasusCapacity *capacity, const CasusLabel *label,
					 CasusVerb verb, CasusReason *reason)
{
	int64	   *others;
	int			n;

	if (label->item != 0 && verb != CASUS_SUPPLY &&
		casus_policy_inserted_here(label->dossier, label->item))
		return allow(reason, NULL, _("the row was inserted by this transaction"));
	if (!explain_one(capacity, label, verb, reason))
		return false;
	if (!label->linked)
		return true;
	n = casus_dossier_linked(label->dossier, label->item, &others);
	for (int i = 0; i < n; i++)
	{
		CasusLabel	other = *label;

		other.dossier = others[i];
		if (!explain_one(capacity, &other, verb, reason))
			return false;
	}
	return n > 0 || refuse_unknown(reason);
}
