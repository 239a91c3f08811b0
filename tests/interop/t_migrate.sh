#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hanzo-p11 import and migrate: PEM files, a SoftHSM2 token, a device behind a slot; interrupted and resumed; what cannot move is said.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl softhsm2-util
softhsm=${SOFTHSM2:-/usr/lib/softhsm/libsofthsm2.so}
[ -r "$softhsm" ] || skip "no SoftHSM2 at $softhsm"
export HANZO_PIN="$pin" SOFTHSM2_CONF="$work/softhsm2.conf"
mkdir "$work/tokens"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" >"$SOFTHSM2_CONF"
for t in source target device; do softhsm2-util --init-token --free --label $t --so-pin "$so_pin" --pin "$pin" >/dev/null; done
cd "$work"

tool() { timeout 120 "$HANZO_P11" "$@"; }
import() { tool import --module "$HANZO_MODULE" --slot 1 --pin-source env:HANZO_PIN "$@"; }
# from_softhsm TOKEN OPTIONS: into slot 1
from_softhsm() { tool migrate --module "$HANZO_MODULE" --from-module "$softhsm" --from-token "$1" --from-pin-source env:HANZO_PIN --slot 1 \
	--pin-source env:HANZO_PIN "${@:2}"; }
soft() { pkcs11-tool --module "$softhsm" --token-label "$1" --login --pin "$pin" "${@:2}" 2>/dev/null; }
gen() { soft source --keypairgen --key-type "$1" --id "$2" --label "$3" "${@:4}" >/dev/null; }
# same FILE LINE: the file has this line
line() { grep -qF -- "$2" "$1" || { cat "$1"; fail "no line: $2"; }; }
count() { grep -c "^$2 " "$1" || true; }

gen rsa:2048 01 rsa-locked
gen rsa:2048 02 rsa --extractable
gen EC:prime256v1 03 p256 --extractable
gen EC:secp256k1 04 k256 --extractable
soft source --keygen --key-type aes:32 --id 05 --label aes --extractable >/dev/null
soft source --keygen --key-type aes:16 --id 06 --label aes-locked >/dev/null
echo "some data" >data
soft source --write-object data --type data --label a-data --application-label app >/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout c.key -out c.pem -subj /CN=migrate -days 30 2>/dev/null
openssl x509 -in c.pem -outform der -out c.der
soft source --write-object c.der --type cert --id 09 --label cert >/dev/null
soft source --list-objects >before

# --- From SoftHSM2, in pieces.
init_token
from_softhsm source --limit 3 >piece
[ "$(count piece moved)" = 3 ] || fail "--limit 3 moved $(count piece moved)"
rc=0; from_softhsm source >whole || rc=$?
[ $rc = 1 ] || fail "objects that cannot move must show in the exit code: $rc"
line whole "CKA_EXTRACTABLE is false: it cannot leave the source"
for key in rsa-locked aes-locked; do grep "^not moved" whole | grep -q " $key " || fail "$key is not listed"; done
[ "$(count whole there)" = 3 ] && [ "$(count whole 'not moved')" = 2 ] || { cat whole; fail "the second run"; }
# Keys that were never readable went wrapped.
for key in rsa p256 k256 aes; do grep "^moved" whole | grep -E "CKO_(PRIVATE|SECRET)" | grep " $key " | grep -q "made for it" || fail "$key was not wrapped"; done
from_softhsm source >again || true
[ "$(count again moved)" = 0 ] && [ "$(count again there)" = 10 ] || { cat again; fail "nothing is moved twice"; }
from_softhsm source --json >one.json || true
from_softhsm source --json >two.json || true
cmp one.json two.json || fail "the list is not stable"
grep -q '"notMoved": 2' one.json || fail "the count in JSON"
soft source --list-objects >after
cmp before after || fail "the source has changed"
say "from SoftHSM2, in pieces"

