/*
 * act.c
 *		Acts as rows: who did what, in which office, when; and what every act
 *		on a dossier begins with.
 *
 * An act is a row in the actor's own transaction: when that rolls back, the
 * act has not happened.  The attempt is in the access log all the same.
 * Motivation and details are content: they stand apart, in act_content, and
 * are destroyed with the dossier.
 *
 * Lock: an act holds the row of its dossier (FOR NO KEY UPDATE) to the end of
 * the transaction, against other acts on it and against writers of its rows,
 * who hold it FOR SHARE.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "acts.h"
#include "resolve.h"
#include "term.h"
#include "xact.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"

/*
 * Who is responsible for the act: the controller that the protocol ties to the
 * power chosen in the details (a value of one of its lists); then whoever was
 * responsible for the dossier's last act; else the controllers of the file.
 */
static char *
controller_of(CasusQuery *query, int32 file, int64 dossier, Jsonb *details)
{
	casus_query_int(query, file);
	casus_query_jsonb(query, details);
	casus_query_int64(query, dossier);
	casus_query_read(query,
					 "SELECT coalesce("
					 "(SELECT pg_catalog.string_agg(DISTINCT v.value ->> 'controller', ', ') "
					 "FROM casus_cat.protocol p, LATERAL "
					 "pg_catalog.jsonb_path_query(p.definition, "
					 "'$.lists[*].values[*] ? (exists (@.controller))') v(value) "
					 "WHERE p.id = f.protocol AND EXISTS ("
					 "SELECT FROM pg_catalog.jsonb_path_query($2, '$.*') g(value) "
					 "WHERE g.value @> (v.value -> 'value'))), "
					 "(SELECT a.controller FROM casus_cat.act a WHERE a.dossier = $3 "
					 "ORDER BY a.id DESC LIMIT 1), "
					 "pg_catalog.array_to_string(f.controllers, ', ')) "
					 "FROM casus_cat.file f WHERE f.id = $1");
	return casus_query_get_text(query, 0, 1);
}

