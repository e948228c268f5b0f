#!/bin/bash
# A person at the psql prompt: what is refused and how that reads, what the meta-commands show.
# shellcheck source=test/clients/tap.sh
. "$(dirname "$0")/tap.sh"
fixture_db client_psql

as() { # ROLE LINE...: as if typed; output and errors together
	local role=$1
	shift
	printf '%s\n' "$@" | psql -XqAt -v VERBOSITY=verbose -U "$role" 2>&1 || true
}

out=$(as bs_coordinator 'SELECT * FROM beesel.notitie;')
like "$out" 'ERROR:  42501: ' 'without a purpose: SQLSTATE 42501'
like "$out" 'CONSTRAINT NAME:  casus.no_purpose' 'the code stands in the constraint name'
like "$out" 'HINT:  .*casus.enter' 'the hint says what to do next'

out=$(as bs_coordinator 'BEGIN;' "SELECT casus.enter('intake');" 'SELECT inhoud FROM beesel.notitie ORDER BY id;' 'COMMIT;' \
	'SELECT inhoud FROM beesel.notitie;')
is "$(grep -c '^intake ' <<<"$out")" 2 'with a purpose: the rows of that phase'
is "$(grep -c '^overleg ' <<<"$out")" 0 'and of no other'
like "$out" 'casus.no_purpose' 'the context ends with the transaction'

out=$(as bs_coordinator "SELECT casus.enter('intake');")
like "$out" '42501|25P01|25001' 'enter outside a transaction block is an error'

out=$(as bs_coordinator '\t off' '\d beesel.notitie')
like "$out" 'casus_int.permits\(casus_label\)' 'the policy is visible in \d'
out=$(as bs_coordinator 'SELECT casus_label FROM beesel.notitie \gdesc')
is "$out" 'casus_label|uuid' 'clients see the label as uuid'

out=$(as bs_coordinator 'BEGIN;' "SELECT casus.enter('intake');" '\copy (SELECT inhoud FROM beesel.notitie ORDER BY id) TO STDOUT' \
	'\set FETCH_COUNT 1' 'SELECT inhoud FROM beesel.notitie ORDER BY id;')
is "$(grep -c '^intake ' <<<"$out")" 4 '\copy and FETCH_COUNT give the same rows'

out=$(as bs_handhaving 'BEGIN;' "SELECT casus.enter('intake');")
like "$out" 'CONSTRAINT NAME:  casus\.(wrong_purpose|wrong_office|no_appointment)' 'a delegate has no purpose in intake'
out=$(as bs_stranger 'BEGIN;' "SELECT casus.enter('intake');")
like "$out" 'CONSTRAINT NAME:  casus.no_appointment' 'a role that is nobody known has none at all'
out=$(as postgres 'SELECT count(*) FROM beesel.notitie;')
like "$out" 'casus.no_purpose' 'nor has a superuser'

done_testing
