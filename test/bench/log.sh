# shellcheck shell=bash disable=SC2154 # sourced by run, whose variables and functions these are
# test/bench/log.sh
#	BENCH=log: what the access log costs.  Four servers with the same data wait
#	side by side, and take turns in short runs of pgbench:
#
#	strict, relaxed	casus.log_durability; "relaxed" runs the build of test/layers, in
#			which a session can read without a record of it: the log off
#	audit		pgaudit.log = read, without casus
#	bare		without either: plain reads, and a read after a committed
#			INSERT of one row, the log entry that one would write by hand
#
#	SLOWSYNC=1000: every fdatasync of the servers takes 1000 microseconds instead
#	of what the disk takes, which in a machine shared with others is anything.

log_servers='strict relaxed audit bare'

# connection SERVER: sets its words; "unrecorded" is "relaxed" without records.
connection() {
	local port=5440 name server=${1/unrecorded/relaxed}
	for name in $log_servers; do
		port=$((port + 1))
		[ "$name" != "$server" ] || break
	done
	words=(host="$work/socket" "port=$port" user=coordinator dbname=bench)
	[ "$1" = "$server" ] || words+=("options='-c casus.test_layer_off=log'")
}
# on SERVER COMMAND...: with the connection to it.
on() {
	local words
	connection "$1"
	shift
	env PGHOST="$work/socket" PGPORT="${words[1]#port=}" PGUSER=coordinator PGDATABASE=bench \
		${words[4]:+PGOPTIONS="-c casus.test_layer_off=log"} "$@"
}
ask() { on "$1" "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -c "SET client_min_messages = warning" "${@:2}"; }

log_set_up() {
	local name port=5440 slow=()
	need_packages "postgresql-$pg_major-pgaudit"
	"$bin/psql" -X -q -h "$work/socket" -U postgres -d postgres -f "$bench/roles.sql"
	echo "Loading $rows rows ..."
	q postgres -v rows="$rows" -v definition="$(cat "$root/contrib/protocols/beesel-2021.json")" -f "$bench/log.sql"
	as_user pg_ctl -D "$work/data" -m fast -w stop >/dev/null
	copy_tree
	make -C "$work/src" PG_CONFIG="$pg_config" with_llvm=no CASUS_TEST_LAYERS=1 -j2 all install DESTDIR="$work/switched" \
		>"$work/log/switched" 2>&1 || { tail "$work/log/switched"; exit 1; }
	chmod -R a+rX "$work/switched"
	gcc -O1 -Wall -I"$("$pg_config" --includedir)" -o "$work/added" "$bench/added.c" -L"$("$pg_config" --libdir)" -lpq
	printf "shared_preload_libraries = 'casus'\ncasus.log_durability = strict\n" >"$work/strict.conf"
	printf "shared_preload_libraries = 'casus'\ncasus.log_durability = relaxed\n" >"$work/relaxed.conf"
	private_install_conf "$work/switched" >>"$work/relaxed.conf"
	printf "shared_preload_libraries = 'pgaudit'\npgaudit.log = 'read'\n" >"$work/audit.conf"
	printf "shared_preload_libraries = ''\n" >"$work/bare.conf"
	if [ -n "${SLOWSYNC:-}" ]; then
		gcc -shared -fPIC -O1 -o "$work/slowsync.so" "$bench/slowsync.c"
		slow=(env LD_PRELOAD="$work/slowsync.so" SLOWSYNC="$SLOWSYNC")
	fi
	for name in $log_servers; do
		port=$((port + 1))
		as_user cp -a "$work/data" "$work/$name"
		[ ! -e "$work/data.casus_log_key" ] || as_user cp -p "$work/data.casus_log_key" "$work/$name.casus_log_key"
		{ cat "$work/$name.conf"; printf 'port = %s\nfsync = on\nshared_buffers = 256MB\n' $port; } |
			as_user tee -a "$work/$name/postgresql.conf" >/dev/null
		as_user "${slow[@]}" pg_ctl -D "$work/$name" -l "$work/log/$name" -w start >/dev/null ||
			{ tail -5 "$work/log/$name"; exit 1; }
	done
}

# Statements of an arm, at a place of its own choice among the rows of 100 dossiers: what
# it costs to look up ever other dossiers is measured by BENCH=point and BENCH=scale.
log_script() { # FILE STATEMENTS [ENTER]
	script "$1" "\\set id random(1, 4900)
$2" "${3:-}"
}
enter="'overleg', file => 'bench_open', lasts => 'session'"
log_scripts() {
	local kind what
	declare -A what=([point]='body FROM %s WHERE id = :id' [range]='count(*), max(body) FROM %s WHERE id BETWEEN :id AND :id + 99')
	for kind in point range; do
		# shellcheck disable=SC2059 # a format
		log_script governed_$kind "SELECT $(printf "${what[$kind]}" log_row);" "$enter"
		# shellcheck disable=SC2059
		log_script plain_$kind "SELECT $(printf "${what[$kind]}" plain_row);"
		# shellcheck disable=SC2059
		log_script insert_$kind "INSERT INTO read_log VALUES (now(), current_user, :id, 'overleg');
SELECT $(printf "${what[$kind]}" plain_row);"
	done
}

# turn SERVER SCRIPT CLIENTS: a short run; sets tps, and mean: microseconds of a transaction without the slowest tenth.
turn() {
	local out
	rm -f "$work"/race.*
	out=$(cd "$work" && on "$1" "$bin/pgbench" -n -M prepared -c "$3" -j 1 -T "$slice" -D rows="$rows" -D entered=0 \
		-l --log-prefix=race -f "$work/$2.sql" 2>&1) || { echo "$out"; exit 1; }
	grep -q 'failed transactions: 0 ' <<<"$out" || { echo "$out"; exit 1; }
	tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$out")
	mean=$(awk -v s="$(speed 0)" 'BEGIN { print 1e6 / s }')
}

# Reads on record, when what is on its way is on disk.
reads() {
	sleep 1
	cat "$work"/relaxed/casus_log/*/*.log | grep -ao '"kind":"read"' | wc -l
}

log_compare() { # the arms return the same, and one of them leaves no record
	local kind name result seen
	local range="id BETWEEN 4711 AND 4711 + 99"
	for kind in "id = 4711" "$range" "id <= $rows / 2"; do
		seen=$(ask bare -c "SELECT count(*), sum(id), max(body) FROM plain_row WHERE $kind")
		for name in strict relaxed unrecorded; do
			result=$(ask $name -c "SELECT FROM casus.enter($enter)" -c "SELECT count(*), sum(id), max(body) FROM log_row WHERE $kind")
			[ "$result" = "$seen" ] || { echo "Different results: $name gives '$result', not '$seen'"; exit 1; }
		done
		result=$(ask audit -c "SELECT count(*), sum(id), max(body) FROM plain_row WHERE $kind")
		[ "$result" = "$seen" ] || { echo "Different results: pgaudit gives '$result', not '$seen'"; exit 1; }
	done
	for name in relaxed unrecorded; do
		seen=$(reads)
		ask $name -c "SELECT FROM casus.enter($enter)" -c "SELECT body FROM log_row WHERE id = 4711" >/dev/null
		[ $(($(reads) - seen)) = "$([ $name = relaxed ] && echo 1 || echo 0)" ] || { echo "$name: a read left $(($(reads) - seen)) records"; exit 1; }
	done
}

# The arms of one round, in an order that turns.
log_round() { # KIND CLIENTS
	local arms=("strict governed" "bare insert" "relaxed governed" "unrecorded governed" "audit plain" "bare plain") i arm server script
	declare -A us=()
	for ((i = 0; i < ${#arms[@]}; i++)); do
		arm=${arms[(i + round) % ${#arms[@]}]}
		read -r server script <<<"$arm"
		turn "$server" "${script}_$1" "$2"
		sample "log-$1-$2" "$server-$script" "$tps"
		us[$server-$script]=$mean
	done
	sample "added-$1-$2" casus "$(awk "BEGIN { print ${us[relaxed-governed]} - ${us[unrecorded-governed]} }")"
	sample "added-$1-$2" pgaudit "$(awk "BEGIN { print ${us[audit-plain]} - ${us[bare-plain]} }")"
}

# In short turns, one session: see added.c.
log_added() { # KIND
	local words=() given=() server table entered writer what
	local statements=1000
	# shellcheck disable=SC2016 # parameters of SQL
	what='body FROM %s WHERE id = $1::integer'
	# shellcheck disable=SC2016
	[ "$1" = point ] || statements=300 what='count(*), max(body) FROM %s WHERE id BETWEEN $1::integer AND $1::integer + 99'
	writer=$(pgrep -P "$(head -1 "$work/relaxed/postmaster.pid")" -f 'casus log writer')
	for server in relaxed unrecorded audit bare; do
		table=plain_row entered=
		case $server in relaxed | unrecorded) table=log_row entered="SELECT casus.enter($enter)" ;; esac
		connection $server
		# shellcheck disable=SC2059 # a format
		given+=("$server" "${words[*]}" "$entered" "SELECT $(printf "$what" $table)" "$([ $server = relaxed ] && echo "$writer" || echo 0)")
	done
	as_user "$work/added" $((rounds * 15)) $statements 4900 "${given[@]}" >"$work/added.tsv"
	# The turns of a round follow each other, the first of them another one each time.
	awk -v kind="$1" 'BEGIN { FS = OFS = "\t" }
		{ for (i = 2; i <= 4; i++) us[$1, i] = $i }
		NR % 4 == 0 {
			for (i = 2; i <= 3; i++) {
				m = "turns-" kind "-" (i == 2 ? "elapsed" : "cpu")
				print m, "casus", us["relaxed", i] - us["unrecorded", i]
				print m, "both", us["relaxed", i] - us["unrecorded", i] + us["relaxed", 4]
				print m, "all", us["relaxed", i] - us["bare", i]
				print m, "pgaudit", us["audit", i] - us["bare", i]
			}
		}' "$work/added.tsv" >>"$samples"
}

log_scan() { # ns per row with the log, and without
	local name ms condition
	for ((round = 1; round <= rounds; round++)); do
		for name in relaxed-governed unrecorded-governed bare-plain strict-governed; do
			condition="id <= $rows / 2" table=log_row
			[ $name != bare-plain ] || table=plain_row
			ms=$(on "${name%-*}" "$bin/psql" -XAtq <<-SQL | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
				$([ $name = bare-plain ] || echo "SELECT casus.enter($enter) \\g /dev/null")
				SELECT count(body) FROM $table WHERE $condition \g /dev/null
				\timing on
				SELECT count(body) FROM $table WHERE $condition \g /dev/null
			SQL
			)
			sample log-scan $name "$(awk "BEGIN { print $ms * 1e6 / ($rows / 2) }")"
		done
	done
}

log_sizes() {
	local records bytes since ms
	records=$(ask strict -U postgres -c 'SELECT last_seq FROM casus.verify_log()')
	# Without the room that is made ahead behind the last entry.
	bytes=$(perl -0777 -ne 's/\0+\z//; $sum += length; END { print $sum }' "$work"/strict/casus_log/*/*.log)
	echo "strict: $records records, $((bytes / records)) bytes each"
	for ((round = 1; round <= (rounds < 3 ? rounds : 3); round++)); do
		since=$(date +%s%N)
		[ "$(ask strict -U postgres -c 'SELECT ok FROM casus.verify_log()')" = t ] || { echo "the log is not whole"; exit 1; }
		ms=$((($(date +%s%N) - since) / 1000000))
		sample log-verify verify_log $((records * 1000 / ms))
		since=$(date +%s%N)
		as_user "$work/inst$("$pg_config" --bindir)/casusctl" verify -l "$(echo "$work"/strict/casus_log/*)" -k "$work/strict.casus_log_key" >/dev/null ||
			{ echo "casusctl: the log is not whole"; exit 1; }
		ms=$((($(date +%s%N) - since) / 1000000))
		sample log-verify casusctl $((records * 1000 / ms))
	done
}

