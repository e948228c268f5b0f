"""What the client scripts in Python share: TAP, a database with the fixture, connections, refusals.

The harness gives PGHOST and PGPORT, CASUS_SRC (the repository) and CASUS_WORK."""
import os
import subprocess

import psycopg

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


def fixture_db(name):
    os.environ['PGDATABASE'] = name
    fixture = os.path.join(os.environ['CASUS_SRC'], 'test', 'fixtures', 'beesel.sql')
    subprocess.run(['createdb', name], check=True)
    subprocess.run(['psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-c', 'CREATE EXTENSION casus', '-f', fixture],
                   check=True, stdout=subprocess.DEVNULL)


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
