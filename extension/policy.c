#include "casus.h"

PG_FUNCTION_INFO_V1(casus_sql_permits);
Datum
casus_sql_permits(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(casus_policy_permits(PG_GETARG_UUID_P(0)));
}
PG_FUNCTION_INFO_V1(casus_sql_permits_support);
Datum
casus_sql_permits_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}
