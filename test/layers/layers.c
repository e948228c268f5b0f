/*
 * layers.c
 *		The switch of the build that test/layers/run makes (CASUS_TEST_LAYERS=1):
 *		setting casus.test_layer_off names the one layer that is taken away.
 *
 * No part of the product; `make` does not compile it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "layers.h"
#include "utils/guc.h"

static char *off = NULL;

bool
casus_layers_has(const char *name)
{
	return off == NULL || strcmp(off, name) != 0;
}

/* What passed with the layer there is looked at again. */
static void
assign_off(const char *newval, void *extra)
{
	casus_registry_changes++;
}

void
casus_layers_init(void)
{
	DefineCustomStringVariable("casus.test_layer_off",
							   "The layer of the guard that is taken away.",
							   NULL, &off, "", PGC_USERSET, 0, NULL, assign_off, NULL);
}
