/* stubs.c: weak stand-ins until every file is there; goes away. */
#include "casus.h"
#include "miscadmin.h"
#define W __attribute__((weak))

