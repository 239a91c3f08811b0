#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pkcs11-tool (OpenSC): its own self test, each kind of key, and sign, verify, encrypt, decrypt, derive, wrap, unwrap and import.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl
init_token
cd "$work"
printf 'attack at dawn' > msg
printf 'attack at dusk' > other
# Public objects are there without a login, which saves the work of deriving a key from the PIN.
open() { p11 --token-label "$token" "$@"; }
quiet() { "$@" >quiet.out 2>&1 || { cat quiet.out; fail "$*"; }; }
keypair() { quiet logged --keypairgen --key-type "$1" --label "$2" --id "$3" "${@:4}"; }
# Without --private pkcs11-tool asks for keys that are visible before login.
keygen() { quiet logged --keygen --key-type "$1" --label "$2" --id "$3" --private "${@:4}"; }

# It sleeps for 30 seconds whatever happens, so it runs beside the rest.
p11 --test-threads ILGISLT0 --test-threads ILGISLT0 --test-threads ILGISLT0 > threads.out 2>&1 &
threads=$!
servers="$servers $threads"

say "slots, mechanisms, interfaces"
p11 --list-slots > slots
for s in hanzo-open "$token"; do grep -q "token label *: $s\$" slots || { cat slots; fail "no slot $s"; }; done
open --list-mechanisms > mechs
for m in ECDSA-SHA256 RSA-PKCS-PSS AES-GCM EDDSA SHA256-HMAC; do grep -q "$m" mechs || fail "mechanism $m not listed"; done
p11 --list-interfaces > interfaces 2>&1
grep -q 'PKCS 11' interfaces || { cat interfaces; fail "no interface list"; }

say "keys of each kind"
keypair rsa:2048 rsa 01 --usage-sign --usage-decrypt --usage-wrap
keypair rsa:3072 rsa3 08 --usage-sign
keypair EC:prime256v1 p256 02 --usage-sign --usage-derive
keypair EC:secp384r1 p384 03 --usage-sign --usage-derive
keypair EC:secp521r1 p521 04 --usage-sign
keypair EC:secp256k1 k256 05 --usage-sign --usage-derive
keypair EC:edwards25519 ed 06 --usage-sign
keypair EC:curve25519 x25519 07 --usage-derive
for k in 16:11 24:14 32:12; do keygen "aes:${k%:*}" "aes${k%:*}" "${k#*:}" --usage-decrypt --usage-wrap --extractable; done
keygen generic:32 hmac 13 --usage-sign
[ "$(logged --list-objects --type privkey | grep -c 'Private Key Object')" = 8 ] || fail "eight private keys expected"
[ "$(open --list-objects --type pubkey | grep -c 'Public Key Object')" = 8 ] || fail "eight public keys expected before login"
[ "$(logged --list-objects --type secrkey | grep -c 'Secret Key Object')" = 4 ] || fail "four secret keys expected"
open --list-objects 2>/dev/null | grep -qE 'Private Key|Secret Key' && fail "private objects are listed before login"

# sign_verify ID MECHANISM ARGS...: signed with a login, verified without, and a changed message refused.
sign_verify() {
	quiet logged --sign --mechanism "$2" --id "$1" "${@:3}" -i msg -o sig
	open --verify --mechanism "$2" --id "$1" "${@:3}" -i msg --signature-file sig 2>/dev/null | grep -q 'Signature is valid' || fail "verify $2"
	open --verify --mechanism "$2" --id "$1" "${@:3}" -i other --signature-file sig 2>/dev/null | grep -q 'Invalid signature' || fail "$2: a changed message verifies"
}
judge() { openssl dgst "$@" -signature sig msg >/dev/null || fail "OpenSSL refuses: $*"; }

say "sign and verify, there and with OpenSSL"
open --read-object --type pubkey --id 01 -o rsa.der >/dev/null
for h in 224 256 384 512; do
	sign_verify 01 "SHA$h-RSA-PKCS"
	judge "-sha$h" -verify rsa.der -keyform DER
done
sign_verify 01 SHA3-256-RSA-PKCS
for h in 256 512; do
	sign_verify 01 "SHA$h-RSA-PKCS-PSS" --mgf "MGF1-SHA$h" --salt-len 32
	judge "-sha$h" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify rsa.der -keyform DER
