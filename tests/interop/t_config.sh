#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example configuration works as its page says, and mistakes in a configuration are refused with file, section and key.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool
: "${HANZO_P11:?run through make check}"
cd "$work"
unset HANZO_PKCS11_STORE
sed "s|^store = .*|store = $work/keys|; s|^log = .*|log = file:$work/log|" "$HANZO_SRCDIR/examples/pkcs11.conf" > pkcs11.conf
export HANZO_PKCS11_CONF="$work/pkcs11.conf"
"$HANZO_P11" doctor --module "$HANZO_MODULE" > doctor
grep -q "^configuration *$work/pkcs11.conf" doctor || { cat doctor; fail "the configuration does not win"; }
p11 --slot 16 --init-token --so-pin "$so_pin" --label web >/dev/null
p11 --slot 16 --init-pin --so-pin "$so_pin" --pin "$pin" >/dev/null
p11 --slot 16 --login --pin "$pin" --keypairgen --key-type EC:secp256k1 --label hidden --id 01 --usage-sign >/dev/null
p11 --slot 16 --login --pin "$pin" --keypairgen --key-type EC:prime256v1 --label shown --id 02 --usage-sign >/dev/null
p11 --slot 16 --login --pin "$pin" --list-objects > objects
grep -q shown objects || fail "the P-256 key is not shown"
! grep -q hidden objects || fail "the secp256k1 key is shown"
[ -d keys ] || fail "the store is not where the configuration says"

say "the example for a confidential guest: read as it is, and no token where there is no such guest"
mkdir -p policies collateral
cp "$HANZO_SRCDIR"/examples/policy-*.json policies/ && chmod 600 policies/*
sed "s|/var/lib/hanzo-pkcs11|$work/tee|; s|/etc/hanzo/collateral|$work/collateral|; s|/etc/hanzo/|$work/policies/|" "$HANZO_SRCDIR/examples/tee.conf" > tee.conf
chmod 600 tee.conf
HANZO_PKCS11_CONF="$work/tee.conf" "$HANZO_P11" doctor --module "$HANZO_MODULE" > tee.out || true
grep -q "^configuration *$work/tee.conf" tee.out || { cat tee.out; fail "the example for a guest is not read"; }
! grep -q '^reason' tee.out || { cat tee.out; fail "the example for a guest is refused"; }
if [ ! -e /dev/sev-guest ]; then
	HANZO_PKCS11_CONF="$work/tee.conf" p11 --list-slots > slots
	! grep -q 'token label *: hanzo-\(secure\|gpu\)\|key-host' slots || { cat slots; fail "a token without its platform"; }
fi

say "refused, with file, section and key"
wrong() { # wrong WHAT-THE-REASON-NAMES TEXT
	printf '%s\n' "$2" > bad.conf
	HANZO_PKCS11_CONF="$work/bad.conf" refused "$HANZO_P11" doctor --module "$HANZO_MODULE" >/dev/null
	HANZO_PKCS11_CONF="$work/bad.conf" "$HANZO_P11" doctor --module "$HANZO_MODULE" 2>/dev/null > reason || true
	grep '^reason' reason | grep -q "bad.conf" || { cat reason; fail "the reason names no file: $2"; }
	grep '^reason' reason | grep -qi -- "$1" || { cat reason; fail "the reason does not name $1"; }
}
wrong 'surprise' "$(printf '[hanzo]\nsurprise = 1')"
wrong 'tier9' "$(printf '[tier9]\nlabel = x')"
wrong 'max_pin_tries' "$(printf '[hanzo]\nmax_pin_tries = many')"
wrong 'serial' "$(printf '[tier1]\nserial = short')"
wrong 'label' "$(printf '[tier1]\nlabel = one\nlabel = two')"
wrong "module" "$(printf "[tier2]\nbackend = pkcs11")"
wrong "pin_source" "$(printf "[tier2]\nbackend = pkcs11\nmodule = /m.so\npin_source = 1234")"
wrong "backend = pkcs11" "$(printf "[tier1]\ntoken = x")"
wrong 'line' "$(printf '[hanzo\nstore = /tmp')"
chmod 666 pkcs11.conf
refused "$HANZO_P11" doctor --module "$HANZO_MODULE" >/dev/null
