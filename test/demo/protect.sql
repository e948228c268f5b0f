/*
 * protect.sql
 *		Ties the protocol to the tables that are there.  A case of zaaktype 8
 *		(ondermijning) is a dossier; whatever hangs from it follows the foreign
 *		keys; everything else in these tables stays as it was.
 */

/* The case itself. */
SELECT casus.protect('zaken_zaak', 'ondermijning', opens_dossier => true,
	governs => '_zaaktype_id = 8', category => 'signaalomschrijving') \g /dev/null
/* Its number stands in the parent table of the inheritance, so that follows its child. */
SELECT casus.protect('zaken_zaakidentificatie', 'ondermijning',
	via_child => 'zaken_zaak.identificatie_ptr_id', category => 'registratie') \g /dev/null
/* One key away from the case ... */
SELECT casus.protect('zaken_rol', 'ondermijning', via => 'zaak_id', category => 'registratie') \g /dev/null
SELECT casus.protect('zaken_status', 'ondermijning', via => 'zaak_id', category => 'registratie') \g /dev/null
SELECT casus.protect('zaken_resultaat', 'ondermijning', via => 'zaak_id', category => 'registratie') \g /dev/null
SELECT casus.protect('zaken_zaakobject', 'ondermijning', via => 'zaak_id', category => 'adresgegevens') \g /dev/null
SELECT casus.protect('zaken_zaakeigenschap', 'ondermijning', via => 'zaak_id', category_column => '_naam',
	category_map => '{"locatie": "adresgegevens", "handhaving": "handhaving", "belasting": "belastingen"}')
\g /dev/null
SELECT casus.protect('zaken_zaakinformatieobject', 'ondermijning', via => 'zaak_id', category => 'signaalomschrijving') \g /dev/null
/* ... and two: a person by the role he has in it, or by the object he is. */
SELECT casus.protect('zaken_natuurlijkpersoon', 'ondermijning',
	via => ARRAY['rol_id', 'zaakobject_id'], category => 'personalia', subject_category => 'subject') \g /dev/null
SELECT casus.protect('zaken_organisatorischeeenheid', 'ondermijning',
	via => ARRAY['rol_id', 'zaakobject_id'], category => 'registratie') \g /dev/null

/* The rows that are there: cases with an end date are closed since then. */
\set QUIET on
SET client_min_messages = warning;
CALL casus.take_in('zaken_zaak', batch_size => 5000,
	phase => $$CASE WHEN einddatum IS NOT NULL THEN 'afsluiten'
		WHEN identificatie_ptr_id % 3 = 1 THEN 'overleg' ELSE 'intake' END$$,
	opened => 'startdatum', closed => 'einddatum');
CALL casus.take_in('zaken_zaakidentificatie', batch_size => 5000);
CALL casus.take_in('zaken_rol', batch_size => 5000);
CALL casus.take_in('zaken_status', batch_size => 5000);
CALL casus.take_in('zaken_resultaat', batch_size => 5000);
CALL casus.take_in('zaken_zaakobject', batch_size => 5000);
CALL casus.take_in('zaken_zaakeigenschap', batch_size => 5000);
CALL casus.take_in('zaken_zaakinformatieobject', batch_size => 5000);
CALL casus.take_in('zaken_natuurlijkpersoon', batch_size => 5000);
CALL casus.take_in('zaken_organisatorischeeenheid', batch_size => 5000);

/* Until here the application noticed nothing.  From here everyone is bound. */
SELECT casus.bind(r, 'enforce') FROM unnest(ARRAY['zaken_zaak', 'zaken_zaakidentificatie',
	'zaken_rol', 'zaken_status', 'zaken_resultaat', 'zaken_zaakobject',
	'zaken_zaakeigenschap', 'zaken_zaakinformatieobject', 'zaken_natuurlijkpersoon',
	'zaken_organisatorischeeenheid']::regclass[]) r \g /dev/null
