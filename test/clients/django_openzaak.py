#!/usr/bin/python3
# Packages: python3-django python3-psycopg2
"""Django with the models of Open Zaak (openzaak/models.py, which know nothing of casus) over the demo's database, and contrib/integrations/django.

One login, openzaak, owns the tables; in a transaction it takes the role of the coordinator."""
import datetime
import io
import logging
import os
import sys
import uuid

from casus_client import done_testing, is_, ok, run_sql, source

CASES = 160
demo = source('test', 'demo')
run_sql('-f', f'{demo}/roles.sql')
run_sql('-v', f'cases={CASES}', '-f', f'{demo}/openzaak.sql', '-f', f'{demo}/data.sql', PGDATABASE='openzaak', PGUSER='openzaak')
run_sql('-f', f'{demo}/install.sql', '-f', f'{demo}/protect.sql', '-c', 'GRANT DELETE ON ALL TABLES IN SCHEMA public TO zaakbehandelaar',
        PGDATABASE='openzaak')

sys.path.append(source('contrib', 'integrations', 'django'))
import django
from django.conf import settings

settings.configure(
    DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'openzaak', 'USER': 'openzaak', 'HOST': os.environ['PGHOST'],
                           'PORT': os.environ['PGPORT'], 'CONN_MAX_AGE': None}},
    INSTALLED_APPS=['openzaak'], MIDDLEWARE=['casus_django.Middleware'], CASUS_PURPOSE='django_openzaak.purpose_of', ROOT_URLCONF='django_openzaak',
    ALLOWED_HOSTS=['*'], DEBUG=False, USE_TZ=True, TIME_ZONE='Europe/Amsterdam', SECRET_KEY='test', DEFAULT_AUTO_FIELD='django.db.models.AutoField',
    LOGGING_CONFIG=None)
sys.modules['django_openzaak'] = sys.modules['__main__']
django.setup()
logging.disable()

from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from casus_django import purpose, refusal
from openzaak.models import NatuurlijkPersoon, Rol, RolType, Status, Zaak, ZaakEigenschap, ZaakIdentificatie, ZaakInformatieObject, ZaakObject

GOVERNED = Q(_zaaktype_id=8)


def intake():
    return purpose('intake', role='coordinator')


def refused(call):
    """The code of the refusal; '' when there is none."""
    try:
        call()
    except DatabaseError as error:
        return refusal(error) or f'(none) {error}'
    return ''


