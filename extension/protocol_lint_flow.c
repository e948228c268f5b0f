/*
 * protocol_lint_flow.c
 *		Checks of a protocol document that concern the course of a dossier:
 *		phases, gates and transitions; what cannot be reached and where it would
 *		be stuck.
 *
 * Phases are bits of a mask: there are at most 32.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protocol_doc.h"

#define PHASE_BIT(i) (UINT64CONST(1) << (i))

/* ---- references ---- */

static void
check_phase_names(DocLint *lint, const CasusDoc *doc, const DocNames *phases,
				  const char *path, const char *key)
{
	int			i;

	for (i = 0; i < phases->n; i++)
		if (doc_find(&doc->phases, DocPhase, phases->name[i]) < 0)
			doc_add(lint, "error", psprintf("%s.%s", path, key),
					"there is no phase \"%s\"", phases->name[i]);
}

static void
check_office_name(DocLint *lint, const CasusDoc *doc, const char *office,
				  const char *path, const char *key)
{
	if (*office != '\0' && doc_find(&doc->offices, DocOffice, office) < 0)
		doc_add(lint, "error", psprintf("%s.%s", path, key),
				"there is no office \"%s\"", office);
}

/* ---- phases ---- */

static void
check_phases(DocLint *lint, const CasusDoc *doc)
{
	int			ninitial = 0;
	int			nclosing = 0;
	int			i;

	for (i = 0; i < doc->phases.n; i++)
	{
		DocPhase   *phase = DOC_ITEM(&doc->phases, DocPhase, i);

		ninitial += phase->initial;
		nclosing += phase->closing;
		if (phase->initial && phase->terminal)
			doc_add(lint, "error", phase->entry.path,
					"phase \"%s\" is both initial and terminal", phase->entry.name);
		if (phase->closing && !phase->terminal)
			doc_add(lint, "error", phase->entry.path,
					"phase \"%s\" closes a dossier but is not terminal", phase->entry.name);
	}
	if (ninitial != 1)
		doc_add(lint, "error", "$.phases", "%d initial phases, exactly one is needed", ninitial);
	if (nclosing != 1)
		doc_add(lint, "error", "$.phases", "%d closing phases, exactly one is needed", nclosing);
}

/* ---- gates ---- */

/* Is gate "from" decided after gate "to", directly or by way of others? */
static bool
comes_after(const CasusDoc *doc, int from, int to, uint64 *seen)
{
	DocNames   *after = &DOC_ITEM(&doc->gates, DocGate, from)->after;
	int			i;

	*seen |= UINT64CONST(1) << from;
	for (i = 0; i < after->n; i++)
	{
		int			next = doc_find(&doc->gates, DocGate, after->name[i]);

		if (next < 0)
			continue;
		if (next == to)
			return true;
		if (!(*seen & (UINT64CONST(1) << next)) && comes_after(doc, next, to, seen))
			return true;
	}
	return false;
}

/* The gates that a gate or a rule comes after, and the outcomes that it asks of them. */
static void
check_after(DocLint *lint, const CasusDoc *doc, const DocNames *after, const DocNames *outcomes,
			const char *path)
{
	int			i;
	int			j;

	for (i = 0; i < after->n; i++)
		if (doc_find(&doc->gates, DocGate, after->name[i]) < 0)
			doc_add(lint, "error", psprintf("%s.after", path),
					"there is no gate \"%s\"", after->name[i]);
	for (i = 0; i < outcomes->n; i++)
	{
		for (j = 0; j < after->n; j++)
		{
			int			other = doc_find(&doc->gates, DocGate, after->name[j]);

			if (other >= 0 && doc_has(&DOC_ITEM(&doc->gates, DocGate, other)->outcomes,
									  outcomes->name[i]))
				break;
		}
		if (j == after->n)
			doc_add(lint, "error", psprintf("%s.after_outcomes", path),
					"no gate named in \"after\" has the outcome \"%s\"", outcomes->name[i]);
	}
}

static void
check_gate_order(DocLint *lint, const CasusDoc *doc, int code)
{
	DocGate    *gate = DOC_ITEM(&doc->gates, DocGate, code);
	uint64		seen = 0;

	check_after(lint, doc, &gate->after, &gate->after_outcomes, gate->entry.path);
	if (comes_after(doc, code, code, &seen))
		doc_add(lint, "error", psprintf("%s.after", gate->entry.path),
				"gate \"%s\" would have to come after itself", gate->entry.name);
}

/* What is read is decided row by row, where no decision is looked up. */
static void
check_rule(DocLint *lint, const CasusDoc *doc, const DocRule *rule)
{
	check_after(lint, doc, &rule->after, &rule->after_outcomes, rule->entry.path);
	if (rule->after.n > 0 && doc_has(&rule->may, "read"))
		doc_add(lint, "error", psprintf("%s.after", rule->entry.path),
				"reading waits for no gate but that of its phase: only supply, correct and remove");
}

