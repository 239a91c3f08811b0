# SPDX-License-Identifier: Apache-2.0
# Shared by the client tests: a scratch folder, a token of this module in it, and the words for skipping and failing.
set -eu
export LC_ALL=C.UTF-8
: "${HANZO_MODULE:?run through make check}"
: "${HANZO_SRCDIR:?run through make check}"
work=$(mktemp -d)
servers=
# A test may redefine this to undo what it did outside of the scratch folder.
undo() { :; }
finish() {
	rc=$?
	undo
	for p in $servers; do kill "$p" 2>/dev/null || true; done
	for p in $servers; do wait "$p" 2>/dev/null || true; done
	rm -rf "$work"
	exit "$rc"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP
unset HANZO_PKCS11_CONF || true
export HANZO_PKCS11_STORE="$work/store" XDG_CONFIG_HOME="$work/config" HOME="$work"
pin=1234567
so_pin=87654321
token=hanzo-test

skip() { echo "SKIP $(basename "$0"): $*"; exit 77; }
fail() { echo "FAIL: $*" >&2; exit 1; }
need() { for c; do command -v "$c" >/dev/null 2>&1 || skip "$c is not installed"; done; }
say() { echo "-- $*"; }
# The last words of a command that must fail.
refused() { if "$@" >"$work/refused.out" 2>&1; then cat "$work/refused.out"; fail "must be refused: $*"; fi; }

# The same of one that is called wrongly, which has an exit status of its own.
misused() {
	local rc=0
	"$@" >"$work/refused.out" 2>&1 || rc=$?
	[ $rc = 2 ] || { cat "$work/refused.out"; fail "status $rc of what is called wrongly: $*"; }
}

# Sanitized modules cannot be loaded by a plain program: those builds run the core suite only.
case ${HANZO_SANITIZED-} in ?*) skip "a sanitized module cannot be loaded by an ordinary program" ;; esac

p11() { timeout 120 pkcs11-tool --module "$HANZO_MODULE" "$@"; }
init_token() {
	p11 --slot 1 --init-token --so-pin "$so_pin" --label "$token" >/dev/null
	p11 --slot 1 --init-pin --so-pin "$so_pin" --pin "$pin" >/dev/null
}
logged() { p11 --token-label "$token" --login --pin "$pin" "$@"; }
# npm_packages FOLDER: what its lock file pins by hash, installed once into the build folder $home, with the folder's programs beside it.
npm_packages() {
	home="${HANZO_BUILDDIR:-.}/tests/interop/$1/install"
	local from="$HANZO_SRCDIR/tests/interop/$1"
	mkdir -p "$home"
	if ! cmp -s "$from/package-lock.json" "$home/installed"; then
		cp "$from/package.json" "$from/package-lock.json" "$home/"
		chmod u+w "$home"/package*.json
		if ! (cd "$home" && timeout -k 10 300 npm ci --ignore-scripts --no-audit --no-fund --fetch-timeout=60000 --fetch-retries=3) >"$work/npm.out" 2>&1; then
			(cd "$home" && timeout 60 npm ping) >/dev/null 2>&1 || skip "npm cannot reach its registry"
			cat "$work/npm.out"
			fail "npm ci"
		fi
		cp "$from/package-lock.json" "$home/installed"
	fi
	cp "$from"/*.mjs "$home/"
}
# serve LOG COMMAND...: start a server (a function that execs `timeout`) on a free port, its $port, and wait until it listens there (60 s at
# most); $server is its process. The port is free only until it is used: a server that found it taken has ended, and is started on another.
serve() {
	local log=$1 try
	shift
	for try in 1 2 3 4 5; do
		port=$(free_port)
		"$@" >"$log" 2>&1 &
		server=$!
		servers="$servers $server"
		for _ in $(seq 600); do
			if owns "$server" "$port"; then return 0; fi
			if ! kill -0 "$server" 2>/dev/null; then continue 2; fi
			sleep 0.1
		done
		break
	done
	cat "$log"
	fail "the server does not listen on port $port (try $try)"
}
# owns GROUP PORT: a process of the group (`timeout` makes one) listens on the port of the loopback.
owns() {
	local inode p
	inode=$(awk -v at="0100007F:$(printf %04X "$2")" '$2 == at && $4 == "0A" { print $10 }' /proc/net/tcp)
	[ -n "$inode" ] || return 1
	for p in $(cat /proc/[0-9]*/stat 2>/dev/null | awk -v group="$1" '$5 == group { print $1 }'); do
		if find "/proc/$p/fd" -lname "socket:\[$inode\]" 2>/dev/null | grep -q .; then return 0; fi
	done
	return 1
}
# A port on the loopback that nobody uses, of those that the kernel does not give to clients.
free_port() {
	python3 -c '
import random, socket
while True:
    s, port = socket.socket(), random.randint(10240, 32767)
    try:
        s.bind(("127.0.0.1", port))
        print(port)
        break
    except OSError:
        pass'
}
# listening SOCKET [LOG...]: until somebody listens on a Unix socket (30 s at most), else the logs; its file is there a moment earlier.
listening() {
	for _ in $(seq 300); do
		awk -v path="$1" '$4 == "00010000" && $8 == path { found = 1 } END { exit !found }' /proc/net/unix && return
		sleep 0.1
	done
	cat "${@:2}" 2>/dev/null || true
	fail "nobody listens on $1"
}
