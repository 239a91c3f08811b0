#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx with its TLS key in the token: the master loads the module, the workers fork and sign.
. "$(dirname "$0")/lib.sh"
need openssl pkcs11-tool curl
nginx=$(command -v nginx || echo /usr/sbin/nginx)
[ -x "$nginx" ] || skip "nginx is not installed"
engine=$(openssl version -e | sed 's/.*"\(.*\)".*/\1/')/pkcs11.so
[ -e "$engine" ] || skip "libengine-pkcs11-openssl is not installed"
init_token
cd "$work"
chmod 755 "$work"
sed -e "s|@MODULE@|$HANZO_MODULE|" -e "s|@ENGINE@|$engine|" "$HANZO_SRCDIR/examples/openssl-engine.cnf" > openssl.cnf
export OPENSSL_CONF="$work/openssl.cnf"
uri="pkcs11:token=$token;object=tls;type=private;pin-value=$pin"
start() {
	sed -e "s|@WORK@|$work|g" -e "s|@PORT@|$port|" -e "s|@KEY@|engine:pkcs11:$uri|" "$HANZO_SRCDIR/examples/nginx.conf" > nginx.conf
	exec timeout 300 "$nginx" -p "$work" -c "$work/nginx.conf" -g 'daemon off;'
}
# The children of the master, one a line.
workers() { cat /proc/[0-9]*/stat 2>/dev/null | awk -v master="$(cat nginx.pid)" '$4 == master { print $1 }' | sort; }
# renewed FILE: there are workers, and none of those in FILE.
renewed() { workers > now; [ -s now ] && [ -z "$(comm -12 "$1" now)" ]; }
for kind in EC:prime256v1 rsa:2048; do
	logged --keypairgen --key-type "$kind" --label tls --id 0a --usage-sign --usage-decrypt >/dev/null 2>&1 ||
		logged --keypairgen --key-type "$kind" --label tls --id 0a --usage-sign >/dev/null
	openssl req -engine pkcs11 -keyform engine -new -x509 -key "$uri" -subj /CN=localhost -days 2 -sha256 -out tls.crt 2>/dev/null
	serve nginx.log start
	for i in $(seq 20); do
		curl -s --cacert tls.crt --resolve "localhost:$port:127.0.0.1" "https://localhost:$port/" > page 2>curl.log || { cat curl.log nginx.log error.log || true; fail "request $i ($kind)"; }
		grep -q 'served by a key in the token' page || fail "page"
	done
	# A reload forks new workers from a master that has the module loaded.
	workers > before
	[ -s before ] || fail "there are no workers"
	kill -HUP "$(cat nginx.pid)"
	for _ in $(seq 600); do if renewed before; then break; fi; sleep 0.1; done
	renewed before || { cat error.log; fail "the workers are the old ones ($kind)"; }
	curl -s --cacert tls.crt --resolve "localhost:$port:127.0.0.1" "https://localhost:$port/" | grep -q 'served by' || { cat error.log; fail "after reload ($kind)"; }
	kill -QUIT "$(cat nginx.pid)"
	wait "$server" || { cat nginx.log error.log || true; fail "nginx ends badly ($kind)"; }
	if grep -qE 'signal 11|exited on signal' error.log; then cat error.log; fail "a worker crashed"; fi
	logged --delete-object --type privkey --id 0a >/dev/null; logged --delete-object --type pubkey --id 0a >/dev/null
done