# What arrived is the key itself.
printf 'a message' >text
logged --sign --mechanism ECDSA-SHA256 --id 03 --signature-format openssl --input-file text --output-file sig 2>/dev/null
soft source --read-object --type pubkey --id 03 --output-file p256.pub
openssl dgst -sha256 -verify p256.pub -keyform der -signature sig text >/dev/null || fail "the moved P-256 key"
logged --sign --mechanism SHA256-RSA-PKCS --id 02 --input-file text --output-file sig 2>/dev/null
soft source --read-object --type pubkey --id 02 --output-file rsa.pub
openssl dgst -sha256 -verify rsa.pub -keyform der -signature sig text >/dev/null || fail "the moved RSA key"
logged --list-objects --type privkey >list 2>/dev/null
grep -A6 "label: *p256" list | grep -q "sensitive" || fail "the moved key is not sensitive"
say "the keys work"

# --- Killed at any time, and started again: everything is there, nothing twice.
for i in $(seq 24); do openssl ecparam -name prime256v1 -genkey -noout; done >many.pem
tool import --module "$softhsm" --token target --pin-source env:HANZO_PIN --extractable --label many many.pem >many
[ "$(count many moved)" = 48 ] || { cat many; fail "importing into SoftHSM2 itself"; }
# Whoever reads the list goes away: the next line is the end of the process, unless a busy machine lets the reader go after the last one.
for lines in 5 11; do
	rc=0; { from_softhsm target; echo $? >rc; } | head -n $lines >/dev/null || true
	case $(cat rc) in
	141) ;;
	0) say "it was over before it was stopped" ;;
	*) fail "a reader that goes away: $(cat rc)" ;;
	esac
done
for t in 0.1 0.2 0.4; do { timeout -s KILL $t "$HANZO_P11" migrate --module "$HANZO_MODULE" --from-module "$softhsm" --from-token target \
	--slot 1 --from-pin-source env:HANZO_PIN --pin-source env:HANZO_PIN; } >/dev/null 2>&1 || true; done
from_softhsm target >/dev/null
from_softhsm target >last
[ "$(count last there)" = 48 ] || { cat last; fail "after it was killed"; }
for type in privkey pubkey; do
	n=$(logged --list-objects --type $type 2>/dev/null | grep -c "label: *many" || true)
	[ "$n" = 24 ] || fail "$n objects of type $type after it was killed"
done
say "killed and resumed"

# --- Conflicts and wishes.
soft target --keypairgen --key-type EC:prime256v1 --id 03 --label another --extractable >/dev/null
rc=0; from_softhsm target --label another >conflict || rc=$?
[ $rc = 1 ] || fail "a conflict is no success"
line conflict "another key at the target has this CKA_ID"
soft target --keygen --key-type aes:32 --id 0a --label locked --extractable >/dev/null
from_softhsm target --label locked --lock >/dev/null
rc=0; tool migrate --from-module "$HANZO_MODULE" --from-slot 1 --from-pin-source env:HANZO_PIN --module "$softhsm" --token device \
	--pin-source env:HANZO_PIN --label locked >locked || rc=$?
[ $rc = 1 ] || fail "--lock"
line locked "CKA_EXTRACTABLE is false"
say "conflicts, --lock"

# --- Out of our own slot into SoftHSM2, and under a key that both have.
rc=0; tool migrate --from-module "$HANZO_MODULE" --from-slot 1 --from-pin-source env:HANZO_PIN --module "$softhsm" --token device \
	--pin-source env:HANZO_PIN --id 03 >out || rc=$?
[ $rc = 0 ] && [ "$(count out moved)" = 2 ] || { cat out; fail "out of our own slot"; }
openssl rand 32 >kek
for t in source target; do soft $t --write-object kek --type secrkey --key-type AES:32 --id fe --label kek --usage-wrap >/dev/null; done
cat >shared.sh <<END
tool migrate --module "$softhsm" --from-token source --from-pin-source env:HANZO_PIN --token target --pin-source env:HANZO_PIN "\$@"
END
. ./shared.sh --id 02 --wrapping-key kek >shared
grep "^moved" shared | grep CKO_PRIVATE | grep -q "the shared key" || { cat shared; fail "the shared key"; }
refused . ./shared.sh --id 04 --wrapping-key no-such-key
openssl rand 32 >kek2
for t in source target; do openssl rand 32 >kek2; soft $t --write-object kek2 --type secrkey --key-type AES:32 --id fd --label differs --usage-wrap >/dev/null; done
. ./shared.sh --id 04 --label k256 --wrapping-key differs >differs 2>&1 && fail "two keys of one name"
say "shared and made wrapping keys"

