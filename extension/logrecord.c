/*
 * logrecord.c
 *		One log record as one line of JSON.
 *
 * A record never holds SQL text, literals or values of rows: names, numbers
 * and codes only.  Names are looked up while the transaction is healthy and
 * kept as ready-made pieces, because a record may have to be made while an
 * error is being sent, when no catalog can be read.  Pieces last as long as
 * people and rules, or the relation, are unchanged.
 *
 * Numbers are written by hand, not with format strings: a record is made for
 * every statement.
 *
 * A closing brace inside a text is written as an escape, so that a line ends
 * with a brace exactly when it was written whole.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "access/genam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "common/ip.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define TEXT_MAX		4096	/* bytes of a text, which may hold what a user gave */

/* What the identity piece was made from; any change makes a new one. */
typedef struct IdentityKey
{
	uint64		people;
	CasusActor	actor;
	Oid			session_user;
	char	   *application;	/* in TopMemoryContext; NULL: none was made */
	char		traceparent[CASUS_TRACEPARENT + 1];
} IdentityKey;

static IdentityKey identity_key;
static char *identity = NULL;	/* in TopMemoryContext */
uint64		casus_logrecord_identities = 0;
static char *database_name = NULL;

/* ---- pieces of JSON ---- */

/*
 * In UTF-8, whatever the database's encoding; what cannot be converted here
 * (no transaction, no encoding) becomes a question mark.
 */
static void
append_string(StringInfo line, const char *text)
{
	char	   *converted = NULL;
	bool		ascii_only = false;

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		ascii_only = GetDatabaseEncoding() == PG_SQL_ASCII ||
			!IsTransactionState() || !pg_verifymbstr(text, strlen(text), true);
		if (!ascii_only)
		{
			converted = pg_server_to_any(text, strlen(text), PG_UTF8);
			if (converted == text)
				converted = NULL;
			else
				text = converted;
		}
	}

	appendStringInfoCharMacro(line, '"');
	for (const unsigned char *p = (const unsigned char *) text; *p; p++)
	{
		if (*p == '"' || *p == '\\')
		{
			appendStringInfoCharMacro(line, '\\');
			appendStringInfoCharMacro(line, (char) *p);
		}
		else if (*p < ' ' || *p == '}' || *p == 0x7f)
			appendStringInfo(line, "\\u%04x", *p);
		else if (ascii_only && *p > 0x7f)
			appendStringInfoCharMacro(line, '?');
		else
			appendStringInfoCharMacro(line, (char) *p);
	}
	appendStringInfoCharMacro(line, '"');
	if (converted)
		pfree(converted);
}

/* A name of ours, which needs no escapes. */
static void
append_key(StringInfo line, const char *key)
{
	appendBinaryStringInfo(line, ",\"", 2);
	appendStringInfoString(line, key);
	appendBinaryStringInfo(line, "\":", 2);
}

/* A number by itself. */
static void
append_digits(StringInfo line, int64 number)
{
	char		digits[MAXINT8LEN + 1];
	int			length = pg_lltoa(number, digits);

	appendBinaryStringInfo(line, digits, length);
}

/* The piece ,"key":"text"; nothing for NULL. */
void
casus_logrecord_text(StringInfo line, const char *key, const char *text)
{
	if (text == NULL)
		return;
	append_key(line, key);
	append_string(line, text);
}

/* What a user gave, cut at a letter. */
const char *
casus_logrecord_clip(const char *text)
{
	if (text == NULL || strlen(text) <= TEXT_MAX)
		return text;
	return psprintf("%.*s...", pg_mbcliplen(text, strlen(text), TEXT_MAX), text);
}

/* The piece ,"key":number. */
void
casus_logrecord_number(StringInfo line, const char *key, int64 number)
{
	append_key(line, key);
	append_digits(line, number);
}

/*
 * The piece of a query id; returns its length, 0 where there is none.  The last
 * one is kept, until the next call: a session tends to ask the same again.
 */
int
casus_logrecord_query(uint64 query_id, const char **piece)
{
	static char kept[] = ",\"query_id\":-9223372036854775808";
	static int	length = 0;
	static uint64 made = 0;
	const int	prefix = strlen(",\"query_id\":");

	if (query_id != made)
	{
		length = prefix + pg_lltoa((int64) query_id, kept + prefix);
		made = query_id;
	}
	*piece = kept;
	return query_id == 0 ? 0 : length;
}

