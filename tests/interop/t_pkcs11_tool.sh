#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pkcs11-tool (OpenSC): its own self test, each kind of key, and sign, verify, encrypt, decrypt, derive, wrap, unwrap and import.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl
init_token
cd "$work"
printf 'attack at dawn' > msg

say "slots, mechanisms, interfaces"
p11 --list-slots > slots
for s in hanzo-open "$token"; do grep -q "$s" slots || fail "no slot $s"; done
p11 --token-label "$token" --list-mechanisms > mechs
for m in ECDSA-SHA256 RSA-PKCS-PSS AES-GCM EDDSA SHA256-HMAC; do grep -q "$m" mechs || fail "mechanism $m not listed"; done
p11 --list-interfaces | grep -q 'PKCS 11' || fail "no interface list"

say "keys of each kind"
logged --keypairgen --key-type rsa:2048 --label rsa --id 01 --usage-sign --usage-decrypt >/dev/null
logged --keypairgen --key-type EC:prime256v1 --label p256 --id 02 --usage-sign --usage-derive >/dev/null
logged --keypairgen --key-type EC:secp384r1 --label p384 --id 03 --usage-sign >/dev/null
logged --keypairgen --key-type EC:secp521r1 --label p521 --id 04 --usage-sign >/dev/null
logged --keypairgen --key-type EC:secp256k1 --label k256 --id 05 --usage-sign --usage-derive >/dev/null
logged --keypairgen --key-type EC:edwards25519 --label ed --id 06 --usage-sign >/dev/null
logged --keypairgen --key-type EC:curve25519 --label x25519 --id 07 --usage-derive >/dev/null
logged --keygen --key-type aes:16 --label aes128 --id 11 --usage-decrypt >/dev/null
logged --keygen --key-type aes:32 --label aes256 --id 12 --usage-decrypt --usage-wrap --extractable >/dev/null
logged --keygen --key-type generic:32 --label hmac --id 13 --usage-sign >/dev/null
[ "$(logged --list-objects --type privkey | grep -c 'Private Key Object')" = 7 ] || fail "seven private keys expected"

say "sign and verify, there and with OpenSSL"
logged --read-object --type pubkey --id 01 -o rsa.der >/dev/null
logged --sign --mechanism SHA256-RSA-PKCS --id 01 -i msg -o sig >/dev/null
openssl dgst -sha256 -verify rsa.der -keyform DER -signature sig msg >/dev/null
logged --verify --mechanism SHA256-RSA-PKCS --id 01 -i msg --signature-file sig | grep -q valid
logged --sign --mechanism SHA256-RSA-PKCS-PSS --id 01 --mgf MGF1-SHA256 --salt-len 32 -i msg -o sig >/dev/null
openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify rsa.der -keyform DER -signature sig msg >/dev/null
logged --verify --mechanism SHA256-RSA-PKCS-PSS --id 01 --mgf MGF1-SHA256 --salt-len 32 -i msg --signature-file sig | grep -q valid
for k in 02:256 03:384 04:512 05:256; do
	logged --sign --mechanism "ECDSA-SHA${k#*:}" --id "${k%:*}" --signature-format openssl -i msg -o sig >/dev/null
	logged --verify --mechanism "ECDSA-SHA${k#*:}" --id "${k%:*}" --signature-format openssl -i msg --signature-file sig | grep -q valid || fail "ECDSA $k"
	# pkcs11-tool 0.23 cannot write the public key of every curve; where it can, OpenSSL judges too.
	if logged --read-object --type pubkey --id "${k%:*}" -o ec.der >/dev/null 2>&1; then
		openssl dgst "-sha${k#*:}" -verify ec.der -keyform DER -signature sig msg >/dev/null || fail "OpenSSL refuses ECDSA $k"
	fi
done
logged --sign --mechanism EDDSA --id 06 -i msg -o sig >/dev/null
[ "$(wc -c < sig)" = 64 ] || fail "an Ed25519 signature has 64 bytes"
logged --verify --mechanism EDDSA --id 06 -i msg --signature-file sig | grep -q valid
printf 'attack at dusk' > other
logged --verify --mechanism EDDSA --id 06 -i other --signature-file sig 2>&1 | grep -qi 'invalid' || fail "a changed message verifies"
logged --sign --mechanism SHA256-HMAC --id 13 -i msg -o sig >/dev/null
logged --verify --mechanism SHA256-HMAC --id 13 -i msg --signature-file sig | grep -q valid