done
sign_verify 01 RSA-PKCS
openssl dgst -sha256 -binary msg > digest
quiet logged --sign --mechanism RSA-PKCS-PSS --hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len -1 --id 01 -i digest -o sig
judge -sha256 -sigopt rsa_padding_mode:pss -verify rsa.der -keyform DER
for k in 02:256 03:384 04:512 05:256; do
	sign_verify "${k%:*}" "ECDSA-SHA${k#*:}" --signature-format openssl
	# pkcs11-tool 0.23 cannot write the public key of every curve; where it can, OpenSSL judges too.
	if open --read-object --type pubkey --id "${k%:*}" -o ec.der >/dev/null 2>&1; then
		judge "-sha${k#*:}" -verify ec.der -keyform DER
	else
		[ "${k%:*}" != 02 ] || fail "the P-256 public key cannot be read"
	fi
done
open --read-object --type pubkey --id 02 -o p256.der >/dev/null
quiet logged --sign --mechanism ECDSA --id 02 --signature-format openssl -i digest -o sig
judge -sha256 -verify p256.der -keyform DER
sign_verify 06 EDDSA
[ "$(wc -c < sig)" = 64 ] || fail "an Ed25519 signature has 64 bytes"
# Secret keys are private: verifying with them needs the login.
for h in SHA256-HMAC SHA512-HMAC SHA3-256-HMAC; do
	quiet logged --sign --mechanism "$h" --id 13 -i msg -o sig
	logged --verify --mechanism "$h" --id 13 -i msg --signature-file sig 2>/dev/null | grep -q 'Signature is valid' || fail "$h"
	logged --verify --mechanism "$h" --id 13 -i other --signature-file sig 2>/dev/null | grep -q 'Invalid signature' || fail "$h: a changed message verifies"
done

say "digests and random bytes"
for h in 256 384 512; do
	open --hash --mechanism "SHA$h" -i msg -o digest.out >/dev/null 2>&1
	openssl dgst "-sha$h" -binary msg | cmp - digest.out || fail "SHA$h"
done
p11 --slot 0 --generate-random 64 -o random >/dev/null 2>&1
[ "$(wc -c < random)" = 64 ] || fail "random bytes"

say "encrypt and decrypt (pkcs11-tool 0.23 has no AES-GCM and no AES-CTR)"
head -c 1008 /dev/urandom > blocks
head -c 1000 /dev/urandom > odd
: > empty
iv=000102030405060708090a0b0c0d0e0f
for c in "AES-ECB:blocks" "AES-CBC --iv $iv:blocks" "AES-CBC-PAD --iv $iv:odd" "AES-CBC-PAD --iv $iv:blocks" "AES-CBC-PAD --iv $iv:empty"; do
	for id in 11 14 12; do
		rm -f ct pt
		# shellcheck disable=SC2086
		quiet logged --encrypt --id $id --mechanism ${c%:*} -i "${c##*:}" -o ct
		# shellcheck disable=SC2086
		quiet logged --decrypt --id $id --mechanism ${c%:*} -i ct -o pt
		cmp "${c##*:}" pt || fail "$c"
		[ "$id" = 12 ] || [ "${c##*:}" = odd ] || break
	done
done
openssl pkeyutl -encrypt -pubin -inkey rsa.der -keyform DER -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in msg -out ct
quiet logged --decrypt --id 01 --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256 -i ct -o pt
cmp msg pt || fail "OAEP"
openssl pkeyutl -encrypt -pubin -inkey rsa.der -keyform DER -in msg -out ct
quiet logged --decrypt --id 01 --mechanism RSA-PKCS -i ct -o pt
cmp msg pt || fail "PKCS#1 v1.5"

say "derive"
openssl ecparam -genkey -name prime256v1 -noout -out peer.pem
openssl pkey -in peer.pem -pubout -outform DER -out peer.der
quiet logged --derive --mechanism ECDH1-DERIVE --id 02 -i peer.der -o secret
openssl pkeyutl -derive -inkey peer.pem -peerkey p256.der -peerform DER -out expected
cmp secret expected || fail "ECDH"
quiet logged --derive --derive-pass-der --mechanism ECDH1-DERIVE --id 02 -i peer.der -o secret
cmp secret expected || fail "ECDH with the point in DER"
quiet logged --derive --mechanism ECDH1-COFACTOR-DERIVE --id 02 -i peer.der -o secret
cmp secret expected || fail "cofactor ECDH"