/*
 * Starts a record with its time in UTC, without the end of that, and what
 * follows: the kind first.  There is room for so many bytes behind it then.  No
 * catalog, no session time zone: this runs while errors are being sent, too.
 */
void
casus_logrecord_begin(StringInfo line, const char *more, int length, int room)
{
	static char second[sizeof("{\"ts\":\"2026-01-01T00:00:00.") + 16];
	static int	second_length;
	static pg_time_t second_is = -1;
	TimestampTz now = GetCurrentTimestamp();
	pg_time_t	seconds = timestamptz_to_time_t(now);
	int			micros = (int) (((now % USECS_PER_SEC) + USECS_PER_SEC) % USECS_PER_SEC);
	char	   *at;

	if (seconds != second_is)
	{
		struct pg_tm *tm = pg_gmtime(&seconds);

		second_length = snprintf(second, sizeof(second),
								 "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.",
								 tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday,
								 tm->tm_hour, tm->tm_min, tm->tm_sec);
		second_is = seconds;
	}
	room += second_length + 6 + length;
	if (unlikely(line->maxlen - line->len <= room))
		enlargeStringInfo(line, room);
	at = line->data + line->len;
	memcpy(at, second, second_length);
	at += second_length;
	for (int i = 5; i >= 0; i--, micros /= 10)
		at[i] = '0' + micros % 10;
	memcpy(at + 6, more, length);
	at[6 + length] = '\0';
	line->len += second_length + 6 + length;
}

/* The rest of the time, and the kind, a word of ours. */
void
casus_logrecord_kind(StringInfo line, const char *kind)
{
	appendStringInfoString(line, "Z\",\"kind\":\"");
	appendStringInfoString(line, kind);
	appendStringInfoChar(line, '"');
}

void
casus_logrecord_open(StringInfo line, const char *kind)
{
	casus_logrecord_begin(line, "", 0, 0);
	casus_logrecord_kind(line, kind);
}

void
casus_logrecord_close(StringInfo line)
{
	appendBinaryStringInfo(line, "}\n", 2);
}

/* ---- names from the state tables ---- */

/* Text of a column in a row of a state table, found by its key; NULL: none. */
static char *
state_column(CasusTable which, const char *column, const char *key1, int32 value1,
			 const char *key2, int16 value2)
{
	Oid			relid = casus_table_oid(which);
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key[2];
	int			nkeys = 1;
	HeapTuple	tuple;
	char	   *text = NULL;

	if (!OidIsValid(relid))
		return NULL;
	rel = table_open(relid, AccessShareLock);
	ScanKeyInit(&key[0], get_attnum(relid, key1), BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(value1));
	if (key2)
		ScanKeyInit(&key[nkeys++], get_attnum(relid, key2),
					BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(value2));
	scan = systable_beginscan(rel, casus_table_pkey(which), true, NULL, nkeys, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		text = SPI_getvalue(tuple, RelationGetDescr(rel), get_attnum(relid, column));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return text;
}

char *
casus_logrecord_person(int32 person)
{
	return person ? state_column(CASUS_PERSON, "name", "id", person, NULL, 0) : NULL;
}

/* The pieces made last, since a session reads in few capacities. */
#define CAPACITIES	8

typedef struct CapacityPiece
{
	uint64		people;
	int32		file;
	int32		protocol;
	uint16		party;
	uint8		office;
	uint8		purpose;
	char		source;			/* 0: no capacity, only the file is known */
	char	   *piece;			/* in TopMemoryContext; NULL: free */
} CapacityPiece;

static CapacityPiece capacities[CAPACITIES];
static int	next_capacity = 0;

static void
build_capacity(StringInfo piece, int32 file, const CasusCapacity *capacity)
{
	const CasusProtocol *protocol;

	if (file)
		casus_logrecord_text(piece, "file",
							 state_column(CASUS_FILE, "name", "id", file, NULL, 0));
	if (capacity == NULL)
		return;
	protocol = casus_protocol(capacity->protocol);
	if (capacity->party)
		casus_logrecord_text(piece, "party",
							 state_column(CASUS_PARTY, "name", "file", file,
										  "code", capacity->party));
	if (capacity->office < protocol->noffices)
		casus_logrecord_text(piece, "office", protocol->office[capacity->office]);
	if (capacity->purpose < protocol->npurposes)
		casus_logrecord_text(piece, "purpose", protocol->purpose[capacity->purpose]);
	casus_logrecord_text(piece, "source",
						 capacity->source == CASUS_FROM_STANDING ? "standing" :
						 capacity->source == CASUS_FROM_BREAK_GLASS ? "break_glass" :
						 capacity->source == CASUS_FROM_INSPECTION ? "inspection" :
						 "context");
}

/*
 * File, party, office and purpose as one piece, in the current memory context.
 * Without capacity (observe) only the file is known.
 */
char *
casus_logrecord_capacity(int32 file, const CasusCapacity *capacity)
{
	CapacityPiece key = {0};
	CapacityPiece *slot;
	StringInfoData piece;

	key.people = casus_catalog_people;
	key.file = file;
	if (capacity)
	{
		key.protocol = capacity->protocol;
		key.party = capacity->party;
		key.office = capacity->office;
		key.purpose = capacity->purpose;
		key.source = capacity->source;
	}
	for (slot = capacities; slot < capacities + CAPACITIES; slot++)
		if (slot->piece && slot->people == key.people &&
			slot->file == key.file && slot->protocol == key.protocol &&
			slot->party == key.party && slot->office == key.office &&
			slot->purpose == key.purpose && slot->source == key.source)
			return pstrdup(slot->piece);

	initStringInfo(&piece);
	build_capacity(&piece, file, capacity);
	slot = &capacities[next_capacity++ % CAPACITIES];
	if (slot->piece)
		pfree(slot->piece);
	slot->piece = NULL;
	key.piece = MemoryContextStrdup(TopMemoryContext, piece.data);
	*slot = key;
	return piece.data;
}

/* ---- names of relations ---- */

#define RELATIONS	16			/* a power of two */

typedef struct RelationPiece
{
	Oid			relid;			/* InvalidOid: free */
	uint64		made;			/* which of all that were ever made */
	char	   *piece;			/* in TopMemoryContext, also of a free one */
} RelationPiece;

static RelationPiece relations[RELATIONS];	/* by oid modulo */
static uint64 relation_changes = 0;
static uint64 relations_made = 0;

static void
relation_changed(Datum arg, Oid relid)
{
	relation_changes++;
	for (int i = 0; i < RELATIONS; i++)
		if (!OidIsValid(relid) || relations[i].relid == relid)
			relations[i].relid = InvalidOid;
}

static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	relation_changed(arg, InvalidOid);
}

