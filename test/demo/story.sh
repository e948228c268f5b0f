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
detail_of() { sed -n 's/^DETAIL: *//p' "$1" | tail -1; }

# does ROLE SQL: an act that must succeed; one line about it.
does() {
	printf '   %-12s %s\n' "$1" "$(tr -s ' \n\t' ' ' <<<"$2" | cut -c1-150)"
	sql "$1" openzaak -At >"$work/log/act" 2>"$work/log/error" <<<"$2" ||
		{ cat "$work/log/error"; echo "The demo failed: the act above was refused."; exit 1; }
}

# refused ROLE SQL: an act that must be refused; shows with which code and article.
refused() {
	printf '   %-12s %s\n' "$1" "$(tr -s ' \n\t' ' ' <<<"$2" | cut -c1-150)"
	if sql "$1" openzaak -At -v VERBOSITY=verbose >/dev/null 2>"$work/log/error" <<<"$2"; then
		echo "The demo failed: the act above was not refused."
		exit 1
	fi
	printf '   %-12s -> refused: %s: %s\n' '' "$(code_of "$work/log/error")" "$(detail_of "$work/log/error")"
}

# look PURPOSE: everyone reads the signal, each with his own login and the same statements.
look() {
	local reader role what counts error=$work/log/error code

	printf '\n   %-32s %s\n' "reads for purpose '$1':" 'number case role person status prop. doc. | others | refusal'
	for reader in "${readers[@]}"; do
		role=${reader%%:*} what=${reader#*:}
		counts=$("$bin/psql" -X -q -At -F ' ' -h "$work/socket" -p 5432 -U "$role" -d openzaak \
			-v VERBOSITY=verbose -v ON_ERROR_ROLLBACK=on -v purpose="$1" -v dossier="$dossier" \
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
		printf '   %-32s %6s %4s %4s %6s %6s %5s %4s | %6s | %s\n' "$what" ${counts:-! ! ! ! ! ! ! !} \
			"${code:+$code: $(detail_of "$error")}"
	done
}
