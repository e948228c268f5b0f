/*
 * protect.h
 *		Between protect.c, protect_wish.c, protect_check.c, protect_code.c, census.c, bind.c,
 *		subjectset.c and takefirst.c; takein.c uses the checks.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_PROTECT_H
#define CASUS_PROTECT_H

#include "rows.h"

/* ---- protect_code.c ---- */
extern void casus_protect_unsuitable(Relation rel, const char *why,
									 const char *hint) pg_attribute_noreturn();
extern void casus_protect_check_code(Relation rel);	/* no functions of users over all rows */

/* ---- protect_check.c ---- */
extern void casus_protect_check_unknown(const char *what, const char *name,
										const char *where) pg_attribute_noreturn();
extern void casus_protect_check_caller(Relation rel);
extern void casus_protect_check_table(Relation rel);
extern void casus_protect_check_family(Relation rel);
extern void casus_protect_check_member(Relation rel);
extern void casus_protect_check_triggers(Relation rel);
extern List *casus_protect_check_histories(Oid relid); /* sentences: who writes elsewhere */
extern void casus_protect_check_published(Relation rel);
extern AttrNumber casus_protect_check_column(Relation rel, const char *name);
extern void casus_protect_check_via(Relation rel, const char *column, CasusVia *via);
extern void casus_protect_check_via_child(Relation rel, const char *given,
										  Oid *child, AttrNumber *attno);
extern char *casus_protect_check_via_link(Relation rel, const char *given);
extern bool casus_protect_check_below_link(const CasusSettings *settings);
extern List *casus_protect_check_list(const char *given);

/* ---- protect_wish.c ---- */

/* A call of casus.protect(), as it takes shape. */
typedef struct CasusWish
{
	FunctionCallInfo fcinfo;
	Relation	rel;
	const CasusProtected *before;	/* already protected for another file */
	CasusSettings settings;
	CasusFileSettings *fs;		/* the new one, last in settings.files */
	const CasusProtocol *protocol;
	List	   *uses;			/* CasusColumnUse, all columns of the table */
	List	   *generated;		/* the same of columns generated from those */
	Oid			child;			/* via_child */
	AttrNumber	child_attno;
	bool		mixed;
	List	   *lines;			/* what is done, as SQL */
} CasusWish;

extern Oid	casus_protect_wish_table(FunctionCallInfo fcinfo);
extern bool casus_protect_wish_runs(FunctionCallInfo fcinfo);	/* no dry run */
extern void casus_protect_wish_read(CasusWish *wish);

/* ---- bind.c ---- */

/* A protected table as a whole, for who may set it up, with a copy of its settings. */
extern Relation casus_bind_open(Oid relid, LOCKMODE lock, CasusSettings **settings);

/* ---- takefirst.c ---- */
extern bool casus_takefirst_relabels(const CasusProtected *prot, Oid relid);
extern bool casus_takefirst_warn(Oid relid);

/* ---- census.c ---- */

/* What stands between a table and its fence. */
typedef struct CasusCensus
{
	int64		governed;		/* rows with a governed label */
	int64		unlabelled;		/* governed rows without one, and rows with NULL */
	int64		unrelabelled;	/* of these: rows of a parent that its child has to label */
	int64		misfit;			/* governed rows with a label that is not theirs */
	int64		astray;			/* rows with a governed label that belong to no dossier */
	int64		shared;			/* rows whose parent has the label of another dossier */
	Oid			astray_store;	/* the table of the first of the astray ones; those of it: */
	int			nastray_rows;
	ItemPointerData astray_rows[5];
	struct HTAB *dossiers;		/* census.c: those that labels have named; NULL: not asked for */
} CasusCensus;

/* The dossier of the label is another than the one that the row leads to. */
extern bool casus_census_misplaced(const CasusProtected *prot, CasusPredicates *predicates,
								   TupleTableSlot *slot, const CasusLabel *label);

extern void casus_census_take(Relation rel, bool labels, CasusCensus *census);
extern void casus_census_of(Oid relid, CasusCensus *census);

/* A query that finds the rows without a label, or those with one that nothing governs. */
extern char *casus_census_query(Oid relid, const CasusSettings *settings, bool labelled);
extern char *casus_census_astray_query(Oid relid, const CasusSettings *settings,
									   const CasusCensus *census);

/* A file is added to a bound table: refused while the table holds rows for it. */
extern void casus_census_check_new_file(Oid relid);

#define CASUS_HINT_SURVEY \
	_("casus.survey(schema) shows the foreign keys of each table and proposes the call of casus.protect.")

#endif							/* CASUS_PROTECT_H */