static bool
gate_is_used(const CasusDoc *doc, const DocGate *gate)
{
	int			i;

	for (i = 0; i < doc->transitions.n; i++)
		if (strcmp(DOC_ITEM(&doc->transitions, DocTransition, i)->gate, gate->entry.name) == 0)
			return true;
	for (i = 0; i < doc->gates.n; i++)
		if (doc_has(&DOC_ITEM(&doc->gates, DocGate, i)->after, gate->entry.name))
			return true;
	for (i = 0; i < doc->rules.n; i++)
		if (doc_has(&DOC_ITEM(&doc->rules, DocRule, i)->after, gate->entry.name))
			return true;
	return false;
}

static void
check_gate(DocLint *lint, const CasusDoc *doc, int code)
{
	DocGate    *gate = DOC_ITEM(&doc->gates, DocGate, code);
	int			i;

	check_phase_names(lint, doc, &gate->phases, gate->entry.path, "phases");
	check_office_name(lint, doc, gate->decided_by, gate->entry.path, "decided_by");
	check_gate_order(lint, doc, code);
	if (gate->phases.n == 0)
		doc_add(lint, "error", psprintf("%s.phases", gate->entry.path),
				"gate \"%s\" can be decided in no phase", gate->entry.name);
	if (gate->outcomes.n == 0)
		doc_add(lint, "error", psprintf("%s.outcomes", gate->entry.path),
				"gate \"%s\" has no outcome", gate->entry.name);
	if ((*gate->meeting != '\0') != (gate->present_min > 0))
		doc_add(lint, "error", gate->entry.path,
				"a meeting and how many parties must be present (present_min) belong together");
	for (i = 0; i < gate->phases.n; i++)
	{
		int			phase = doc_find(&doc->phases, DocPhase, gate->phases.name[i]);

		if (phase >= 0 && DOC_ITEM(&doc->phases, DocPhase, phase)->terminal)
			doc_add(lint, "warning", psprintf("%s.phases", gate->entry.path),
					"gate \"%s\" is decided in the terminal phase \"%s\", which nothing leaves",
					gate->entry.name, gate->phases.name[i]);
	}
	if (!gate_is_used(doc, gate))
		doc_add(lint, "warning", gate->entry.path,
				"gate \"%s\" is never used: no transition, no other gate and no rule needs it",
				gate->entry.name);
}

/* ---- transitions ---- */

static void
check_transition_gate(DocLint *lint, const CasusDoc *doc, const DocTransition *transition)
{
	const char *path = transition->entry.path;
	int			code = doc_find(&doc->gates, DocGate, transition->gate);
	DocGate    *gate;
	int			i;

	if (*transition->gate == '\0')
		return;
	if (code < 0)
	{
		doc_add(lint, "error", psprintf("%s.gate", path), "there is no gate \"%s\"",
				transition->gate);
		return;
	}
	gate = DOC_ITEM(&doc->gates, DocGate, code);
	for (i = 0; i < transition->outcomes.n; i++)
		if (!doc_has(&gate->outcomes, transition->outcomes.name[i]))
			doc_add(lint, "error", psprintf("%s.outcomes", path),
					"gate \"%s\" has no outcome \"%s\"", transition->gate,
					transition->outcomes.name[i]);
	for (i = 0; i < transition->from.n; i++)
		if (!doc_has(&gate->phases, transition->from.name[i]))
			doc_add(lint, "error", psprintf("%s.from", path),
					"gate \"%s\" cannot be decided in phase \"%s\"", transition->gate,
					transition->from.name[i]);
}

/* One decision must not open two ways: the database could not say which was meant. */
static void
check_transition_alone(DocLint *lint, const CasusDoc *doc, int code)
{
	DocTransition *transition = DOC_ITEM(&doc->transitions, DocTransition, code);
	int			i;
	int			j;
	int			k;

	for (i = 0; i < code; i++)
	{
		DocTransition *other = DOC_ITEM(&doc->transitions, DocTransition, i);

		if (strcmp(other->gate, transition->gate) != 0)
			continue;
		for (j = 0; j < transition->from.n; j++)
			for (k = 0; k < transition->outcomes.n; k++)
				if (doc_has(&other->from, transition->from.name[j]) &&
					doc_has(&other->outcomes, transition->outcomes.name[k]))
					doc_add(lint, "error", transition->entry.path,
							"outcome \"%s\" of gate \"%s\" opens two ways out of \"%s\" (see %s)",
							transition->outcomes.name[k], transition->gate,
							transition->from.name[j], other->entry.path);
	}
}

