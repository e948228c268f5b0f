"""What the client scripts in Python share: TAP, a database with the fixture, connections, refusals.

The harness gives PGHOST and PGPORT, CASUS_SRC (the repository) and CASUS_WORK."""
import os
import subprocess

try:
    import psycopg
except ImportError:  # a client that is about another driver
    psycopg = None

_tests = 0


def ok(passed, name, note=''):
    global _tests
    _tests += 1
    print(f"{'ok' if passed else 'not ok'} {_tests} - {name}", flush=True)
    if not passed and note:
        print('\n'.join(f'# {line}' for line in str(note).split('\n')), flush=True)


def is_(got, expected, name):
    ok(got == expected, name, f'got:      {got!r}\nexpected: {expected!r}')


def done_testing():
    print(f'1..{_tests}', flush=True)


def source(*path):
    return os.path.join(os.environ['CASUS_SRC'], *path)


def run_sql(*arguments, **environment):
    subprocess.run(['psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-c', 'SET client_min_messages = warning', *arguments],
                   check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)


def fixture_db(name, *more):
    """A new database with casus, the fixture and more SQL files, for all that follows."""
    os.environ['PGDATABASE'] = name
    subprocess.run(['createdb', name], check=True)
    files = [argument for file in (source('test', 'fixtures', 'beesel.sql'), *more) for argument in ('-f', file)]
    run_sql('-c', 'CREATE EXTENSION casus', *files)


def connect(role, **options):
    return psycopg.connect(user=role, **options)


def refusal(call):
    """The constraint name of the error that the call raises; '' when it raises none."""
    try:
        call()
    except psycopg.Error as error:
        return error.diag.constraint_name or f'(none) {error.diag.sqlstate} {error}'
    return ''


def values(rows):
    return [row[0] for row in rows]
