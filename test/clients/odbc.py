#!/usr/bin/python3
# Packages: odbc-postgresql unixodbc odbcinst python3-pyodbc
"""psqlODBC, both drivers: what a reporting tool does, and what ODBC alone has (catalog functions, declare/fetch)."""
import glob
import os

import pyodbc
from casus_client import done_testing, fixture_db, is_, ok, run_sql, source

fixture_db('client_odbc', source('test', 'clients', 'mixed.sql'))
NOTES = 'SELECT inhoud FROM beesel.notitie ORDER BY id'
INTAKE, OVERLEG = ['intake een', 'intake twee'], ['overleg een', 'overleg twee']
LABEL = '00000000-'


def connect(driver='psqlodbcw', user='bs_coordinator', autocommit=False, **options):
    parts = {'Driver': glob.glob(f'/usr/lib/*/odbc/{driver}.so')[0], 'Servername': os.environ['PGHOST'], 'Port': os.environ['PGPORT'],
             'Database': os.environ['PGDATABASE'], 'UID': user, **options}
    conn = pyodbc.connect(';'.join(f'{key}={value}' for key, value in parts.items()), autocommit=autocommit)
    if driver == 'psqlodbca':
        conn.setdecoding(pyodbc.SQL_CHAR, 'utf-8', pyodbc.SQL_CHAR)
        conn.setencoding('utf-8', pyodbc.SQL_CHAR)
    return conn


def values(conn, sql, *parameters):
    return [row[0] for row in conn.execute(sql, *parameters).fetchall()]


def error(call):
    """SQLSTATE and text; ODBC has no field for the constraint name."""
    try:
        call()
    except pyodbc.Error as refused:
        return refused.args
    return ('', '')


def refused(call, text, name):
    state, message = error(call)
    ok(state == '42501' and text in message, name, f'{state} {message}')


# [B-9] The refusal: SQLSTATE, message and detail with the article.
NO_PURPOSE = 'read for a purpose only'
for driver in ('psqlodbcw', 'psqlodbca'):
    conn = connect(driver)
    state, message = error(lambda: values(conn, NOTES))
    is_(state, '42501', f'{driver}: SQLSTATE 42501 without a purpose')
    ok('art. 3.4' in message, f'{driver}: the article stands in the message', message)
    conn.rollback()
    is_(values(conn, 'SELECT titel FROM beesel.zaak ORDER BY id'), ['vergunning een', 'vergunning twee'],
        f'{driver}: a mixed table gives what is outside the protocol')
    conn.execute('SELECT casus.enter(?)', 'intake')
    is_(values(conn, NOTES), INTAKE, f'{driver}: enter binds the statements of its transaction')
    conn.commit()
    refused(lambda: values(conn, NOTES), NO_PURPOSE, f'{driver}: and none after it')
    conn.close()

# Autocommit.
conn = connect(autocommit=True)
state, message = error(lambda: conn.execute('SELECT casus.enter(?)', 'intake'))
is_(state, '25P01', 'autocommit: enter is refused')
refused(lambda: values(conn, NOTES), NO_PURPOSE, 'autocommit: and leaves nothing')
conn.autocommit = False
conn.execute('SELECT casus.enter(?)', 'overleg')
is_(values(conn, NOTES), OVERLEG, 'SQL_ATTR_AUTOCOMMIT off on the same connection: a purpose')
conn.close()

# SELECT * in the ways in which the driver can prepare, and with savepoints per statement (Protocol=7.4-2).
for options in ({}, {'UseServerSidePrepare': 1}, {'UseServerSidePrepare': 0}, {'Protocol': '7.4-2'}, {'Protocol': '7.4-0'},
                {'UpdatableCursors': 1}, {'Parse': 1}, {'BoolsAsChar': 0, 'MaxVarcharSize': 100}):
    name = ' '.join(f'{key}={value}' for key, value in options.items()) or 'defaults'
    conn = connect(**options)
    conn.execute('SELECT casus.enter(?)', 'intake')
    cursor = conn.execute('SELECT * FROM beesel.zaak WHERE id >= ? ORDER BY id', 1)
    columns = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    is_([row.id for row in rows], [1, 2, 3], f'{name}: SELECT * gives the governed row and the others')
    is_(columns[-1], 'casus_label', f'{name}: with the label')
    ok(str(rows[2].casus_label).startswith(LABEL), f'{name}: as a uuid', rows[2].casus_label)
    is_(values(conn, 'SELECT id FROM beesel.zaak WHERE casus_label = ?', str(rows[2].casus_label)), [3], f'{name}: which is a parameter too')
    conn.rollback()
    refused(lambda: values(conn, NOTES), NO_PURPOSE, f'{name}: nothing is left after the rollback')
    conn.close()

# A statement that stays prepared.
conn = connect(UseServerSidePrepare=1)
cursor = conn.cursor()
QUERY = 'SELECT inhoud FROM beesel.notitie WHERE inhoud LIKE ? ORDER BY id'
for purpose, rows in (('intake', INTAKE), ('overleg', OVERLEG)) * 4:
    conn.execute('SELECT casus.enter(?)', purpose)
    found = [row[0] for row in cursor.execute(QUERY, '%').fetchall()]
    conn.rollback()
is_(found, OVERLEG, 'prepared: the rows of the context in which it runs')
refused(lambda: cursor.execute(QUERY, '%').fetchall(), NO_PURPOSE, 'prepared: refused without one')
conn.close()

