"""The tables of test/demo/openzaak.sql as Open Zaak has them as models: nothing in here knows of casus."""
import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class ETagMixin(models.Model):
    _etag = models.CharField(max_length=32, default='', editable=False)

    class Meta:
        abstract = True


class Service(models.Model):
    label = models.CharField(max_length=100)
    api_root = models.CharField(max_length=255, unique=True)

    class Meta:
        managed = False
        db_table = 'zgw_consumers_service'


class Catalogus(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    naam = models.CharField(max_length=200, blank=True)
    domein = models.CharField(max_length=5)
    rsin = models.CharField(max_length=9)

    class Meta:
        managed = False
        db_table = 'catalogi_catalogus'
        unique_together = ('domein', 'rsin')


class ZaakType(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    identificatie = models.CharField(max_length=50)
    concept = models.BooleanField(default=True)
    datum_begin_geldigheid = models.DateField()
    datum_einde_geldigheid = models.DateField(null=True)
    zaaktype_omschrijving = models.CharField(max_length=80)
    vertrouwelijkheidaanduiding = models.CharField(max_length=20)
    trefwoorden = ArrayField(models.CharField(max_length=30), default=list)
    catalogus = models.ForeignKey(Catalogus, on_delete=models.CASCADE)

    class Meta:
        managed = False
        db_table = 'catalogi_zaaktype'


class StatusType(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    zaaktype = models.ForeignKey(ZaakType, on_delete=models.CASCADE, related_name='statustypen')
    statustype_omschrijving = models.CharField(max_length=80)
    statustypevolgnummer = models.PositiveSmallIntegerField()

    class Meta:
        managed = False
        db_table = 'catalogi_statustype'


class RolType(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4)
    zaaktype = models.ForeignKey(ZaakType, on_delete=models.CASCADE)
    omschrijving = models.CharField(max_length=100)
    omschrijving_generiek = models.CharField(max_length=20)

    class Meta:
        managed = False
        db_table = 'catalogi_roltype'


class ZaakIdentificatie(models.Model):
    """The number of a case, and the parent of Zaak by multi-table inheritance."""
    identificatie = models.CharField(max_length=40, db_index=True)
    bronorganisatie = models.CharField(max_length=9)

    class Meta:
        managed = False
        db_table = 'zaken_zaakidentificatie'
        unique_together = ('identificatie', 'bronorganisatie')


class Zaak(ETagMixin, ZaakIdentificatie):
    identificatie_ptr = models.OneToOneField(ZaakIdentificatie, on_delete=models.PROTECT, parent_link=True, primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    _id = models.IntegerField(null=True, db_column='id')
    _identificatie = models.CharField(max_length=40, blank=True, default='', db_column='identificatie')
    _bronorganisatie = models.CharField(max_length=9, blank=True, default='', db_column='bronorganisatie')
    hoofdzaak = models.ForeignKey('self', null=True, on_delete=models.CASCADE, related_name='deelzaken')
    omschrijving = models.CharField(max_length=80, blank=True)
    toelichting = models.TextField(blank=True)
    _zaaktype_base_url = models.ForeignKey(Service, null=True, on_delete=models.PROTECT)
    _zaaktype_relative_url = models.CharField(max_length=1000, null=True)
    _zaaktype = models.ForeignKey(ZaakType, null=True, on_delete=models.PROTECT)
    registratiedatum = models.DateField(default=timezone.localdate)
    verantwoordelijke_organisatie = models.CharField(max_length=9)
    startdatum = models.DateField(db_index=True)
    einddatum = models.DateField(null=True)
    einddatum_gepland = models.DateField(null=True)
    uiterlijke_einddatum_afdoening = models.DateField(null=True)
    publicatiedatum = models.DateField(null=True)
    producten_of_diensten = ArrayField(models.URLField(max_length=1000), default=list)
    communicatiekanaal = models.URLField(max_length=1000, blank=True)
    vertrouwelijkheidaanduiding = models.CharField(max_length=20)
    betalingsindicatie = models.CharField(max_length=20, blank=True)
    laatste_betaaldatum = models.DateTimeField(null=True)
    verlenging_reden = models.CharField(max_length=200, blank=True)
    verlenging_duur = models.DurationField(null=True)
    opschorting_indicatie = models.BooleanField(default=False)
    opschorting_reden = models.CharField(max_length=200, blank=True)
    opschorting_eerdere_opschorting = models.BooleanField(default=False)
    selectielijstklasse = models.URLField(max_length=1000, blank=True)
    archiefnominatie = models.CharField(max_length=40, null=True)
    archiefstatus = models.CharField(max_length=40, default='nog_te_archiveren')
    archiefactiedatum = models.DateField(null=True)
    opdrachtgevende_organisatie = models.CharField(max_length=9, blank=True)
    processobjectaard = models.CharField(max_length=200, blank=True)
    startdatum_bewaartermijn = models.DateField(null=True)
    processobject_datumkenmerk = models.CharField(max_length=250, blank=True)
    processobject_identificatie = models.CharField(max_length=250, blank=True)
    processobject_objecttype = models.CharField(max_length=250, blank=True)
    processobject_registratie = models.CharField(max_length=250, blank=True)
    communicatiekanaal_naam = models.CharField(max_length=250, blank=True)
    created_on = models.DateTimeField(auto_now_add=True)
    laatst_gemuteerd = models.DateTimeField(auto_now=True)
    laatst_geopend = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = 'zaken_zaak'


class Rol(ETagMixin, models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    zaak = models.ForeignKey(Zaak, on_delete=models.CASCADE)
    betrokkene = models.URLField(max_length=1000, blank=True)
    betrokkene_type = models.CharField(max_length=100)
    afwijkende_naam_betrokkene = models.TextField(blank=True)
    _roltype = models.ForeignKey(RolType, null=True, on_delete=models.PROTECT)
    omschrijving = models.CharField(max_length=100)
    omschrijving_generiek = models.CharField(max_length=80)
    roltoelichting = models.TextField(blank=True)
    registratiedatum = models.DateTimeField(auto_now_add=True)
    indicatie_machtiging = models.CharField(max_length=40, blank=True)
    contactpersoon_rol_emailadres = models.EmailField(blank=True)
    contactpersoon_rol_functie = models.CharField(max_length=50, blank=True)
    contactpersoon_rol_telefoonnummer = models.CharField(max_length=20, blank=True)
    contactpersoon_rol_naam = models.CharField(max_length=200, blank=True)
    authenticatie_context = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = 'zaken_rol'


class Status(ETagMixin, models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    zaak = models.ForeignKey(Zaak, on_delete=models.CASCADE)
    _statustype = models.ForeignKey(StatusType, null=True, on_delete=models.PROTECT)
    datum_status_gezet = models.DateTimeField()
    statustoelichting = models.TextField(blank=True)
    gezetdoor = models.ForeignKey(Rol, null=True, on_delete=models.SET_NULL)

    class Meta:
        managed = False
        db_table = 'zaken_status'
        unique_together = ('zaak', 'datum_status_gezet')


class ZaakObject(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    zaak = models.ForeignKey(Zaak, on_delete=models.CASCADE)
    object = models.URLField(max_length=1000, blank=True)
    relatieomschrijving = models.CharField(max_length=80, blank=True)
    object_type = models.CharField(max_length=100)
    object_type_overige = models.CharField(max_length=100, blank=True)
    object_type_overige_definitie = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = 'zaken_zaakobject'


class NatuurlijkPersoon(models.Model):
    rol = models.OneToOneField(Rol, null=True, on_delete=models.CASCADE, related_name='natuurlijkpersoon')
    zaakobject = models.OneToOneField(ZaakObject, null=True, on_delete=models.CASCADE, related_name='natuurlijkpersoon')
    inp_bsn = models.CharField(max_length=9, blank=True, db_index=True)
    anp_identificatie = models.CharField(max_length=17, blank=True)
    inp_a_nummer = models.CharField(max_length=10, blank=True)
    geslachtsnaam = models.CharField(max_length=200, blank=True)
    voorvoegsel_geslachtsnaam = models.CharField(max_length=80, blank=True)
    voorletters = models.CharField(max_length=20, blank=True)
    voornamen = models.CharField(max_length=200, blank=True)
    geslachtsaanduiding = models.CharField(max_length=1, blank=True)
    geboortedatum = models.CharField(max_length=18, blank=True)

    class Meta:
        managed = False
        db_table = 'zaken_natuurlijkpersoon'


class ZaakEigenschap(ETagMixin, models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    zaak = models.ForeignKey(Zaak, on_delete=models.CASCADE)
    _naam = models.CharField(max_length=20)
    waarde = models.TextField()

    class Meta:
        managed = False
        db_table = 'zaken_zaakeigenschap'


class Canonical(models.Model):
    lock = models.CharField(max_length=100, blank=True, default='')

    class Meta:
        managed = False
        db_table = 'documenten_enkelvoudiginformatieobjectcanonical'


class ZaakInformatieObject(ETagMixin, models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    zaak = models.ForeignKey(Zaak, on_delete=models.CASCADE)
    _informatieobject = models.ForeignKey(Canonical, null=True, on_delete=models.CASCADE)
    aard_relatie = models.CharField(max_length=20)
    titel = models.CharField(max_length=200, blank=True)
    beschrijving = models.TextField(blank=True)
    registratiedatum = models.DateTimeField(auto_now_add=True)
    status = models.ForeignKey(Status, null=True, on_delete=models.CASCADE)

    class Meta:
        managed = False
        db_table = 'zaken_zaakinformatieobject'
        unique_together = ('zaak', '_informatieobject')
