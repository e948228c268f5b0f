/*
 * data.sql
 *		Five thousand made-up cases, one in sixteen of the kind that falls under
 *		the protocol.  Everything follows from the row number and
 *		today's date: two runs give the
 *		same rows, and no name, number or address belongs to anyone (the BSNs
 *		fail the eleven test on purpose).
 *
 * Run as role openzaak after openzaak.sql.  :cases may be set; default 5000.
 */
\if :{?cases}
\else
\set cases 5000
\endif

/* A uuid that depends on its arguments only. */
CREATE FUNCTION pg_temp.made_up(kind text, n bigint) RETURNS uuid
	LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || n)::uuid $$;

BEGIN;

INSERT INTO catalogi_catalogus (uuid, naam, domein, rsin)
	VALUES (pg_temp.made_up('catalogus', 1), 'Gemeente Voorbeeld', 'VOORB', '000000000');

INSERT INTO catalogi_zaaktype (id, uuid, identificatie, concept, datum_begin_geldigheid,
		zaaktype_omschrijving, vertrouwelijkheidaanduiding, doel, aanleiding,
		onderwerp, doorlooptijd_behandeling, trefwoorden, catalogus_id)
	SELECT n, pg_temp.made_up('zaaktype', n), 'ZT-' || n, false, '2020-01-01',
		naam, CASE WHEN n = 8 THEN 'zeer_geheim' ELSE 'zaakvertrouwelijk' END,
		'', '', naam, '8 weeks', '{}', 1
	FROM unnest(ARRAY['omgevingsvergunning', 'evenementenvergunning', 'klacht',
		'subsidieaanvraag', 'bezwaarschrift', 'parkeervergunning',
		'handhavingsverzoek', 'ondermijning']) WITH ORDINALITY AS z (naam, n);

INSERT INTO catalogi_statustype (id, uuid, zaaktype_id, statustype_omschrijving,
		statustypevolgnummer, informeren)
	SELECT (z - 1) * 3 + v, pg_temp.made_up('statustype', z * 10 + v), z,
		(ARRAY['ontvangen', 'in behandeling', 'afgehandeld'])[v], v, false
	FROM generate_series(1, 8) z, generate_series(1, 3) v;

INSERT INTO catalogi_roltype (id, uuid, zaaktype_id, omschrijving, omschrijving_generiek)
	SELECT (z - 1) * 3 + v, pg_temp.made_up('roltype', z * 10 + v), z,
		(ARRAY['initiator', 'behandelaar', 'belanghebbende'])[v],
		(ARRAY['initiator', 'behandelaar', 'belanghebbende'])[v]
	FROM generate_series(1, 8) z, generate_series(1, 3) v;

INSERT INTO catalogi_resultaattype (id, uuid, zaaktype_id, omschrijving,
		archiefnominatie, archiefactietermijn)
	SELECT z, pg_temp.made_up('resultaattype', z), z, 'afgehandeld', 'vernietigen', '5 years'
	FROM generate_series(1, 8) z;

INSERT INTO catalogi_eigenschap (id, uuid, zaaktype_id, eigenschapnaam, definitie)
	SELECT z, pg_temp.made_up('eigenschap', z), z, 'locatie', 'waar het speelt'
	FROM generate_series(1, 8) z;

INSERT INTO catalogi_informatieobjecttype (id, uuid, omschrijving,
		vertrouwelijkheidaanduiding, catalogus_id)
	VALUES (1, pg_temp.made_up('informatieobjecttype', 1), 'bijlage', 'zaakvertrouwelijk', 1);

/* Case n: every sixteenth is ondermijning (zaaktype 8), the others in turn 1 to 7. */
CREATE TEMP TABLE made_up_case ON COMMIT DROP AS
	SELECT n,
		CASE WHEN n % 16 = 0 THEN 8 ELSE 1 + n % 7 END AS zaaktype,
		current_date - (n % 700)::integer AS start,
		n % 3 = 0 AND n % 700 > 60 AS is_closed
	FROM generate_series(1, :cases) n;

INSERT INTO zaken_zaakidentificatie (id, identificatie, bronorganisatie)
	SELECT n, 'ZAAK-' || extract(year FROM start) || '-' || lpad(n::text, 10, '0'), '000000000'
	FROM made_up_case;

INSERT INTO zaken_zaak (_etag, identificatie_ptr_id, uuid, identificatie, bronorganisatie,
		omschrijving, toelichting, _zaaktype_id, registratiedatum,
		verantwoordelijke_organisatie, startdatum, einddatum, producten_of_diensten,
		communicatiekanaal, vertrouwelijkheidaanduiding, betalingsindicatie,
		verlenging_reden, opschorting_indicatie, opschorting_reden,
		opschorting_eerdere_opschorting, selectielijstklasse, archiefnominatie,
		archiefstatus, archiefactiedatum, opdrachtgevende_organisatie, processobjectaard,
		processobject_datumkenmerk, processobject_identificatie, processobject_objecttype,
		processobject_registratie, communicatiekanaal_naam, created_on, laatst_gemuteerd)
	SELECT md5('zaak' || n), n, pg_temp.made_up('zaak', n), '', '',
		CASE WHEN zaaktype = 8 THEN 'signaal ' || n ELSE 'zaak ' || n END,
		CASE WHEN zaaktype = 8 THEN 'verzonnen signaal over pand ' || n ELSE '' END,
		zaaktype, start, '000000000', start, CASE WHEN is_closed THEN start + 60 END, '{}',
		'', CASE WHEN zaaktype = 8 THEN 'zeer_geheim' ELSE 'zaakvertrouwelijk' END, '',
		'', false, '', false, '', 'vernietigen', 'nog_te_archiveren',
		CASE WHEN is_closed THEN start + 1885 END, '', '', '', '', '', '', '', start, start
	FROM made_up_case;