# --- Into a slot whose keys are in a device.
cat >device.conf <<END
[hanzo]
store = $work/store
log = file:$work/log
[tier2]
backend = pkcs11
module = $softhsm
token = device
END
chmod 600 device.conf
export HANZO_PKCS11_CONF="$work/device.conf"
rc=0; tool migrate --module "$HANZO_MODULE" --from-slot 1 --from-pin-source env:HANZO_PIN --slot 2 --pin-source env:HANZO_PIN --id 02 >device || rc=$?
[ "$(count device moved)" = 2 ] || { cat device; fail "into a device's slot"; }
rc=0; tool migrate --module "$HANZO_MODULE" --from-module "$softhsm" --from-token source --from-pin-source env:HANZO_PIN --slot 2 \
	--pin-source env:HANZO_PIN >device2 || rc=$?
grep "^moved" device2 | grep CKO_PRIVATE | grep -q k256 || { cat device2; fail "from a module that the slot forwards to as well"; }
tool import --module "$HANZO_MODULE" --slot 2 --pin-source env:HANZO_PIN c.key c.pem >device3
[ "$(count device3 moved)" = 3 ] || { cat device3; fail "PEM into a device"; }
# What a slot keeps in its device for itself is passed over, and a device is no source for the slot in front of it.
soft device --keygen --key-type aes:32 --id 7e --label "hanzo-pkcs11 side store 0123456789abcdef" --extractable >/dev/null
rc=0; tool migrate --module "$HANZO_MODULE" --from-module "$softhsm" --from-token device --from-pin-source env:HANZO_PIN --slot 2 \
	--pin-source env:HANZO_PIN >itself 2>&1 || rc=$?
[ $rc = 2 ] || { cat itself; fail "a device into the slot in front of it: $rc"; }
line itself "source and target are the same token"
from_softhsm device --id 7e >passed || fail "a side store's key is no failure"
[ "$(count passed 'passed over')" = 1 ] && [ "$(count passed moved)" = 0 ] || { cat passed; fail "a side store's key"; }
line passed "0 not moved, 1 passed over"
soft device --delete-object --type secrkey --id 7e >/dev/null
unset HANZO_PKCS11_CONF
say "a device behind a slot"