# Catalog functions need no purpose, of nobody.
for user in ('bs_coordinator', 'bs_stranger', 'postgres'):
    with connect(user=user) as conn:
        cursor = conn.cursor()
        names = {row.table_name for row in cursor.tables(schema='beesel', tableType='TABLE')}
        is_(names, {'notitie', 'fixture', 'zaak', 'betrokkene'}, f'{user}: SQLTables')
        columns = list(cursor.columns(schema='beesel', table='notitie'))
        is_([row.column_name for row in columns], ['id', 'dossier', 'categorie', 'inhoud', 'casus_label'], f'{user}: SQLColumns')
        is_([row.column_name for row in cursor.primaryKeys('zaak', schema='beesel')], ['id'], f'{user}: SQLPrimaryKeys')
        is_({row.pktable_name for row in cursor.foreignKeys(foreignTable='betrokkene', foreignSchema='beesel')}, {'zaak'},
            f'{user}: SQLForeignKeys')
        ok('zaak_nummer_key' in {row.index_name for row in cursor.statistics('zaak', schema='beesel', unique=True)}, f'{user}: SQLStatistics')
        is_([row.column_name for row in cursor.rowVerColumns('zaak', schema='beesel')], ['xmin'], f'{user}: SQLSpecialColumns')
        ok(len(list(cursor.procedures(schema='casus'))) > 10, f'{user}: SQLProcedures')
        ok(len(list(cursor.getTypeInfo())) > 5, f'{user}: SQLGetTypeInfo')

# Declare/fetch: the driver's cursors are WITH HOLD always (A020), so they are for rows outside the protocol.
conn = connect(UseDeclareFetch=1, Fetch=1)
is_(values(conn, 'SELECT titel FROM beesel.zaak ORDER BY id'), ['vergunning een', 'vergunning twee'],
    'UseDeclareFetch=1: rows outside the protocol')
conn.rollback()
conn.execute('BEGIN')
refused(lambda: (conn.execute('SELECT casus.enter(?)', 'intake'), values(conn, NOTES)), 'this copy would go past the protocol',
        'UseDeclareFetch=1: governed rows are refused, for its cursors outlive the purpose')
conn.rollback()
conn.close()

# A cursor by SQL, read in parts.
conn = connect()
for after, state in ((None, ''), ('SELECT casus.leave()', '42501'), ("SELECT casus.enter('overleg')", '42501')):
    conn.execute('SELECT casus.enter(?)', 'intake')
    conn.execute(f'DECLARE parts CURSOR FOR {NOTES}')
    is_(values(conn, 'FETCH 1 FROM parts'), INTAKE[:1], 'FETCH: the first row')
    if after:
        conn.execute(after)
    is_(error(lambda: is_(values(conn, 'FETCH ALL FROM parts'), INTAKE[1:], 'and the rest'))[0], state, f'FETCH after {after}: {state or "fine"}')
    conn.rollback()

# Writing: RETURNING, many parameters, upsert, savepoints, the child first.
INSERT = 'INSERT INTO beesel.zaak (nummer, soort, titel, bedrag) VALUES (?, ?, ?, ?)'
UPSERT = INSERT + ' ON CONFLICT (nummer) DO UPDATE SET titel = EXCLUDED.titel RETURNING titel'
conn.execute('SELECT casus.enter(?)', 'intake')
row = conn.execute(INSERT + ' RETURNING *', 'O-1', 'ondermijning', 'nieuw', '12.50').fetchone()
ok(row.id > 3 and str(row.casus_label).startswith(LABEL), 'INSERT ... RETURNING * of a governed row', row)
is_(values(conn, UPSERT, 'O-1', 'ondermijning', 'nieuwer', None), ['nieuwer'], 'upsert of a governed row')
is_(values(conn, UPSERT, 'Z-1', 'parkeren', 'anders', None), ['anders'], 'upsert of a row outside')
cursor = conn.cursor()
cursor.fast_executemany = True
cursor.executemany(INSERT, [(f'M-{n}', 'ondermijning' if n % 2 else 'parkeren', 'veel', None) for n in range(6)])
is_(values(conn, "SELECT count(*) FROM beesel.zaak WHERE nummer LIKE 'M-%'"), [6], 'an array of parameters')
conn.execute('SAVEPOINT here')
conn.execute('SELECT casus.enter(?)', 'overleg')
conn.execute('ROLLBACK TO here')
is_(values(conn, NOTES), INTAKE, 'the context of before after ROLLBACK TO')
conn.execute("INSERT INTO beesel.betrokkene (zaak_id, naam) VALUES (902, 'kind')")
conn.execute("INSERT INTO beesel.zaak (id, nummer, soort, titel) VALUES (902, 'O-902', 'ondermijning', 'ouder')")
conn.execute('SET CONSTRAINTS ALL IMMEDIATE')
is_(values(conn, 'SELECT naam FROM beesel.betrokkene WHERE zaak_id = 902'), ['kind'], 'child before parent')
conn.rollback()
refused(lambda: conn.execute(INSERT, 'O-2', 'ondermijning', 'x', None), 'no purpose has been entered', 'a governed row without a purpose')
conn.rollback()
conn.close()

# The driver manager's pool: a connection that was closed comes back to the next who asks.
pooled = connect()
pooled.execute('SELECT casus.enter(?)', 'intake')
pooled.close()
pooled = connect()
refused(lambda: values(pooled, NOTES), NO_PURPOSE, 'a connection closed in its transaction leaves no context')
pooled.rollback()

# A connection that the server ends, and the next one.
pid = values(pooled, 'SELECT pg_backend_pid()')[0]
pooled.execute('SELECT casus.enter(?)', 'intake')
run_sql('-c', f'SELECT pg_terminate_backend({pid})')
ok(error(lambda: values(pooled, NOTES))[0] != '', 'a connection that breaks is an error')
refused(lambda: values(connect(), NOTES), NO_PURPOSE, 'and the next one has no context')
done_testing()
