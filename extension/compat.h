/*
 * compat.h
 *		Every difference between PostgreSQL versions, and no other file tests
 *		PG_VERSION_NUM.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_COMPAT_H
#define CASUS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "casus needs PostgreSQL 15 or later"
#endif

/* 18 writes pg_noreturn in front of the declaration instead. */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* 17 takes the oid of the catalog instead of the open catalog. */
#if PG_VERSION_NUM >= 170000
#define CASUS_OWNER_BY_CLASS 1
#endif

/* 17 numbers its PGPROCs in a variable of its own and moves lxid. */
#if PG_VERSION_NUM >= 170000
#define CASUS_PROC_NUMBER(proc) GetNumberFromPGProc(proc)
#else
#define CASUS_PROC_NUMBER(proc) ((proc)->pgprocno)
#endif

#endif							/* CASUS_COMPAT_H */