def one(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def new_case(number, **values):
    return Zaak(identificatie=number, bronorganisatie='000000000', _zaaktype_id=8, verantwoordelijke_organisatie='000000000',
                startdatum=datetime.date(2026, 1, 5), vertrouwelijkheidaanduiding='zeer_geheim', omschrijving=f'signaal {number}', **values)


def role(case, **values):
    return Rol(zaak=case, betrokkene_type='natuurlijk_persoon', omschrijving='initiator', omschrijving_generiek='initiator',
               _roltype=RolType.objects.get(zaaktype_id=8, omschrijving='initiator'), **values)


def reading():
    is_(Zaak.objects.count(), CASES - CASES // 16, 'without a purpose: the cases of other kinds')
    is_(Zaak.objects.filter(GOVERNED).exists(), False, 'and none of the governed ones')
    is_(list(ZaakIdentificatie.objects.filter(zaak__isnull=True)), [], 'nor their numbers, in the parent table of the inheritance')
    with intake():
        governed = list(Zaak.objects.filter(GOVERNED).order_by('pk'))
        ok(len(governed) > 2, 'with a purpose: governed cases', governed)
        is_({case._zaaktype_id for case in governed}, {8}, 'as instances of the unmodified model')
        ok(all(case.identificatie.startswith('ZAAK-') for case in governed), 'with their number, by the join of the inheritance')
        case = governed[0]
        again = Zaak.objects.select_related('_zaaktype__catalogus', 'hoofdzaak').get(pk=case.pk)
        is_(again._zaaktype.zaaktype_omschrijving, 'ondermijning', 'select_related')
        roles = Rol.objects.select_related('natuurlijkpersoon').order_by('pk')
        found = Zaak.objects.prefetch_related(Prefetch('rol_set', queryset=roles), 'status_set', 'zaakeigenschap_set', 'zaakobject_set').get(pk=case.pk)
        is_([found.rol_set.all()[0].natuurlijkpersoon.geslachtsnaam, found.rol_set.count(), found.zaakeigenschap_set.count()],
            [f'Verzonnen-{case.pk}', 2, 1], 'prefetch_related, and a person two keys away')
        with CaptureQueriesContext(connection) as queries:
            ids = [found.pk for found in Zaak.objects.filter(GOVERNED).order_by('pk').iterator(chunk_size=1)]
        is_(ids, [found.pk for found in governed], 'iterator(): a server-side cursor')
        is_(list(Zaak.objects.values('_zaaktype').filter(GOVERNED).annotate(n=Count('rol')).values_list('_zaaktype_id', 'n')), [(8, 2 * len(governed))],
            'aggregates over a join')
        named = Zaak.objects.filter(Exists(NatuurlijkPersoon.objects.filter(rol__zaak=OuterRef('pk'), geslachtsnaam=f'Verzonnen-{case.pk}')))
        is_([found.pk for found in named], [case.pk], 'a sub-query')
        is_(Zaak.objects.filter(GOVERNED).union(Zaak.objects.filter(pk=1)).count(), len(governed) + 1, 'union()')
        is_(len(Zaak.objects.in_bulk(ids)), len(ids), 'in_bulk()')
        is_(Zaak.objects.select_for_update(of=('self',)).get(pk=case.pk).pk, case.pk, 'select_for_update()')
        raw = Zaak.objects.raw('SELECT * FROM zaken_zaak JOIN zaken_zaakidentificatie i ON i.id = identificatie_ptr_id WHERE identificatie_ptr_id = %s', [case.pk])
        is_(raw[0].omschrijving, case.omschrijving, 'raw() with SELECT *')
        with connection.cursor() as cursor:
            cursor.execute('SELECT * FROM zaken_zaak WHERE identificatie_ptr_id = %s', [case.pk])
            label = dict(zip([column.name for column in cursor.description], cursor.fetchone()))['casus_label']
        ok(isinstance(label, uuid.UUID), 'the label in a cursor of the connection is a UUID', repr(label))
        ok('casus' in Zaak.objects.filter(GOVERNED).explain(), 'explain() shows the policy')

        # The purpose ends on the way: what is not read yet is not given.
        rest = Zaak.objects.filter(GOVERNED).iterator(chunk_size=1)
        next(rest)
        one('SELECT casus.leave()::text')
        is_(refused(lambda: list(rest)), 'casus.context_changed', 'iterator() after casus.leave()')
        transaction.set_rollback(True)
    is_(Zaak.objects.filter(GOVERNED).exists(), False, 'after it there is no purpose')
    is_(one('SELECT current_user::text'), 'openzaak', 'nor the role')


def writing():
    try:
        with transaction.atomic():
            new_case('D-0').save()
    except DatabaseError as error:
        is_(error.__cause__.diag.constraint_name, 'casus.no_purpose', 'a governed case without a purpose: __cause__.diag.constraint_name')
        is_(refusal(error), 'casus.no_purpose', 'refusal() is short for that')
    is_(ZaakIdentificatie.objects.filter(identificatie='D-0').exists(), False, 'and nothing is stored, its number neither')

    with intake():
        case = new_case('D-1')
        with CaptureQueriesContext(connection) as queries:
            case.save()
        ok(any('RETURNING' in query['sql'] for query in queries), 'save(): INSERT ... RETURNING', [query['sql'] for query in queries])
        person = NatuurlijkPersoon.objects.create(rol=Rol.objects.create(zaak=case, betrokkene_type='natuurlijk_persoon', omschrijving='initiator',
                                                                        omschrijving_generiek='initiator'), geslachtsnaam='Verzonnen', inp_bsn='000000019')
        status = Status.objects.create(zaak=case, datum_status_gezet=timezone.now())
        objects = ZaakObject.objects.bulk_create([ZaakObject(zaak=case, object_type='adres', relatieomschrijving=f'plaats {n}') for n in range(3)])
        ok(all(thing.pk for thing in objects), 'bulk_create(): the keys of all rows')
        case.refresh_from_db()
        is_(case.rol_set.get().natuurlijkpersoon, person, 'what was inserted is read back')
    with intake():
        dossier = one("SELECT casus.dossier_of('zaken_zaak', %s)", str(case.pk))
        tables = ('zaken_zaakidentificatie', case.pk), ('zaken_rol', person.rol_id), ('zaken_natuurlijkpersoon', person.pk), ('zaken_status', status.pk)
        is_({one('SELECT casus.dossier_of(%s, %s)', table, str(key)) for table, key in tables}, {dossier}, 'all of it belongs to one dossier')
    is_(ZaakIdentificatie.objects.filter(identificatie='D-1').exists(), False, 'and is committed: nobody sees it without a purpose')
    is_(NatuurlijkPersoon.objects.filter(inp_bsn='000000019').exists(), False, 'the person neither')

    with intake():
        case = Zaak.objects.get(identificatie='D-1')
        case.omschrijving = 'gewijzigd'
        case.identificatie = 'D-1a'
        case.save()
        Zaak.objects.filter(pk=case.pk).update(toelichting=F('omschrijving'))
        case.refresh_from_db()
        is_([case.identificatie, case.toelichting], ['D-1a', 'gewijzigd'], 'save() and update() change child and parent table')
        things = list(case.zaakobject_set.all())
        for thing in things:
            thing.relatieomschrijving = 'verplaatst'
        ZaakObject.objects.bulk_update(things, ['relatieomschrijving'])
        is_(case.zaakobject_set.filter(relatieomschrijving='verplaatst').count(), 3, 'bulk_update()')
        is_(case.status_set.update(gezetdoor=case.rol_set.get()), 1, 'update() of a foreign key')
        # Savepoints: an inner block that fails.
        try:
            with transaction.atomic():
                Status.objects.create(zaak=case, datum_status_gezet=case.status_set.get().datum_status_gezet)
        except IntegrityError as error:
            ok(refusal(error) is None, 'a duplicate key is an IntegrityError as ever', error)
        is_(case.status_set.count(), 1, 'and the purpose goes on after the savepoint')
        try:
            with transaction.atomic():
                Zaak.objects.filter(pk=case.pk).update(_zaaktype_id=1)
        except DatabaseError as error:
            ok(refusal(error) is not None, 'a governed case cannot be made another', error)

    # Rows outside the protocol, by the application itself, in autocommit.
    plain = new_case('D-2', toelichting='gewoon')
    plain._zaaktype_id = 3
    plain.save()
    is_(Zaak.objects.get(pk=plain.pk).toelichting, 'gewoon', 'a case of another kind needs no purpose')
    plain.rol_set.create(betrokkene_type='natuurlijk_persoon', omschrijving='x', omschrijving_generiek='x')
    is_(refused(lambda: Zaak.objects.filter(pk=plain.pk).update(_zaaktype_id=8)).startswith('casus.'), True, 'and does not become governed by an update')
    is_(plain.delete()[0], 3, 'delete() takes its children and its parent row along')


def deferred_keys():
    """The child first: Django's foreign keys are DEFERRABLE INITIALLY DEFERRED."""
    with intake():
        role(Zaak(pk=2000001), afwijkende_naam_betrokkene='eerst het kind').save()
        NatuurlijkPersoon.objects.create(rol=Rol.objects.get(zaak_id=2000001), geslachtsnaam='Kleinkind')
        new_case('D-3', id=2000001, pk=2000001).save(force_insert=True)
    with intake():
        case = Zaak.objects.get(identificatie='D-3')
        is_(case.rol_set.get().natuurlijkpersoon.geslachtsnaam, 'Kleinkind', 'grandchild and child before their parent')
        is_(one("SELECT casus.dossier_of('zaken_rol', %s)", str(case.rol_set.get().pk)), one("SELECT casus.dossier_of('zaken_zaak', '2000001')"),
            'both have its dossier')

    def orphan():
        with intake():
            role(Zaak(pk=2000002)).save()
    is_(refused(orphan), 'casus.no_parent', 'a child whose parent does not come: refused at commit')
    with intake():
        is_(Rol.objects.filter(zaak_id=2000002).exists(), False, 'and not stored')


def upserts():
    with intake():
        case = Zaak.objects.get(identificatie='D-3')
        moment = timezone.now()
        first = Status.objects.create(zaak=case, datum_status_gezet=moment, statustoelichting='een')
        Status.objects.bulk_create([Status(zaak=case, datum_status_gezet=moment, statustoelichting='twee'),
                                    Status(zaak=case, datum_status_gezet=moment + datetime.timedelta(1), statustoelichting='drie')], ignore_conflicts=True)
        is_(sorted(case.status_set.values_list('statustoelichting', flat=True)), ['drie', 'een'], 'bulk_create(ignore_conflicts): ON CONFLICT DO NOTHING')
        if django.VERSION >= (4, 1):
            Status.objects.bulk_create([Status(zaak=case, datum_status_gezet=moment, statustoelichting='vier')], update_conflicts=True,
                                       unique_fields=['zaak', 'datum_status_gezet'], update_fields=['statustoelichting'])
        else:
            # What later versions send for that.
            one('INSERT INTO "zaken_status" ("_etag", "uuid", "zaak_id", "_statustype_id", "datum_status_gezet", "statustoelichting", "gezetdoor_id")'
                ' VALUES (%s, %s, %s, NULL, %s, %s, NULL) ON CONFLICT("zaak_id", "datum_status_gezet")'
                ' DO UPDATE SET "statustoelichting" = EXCLUDED."statustoelichting" RETURNING id', '', uuid.uuid4(), case.pk, moment, 'vier')
        first.refresh_from_db()
        is_(first.statustoelichting, 'vier', 'bulk_create(update_conflicts): ON CONFLICT DO UPDATE')
        same, created = Status.objects.update_or_create(zaak=case, datum_status_gezet=moment, defaults={'statustoelichting': 'vijf'})
        is_([same.pk, created], [first.pk, False], 'update_or_create()')
        is_(ZaakEigenschap.objects.get_or_create(zaak=case, _naam='locatie', defaults={'waarde': 'ergens'})[1], True, 'get_or_create()')

    # A number that a hidden case has: the application learns that it is taken, and no more.
    taken = new_case('D-3')
    taken._zaaktype_id = 1
    try:
        taken.save()
        ok(False, 'a number that is taken', '')
    except IntegrityError as error:
        ok('signaal' not in str(error), 'a number that is taken by a hidden case: an IntegrityError', error)


def deleting():
    with intake():
        case = Zaak.objects.get(identificatie='D-3')
        deleted, per_model = case.delete()
        ok(per_model.get('openzaak.NatuurlijkPersoon') == 1 and per_model.get('openzaak.ZaakIdentificatie') == 1,
           'delete(): the cascade of Django, children, person, case and number', per_model)
        is_(Zaak.objects.filter(pk=2000001).exists(), False, 'and all are gone')
    with intake():
        is_(ZaakObject.objects.filter(zaak__identificatie='D-1a').delete()[0], 3, 'delete() of a query over a join')


def purposes():
    with intake():
        try:
            with intake():
                ok(False, 'purpose() within a purpose', '')
        except RuntimeError as error:
            ok('durable' in str(error), 'purpose() within a transaction is refused: one transaction, one purpose', error)

    # With AUTOCOMMIT off nothing would end the transaction, and the purpose with it.
    connection.set_autocommit(False)
    try:
        with intake():
            ok(False, 'purpose() without autocommit', '')
    except RuntimeError as error:
        ok('autocommit' in str(error), 'purpose() is refused on a connection without autocommit', error)
    finally:
        connection.rollback()
        connection.set_autocommit(True)

    @purpose('intake', role='coordinator')
    def decorated():
        return Zaak.objects.filter(GOVERNED).count()
    ok(decorated() > 2 and decorated() > 2, 'purpose() is a decorator')
    is_(refused(lambda: purpose('intake').__enter__()), 'casus.no_appointment', 'the application itself has no appointment')
    is_(refused(lambda: purpose("'); SELECT ('", role='coordinator').__enter__()), 'casus.wrong_purpose', 'arguments are bound, not executed')
    with intake():
        dossier = one("SELECT casus.dossier_of('zaken_zaak', %s)", str(Zaak.objects.filter(GOVERNED).first().pk))
    with purpose('intake', dossier=dossier, office='coordinator', file='ondermijning', role='coordinator'):
        is_(Zaak.objects.filter(GOVERNED).count(), 1, 'purpose() for one dossier')
    done = []
    with intake():
        transaction.on_commit(lambda: done.append(Zaak.objects.filter(GOVERNED).exists()))
    is_(done, [False], 'on_commit() runs after the purpose')
    with transaction.atomic():
        one("SELECT set_config('role', 'coordinator', true)")
        is_(Zaak.objects.filter(GOVERNED).exists(), False, 'no context is left for who takes that role again')


def schema():
    """What tools and migrations do with the tables."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, 'zaken_rol')]
        is_('casus_label' in columns, True, 'introspection knows the label')
        is_(connection.introspection.get_primary_key_column(cursor, 'zaken_rol'), 'id', 'and the primary key')
        relations = connection.introspection.get_relations(cursor, 'zaken_natuurlijkpersoon')
        is_(relations.get('rol_id'), ('id', 'zaken_rol'), 'and foreign keys')
        ok(connection.introspection.get_constraints(cursor, 'zaken_zaak'), 'and constraints')
    out = io.StringIO()
    call_command('inspectdb', 'zaken_rol', stdout=out)
    ok('class ZakenRol(models.Model)' in out.getvalue(), 'inspectdb', out.getvalue())

    # A migration of the application's next version, by the owner.
    field = models.CharField(max_length=20, default='')
    field.set_attributes_from_name('nieuw_veld')
    field.model = Rol
    with connection.schema_editor() as editor:
        editor.add_field(Rol, field)
    is_('nieuw_veld' in [column.name for column in connection.introspection.get_table_description(connection.cursor(), 'zaken_rol')], True,
        'a migration adds a column with a default')
    index = models.Index(fields=['omschrijving'], name='rol_omschrijving_nieuw')
    with connection.schema_editor() as editor:
        editor.add_index(Rol, index)
    with connection.schema_editor() as editor:
        editor.remove_index(Rol, index)
    ok(True, 'and adds and removes an index')
    wider = models.CharField(max_length=200)
    wider.set_attributes_from_name('omschrijving')
    wider.model = Rol

    def alter():
        with connection.schema_editor() as editor:
            editor.alter_field(Rol, Rol._meta.get_field('omschrijving'), wider)
    is_(refused(alter), 'casus.ddl', 'a migration that changes a type waits for casus.maintenance')
    def window():
        one("SELECT casus.maintenance('zaken_rol', 'release 2')::text")
    is_(refused(window), 'casus.ddl', 'which the application, though it owns the table, does not open itself')
    run_sql('-c', 'GRANT casus_admin TO openzaak', PGDATABASE='postgres')
    window()
    is_(refused(alter), '', 'and runs then')
    run_sql('-c', 'REVOKE casus_admin FROM openzaak', PGDATABASE='postgres')
    with connection.schema_editor() as editor:
        editor.remove_field(Rol, field)
    with intake():
        ok(Rol.objects.filter(zaak___zaaktype_id=8).count() > 2, 'after which everything is as before')


# ---- requests ----

def purpose_of(request):
    """What a request is for, as this application knows it."""
    wanted = request.headers.get('X-Purpose')
    return {'purpose': wanted, 'role': 'coordinator'} if wanted else None


def list_view(request):
    return HttpResponse(' '.join(str(case.pk) for case in Zaak.objects.filter(GOVERNED).order_by('pk')))


def insert_view(request, fails):
    new_case(request.GET['number']).save()
    if fails:
        raise ValueError('of the application')
    return HttpResponse('stored')


urlpatterns = [path('list', list_view), path('insert', insert_view, {'fails': False}), path('fail', insert_view, {'fails': True})]


def requests():
    client = Client(raise_request_exception=False)
    backend = one('SELECT pg_backend_pid()')
    is_(client.get('/list').content, b'', 'a request without a purpose sees no governed case')
    ok(len(client.get('/list', HTTP_X_PURPOSE='intake').content.split()) > 2, 'one with a purpose does')
    is_(client.get('/list').content, b'', 'and the next without it does not')
    is_(client.get('/insert?number=V-1').status_code, 500, 'a governed case in a request without a purpose')
    is_(client.get('/insert?number=V-2', HTTP_X_PURPOSE='intake').content, b'stored', 'and with one')
    is_(client.get('/fail?number=V-3', HTTP_X_PURPOSE='intake').status_code, 500, 'a view that raises')
    with intake():
        is_(list(Zaak.objects.filter(identificatie__startswith='V-').values_list('identificatie', flat=True)), ['V-2'], 'is rolled back, the other is committed')
    is_(client.get('/list', HTTP_X_PURPOSE='geen_doel').status_code, 500, 'a purpose that does not exist')
    is_(client.get('/list').content, b'', 'leaves nothing')
    is_(one('SELECT pg_backend_pid()'), backend, 'all over one connection (CONN_MAX_AGE=None)')


reading()
writing()
deferred_keys()
upserts()
deleting()
purposes()
schema()
requests()
done_testing()
