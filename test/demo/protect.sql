/*
 * protect.sql
 *		Ties the protocol to the tables that are there.  A case of zaaktype 8
 *		(ondermijning) is a dossier; whatever hangs from it follows the foreign
 *		keys; everything else in these tables stays as it was.
 */

/* The case itself.  Its number stands in the parent table, so that follows its child. */
SELECT casus.protect('zaken_zaak', 'ondermijning', opens_dossier => true,
	governs => '_zaaktype_id = 8', without_purpose => 'hide') \g /dev/null
