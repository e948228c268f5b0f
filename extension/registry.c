/*
 * registry.c
 *		Which tables are protected, and how: the settings, parsed and cached.
 *
 * A table is protected when it has a column casus_label of type casus.label;
 * its settings stand in security labels (relation.h).  Where the column is
 * there and the settings are not (a dump without security labels, or a copy by
 * CREATE TABLE AS), the table is protected all the same, without settings:
 * closed.  A temporary table never is: no dump brings one, and a session may
 * keep for itself what it was allowed to read.
 *
 * The cache is private to the backend, keyed by relation oid, and dropped by
 * relcache invalidations; SECURITY LABEL sends none by itself, so everything
 * here that writes a label does.  An entry that a caller still holds lives
 * until the end of the transaction, even when it has become stale.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "resolve.h"
#include "xact.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

typedef struct Entry
{
	Oid			relid;			/* hash key */
	bool		valid;
	CasusProtected *prot;		/* NULL: not protected */
	MemoryContext cxt;			/* of prot */
} Entry;

static HTAB *entries = NULL;

/* Contexts of stale entries, which callers may still hold. */
static List *dead = NIL;

/*
 * Counts invalidations, to see one that arrives while an entry is built, and
 * to make void what was answered before it.
 */
uint64		casus_registry_changes = 1;
CasusRecent casus_registry_recent[CASUS_REGISTRY_RECENT];

/* Is there no protected table at all? Known until any relation changes. */
bool		casus_registry_counted = false;
bool		casus_registry_none = false;
bool		casus_registry_no_file = false;

/* The state tables whose names and ids the entries were resolved against. */
static Oid	file_table = InvalidOid;
static Oid	protocol_table = InvalidOid;
static Oid	party_table = InvalidOid;
static Oid	installation_table = InvalidOid;

static const CasusProtected *find(Oid relid, int depth);

/* ---- invalidation ---- */

static void
transaction_ended(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (dead == NIL || !casus_xact_ends(event))
		return;
	foreach(lc, dead)
		MemoryContextDelete(lfirst(lc));
	list_free(dead);
	dead = NIL;
}

/* What was answered from a valid entry is void with it. */
static void
retire(Entry *entry)
{
	if (entry->valid)
		casus_registry_changes++;
	entry->valid = false;
	if (entry->cxt != NULL)
	{
		static bool listens = false;
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		casus_xact_listen(&listens, transaction_ended, NULL);
		dead = lappend(dead, entry->cxt);
		MemoryContextSwitchTo(old);
	}
	entry->cxt = NULL;
	entry->prot = NULL;
}

/* Entries of protected tables depend on one another and on the state: all go. */
static void
retire_all(bool also_plain)
{
	HASH_SEQ_STATUS status;
	Entry	   *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (also_plain || entry->prot != NULL)
			retire(entry);
	}
}

static void
relation_changed(Datum arg, Oid relid)
{
	Entry	   *entry;

	casus_registry_changes++;
	casus_registry_counted = false;
	if (entries == NULL)
		return;
	if (relid == InvalidOid)
		retire_all(true);
	else if (relid == file_table || relid == protocol_table ||
			 relid == party_table || relid == installation_table)
		retire_all(false);
	else
	{
		entry = hash_search(entries, &relid, HASH_FIND, NULL);
		if (entry == NULL || !entry->valid)
			return;
		if (entry->prot != NULL)
			retire_all(false);
		else
			retire(entry);
	}
}

/* A function that names dossiers is found by its name, which it may have lost, or have again. */
static void
function_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	Entry	   *entry;
	bool		concerned = false;

	if (entries == NULL)
		return;
	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		const CasusSettings *settings = entry->prot != NULL ? entry->prot->settings : NULL;

		concerned |= settings != NULL && settings->resolve_name != NULL;
	}
	if (concerned)
		retire_all(false);
}

/* ---- the catalogs ---- */

/* Every table with a column of type casus.label, by the column's dependency. */
List *
casus_registry_tables(void)
{
	List	   *tables = NIL;
	Oid			type = casus_label_type_oid();
	Relation	depend;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!OidIsValid(type))
		return NIL;
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(type));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		char		kind;

		if (form->classid != RelationRelationId || form->objsubid == 0)
			continue;
		if (get_rel_persistence(form->objid) == RELPERSISTENCE_TEMP)
			continue;
		kind = get_rel_relkind(form->objid);
		if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
			kind == RELKIND_FOREIGN_TABLE || kind == RELKIND_MATVIEW)
			tables = list_append_unique_oid(tables, form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return tables;
}

