/*
 * protect.h
 *		Between protect.c, protect_check.c and bind.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_PROTECT_H
#define CASUS_PROTECT_H

#include "rows.h"

extern void casus_protect_check_unknown(const char *what, const char *name,
										const char *where) pg_attribute_noreturn();
extern void casus_protect_check_caller(Relation rel);
extern void casus_protect_check_table(Relation rel);
extern void casus_protect_check_triggers(Relation rel);
extern AttrNumber casus_protect_check_column(Relation rel, const char *name);
extern void casus_protect_check_via(Relation rel, const char *column, CasusVia *via);
extern void casus_protect_check_via_child(Relation rel, const char *given,
										  Oid *child, AttrNumber *attno);
extern List *casus_protect_check_list(const char *given);
extern void casus_protect_return(FunctionCallInfo fcinfo, List *lines);
extern void casus_bind_check_new_file(Oid relid);

#endif							/* CASUS_PROTECT_H */
