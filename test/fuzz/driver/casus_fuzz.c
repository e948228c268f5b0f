/*
 * casus_fuzz.c
 *		Runs libFuzzer inside a server process: its inputs are the parameter of a
 *		query, its coverage that of a casus built for it (test/fuzz/libfuzzer.pl).
 *
 * An ordinary error is an answer.  An internal error (class XX), a query that
 * answers anything but true, and whatever ends the process are findings:
 * libFuzzer writes the input down and ends the process.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;

extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*one_input) (const uint8 *data, size_t size));

static SPIPlanPtr plan;
static MemoryContext input_context;

static bool
holds(const uint8 *data, size_t size)
{
	bytea	   *input = palloc(VARHDRSZ + size);
	Datum		value = PointerGetDatum(input);
	bool		isnull = true;
	Datum		answer = (Datum) 0;

	SET_VARSIZE(input, VARHDRSZ + size);
	memcpy(VARDATA(input), data, size);
	if (SPI_execute_plan(plan, &value, NULL, false, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
		answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return !isnull && DatumGetBool(answer);
}

static int
one_input(const uint8 *data, size_t size)
{
	MemoryContext before = MemoryContextSwitchTo(input_context);
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool bad = false;

	CHECK_FOR_INTERRUPTS();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(input_context);
	PG_TRY();
	{
		bad = !holds(data, size);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(input_context);
		error = CopyErrorData();
		FlushErrorState();
		bad = ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTERNAL_ERROR;
		if (bad)
			write_stderr("internal error: %s\n", error->message);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(before);
	CurrentResourceOwner = owner;
	MemoryContextReset(input_context);
	if (bad)
		abort();
	return 0;
}

PG_FUNCTION_INFO_V1(casus_fuzz);

/* casus_fuzz(query text, VARIADIC options text[]): the query has a bytea parameter and answers true. */
Datum
casus_fuzz(PG_FUNCTION_ARGS)
{
	Oid			type = BYTEAOID;
	Datum	   *options;
	int			count;
	char	  **argv;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(text_to_cstring(PG_GETARG_TEXT_PP(0)), 1, &type);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &options, NULL, &count);
	argv = palloc0((count + 2) * sizeof(char *));
	argv[0] = "casus_fuzz";
	for (int i = 0; i < count; i++)
		argv[i + 1] = TextDatumGetCString(options[i]);
	count++;
	input_context = AllocSetContextCreate(TopMemoryContext, "casus fuzz", ALLOCSET_DEFAULT_SIZES);
	LLVMFuzzerRunDriver(&count, &argv, one_input);
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(casus_receive);

/* casus_receive(bytea, regtype) returns text: what the type's binary input makes of it. */
Datum
casus_receive(PG_FUNCTION_ARGS)
{
	bytea	   *input = PG_GETARG_BYTEA_PP(0);
	Oid			type = PG_GETARG_OID(1);
	Oid			receive;
	Oid			io_param;
	Oid			output;
	bool		varlena;
	StringInfoData buffer;
	Datum		value;

	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input));
	getTypeBinaryInputInfo(type, &receive, &io_param);
	value = OidReceiveFunctionCall(receive, &buffer, io_param, -1);
	getTypeOutputInfo(type, &output, &varlena);
	PG_RETURN_TEXT_P(cstring_to_text(OidOutputFunctionCall(output, value)));
}
