/*
 * logsegment.h
 *		The file format of the access log, and the check of its chain: for the
 *		server and, compiled with FRONTEND, for tools that have only the files.
 *
 * A log is a row of segment files 000000000001.log, 000000000002.log, ... in a
 * directory named after its node.  Integers are little-endian.
 *
 *		header	 0	8	"CASUSLOG"
 *				 8	4	version of the format
 *				12	4	length of the header, 128
 *				16 16	node: one writer, one chain
 *				32	8	number of the segment, from 1, without gaps
 *				40	4	id of the key of all macs in it
 *				44	4	0
 *				48	8	number of its first record
 *				56	8	when it was made, microseconds since 1970
 *				64 32	the mac before it: of the previous segment's last record
 *				96 32	mac: HMAC-SHA256(key, bytes 0 to 95)
 *
 *		record	 0	4	length of the payload
 *				 4	2	kind (CasusRecordKind)
 *				 6	2	1: all before it was on disk when it was written; else 0
 *				 8	8	number, from 1, without gaps
 *				16	8	when it was written, microseconds since 1970
 *				24	n	payload: a JSON object
 *			  24+n 32	mac: HMAC-SHA256(key, previous mac, bytes 0 to 24+n-1)
 *
 * Behind the last record of a file there may be zeros, room that was made
 * before it is needed.
 *
 * The number is the authority on what came first, not the time.
 *
 * What is beyond its term goes by whole segments, from the first on.  The file
 * "checkpoint" speaks for them then; an entry of casus.purge_log in the log
 * that is left names it.
 *
 *		checkpoint	 0	8	"CASUSCUT"
 *				 8	4	version of the format
 *				12	4	length, 160
 *				16 16	node
 *				32	8	number of the last segment that is gone
 *				40	4	id of the key of the mac
 *				44	4	id of the key of that segment
 *				48	8	number of its last record: that many are gone
 *				56	8	when it was made, microseconds since 1970
 *				64	8	the newest time of a record that is gone
 *				72 24	0
 *				96 32	the mac of the last record that is gone
 *			   128 32	mac: HMAC-SHA256(key, bytes 0 to 127)
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGSEGMENT_H
#define CASUS_LOGSEGMENT_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#define CASUS_LOG_MAC		32
#define CASUS_LOG_NODE		16
#define CASUS_LOG_SECRET	32
#define CASUS_LOG_KEYS		256
#define CASUS_SEGMENT_HEADER	128
#define CASUS_CHECKPOINT_SIZE	160
#define CASUS_CHECKPOINT_NAME	"checkpoint"
#define CASUS_RECORD_HEADER		24
#define CASUS_RECORD_MAX	(64 * 1024 * 1024)	/* bytes of a payload */
#define CASUS_SEGMENT_NAME	32	/* bytes for a file name */

/* Higher numbers are none: who goes on from one must not come round to those given. */
#define CASUS_SEGMENT_LAST	UINT64CONST(999999999999)
#define CASUS_LOG_LAST	(UINT64CONST(1) << 62)

typedef enum CasusRecordKind
{
	CASUS_RECORD_ENTRY = 1,		/* of a backend */
	CASUS_RECORD_START,			/* the writer found the end of the log, or begins one */
	CASUS_RECORD_STOP,			/* the server was stopped in order */
	CASUS_RECORD_TORN,			/* a tail that a crash cut off was kept aside */
	CASUS_RECORD_CLOCK,			/* the clock jumped */
	CASUS_RECORD_KEY,			/* a key file was made, or from this segment on another key */
	CASUS_RECORD_CHANGED,		/* somebody else wrote to the files */
	CASUS_RECORD_RESUMED		/* the log could not be written for a while */
} CasusRecordKind;

#define CASUS_RECORD_LAST_KIND	CASUS_RECORD_RESUMED

typedef struct CasusLogKey
{
	uint32		id;
	uint8		secret[CASUS_LOG_SECRET];
} CasusLogKey;

/* What a key file holds; the last key is the one in use. */
typedef struct CasusLogKeys
{
	uint8		node[CASUS_LOG_NODE];
	int			nkeys;
	CasusLogKey key[CASUS_LOG_KEYS];
} CasusLogKeys;

/* A place in the chain: right after a record, or after a segment's header. */
typedef struct CasusLogPoint
{
	uint64		segment;
	uint64		offset;
	uint64		seq;			/* of the last record */
	int64		time;			/* of that, microseconds since 1970; 0: there is none */
	uint32		key;
	uint8		mac[CASUS_LOG_MAC];
} CasusLogPoint;

typedef struct CasusLogRecord
{
	uint64		offset;
	uint32		length;
	uint16		kind;
	bool		settled;		/* all before it was on disk when it was written */
	uint64		seq;
	int64		time;
	const uint8 *head;			/* payload and mac follow */
	const uint8 *payload;
	const uint8 *mac;
} CasusLogRecord;

typedef struct CasusLogHeader
{
	uint8		node[CASUS_LOG_NODE];
	uint64		segment;
	uint32		key;
	uint64		first_seq;
	int64		time;
	uint8		before[CASUS_LOG_MAC];
	uint8		mac[CASUS_LOG_MAC];
} CasusLogHeader;

/* What speaks for segments that are gone. */
typedef struct CasusLogCheckpoint
{
	uint8		node[CASUS_LOG_NODE];
	uint64		segment;		/* the last of them; 0: none are gone */
	uint32		key;			/* of the mac */
	uint32		last_key;		/* of that segment */
	uint64		seq;			/* of its last record */
	int64		time;			/* when it was made */
	int64		newest;			/* of the records */
	uint8		last[CASUS_LOG_MAC];
} CasusLogCheckpoint;