say "encrypt and decrypt"
head -c 1000 /dev/zero > zeros
for m in "AES-CBC-PAD --iv 000102030405060708090a0b0c0d0e0f" "AES-GCM --iv 000102030405060708090a0b"; do
	# shellcheck disable=SC2086
	logged --encrypt --id 12 --mechanism $m -i zeros -o ct >/dev/null
	logged --decrypt --id 12 --mechanism $m -i ct -o pt >/dev/null
	cmp zeros pt || fail "$m"
done
openssl pkeyutl -encrypt -pubin -inkey rsa.der -keyform DER -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in msg -out ct
logged --decrypt --id 01 --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256 -i ct -o pt >/dev/null
cmp msg pt || fail "OAEP"
openssl pkeyutl -encrypt -pubin -inkey rsa.der -keyform DER -in msg -out ct
logged --decrypt --id 01 --mechanism RSA-PKCS -i ct -o pt >/dev/null
cmp msg pt || fail "PKCS#1 v1.5"

say "derive"
openssl ecparam -genkey -name prime256v1 -noout -out peer.pem
openssl pkey -in peer.pem -pubout -outform DER -out peer.der
logged --read-object --type pubkey --id 02 -o p256.der >/dev/null
logged --derive --mechanism ECDH1-DERIVE --id 02 -i peer.der -o secret >/dev/null
openssl pkeyutl -derive -inkey peer.pem -peerkey p256.der -peerform DER -out expected
cmp secret expected || fail "ECDH"

say "import, wrap, unwrap"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER -out imported.der 2>/dev/null
logged --write-object imported.der --type privkey --id 21 --label imported --usage-sign >/dev/null
openssl pkey -in imported.der -inform DER -pubout -outform DER -out imported.pub
logged --sign --mechanism SHA256-RSA-PKCS --id 21 -i msg -o sig >/dev/null
openssl dgst -sha256 -verify imported.pub -keyform DER -signature sig msg >/dev/null || fail "imported key"
logged --keygen --key-type aes:32 --label carried --id 22 --extractable --usage-decrypt >/dev/null
logged --encrypt --id 22 --mechanism AES-CBC-PAD --iv 000102030405060708090a0b0c0d0e0f -i msg -o ct >/dev/null
logged --wrap --mechanism AES-KEY-WRAP --id 12 --application-id 22 -o wrapped >/dev/null
[ "$(wc -c < wrapped)" = 40 ] || fail "a wrapped AES-256 key has 40 bytes"
logged --unwrap --mechanism AES-KEY-WRAP --id 12 -i wrapped --key-type AES: --application-id 23 --application-label back >/dev/null
logged --decrypt --id 23 --mechanism AES-CBC-PAD --iv 000102030405060708090a0b0c0d0e0f -i ct -o pt >/dev/null
cmp msg pt || fail "the unwrapped key differs"

say "certificates, data, deletion"
openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=test -days 2 -outform DER -out cert.der 2>/dev/null
logged --write-object cert.der --type cert --id 21 --label cert >/dev/null
p11 --token-label "$token" --read-object --type cert --id 21 -o back.der >/dev/null
cmp cert.der back.der || fail "certificate"
logged --write-object msg --type data --label note --private >/dev/null
logged --read-object --type data --label note -o pt >/dev/null
cmp msg pt || fail "data"
logged --delete-object --type data --label note >/dev/null
refused p11 --token-label "$token" --login --pin wrong-pin --list-objects
p11 --token-label "$token" --login --pin "$pin" --change-pin --new-pin 7654321 >/dev/null
pin=7654321
logged --list-objects >/dev/null

say "pkcs11-tool --test, --test-fork, --test-threads"
logged --test > test.out 2>&1 || { cat test.out; fail "pkcs11-tool --test"; }
grep -q 'No errors' test.out || { cat test.out; fail "pkcs11-tool --test reports errors"; }
p11 --test-fork > fork.out 2>&1 || { cat fork.out; fail "pkcs11-tool --test-fork"; }
p11 --test-threads ILGISLT0 --test-threads ILGISLT0 > threads.out 2>&1 || { cat threads.out; fail "pkcs11-tool --test-threads"; }
