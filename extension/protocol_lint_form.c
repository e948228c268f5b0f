/*
 * protocol_lint_form.c
 *		The JSON form of a protocol document as a table: kinds of objects, their
 *		keys, the type of each and where it goes in the structs of
 *		protocol_doc.h.  contrib/protocols/README.md says the same in words.
 *
 * Only constants: nothing runs here and nothing is locked.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protocol_doc.h"

/* clang-format off */
#define KEY(struct_, member, key, type, required) \
	{key, type, required, offsetof(struct_, member), 0, NULL}
#define CHILD(struct_, member, key, type, required, kind) \
	{key, type, required, offsetof(struct_, member), 0, kind}
#define GIVEN(struct_, member, key, type, given) \
	{key, type, false, offsetof(struct_, member), offsetof(struct_, given), NULL}
/* clang-format on */
#define TITLED \
	KEY(DocEntry, title, "title", DOC_TEXT, true), \
	KEY(DocEntry, article, "article", DOC_TEXT, true)
#define NAMED KEY(DocEntry, name, "name", DOC_NAME, true), TITLED
#define KIND(name, what, struct_, max, keys) \
	static const DocKind name = {what, sizeof(struct_), max, keys, lengthof(keys), 0}

static const DocKey article_keys[] = {
	KEY(DocEntry, name, "name", DOC_TEXT, true),
	KEY(DocEntry, title, "title", DOC_TEXT, true)
};
KIND(article_kind, "article", DocEntry, 1000, article_keys);

static const DocKey parameter_keys[] = {
	NAMED,
	KEY(DocParameter, type, "type", DOC_NAME, true),
	KEY(DocParameter, mandatory, "mandatory", DOC_BOOL, true)
};
KIND(parameter_kind, "parameter", DocParameter, 100, parameter_keys);

static const DocKey named_keys[] = {NAMED};
KIND(controller_kind, "controller", DocEntry, 20, named_keys);
KIND(subject_kind, "subject category", DocEntry, 63, named_keys);

static const DocKey party_keys[] = {
	KEY(DocEntry, name, "name", DOC_NAME, true),
	KEY(DocEntry, title, "title", DOC_TEXT, true),
	KEY(DocEntry, article, "article", DOC_TEXT, false),
	KEY(DocParty, kind, "kind", DOC_NAME, true)
};
KIND(party_kind, "party", DocParty, 4095, party_keys);

static const DocKey parties_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	KEY(DocParties, closed, "closed", DOC_BOOL, true),
	KEY(DocParties, kinds, "kinds", DOC_NAMES, true),
	CHILD(DocParties, list, "list", DOC_OBJECTS, false, &party_kind)
};
KIND(parties_kind, "parties", DocParties, 1, parties_keys);

static const DocKey value_keys[] = {
	KEY(DocEntry, name, "value", DOC_NAME, true),
	KEY(DocEntry, title, "title", DOC_TEXT, true),
	KEY(DocEntry, article, "article", DOC_TEXT, false),
	KEY(DocValue, part, "part", DOC_NAME, false),
	KEY(DocValue, controller, "controller", DOC_NAME, false),
	KEY(DocValue, parameter, "parameter", DOC_NAME, false)
};
KIND(value_kind, "list value", DocValue, 2000, value_keys);

static const DocKey list_keys[] = {
	NAMED,
	CHILD(DocList, values, "values", DOC_OBJECTS, true, &value_kind)
};
KIND(list_kind, "list", DocList, 64, list_keys);

static const DocKey office_keys[] = {
	NAMED,
	KEY(DocOffice, level, "level", DOC_NAME, true),
	KEY(DocOffice, appointed_by, "appointed_by", DOC_NAMES, true),
	KEY(DocOffice, excludes, "excludes", DOC_NAMES, false),
	KEY(DocOffice, needs_oath, "needs_oath", DOC_BOOL, true),
	KEY(DocOffice, needs_party, "needs_party", DOC_BOOL, false),
	KEY(DocOffice, supervises, "supervises", DOC_BOOL, false),
	KEY(DocOffice, reviews, "reviews", DOC_BOOL, false),
	KEY(DocOffice, inspects, "inspects", DOC_NAME, false),
	KEY(DocOffice, oversees, "oversees", DOC_BOOL, false)
};
KIND(office_kind, "office", DocOffice, 64, office_keys);

static const DocKey category_keys[] = {
	NAMED,
	KEY(DocCategory, subjects, "subjects", DOC_NAMES_OR_ALL, true)
};
KIND(category_kind, "category", DocCategory, 64, category_keys);

