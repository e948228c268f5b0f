/*
 * protocol.h
 *		A protocol's rules, compiled by protocol.c: a part of casus.h, which
 *		includes it.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_PROTOCOL_H
#define CASUS_PROTOCOL_H

/* One rule of casus_cat.rule: who may do what in a state, for a purpose. */
typedef struct CasusRule
{
	int16		ordinal;
	uint8		state;			/* phase code 0..31 or stage code 32..63 */
	uint8		office;
	uint8		purpose;
	uint8		scope;			/* CasusScope */
	uint8		verbs;			/* CasusVerb bits */
	bool		participants;	/* only for participants of the dossier */
	bool		waits;			/* for gates: decided.c */
	uint64		categories;		/* bit per category code */
	const char *article;
} CasusRule;

/* One step of the retention of a terminal phase. */
typedef struct CasusStage
{
	uint8		code;			/* 32..63 */
	uint8		phase;
	const char *name;
	const struct CasusTerm *until;
	const char *article;
} CasusStage;

typedef struct CasusProtocol
{
	int32		id;
	const char *name;
	int			nphases,
				npurposes,
				noffices,
				ncategories,
				nsubject_categories,
				nrules,
				nstages,
				nchecks;
	const char **phase;			/* name by code */
	const char **phase_article;
	uint64		terminal;		/* bit per phase */
	const char **purpose;
	uint64	   *purpose_phases; /* per purpose: the phases whose dossiers it reads */
	uint64		standing;		/* bit per purpose: may be a standing purpose */
	const char **office;
	char	   *office_level;	/* CasusLevel per office */
	const char **category;
	uint64	   *category_subjects;	/* per category: bit per subject category
									 * that it may be about; all ones: any */
	const char **category_article;
	const char **subject_category;
	CasusRule  *rules;
	CasusStage *stages;			/* in order, by phase */
	const char **check;			/* codes of refusals that have an article of their own */
	const char **check_article;
} CasusProtocol;

/*
 * From the state tables; an error when there is none.  Good to the end of the
 * transaction at most: ask again.
 */
extern const CasusProtocol *casus_protocol(int32 id);

/* The code of a name; -1: none. */
extern int	casus_protocol_phase(const CasusProtocol *p, const char *name);
extern int	casus_protocol_purpose(const CasusProtocol *p, const char *name);
extern int	casus_protocol_office(const CasusProtocol *p, const char *name);
extern int	casus_protocol_category(const CasusProtocol *p, const char *name);
extern int	casus_protocol_subject_category(const CasusProtocol *p, const char *name);

/* The article of a check, by the code of its refusal; NULL: the document names none. */
extern const char *casus_protocol_check_article(const CasusProtocol *p,
												const char *code);

#endif							/* CASUS_PROTOCOL_H */