# --- PEM.
export PASS=passphrase-of-keys
openssl genrsa -out r.key 2048 2>/dev/null
openssl rsa -in r.key -traditional -out r.old 2>/dev/null
openssl rsa -in r.key -pubout -out r.pub 2>/dev/null
openssl ecparam -name secp256k1 -genkey -out k1.key
openssl genpkey -algorithm ed25519 -out ed.key
openssl genpkey -algorithm x25519 -out x.key
openssl genrsa 2048 2>/dev/null | openssl pkcs8 -topk8 -v2 aes-256-cbc -passout env:PASS -out enc.key
openssl ecparam -name secp384r1 -genkey -noout | openssl ec -aes128 -passout env:PASS -out enc.old 2>/dev/null
import --label pem r.key k1.key ed.key x.key c.pem >pem
[ "$(count pem moved)" = 9 ] || { cat pem; fail "PEM files"; }
import r.old r.pub r.key >pem2
[ "$(count pem2 there)" = 5 ] || { cat pem2; fail "the same keys in other forms"; }
import --passphrase-source env:PASS enc.key enc.old c.key >pem3
[ "$(count pem3 moved)" = 6 ] || { cat pem3; fail "encrypted keys"; }
PASS=wrong import --passphrase-source env:PASS enc.key enc.old >pem4 && fail "a wrong passphrase"
[ "$(grep -c 'passphrase is wrong' pem4)" = 2 ] || { cat pem4; fail "the reason of a wrong passphrase"; }
printf '%s\n' "$PASS" >pass && chmod 644 pass
refused import --passphrase-source file:pass enc.key
chmod 600 pass
import --passphrase-source file:pass enc.key >/dev/null
head -c 900 r.key >cut.pem
{ cat ed.key; head -c 100 r.key; } >half.pem
printf -- '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n' >crl.pem
refused import cut.pem
refused import half.pem
refused import crl.pem
refused import data
refused import "$work/no-such-file"
rc=0; import --use nonsense r.key >/dev/null 2>&1 || rc=$?
[ $rc = 2 ] || fail "a wrong option"
rc=0; tool migrate --module "$HANZO_MODULE" --from-slot 1 --slot 1 --pin-source env:HANZO_PIN --from-pin-source env:HANZO_PIN >/dev/null 2>&1 || rc=$?
[ $rc = 2 ] || fail "a token into itself: $rc"
rc=0; import --pin-source 1234567 r.key >/dev/null 2>&1 || rc=$?
[ $rc = 2 ] || fail "a PIN as its own source: $rc"
rc=0; tool migrate --slot 1 >/dev/null 2>&1 || rc=$?
[ $rc = 2 ] || fail "no source"
# An imported key is locked in unless asked otherwise.
tool migrate --from-module "$HANZO_MODULE" --from-slot 1 --from-pin-source env:HANZO_PIN --module "$softhsm" --token target \
	--pin-source env:HANZO_PIN --label pem >locked || true
[ "$(grep -c 'CKA_EXTRACTABLE is false' locked)" = 4 ] || { cat locked; fail "imported keys are extractable"; }
say "PEM"

# --- Two at once: the second waits, and finds what the first has brought.
for i in 1 2; do
	rm -rf "$work/store2"
	export HANZO_PKCS11_STORE="$work/store2"
	init_token
	from_softhsm source >two.1 2>&1 & one=$!
	from_softhsm source >two.2 2>&1 & two=$!
	rc=0; wait $one || rc=$?; [ $rc = 1 ] || { cat two.1; fail "one of two at once: $rc"; }
	rc=0; wait $two || rc=$?; [ $rc = 1 ] || { cat two.2; fail "the other of two at once: $rc"; }
	moved=$(($(count two.1 moved) + $(count two.2 moved))) there=$(($(count two.1 there) + $(count two.2 there)))
	[ $moved = $there ] && [ $moved -gt 9 ] || { cat two.1 two.2; fail "two at once moved $moved objects, and found $there"; }
	twice=$(logged --list-objects --type privkey 2>/dev/null | grep "label:" | sort | uniq -d)
	[ -z "$twice" ] || fail "two at once have doubled $twice"
done
import --label once r.key k1.key >two.1 2>&1 & one=$!
import --label once r.key k1.key >two.2 2>&1 & two=$!
wait $one && wait $two || { cat two.1 two.2; fail "two imports at once"; }
[ "$(cat two.1 two.2 | grep -c '^moved ')" = 4 ] || { cat two.1 two.2; fail "two imports at once have doubled something"; }
say "two at once"

# --- What is asked for and is not there.
rc=0; from_softhsm source --label no-such-object >none 2>&1 || rc=$?
[ $rc = 1 ] || fail "nothing fits: $rc"
line none "the source has nothing by this --label or --id"
rc=0; from_softhsm no-such-token >none 2>&1 || rc=$?
[ $rc = 1 ] || fail "no such token: $rc"
line none "the source has no token called no-such-token"
rc=0; tool import --module "$HANZO_MODULE" --slot 1 --pin-source file:no-such-file r.key >none 2>&1 || rc=$?
[ $rc = 1 ] || fail "no PIN: $rc"
line none "no-such-file: No such file"
if grep -q CKR_ none; then cat none; fail "no PIN was tried, and still it is called wrong"; fi
say "what is not there"