/* Schema and name of a relation, as one piece; empty when there is none. */
char *
casus_logrecord_relation(Oid relid)
{
	RelationPiece *slot = &relations[relid % RELATIONS];
	StringInfoData piece;
	uint64		before = relation_changes;
	char	   *name;

	if (!OidIsValid(relid))
		return pstrdup("");
	if (slot->relid == relid)
		return pstrdup(slot->piece);

	initStringInfo(&piece);
	name = get_rel_name(relid);
	if (name == NULL)
		return piece.data;
	casus_logrecord_text(&piece, "relation",
						 psprintf("%s.%s",
								  get_namespace_name(get_rel_namespace(relid)),
								  name));
	/* The look-ups take in messages: what they answer may be old by now. */
	if (before == relation_changes)
	{
		char	   *kept = MemoryContextStrdup(TopMemoryContext, piece.data);

		if (slot->piece)
			pfree(slot->piece);
		slot->piece = kept;
		slot->relid = relid;
		slot->made = ++relations_made;
	}
	return piece.data;
}

/* Another number when the piece is another one; 0: it is not known. */
uint64
casus_logrecord_relation_made(Oid relid)
{
	const RelationPiece *slot = &relations[relid % RELATIONS];

	return OidIsValid(relid) && slot->relid == relid ? slot->made : 0;
}

/* ---- who ---- */

/* Of this session; nobody can rename it meanwhile. */
const char *
casus_logrecord_database(void)
{
	if (database_name == NULL)
	{
		char	   *name = get_database_name(MyDatabaseId);

		if (name)
			database_name = MemoryContextStrdup(TopMemoryContext, name);
	}
	return database_name;
}

/* Stays when it is renamed, also on a standby; of another server it is another. */
static const char *
database_id(Oid database)
{
	return psprintf(UINT64_FORMAT ".%u", GetSystemIdentifier(), database);
}

/* What a line says of a record's database; name NULL: not to be compared here. */
CasusLogNames
casus_logrecord_names(Oid database, const char *name)
{
	CasusLogNames names = {0};
	StringInfoData piece;

	initStringInfo(&piece);
	casus_logrecord_text(&piece, "database_id", database_id(database));
	names.id = piece.data;
	if (name != NULL)
	{
		initStringInfo(&piece);
		casus_logrecord_text(&piece, "database", name);
		names.name = piece.data;
	}
	return names;
}

