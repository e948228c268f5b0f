/*
 * relation.h
 *		How a protected table is registered: for the files that read, write and
 *		apply the settings (registry*.c, governs.c, row*.c, protect*.c, bind.c,
 *		takein.c), and for those that ask for its family, fence or publication.
 *
 * The settings stand in security labels of provider "casus": one JSON object
 * on the table, and one JSON array on each column that is meant by name, so
 * that they follow a RENAME.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_RELATION_H
#define CASUS_RELATION_H

#include "casus.h"

#include "catalog/objectaddress.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

#define CASUS_PROVIDER			"casus"
#define CASUS_POLICY_NAME		"casus"
#define CASUS_OPEN_POLICY_NAME	"casus_open"
#define CASUS_TRIGGER_NAME		"~casus_row"
#define CASUS_PENDING_NAME		"!casus_pending"

/* How the rows of a table come to a dossier. */
typedef enum CasusKind
{
	CASUS_KIND_ROOT,			/* each governed row is a dossier */
	CASUS_KIND_DOSSIER,			/* a column holds the dossier's id */
	CASUS_KIND_VIA,				/* foreign keys lead to the parent */
	CASUS_KIND_VIA_CHILD		/* a foreign key of the child points here */
} CasusKind;

/* A partition of the table that a foreign key leads to. */
typedef struct CasusStore
{
	Oid			relid;
	Oid			index;
	AttrNumber	pkatt[INDEX_MAX_KEYS];
} CasusStore;

/* A foreign key over which a label is found, resolved against the catalogs. */
typedef struct CasusVia
{
	AttrNumber	attno;			/* the column that names the key */
	Oid			constraint;
	Oid			parent;
	Oid			index;			/* unique index of the parent */
	bool		deferrable;
	int			nkeys;
	AttrNumber	fkatt[INDEX_MAX_KEYS];
	AttrNumber	pkatt[INDEX_MAX_KEYS];
	Oid			eqop[INDEX_MAX_KEYS];	/* parent column = our column */
	RegProcedure eqproc[INDEX_MAX_KEYS];	/* its function, looked up once */
	Oid			subtype[INDEX_MAX_KEYS];	/* type of our column to it */
	Oid			collation[INDEX_MAX_KEYS];	/* of the parent's column */
	int			nstores;		/* of a partitioned parent */
	CasusStore *stores;
} CasusVia;

/* Codes of the table's own for what the protocol names. */
typedef struct CasusMapEntry
{
	char	   *from;
	char	   *to;
} CasusMapEntry;

/* A category, party or subject category: constant, or a column, perhaps mapped. */
typedef struct CasusCoded
{
	char	   *constant;
	AttrNumber	attno;			/* 0: no column */
	bool		mapped;
	int			nmap;
	CasusMapEntry *map;
} CasusCoded;

/* A column whose data are of a category of their own. */
typedef struct CasusDataColumn
{
	AttrNumber	attno;
	char	   *category;
	int32		file;			/* column.c: for which the code is; 0: none yet */
	int			code;			/* of the category in its protocol; -1: not known there */
} CasusDataColumn;

/* What protect() said for one file. */
typedef struct CasusFileSettings
{
	char	   *file;
	int32		id;				/* 0: there is no such file here */
	char	   *governs_text;	/* NULL: every row */
	Node	   *governs;		/* over Vars of varno 1; NULL also when it cannot be read */
	void	   *evaluator;		/* rowparent.c: it, ready to run */
	bool		broken;			/* the predicate cannot be read any more: refuse */
	char	   *default_basis;
	CasusCoded	category;
	CasusCoded	originator;
	CasusCoded	subject_category;
	AttrNumber	subject_attno;
	int			ndata;
	CasusDataColumn *data;
	void	   *codes;			/* rowcodes.c: the names resolved to codes */
} CasusFileSettings;

typedef struct CasusSettings
{
	MemoryContext cxt;			/* lives as long as the registry entry */
	CasusMode	mode;
	CasusKind	kind;
	bool		hide;
	bool		inherit_item;
	bool		links;			/* via_child of a link table: several dossiers */
	bool		default_outside;	/* the column's default says outside */
	bool		had_row_security;	/* before bind */
	bool		had_force;
	int			nuses;			/* of columns, as protect left them; fewer: damaged */
	bool		damaged;		/* a column that the settings name is gone */
	char	   *installation;
	char	   *via_child;		/* for messages: child and column as given */
	AttrNumber	dossier_attno;
	char	   *resolve_schema;	/* of the function that names the dossier; NULL: none */
	char	   *resolve_name;
	int			nresolve;
	AttrNumber *resolve_attnos;	/* the columns that it is given */
	Oid			resolve;		/* 0: it is not there any more */
	Oid			owner;			/* of the table */
	int			nvia;
	CasusVia   *via;			/* in the order in which they are tried */
	int			nrelabels;
	CasusVia   *relabels;		/* parents that take their label from our rows */
	int			nfiles;
	CasusFileSettings *files;
} CasusSettings;

