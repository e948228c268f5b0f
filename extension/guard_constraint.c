/*
 * guard_constraint.c
 *		Constraints on protected tables: which may be added, and which look at
 *		rows that nobody may see.
 *
 * A key or NOT NULL over the rows that are there tells by failing what they
 * hold: an open row beside them, or a row of the other table, is the guess.  So
 * the owner asks for maintenance, which is on record.  What is not validated
 * looks at no row.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "relation.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* In mode observe it is recorded and let pass: returns only then. */
void
casus_guard_refuse_user_code(const CasusProtected *prot)
{
	char	   *what = psprintf(_("The command would run functions of users over the rows of the protected table %s."),
								casus_guard_name(prot->relid));

	if (prot->mode == CASUS_MODE_OBSERVE)
		casus_accesslog_event("would_refuse", prot->relid, 0, "ddl", what);
	else
		casus_guard_refuse_ddl(prot, what, NULL);
}

void
casus_guard_note_key(Oid from, Oid to, CasusGuardScope *scope)
{
	ListCell   *lc;

	/* Of a partitioned table each partition is validated by itself. */
	foreach(lc, casus_family_stores(from))
	{
		CasusGuardKey *key = palloc(sizeof(CasusGuardKey));

		key->from = lfirst_oid(lc);
		key->to = to;
		scope->keys = lappend(scope->keys, key);
	}
	if (casus_registry_find(from) != NULL ||
		(OidIsValid(to) && casus_registry_find(to) != NULL))
		scope->touches = true;
}

/* Of an index or a key as well: it is built over them. */
void
casus_guard_rows_that_are_there(Constraint *constraint, const CasusProtected *prot)
{
	switch (constraint->contype)
	{
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
			casus_guard_need_maintenance(prot, _("A unique key"));
			break;
		case CONSTR_FOREIGN:
			if (!constraint->skip_validation)
				casus_guard_need_maintenance(prot, _("A foreign key over the rows that are there"));
			break;
		case CONSTR_NOTNULL:
			if (!constraint->skip_validation)
				casus_guard_need_maintenance(prot, "NOT NULL");
			break;
		default:
			break;
	}
}

/* Do rows of the table come to their dossier by this key, or give it to others? */
static bool
leads(const CasusProtected *prot, Oid constraint)
{
	const CasusSettings *settings = prot->settings;

	for (int i = 0; settings != NULL && i < settings->nvia + settings->nrelabels; i++)
	{
		const CasusVia *via = i < settings->nvia ? &settings->via[i] :
			&settings->relabels[i - settings->nvia];

		if (via->constraint == constraint && OidIsValid(via->parent))
			return true;
	}
	return false;
}

/* Whoever drops it is told how it comes back, as it was. */
static void
warn_lost(Oid relid, Oid constraint, const char *name)
{
	char	   *table = casus_guard_name(relid);
	Datum		definition;

	LOCAL_FCINFO(fcinfo, 1);
	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(constraint);
	fcinfo->args[0].isnull = false;
	definition = pg_get_constraintdef(fcinfo);
	ereport(WARNING,
			(errmsg("without foreign key \"%s\" of table %s rows do not find their dossier",
					name, table),
			 errdetail("What depends on it is refused until it is there again, also outside the protocol."),
			 fcinfo->isnull ? 0 :
			 errhint("ALTER TABLE %s ADD CONSTRAINT %s %s;", table, quote_identifier(name),
					 TextDatumGetCString(definition))));
}

/* Does the same command bring one to the same parent? */
static bool
is_replaced(Oid relid, Oid parent)
{
	CasusGuardScope *scope = casus_guard_scope();
	ListCell   *lc;

	if (scope == NULL)
		return false;
	foreach(lc, scope->keys)
	{
		const CasusGuardKey *key = lfirst(lc);

		if (key->from == relid && key->to == parent)
			return true;
	}
	return false;
}

/*
 * Without the key no row finds its dossier: by whatever command it goes, that is
 * on record, and whoever did it is told how it comes back.  The server drops it
 * by itself where it makes it anew, for a column whose type changes.
 */
