/*
 * subjectset.c
 *		casus.set_subject_column(): says of a table that is protected already
 *		which of its columns names the data subject.
 *
 * ACCESS EXCLUSIVE on the table and its parts, for a moment: the settings are
 * changed, no row is.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protect.h"
#include "subject.h"

#include "access/table.h"
#include "utils/builtins.h"

static void
store_uses(Oid relid, AttrNumber attno, List *uses)
{
	List	   *mine = NIL;
	ListCell   *lc;

	foreach(lc, uses)
	{
		if (((CasusColumnUse *) lfirst(lc))->attno == attno)
			mine = lappend(mine, lfirst(lc));
	}
	casus_registry_store_uses(relid, attno, mine);
}

/* Puts the column in the place of what named subjects in the file, or (NULL) in each. */
static List *
change(const CasusSettings *settings, List *uses, AttrNumber attno, const char *file,
	   List **changed)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, uses)
	{
		CasusColumnUse *use = lfirst(lc);

		if (strcmp(use->use, "subject") == 0 &&
			(file == NULL || use->file == NULL || strcmp(use->file, file) == 0))
			*changed = list_append_unique_int(*changed, use->attno);
		else
			kept = lappend(kept, use);
	}
	for (int i = 0; i < settings->nfiles && attno != InvalidAttrNumber; i++)
	{
		CasusColumnUse *use;

		if (file != NULL && strcmp(settings->files[i].file, file) != 0)
			continue;
		use = palloc0(sizeof(CasusColumnUse));
		use->attno = attno;
		use->use = "subject";
		use->file = settings->files[i].file;
		kept = lappend(kept, use);
		*changed = list_append_unique_int(*changed, attno);
	}
	return kept;
}

/* casus.set_subject_column(relation, subject_column, file) returns setof text */
PG_FUNCTION_INFO_V1(casus_sql_set_subject_column);

Datum
casus_sql_set_subject_column(PG_FUNCTION_ARGS)
{
	CasusSettings *settings;
	Relation	rel;
	Oid			relid;
	AttrNumber	attno = InvalidAttrNumber;
	char	   *file = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	bool		found = file == NULL;
	List	   *uses;
	List	   *changed = NIL;
	List	   *lines = NIL;
	ListCell   *lc;

	casus_require_preloaded();
	if (PG_ARGISNULL(0))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  "set_subject_column needs a table", NULL, CASUS_HINT_CALLS);
	relid = PG_GETARG_OID(0);
	casus_act_attempt(relid, 0, "set_subject_column");
	rel = casus_bind_open(relid, AccessExclusiveLock, &settings);
	for (int i = 0; i < settings->nfiles; i++)
		found |= file != NULL && strcmp(settings->files[i].file, file) == 0;
	if (!found)
		casus_protect_check_unknown("file", file, "The table is not protected for it.");
	if (!PG_ARGISNULL(1))
		attno = casus_subject_column(rel, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	uses = change(settings, casus_registry_settings_uses(rel), attno, file, &changed);
	settings->nuses = casus_registry_settings_count_uses(uses);
	table_close(rel, NoLock);

	foreach(lc, changed)
		store_uses(relid, lfirst_int(lc), uses);
	casus_registry_store(relid, settings);
	foreach(lc, casus_family_members(relid))
		casus_fence_hide_statistics(&lines, lfirst_oid(lc));
	casus_act_note_setup(relid, attno == InvalidAttrNumber ? "set_subject_column: none" :
						 "set_subject_column");
	casus_relation_ddl_return(fcinfo, lines);
	return (Datum) 0;
}
