# shellcheck shell=bash
# What the client scripts in bash share: TAP, and a database with the fixture.
# The harness gives PGHOST and PGPORT, CASUS_SRC (the repository) and CASUS_WORK.
set -euo pipefail
tests=0

is() { # GOT EXPECTED NAME
	tests=$((tests + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $tests - $3"
	else
		echo "not ok $tests - $3"
		printf 'got:      %s\nexpected: %s\n' "$1" "$2" | sed 's/^/# /'
	fi
}

like() { # GOT REGEX NAME
	tests=$((tests + 1))
	if [[ $1 =~ $2 ]]; then
		echo "ok $tests - $3"
	else
		echo "not ok $tests - $3"
		printf 'got:      %s\nexpected: %s\n' "$1" "$2" | sed 's/^/# /'
	fi
}

done_testing() { echo "1..$tests"; }

# fixture_db NAME: a new database with casus and the fixture, for all that follows.
fixture_db() {
	createdb "$1"
	export PGDATABASE=$1
	psql -qX -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION casus' -f "$CASUS_SRC/test/fixtures/beesel.sql" >/dev/null
}
