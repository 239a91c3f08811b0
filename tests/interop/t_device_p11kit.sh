#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A slot over SoftHSM2 when everything goes through p11-kit: loaded by its proxy, which loads SoftHSM2 itself, too.
. "$(dirname "$0")/device.sh"
need p11-kit pkcs11-tool softhsm2-util
module=$(find_module libsofthsm2.so)
cd "$work"
mkdir tokens modules
echo "directories.tokendir = $work/tokens" > softhsm2.conf
export SOFTHSM2_CONF="$work/softhsm2.conf"
softhsm2-util --init-token --free --label beside --pin "$pin" --so-pin "$so_pin" >/dev/null
configure "$module" "token = beside"
printf 'attack at dawn' > msg

say "keys made through the slot"
device "$pin" list rsa p256
direct() { timeout 60 pkcs11-tool --module "$module" --token-label beside "$@"; }
direct --login --pin "$pin" --list-objects > objects 2>&1
grep -q dev-p256 objects || { cat objects; fail "SoftHSM2 itself does not show the key"; }

say "the proxy, with SoftHSM2 in it twice"
dir=$(pkg-config --variable=p11_system_config_modules p11-kit-1 2>/dev/null || echo /etc/pkcs11/modules)
namespace=-m
[ "$(id -u)" = 0 ] || namespace=-rm
in_namespace() { unshare $namespace sh -c "mount --bind '$work/modules' '$dir' && exec \"\$@\"" sh "$@"; }
if [ -d "$dir" ] && in_namespace true 2>/dev/null; then
	proxy=$(pkg-config --variable=proxy_module p11-kit-1 2>/dev/null || true)
	[ -n "$proxy" ] || proxy=$(find_module p11-kit-proxy.so)
	printf 'module: %s\n' "$module" > modules/softhsm.module
	for name in a-hanzo z-hanzo; do # before SoftHSM2 and after it
		rm -f modules/*-hanzo.module
		printf 'module: %s\n' "$HANZO_MODULE" > "modules/$name.module"
		proxied() { in_namespace timeout 60 pkcs11-tool --module "$proxy" "$@"; }
		proxied --list-slots > slots 2>&1 || { cat slots; fail "the proxy does not start"; }
		grep -q hanzo-secure slots || { cat slots; fail "the slot is not in the proxy"; }
		grep -q beside slots || { cat slots; fail "SoftHSM2 is not in the proxy"; }
		for token in hanzo-secure beside; do
			proxied --token-label "$token" --login --pin "$pin" --sign --mechanism SHA256-RSA-PKCS --id "$(printf dev-rsa | od -An -tx1 | tr -d ' \n')" \
				-i msg -o "sig-$token" >out 2>&1 || { cat out; fail "sign in $token through the proxy"; }
		done
		cmp -s sig-hanzo-secure sig-beside || fail "two signatures by one RSA key, and they differ" # PKCS #1 v1.5 has one only
	done
	configure "$proxy"
	refused in_namespace timeout 60 "$HANZO_P11" list --module "$HANZO_MODULE" >/dev/null
	grep -q 'a loop' "$work/refused.out" "$work/log" || { cat "$work/refused.out"; fail "no word of the loop"; }
	configure "$module" "token = beside"
else
	echo "SKIP the proxy: no private mount namespace here"
fi
