#!/usr/bin/python3
# Packages: python3-psycopg
"""psycopg 3: extended protocol, prepared statements, server-side cursors, pipelines; what psql cannot do."""
import select
import time
import uuid

import psycopg
from casus_client import connect, done_testing, fixture_db, is_, ok, refusal, values

fixture_db('client_psycopg')
QUERY = 'SELECT inhoud FROM beesel.notitie WHERE inhoud LIKE %s ORDER BY id'
INTAKE = ['intake een', 'intake twee']

with connect('bs_coordinator') as conn:
    # Errors: everything a program needs stands in fields of its own.
    try:
        conn.execute(QUERY, ['%'])
        ok(False, 'without a purpose the query is refused')
    except psycopg.errors.InsufficientPrivilege as error:
        is_(error.diag.constraint_name, 'casus.no_purpose', 'the code of a refusal is diag.constraint_name')
        is_(error.diag.sqlstate, '42501', 'and its SQLSTATE 42501')
        ok('casus.enter' in (error.diag.message_hint or ''), 'the hint says what to do next', error.diag.message_hint)
    conn.rollback()

    # One context per transaction.
    for _ in range(2):
        with conn.transaction():
            conn.execute("SELECT casus.enter('intake')")
            is_(values(conn.execute(QUERY, ['%'])), INTAKE, 'enter binds the statements of its transaction')
        is_(refusal(lambda: conn.execute(QUERY, ['%'])), 'casus.no_purpose', 'and no statement after it')
        conn.rollback()

    # A prepared statement is bound by the context in which it runs, not in which it was planned.
    with conn.transaction():
        conn.execute("SELECT casus.enter('intake')")
        for _ in range(7):
            rows = values(conn.execute(QUERY, ['%'], prepare=True))
        is_(rows, INTAKE, 'prepared, generic plan: the rows of the context')
    with conn.transaction():
        conn.execute("SELECT casus.enter('overleg')")
        is_(values(conn.execute(QUERY, ['%'], prepare=True)), ['overleg een', 'overleg twee'], 'prepared, other context: its rows')
    is_(refusal(lambda: conn.execute(QUERY, ['%'], prepare=True)), 'casus.no_purpose', 'prepared, no context: refused')
    conn.rollback()

    # SELECT * with the label, text and binary.
    for binary in (False, True):
        with conn.transaction():
            conn.execute("SELECT casus.enter('intake')")
            cursor = conn.cursor(binary=binary).execute('SELECT * FROM beesel.notitie')
            names = [column.name for column in cursor.description]
            label = cursor.fetchone()[names.index('casus_label')]
            ok(isinstance(label, uuid.UUID), f'SELECT * gives the label as uuid (binary={binary})', repr(label))

    # A cursor that is read in parts.
    with conn.transaction():
        conn.execute("SELECT casus.enter('intake')")
        with conn.cursor('parts') as cursor:
            cursor.itersize = 1
            cursor.execute(QUERY, ['%'])
            is_(cursor.fetchone()[0], INTAKE[0], 'server-side cursor: the first row')
            is_(values(cursor.fetchall()), INTAKE[1:], 'and the rest')

    def fetch_after(statement):
        with conn.transaction():
            conn.execute("SELECT casus.enter('intake')")
            with conn.cursor('parts') as cursor:
                cursor.execute(QUERY, ['%'])
                cursor.fetchone()
                conn.execute(statement)
                cursor.fetchall()
    for statement in ('SELECT casus.leave()', "SELECT casus.enter('overleg')"):
        is_(refusal(lambda: fetch_after(statement)), 'casus.context_changed', f'a fetch after {statement} fails')
        conn.rollback()

    # Another session narrows a dossier that the cursor has let through.
    def fetch_after_advance():
        with conn.transaction(), connect('bs_coordinator') as other:
            conn.execute("SELECT casus.enter('intake')")
            with conn.cursor('parts') as cursor:
                cursor.execute(QUERY, ['intake%'])
                cursor.fetchone()
                other.execute("""SELECT casus.decide(dossier, 'intake', 'geen_signaal', 'dubbel', '{"toelichting": "dubbel"}')
                              FROM beesel.fixture WHERE name = 'intake'""")
                other.execute("SELECT casus.advance(dossier, 'niet_verder') FROM beesel.fixture WHERE name = 'intake'")
                other.commit()
                cursor.fetchall()
    is_(refusal(fetch_after_advance), 'casus.context_changed', 'a fetch after another session has advanced the dossier fails')
    conn.rollback()

    # Pipeline: statements go out before the results of the earlier ones have come in.
    with conn.pipeline(), conn.transaction():
        conn.execute("SELECT casus.enter('overleg')")
        rows = conn.execute(QUERY, ['%'])
        is_(values(rows), ['overleg een', 'overleg twee'], 'pipeline: enter binds what follows it')
    with conn.pipeline():
        is_(refusal(lambda: conn.execute(QUERY, ['%']).fetchall()), 'casus.no_purpose', 'pipeline without enter: refused')
    conn.rollback()

    # COPY.
    with conn.transaction():
        conn.execute("SELECT casus.enter('overleg')")
        with conn.cursor().copy('COPY (SELECT inhoud FROM beesel.notitie) TO STDOUT') as copy:
            is_([row[0] for row in copy.rows()], ['overleg een', 'overleg twee'], 'COPY of a query: the rows of the context')

# A connection for replication: what it sends of itself, without waiting, goes behind the record of what it asked before.
conn = connect('postgres', replication='database', autocommit=True)
wire = conn.pgconn
refused = wire.exec_(b'SELECT inhoud FROM beesel.notitie')
is_(refused.error_field(psycopg.pq.DiagnosticField.CONSTRAINT_NAME), b'casus.no_purpose', 'a connection for replication: refused')
begin = wire.exec_(b'SELECT pg_current_wal_flush_lsn()').get_value(0, 0)
is_(wire.exec_(b'START_REPLICATION PHYSICAL ' + begin).status, psycopg.pq.ExecStatus.COPY_BOTH, '... it goes on with what it is for')
length, data, deadline = 0, b'', time.monotonic() + 360
while length == 0 and time.monotonic() < deadline:
    select.select([wire.socket], [], [], 1)
    wire.consume_input()
    length, data = wire.get_copy_data(1)
ok(bytes(data or b'')[:1] in (b'w', b'k'), '... and what the server sends arrives', f'{length} {data!r}')
wire.finish()

done_testing()