/* A text argument of an act, or NULL. */
char *
casus_act_text(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return NULL;
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* A text argument without which there is no act. */
char *
casus_act_required_text(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		casus_setup_error(ERRCODE_NULL_VALUE_NOT_ALLOWED, NULL,
						  psprintf(_("\"%s\" must be given"), name), NULL, CASUS_HINT_CALLS);
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/*
 * Details of a set-up act: pairs of key and value, ended by a NULL key; values
 * that are NULL are left out.
 */
Jsonb *
casus_act_details(const char *key,...)
{
	StringInfoData json;
	va_list		args;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	va_start(args, key);
	while (key != NULL)
	{
		const char *value = va_arg(args, const char *);

		if (value != NULL)
		{
			if (json.len > 1)
				appendStringInfoChar(&json, ',');
			escape_json(&json, key);
			appendStringInfoChar(&json, ':');
			escape_json(&json, value);
		}
		key = va_arg(args, const char *);
	}
	va_end(args);
	appendStringInfoChar(&json, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/* ---- what the log is told of acts that take effect ---- */

/*
 * An attempt is logged when it is made, the act only when its transaction
 * commits: the log names no act that has not happened.  One entry per act, or for
 * the dossiers taken in together, in the memory of the top-level transaction.
 * It says who acted, and on what, as it was then: a table may be dropped, and
 * a role set back, before the commit.
 *
 * The entry precedes the commit, which may fail after it: then another follows
 * that says so.
 */
typedef struct NotedAct
{
	const char *kind;			/* of the record */
	char	   *description;
	SubTransactionId subxact;
	bool		told;			/* to the log, as carried out */
} NotedAct;

static List *noted_acts = NIL;

static void
tell_undone(const NotedAct *act)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfoString(&line, act->description);
	casus_logrecord_text(&line, "code", "undone");
	casus_accesslog_described("attempt", line.data);
	pfree(line.data);
}

static void
at_end_of_xact(XactEvent event, void *arg)
{
	ListCell   *cell;

	foreach(cell, noted_acts)
	{
		NotedAct   *act = lfirst(cell);

		/* What is prepared is past what we see of it: it counts as carried out. */
		if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		{
			casus_accesslog_described(act->kind, act->description);
			act->told = true;
		}
		else if (event == XACT_EVENT_ABORT && act->told)
			tell_undone(act);
	}
	/* The memory goes with the transaction. */
	if (casus_xact_ends(event))
		noted_acts = NIL;
}

static void
at_end_of_subxact(SubXactEvent event, SubTransactionId subxact,
				  SubTransactionId parent, void *arg)
{
	/* What it did, and those within it, stands last. */
	for (int i = list_length(noted_acts) - 1; i >= 0; i--)
	{
		NotedAct   *act = list_nth(noted_acts, i);

		if (act->subxact != subxact)
			break;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			noted_acts = list_truncate(noted_acts, i);
		else if (event == SUBXACT_EVENT_COMMIT_SUB)
			act->subxact = parent;
	}
}

static void
note_act(const char *kind, int32 file, Oid relid, int n, const int64 *dossiers,
		 const char *text)
{
	static bool registered = false;
	char	   *description = casus_accesslog_describe(file, relid, n, dossiers, NULL, text);
	MemoryContext old;
	NotedAct   *act;

	if (description == NULL)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	act = palloc(sizeof(NotedAct));
	act->kind = kind;
	act->description = pstrdup(description);
	act->subxact = GetCurrentSubTransactionId();
	act->told = false;
	noted_acts = lappend(noted_acts, act);
	MemoryContextSwitchTo(old);

	/*
	 * Callbacks run last come first: registered at the first act, this one
	 * writes before the log makes sure at commit that all is durable.
	 */
	if (!registered)
	{
		RegisterXactCallback(at_end_of_xact, NULL);
		RegisterSubXactCallback(at_end_of_subxact, NULL);
		registered = true;
	}
}

/* Set-up of a table, which is no row: on record when its transaction commits. */
void
casus_act_note_setup(Oid relid, const char *text)
{
	note_act("setup", 0, relid, 0, NULL, text);
}

/* The owner's code, which runs for who writes a row, does not act in his name. */
static void
refuse_inside(void)
{
	if (casus_resolve_runs())
		casus_refuse("bypass", _("a function that names the dossier of a row does not act"),
					 _("It runs in the session of whoever writes the row."),
					 _("Let it only look up the dossier; the act is a statement of its own."));
}

/* The row itself; capacity NULL: a set-up act by an admin, without office. */
static int64
record(int32 file, const CasusCapacity *capacity, const char *kind,
	   int64 dossier, const char *motivation, Jsonb *details)
{
	CasusActor	actor = casus_context_actor();
	CasusQuery	query;
	char	   *controller = NULL;
	int64		id;

	refuse_inside();
	casus_query_begin(&query);
	if (file != 0)
		controller = controller_of(&query, file, dossier, details);
	casus_query_text(&query, kind);
	casus_query_arg(&query, INT4OID, Int32GetDatum(file), file == 0);
	casus_query_arg(&query, INT8OID, Int64GetDatum(dossier), dossier == 0);
	casus_query_arg(&query, INT4OID, Int32GetDatum(actor.person),
					actor.person == 0);
	casus_query_text(&query, GetUserNameFromId(actor.role, true));
	casus_query_arg(&query, CHAROID, CharGetDatum(actor.kind), false);
	casus_query_code(&query, capacity ? capacity->office : 0, capacity == NULL);
	casus_query_code(&query, capacity ? capacity->party : 0,
					 capacity == NULL || capacity->party == 0);
	casus_query_code(&query, capacity ? capacity->purpose : 0,
					 capacity == NULL || capacity->purpose == CASUS_NO_PURPOSE);
	casus_query_text(&query, controller);
	casus_query_run(&query,
					"INSERT INTO casus_cat.act (id, kind, file, dossier, person, role_name, "
					"actor_kind, office, party, purpose, controller) "
					"VALUES (pg_catalog.nextval('casus_cat.id_seq'), $1, $2, $3, $4, "
					"coalesce($5, '?')::name, $6, $7, $8, $9, $10) RETURNING id");
	id = casus_query_get_int(&query, 0, 1);

	if (motivation != NULL || details != NULL)
	{
		casus_query_int64(&query, id);
		casus_query_arg(&query, INT8OID, Int64GetDatum(dossier), dossier == 0);
		casus_query_text(&query, motivation);
		casus_query_jsonb(&query, details);
		casus_query_run(&query,
						"INSERT INTO casus_cat.act_content (act, dossier, motivation, details) "
						"VALUES ($1, $2, $3, $4)");
	}
	casus_query_end(&query);

	note_act(capacity ? "act" : "setup", file, InvalidOid, dossier == 0 ? 0 : 1, &dossier, kind);
	return id;
}

int64
casus_act_record(const CasusCapacity *capacity, const char *kind, int64 dossier,
				 const char *motivation, Jsonb *details)
{
	return record(capacity->file, capacity, kind, dossier, motivation, details);
}

int64
casus_act_record_setup(int32 file, const char *kind, int64 dossier,
					   const char *motivation, Jsonb *details)
{
	return record(file, NULL, kind, dossier, motivation, details);
}

/* One record for those of each file, in order. */
static void
note_taken_in(int n, const int64 *dossiers, const int32 *files)
{
	int64	   *of_file = palloc(n * sizeof(int64));
	List	   *seen = NIL;

	for (int i = 0; i < n; i++)
	{
		int			k = 0;

		if (list_member_int(seen, files[i]))
			continue;
		seen = lappend_int(seen, files[i]);
		for (int j = i; j < n; j++)
		{
			if (files[j] == files[i])
				of_file[k++] = dossiers[j];
		}
		note_act("setup", files[i], InvalidOid, k, of_file, "taken_in");
	}
}

/* As casus_act_record_setup("taken_in"), for many dossiers by one statement. */
void
casus_act_record_taken_in(int n, const int64 *dossiers, const int32 *files)
{
	CasusActor	actor = casus_context_actor();
	Datum	   *ids = palloc(n * sizeof(Datum));
	Datum	   *theirs = palloc(n * sizeof(Datum));
	CasusQuery	query;

	refuse_inside();
	for (int i = 0; i < n; i++)
	{
		ids[i] = Int64GetDatum(dossiers[i]);
		theirs[i] = Int32GetDatum(files[i]);
	}
	casus_query_begin(&query);
	casus_query_arg(&query, INT8ARRAYOID,
					PointerGetDatum(construct_array(ids, n, INT8OID, 8, FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE)), false);
	casus_query_arg(&query, INT4ARRAYOID,
					PointerGetDatum(construct_array(theirs, n, INT4OID, 4, true, TYPALIGN_INT)),
					false);
	casus_query_arg(&query, INT4OID, Int32GetDatum(actor.person), actor.person == 0);
	casus_query_text(&query, GetUserNameFromId(actor.role, true));
	casus_query_arg(&query, CHAROID, CharGetDatum(actor.kind), false);
	casus_query_run(&query,
					"INSERT INTO casus_cat.act (id, kind, file, dossier, person, role_name, "
					"actor_kind, controller) "
					"SELECT pg_catalog.nextval('casus_cat.id_seq'), 'taken_in', d.file, d.id, $3, "
					"coalesce($4, '?')::name, $5, pg_catalog.array_to_string(f.controllers, ', ') "
					"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS d(id, file) "
					"JOIN casus_cat.file f ON f.id = d.file");
	if (query.nrows != n)
		elog(ERROR, "%d dossiers taken in, and " UINT64_FORMAT " acts", n, query.nrows);
	casus_query_end(&query);
	note_taken_in(n, dossiers, files);
}

void
casus_act_attempt(Oid relid, int64 dossier, const char *act)
{
	casus_accesslog_event("attempt", relid, dossier, NULL, act);
	casus_require_writable();
}

/*
 * Set-up is for casus_admin.  The first such call makes the installation's id:
 * from then on it is no longer fresh and takes no restore.
 */
void
casus_act_require_admin(const char *act)
{
	CasusActor	actor = casus_context_actor();

	casus_require_preloaded();
	refuse_inside();
	if (!casus_is_admin(actor.role))
		casus_refuse("wrong_office",
					 _("set-up is for members of casus_admin"),
					 psprintf(_("casus.%s() is a set-up act."), act),
					 CASUS_HINT_ADMINS);
	casus_act_attempt(InvalidOid, 0, act);
	casus_installation_ensure();
}

/* One refusal for what is not there and what is not yours. */
void
casus_act_refuse_unknown(void)
{
	casus_check_refuse(casus_check_protocol(NULL, 0), "no_appointment",
					   _("there is no such dossier, or you hold no appointment for it"),
					   _("a dossier is known to the offices of its file and to those who take part in it"),
					   "SELECT * FROM casus.my_purposes();");
}

void
casus_act_refuse_ended(const CasusFile *file, int phase)
{
	const CasusProtocol *protocol = casus_protocol(file->protocol);

	if ((protocol->terminal & (UINT64CONST(1) << phase)) != 0)
		casus_refuse("wrong_phase",
					 _("nobody joins a dossier that has ended"),
					 casus_find_detail(file, protocol->phase_article[phase],
									   psprintf(_("phase %s ends the dossier"),
												protocol->phase[phase])),
					 "SELECT id, phase FROM casus.dossier WHERE closed_at IS NULL;");
}

/*
 * What every act on a dossier begins with: the attempt is logged, the dossier
 * must be one that the caller may know of, its row is locked, and what is
 * judged afterwards is the state under that lock.
 */
void
casus_act_begin(const char *act, int64 dossier, CasusActTarget *target)
{
	casus_require_preloaded();
	casus_act_attempt(InvalidOid, dossier, act);
	casus_catalog_listen();

	if (!casus_sight_dossier(dossier, &target->dossier) ||
		!casus_dossier_lock(dossier, LockTupleNoKeyExclusive))
		casus_act_refuse_unknown();
	casus_catalog_listen();
	if (!casus_sight_dossier(dossier, &target->dossier))
		casus_act_refuse_unknown();

	casus_find_file_by_id(target->dossier.file, &target->file);
	casus_find_active(&target->file);
	target->protocol = casus_protocol(target->file.protocol);
	target->phase = target->protocol->phase[target->dossier.phase];
}

/* ---- opening ---- */

/*
 * The offices that may supply in the initial phase, as a mask; the phase and
 * the article of the first such rule come along.
 */
static uint64
opening_offices(const CasusProtocol *protocol, int phase, const char **article)
{
	uint64		offices = 0;

	*article = protocol->phase_article[phase];
	for (int i = 0; i < protocol->nrules; i++)
	{
		const CasusRule *rule = &protocol->rules[i];

		if (rule->state == phase && (rule->verbs & CASUS_SUPPLY) != 0)
		{
			if (offices == 0)
				*article = rule->article;
			offices |= UINT64CONST(1) << rule->office;
		}
	}
	return offices;
}

/*
 * A protocol is applied in a file from a day on, which the file sets before it
 * is activated (every protocol has that parameter).  That day while it is to
 * come, with its article, else NULL.
 */
static char *
waits_until(int32 file, char **article)
{
	CasusQuery	query;
	int			y,
				m,
				d;
	char	   *day;

	casus_query_begin(&query);
	casus_query_int(&query, file);
	casus_query_read(&query,
					 "SELECT f.parameters ->> 'startdatum', (SELECT e.value ->> 'article' FROM "
					 "pg_catalog.jsonb_path_query(p.definition, '$.parameters[*]') e(value) "
					 "WHERE e.value ->> 'name' = 'startdatum') "
					 "FROM casus_cat.file f JOIN casus_cat.protocol p ON p.id = f.protocol "
					 "WHERE f.id = $1");
	day = casus_query_get_text(&query, 0, 1);
	*article = casus_query_get_text(&query, 0, 2);
	casus_query_end(&query);

	/* As texts, YYYY-MM-DD. */
	j2date(casus_clock_today() + POSTGRES_EPOCH_JDATE, &y, &m, &d);
	if (day == NULL || strcmp(psprintf("%04d-%02d-%02d", y, m, d), day) >= 0)
		return NULL;
	return day;
}

static void
require_in_force(const CasusFile *file)
{
	char	   *article;
	char	   *day = waits_until(file->id, &article);

	if (day != NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  _("the protocol is not in force yet"),
						  casus_find_detail(file, article,
											psprintf(_("in file %s it is from %s on"), file->name, day)),
						  psprintf("SELECT parameters FROM casus.file WHERE name = %s;",
								   quote_literal_cstr(file->name)));
}

static int
initial_phase(const CasusFile *file)
{
	CasusQuery	query;
	int			phase;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_read(&query,
					"SELECT code FROM casus_cat.phase WHERE protocol = $1 AND is_initial");
	phase = (int) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	return phase;
}

/*
 * Or is it refused, for the caller or for the day?  In observe a row is stored all the
 * same, and opens no dossier.
 */
bool
casus_act_may_open(int32 file_id, CasusActRefusal *refusal)
{
	CasusFile	file;
	CasusCapacity capacity = {0};
	const char *article;
	char	   *day_article;
	uint64		offices;

	casus_find_file_by_id(file_id, &file);
	offices = opening_offices(casus_protocol(file.protocol), initial_phase(&file), &article);
	if (!casus_context_may_act(file.id, 0, offices, article, &capacity, refusal))
		return false;
	if (waits_until(file.id, &day_article) == NULL)
		return true;
	/* As require_in_force() says it: under no code of casus. */
	memset(refusal, 0, sizeof(*refusal));
	refusal->message = _("the protocol is not in force yet");
	return false;
}

int64
casus_act_open_dossier(int32 file_id, Jsonb *details, const char *motivation)
{
	CasusFile	file;
	CasusCapacity capacity = {0};
	CasusQuery	query;
	const char *article;
	uint64		offices;
	int			phase;
	int64		dossier;

	casus_require_preloaded();
	casus_find_file_by_id(file_id, &file);
	casus_find_active(&file);

	phase = initial_phase(&file);
	offices = opening_offices(casus_protocol(file.protocol), phase, &article);
	casus_context_for_act(file.id, 0, offices, article, &capacity);
	require_in_force(&file);
	casus_gatecontent_only(&file, -1, article, details);

	casus_query_begin(&query);
	casus_query_int(&query, file.id);
	casus_query_code(&query, phase, false);
	casus_query_run(&query,
					"INSERT INTO casus_cat.dossier (id, file, phase, phase_since, opened_at) "
					"SELECT pg_catalog.nextval('casus_cat.id_seq'), $1, $2, t, t "
					"FROM pg_catalog.clock_timestamp() t RETURNING id");
	dossier = casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);

	(void) casus_act_record(&capacity, "open_dossier", dossier, motivation,
							details);
	return dossier;
}
