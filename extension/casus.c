/*
 * casus.c
 *		Magic block and _PG_init: a table of contents, in layer order.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"
#include "rows.h"

#include "fmgr.h"
#include "parser/analyze.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	EnableQueryId();			/* for the log, unless compute_query_id says off */
	casus_settings_init();
	casus_guard_frame_init();
	casus_shmem_init();
	casus_catalog_init();
	casus_logkey_init();
	casus_logring_init();
	casus_logwriter_init();
	casus_logterm_init();
	casus_logload_init();
	casus_logloader_init();
	casus_logstanding_init();
	casus_logcollect_init();
	casus_registry_init();
	casus_registry_label_init();
	casus_windows_init();
	casus_context_init();
	casus_policy_init();
	casus_logrecord_init();
	casus_accesslog_init();
	casus_hooks_init();
#ifdef CASUS_TEST_LAYERS
	casus_layers_init();
#endif
}