typedef struct CasusLogReader
{
	int			fd;				/* the caller's */
	uint64		limit;			/* what is read of the file: its size, or less */
	uint64		offset;			/* of the next record */
	uint8	   *buffer;
	uint64		start;			/* offset in the file of the buffer's first byte */
	size_t		filled;
	size_t		room;
} CasusLogReader;

typedef enum CasusLogRead
{
	CASUS_LOG_OK,
	CASUS_LOG_END,				/* exactly at the limit */
	CASUS_LOG_ROOM,				/* nothing but zeros up to the limit */
	CASUS_LOG_TORN,				/* what follows is no whole record */
	CASUS_LOG_FAILED			/* errno */
} CasusLogRead;

/* ---- logsegment.c ---- */

extern void casus_logsegment_name(char *name, uint64 segment);
extern uint64 casus_logsegment_number(const char *name);
extern void casus_logsegment_hex(char *text, const uint8 *bytes, int length);
extern bool casus_logsegment_unhex(uint8 *bytes, const char *text, int length);
extern bool casus_logsegment_parse_keys(CasusLogKeys *keys, char *text);
extern const CasusLogKey *casus_logsegment_key(const CasusLogKeys *keys, uint32 id);

extern bool casus_logsegment_mac(const CasusLogKey *key, const uint8 *before,
								 const uint8 *data, size_t length, uint8 *mac);
extern bool casus_logsegment_put_header(const CasusLogKey *key, const uint8 *node,
										CasusLogPoint *point, int64 time, uint8 *out);
extern bool casus_logsegment_put_record(const CasusLogKey *key, CasusLogPoint *point,
										CasusRecordKind kind, bool settled, int64 time,
										const char *payload, uint32 length, uint8 *out);

extern bool casus_logsegment_put_checkpoint(const CasusLogKey *key,
											CasusLogCheckpoint *checkpoint, uint8 *out);
extern bool casus_logsegment_get_checkpoint(const CasusLogKeys *keys, const uint8 *in,
											size_t length, CasusLogCheckpoint *checkpoint);
extern void casus_logsegment_print_checkpoint(char *text, const CasusLogCheckpoint *checkpoint);

extern bool casus_logsegment_open(CasusLogReader *reader, int fd, uint64 limit);
extern CasusLogRead casus_logsegment_header(CasusLogReader *reader, CasusLogHeader *header);
extern CasusLogRead casus_logsegment_next(CasusLogReader *reader, CasusLogRecord *record);
extern void casus_logsegment_close(CasusLogReader *reader);
extern bool casus_logsegment_header_holds(const CasusLogKeys *keys,
										  const CasusLogReader *reader,
										  const CasusLogHeader *header);

/* ---- logchain.c ---- */

/* The first thing that is wrong. */
typedef struct CasusLogFinding
{
	uint64		segment;		/* 0: the checkpoint */
	uint64		offset;
	uint64		seq;
	char		what[200];		/* empty: nothing */
} CasusLogFinding;

typedef struct CasusLogChain
{
	const CasusLogKeys *keys;
	CasusLogPoint point;		/* so far; segment 0: nowhere yet */
	uint64		first;			/* number of the first record; 0: none yet */
	uint64		nrecords;
	uint64		anchor_seq;		/* 0: none */
	uint8		anchor_mac[CASUS_LOG_MAC];
	CasusLogPoint other;		/* the anchor's entry, of another mac; segment 0: none */
	CasusLogCheckpoint purged;	/* segments that are gone; segment 0: none */
	bool		on_record;		/* the entry of that has been passed */
	void		(*each) (const CasusLogRecord *record, void *argument); /* of what holds; or NULL */
	void	   *argument;
	CasusLogFinding finding;
} CasusLogChain;

extern void casus_logchain_begin(CasusLogChain *chain, const CasusLogKeys *keys);
extern bool casus_logchain_anchor(CasusLogChain *chain, const char *anchor);
extern bool casus_logchain_header(CasusLogChain *chain, CasusLogReader *reader, uint64 segment);
extern bool casus_logchain_record(CasusLogChain *chain, CasusLogReader *reader,
								  const CasusLogRecord *record);
extern bool casus_logchain_checkpoint(CasusLogChain *chain, const uint8 *bytes, size_t length);
extern bool casus_logchain_gone(const CasusLogChain *chain, uint64 from, uint64 to);
extern bool casus_logchain_unrecorded(CasusLogChain *chain);
extern void casus_logchain_restart(CasusLogChain *chain, uint64 segment);
extern bool casus_logchain_segment(CasusLogChain *chain, int fd, uint64 segment, uint64 limit);
extern bool casus_logchain_missing(CasusLogChain *chain, uint64 segment);
extern bool casus_logchain_cut(CasusLogChain *chain, uint64 last_seq);
extern bool casus_logchain_end(CasusLogChain *chain);
extern void casus_logchain_print_anchor(char *text, const uint8 *node, const CasusLogPoint *point);

/* ---- logwalk.c ---- */

/* Where the segments are. */
typedef struct CasusLogSource
{
	int			(*open) (void *place, uint64 segment);	/* -1: cannot */
	void		(*close) (int fd);
	void	   *place;
	uint64		first;			/* segments */
	uint64		last;
	const CasusLogPoint *end;	/* where its writer left it; NULL: not known */
} CasusLogSource;

extern bool casus_logwalk(CasusLogChain *chain, const CasusLogSource *source,
						  uint64 from, uint64 to);

#define CASUS_ANCHOR_LENGTH	(2 * CASUS_LOG_NODE + 1 + 20 + 1 + 2 * CASUS_LOG_MAC + 1)
#define CASUS_CHECKPOINT_LENGTH	(20 + 1 + 20 + 1 + 2 * CASUS_LOG_MAC + 1)	/* as text */

#endif							/* CASUS_LOGSEGMENT_H */
