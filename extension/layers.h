/*
 * layers.h
 *		A layer of the guard, by its name, so that test/layers can take one away
 *		and show what only that one stops.  In the product it is always there:
 *		nothing of this reaches its object code.
 *
 * Included by the files that hold a layer.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LAYERS_H
#define CASUS_LAYERS_H

#ifdef CASUS_TEST_LAYERS
extern void casus_layers_init(void);	/* test/layers/layers.c */
extern bool casus_layers_has(const char *name);

#define CASUS_LAYER(name) casus_layers_has(#name)
#else
#define CASUS_LAYER(name) true
#endif

#endif							/* CASUS_LAYERS_H */
