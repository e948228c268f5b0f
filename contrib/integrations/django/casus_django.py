"""casus for Django: one transaction, one purpose.

    with casus_django.purpose('overleg', dossier=42):
        notes = list(Notitie.objects.all())

It is a decorator too.  For whole requests: 'casus_django.Middleware' in MIDDLEWARE, last, and in CASUS_PURPOSE the dotted name of a
function that is given the request and says the arguments of purpose() as a dict, or None.
"""
from contextlib import contextmanager

from django.conf import settings
from django.db import connections, transaction
from django.utils.module_loading import import_string

ENTER = 'SELECT casus.enter(purpose => %s, dossier => %s, office => %s, party => %s, file => %s)'


@contextmanager
def purpose(purpose, dossier=None, office=None, party=None, file=None, role=None, using=None):
    """A transaction (an outermost one: a context ends with its transaction) for this purpose.

    What is None is filled in by casus when only one fits; role is the civil servant's, where the application's login has been granted it."""
    connection = connections[using or 'default']
    # With AUTOCOMMIT off atomic() ends no transaction, so that purpose and role would outlive the block.
    if not connection.in_atomic_block and not connection.get_autocommit():
        raise RuntimeError('casus_django.purpose() needs a connection in autocommit: otherwise its transaction does not end with it')
    with transaction.atomic(using=using, durable=True):
        with connection.cursor() as cursor:
            if role is not None:
                cursor.execute("SELECT set_config('role', %s, true)", [role])
            cursor.execute(ENTER, [purpose, dossier, office, party, file])
        yield


def refusal(error):
    """The code of casus' refusal ('casus.no_purpose', ...) in an exception of Django or psycopg; None for any other."""
    while error is not None:
        code = getattr(getattr(error, 'diag', None), 'constraint_name', None) or ''
        if code.startswith('casus.'):
            return code
        error = error.__cause__
    return None


class Middleware:
    """Each request for which CASUS_PURPOSE names a purpose is one transaction.  A view that raises rolls it back, as ATOMIC_REQUESTS does.

    What a streaming response reads later it reads without a purpose."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.purpose_of = import_string(settings.CASUS_PURPOSE)

    def __call__(self, request):
        arguments = self.purpose_of(request)
        if arguments is None:
            return self.get_response(request)
        request.casus_using = arguments.get('using')
        with purpose(**arguments):
            return self.get_response(request)

    def process_exception(self, request, exception):
        if hasattr(request, 'casus_using'):
            transaction.set_rollback(True, using=request.casus_using)