static const char *
actor_kind(CasusActorKind kind)
{
	switch (kind)
	{
		case CASUS_ACTOR_LOGIN:
			return "login";
		case CASUS_ACTOR_SET_ROLE:
			return "set_role";
		case CASUS_ACTOR_TOKEN:
			return "token";
	}
	return NULL;
}

/* Address of the client; a socket of this machine has none. */
static void
append_client(StringInfo piece)
{
	char		host[NI_MAXHOST];
	volatile PgBackendStatus *entry = MyBEEntry;
	SockAddr	address;

	if (entry == NULL)
		return;
	address = *(SockAddr *) &entry->st_clientaddr;
	if (address.addr.ss_family != AF_INET && address.addr.ss_family != AF_INET6)
		return;
	if (pg_getnameinfo_all(&address.addr, address.salen, host, sizeof(host),
						   NULL, 0, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		casus_logrecord_text(piece, "client", host);
}

static void
build_identity(StringInfo piece, const CasusActor *actor)
{
	casus_logrecord_text(piece, "database", casus_logrecord_database());
	casus_logrecord_text(piece, "database_id", database_id(MyDatabaseId));
	casus_logrecord_number(piece, "pid", MyProcPid);
	if (IsParallelWorker() && MyProc->lockGroupLeader)
		casus_logrecord_number(piece, "leader", MyProc->lockGroupLeader->pid);
	casus_logrecord_text(piece, "session",
						 psprintf("%llx.%x", (long long) MyStartTime, MyProcPid));
	casus_logrecord_text(piece, "person", casus_logrecord_person(actor->person));
	casus_logrecord_text(piece, "role", GetUserNameFromId(actor->role, true));
	casus_logrecord_text(piece, "actor", actor_kind(actor->kind));
	casus_logrecord_text(piece, "session_user",
						 GetUserNameFromId(GetSessionUserId(), true));
	/* SET SESSION AUTHORIZATION does not change who has connected. */
	casus_logrecord_text(piece, "login",
						 GetUserNameFromId(GetAuthenticatedUserId(), true));
	if (application_name && application_name[0])
		casus_logrecord_text(piece, "application", application_name);
	if (casus_traceparent && casus_traceparent[0])
		casus_logrecord_text(piece, "traceparent", casus_traceparent);
	append_client(piece);
}

static bool
is_current(const CasusActor *actor)
{
	const IdentityKey *key = &identity_key;

	return identity != NULL && key->people == casus_catalog_people &&
		key->actor.role == actor->role && key->actor.person == actor->person &&
		key->actor.kind == actor->kind && key->session_user == GetSessionUserId() &&
		strcmp(key->application, application_name ? application_name : "") == 0 &&
		strcmp(key->traceparent, casus_traceparent ? casus_traceparent : "") == 0;
}

/* What is known of it from now on; a failure leaves nothing. */
static void
keep_identity(const CasusActor *actor, uint64 people, const char *piece)
{
	IdentityKey *key = &identity_key;

	if (identity != NULL)
		pfree(identity);
	identity = NULL;
	if (key->application != NULL)
		pfree(key->application);
	key->application = NULL;
	key->application = MemoryContextStrdup(TopMemoryContext,
										   application_name ? application_name : "");
	key->people = people;
	key->actor = *actor;
	key->session_user = GetSessionUserId();
	strlcpy(key->traceparent, casus_traceparent ? casus_traceparent : "",
			sizeof(key->traceparent));
	identity = MemoryContextStrdup(TopMemoryContext, piece);
	casus_logrecord_identities++;
}

/*
 * Who reads, as one piece, made anew when anything in it may have changed.
 * Outside a healthy transaction the last one known serves: it belongs to the
 * statement that is failing.  Valid until the next call.
 */
const char *
casus_logrecord_identity(void)
{
	CasusActor	actor;
	StringInfoData piece;
	uint64		people;

	if (!IsTransactionState())
		return identity ? identity : "";
	actor = casus_context_actor();
	if (likely(is_current(&actor)))
		return identity;

	people = casus_catalog_people;
	initStringInfo(&piece);
	build_identity(&piece, &actor);
	keep_identity(&actor, people, piece.data);
	pfree(piece.data);
	return identity;
}

void
casus_logrecord_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, (Datum) 0);
}