static bool
has_file(void)
{
	Relation	rel = table_open(casus_table_oid(CASUS_FILE), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	bool		found = systable_getnext(scan) != NULL;

	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

bool
casus_registry_count(void)
{
	uint64		before;
	bool		found;
	bool		file;

	if (casus_registry_counted)
		return casus_registry_none;
	if (!IsTransactionState() || !OidIsValid(MyDatabaseId))
		return false;
	before = casus_registry_changes;
	found = casus_installed() && casus_registry_tables() != NIL;
	file = found || (casus_installed() && has_file());
	if (before == casus_registry_changes)
	{
		casus_registry_none = !found;
		casus_registry_no_file = !file;
		casus_registry_counted = true;
	}
	return !found;
}

/* The file of a name, from the newest state. The table is small. */
bool
casus_registry_find_file(const char *name, int32 *id, int32 *protocol)
{
	Relation	rel = table_open(casus_table_oid(CASUS_FILE), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		found = false;
	AttrNumber	a_id = get_attnum(RelationGetRelid(rel), "id");
	AttrNumber	a_name = get_attnum(RelationGetRelid(rel), "name");
	AttrNumber	a_protocol = get_attnum(RelationGetRelid(rel), "protocol");

	while (!found && (tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		char	   *value = TextDatumGetCString(heap_getattr(tuple, a_name,
															 desc, &isnull));

		if (strcmp(value, name) != 0)
			continue;
		*id = DatumGetInt32(heap_getattr(tuple, a_id, desc, &isnull));
		*protocol = DatumGetInt32(heap_getattr(tuple, a_protocol, desc, &isnull));
		found = true;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* ---- building an entry ---- */

static AttrNumber
label_attribute(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && att->atttypid == casus_label_type_oid() &&
			strcmp(NameStr(att->attname), CASUS_LABEL_COLUMN) == 0)
			return i + 1;
	}
	return InvalidAttrNumber;
}

static void
add_file(CasusProtected *prot, int32 file)
{
	for (int i = 0; i < prot->nfiles; i++)
	{
		if (prot->files[i] == file)
			return;
	}
	prot->files = repalloc(prot->files, sizeof(int32) * (prot->nfiles + 1));
	prot->files[prot->nfiles++] = file;
}

/* What a table takes from its parents: their files, and that they are mixed. */
static void
take_from(CasusProtected *prot, Oid relid, int depth)
{
	const CasusProtected *other;

	if (relid == prot->relid || relid == prot->family || (other = find(relid, depth + 1)) == NULL)
		return;
	for (int i = 0; i < other->nfiles; i++)
		add_file(prot, other->files[i]);
	prot->mixed |= other->mixed;
}

/* The entry keeps the tree alone, not what parsing needed. */
static Node *
parse_governs(Relation rel, const char *text, List *uses)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "casus parse",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	Node	   *expr = casus_governs_parse_quietly(rel, text, uses);

	MemoryContextSwitchTo(old);
	expr = copyObject(expr);
	MemoryContextDelete(scratch);
	return expr;
}

static void
resolve(Relation rel, CasusProtected *prot, CasusSettings *settings, int depth)
{
	List	   *uses = casus_family_uses(rel, prot->family);

	casus_registry_settings_apply_uses(settings, uses);
	casus_governs_spread(rel, settings);
	settings->damaged = casus_registry_settings_count_uses(uses) != settings->nuses;
	for (int i = 0; i < settings->nfiles; i++)
	{
		CasusFileSettings *fs = &settings->files[i];
		int32		protocol;

		if (casus_registry_find_file(fs->file, &fs->id, &protocol))
			add_file(prot, fs->id);
		if (fs->governs_text != NULL)
		{
			fs->governs = parse_governs(rel, fs->governs_text, uses);
			fs->broken = fs->governs == NULL;
			prot->mixed = true;
		}
	}
	for (int i = 0; i < settings->nvia; i++)
	{
		AttrNumber	attno = settings->via[i].attno;

		/* Without its foreign key the column leads nowhere: no label, closed. */
		if (casus_registry_resolve_via(rel, attno, &settings->via[i]))
			take_from(prot, settings->via[i].parent, depth);
		else
			settings->via[i].parent = InvalidOid;
	}
	for (int i = 0; i < settings->nrelabels; i++)
	{
		AttrNumber	attno = settings->relabels[i].attno;

		if (!casus_registry_resolve_via(rel, attno, &settings->relabels[i]))
			settings->relabels[i].parent = InvalidOid;
	}
	prot->mixed |= settings->default_outside;
	settings->owner = rel->rd_rel->relowner;
	if (settings->resolve_name != NULL && settings->resolve_schema != NULL)
		settings->resolve = casus_resolve_find(settings, RelationGetDescr(rel));
}

/* Were its rows restored into another installation than they come from? */
static bool
is_foreign(const CasusSettings *settings)
{
	const pg_uuid_t *ours = casus_installation_id();

	if (ours == NULL || settings->installation == NULL)
		return false;
	return strcmp(DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(ours))),
				  settings->installation) != 0;
}

static CasusProtected *
build(Relation rel, AttrNumber label_attno, int depth)
{
	CasusProtected *prot = palloc0(sizeof(CasusProtected));
	CasusSettings *settings = NULL;
	ObjectAddress table;
	char	   *text;
	List	   *above = NIL;
	ListCell   *lc;

	prot->relid = RelationGetRelid(rel);
	prot->family = casus_family_top(prot->relid, &above);
	/* An entry of each: its invalidation then takes this one along. */
	foreach(lc, above)
		(void) find(lfirst_oid(lc), depth + 1);
	prot->label_attno = label_attno;
	prot->mode = CASUS_MODE_ENFORCE;
	prot->files = palloc0(sizeof(int32));
	prot->fenced = casus_registry_fence_stands(rel, label_attno);

	ObjectAddressSet(table, RelationRelationId, prot->family);
	text = GetSecurityLabel(&table, CASUS_PROVIDER);
	if (text != NULL)
		settings = casus_registry_settings_read(text);
	prot->settings = settings;
	if (settings == NULL)
		return prot;

	prot->mode = settings->mode;
	prot->hide = settings->hide;
	prot->foreign = is_foreign(settings);
	resolve(rel, prot, settings, depth);
	return prot;
}

static void
init_cache(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Entry);
	ctl.hcxt = TopMemoryContext;
	entries = hash_create("casus relations", 128, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static CasusProtected *
load(Oid relid, int depth, MemoryContext cxt)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	CasusProtected *prot = NULL;
	AttrNumber	attno = InvalidAttrNumber;

	if (rel == NULL)
		return NULL;
	if (rel->rd_rel->relpersistence != RELPERSISTENCE_TEMP)
		attno = label_attribute(rel);
	if (attno != InvalidAttrNumber)
	{
		MemoryContext old = MemoryContextSwitchTo(cxt);

		prot = build(rel, attno, depth);
		MemoryContextSwitchTo(old);
	}
	relation_close(rel, AccessShareLock);
	return prot;
}

static const CasusProtected *
find(Oid relid, int depth)
{
	Entry	   *entry;
	MemoryContext cxt;
	CasusProtected *prot;
	uint64		before;
	bool		stale;
	bool		found;

	if (entries == NULL)
		init_cache();
	entry = hash_search(entries, &relid, HASH_FIND, NULL);
	if (entry != NULL && entry->valid)
		return entry->prot;
	if (!IsTransactionState() || !casus_installed())
		return NULL;

	/* A cycle of parents cannot be made by protect(); a hand-made one ends here. */
	if (depth > 32)
		return NULL;
	file_table = casus_table_oid(CASUS_FILE);
	protocol_table = casus_table_oid(CASUS_PROTOCOL);
	party_table = casus_table_oid(CASUS_PARTY);
	installation_table = casus_table_oid(CASUS_INSTALLATION);

	before = casus_registry_changes;
	cxt = AllocSetContextCreate(CurTransactionContext, "casus relation",
								0, 1024, 2048);
	prot = load(relid, depth, cxt);
	MemoryContextSetParent(cxt, TopMemoryContext);
	stale = before != casus_registry_changes;

	entry = hash_search(entries, &relid, HASH_ENTER, &found);
	if (!found)
	{
		entry->valid = false;
		entry->cxt = NULL;
		entry->prot = NULL;
	}
	retire(entry);
	if (prot == NULL)
		MemoryContextDelete(cxt);
	entry->prot = prot;
	entry->cxt = prot != NULL ? cxt : NULL;
	entry->valid = true;
	if (stale)
		retire(entry);
	return prot;
}

/* For casus_registry_find(), when it does not know. */
const CasusProtected *
casus_registry_look(Oid relid)
{
	CasusRecent *slot = &casus_registry_recent[relid & (CASUS_REGISTRY_RECENT - 1)];
	uint64		as_of = casus_registry_changes;
	const CasusProtected *prot;

	if (casus_registry_counted && casus_registry_none)
		return NULL;
	prot = find(relid, 0);
	if (as_of == casus_registry_changes && casus_installed())
	{
		slot->relid = relid;
		slot->as_of = as_of;
		slot->prot = prot;
	}
	return prot;
}

/* Is the table the other one, or a member of its family? */
bool
casus_registry_is_of(Oid relid, Oid table)
{
	const CasusProtected *prot;

	if (relid == table)
		return true;
	prot = casus_registry_find(relid);
	if (prot == NULL || prot->family == relid)
		return false;
	return prot->family == table || list_member_oid(casus_family_members(table), relid);
}

const CasusSettings *
casus_registry_settings(Oid relid)
{
	const CasusProtected *prot = casus_registry_find(relid);

	return prot != NULL ? prot->settings : NULL;
}

/* ---- start ---- */

void
casus_registry_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, function_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, function_changed, (Datum) 0);
}
