# test/demo/story.sh
#	One signal from intake to closing, and who saw what on the way.  Sourced by
#	test/demo/run, which sets $work and $bin and defines sql().

# The readers: role, and what they are.
readers=(
	'coordinator:coordinator'
	'regisseur:casusregisseur'
	'handhaving:dept. bestuurlijke handhaving'
	'belastingen:dept. belastingen'
	'analist:analyst with a reporting tool'
	'openzaak:owner of the tables'
	'postgres:superuser'
)

heading() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# As many cases as the owner role sees that are none of the protocol's business.
other_cases() { sql openzaak openzaak -Atc 'SELECT count(*) FROM zaken_zaak WHERE _zaaktype_id <> 8'; }

# code_of FILE, detail_of FILE: what psql reported of the last refusal.
code_of() { sed -n 's/^CONSTRAINT NAME: *//p' "$1" | tail -1; }
detail_of() {
	local detail
	detail=$(sed -n 's/^DETAIL: *//p' "$1" | tail -1)
	echo "${detail:-$(sed -n 's/^ERROR: *42501: *//p' "$1" | tail -1)}"
}

# line WHO TEXT: what somebody does now, on one line.
line() { printf '   %-12s %s\n' "$1" "$(tr -s ' \n\t' ' ' <<<"$2" | cut -c1-160)"; }

# does ROLE SQL [TEXT]: an act that must succeed.
does() {
	line "$1" "${3:-$2}"
	sql "$1" openzaak -At >"$work/log/act" 2>"$work/log/error" <<<"$2" ||
		{ cat "$work/log/error"; echo "The demo failed: this was refused."; exit 1; }
}

# refused ROLE SQL CODE [TEXT]: an act that must be refused with this code.
refused() {
	line "$1" "${4:-$2}"
	if sql "$1" openzaak -At -v VERBOSITY=verbose >/dev/null 2>"$work/log/error" <<<"$2" ||
		[ "$(code_of "$work/log/error")" != "casus.$3" ]; then
		cat "$work/log/error"
		echo "The demo failed: this was not refused with casus.$3."
		exit 1
	fi
	printf '   %-12s -> %s: %s\n' '' "$(code_of "$work/log/error")" "$(detail_of "$work/log/error" | cut -c1-160)"
}

