/*
 * logverify.c
 *		casus.verify_log, casus.log_anchor and casus.rotate_log_key.
 *
 * The check itself is in logwalk.c and logchain.c, which casusctl, that has
 * only the files, shares.  Here it ends where the running server knows that
 * the log ends, so a tail that was cut off is found without an anchor as long
 * as it runs.
 *
 * Keeps nothing; the keys are wiped after use.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <fcntl.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/* The end of the log with all that anybody has put on record so far, on disk. */
void
casus_logverify_head(CasusLogHead *head)
{
	casus_require_preloaded();
	casus_accesslog_flush();
	casus_sink_cover();
	casus_sink_sync();
	if (!casus_logring_begun(head))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the access log has not begun yet")));
}

/* ---- verify_log ---- */

static int
open_segment(void *place, uint64 segment)
{
	const CasusLogHead *head = place;
	char		path[MAXPGPATH];

	CHECK_FOR_INTERRUPTS();
	casus_logdir_file(path, head->node, segment);
	return OpenTransientFile(path, O_RDONLY | PG_BINARY);
}

static void
close_segment(int fd)
{
	CloseTransientFile(fd);
}

/* What speaks for segments that are gone, before the end is asked for: its entry is before that. */
static int
get_checkpoint(const uint8 *node, uint8 *bytes)
{
	int			length = casus_logdir_get_checkpoint(node, bytes);

	if (length < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the checkpoint of the access log: %m")));
	return length;
}

/*
 * As long as the server runs it knows the end itself, but not that of another
 * node's log, of which it has what it collected.  What is found is in the chain.
 */
static void
walk(CasusLogChain *chain, CasusLogHead *head, bool is_own, uint64 from, uint64 to)
{
	CasusLogSource source = {0};

	source.open = open_segment;
	source.close = close_segment;
	source.place = head;
	source.end = is_own ? &head->end : NULL;
	if (!casus_logdir_range(head->node, 0, UINT64_MAX, &source.first, &source.last))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	if (is_own)
		source.last = head->end.segment;
	else if (source.last == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no access log of that node on this server"),
				 errhint("SELECT node, source FROM casus.log_chain;")));
	(void) casus_logwalk(chain, &source, from, to);
}

/* Is it of another node, which is what stands before the first colon? */
static bool
is_of_other(const char *anchor, const CasusLogKeys *keys, char *of, char *this)
{
	pg_uuid_t	node;
	pg_uuid_t	own;

	if (strlen(anchor) <= 2 * CASUS_LOG_NODE || anchor[2 * CASUS_LOG_NODE] != ':' ||
		!casus_logsegment_unhex(node.data, anchor, CASUS_LOG_NODE))
		return false;
	memcpy(own.data, keys->node, CASUS_LOG_NODE);
	strlcpy(of, DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&node))), 37);
	strlcpy(this, DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&own))), 37);
	return memcmp(node.data, own.data, CASUS_LOG_NODE) != 0;
}

/* Raises. */
static void
refuse_anchor(const char *anchor, const CasusLogKeys *keys)
{
	char		of[37];
	char		this[37];
	bool		is_other = is_of_other(anchor, keys, of, this);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 is_other ? errmsg("this anchor is of node %s, and this log is that of node %s", of, this) :
			 errmsg("this is no anchor of this log"),
			 is_other ?
			 errhint("See casus.log_chain: where node %s is among its logs, name it to casus.verify_log as node.", of) :
			 errhint("An anchor is what casus.log_anchor() has returned on this node.")));
}

static void
begin(CasusLogChain *chain, const CasusLogKeys *keys, const char *anchor,
	  const uint8 *checkpoint, int length)
{
	casus_logchain_begin(chain, keys);
	if (anchor && !casus_logchain_anchor(chain, anchor))
		refuse_anchor(anchor, keys);
	if (length > 0)
		(void) casus_logchain_checkpoint(chain, checkpoint, length);
}

/*
 * Entries that are still to come are none of this log.  An anchor beyond the
 * end says that the log was cut: that is for the walk.
 */
static void
require_there(const CasusLogChain *chain, const CasusLogHead *head, uint64 last)
{
	if (last > head->end.seq && chain->anchor_seq <= head->end.seq)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no such entries of the access log"),
				 errdetail("Its last entry has number " UINT64_FORMAT ".", head->end.seq)));
}

/* Once more, when segments went meanwhile. */
static void
verify(CasusLogChain *chain, const CasusLogKeys *keys, CasusLogHead *head, bool is_own,
	   const char *anchor, uint64 from, uint64 to)
{
	uint8		bytes[CASUS_CHECKPOINT_SIZE + 1] = {0};
	uint8		again[CASUS_CHECKPOINT_SIZE + 1] = {0};
	int			length = get_checkpoint(head->node, bytes);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		begin(chain, keys, anchor, bytes, length);
		if (casus_logchain_gone(chain, from, to))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the entries up to number " UINT64_FORMAT " have gone after their term",
							chain->purged.seq),
					 errhint("Nothing can be said of them, or of an anchor of theirs: ask from a later number, or take a later anchor.")));
		if (is_own)
		{
			casus_logverify_head(head);
			require_there(chain, head, Max(from, to));
		}
		walk(chain, head, is_own, from, to);
		if (chain->finding.what[0] == '\0' ||
			(get_checkpoint(head->node, again) == length && memcmp(bytes, again, length) == 0))
			return;
		length = get_checkpoint(head->node, bytes);
	}
}