static const DocKey phase_keys[] = {
	NAMED,
	KEY(DocPhase, initial, "initial", DOC_BOOL, false),
	KEY(DocPhase, terminal, "terminal", DOC_BOOL, false),
	KEY(DocPhase, closing, "closing", DOC_BOOL, false)
};
KIND(phase_kind, "phase", DocPhase, DOC_MAX_PHASES, phase_keys);

static const DocKey purpose_keys[] = {
	NAMED,
	KEY(DocPurpose, phases, "phases", DOC_NAMES, false),
	KEY(DocPurpose, standing, "standing", DOC_BOOL, false),
	KEY(DocPurpose, session, "session", DOC_BOOL, false),
	KEY(DocPurpose, steps, "steps", DOC_TEXTS, false)
};
KIND(purpose_kind, "purpose", DocPurpose, 64, purpose_keys);

static const DocKey detail_keys[] = {
	KEY(DocEntry, name, "key", DOC_NAME, true),
	KEY(DocEntry, title, "title", DOC_TEXT, false),
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	KEY(DocDetail, type, "type", DOC_NAME, true),
	KEY(DocDetail, from, "from", DOC_NAME, false),
	GIVEN(DocDetail, min, "min", DOC_INT, min_given),
	KEY(DocDetail, optional, "optional", DOC_BOOL, false),
	GIVEN(DocDetail, equals, "equals", DOC_BOOL, equals_given),
	KEY(DocDetail, value, "default", DOC_NAME, false),
	KEY(DocDetail, outcomes, "outcomes", DOC_NAMES, false),
	KEY(DocDetail, when, "when", DOC_TEXT, false),
	KEY(DocDetail, parameter, "parameter", DOC_NAME, false)
};
KIND(detail_kind, "detail", DocDetail, 100, detail_keys);

static const DocKey gate_keys[] = {
	NAMED,
	KEY(DocGate, phases, "phases", DOC_NAMES, true),
	KEY(DocGate, decided_by, "decided_by", DOC_NAME, true),
	KEY(DocGate, meeting, "meeting", DOC_NAME, false),
	KEY(DocGate, present_min, "present_min", DOC_INT, false),
	KEY(DocGate, outcomes, "outcomes", DOC_NAMES, true),
	KEY(DocGate, after, "after", DOC_NAMES, false),
	KEY(DocGate, after_outcomes, "after_outcomes", DOC_NAMES, false),
	CHILD(DocGate, details, "details", DOC_OBJECTS, false, &detail_kind)
};
static const DocKind gate_kind = {
	"gate", sizeof(DocGate), 64, gate_keys, lengthof(gate_keys),
	offsetof(DocGate, details_json)
};

static const DocKey transition_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	KEY(DocTransition, from, "from", DOC_NAMES, true),
	KEY(DocTransition, to, "to", DOC_NAME, true),
	KEY(DocTransition, gate, "gate", DOC_NAME, true),
	KEY(DocTransition, outcomes, "outcomes", DOC_NAMES, true),
	KEY(DocTransition, offices, "offices", DOC_NAMES, true)
};
KIND(transition_kind, "transition", DocTransition, 500, transition_keys);

static const DocKey rule_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	KEY(DocRule, phases, "phases", DOC_NAMES, false),
	KEY(DocRule, stages, "stages", DOC_NAMES, false),
	KEY(DocRule, offices, "offices", DOC_NAMES, true),
	KEY(DocRule, purposes, "purposes", DOC_NAMES, false),
	KEY(DocRule, categories, "categories", DOC_NAMES_OR_ALL, true),
	KEY(DocRule, scope, "scope", DOC_NAME, true),
	KEY(DocRule, participants, "participants", DOC_BOOL, false),
	KEY(DocRule, may, "may", DOC_NAMES, true),
	KEY(DocRule, after, "after", DOC_NAMES, false),
	KEY(DocRule, after_outcomes, "after_outcomes", DOC_NAMES, false)
};
KIND(rule_kind, "rule", DocRule, 1000, rule_keys);

static const DocKey stage_keys[] = {
	NAMED,
	KEY(DocStage, until, "until", DOC_TEXT, true)
};
KIND(stage_kind, "stage", DocStage, DOC_MAX_STAGES, stage_keys);

static const DocKey retention_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	KEY(DocRetention, phase, "phase", DOC_NAME, true),
	CHILD(DocRetention, stages, "stages", DOC_OBJECTS, true, &stage_kind)
};
KIND(retention_kind, "retention", DocRetention, DOC_MAX_PHASES, retention_keys);

static const DocKey oath_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true)
};
KIND(oath_kind, "oath", DocEntry, 1, oath_keys);

static const DocKey break_glass_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	KEY(DocBreakGlass, hours, "hours", DOC_INT, true)
};
KIND(break_glass_kind, "break-glass", DocBreakGlass, 1, break_glass_keys);

