/*
 * protocol_lint.c
 *		casus.lint_protocol(): all checks of a protocol document.
 *
 * Every check runs on whatever the reader could make of the document, so that
 * its author sees all findings at once.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protocol_doc.h"

#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(casus_sql_lint_protocol);

CasusDoc *
casus_protocol_lint(DocLint *lint, Jsonb *definition)
{
	CasusDoc   *doc = casus_protocol_lint_read(lint, definition);

	casus_protocol_lint_names(lint, doc);
	casus_protocol_lint_detail(lint, doc);
	casus_protocol_lint_flow(lint, doc);
	casus_protocol_lint_access(lint, doc);
	return doc;
}

Datum
casus_sql_lint_protocol(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	List	   *findings;

	if (SRF_IS_FIRSTCALL())
	{
		DocLint		lint = {0};
		MemoryContext old;
		TupleDesc	row;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		call->tuple_desc = BlessTupleDesc(row);
		casus_protocol_lint(&lint, PG_GETARG_JSONB_P_COPY(0));
		call->user_fctx = lint.findings;
		MemoryContextSwitchTo(old);
	}

	call = SRF_PERCALL_SETUP();
	findings = call->user_fctx;
	if (call->call_cntr < list_length(findings))
	{
		DocFinding *finding = list_nth(findings, call->call_cntr);
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(finding->severity);
		values[1] = CStringGetTextDatum(finding->path);
		values[2] = CStringGetTextDatum(finding->message);
		SRF_RETURN_NEXT(call, HeapTupleGetDatum(heap_form_tuple(call->tuple_desc, values, nulls)));
	}
	SRF_RETURN_DONE(call);
}