# look PURPOSE ROLE...: everyone reads the signal, each with his own login and the same statements.  The
# roles named must see something of it, all others nothing, and everyone the other cases.
look() {
	local reader role what counts error=$work/log/error code purpose=$1 sees

	shift
	printf '\n   %-36s %s\n' "reads for purpose '$purpose':" 'number case role person status prop. doc. | others | refused'
	for reader in "${readers[@]}"; do
		role=${reader%%:*} what=${reader#*:}
		counts=$("$bin/psql" -X -q -At -F ' ' -h "$work/socket" -p 5432 -U "$role" -d openzaak \
			-v VERBOSITY=verbose -v ON_ERROR_ROLLBACK=on -v purpose="$purpose" -v dossier="$dossier" \
			-v case="$case" -v rol="$rol" 2>"$error" <<'SQL'
BEGIN;
SELECT casus.enter(:'purpose', dossier => :dossier) \g /dev/null
SELECT (SELECT count(*) FROM zaken_zaakidentificatie WHERE id = :case),
	(SELECT count(*) FROM zaken_zaak WHERE identificatie_ptr_id = :case),
	(SELECT count(*) FROM zaken_rol WHERE zaak_id = :case),
	(SELECT count(*) FROM zaken_natuurlijkpersoon WHERE rol_id = :rol),
	(SELECT count(*) FROM zaken_status WHERE zaak_id = :case),
	(SELECT count(*) FROM zaken_zaakeigenschap WHERE zaak_id = :case),
	(SELECT count(*) FROM zaken_zaakinformatieobject WHERE zaak_id = :case),
	(SELECT count(*) FROM zaken_zaak WHERE _zaaktype_id <> 8);
COMMIT;
SQL
		)
		code=$(code_of "$error")
		printf '   %-36s %6s %4s %4s %6s %6s %5s %4s | %6s | %s\n' "$what" ${counts:-! ! ! ! ! ! ! !} \
			"${code:+$code: $(detail_of "$error")}"
		sees=${counts% *}
		[[ $sees = *[1-9]* ]] && sees=1 || sees=0
		if [ "${counts##* }" != "$before" ] || { [[ " $* " = *" $role "* ]] && [ $sees = 0 ]; } ||
			{ [[ " $* " != *" $role "* ]] && [ $sees = 1 ]; }; then
			cat "$error"
			echo "The demo failed: $role should not see what is above."
			exit 1
		fi
	done
}

# as_app CIVIL_SERVANT SQL: what the application does for a civil servant: its own login, his role for the
# length of one transaction.
as_app() {
	sql openzaak openzaak -At <<<"BEGIN; SET LOCAL ROLE $1; $2 COMMIT;"
}

# What the application sends when a signal is entered: Django's statements, parents and children in one
# transaction, RETURNING, and an update of the etag at the end.
new_signal() {
	as_app coordinator "
		SELECT casus.enter('intake') \\g /dev/null
		INSERT INTO zaken_zaakidentificatie (identificatie, bronorganisatie)
			VALUES ('ZAAK-2026-0000009001', '000000000') RETURNING id AS case \\gset
		INSERT INTO zaken_zaak (_etag, identificatie_ptr_id, uuid, identificatie, bronorganisatie, omschrijving,
				toelichting, _zaaktype_id, registratiedatum, verantwoordelijke_organisatie, startdatum,
				producten_of_diensten, communicatiekanaal, vertrouwelijkheidaanduiding, betalingsindicatie,
				verlenging_reden, opschorting_indicatie, opschorting_reden, opschorting_eerdere_opschorting,
				selectielijstklasse, archiefstatus, opdrachtgevende_organisatie, processobjectaard,
				processobject_datumkenmerk, processobject_identificatie, processobject_objecttype,
				processobject_registratie, communicatiekanaal_naam, created_on, laatst_gemuteerd)
			VALUES ('', :case, gen_random_uuid(), '', '', 'signaal bedrijfspand',
				'verzonnen: een leegstaand pand met veel bezoek in de nacht', 8, current_date, '000000000',
				current_date, '{}', '', 'zeer_geheim', '', '', false, '', false, '', 'nog_te_archiveren', '', '',
				'', '', '', '', '', now(), now()) RETURNING identificatie_ptr_id \\g /dev/null
		INSERT INTO zaken_rol (_etag, uuid, zaak_id, betrokkene, betrokkene_type, afwijkende_naam_betrokkene,
				_roltype_id, omschrijving, omschrijving_generiek, roltoelichting, registratiedatum,
				indicatie_machtiging, contactpersoon_rol_emailadres, contactpersoon_rol_functie,
				contactpersoon_rol_telefoonnummer, contactpersoon_rol_naam)
			VALUES ('', gen_random_uuid(), :case, '', 'natuurlijk_persoon', '', 24, 'belanghebbende',
				'belanghebbende', '', now(), '', '', '', '', '') RETURNING id AS rol \\gset
		INSERT INTO zaken_natuurlijkpersoon (rol_id, inp_bsn, anp_identificatie, inp_a_nummer, geslachtsnaam,
				voorvoegsel_geslachtsnaam, voorletters, voornamen, geslachtsaanduiding, geboortedatum)
			VALUES (:rol, '', '', '', 'Verzonnen', '', 'V.', '', '', '19700101') RETURNING id \\g /dev/null
		INSERT INTO zaken_status (_etag, uuid, zaak_id, _statustype_id, datum_status_gezet, statustoelichting)
			VALUES ('', gen_random_uuid(), :case, 22, now(), '') RETURNING id \\g /dev/null
		INSERT INTO zaken_zaakeigenschap (_etag, uuid, zaak_id, _eigenschap_id, _naam, waarde)
			VALUES ('', gen_random_uuid(), :case, 8, 'locatie', 'Verzonnenstraat 9001') RETURNING id \\g /dev/null
		INSERT INTO documenten_enkelvoudiginformatieobjectcanonical (lock) VALUES ('') RETURNING id AS doc \\gset
		INSERT INTO zaken_zaakinformatieobject (_etag, uuid, zaak_id, _informatieobject_id, aard_relatie, titel,
				beschrijving, registratiedatum)
			VALUES ('', gen_random_uuid(), :case, :doc, 'hoort_bij', 'melding', '', now()) RETURNING id \\g /dev/null
		UPDATE zaken_zaak SET _etag = md5('9001') WHERE identificatie_ptr_id = :case;
		SELECT :case, :rol, casus.dossier_of('zaken_zaak', (:case)::text);"
}

# An ordinary case by the application alone, as it always did: children before their parent, keys checked at
# the commit, no word of casus.
ordinary_case() {
	sql openzaak openzaak -At -c "
		BEGIN;
		INSERT INTO zaken_status (_etag, uuid, zaak_id, _statustype_id, datum_status_gezet, statustoelichting)
			VALUES ('', gen_random_uuid(), 2000001, 1, now(), '') RETURNING id;
		INSERT INTO zaken_zaakidentificatie (id, identificatie, bronorganisatie)
			VALUES (2000001, 'ZAAK-2026-0002000001', '000000000') RETURNING id;
		INSERT INTO zaken_zaak SELECT _etag, 2000001, gen_random_uuid(), NULL, '', '', NULL, 'gewone zaak', '',
			NULL, NULL, 1, current_date, '000000000', current_date, NULL, NULL, NULL, NULL, '{}', '', 'openbaar', '',
			NULL, '', NULL, false, '', false, '', NULL, 'nog_te_archiveren', NULL, '', '', NULL, '', '', '', '', '',
			now(), now(), NULL FROM (VALUES ('')) AS v (_etag) RETURNING identificatie_ptr_id;
		COMMIT;"
}

# brings_in ROLE NAME TEXT: a department adds a datum of its own to the case.
brings_in() {
	does "$1" "BEGIN;
		SELECT casus.enter('overleg', dossier => $dossier);
		INSERT INTO zaken_zaakeigenschap (_etag, uuid, zaak_id, _naam, waarde)
			VALUES ('', gen_random_uuid(), $case, '$2', '$3') RETURNING id;
		COMMIT;" "INSERT INTO zaken_zaakeigenschap ... ('$2', '$3')"
}

# copy_of_others ROLE: a COPY of the whole table, of which the kind of case is in a column of its own as well.
copy_of_others() {
	local rows=$work/log/copy kinds
	line "$1" "COPY zaken_zaak TO STDOUT"
	sql "$1" openzaak -c 'COPY zaken_zaak TO STDOUT' >"$rows" && kinds=$(sql "$1" openzaak -c 'COPY zaken_zaak (_zaaktype_id) TO STDOUT') ||
		{ echo "The demo failed: the COPY was refused."; exit 1; }
	if [ "$(wc -l <"$rows")" -ne "$(other_cases)" ] || [ "$(wc -l <<<"$kinds")" -ne "$(other_cases)" ] || grep -qx 8 <<<"$kinds"; then
		echo "The demo failed: these are not the cases of other kinds alone."
		exit 1
	fi
	echo "                -> $(wc -l <"$rows") rows, none of kind 'ondermijning'"
}

story() {
	local present="\"aanwezig\": [\"H. van Handhaving\", \"B. van Belastingen\"]" days

	heading "1. Intake: the coordinator registers a signal, through the application"
	line openzaak "BEGIN; SET LOCAL ROLE coordinator; SELECT casus.enter('intake'); INSERT ... RETURNING (9 rows); UPDATE; COMMIT"
	new_signal >"$work/log/signal" || { echo "The demo failed: no signal was registered."; exit 1; }
	IFS='|' read -r case rol dossier <<<"$(tail -1 "$work/log/signal")"
	echo "   The row of zaken_zaak with key $case is dossier $dossier."
	look intake coordinator
	refused coordinator "SELECT casus.advance($dossier, 'zwaarte')" gate_missing
	refused handhaving "SELECT casus.decide($dossier, 'intake', 'signaal', 'lijkt mij wel')" no_appointment
	refused coordinator "SELECT casus.decide($dossier, 'intake', 'signaal', 'eerste indruk', '{\"aandrager\": \"burger\"}')" content_missing
	does coordinator "SELECT casus.decide($dossier, 'intake', 'signaal', 'concrete waarneming', '{\"aandrager\": \"burger\",
		\"melddatum\": \"2026-11-02\", \"aanleiding\": \"veel bezoek in de nacht\", \"beschrijving\": \"leegstaand pand\",
		\"personalia\": \"bekend\", \"indicatoren\": [\"vastgoedfraude_leegstand\"], \"bevoegdheid\": \"opiumwet_13b\",
		\"grondgebied\": true}')"
	does coordinator "SELECT casus.advance($dossier, 'zwaarte')"

	heading "2. Zwaarte: heavy enough to look further?"
	look zwaarte coordinator
	refused coordinator "SELECT casus.advance($dossier, 'overleg')" wrong_phase
	does coordinator "SELECT casus.decide($dossier, 'zwaarte', 'zwaar_genoeg', NULL,
		'{\"criteria\": [\"concreet_en_betrouwbaar\"], \"toelichting\": \"recent en concreet\"}')"
	does coordinator "SELECT casus.advance($dossier, 'bronnenonderzoek')"

	heading "3. Bronnenonderzoek: which sources may be asked, and what they said"
	look bronnenonderzoek coordinator
	echo "   The file has no Standaarden, so each question goes beyond them, with the advice of the FG (art. 1.36)."
	refused coordinator "SELECT casus.decide($dossier, 'bronnen', 'raadplegen', NULL,
		'{\"bronnen\": [\"brp\", \"vergunningen\"], \"standaard\": \"standaard\"}')" content_missing
	does coordinator "SELECT casus.decide($dossier, 'bronnen', 'raadplegen', NULL,
		'{\"bronnen\": [\"brp\", \"vergunningen\"], \"standaard\": \"afwijking\",
		\"fg_advies\": \"akkoord\", \"afwijking_motivering\": \"geen Standaard voor leegstand\"}')"
	does coordinator "SELECT casus.decide($dossier, 'hits', 'bevestigd', NULL, '{\"toelichting\": \"bevestigd in voldoende mate\"}')"
	does coordinator "SELECT casus.advance($dossier, 'voorbereiden')"

	heading "4. Voorbereiden: what may be shared, and with which departments"
	does coordinator "SELECT casus.involve($dossier, party => 'bestuurlijke_handhaving', reason => 'toezicht op het pand')"
	does coordinator "SELECT casus.involve($dossier, party => 'belastingen_en_woz', reason => 'eigendom van het pand')"
	does coordinator "SELECT casus.involve($dossier, party => 'bestuurlijke_handhaving', person => 'R. de Regisseur', office => 'casusregisseur', reason => 'casusregie')"
	refused coordinator "SELECT casus.share($dossier, NULL, ARRAY['bestuurlijke_handhaving'])" gate_missing
	does coordinator "SELECT casus.decide($dossier, 'delen', 'delen', NULL, '{\"afdelingen\": [\"bestuurlijke_handhaving\",
		\"belastingen_en_woz\"], \"noodzaak\": \"eigen bevoegdheden\"}')"
	does coordinator "BEGIN;
		SELECT casus.enter('voorbereiden', dossier => $dossier);
		SELECT casus.share($dossier, ARRAY(
			SELECT casus.item_of(casus_label) FROM zaken_zaakidentificatie WHERE id = $case
			UNION ALL SELECT casus.item_of(casus_label) FROM zaken_zaak WHERE identificatie_ptr_id = $case
			UNION ALL SELECT casus.item_of(casus_label) FROM zaken_rol WHERE zaak_id = $case
			UNION ALL SELECT casus.item_of(casus_label) FROM zaken_natuurlijkpersoon WHERE rol_id = $rol
			UNION ALL SELECT casus.item_of(casus_label) FROM zaken_zaakeigenschap WHERE zaak_id = $case
			UNION ALL SELECT casus.item_of(casus_label) FROM zaken_zaakinformatieobject WHERE zaak_id = $case),
			ARRAY['bestuurlijke_handhaving'], 'zaak, persoon, locatie en melding');
		COMMIT;" "SELECT casus.share($dossier, <items: case, person, location, document>, ARRAY['bestuurlijke_handhaving'])"
	does coordinator "BEGIN;
		SELECT casus.enter('voorbereiden', dossier => $dossier);
		SELECT casus.share($dossier, ARRAY(
			SELECT casus.item_of(casus_label) FROM zaken_zaak WHERE identificatie_ptr_id = $case
			UNION ALL SELECT casus.item_of(casus_label) FROM zaken_zaakeigenschap WHERE zaak_id = $case),
			ARRAY['belastingen_en_woz'], 'alleen zaak en locatie');
		COMMIT;" "SELECT casus.share($dossier, <items: case, location>, ARRAY['belastingen_en_woz'])"
	look voorbereiden coordinator
	does coordinator "SELECT casus.advance($dossier, 'overleg')"

	heading "5. Overleg: from signal to case"
	brings_in handhaving handhaving 'last onder dwangsom 2025'
	brings_in belastingen belasting 'eigenaar betaalt contant'
	look overleg coordinator regisseur handhaving belastingen
	refused coordinator "SELECT casus.decide($dossier, 'casus', 'casus', NULL, '{\"toelichting\": \"ondermijning\",
		\"aanwezig\": [\"H. van Handhaving\"]}')" content_missing
	does coordinator "SELECT casus.decide($dossier, 'casus', 'casus', NULL, '{\"toelichting\": \"ondermijning\", $present}')"
	does coordinator "SELECT casus.decide($dossier, 'plan', 'vastgesteld', NULL, '{\"plan\": \"sluiting van het pand\",
		\"bevoegdheden\": [\"opiumwet_13b\"], \"gegevensuitwisseling\": \"tussen beide afdelingen\", $present}')"
	does coordinator "SELECT casus.advance($dossier, 'regie')"

	heading "6. Regie: the plan is carried out; one department is done and is shared with no longer"
	does coordinator "SELECT casus.unshare($dossier, NULL, ARRAY['belastingen_en_woz'], 'niet meer nodig')"
	look regie coordinator regisseur handhaving belastingen
	refused coordinator "SELECT casus.close_dossier($dossier)" gate_missing
	does coordinator "SELECT casus.decide($dossier, 'afsluiten', 'afsluiten', NULL, '{\"toelichting\": \"pand gesloten\",
		\"te_verstrekken\": \"niets\", $present}')"
	does coordinator "SELECT casus.close_dossier($dossier)"

	heading "7. Afsluiten: six months for coordinator and casusregisseur, then the coordinator, after a year nobody (art. 11)"
	look afsluiten coordinator regisseur
	echo
	echo "   Of the $closed_before cases of this kind that were closed before casus came, the coordinator sees, by days since closing:"
	does coordinator "BEGIN;
		SELECT casus.enter('afsluiten');
		SELECT count(*), min(current_date - einddatum), max(current_date - einddatum)
			FROM zaken_zaak WHERE _zaaktype_id = 8 AND identificatie_ptr_id <> $case;
		COMMIT;" "SELECT count(*), min(current_date - einddatum), max(current_date - einddatum) FROM zaken_zaak ..."
	IFS='|' read -r -a days <<<"$(tail -1 "$work/log/act")"
	echo "                -> ${days[0]} cases, closed ${days[1]} to ${days[2]} days ago"

	heading "8. The other cases"
	line openzaak "BEGIN; INSERT INTO zaken_status ...; INSERT INTO zaken_zaakidentificatie ...; INSERT INTO zaken_zaak ... RETURNING; COMMIT"
	ordinary_case >"$work/log/act" || { echo "The demo failed: an ordinary case was refused."; exit 1; }
	echo "                -> as before, children first, keys checked at the commit; no word of casus"
	echo "   before casus the owner saw $before, now $(other_cases): one more"
	[ "$(other_cases)" -eq $((before + 1)) ] || exit 1

	heading "9. Ways round: the superuser and the owner of the tables"
	refused postgres "ALTER TABLE zaken_zaak DISABLE ROW LEVEL SECURITY" ddl
	refused openzaak "DROP POLICY casus ON zaken_zaak" ddl
	refused postgres "UPDATE pg_class SET relrowsecurity = false WHERE relname = 'zaken_zaak'" bypass
	refused postgres "UPDATE casus_cat.dossier SET phase = 4" bypass
	refused postgres "UPDATE zaken_zaak SET casus_label = NULL WHERE identificatie_ptr_id = 1" label
	copy_of_others postgres
	echo "   What casus.doctor() says is not covered yet:"
	sql postgres openzaak -Atc "SELECT finding FROM casus.doctor() WHERE code = 'link_table'" | fold -s -w 150 | sed 's/^/                /'
}
