# shellcheck shell=bash disable=SC2154,SC2034 # $root comes from the caller, others go to it
# test/harness/lib.sh
#	What tests, demo and benchmarks share: packages, a private install, private
#	clusters.  Sourced; the caller has `set -euo pipefail` and sets $root.
#
# PostgreSQL refuses to run as root, and its user may not be able to read the
# repository: everything it needs is copied to $work, which it owns.  Clusters
# listen on a Unix socket in $work only.  Whatever ends the script, the clusters
# below $work are stopped and $work is removed, unless KEEP=1.

# The caller's PGHOST, PGOPTIONS and the like must not reach the tests.
for name in ${!PG@}; do [ "$name" = PG_CONFIG ] || unset "$name"; done

# need_packages NAME...: installs what is missing as root, else names it and fails.
need_packages() {
	command -v dpkg-query >/dev/null || return 0
	local missing=() p
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "Missing packages; install them with: apt-get install ${missing[*]}" >&2
		return 1
	fi
	echo "Installing: ${missing[*]}"
	(
		# What is there for the installation alone goes with it.
		passing=()
		trap 'rm -f "${passing[@]}"' EXIT
		# The tests want programs, not services that run from now on.
		if [ ! -e /usr/sbin/policy-rc.d ]; then
			passing+=(/usr/sbin/policy-rc.d)
			printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
			chmod 755 /usr/sbin/policy-rc.d
		fi
		no_main_cluster "${missing[@]}"
		export DEBIAN_FRONTEND=noninteractive
		apt_install "${missing[@]}" || { dpkg --configure -a && apt_install "${missing[@]}"; }
	)
}

