#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The module of the YubiHSM 2 behind a slot, with no device: it loads, the slot has no token, the reason is in the log, and nothing else
# of the module is any worse for it.
. "$(dirname "$0")/device.sh"
need pkcs11-tool openssl
module=$(find_module yubihsm_pkcs11.so)
port=$(free_port)
printf 'connector = http://127.0.0.1:%s\ntimeout = 2\n' "$port" > "$work/yubihsm.conf"

# absent: no token in slot 2, slot 1 works, and quickly.
absent() {
	started=$(date +%s)
	p11 --list-slots > "$work/slots" 2>&1 || { cat "$work/slots"; fail "C_Initialize or C_GetSlotList fails"; }
	grep -A1 '^Slot .* (0x2)' "$work/slots" | grep -q '(empty)' || { cat "$work/slots"; fail "slot 2 is not empty"; }
	refused p11 --slot 2 --list-objects > /dev/null
	"$HANZO_P11" doctor --module "$HANZO_MODULE" | grep -q "^slot 2 .*no token: .*yubihsm_pkcs11.so: $1" || fail "doctor does not say why"
	p11 --slot 1 --init-token --so-pin "$so_pin" --label "$token" > /dev/null || fail "slot 1 does not work beside it"
	[ $(($(date +%s) - started)) -lt 60 ] || fail "the absent device holds the others up"
	grep -q "yubihsm_pkcs11.so: $1" "$work/log" || { cat "$work/log"; fail "the log does not say why"; }
	rm -f "$work/log"
}

say "the connector does not answer"
export YUBIHSM_PKCS11_CONF="$work/yubihsm.conf"
configure "$module"
absent .
say "no configuration for the device's module"
export YUBIHSM_PKCS11_CONF="$work/no-such-file"
absent .
