# SPDX-License-Identifier: Apache-2.0
# Shared by the tests with real devices: a configuration for the device's module, and the client that uses it.
. "$(dirname "$0")/lib.sh"
unset HANZO_PKCS11_STORE
client="$HANZO_BUILDDIR/tests/interop/device_client"
[ -x "$client" ] || fail "$client is not built"

# configure MODULE LINE...: slot 2 forwards to it.
configure() {
	{
		printf '[hanzo]\nstore = %s\nlog = file:%s\n[tier2]\nbackend = pkcs11\nmodule = %s\n' "$work/store" "$work/log" "$1"
		shift
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} > "$work/pkcs11.conf"
	export HANZO_PKCS11_CONF="$work/pkcs11.conf"
}
# device PIN WORD...: everything that the words say works.
device() { timeout 120 "$client" 2 "$@" || { tail -20 "$work/log" 2>/dev/null || true; fail "device_client $*"; }; }
# find_module FILE: where the distribution puts a module.
find_module() { find /usr/lib -name "$1" 2>/dev/null | head -1 | grep . || skip "$1 is not installed"; }
