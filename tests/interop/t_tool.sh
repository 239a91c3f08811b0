#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hanzo-p11 itself: help wherever it is asked for, exit codes, what doctor and list say of a device that cannot be used, the PIN prompt.
. "$(dirname "$0")/lib.sh"
need softhsm2-util python3
: "${HANZO_P11:?run through make check}"
softhsm=${SOFTHSM2:-/usr/lib/softhsm/libsofthsm2.so}
[ -r "$softhsm" ] || skip "no SoftHSM2 at $softhsm"
export HANZO_PIN="$pin" SO_PIN="$so_pin" SOFTHSM2_CONF="$work/softhsm2.conf"
cd "$work"
mkdir tokens
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" >"$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label device --so-pin "$so_pin" --pin "$pin" >/dev/null

tool() { timeout 120 "$HANZO_P11" "$@"; }
# ends CODE ARGUMENT...: the command ends with this code; what it said is in `said`.
ends() {
	local want=$1 rc=0
	shift
	tool "$@" >said 2>&1 || rc=$?
	[ $rc = "$want" ] || { cat said; fail "exit $rc, not $want: $*"; }
}
says() { grep -qF -- "$1" said || { cat said; fail "it does not say: $1"; }; }

for words in "init --slot 1 --help" "threshold dkg round1 --help" "attest --help" "migrate --from-slot 1 --slot 1 --help" "poai sign --slot 1 --help"; do
	ends 0 $words
	says "usage: hanzo-p11 ${words%% *} "
done
ends 2 init --slot 1 -- --help
[ ! -e "$work/store" ] || fail "asking for help has made something"
ends 0 attest challenge --json
python3 -c 'import json, sys; assert len(bytes.fromhex(json.load(sys.stdin)["challenge"])) == 32' <said || { cat said; fail "a challenge in JSON"; }
ends 0 attest challenge
ends 2 attest challenge more
say "help, a challenge"

m="--module $HANZO_MODULE"
ends 2 list $m --slot 1 --pin-source "$pin"
ends 2 init $m --slot 1 --pin-source "$pin" --so-pin-source "$so_pin"
ends 0 init $m --slot 1 --label keys --so-pin-source env:SO_PIN --pin-source env:HANZO_PIN
ends 0 list $m
ends 1 list $m --slot 2
says "CKR_TOKEN_NOT_PRESENT"
ends 1 list $m --slot 2 --json
ends 1 list $m --slot 99
ends 1 list $m --slot 1 --pin-source file:/no/such/file
says "/no/such/file: No such file"
! grep CKR_ said || fail "no PIN was tried, and still it is called wrong"
ends 1 poai sign $m --slot 1 --label x --pin-source file:/no/such/file
! grep CKR_ said || fail "no PIN was tried, and still a key's command calls it wrong"
say "exit codes"

timeout 300 python3 "$HANZO_SRCDIR/tests/interop/prompt.py" "$HANZO_P11" list $m --slot 1 --login || fail "a signal at the PIN prompt"
say "signals at the PIN prompt"

configure() {
	printf '[hanzo]\nstore = %s/store\nlog = file:%s/log\n[tier2]\nbackend = pkcs11\nmodule = %s\n' "$work" "$work" "$softhsm" >device.conf
	printf '%s\n' "$@" >>device.conf
	chmod 600 device.conf
	export HANZO_PKCS11_CONF="$work/device.conf"
}
slot2() { tool doctor $m | grep '^slot 2 ' >said; says "$1"; }
configure "token = device"
slot2 ": ready"
echo "$pin" >device.pin
chmod 600 device.pin
configure "token = device" "pin_source = file:$work/device.pin"
slot2 ": ready"
ends 0 list $m --slot 2 --pin-source env:HANZO_PIN
chmod 644 device.pin
slot2 "no login: pin_source file:$work/device.pin: readable by others"
! grep -q "$pin" said || fail "the PIN is printed"
ends 1 list $m --slot 2 --pin-source env:HANZO_PIN
says "C_Login: CKR_FUNCTION_FAILED: pin_source file:$work/device.pin: readable by others"
configure "token = device" "pin_source = file:/no/such/file"
slot2 "no login: pin_source file:/no/such/file: No such file"
configure "token = device" "init_args = x"
slot2 "no token: $softhsm: C_Initialize: CKR_ARGUMENTS_BAD"
grep -q "C_GetTokenInfo: slot 2: CKR_TOKEN_NOT_PRESENT: $softhsm: C_Initialize: CKR_ARGUMENTS_BAD" log || { cat log; fail "the log has no reason"; }
ends 1 list $m --slot 2
says "CKR_TOKEN_NOT_PRESENT: $softhsm: C_Initialize: CKR_ARGUMENTS_BAD"
configure "token = another"
slot2 "no token: $softhsm: no token as configured is present"
say "why a device cannot be used"
