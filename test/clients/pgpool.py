#!/usr/bin/python3
# Packages: python3-psycopg pgpool2
"""Pgpool-II, which keeps a server connection, and on demand query results, for the next client of the same name (A007, A008, A010)."""
import os
import shutil
import signal
import socket
import subprocess
import time

from casus_client import connect, done_testing, fixture_db, is_, ok, refusal, values

fixture_db('client_pgpool')
NOTES = 'SELECT inhoud FROM beesel.notitie ORDER BY id'
INTAKE, OVERLEG = ['intake een', 'intake twee'], ['overleg een', 'overleg twee']
pgpool = shutil.which('pgpool') or '/usr/sbin/pgpool'


class Pooler:
    """Pgpool-II with one process, so one connection per client's name."""

    def __init__(self, name, **settings):
        self.directory = os.path.join(os.environ['CASUS_WORK'], name)
        os.mkdir(self.directory)
        settings = {
            'listen_addresses': '', 'port': 9999, 'socket_dir': self.directory, 'unix_socket_directories': self.directory,
            'pcp_listen_addresses': '', 'pcp_socket_dir': self.directory, 'pcp_port': 9898, 'wd_ipc_socket_dir': self.directory,
            'backend_clustering_mode': 'raw', 'backend_hostname0': os.environ['PGHOST'], 'backend_port0': os.environ['PGPORT'],
            'backend_weight0': 1, 'backend_data_directory0': self.directory, 'backend_flag0': 'ALLOW_TO_FAILOVER',
            'connection_cache': 'on', 'num_init_children': 1, 'max_pool': 2, 'enable_pool_hba': 'off', 'use_watchdog': 'off',
            'pid_file_name': f'{self.directory}/pid', 'logdir': self.directory, 'memqcache_oiddir': f'{self.directory}/oid',
            'sr_check_period': 0, 'health_check_period': 0, 'log_min_messages': 'warning', **settings}
        with open(f'{self.directory}/conf', 'w', encoding='utf-8') as conf:
            conf.writelines(f"{key} = '{value}'\n" for key, value in settings.items())
        for file in ('hba', 'pcp'):
            open(f'{self.directory}/{file}', 'w', encoding='utf-8').close()

    def __enter__(self):
        self.process = subprocess.Popen(
            [pgpool, '-n', '-f', f'{self.directory}/conf', '-a', f'{self.directory}/hba', '-F', f'{self.directory}/pcp'],
            stdout=open(f'{self.directory}/log', 'w', encoding='utf-8'), stderr=subprocess.STDOUT)
        for _ in range(1800):
            if os.path.exists(f'{self.directory}/.s.PGSQL.9999') or self.process.poll() is not None:
                break
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def connect(self, role='bs_coordinator', **options):
        return connect(role, host=self.directory, port=9999, **options)


def rows(conn):
    return values(conn.execute(NOTES))


def refused(conn, name):
    is_(refusal(lambda: rows(conn)), 'casus.no_purpose', name)
    conn.rollback()


def backend(conn):
    pid = conn.execute('SELECT pg_backend_pid()').fetchone()[0]
    conn.rollback()
    return pid


with Pooler('pgpool') as pooler:
    for prepare in (None, 0):
        how = 'simple and extended' if prepare is None else 'prepared'
        for end in ('commit', 'rollback', 'error', 'idle in transaction', 'vanished'):
            one = pooler.connect(prepare_threshold=prepare)
            first = backend(one)
            refused(one, f'{how}: a client has no context at first')
            one.execute("SELECT casus.enter('intake')")
            is_(rows(one), INTAKE, f'{how}: it reads in its own')
            if end == 'commit':
                one.commit()
            elif end == 'rollback':
                one.rollback()
            elif end == 'error':
                refusal(lambda: one.execute('SELECT 1/0'))
            if end == 'vanished':
                socket.socket(fileno=os.dup(one.fileno())).shutdown(socket.SHUT_RDWR)
                one.pgconn.finish()
            else:
                one.close()
            with pooler.connect() as two:
                if end != 'vanished':
                    is_(backend(two), first, f'{how}: after {end} the next client has the same server connection')
                refused(two, f'{how}: after {end} it has no context')
                two.execute("SELECT casus.enter('overleg')")
                is_(rows(two), OVERLEG, f'{how}: and reads in its own')
    with pooler.connect() as one:
        ok(refusal(lambda: one.execute("SELECT casus.enter('intake', lasts => 'session')")) != '', 'a context for the session is refused')
        one.rollback()
        refused(one, 'and leaves nothing')
        with one.transaction():
            one.execute("SELECT casus.enter('intake')")
            one.execute(f'DECLARE parts CURSOR FOR {NOTES}')
            is_(values(one.execute('FETCH parts')), INTAKE[:1], 'a cursor through the pooler')
            one.execute('SELECT casus.leave()')
            is_(refusal(lambda: one.execute('FETCH parts')), 'casus.context_changed', 'fails after casus.leave()')
    with pooler.connect('bs_stranger') as stranger:
        refused(stranger, 'a client of another name has a connection of its own, and no context')

# Its query cache keeps what a SELECT gave for the next client of the same name.  What follows a volatile function
# such as casus.enter in a transaction it does not keep.
with Pooler('pgpool_cache', memory_cache_enabled='on', memqcache_method='shmem') as pooler:
    def psql(*commands):
        arguments = [argument for command in commands for argument in ('-c', command)]
        return subprocess.run(['psql', '-XqAt', '-h', pooler.directory, '-p', '9999', '-U', 'bs_coordinator', *arguments],
                              capture_output=True, text=True, check=False).stdout.split('\n')[:-1]
    PLAIN = 'SELECT name FROM beesel.fixture ORDER BY name'
    for turn in range(3):
        is_(psql('BEGIN', "SELECT casus.enter('intake')", NOTES, 'COMMIT'), ['', *INTAKE], f'query cache, turn {turn}: reads in a context')
        is_(psql(NOTES), [], f'query cache, turn {turn}: the next client gets nothing of it')
        is_(psql(PLAIN), ['intake', 'overleg'], f'query cache, turn {turn}: another table')
    ok(int(psql('SHOW pool_cache')[0].split('|')[0]) >= 2, 'query cache: which did come from the cache', psql('SHOW pool_cache'))
done_testing()
