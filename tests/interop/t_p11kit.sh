#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# p11-kit: the shipped .module file, list-modules, the proxy module, and remoting (server and client).
. "$(dirname "$0")/lib.sh"
need p11-kit pkcs11-tool openssl
init_token
cd "$work"
logged --keypairgen --key-type EC:prime256v1 --label ec --id 02 --usage-sign >/dev/null
printf 'attack at dawn' > msg

say "list-modules with the module file"
# As root p11-kit reads the system's folders only, so the file is tried in a mount of its own where that is possible.
mkdir -p modules
sed "s|^module:.*|module: $HANZO_MODULE|" "$HANZO_BUILDDIR/p11-kit/hanzo-pkcs11.module" > modules/hanzo-pkcs11.module
dir=$(pkg-config --variable=p11_system_config_modules p11-kit-1 2>/dev/null || echo /etc/pkcs11/modules)
namespace=-m
[ "$(id -u)" = 0 ] || namespace=-rm
in_namespace() { unshare $namespace sh -c "mount --bind '$work/modules' '$dir' && exec \"\$@\"" sh "$@"; }
if [ -d "$dir" ] && in_namespace true 2>/dev/null; then
	softhsm=$(find /usr/lib -name libsofthsm2.so 2>/dev/null | head -1)
	if [ -n "$softhsm" ]; then
		# Another vendor's module beside this one.
		mkdir tokens
		echo "directories.tokendir = $work/tokens" > softhsm2.conf
		export SOFTHSM2_CONF="$work/softhsm2.conf"
		softhsm2-util --init-token --free --label beside --pin 1234 --so-pin 5678 >/dev/null
		printf 'module: %s\n' "$softhsm" > modules/softhsm.module
	fi
	in_namespace timeout 30 p11-kit list-modules > list 2>&1 || { cat list; fail "list-modules"; }
	grep -q "token: $token" list || { cat list; fail "the token is not listed"; }
	say "the proxy module"
	proxy=$(pkg-config --variable=proxy_module p11-kit-1 2>/dev/null || true)
	in_namespace timeout 30 pkcs11-tool --module "$proxy" --list-slots > slots 2>&1 || { cat slots; fail "proxy"; }
	grep -q "$token" slots || { cat slots; fail "the proxy does not show the token"; }
	[ -z "$softhsm" ] || grep -q beside slots || { cat slots; fail "SoftHSM is not beside it"; }
	in_namespace timeout 30 pkcs11-tool --module "$proxy" --token-label "$token" --login --pin "$pin" --sign --mechanism ECDSA-SHA256 --id 02 \
		--signature-format openssl -i msg -o sig >/dev/null 2>&1 || fail "sign through the proxy"
	in_namespace timeout 30 pkcs11-tool --module "$proxy" --token-label "$token" --verify --mechanism ECDSA-SHA256 --id 02 \
		--signature-format openssl -i msg --signature-file sig 2>&1 | grep -q 'Signature is valid' || fail "verify through the proxy"
else
	echo "SKIP list-modules and proxy: no private mount namespace here"
fi

say "remoting"
client=$(pkg-config --variable=p11_module_path p11-kit-1 2>/dev/null || echo /usr/lib/x86_64-linux-gnu/pkcs11)/p11-kit-client.so
[ -e "$client" ] || skip "p11-kit-client.so is not installed (p11-kit-modules)"
p11-kit server --foreground --name "$work/p11.sock" --provider "$HANZO_MODULE" "pkcs11:token=$token" > server.log 2>&1 &
server=$!
servers="$servers $server"
listening "$work/p11.sock" server.log
export P11_KIT_SERVER_ADDRESS="unix:path=$work/p11.sock"
remote() { timeout 30 pkcs11-tool --module "$client" --token-label "$token" "$@"; }
remote --list-objects > objects 2>&1 || { cat objects server.log; fail "objects through remoting"; }
# The client of p11-kit 0.24 carries the mechanisms whose parameters it knows: ECDSA over a digest, not ECDSA-SHA256.
openssl dgst -sha256 -binary msg > digest
remote --login --pin "$pin" --sign --mechanism ECDSA --id 02 --signature-format openssl -i digest -o sig >/dev/null 2>&1 || fail "sign through remoting"
remote --read-object --type pubkey --id 02 -o ec.der >/dev/null 2>&1 || fail "public key through remoting"
openssl dgst -sha256 -verify ec.der -keyform DER -signature sig msg >/dev/null || fail "OpenSSL refuses a signature made through remoting"
remote --verify --mechanism ECDSA --id 02 --signature-format openssl -i digest --signature-file sig 2>&1 | grep -q 'Signature is valid' || fail "verify through remoting"
refused remote --login --pin wrong --list-objects
remote --login --pin "$pin" --keypairgen --key-type rsa:2048 --label remote --id 03 --usage-sign >/dev/null 2>&1 || fail "key generation through remoting"
logged --list-objects --type privkey | grep -q remote || fail "the key made through remoting is not in the token"
remote --login --pin "$pin" --sign --mechanism SHA256-RSA-PKCS --id 03 -i msg -o sig >/dev/null 2>&1 || fail "sign with RSA through remoting"
remote --read-object --type pubkey --id 03 -o rsa.der >/dev/null 2>&1
openssl dgst -sha256 -verify rsa.der -keyform DER -signature sig msg >/dev/null || fail "OpenSSL refuses an RSA signature made through remoting"
kill "$server"
wait "$server" 2>/dev/null || true
refused remote --list-objects
