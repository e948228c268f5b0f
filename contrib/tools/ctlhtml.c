/*
 * ctlhtml.c
 *		A page of HTML, piece by piece: nothing but what is written here gets
 *		into it as markup.
 *
 * Names come from people.  What HTML reads otherwise becomes a reference; what
 * a reader would not see, or what turns the order of what he sees (control
 * characters, marks of direction, characters without width), is named instead,
 * so that a name shows what it is.  The page loads nothing, and says so to the
 * browser.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "postgres_fe.h"

#include "ctlhtml.h"

#define REPLACEMENT	0xFFFD

/* One character of UTF-8; bytes that are none become U+FFFD, one by one. */
static uint32
next_character(const unsigned char **at)
{
	const unsigned char *p = *at;
	int			more = p[0] < 0x80 ? 0 : (p[0] & 0xE0) == 0xC0 ? 1 : (p[0] & 0xF0) == 0xE0 ? 2 :
		(p[0] & 0xF8) == 0xF0 ? 3 : -1;
	uint32		c = more <= 0 ? p[0] : p[0] & (0x3F >> more);
	static const uint32 least[] = {0, 0x80, 0x800, 0x10000};

	(*at)++;
	if (more < 0)
		return REPLACEMENT;
	for (int i = 1; i <= more; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
			return REPLACEMENT;
		c = c << 6 | (p[i] & 0x3F);
	}
	if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return REPLACEMENT;
	*at += more;
	return c;
}

