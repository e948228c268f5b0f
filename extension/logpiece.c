/*
 * logpiece.c
 *		casus.log_piece: bytes of this node's access log, for who collects it.
 *
 * Only what is on disk, and whole records at its end.  A session that asks is
 * on record once, not each time: else every look would give another one
 * something to see.
 *
 * Keeps which role is on record; takes no lock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logpull.h"

#include "accesslog.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "replication/walreceiver.h"
#include "parser/scansup.h"
#include "storage/fd.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/uuid.h"

static void
put_on_record(void)
{
	static Oid	recorded = InvalidOid;
	Oid			role = casus_context_actor().role;

	if (role == recorded)
		return;
	casus_accesslog_event("read", InvalidOid, 0, "log_piece", NULL);
	casus_accesslog_flush();
	casus_sink_sync();
	recorded = role;
}

/* As the server from which we stream calls us; NULL: this is no standby. */
static char *
standby_name(void)
{
	char		conninfo[MAXCONNINFO];
	char	   *name;

	if (!RecoveryInProgress())
		return NULL;
	SpinLockAcquire(&WalRcv->mutex);
	strlcpy(conninfo, (char *) WalRcv->conninfo, sizeof(conninfo));
	SpinLockRelease(&WalRcv->mutex);
	name = casus_logpull_application(conninfo);
	explicit_bzero(conninfo, sizeof(conninfo));
	if (name == NULL || name[0] == '\0')
		name = pstrdup(cluster_name && cluster_name[0] ? cluster_name : "walreceiver");
	/* As that server makes it a name, whatever bytes stand in the setting. */
	truncate_identifier(name, strlen(name), false);
	return casus_compat_clean_ascii(name);
}

/* What stands for the segments that are gone; NULL: none are. */
static bytea *
read_checkpoint(const CasusLogHead *head)
{
	bytea	   *bytes = palloc0(VARHDRSZ + CASUS_CHECKPOINT_SIZE + 1);
	int			length = casus_logdir_get_checkpoint(head->node, (uint8 *) VARDATA(bytes));

	if (length < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read the checkpoint of the access log: %m")));
	SET_VARSIZE(bytes, VARHDRSZ + length);
	return length > 0 ? bytes : NULL;
}

/*
 * NULL: the segment is not there; of segment 0, the checkpoint.  complete:
 * nothing follows in it.
 */
static bytea *
read_segment(const CasusLogHead *head, uint64 segment, uint64 place, bool *complete)
{
	char		path[MAXPGPATH];
	uint64		limit = PG_INT64_MAX;
	bytea	   *bytes;
	ssize_t		n = 0;
	int			fd;

	*complete = segment < head->end.segment;
	if (segment == 0)
		return place == 0 ? read_checkpoint(head) : NULL;
	if (segment > head->end.segment)
		return NULL;
	casus_logdir_file(path, head->node, segment);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (segment == head->end.segment)
		limit = head->end.offset;
	bytes = palloc(VARHDRSZ + CASUS_LOG_PIECE);
	if (fd >= 0 && place < limit)
		n = pread(fd, VARDATA(bytes), Min((uint64) CASUS_LOG_PIECE, limit - place), (off_t) place);
	if (fd < 0 || n < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	*complete = *complete && n < CASUS_LOG_PIECE;
	CloseTransientFile(fd);
	SET_VARSIZE(bytes, VARHDRSZ + n);
	return bytes;
}

/*
 * casus.log_piece(segment, place, OUT node, OUT segment, OUT last_segment,
 * OUT next_segment, OUT complete, OUT last_seq, OUT standby, OUT bytes)
 */
PG_FUNCTION_INFO_V1(casus_sql_log_piece);
Datum
casus_sql_log_piece(PG_FUNCTION_ARGS)
{
	int64		segment = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	int64		place = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
	CasusLogHead head;
	uint64		next = 0;
	uint64		last;
	bool		complete;
	bytea	   *bytes;
	char	   *standby;
	pg_uuid_t	node;
	TupleDesc	desc;
	Datum		values[8];
	bool		nulls[8] = {false};

	casus_require_preloaded();
	if (segment < 0 || place < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no such place in the access log")));
	/* The right to call it does not do: a superuser has it, and lends it in a function of his. */
	if (!casus_is_collector(casus_context_actor().role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the bytes of the access log are for members of casus_collector only"),
				 errhint("casus.access_log shows a member of casus_auditor its records.")));
	put_on_record();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!casus_logring_head(&head))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the access log has not begun yet")));
	bytes = read_segment(&head, segment, place, &complete);
	if (!casus_logdir_range(head.node, segment, head.end.segment + 1, &next, &last))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	standby = standby_name();

	memcpy(node.data, head.node, UUID_LEN);
	values[0] = UUIDPGetDatum(&node);
	values[1] = Int64GetDatum(segment);
	values[2] = Int64GetDatum((int64) head.end.segment);
	values[3] = Int64GetDatum((int64) next);
	values[4] = BoolGetDatum(complete);
	values[5] = Int64GetDatum((int64) head.end.seq);
	if (standby != NULL)
		values[6] = CStringGetTextDatum(standby);
	nulls[6] = standby == NULL;
	values[7] = PointerGetDatum(bytes);
	nulls[7] = bytes == NULL;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