INSERT INTO zaken_rol (id, _etag, uuid, zaak_id, betrokkene, betrokkene_type,
		afwijkende_naam_betrokkene, _roltype_id, omschrijving, omschrijving_generiek,
		roltoelichting, registratiedatum, indicatie_machtiging,
		contactpersoon_rol_emailadres, contactpersoon_rol_functie,
		contactpersoon_rol_telefoonnummer, contactpersoon_rol_naam)
	SELECT (n - 1) * 2 + v, md5('rol' || (n * 10 + v)), pg_temp.made_up('rol', n * 10 + v), n,
		'', (ARRAY['natuurlijk_persoon', 'organisatorische_eenheid'])[v], '',
		(zaaktype - 1) * 3 + v, (ARRAY['initiator', 'behandelaar'])[v],
		(ARRAY['initiator', 'behandelaar'])[v], '', start, '', '', '', '', ''
	FROM made_up_case, generate_series(1, 2) v;

INSERT INTO zaken_natuurlijkpersoon (id, rol_id, inp_bsn, anp_identificatie, inp_a_nummer,
		geslachtsnaam, voorvoegsel_geslachtsnaam, voorletters, voornamen,
		geslachtsaanduiding, geboortedatum)
	SELECT n, (n - 1) * 2 + 1, lpad(n::text, 9, '9'), '', '', 'Verzonnen-' || n, '', 'V.', '',
		'', (1950 + n % 50) || '0101'
	FROM made_up_case;

INSERT INTO zaken_organisatorischeeenheid (id, rol_id, identificatie, naam, is_gehuisvest_in)
	SELECT n, (n - 1) * 2 + 2, 'AFD-' || n % 12, 'afdeling ' || n % 12, ''
	FROM made_up_case;

INSERT INTO zaken_status (id, _etag, uuid, zaak_id, _statustype_id, datum_status_gezet,
		statustoelichting, gezetdoor_id)
	SELECT (n - 1) * 3 + v, md5('status' || (n * 10 + v)), pg_temp.made_up('status', n * 10 + v),
		n, (zaaktype - 1) * 3 + v, start + 20 * (v - 1), '', (n - 1) * 2 + 2
	FROM made_up_case, generate_series(1, 3) v
	WHERE v < 3 OR is_closed;

INSERT INTO zaken_resultaat (id, _etag, uuid, zaak_id, _resultaattype_id, toelichting)
	SELECT n, md5('resultaat' || n), pg_temp.made_up('resultaat', n), n, zaaktype, ''
	FROM made_up_case WHERE is_closed;

INSERT INTO zaken_zaakobject (id, uuid, zaak_id, object, relatieomschrijving, object_type,
		object_type_overige)
	SELECT n, pg_temp.made_up('zaakobject', n), n, '', 'locatie', 'adres', ''
	FROM made_up_case WHERE n % 2 = 0;

INSERT INTO zaken_zaakeigenschap (id, _etag, uuid, zaak_id, _eigenschap_id, _naam, waarde)
	SELECT n, md5('eigenschap' || n), pg_temp.made_up('zaakeigenschap', n), n, zaaktype,
		'locatie', 'Verzonnenstraat ' || n
	FROM made_up_case;

INSERT INTO documenten_enkelvoudiginformatieobjectcanonical (id, lock)
	SELECT n, '' FROM made_up_case;

INSERT INTO documenten_enkelvoudiginformatieobject (id, identificatie, bronorganisatie,
		creatiedatum, titel, vertrouwelijkheidaanduiding, auteur, status, beschrijving,
		_informatieobjecttype_id, canonical_id, uuid, formaat, taal, bestandsnaam,
		bestandsomvang, inhoud, versie, begin_registratie, trefwoorden)
	SELECT n, 'DOC-' || n, '000000000', start, 'bijlage ' || n, 'zaakvertrouwelijk',
		'gemeente', 'definitief', '', 1, n, pg_temp.made_up('document', n), 'text/plain',
		'nld', 'bijlage.txt', 100, 'uploads/' || n, 1, start, '{}'
	FROM made_up_case;

UPDATE documenten_enkelvoudiginformatieobjectcanonical SET latest_version_id = id;

INSERT INTO zaken_zaakinformatieobject (id, _etag, uuid, zaak_id, _informatieobject_id,
		aard_relatie, titel, beschrijving, registratiedatum)
	SELECT n, md5('zio' || n), pg_temp.made_up('zio', n), n, n, 'hoort_bij', '', '', start
	FROM made_up_case;

/* The audit trail of cases of other kinds; see the README about that of governed ones. */
INSERT INTO audittrails_audittrail (id, uuid, logrecord_id, bron, actie, actie_weergave,
		resultaat, hoofd_object, resource, resource_url, aanmaakdatum, resource_weergave,
		applicatie_id, applicatie_weergave, nieuw, gebruikers_id, gebruikers_weergave,
		toelichting)
	SELECT n, pg_temp.made_up('audit', n), '', 'ZRC', 'create', '', 201,
		'https://openzaak.example/zaken/api/v1/zaken/' || pg_temp.made_up('zaak', n), 'zaak',
		'', start, '', '', '', jsonb_build_object('omschrijving', 'zaak ' || n), '', '', ''
	FROM made_up_case WHERE zaaktype <> 8;

COMMIT;

/* Identity columns go on after the rows that brought their own number. */
SELECT setval(pg_get_serial_sequence(c.oid::regclass::text, 'id'), 1000000)
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
		AND a.attname = 'id' AND a.attidentity <> ''
\g /dev/null