static void
check_transition(DocLint *lint, const CasusDoc *doc, int code)
{
	DocTransition *transition = DOC_ITEM(&doc->transitions, DocTransition, code);
	const char *path = transition->entry.path;
	int			i;

	check_phase_names(lint, doc, &transition->from, path, "from");
	if (*transition->to != '\0' && doc_find(&doc->phases, DocPhase, transition->to) < 0)
		doc_add(lint, "error", psprintf("%s.to", path), "there is no phase \"%s\"",
				transition->to);
	check_transition_gate(lint, doc, transition);
	check_transition_alone(lint, doc, code);
	if (transition->outcomes.n == 0)
		doc_add(lint, "error", psprintf("%s.outcomes", path),
				"no outcome opens this transition");
	if (transition->offices.n == 0)
		doc_add(lint, "error", psprintf("%s.offices", path),
				"nobody may carry out this transition");
	for (i = 0; i < transition->offices.n; i++)
		check_office_name(lint, doc, transition->offices.name[i], path, "offices");
	for (i = 0; i < transition->from.n; i++)
	{
		int			from = doc_find(&doc->phases, DocPhase, transition->from.name[i]);

		if (from >= 0 && DOC_ITEM(&doc->phases, DocPhase, from)->terminal)
			doc_add(lint, "error", psprintf("%s.from", path),
					"a transition leaves the terminal phase \"%s\"", transition->from.name[i]);
		if (strcmp(transition->from.name[i], transition->to) == 0)
			doc_add(lint, "error", psprintf("%s.to", path),
					"a transition leads from phase \"%s\" to itself", transition->to);
	}
}

/* ---- reach ---- */

/* Phases that one transition leads to from the given ones. */
static uint64
phases_after(const CasusDoc *doc, uint64 phases)
{
	uint64		after = 0;
	int			i;
	int			j;

	for (i = 0; i < doc->transitions.n; i++)
	{
		DocTransition *transition = DOC_ITEM(&doc->transitions, DocTransition, i);
		int			to = doc_find(&doc->phases, DocPhase, transition->to);

		for (j = 0; j < transition->from.n && to >= 0; j++)
		{
			int			from = doc_find(&doc->phases, DocPhase, transition->from.name[j]);

			if (from >= 0 && (phases & PHASE_BIT(from)))
				after |= PHASE_BIT(to);
		}
	}
	return after;
}

/* All phases that can be reached from the given ones, these included. */
static uint64
phases_reached(const CasusDoc *doc, uint64 phases)
{
	uint64		reached = phases;

	do
	{
		phases = reached;
		reached |= phases_after(doc, phases);
	} while (reached != phases);
	return reached;
}

static void
check_reach(DocLint *lint, const CasusDoc *doc)
{
	uint64		initial = 0;
	uint64		terminal = 0;
	uint64		reached;
	int			i;

	for (i = 0; i < doc->phases.n; i++)
	{
		DocPhase   *phase = DOC_ITEM(&doc->phases, DocPhase, i);

		initial |= phase->initial ? PHASE_BIT(i) : 0;
		terminal |= phase->terminal ? PHASE_BIT(i) : 0;
	}
	reached = phases_reached(doc, initial);
	for (i = 0; i < doc->phases.n; i++)
	{
		DocPhase   *phase = DOC_ITEM(&doc->phases, DocPhase, i);

		if (initial != 0 && !(reached & PHASE_BIT(i)))
			doc_add(lint, "error", phase->entry.path,
					"phase \"%s\" cannot be reached from the initial phase", phase->entry.name);
		if (!phase->terminal && !(phases_reached(doc, PHASE_BIT(i)) & terminal))
			doc_add(lint, "error", phase->entry.path,
					"phase \"%s\" is a dead end: no terminal phase can be reached from it",
					phase->entry.name);
	}
}

/* How long the access log is kept: so many months, or what each file says. */
static void
check_log(DocLint *lint, const CasusDoc *doc)
{
	const DocLog *log = &doc->log;
	int			i;

	if (*log->entry.path == '\0')
		return;
	if (log->months_given == (*log->parameter != '\0'))
		doc_add(lint, "error", log->entry.path, "the log is kept for some months, or as long as a parameter says: one of the two");
	if (log->months_given && (log->months < 1 || log->months > DOC_MAX_LOG_MONTHS))
		doc_add(lint, "error", psprintf("%s.months", log->entry.path),
				"the log is kept for 1 to %d months", DOC_MAX_LOG_MONTHS);
	if (*log->parameter == '\0')
		return;
	i = doc_find(&doc->parameters, DocParameter, log->parameter);
	if (i < 0 || strcmp(DOC_ITEM(&doc->parameters, DocParameter, i)->type, "integer") != 0)
		doc_add(lint, "error", psprintf("%s.parameter", log->entry.path),
				"there is no parameter \"%s\" of type integer", log->parameter);
}

void
casus_protocol_lint_flow(DocLint *lint, const CasusDoc *doc)
{
	int			i;

	check_phases(lint, doc);
	for (i = 0; i < doc->gates.n; i++)
		check_gate(lint, doc, i);
	for (i = 0; i < doc->transitions.n; i++)
		check_transition(lint, doc, i);
	for (i = 0; i < doc->rules.n; i++)
		check_rule(lint, doc, DOC_ITEM(&doc->rules, DocRule, i));
	check_reach(lint, doc);
	check_log(lint, doc);
}
