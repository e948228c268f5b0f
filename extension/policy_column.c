/*
 * policy_column.c
 *		One verdict per value: may the session see this column of the row now?
 *
 * The row itself must be permitted, and then once more as if it were of each
 * category that the column is of (column.c): with the same dossier, party and
 * item, so that scopes, sharing and taking part count as they do for rows.
 *
 *	outside the protocol, pending, of this transaction		as the row
 *	opened by break-glass									as the row
 *	the column has no category in the row's file			as the row
 *	a category whose name the protocol does not know		no
 *
 * Keeps nothing between calls.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"

#include "column.h"

static bool
permits_categories(const CasusLabel *label, uint64 categories)
{
	CasusLabel	as = *label;

	while (categories != 0)
	{
		pg_uuid_t	raw;

		as.category = pg_rightmost_one_pos64(categories);
		categories &= categories - 1;
		casus_label_pack(&as, &raw);
		if (!casus_policy_permits(&raw))
			return false;
	}
	return true;
}

static bool
column_permits(const pg_uuid_t *raw, Oid relid, AttrNumber attno)
{
	CasusLabel	label;
	const CasusProtected *prot;
	uint64		categories;
	int32		file;

	if (!casus_policy_permits(raw))
		return false;
	if (casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED ||
		casus_policy_inserted_here(label.dossier, label.item))
		return true;
	file = casus_policy_file(label.dossier);
	if (file < 0)
		return true;
	prot = casus_registry_find(relid);
	return prot != NULL && file != 0 &&
		casus_column_categories(prot, attno, file, &categories) &&
		permits_categories(&label, categories);
}

PG_FUNCTION_INFO_V1(casus_sql_column_permits);

Datum
casus_sql_column_permits(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(column_permits(PG_GETARG_UUID_P(0), PG_GETARG_OID(1),
								  PG_GETARG_INT16(2)));
}
