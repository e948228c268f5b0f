/*
 * protocol_doc.h
 *		A protocol document as read from JSON, and the findings about it.
 *		Shared by protocol_lint*.c and protocol_load.c only; the JSON form is
 *		described in contrib/protocols/README.md.
 *
 * The reader fills what it can and reports what it cannot, so that one run
 * shows every finding; a missing text is "" and a missing array empty.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_PROTOCOL_DOC_H
#define CASUS_PROTOCOL_DOC_H

#include "term.h"

#include "nodes/pg_list.h"

#define DOC_MAX_PHASES		32	/* codes 0..31 */
#define DOC_FIRST_STAGE		32	/* codes 32..63 */
#define DOC_MAX_STAGES		32
#define DOC_MAX_GRANTS		20000	/* rows of casus_cat.rule */

#define DOC_PARTIES			"parties"	/* the list that holds a closed list of parties */
#define DOC_PRESENT			"aanwezig"	/* details key of those present at a meeting */
#define DOC_NO_SUBJECT		"geen"	/* among a category's subjects: data about no person */

/* ---- findings ---- */

typedef struct DocFinding
{
	const char *severity;		/* "error", "warning", "note" */
	const char *path;			/* $.rules[3].office */
	const char *message;
} DocFinding;

typedef struct DocLint
{
	List	   *findings;		/* of DocFinding */
	int			nerrors;
} DocLint;

/* ---- the document ---- */

typedef struct DocArray
{
	int			n;
	char	   *items;			/* n structs, each beginning with a DocEntry */
} DocArray;

#define DOC_ITEM(array, type, i) (&((type *) (array)->items)[i])

typedef struct DocNames
{
	bool		given;			/* the key is there, maybe as an empty array */
	bool		all;			/* "*" */
	int			n;
	const char **name;
} DocNames;

/* What every entry begins with; name is "" where the form has none. */
typedef struct DocEntry
{
	const char *path;
	const char *name;
	const char *title;
	const char *article;
} DocEntry;

typedef struct DocParameter
{
	DocEntry	entry;
	const char *type;			/* date, text, list, boolean, integer */
	bool		mandatory;
} DocParameter;

typedef struct DocParty
{
	DocEntry	entry;
	const char *kind;
} DocParty;

typedef struct DocParties
{
	DocEntry	entry;
	bool		closed;
	DocNames	kinds;
	DocArray	list;			/* of DocParty */
} DocParties;

typedef struct DocValue
{
	DocEntry	entry;
	const char *part;
	const char *controller;
	const char *parameter;		/* without which a file cannot choose it; "": none */
} DocValue;

typedef struct DocList
{
	DocEntry	entry;
	DocArray	values;			/* of DocValue */
} DocList;

typedef struct DocOffice
{
	DocEntry	entry;
	const char *level;
	DocNames	appointed_by;
	DocNames	excludes;
	bool		needs_oath;
	bool		needs_party;	/* of one dossier: for a party that takes part in it */
	bool		supervises;
	bool		reviews;		/* break-glass */
	const char *inspects;		/* for which purpose; NULL: it may not */
	bool		oversees;		/* the access log of its file */
} DocOffice;

/* How long break-glass may open a dossier. */
#define DOC_REVOCATION_DAYS	1	/* likewise */
#define DOC_MAX_REVOCATION_DAYS	31

/* For how long a decision that ended a dossier can be revoked. */
typedef struct DocRevocation
{
	DocEntry	entry;
	int			days;			/* through the end of the last of them */
} DocRevocation;

#define DOC_MAX_GLASS_HOURS	72
#define DOC_GLASS_HOURS		8	/* where the document says nothing */

typedef struct DocBreakGlass
{
	DocEntry	entry;
	int			hours;
} DocBreakGlass;

#define DOC_MAX_LOG_MONTHS	1200

/* How long the access log is kept. */
typedef struct DocLog
{
	DocEntry	entry;
	int			months;
	bool		months_given;
	const char *parameter;		/* each file says; "": the months above */
} DocLog;

typedef struct DocCategory
{
	DocEntry	entry;
	DocNames	subjects;
} DocCategory;

typedef struct DocPhase
{
	DocEntry	entry;
	bool		initial;
	bool		terminal;
	bool		closing;
} DocPhase;

typedef struct DocPurpose
{
	DocEntry	entry;
	DocNames	phases;			/* not given: the phase of the same name */
	bool		standing;
	bool		session;
	DocNames	steps;			/* what the source lists under the purpose; free texts */
} DocPurpose;

typedef struct DocDetail
{
	DocEntry	entry;			/* its name is the key "key" */
	const char *type;
	const char *from;
	int			min;
	bool		min_given;
	bool		optional;
	bool		equals_given;
	bool		equals;
	DocNames	outcomes;
	const char *value;			/* "default": filled in where none is given; "" if there is none */
	const char *when;			/* "key=value": demanded when the other key has that value */
	const char *parameter;		/* of the file: the values are from its list; "" if none */
} DocDetail;

typedef struct DocGate
{
	DocEntry	entry;
	DocNames	phases;
	const char *decided_by;
	const char *meeting;
	int			present_min;
	DocNames	outcomes;
	DocNames	after;
	DocNames	after_outcomes;
	DocArray	details;		/* of DocDetail */
	const char *details_json;	/* as it stands in the document */
} DocGate;

typedef struct DocTransition
{
	DocEntry	entry;
	DocNames	from;
	const char *to;
	const char *gate;
	DocNames	outcomes;
	DocNames	offices;
} DocTransition;

