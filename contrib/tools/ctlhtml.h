/*
 * ctlhtml.h
 *		A page of HTML, piece by piece.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CTLHTML_H
#define CTLHTML_H

#include "pqexpbuffer.h"

/* A column of a table: its heading, and what stands in it. */
typedef struct CtlColumn
{
	const char *heading;		/* NULL: the end */
	char		kind;			/* t text, e text in English, n number, d with decimals, m moment */
} CtlColumn;

extern void ctl_html_text(PQExpBuffer page, const char *text);
extern void ctl_html_begin(PQExpBuffer page, const char *title);
extern void ctl_html_heading(PQExpBuffer page, const char *id, const char *heading);
extern void ctl_html_paragraph(PQExpBuffer page, const char *class_name, const char *text);
extern void ctl_html_table_begin(PQExpBuffer page, const char *caption, const CtlColumn *columns);
extern void ctl_html_row(PQExpBuffer page, const CtlColumn *columns, const char *const *values);
extern void ctl_html_table_end(PQExpBuffer page);
extern void ctl_html_end(PQExpBuffer page);

#endif							/* CTLHTML_H */