say "import, wrap, unwrap"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER -out imported.der 2>/dev/null
openssl pkey -in imported.der -inform DER -pubout -outform DER -out imported.pub
quiet logged --write-object imported.der --type privkey --id 21 --label imported --usage-sign
quiet logged --write-object imported.pub --type pubkey --id 21 --label imported
sign_verify 21 SHA256-RSA-PKCS
judge -sha256 -verify imported.pub -keyform DER
openssl ecparam -genkey -name secp384r1 -noout -outform DER -out ecimp.der
openssl pkey -in ecimp.der -inform DER -pubout -outform DER -out ecimp.pub
quiet logged --write-object ecimp.der --type privkey --id 24 --label ecimp --usage-sign
quiet logged --sign --mechanism ECDSA-SHA384 --id 24 --signature-format openssl -i msg -o sig
judge -sha384 -verify ecimp.pub -keyform DER
head -c 32 /dev/urandom > raw.key
quiet logged --write-object raw.key --type secrkey --key-type AES:32 --id 25 --label aesimp --usage-decrypt
quiet logged --encrypt --id 25 --mechanism AES-CBC-PAD --iv "$iv" -i msg -o ct
openssl enc -d -aes-256-cbc -K "$(od -An -v -tx1 raw.key | tr -d ' \n')" -iv "$iv" -in ct -out pt
cmp msg pt || fail "imported AES key"

keygen aes:32 carried 22 --extractable --usage-decrypt
quiet logged --encrypt --id 22 --mechanism AES-CBC-PAD --iv "$iv" -i msg -o ct
n=30
for w in AES-KEY-WRAP:12:40 RSA-PKCS:01:256; do
	IFS=: read -r m by size <<< "$w"
	quiet logged --wrap --mechanism "$m" --id "$by" --application-id 22 -o wrapped
	[ "$(wc -c < wrapped)" = "$size" ] || fail "$m: a wrapped AES-256 key has $size bytes"
	n=$((n + 1))
	quiet logged --unwrap --mechanism "$m" --id "$by" -i wrapped --key-type AES: --application-id $n --application-label "back$n" --usage-decrypt
	quiet logged --decrypt --id $n --mechanism AES-CBC-PAD --iv "$iv" -i ct -o pt
	cmp msg pt || fail "$m: the unwrapped key differs"
done
keygen aes:32 kept 26 --usage-decrypt --sensitive
refused logged --wrap --mechanism AES-KEY-WRAP --id 12 --application-id 26 -o wrapped
keygen aes:32 hidden 27 --usage-decrypt --sensitive --extractable
quiet logged --wrap --mechanism AES-KEY-WRAP --id 12 --application-id 27 -o wrapped

say "certificates, data, deletion, PIN"
openssl req -x509 -key imported.der -keyform DER -subj /CN=test -days 2 -outform DER -out cert.der 2>/dev/null
quiet logged --write-object cert.der --type cert --id 21 --label cert
quiet open --read-object --type cert --id 21 -o back.der
cmp cert.der back.der || fail "certificate"
quiet logged --write-object msg --type data --label note --private
quiet logged --read-object --type data --label note -o pt
cmp msg pt || fail "data"
refused open --read-object --type data --label note -o pt
quiet logged --delete-object --type data --label note
refused logged --read-object --type data --label note -o pt
refused open --login --pin wrong-pin --list-objects
grep -q CKR_PIN_INCORRECT refused.out || { cat refused.out; fail "a wrong PIN must read CKR_PIN_INCORRECT"; }
quiet logged --change-pin --new-pin 7654321
refused logged --list-objects
pin=7654321
quiet logged --list-objects
p11 --slot 1 --login --login-type so --so-pin "$so_pin" --init-pin --new-pin 1234567 --pin 1234567 >so.out 2>&1 || { cat so.out; fail "the SO sets the PIN anew"; }
pin=1234567
quiet logged --list-objects

say "public objects in tier 0, no login"
quiet p11 --slot 0 --write-object cert.der --type cert --id 41 --label public
p11 --slot 0 --list-objects --type cert | grep -q 'label: *public' || fail "certificate in tier 0"
refused p11 --slot 0 --keypairgen --key-type EC:prime256v1 --label never --id 42

quiet logged --test
grep -q 'No errors' quiet.out || { cat quiet.out; fail "pkcs11-tool --test reports errors"; }
quiet p11 --test-fork
! grep -qiE 'fail|error|CKR_' quiet.out || { cat quiet.out; fail "pkcs11-tool --test-fork"; }
wait "$threads" || { cat threads.out; fail "pkcs11-tool --test-threads"; }
grep -q 'all threads have ended with CKR_OK' threads.out || { cat threads.out; fail "pkcs11-tool --test-threads"; }