typedef struct DocRule
{
	DocEntry	entry;
	DocNames	phases;
	DocNames	stages;
	DocNames	offices;
	DocNames	purposes;		/* not given: the purpose that bears the name of the phase */
	DocNames	categories;
	const char *scope;
	bool		participants;
	DocNames	may;
	DocNames	after;			/* gates that must have been decided in the dossier */
	DocNames	after_outcomes;	/* with one of these, if any are given */
} DocRule;

typedef struct DocStage
{
	DocEntry	entry;
	const char *until;
	int			phase;			/* code of the terminal phase, or -1; set by the reader's caller */
	int			ordinal;
	CasusTerm	term;
	bool		term_valid;
} DocStage;

typedef struct DocRetention
{
	DocEntry	entry;
	const char *phase;
	DocArray	stages;			/* of DocStage */
} DocRetention;

#define DOC_MAX_CHECKS		32
#define DOC_CHECKS_RAISED	19	/* the codes that this version raises come first */

typedef struct DocChecks
{
	DocEntry	entry;
	const char *article[DOC_MAX_CHECKS];	/* in the order of the form's keys */
} DocChecks;

typedef struct CasusDoc
{
	DocEntry	entry;
	const char *source;
	DocArray	articles;		/* of DocEntry */
	DocArray	parameters;
	DocArray	controllers;	/* of DocEntry */
	DocEntry	oath;			/* the article that asks for the ambtseed or VOG */
	DocBreakGlass break_glass;
	DocRevocation revocation;
	DocLog		log;
	DocChecks	checks;			/* the article under which each check refuses */
	DocParties	parties;
	DocArray	lists;
	DocArray	offices;
	DocArray	subject_categories; /* of DocEntry */
	DocArray	categories;
	DocArray	phases;
	DocArray	purposes;
	DocArray	gates;
	DocArray	transitions;
	DocArray	rules;
	DocArray	retention;

	/* The stages of all terminal phases in order: number i has code 32 + i. */
	int			nstages;
	DocStage   *stage[DOC_MAX_STAGES];
} CasusDoc;

/* A rule for one state, office and purpose: a row of casus_cat.rule. */
typedef struct DocGrant
{
	const DocRule *rule;
	int			state;
	int			office;
	int			purpose;
	uint64		categories;
	CasusScope	scope;
	bool		participants;
	int			verbs;
} DocGrant;

/* ---- protocol_lint_form.c: the form as a table ---- */

typedef enum DocType
{
	DOC_NAME,					/* lower-case word */
	DOC_VERSIONED,				/* the same with "-" and "." allowed */
	DOC_TEXT,
	DOC_BOOL,
	DOC_INT,
	DOC_NAMES,					/* a name or an array of names */
	DOC_NAMES_OR_ALL,			/* the same, or "*" */
	DOC_TEXTS,					/* an array of texts */
	DOC_OBJECT,
	DOC_OBJECTS
} DocType;

struct DocKind;

typedef struct DocKey
{
	const char *key;
	DocType		type;
	bool		required;
	size_t		offset;
	size_t		given;			/* offset of a bool that tells the key is there, or 0 */
	const struct DocKind *kind;
} DocKey;

typedef struct DocKind
{
	const char *what;
	size_t		size;
	int			max;
	const DocKey *keys;
	int			nkeys;
	size_t		json;			/* offset of a text that keeps an array child's JSON, or 0 */
} DocKind;

extern const DocKind casus_protocol_lint_form;
extern const DocKind casus_protocol_lint_form_checks;

/* ---- protocol_lint_read.c: JSON to document ---- */

extern void casus_protocol_lint_read_add(DocLint *lint, const char *severity, const char *path,
										 const char *format,...) pg_attribute_printf(4, 5);
extern CasusDoc *casus_protocol_lint_read(DocLint *lint, Jsonb *definition);

/* Position of a name in an array of entries of the given size, or -1. */
extern int	casus_protocol_lint_read_find(const DocArray *array, size_t size, const char *name);
extern int	casus_protocol_lint_read_stage(const CasusDoc *doc, const char *name);
extern bool casus_protocol_lint_read_has(const DocNames *names, const char *name);

#define doc_add casus_protocol_lint_read_add
#define doc_has casus_protocol_lint_read_has
#define doc_find(array, type, name) \
	casus_protocol_lint_read_find(array, sizeof(type), name)
#define doc_stage casus_protocol_lint_read_stage

/* ---- protocol_lint_names.c, _flow.c, _access.c: checks ---- */

extern void casus_protocol_lint_names(DocLint *lint, const CasusDoc *doc);
extern void casus_protocol_lint_detail(DocLint *lint, const CasusDoc *doc);
extern void casus_protocol_lint_flow(DocLint *lint, const CasusDoc *doc);
extern void casus_protocol_lint_access(DocLint *lint, const CasusDoc *doc);

/* Does the office judge break-glass afterwards? */
extern bool casus_protocol_lint_reviews(const CasusDoc *doc, const DocOffice *office);

/* Every rule as rows; names that are not known are left out. */
extern DocGrant *casus_protocol_lint_access_expand(const CasusDoc *doc, int *ngrants);

/* ---- protocol_lint.c: all of it ---- */

extern CasusDoc *casus_protocol_lint(DocLint *lint, Jsonb *definition);

#endif							/* CASUS_PROTOCOL_DOC_H */