static Datum
make_result(FunctionCallInfo fcinfo, CasusLogChain *chain)
{
	const CasusLogFinding *finding = &chain->finding;
	bool		ok = finding->what[0] == '\0';
	char		file[CASUS_SEGMENT_NAME];
	TupleDesc	desc;
	Datum		values[8];
	bool		nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	casus_logsegment_name(file, finding->segment);
	values[0] = BoolGetDatum(ok);
	values[1] = Int64GetDatum((int64) chain->first);
	values[2] = Int64GetDatum((int64) chain->point.seq);
	values[3] = Int64GetDatum((int64) chain->nrecords);
	values[4] = CStringGetTextDatum(file);
	values[5] = Int64GetDatum((int64) finding->offset);
	values[6] = Int64GetDatum((int64) finding->seq);
	values[7] = CStringGetTextDatum(finding->what);
	nulls[1] = nulls[2] = chain->first == 0;
	nulls[4] = nulls[5] = nulls[6] = nulls[7] = ok;
	nulls[6] |= finding->seq == 0;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static uint64
number_or_none(FunctionCallInfo fcinfo, int argument)
{
	int64		number = PG_ARGISNULL(argument) ? 0 : PG_GETARG_INT64(argument);

	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("numbers of entries begin at 1")));
	return (uint64) number;
}

/* The keys of the log in question, that of head or of another node, which head is made that of. */
bool
casus_logverify_keys(CasusLogKeys *keys, CasusLogHead *head, const pg_uuid_t *node)
{
	bool		is_own = node == NULL || memcmp(node->data, head->node, CASUS_LOG_NODE) == 0;
	const char *why;

	if (!is_own)
		memcpy(head->node, node->data, CASUS_LOG_NODE);
	if (is_own ? !casus_logkey_read(keys, &why) : !casus_logkey_of_node(keys, head->node, &why))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read the key file of the access log: %s",
						why),
				 is_own ?
				 errhint("It is where casus.log_key_file says, or beside the data directory: put its copy back there, or mend its mode or owner.") :
				 errhint("A copy of that node's key file belongs into the directory \"%s.d\".", casus_logkey_path())));
	if (memcmp(keys->node, head->node, CASUS_LOG_NODE) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the key file is not the one that the access log was begun with")));
	return is_own;
}

/* casus.verify_log(from_seq, to_seq, anchor, node) */
PG_FUNCTION_INFO_V1(casus_sql_verify_log);
Datum
casus_sql_verify_log(PG_FUNCTION_ARGS)
{
	uint64		from = number_or_none(fcinfo, 0);
	uint64		to = number_or_none(fcinfo, 1);
	CasusLogKeys *keys = palloc(sizeof(CasusLogKeys));
	CasusLogChain chain;
	CasusLogHead head;
	bool		is_own;
	Datum		result;

	casus_require_preloaded();
	casus_accesslog_event("read", InvalidOid, 0, "verify_log", NULL);
	casus_logverify_head(&head);
	is_own = casus_logverify_keys(keys, &head, PG_ARGISNULL(3) ? NULL : PG_GETARG_UUID_P(3));
	if (to != 0 && to < from)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no such entries of the access log"),
				 errdetail("to_seq is before from_seq.")));
	verify(&chain, keys, &head, is_own,
		   PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)), from, to);
	result = make_result(fcinfo, &chain);
	explicit_bzero(keys, sizeof(*keys));
	pfree(keys);
	PG_RETURN_DATUM(result);
}

/* ---- log_anchor, rotate_log_key ---- */

/* casus.log_anchor(OUT seq, OUT mac, OUT anchor) */
PG_FUNCTION_INFO_V1(casus_sql_log_anchor);
Datum
casus_sql_log_anchor(PG_FUNCTION_ARGS)
{
	CasusLogHead head;
	TupleDesc	desc;
	char		mac[2 * CASUS_LOG_MAC + 1];
	char		anchor[CASUS_ANCHOR_LENGTH];
	Datum		values[3];
	bool		nulls[3] = {false};

	casus_logverify_head(&head);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	casus_logsegment_hex(mac, head.end.mac, CASUS_LOG_MAC);
	casus_logchain_print_anchor(anchor, head.node, &head.end);
	values[0] = Int64GetDatum((int64) head.end.seq);
	values[1] = CStringGetTextDatum(mac);
	values[2] = CStringGetTextDatum(anchor);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * casus.rotate_log_key(): the id of the key from now on.  What is tried is on
 * record first, and by whom it was done afterwards; that the log has another
 * key says its writer, in the first entry that is made with it.
 */
PG_FUNCTION_INFO_V1(casus_sql_rotate_log_key);
Datum
casus_sql_rotate_log_key(PG_FUNCTION_ARGS)
{
	static const char act[] = "rotate_log_key";
	CasusLogHead head;
	bool		answered = true;

	casus_require_preloaded();
	casus_accesslog_event("attempt", InvalidOid, 0, NULL, act);
	casus_accesslog_flush();
	if (!casus_logring_usable() || !casus_logring_rotate(&answered) || !casus_logring_head(&head))
	{
		if (answered)
			casus_accesslog_event("attempt", InvalidOid, 0, "undone", act);
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 answered ? errmsg("the key of the access log was not changed") :
				 errmsg("the key of the access log was not changed yet"),
				 answered ? errhint("The server log says what stands in the way.") :
				 errhint("It is changed as soon as the log can be written; an entry with code log_key says so.")));
	}
	casus_accesslog_event("setup", InvalidOid, 0, act, NULL);
	casus_accesslog_flush();
	PG_RETURN_INT32((int32) head.end.key);
}