/* One use of a column by name, as its security label tells it. */
typedef struct CasusColumnUse
{
	AttrNumber	attno;
	char	   *use;			/* via, dossier, category, originator, subject_category,
								 * subject, data, name, relabels */
	int			ordinal;
	char	   *file;			/* NULL: for every file */
	char	   *value;			/* data: category; name: the name in the predicate */
} CasusColumnUse;

/* ---- registry_settings.c: from and to security labels ---- */
extern char *casus_registry_settings_write(const CasusSettings *settings);
extern CasusSettings *casus_registry_settings_read(const char *text);	/* NULL: not well-formed */
extern char *casus_registry_settings_write_uses(List *uses);	/* of one column; NULL: none */
extern List *casus_registry_settings_read_uses(AttrNumber attno, const char *text, bool *ok);
extern List *casus_registry_settings_uses(Relation rel);	/* of all columns */
extern int	casus_registry_settings_count_uses(List *uses);
extern void casus_registry_settings_apply_uses(CasusSettings *settings, List *uses);

/* ---- family.c: partitions, and tables that inherit ---- */
extern List *casus_family_parents(Oid relid);
extern Oid	casus_family_top(Oid relid, List **seen);
extern List *casus_family_members(Oid relid);
extern List *casus_family_lock(Oid relid, LOCKMODE mode);
extern List *casus_family_stores(Oid relid);
extern List *casus_family_uses(Relation rel, Oid top);

/* ---- registry_via.c ---- */
extern bool casus_registry_via_is_copy(const ForeignKeyCacheInfo *fk);
extern bool casus_registry_resolve_via(Relation rel, AttrNumber attno, CasusVia *via);

/* ---- registry.c ---- */
extern const CasusSettings *casus_registry_settings(Oid relid);	/* NULL: none, or not readable */
extern bool casus_registry_is_of(Oid relid, Oid table);	/* itself, or a part of it */
extern List *casus_registry_tables(void);	/* oids of all tables with a label column */
extern bool casus_registry_find_file(const char *name, int32 *id, int32 *protocol);

/* ---- registry_label.c ---- */
extern void casus_registry_store(Oid relid, const CasusSettings *settings);
extern void casus_registry_store_uses(Oid relid, AttrNumber attno, List *uses);
extern void casus_registry_remove(Oid relid);

/* ---- registry_fence.c ---- */
extern bool casus_registry_fence_stands(Relation rel, AttrNumber label_attno);

/* ---- relation_ddl.c: commands of casus' own on a protected table ---- */
extern void casus_relation_ddl_run(const char *sql);
extern void casus_relation_ddl_note(List **lines, char *sql);
extern char *casus_relation_ddl_name(Oid relid);
extern char *casus_relation_ddl_bind(Oid relid);
extern char *casus_relation_ddl_survey(Oid relid);	/* a hint: where casus.protect is proposed */
extern char *casus_relation_ddl_escape(const char *name);
extern void casus_relation_ddl_return(FunctionCallInfo fcinfo, List *lines);

/* ---- fence.c ---- */
struct TriggerData;
extern bool casus_fence_has_trigger(Oid relid);
extern bool casus_fence_has_triggers(Oid relid, const CasusSettings *settings);
extern void casus_fence_check_trigger(const struct TriggerData *trigger, const char *name);
extern void casus_fence_make_triggers(List **lines, Oid relid, const CasusSettings *settings);
extern void casus_fence_make_policies(List **lines, Oid relid, const CasusSettings *settings);
extern void casus_fence_drop_triggers(List **lines, Oid relid);
extern void casus_fence_hide_statistics(List **lines, Oid relid);
extern void casus_fence_take_down(List **lines, Oid relid, const CasusSettings *settings);

/* ---- governs.c: predicates and expressions over one row ---- */

/*
 * Parses an expression over the columns of a relation, of which only built-in
 * functions may be part.  uses gives columns that stand in the text under an
 * older name.  With errors = false, NULL where it cannot be read.
 */
extern void casus_governs_pin(void);	/* within a nest of settings */
extern Node *casus_governs_parse(Relation rel, const char *text, List *uses,
								 Oid result_type, const char *what);
extern Node *casus_governs_parse_quietly(Relation rel, const char *text, List *uses);
extern List *casus_governs_columns(Node *expr); /* attribute numbers */
extern List *casus_governs_generated_from(Relation rel, AttrNumber source);	/* columns */
extern List *casus_governs_generated_uses(Relation rel, List *uses);	/* generated from them */
extern void casus_governs_spread(Relation rel, CasusSettings *settings);

/* ---- publication.c: would a publication send the rows of a table? ---- */
extern bool casus_publication_has(Oid relid);	/* it, its schema, a parent, or all tables */
extern char *casus_publication_hint(Oid relid); /* what its owner does about it; NULL: none */
extern bool casus_publication_in_schema(Oid relid, Oid schema); /* it or a parent */

/* ---- check.c ---- */

/* casus_check_refuse() by the protocol of the table, on record as one that is about it. */
extern void casus_check_refuse_table(const CasusProtected *prot, const char *code,
									 const char *message, const char *check,
									 const char *hint) pg_attribute_noreturn();

#endif							/* CASUS_RELATION_H */
