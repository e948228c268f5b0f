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

# fixture_db NAME [FILE]...: a new database with casus, the fixture and the SQL files, for all that follows.
fixture_db() {
	local more=() f
	createdb "$1"
	export PGDATABASE=$1
	for f in "${@:2}"; do more+=(-f "$f"); done
	psql -qX -v ON_ERROR_STOP=1 -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION casus' \
		-f "$CASUS_SRC/test/fixtures/beesel.sql" "${more[@]}" >/dev/null
}

# run_java CLASS JAR...: compiles the tests' and the integration's sources that CLASS needs, and runs it.
run_java() {
	local class=$1 path='' jar out
	shift
	for jar in "$@"; do path+=:/usr/share/java/$jar.jar; done
	out=$CASUS_WORK/java-$class
	javac -Xlint:all,-processing,-serial,-path -Werror -d "$out" -cp "$path" \
		-sourcepath "$CASUS_SRC/test/clients/java:$CASUS_SRC/contrib/integrations/spring" "$CASUS_SRC/test/clients/java/$class.java"
	java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$out$path" "$class"
}
