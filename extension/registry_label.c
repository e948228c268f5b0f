/*
 * registry_label.c
 *		Security labels of casus: users' commands may do nothing but what a
 *		restore needs, and casus itself writes them past that hook.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"
#include "layers.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "commands/seclabel.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"

static void
refuse_label(const char *detail, const char *hint)
{
	casus_refuse("label", _("security labels of casus are set by casus"),
				 detail, hint);
}

static void
relabel_relation(const ObjectAddress *object, const char *text)
{
	char	   *now = GetSecurityLabel(object, CASUS_PROVIDER);
	const CasusProtected *prot;
	bool		ok;

	if (text == NULL)
		refuse_label(_("It cannot be removed by hand."),
					 now == NULL || object->objectSubId != 0 ? NULL :
					 psprintf("SELECT casus.unprotect(%s, '<reason>');",
							  quote_literal_cstr(casus_relation_ddl_name(object->objectId))));
	if (now != NULL && strcmp(now, text) == 0)
		return;
	if (now != NULL)
		refuse_label(_("It is there already; only a restore sets it where there is none."),
					 casus_relation_ddl_survey(object->objectId));
	prot = casus_installed() ? casus_registry_find(object->objectId) : NULL;
	if (prot != NULL && prot->fenced)
		refuse_label(_("The table is fenced; only a restore sets labels, before it is."), NULL);
	if (object->objectSubId == 0)
		ok = casus_registry_settings_read(text) != NULL;
	else
		(void) casus_registry_settings_read_uses(object->objectSubId, text, &ok);
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this is not a security label of casus")));
	CacheInvalidateRelcacheByRelid(object->objectId);
}

/*
 * The mark of casus' own roles comes with pg_dumpall, before any database has
 * casus; later the mark is there, and on no other role.
 */
static void
relabel_role(const ObjectAddress *object, const char *text)
{
	const char *name = GetUserNameFromId(object->objectId, false);
	const char *now = GetSecurityLabel(object, CASUS_PROVIDER);

	if (text == NULL)
		refuse_label(_("The mark of a role cannot be removed."), NULL);
	if (now != NULL && strcmp(now, text) == 0)
		return;
	if (now != NULL || casus_installed() || strncmp(name, "casus_", 6) != 0 ||
		strcmp(name + 6, text) != 0)
		refuse_label(_("Only CREATE EXTENSION, and a restore of the roles before it, mark the roles of casus."), NULL);
}

static void
check_label(const ObjectAddress *object, const char *text)
{
	if (!CASUS_LAYER(label))
		return;
	if (!superuser())
		refuse_label(_("Only a superuser may do so, during a restore."),
					 object->classId != RelationRelationId ? NULL :
					 casus_relation_ddl_survey(object->objectId));
	if (object->classId == RelationRelationId)
		relabel_relation(object, text);
	else if (object->classId == AuthIdRelationId)
		relabel_role(object, text);
	else
		refuse_label(_("Only tables, columns and the roles of casus bear one."), NULL);
}

/* ---- writing labels ---- */

/*
 * Written past the relabel hook, which is for users' commands.  The
 * invalidation is ours to send: SECURITY LABEL would not.
 */
void
casus_registry_store(Oid relid, const CasusSettings *settings)
{
	ObjectAddress table;

	ObjectAddressSet(table, RelationRelationId, relid);
	SetSecurityLabel(&table, CASUS_PROVIDER,
					 casus_registry_settings_write(settings));
	CacheInvalidateRelcacheByRelid(relid);
	/* Plans that read what ANALYZE has kept may be from before any table was protected. */
	CacheInvalidateRelcacheByRelid(StatisticRelationId);
	CacheInvalidateRelcacheByRelid(StatisticExtDataRelationId);
	CommandCounterIncrement();
}

void
casus_registry_store_uses(Oid relid, AttrNumber attno, List *uses)
{
	ObjectAddress column;

	ObjectAddressSubSet(column, RelationRelationId, relid, attno);
	SetSecurityLabel(&column, CASUS_PROVIDER,
					 casus_registry_settings_write_uses(uses));
	CacheInvalidateRelcacheByRelid(relid);
	CommandCounterIncrement();
}

/* Takes the labels of a table and its columns away. */
void
casus_registry_remove(Oid relid)
{
	ObjectAddress table;
	Relation	rel = table_open(relid, AccessShareLock);
	int			natts = RelationGetDescr(rel)->natts;

	for (int i = 1; i <= natts; i++)
	{
		ObjectAddress column;

		ObjectAddressSubSet(column, RelationRelationId, relid, i);
		if (GetSecurityLabel(&column, CASUS_PROVIDER) != NULL)
			SetSecurityLabel(&column, CASUS_PROVIDER, NULL);
	}
	table_close(rel, AccessShareLock);
	ObjectAddressSet(table, RelationRelationId, relid);
	SetSecurityLabel(&table, CASUS_PROVIDER, NULL);
	CacheInvalidateRelcacheByRelid(relid);
	CommandCounterIncrement();
}

/* ---- start ---- */

void
casus_registry_label_init(void)
{
	register_label_provider(CASUS_PROVIDER, check_label);
}
