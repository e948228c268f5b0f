/*
 * column.c
 *		Columns whose data are of a category of their own: which they are, and
 *		what a reader must be allowed to read for them.
 *
 * casus.protect(columns => ...) names them; the category stands in the security
 * label of the column, so that it follows a RENAME and a dump.  A column that
 * is generated from such columns is of their categories too (registry.c).
 *
 * A name is resolved in the protocol of the file that the row belongs to.  The
 * code hangs on the registry entry, which goes when a protocol, a file or the
 * table changes.  Decides nothing about a row: policy_column.c does.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "column.h"

#include "nodes/bitmapset.h"

/* Is the setting one that counts for rows of this file? */
static bool
counts_for(const CasusSettings *settings, int i, int32 file)
{
	/*
	 * Rows of a child belong to the file of their parent, which may be one
	 * that protect was not told: then every setting counts.
	 */
	if (settings->files[i].id == file)
		return true;
	for (int j = 0; j < settings->nfiles; j++)
	{
		if (settings->files[j].id == file)
			return false;
	}
	return true;
}

static int
code_of(CasusDataColumn *column, int32 file)
{
	if (column->file != file)
	{
		int32		protocol = casus_dossier_file_protocol(file);

		column->code = protocol == 0 ? -1 :
			casus_protocol_category(casus_protocol(protocol), column->category);
		column->file = file;
	}
	return column->code;
}

/* The columns that are of a category of their own, in any file; NULL: none. */
Bitmapset *
casus_column_all(const CasusProtected *prot)
{
	const CasusSettings *settings = prot->settings;
	Bitmapset  *columns = NULL;

	if (settings == NULL)
		return NULL;
	for (int i = 0; i < settings->nfiles; i++)
	{
		for (int j = 0; j < settings->files[i].ndata; j++)
			columns = bms_add_member(columns, settings->files[i].data[j].attno);
	}
	return columns;
}

/*
 * The categories that one must be allowed to read for a column of a row of this
 * file, a bit each; none: those of the row alone.  False: one of them is not
 * known, and nobody reads the column.
 */
bool
casus_column_categories(const CasusProtected *prot, AttrNumber attno, int32 file,
						uint64 *categories)
{
	const CasusSettings *settings = prot->settings;

	*categories = 0;
	if (settings == NULL)
		return false;
	for (int i = 0; i < settings->nfiles; i++)
	{
		for (int j = 0; j < settings->files[i].ndata; j++)
		{
			CasusDataColumn *column = &settings->files[i].data[j];
			int			code;

			if (column->attno != attno || !counts_for(settings, i, file))
				continue;
			code = code_of(column, file);
			if (code < 0 || code >= CASUS_MAX_CODE)
				return false;
			*categories |= UINT64CONST(1) << code;
		}
	}
	return true;
}

static bool
is_open_in(const CasusProtected *prot, AttrNumber attno, int32 file)
{
	int32		id = casus_dossier_file_protocol(file);
	const CasusProtocol *protocol;
	uint64		categories;

	if (id == 0 || !casus_column_categories(prot, attno, file, &categories))
		return false;
	protocol = casus_protocol(id);
	for (int i = 0; i < protocol->nrules; i++)
	{
		const CasusRule *rule = &protocol->rules[i];

		if ((rule->verbs & CASUS_READ) != 0 && (categories & ~rule->categories) != 0)
			return false;
	}
	return true;
}

/*
 * Does every rule that lets somebody read let him read this column as well?
 * Then whoever sees the row sees the column, and nothing needs to be asked.
 */
bool
casus_column_is_open(const CasusProtected *prot, AttrNumber attno)
{
	for (int i = 0; i < prot->nfiles; i++)
	{
		if (!is_open_in(prot, attno, prot->files[i]))
			return false;
	}
	return prot->nfiles > 0;
}

/*
 * Is there no state in which this capacity may read the column?  Then *category
 * is one that is missing (-1: of an unknown name), and *article that of a rule
 * by which the capacity reads something else, or that of the category.
 */
bool
casus_column_is_barred(const CasusProtected *prot, AttrNumber attno,
					   const CasusCapacity *capacity, int *category, const char **article)
{
	const CasusProtocol *protocol = casus_protocol(capacity->protocol);
	uint64		categories;
	uint64		readable = 0;

	*category = -1;
	*article = NULL;
	if (!casus_column_categories(prot, attno, capacity->file, &categories))
		return true;
	for (int i = 0; i < protocol->nrules; i++)
	{
		const CasusRule *rule = &protocol->rules[i];

		if (rule->office != capacity->office || rule->purpose != capacity->purpose ||
			(rule->verbs & CASUS_READ) == 0)
			continue;
		readable |= rule->categories;
		if (*article == NULL)
			*article = rule->article;
	}
	categories &= ~readable;
	if (categories == 0)
		return false;
	*category = pg_rightmost_one_pos64(categories);
	if (*article == NULL)
		*article = protocol->category_article[*category];
	return true;
}
