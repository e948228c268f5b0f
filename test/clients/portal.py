#!/usr/bin/python3
# Packages: python3-psycopg
"""Suspended portals: Execute with a row limit, as JDBC's fetch size does and libpq cannot; so it speaks the protocol itself.

Between two Executes of one portal the dossier goes on, the context ends, or nothing happens.
And function calls by the fast path, as libpq's PQfn and lo_* make them, which no planner and no executor sees (A111)."""
import os
import socket
import struct

from casus_client import connect, done_testing, fixture_db, is_, ok

fixture_db('client_portal')


class Wire:
    """One connection, extended protocol, text format, no parameters."""

    def __init__(self, user):
        self.value = None  # of the last function call
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{os.environ['PGHOST']}/.s.PGSQL.{os.environ['PGPORT']}")
        body = struct.pack('!i', 196608) + f'user\0{user}\0database\0{os.environ["PGDATABASE"]}\0\0'.encode()
        self.socket.sendall(struct.pack('!i', len(body) + 4) + body)
        self.until_ready()

    def send(self, kind, body=b''):
        self.socket.sendall(kind + struct.pack('!i', len(body) + 4) + body)

    def exactly(self, size):
        data = b''
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError('the server closed the connection')
            data += more
        return data

    def until_ready(self):
        """Kinds of message up to ReadyForQuery, and the fields of the error among them."""
        kinds, error = '', {}
        while True:
            kind, size = struct.unpack('!ci', self.exactly(5))
            body = self.exactly(size - 4)
            kinds += kind.decode()
            if kind == b'V':
                self.value = body[4:].decode()
            if kind == b'E':
                error = {part[:1].decode(): part[1:].decode() for part in body.split(b'\0') if part}
            if kind == b'Z':
                return kinds, error

    def query(self, sql):
        self.send(b'Q', sql.encode() + b'\0')
        return self.until_ready()

    def open(self, portal, sql):
        self.send(b'P', f'{portal}\0{sql}\0'.encode() + struct.pack('!h', 0))
        self.send(b'B', f'{portal}\0{portal}\0'.encode() + struct.pack('!hhh', 0, 0, 0))

    def execute(self, portal, rows):
        self.send(b'E', f'{portal}\0'.encode() + struct.pack('!i', rows))
        self.send(b'S')
        return self.until_ready()

    def call(self, function, *arguments):
        """By the fast path, arguments and result as text."""
        self.value = None
        self.send(b'F', struct.pack('!ihh', function, 0, len(arguments)) +
                  b''.join(struct.pack('!i', len(a)) + a.encode() for a in arguments) + struct.pack('!h', 0))
        return self.until_ready()


QUERY = 'SELECT inhoud FROM beesel.notitie ORDER BY id'


def begin(portal, sql=QUERY):
    wire = Wire('bs_coordinator')
    wire.query("BEGIN; SELECT casus.enter('intake')")
    wire.open(portal, sql)
    kinds, error = wire.execute(portal, 1)
    is_(kinds, '12DsZ', f'{portal}: one row, then the portal is suspended')
    return wire


# Nothing changes: the rest comes.
calm = begin('calm')
kinds, error = calm.execute('calm', 0)
is_(kinds, 'DCZ', 'a suspended portal goes on with its second row')
calm.query('COMMIT')

# The context ends, or another is entered, between two Executes.
for portal, sql in (('left', 'SELECT casus.leave()'), ('other', "SELECT casus.enter('overleg')")):
    wire = begin(portal)
    wire.query(sql)
    kinds, error = wire.execute(portal, 0)
    ok('D' not in kinds, f'{portal}: no row after {sql}', kinds)
    is_(error.get('n'), 'casus.context_changed', f'{portal}: casus.context_changed')
    wire.query('ROLLBACK')

# The dossier goes on to its next phase in another session: what the portals let through is narrowed.
waiting = {'sorted': begin('sorted'), 'scan': begin('scan', 'SELECT inhoud FROM beesel.notitie')}
with connect('bs_coordinator') as conn:
    dossier = conn.execute("SELECT dossier FROM beesel.fixture WHERE name = 'intake'").fetchone()[0]
    conn.execute("SELECT casus.decide(%s, 'intake', 'signaal', 'een indicator', %s)",
                 [dossier, '{"indicatoren": ["vastgoedfraude_contante_betalingen"],'
                           ' "bevoegdheid": "opiumwet_13b", "grondgebied": true}'])
    conn.execute("SELECT casus.advance(%s, 'zwaarte')", [dossier])
for portal, wire in waiting.items():
    kinds, error = wire.execute(portal, 0)
    ok('D' not in kinds, f'{portal}: no row once the dossier has left the phase', kinds)
    is_(error.get('n'), 'casus.context_changed', f'{portal}: casus.context_changed')
    wire.query('ROLLBACK')

# A new portal in the old purpose finds the dossier gone.
wire = Wire('bs_coordinator')
wire.query("BEGIN; SELECT casus.enter('intake')")
wire.open('again', QUERY)
is_(wire.execute('again', 0)[0], '12CZ', 'the next portal of any session reads nothing for the old purpose')

# A111: the fast path.  What a function runs inside is bound by the context, and what no statement may call nobody calls so.
with connect('postgres') as conn:
    conn.execute("CREATE FUNCTION public.telt() RETURNS bigint LANGUAGE plpgsql AS"
                 " 'BEGIN RETURN (SELECT count(*) FROM beesel.notitie); END'")
    conn.execute("CREATE FUNCTION public.noemt() RETURNS text LANGUAGE sql AS"
                 " 'SELECT string_agg(inhoud, $$, $$ ORDER BY id) FROM beesel.notitie'")
    counts, names, reads, imports, sets, gives, made = conn.execute(
        "SELECT 'public.telt()'::regprocedure::oid, 'public.noemt()'::regprocedure::oid, 'pg_read_file(text)'::regprocedure::oid,"
        " 'lo_import(text)'::regprocedure::oid, 'setval(regclass,bigint)'::regprocedure::oid, 'nextval(regclass)'::regprocedure::oid,"
        " (SELECT last_value FROM pg_sequences WHERE sequencename = 'id_seq' AND schemaname = 'casus_cat')").fetchone()
wire = Wire('bs_coordinator')
for function in counts, names:
    kinds, error = wire.call(function)
    is_((kinds, error.get('n')), ('EZ', 'casus.no_purpose'), 'A111: a function called by the fast path reads nothing without a purpose')
wire.query("BEGIN; SELECT casus.enter('overleg')")
is_((wire.call(counts)[0], wire.value), ('VZ', '2'), 'A111: ... with one, the rows of that')
is_((wire.call(names)[0], wire.value), ('VZ', 'overleg een, overleg twee'), '... also in SQL')
wire.query('COMMIT')
is_(wire.call(counts)[1].get('n'), 'casus.no_purpose', '... and after it none')
wire = Wire('postgres')
is_(wire.call(counts)[1].get('n'), 'casus.no_purpose', 'A111: nor does a superuser so')
is_(wire.call(reads, 'PG_VERSION')[1].get('n'), 'casus.bypass', '... read a file')
is_(wire.call(imports, 'PG_VERSION')[1].get('n'), 'casus.bypass', '... import one')
kinds, error = wire.call(sets, 'casus_cat.id_seq', '1')
is_(error.get('n'), 'casus.bypass', '... take a sequence of casus back')
is_(wire.call(gives, 'casus_cat.id_seq')[0], 'VZ', '... which goes on')
ok(int(wire.value) > made, '... from where it was', f'{wire.value} after {made}')

done_testing()