measure_log() {
	local round kind clients slice=1 tps mean goal
	log_set_up
	log_scripts
	log_compare
	echo "fdatasync of 8 kB ${SLOWSYNC:+is made to take $SLOWSYNC microseconds; }here: $(cd "$work" && "$bin/pg_test_fsync" -s 1 -f "$work/fsync" | sed -n '/one 8kB/,/two 8kB/s/^ *fdatasync *//p')"
	for kind in point range; do
		for ((round = 1; round <= rounds; round++)); do
			for clients in 1 4 16; do log_round $kind $clients; done
		done
	done
	for kind in point range; do log_added $kind; done
	log_scan
	for kind in point range; do
		echo
		echo "Statements per second, $kind read, prepared statements; sessions"
		for clients in 1 4 16; do
			goal='>= 1.0'
			[ $clients -gt 1 ] || goal='>= 0.8'
			ratio log-$kind-$clients strict-governed bare-insert "$goal" "$clients: strict / read + committed INSERT"
		done
		for clients in 1 4 16; do
			ratio log-$kind-$clients relaxed-governed unrecorded-governed none "$clients: relaxed / no record"
			ratio log-$kind-$clients relaxed-governed audit-plain none "$clients: relaxed / pgaudit"
			ratio log-$kind-$clients strict-governed unrecorded-governed none "$clients: strict / no record"
			ratio log-$kind-$clients strict-governed audit-plain none "$clients: strict / pgaudit"
		done
		echo "Added time of a statement, microseconds; sessions"
		for clients in 4 16; do
			ratio added-$kind-$clients casus pgaudit '<= 0.15' "$clients: record, relaxed / pgaudit"
		done
		ratio turns-$kind-elapsed casus pgaudit '<= 0.15' "1: record, relaxed / pgaudit"
		ratio turns-$kind-cpu casus pgaudit '<= 0.15' "1: time on a processor, session"
		ratio turns-$kind-cpu both pgaudit none "1: the same, with that of the writer"
		ratio turns-$kind-elapsed all pgaudit none "1: casus as a whole / pgaudit"
	done
	echo
	echo "Scan of $((rows / 2)) of $rows rows over $((rows / 100)) dossiers, ns a row"
	ratio log-scan relaxed-governed unrecorded-governed none "relaxed / no record"
	ratio log-scan relaxed-governed bare-plain none "relaxed / plain"
	ratio log-scan strict-governed relaxed-governed none "strict / relaxed"
	log_sizes
	ratio log-verify verify_log casusctl none "records verified a second, server / tool"
}