static const DocKey revocation_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	KEY(DocRevocation, days, "days", DOC_INT, true)
};
KIND(revocation_kind, "revocation", DocRevocation, 1, revocation_keys);

static const DocKey log_keys[] = {
	KEY(DocEntry, article, "article", DOC_TEXT, true),
	GIVEN(DocLog, months, "months", DOC_INT, months_given),
	KEY(DocLog, parameter, "parameter", DOC_NAME, false)
};
KIND(log_kind, "log", DocLog, 1, log_keys);

/*
 * The codes of refusals.  The first DOC_CHECKS_RAISED are raised by this version
 * and want an article each, the others may have one already.
 */
#define CHECK_KEY(i, code) KEY(DocChecks, article[i], code, DOC_TEXT, false)
static const DocKey check_keys[] = {
	CHECK_KEY(0, "no_purpose"),
	CHECK_KEY(1, "no_appointment"),
	CHECK_KEY(2, "ambiguous_capacity"),
	CHECK_KEY(3, "wrong_office"),
	CHECK_KEY(4, "wrong_purpose"),
	CHECK_KEY(5, "wrong_phase"),
	CHECK_KEY(6, "wrong_category"),
	CHECK_KEY(7, "not_involved"),
	CHECK_KEY(8, "gate_missing"),
	CHECK_KEY(9, "content_missing"),
	CHECK_KEY(10, "no_parent"),
	CHECK_KEY(11, "not_shared"),
	CHECK_KEY(12, "retention"),
	CHECK_KEY(13, "context_changed"),
	CHECK_KEY(14, "label"),
	CHECK_KEY(15, "bypass"),
	CHECK_KEY(16, "copy_out"),
	CHECK_KEY(17, "ddl"),
	CHECK_KEY(18, "not_fenced"),
	CHECK_KEY(19, "not_governed"),
	CHECK_KEY(20, "no_consent"),
	CHECK_KEY(21, "not_reassessed"),
	CHECK_KEY(22, "held"),
	CHECK_KEY(23, "second_person")
};
const DocKind casus_protocol_lint_form_checks = {
	"checks", sizeof(DocChecks), 1, check_keys, lengthof(check_keys), 0
};

static const DocKey document_keys[] = {
	KEY(DocEntry, name, "name", DOC_VERSIONED, true),
	KEY(DocEntry, title, "title", DOC_TEXT, true),
	KEY(CasusDoc, source, "source", DOC_TEXT, true),
	CHILD(CasusDoc, articles, "articles", DOC_OBJECTS, false, &article_kind),
	CHILD(CasusDoc, parameters, "parameters", DOC_OBJECTS, true, &parameter_kind),
	CHILD(CasusDoc, controllers, "controllers", DOC_OBJECTS, true, &controller_kind),
	CHILD(CasusDoc, oath, "oath", DOC_OBJECT, false, &oath_kind),
	CHILD(CasusDoc, break_glass, "break_glass", DOC_OBJECT, false, &break_glass_kind),
	CHILD(CasusDoc, revocation, "revocation", DOC_OBJECT, false, &revocation_kind),
	CHILD(CasusDoc, log, "log", DOC_OBJECT, false, &log_kind),
	CHILD(CasusDoc, checks, "checks", DOC_OBJECT, false, &casus_protocol_lint_form_checks),
	CHILD(CasusDoc, parties, "parties", DOC_OBJECT, true, &parties_kind),
	CHILD(CasusDoc, lists, "lists", DOC_OBJECTS, false, &list_kind),
	CHILD(CasusDoc, offices, "offices", DOC_OBJECTS, true, &office_kind),
	CHILD(CasusDoc, subject_categories, "subject_categories", DOC_OBJECTS, true, &subject_kind),
	CHILD(CasusDoc, categories, "categories", DOC_OBJECTS, true, &category_kind),
	CHILD(CasusDoc, phases, "phases", DOC_OBJECTS, true, &phase_kind),
	CHILD(CasusDoc, purposes, "purposes", DOC_OBJECTS, true, &purpose_kind),
	CHILD(CasusDoc, gates, "gates", DOC_OBJECTS, true, &gate_kind),
	CHILD(CasusDoc, transitions, "transitions", DOC_OBJECTS, true, &transition_kind),
	CHILD(CasusDoc, rules, "rules", DOC_OBJECTS, true, &rule_kind),
	CHILD(CasusDoc, retention, "retention", DOC_OBJECTS, true, &retention_kind)
};
const DocKind casus_protocol_lint_form = {
	"document", sizeof(CasusDoc), 1, document_keys, lengthof(document_keys), 0
};