# apt_install NAME...: a mirror that does not answer at once is asked again, and another apt is waited for.  Lists of
# before will do where there are no new ones.
apt_install() {
	local apt=(apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
	"${apt[@]}" update || { sleep 20 && "${apt[@]}" update; } || true
	"${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
}

# no_main_cluster NAME...: a server that is installed for the tests gets no cluster of Debian's beside
# theirs.  Where there is such a configuration already, the machine has its own ways.
no_main_cluster() {
	local conf=/etc/postgresql-common/createcluster.conf
	[[ " $*" =~ \ postgresql-[0-9]+(\ |$) && ! -e $conf ]] || return 0
	mkdir -p "${conf%/*}"
	passing+=("$conf")
	echo 'create_main_cluster = false' > "$conf"
}

# need_postgres [NAME...]: the compiler and the server packages, and those named (%s is the major version).
need_postgres() {
	local major p names=()
	major=$("${PG_CONFIG:-pg_config}" --version 2>/dev/null | sed -E 's/^[^0-9]*([0-9]+).*/\1/') || true
	for p in gcc make postgresql-%s postgresql-server-dev-%s "$@"; do
		names+=("${p//%s/${major:-15}}")
	done
	need_packages "${names[@]}"

	pg_config=${PG_CONFIG:-pg_config}
	bin=$("$pg_config" --bindir)
	pgxs=$(dirname "$("$pg_config" --pgxs)")/../..
	pg_major=$("$pg_config" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
}

# make_workspace NAME: $work, owned by the user ($pg_user) that runs PostgreSQL.
make_workspace() {
	pg_user=$(id -un)
	if [ "$(id -u)" -eq 0 ]; then
		pg_user=postgres
		getent passwd postgres >/dev/null || pg_user=nobody
	fi
	work=$(mktemp -d "${TMPDIR:-/tmp}/casus-$1.XXXXXX")
	chmod 755 "$work"
	mkdir "$work"/{pids,socket,log}
	[ "$pg_user" = "$(id -un)" ] || chown "$pg_user" "$work" "$work"/{socket,log}
	trap clean_workspace EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# as_user COMMAND...: runs it as $pg_user, at most $time_limit seconds.
as_user() {
	local switch=() pid status=0
	if [ "$(id -u)" -eq 0 ]; then
		switch=(setpriv --reuid="$pg_user" --regid="$(id -g "$pg_user")" --clear-groups)
	fi
	timeout -k 10 "${time_limit:-1200}" "${switch[@]}" \
		env -C "$work" HOME="$work" TMPDIR="$work" PGCTLTIMEOUT=300 PATH="$bin:/usr/bin:/bin:/usr/sbin:/sbin" PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 "$@" <&0 &
	pid=$!
	: > "$work/pids/$pid"
	wait "$pid" || status=$?
	rm -f "$work/pids/$pid"
	[ $status -ne 124 ] || echo "stopped after ${time_limit:-1200} seconds" >&2
	return $status
}

# copy_tree: $work/src, the repository as $pg_user may read it, without what was built.
copy_tree() {
	mkdir "$work/src"
	tar -C "$root" --exclude=./.git --exclude=./.build --exclude=./results --exclude='*.o' --exclude='*.bc' \
		--exclude='*.so' -cf - . | tar -C "$work/src" --no-same-owner -xf -
	chmod -R a+rX "$work/src"
}

# build_and_install: builds in the repository, installs below $work/inst.
build_and_install() {
	local log=$work/log/build
	if ! { make -C "$root" PG_CONFIG="$pg_config" with_llvm=no -j2 all &&
		make -C "$root" PG_CONFIG="$pg_config" with_llvm=no install DESTDIR="$work/inst"; } >"$log" 2>&1; then
		grep -E ': (error|warning|fatal error):|\*\*\*' "$log" | head -20 || tail -40 "$log"
		echo "The build failed." >&2
		return 1
	fi
	chmod -R a+rX "$work/inst"
	private_install_conf > "$work/install.conf"
}

# private_install_conf [DIRECTORY]: the settings by which a server finds the private install.
private_install_conf() {
	local inst=${1:-$work/inst}
	if [ "$pg_major" -ge 18 ]; then
		echo "extension_control_path = '$inst$("$pg_config" --sharedir):\$system'"
	else
		echo "extension_destdir = '$inst'"	# Debian's
	fi
	echo "dynamic_library_path = '$inst$("$pg_config" --pkglibdir):\$libdir'"
}

# new_cluster NAME [FILE...]: creates and starts a cluster with the private install and the settings
# in the files; superuser postgres, socket in $work/socket, port 5432.  $work/template is what initdb made.
new_cluster() {
	local data=$work/$1
	shift
	[ -d "$work/template" ] ||
		as_user initdb -D "$work/template" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$work/log/initdb" 2>&1 ||
		{ cat "$work/log/initdb"; return 1; }
	as_user cp -a --reflink=auto "$work/template" "$data"
	{
		cat "$work/install.conf" "$@"
		echo "unix_socket_directories = '$work/socket'"
		echo "listen_addresses = ''"
	} >> "$data/postgresql.conf"
	# shellcheck disable=SC2046 # no word or two
	as_user pg_ctl -D "$data" -l "$work/log/postgres" -w -t 300 $(server_program) start >/dev/null ||
		{ tail -20 "$work/log/postgres"; return 1; }
}

# server_program: the option by which pg_ctl starts the server under the command $CASUS_SERVER, where there is one.
server_program() {
	[ -n "${CASUS_SERVER:-}" ] || return 0
	# shellcheck disable=SC2086 # words
	printf '#!/bin/sh\nexec %s "%s/postgres" "$@"\n' "$(echo ${CASUS_SERVER//LOG/$work/log})" "$bin" >"$work/server"
	chmod 755 "$work/server"
	echo "-p $work/server"
}

# db COMMAND...: a client program, connected to the cluster of new_cluster.
db() {
	as_user env PGHOST="$work/socket" PGPORT=5432 PGUSER=postgres "$@"
}

clean_workspace() {
	local status=$? file data
	trap - EXIT INT TERM HUP
	for file in "$work"/pids/*; do
		[ ! -e "$file" ] || kill "$(basename "$file")" 2>/dev/null || true
	done
	wait || true
	# What vanishes while it is looked for is no failure of the tests.
	{ find "$work" -name postmaster.pid 2>/dev/null || true; } | while read -r file; do
		data=$(dirname "$file")
		if [ -n "${KEEP:-}" ]; then
			echo "Running: $data"
		else
			as_user pg_ctl -D "$data" -m immediate -w stop >/dev/null 2>&1 || true
		fi
	done
	if [ -n "${KEEP:-}" ]; then
		echo "Kept: $work"
	else
		# A process that is about to end may still write there.
		rm -rf "$work" 2>/dev/null || { sleep 5; rm -rf "$work" || true; }
	fi
	exit $status
}
