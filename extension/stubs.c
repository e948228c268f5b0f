/* stubs.c: weak stand-ins until every file is there; goes away. */
#include "casus.h"
#include "miscadmin.h"
#define W __attribute__((weak))

W void casus_policy_init(void) { }
W void casus_policy_begin(void) { }
W void casus_policy_end(void) { }
W bool casus_policy_permits(const pg_uuid_t *raw) { return 0; }
W bool casus_policy_explain(const CasusCapacity *capacity, const CasusLabel *label, CasusVerb verb, CasusReason *reason) { return 0; }
W void casus_policy_note_insert(int64 dossier, uint32 item) { elog(ERROR, "stub casus_policy_note_insert"); }
W bool casus_policy_inserted_here(int64 dossier, uint32 item) { return 0; }
W bool casus_policy_any_insert(void) { return 0; }
W void casus_policy_sight(int64 dossier, CasusSight *sight) { elog(ERROR, "stub casus_policy_sight"); }
