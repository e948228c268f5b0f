/*
 * logevent.c
 *		One-off records: who, in which capacity and of which file, and what.
 *
 * Of a file is what is about a dossier of it, what is done for it, and what is done
 * to a table of it alone; else what is done in a context of it.  Who oversees a
 * file sees what is of it (logread.c).
 *
 * Private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "relation.h"

#include "access/xact.h"
#include "utils/builtins.h"

static bool in_event = false;

static char *
capacity_of(int32 file, Oid relid, int64 dossier)
{
	const CasusCapacity *entered = casus_context_entered();
	const CasusProtected *table = OidIsValid(relid) ? casus_registry_find(relid) : NULL;
	CasusDossier state;

	if (dossier != 0 && casus_dossier_load(dossier, &state))
		file = state.file;
	else if (file == 0 && table != NULL && table->nfiles == 1)
		file = table->files[0];
	if (file != 0)
		return casus_logrecord_capacity(file, casus_context_for_file(file));
	return casus_logrecord_capacity(entered ? entered->file : 0, entered);
}

/*
 * An event without its time and kind; file 0: by the rest.  NULL while another is
 * being described: it is of our own making, and left out.
 */
char *
casus_accesslog_describe(int32 file, Oid relid, int n, const int64 *dossiers, const char *code,
						 const char *text)
{
	bool		healthy = IsTransactionState();
	StringInfoData line;

	if (in_event || !casus_preloaded)
		return NULL;
	in_event = true;
	PG_TRY();
	{
		initStringInfo(&line);
		appendStringInfoString(&line, casus_logrecord_identity());
		if (healthy && casus_installed())
			appendStringInfoString(&line, capacity_of(file, relid, n == 0 ? 0 : dossiers[0]));
		if (healthy)
			appendStringInfoString(&line, casus_logrecord_relation(relid));
		for (int i = 0; i < n; i++)
			appendStringInfo(&line, "%s[" INT64_FORMAT ",0]", i == 0 ? ",\"dossiers\":[" : ",",
							 dossiers[i]);
		if (n > 0)
			appendStringInfoChar(&line, ']');
		casus_logrecord_text(&line, "code", code);
		casus_logrecord_text(&line, "text", casus_logrecord_clip(text));
	}
	PG_FINALLY();
	{
		in_event = false;
	}
	PG_END_TRY();
	return line.data;
}
