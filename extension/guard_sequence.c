/*
 * guard_sequence.c
 *		setval() takes no sequence of casus back: a number that was given to a
 *		dossier or an item is not given again.
 *
 * The call in a statement becomes one of casus_int.setval(), which looks at
 * the sequence when it has been evaluated.  Forward is allowed: a restore sets
 * the sequences so.  Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"

/* A call of setval becomes one of ours. */
void
casus_guard_sequence(FuncExpr *call)
{
	Oid			function;

	if (call->funcid != F_SETVAL_REGCLASS_INT8 &&
		call->funcid != F_SETVAL_REGCLASS_INT8_BOOL)
		return;
	function = casus_setval_oid();
	if (!OidIsValid(function))
		return;
	if (call->funcid == F_SETVAL_REGCLASS_INT8)
		call->args = lappend(call->args, makeBoolConst(true, false));
	call->funcid = function;
}

static bool
goes_back(Oid sequence, int64 to)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		last;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(sequence);
	fcinfo->args[0].isnull = false;
	last = pg_sequence_last_value(fcinfo);
	return !fcinfo->isnull && DatumGetInt64(last) > to;
}

PG_FUNCTION_INFO_V1(casus_sql_setval);

Datum
casus_sql_setval(PG_FUNCTION_ARGS)
{
	Oid			sequence = PG_GETARG_OID(0);

	if (CASUS_LAYER(sequence) && casus_is_own_relation(sequence) &&
		goes_back(sequence, PG_GETARG_INT64(1)))
		casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
						   _("this statement would go past the protocol"),
						   psprintf(_("sequence %s belongs to casus and does not go back."),
									casus_guard_name(sequence)),
						   NULL);
	if (casus_guard_source_around())
		casus_check_refuse(casus_check_protocol(NULL, 0), "copy_out",
						   _("this copy would go past the protocol"),
						   _("A sequence keeps what it is given."), NULL);
	PG_RETURN_DATUM(DirectFunctionCall3(setval3_oid, PG_GETARG_DATUM(0),
										PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)));
}