void
casus_guard_key_goes(Oid constraint, int flags)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	const CasusProtected *prot;
	Form_pg_constraint form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	prot = form->contype == CONSTRAINT_FOREIGN && (flags & PERFORM_DELETION_INTERNAL) == 0 ?
		casus_registry_find(form->conrelid) : NULL;
	if (casus_guard_closed(prot) && leads(prot, constraint))
	{
		casus_guard_need_maintenance(prot, _("Dropping the foreign key by which rows find their dossier"));
		if (!is_replaced(form->conrelid, form->confrelid))
			warn_lost(prot->relid, constraint, NameStr(form->conname));
	}
	ReleaseSysCache(tuple);
}

/* One that is no longer enforced is not followed either. */
void
casus_guard_key_unenforced(const char *name, const CasusProtected *prot)
{
	Oid			constraint = name == NULL ? InvalidOid :
		get_relation_constraint_oid(prot->relid, name, true);

	if (OidIsValid(constraint) && leads(prot, constraint))
		casus_guard_need_maintenance(prot, _("Changing the foreign key by which rows find their dossier"));
}

/*
 * A second foreign key of a column by which rows come to their dossier might be
 * the one that is followed from then on.
 */
static void
check_leads(Constraint *constraint, const CasusProtected *prot)
{
	const CasusSettings *settings = prot->settings;
	ListCell   *lc;

	/* A table that was restored without its label leads nowhere. */
	if (settings == NULL)
		return;
	foreach(lc, constraint->fk_attrs)
	{
		AttrNumber	attno = get_attnum(prot->relid, strVal(lfirst(lc)));

		for (int i = 0; i < settings->nvia + settings->nrelabels; i++)
		{
			const CasusVia *via = i < settings->nvia ? &settings->via[i] :
				&settings->relabels[i - settings->nvia];

			if (via->attno == attno)
				casus_guard_need_maintenance(prot, _("A foreign key of a column that leads to the dossier"));
		}
	}
}

void
casus_guard_constraint(Constraint *constraint, Oid relid, const CasusProtected *prot,
					   CasusGuardScope *scope)
{
	if (prot != NULL && (constraint->contype == CONSTR_EXCLUSION ||
						 casus_compat_over_periods(constraint)))
		casus_guard_refuse_ddl(prot, _("The errors of an exclusion constraint, or of a key over periods, "
									   "would show values of rows that nobody may see."), NULL);
	if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE)
		casus_guard_rows_that_are_there(constraint, prot);
	switch (constraint->contype)
	{
		case CONSTR_FOREIGN:
			casus_guard_note_key(relid, RangeVarGetRelid(constraint->pktable, NoLock, true), scope);
			if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE)
				check_leads(constraint, prot);
			break;
		case CONSTR_CHECK:
			if (prot == NULL || prot->mode == CASUS_MODE_REGISTERED)
				break;
			if (!casus_guard_builtin_raw(relid, constraint->raw_expr, EXPR_KIND_CHECK_CONSTRAINT))
				casus_guard_refuse_user_code(prot);
			if (!constraint->skip_validation)
				casus_guard_need_maintenance(prot, _("A CHECK constraint over the rows that are there"));
			break;
		default:
			break;
	}
}

void
casus_guard_validation(const char *name, Oid relid, const CasusProtected *prot,
					   CasusGuardScope *scope)
{
	Oid			constraint = get_relation_constraint_oid(relid, name, true);
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	if (form->contype == CONSTRAINT_FOREIGN)
		casus_guard_note_key(form->conrelid, form->confrelid, scope);
	else
	{
		bool		isnull;
		Datum		check = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conbin, &isnull);

		scope->only_keys = false;
		if (casus_guard_bound(prot) && !isnull &&
			!casus_guard_trusted(stringToNode(TextDatumGetCString(check))))
			casus_guard_refuse_user_code(prot);
	}
	if (prot != NULL)
		casus_guard_need_maintenance(prot, _("Validating a constraint"));
	ReleaseSysCache(tuple);
}