/* Would a reader not see it, or see others in another order? */
static bool
is_hidden(uint32 c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x34F || c == 0x61C ||
		c == 0x115F || c == 0x1160 || (c >= 0x17B4 && c <= 0x17B5) ||
		(c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) ||
		(c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 ||
		(c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF || c == 0xFFA0 ||
		(c >= 0xFFF0 && c <= 0xFFFB) || (c & 0xFFFE) == 0xFFFE ||
		(c >= 0xE0000 && c <= 0xE0FFF);
}

void
ctl_html_text(PQExpBuffer page, const char *text)
{
	const unsigned char *at = (const unsigned char *) text;

	while (*at != '\0')
	{
		const unsigned char *start = at;
		uint32		c = next_character(&at);

		if (c == '<')
			appendPQExpBufferStr(page, "&lt;");
		else if (c == '>')
			appendPQExpBufferStr(page, "&gt;");
		else if (c == '&')
			appendPQExpBufferStr(page, "&amp;");
		else if (c == '"')
			appendPQExpBufferStr(page, "&quot;");
		else if (c == '\'')
			appendPQExpBufferStr(page, "&#39;");
		else if (is_hidden(c))
			appendPQExpBuffer(page, "[U+%04X]", c);
		else if (c == REPLACEMENT)
			appendPQExpBufferStr(page, "\xEF\xBF\xBD");
		else
			appendBinaryPQExpBuffer(page, (const char *) start, at - start);
	}
}

void
ctl_html_begin(PQExpBuffer page, const char *title)
{
	appendPQExpBufferStr(page,
						 "<!DOCTYPE html>\n<html lang=\"nl\">\n<head>\n<meta charset=\"utf-8\">\n"
						 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
						 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
						 "<meta name=\"robots\" content=\"noindex\">\n<title>");
	ctl_html_text(page, title);
	appendPQExpBufferStr(page,
						 "</title>\n<style>\n"
						 "body { font: 1rem/1.5 sans-serif; color: #111; background: #fff; max-width: 70rem; margin: 0 auto; padding: 1rem; }\n"
						 "h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 2px solid #154273; color: #154273; }\n"
						 "div { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }\n"
						 "caption { text-align: left; font-weight: bold; padding: .4rem 0; }\n"
						 "th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }\n"
						 "thead th { background: #e8eef5; overflow-wrap: normal; } .n { text-align: right; font-variant-numeric: tabular-nums; }\n"
						 ".bad { border-left: .5rem solid #b00020; padding-left: .75rem; font-weight: bold; } .good { border-left: .5rem solid #1b6e2c; padding-left: .75rem; }\n"
						 ".line { font-family: monospace; overflow-wrap: anywhere; border: 1px solid #767676; padding: .5rem; }\n"
						 "@media print { @page { margin: 15mm; } body { max-width: none; padding: 0; font-size: 10pt; } div { overflow: visible; }\n"
						 "  thead { display: table-header-group; } tr, h2 { break-inside: avoid; } h2 { break-after: avoid; } nav { display: none; } }\n"
						 "</style>\n</head>\n<body>\n<main>\n<h1>");
	ctl_html_text(page, title);
	appendPQExpBufferStr(page, "</h1>\n");
}

void
ctl_html_heading(PQExpBuffer page, const char *id, const char *heading)
{
	appendPQExpBuffer(page, "<h2 id=\"%s\">", id);
	ctl_html_text(page, heading);
	appendPQExpBufferStr(page, "</h2>\n");
}

/* class_name NULL: an ordinary one */
void
ctl_html_paragraph(PQExpBuffer page, const char *class_name, const char *text)
{
	if (class_name)
		appendPQExpBuffer(page, "<p class=\"%s\">", class_name);
	else
		appendPQExpBufferStr(page, "<p>");
	ctl_html_text(page, text);
	appendPQExpBufferStr(page, "</p>\n");
}

void
ctl_html_table_begin(PQExpBuffer page, const char *caption, const CtlColumn *columns)
{
	appendPQExpBufferStr(page, "<div>\n<table>\n<caption>");
	ctl_html_text(page, caption);
	appendPQExpBufferStr(page, "</caption>\n<thead><tr>");
	for (const CtlColumn *column = columns; column->heading; column++)
	{
		appendPQExpBuffer(page, "<th scope=\"col\"%s>", column->kind == 'n' || column->kind == 'd' ? " class=\"n\"" : "");
		ctl_html_text(page, column->heading);
		appendPQExpBufferStr(page, "</th>");
	}
	appendPQExpBufferStr(page, "</tr></thead>\n<tbody>\n");
}

/* As they are written in Dutch: 1.234 and 2,5.  Of a moment the minute is enough. */
static void
put_value(PQExpBuffer page, char kind, const char *value)
{
	int			length = strlen(value);

	if (kind == 'm')
		appendPQExpBuffer(page, "%.16s", value);
	else if (kind == 'd')
		appendPQExpBuffer(page, "%.*s,%s", (int) strcspn(value, "."), value,
						  value[strcspn(value, ".")] ? strchr(value, '.') + 1 : "0");
	else if (kind == 'n' && strspn(value, "0123456789") == length)
		for (int i = 0; i < length; i++)
			appendPQExpBuffer(page, "%s%c", i > 0 && (length - i) % 3 == 0 ? "." : "", value[i]);
	else
		ctl_html_text(page, value);
}

/* The first cell says what the row is about. values: NULL for what is not known. */
void
ctl_html_row(PQExpBuffer page, const CtlColumn *columns, const char *const *values)
{
	appendPQExpBufferStr(page, "<tr>");
	for (int i = 0; columns[i].heading; i++)
	{
		const char *attributes = columns[i].kind == 'n' || columns[i].kind == 'd' ? " class=\"n\"" :
			columns[i].kind == 'e' ? " lang=\"en\"" : "";

		if (i == 0)
			appendPQExpBuffer(page, "<th scope=\"row\"%s><bdi>", attributes);
		else
			appendPQExpBuffer(page, "<td%s><bdi>", attributes);
		if (values[i] && values[i][0])
			put_value(page, columns[i].kind, values[i]);
		else
			appendPQExpBufferStr(page, "\xE2\x80\x93");
		appendPQExpBufferStr(page, i == 0 ? "</bdi></th>" : "</bdi></td>");
	}
	appendPQExpBufferStr(page, "</tr>\n");
}

void
ctl_html_table_end(PQExpBuffer page)
{
	appendPQExpBufferStr(page, "</tbody>\n</table>\n</div>\n");
}

void
ctl_html_end(PQExpBuffer page)
{
	appendPQExpBufferStr(page, "</main>\n</body>\n</html>\n");
}
