# shellcheck shell=bash disable=SC2154 # $root, $work come from the caller
# test/harness/clients.sh
#	What a client test needs beside the server stands in its head: "Packages:"
#	(Debian's) and, where Debian's cannot be had beside what is on the machine,
#	"Npm:".  Only the tests that are asked for are looked at.  What cannot be
#	had fails the test that needs it, by name, and no other.

client_needs() { # WORD FILE...: what stands after "WORD:" in their heads
	local word=$1
	shift
	sed -nE "s,^(#|//) $word: +,,p" "$@" | tr ' ' '\n' | sort -u
}

have_packages() {
	local p
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || return 1
	done
}

npm_install() {
	npm install --prefix "$root/.build/npm" --no-package-lock --no-save --ignore-scripts --no-audit --no-fund --fetch-retries=5 --loglevel=error "$@"
}

# have_npm NAME@VERSION...: installs them in .build/npm once; tests find them by NODE_PATH.
have_npm() {
	local stamp=$root/.build/npm/installed
	[ $# -gt 0 ] || return 1
	if [ "$(cat "$stamp" 2>/dev/null)" != "$*" ]; then
		mkdir -p "$root/.build/npm"
		echo "Installing with npm: $*"
		npm_install "$@" || { sleep 20 && npm_install "$@"; } || return 1
		echo "$*" > "$stamp"
	fi
	mkdir -p "$work/npm"
	cp -r "$root/.build/npm/node_modules" "$work/npm/"
}

# need_clients FILE...: as much as can be had; the rest is told by have_client.
need_clients() {
	local missing=() files=() f packages npm
	for f in "$@"; do
		mapfile -t packages < <(client_needs Packages "$f")
		mapfile -t npm < <(client_needs Npm "$f")
		if ! have_packages "${packages[@]}" && { [ ${#npm[@]} -eq 0 ] || [ ! -d "$root/.build/npm/node_modules" ]; }; then
			files+=("$f")
			missing+=("${packages[@]}")
		fi
	done
	# All at once is fastest; where one of them is not to be had, each for itself.
	mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
	if [ ${#files[@]} -gt 0 ] && ! need_packages "${missing[@]}" 2>>"$work/log/packages"; then
		for f in "${files[@]}"; do
			mapfile -t packages < <(client_needs Packages "$f")
			need_packages "${packages[@]}" 2>>"$work/log/packages" || true
		done
	fi
}

# client_case FILE: a program that speaks to the cluster and writes TAP.
client_case() {
	local packages npm
	mapfile -t packages < <(client_needs Packages "$1")
	mapfile -t npm < <(client_needs Npm "$1")
	if ! have_packages "${packages[@]}" && ! have_npm "${npm[@]}"; then
		echo "not ok 1 - $(basename "$1") cannot run: apt-get install ${packages[*]} fails here"
		tail -n 20 "$work/log/packages" 2>/dev/null
		return 1
	fi
	db env CASUS_SRC="$work/src" CASUS_WORK="$work/out" NODE_PATH="$work/npm/node_modules" prove --verbose --exec '' "$1"
}
