#!/usr/bin/python3
# Packages: python3-psycopg pgbouncer
"""pgbouncer in transaction and in session mode, one server connection for all clients: no context reaches the next client (A007, A008, A010)."""
import os
import subprocess
import time

from casus_client import connect, done_testing, fixture_db, is_, refusal, values

fixture_db('client_pgbouncer')
directory = os.path.join(os.environ['CASUS_WORK'], 'pgbouncer')
os.mkdir(directory)
with open(f'{directory}/users', 'w', encoding='utf-8') as users:
    users.write('"bs_coordinator" ""\n')
with open(f'{directory}/ini', 'w', encoding='utf-8') as ini:
    ini.write(f"""
[databases]
client_pgbouncer = host={os.environ['PGHOST']} port={os.environ['PGPORT']}
by_session = host={os.environ['PGHOST']} port={os.environ['PGPORT']} dbname=client_pgbouncer pool_mode=session
[pgbouncer]
unix_socket_dir = {directory}
listen_addr =
listen_port = 6432
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = 1
""")
bouncer = subprocess.Popen(['pgbouncer', '-q', f'{directory}/ini'], stderr=open(f'{directory}/log', 'w', encoding='utf-8'))


def client(role, **options):
    return connect(role, host=directory, port=6432, **{'prepare_threshold': None, **options})


def rows(conn):
    return values(conn.execute('SELECT inhoud FROM beesel.notitie ORDER BY id'))


def backend(conn):
    pid = conn.execute('SELECT pg_backend_pid()').fetchone()[0]
    conn.rollback()
    return pid


try:
    for _ in range(1800):
        if os.path.exists(f'{directory}/.s.PGSQL.6432'):
            break
        time.sleep(0.1)
    with client('bs_coordinator') as one, client('bs_coordinator') as two:
        is_(backend(one), backend(two), 'two clients share one server connection')

        # They take turns, transaction by transaction.
        for turn in range(3):
            one.execute("SELECT casus.enter('intake')")
            is_(rows(one), ['intake een', 'intake twee'], f'turn {turn}: the first client reads in its context')
            one.commit()
            is_(refusal(lambda: rows(two)), 'casus.no_purpose', f'turn {turn}: the second has none')
            two.rollback()
            two.execute("SELECT casus.enter('overleg')")
            is_(rows(two), ['overleg een', 'overleg twee'], f'turn {turn}: the second reads in its own')
            two.rollback()
            is_(refusal(lambda: rows(one)), 'casus.no_purpose', f'turn {turn}: and the first has none any more')
            one.rollback()

        # What ends badly leaves nothing behind either.
        one.execute("SELECT casus.enter('intake')")
        refusal(lambda: one.execute('SELECT 1/0'))
        one.rollback()
        is_(refusal(lambda: rows(two)), 'casus.no_purpose', 'nor after an error in the context')
        two.rollback()

        # A context for the session would be there for whoever comes next.
        is_(refusal(lambda: one.execute("SELECT casus.enter('intake', lasts => 'session')")) != '', True,
            'a context for the session is refused, unless the appointment allows it')
        one.rollback()
        is_(refusal(lambda: rows(two)), 'casus.no_purpose', 'and has left nothing')
        two.rollback()

        # Nor can it be set where the pooler would keep it.
        for setting in ("SET casus.context = 'intake'", "SELECT set_config('casus.purpose', 'intake', false)"):
            refusal(lambda: one.execute(setting))
            one.rollback()
            is_(refusal(lambda: rows(one)), 'casus.no_purpose', f'{setting} is no way to a context')
            one.rollback()

    # A client that goes away in the middle of its transaction.
    gone = client('bs_coordinator')
    gone.execute("SELECT casus.enter('intake')")
    gone.pgconn.finish()
    with client('bs_coordinator') as next_one:
        is_(refusal(lambda: rows(next_one)), 'casus.no_purpose', 'a client that vanished leaves no context')

    # Session mode: the server connection goes on after the client has left, with DISCARD ALL between them.
    pids = set()
    for end in ('commit', 'rollback', 'leaves'):
        one = client('bs_coordinator', dbname='by_session', prepare_threshold=0)
        pids.add(backend(one))
        is_(refusal(lambda: rows(one)), 'casus.no_purpose', 'session mode: no context at first')
        one.rollback()
        one.execute("SELECT casus.enter('overleg')")
        is_(rows(one), ['overleg een', 'overleg twee'], 'session mode: prepared, in a context')
        if end != 'leaves':
            getattr(one, end)()
        one.close()
        with client('bs_coordinator', dbname='by_session') as next_one:
            pids.add(backend(next_one))
            is_(refusal(lambda: rows(next_one)), 'casus.no_purpose', f'session mode: none for the next client ({end})')
    is_(len(pids) <= 2, True, 'session mode: on the same server connection, but for the one that was left in its transaction')
finally:
    bouncer.terminate()
    bouncer.wait()
done_testing()
