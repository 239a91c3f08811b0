#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OpenSSL 3 through pkcs11-provider, no quirk set: genpkey, pkeyutl, req, x509, cms, s_server and s_client.
. "$(dirname "$0")/lib.sh"
need openssl pkcs11-tool
provider=$(openssl version -m | sed 's/.*"\(.*\)".*/\1/')/pkcs11.so
[ -e "$provider" ] || skip "pkcs11-provider is not installed"
init_token
cd "$work"
printf '%s' "$pin" > pin; chmod 600 pin
sed -e "s|@MODULE@|$HANZO_MODULE|" -e "s|@PIN_FILE@|$work/pin|" "$HANZO_SRCDIR/examples/openssl-provider.cnf" > openssl.cnf
export OPENSSL_CONF="$work/openssl.cnf"
ossl() { timeout 60 openssl "$@"; }
printf 'attack at dawn' > msg

say "keys made by genpkey"
gen() { ossl genpkey -propquery "provider=pkcs11" "${@:3}" -pkeyopt "pkcs11_uri:pkcs11:token=$token;object=$1;id=%$2" -out "$1.pem" 2>gen.log || { cat gen.log; fail "genpkey $1"; }; }
gen grsa 01 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
gen gec 02 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
gen gec3 04 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
gen ged 03 -algorithm ED25519
gen ged4 05 -algorithm ED448
p11 --token-label "$token" --login --pin "$pin" --list-objects > objects
for o in grsa gec gec3 ged ged4; do grep -q "$o" objects || fail "genpkey made no $o"; done
uri() { echo "pkcs11:token=$token;object=$1;type=$2"; }

say "sign and verify"
for k in grsa gec gec3; do
	ossl pkey -in "$(uri $k public)" -pubin -pubout -out $k.pub
	ossl dgst -sha256 -sign "$(uri $k private)" -out sig msg
	OPENSSL_CONF=/dev/null openssl dgst -sha256 -verify $k.pub -signature sig msg >/dev/null || fail "$k: OpenSSL alone refuses the signature"
	ossl dgst -sha256 -verify "$(uri $k public)" -signature sig msg >/dev/null || fail "$k: verify in the token"
done
for k in ged ged4; do
	ossl pkeyutl -sign -inkey "$(uri $k private)" -rawin -in msg -out sig
	ossl pkey -in "$(uri $k public)" -pubin -pubout -out $k.pub
	OPENSSL_CONF=/dev/null openssl pkeyutl -verify -pubin -inkey $k.pub -rawin -in msg -sigfile sig >/dev/null || fail "$k"
done
ossl pkeyutl -sign -inkey "$(uri grsa private)" -pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:32 -in <(openssl dgst -sha256 -binary msg) -out sig
OPENSSL_CONF=/dev/null openssl pkeyutl -verify -pubin -inkey grsa.pub -pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256 -in <(openssl dgst -sha256 -binary msg) -sigfile sig >/dev/null || fail "PSS"

say "decrypt and derive"
for o in "oaep" "oaep -pkeyopt rsa_oaep_md:sha256" "oaep -pkeyopt rsa_oaep_md:sha384 -pkeyopt rsa_mgf1_md:sha256" pkcs1; do
	rm -f ct pt
	# shellcheck disable=SC2086
	OPENSSL_CONF=/dev/null openssl pkeyutl -encrypt -pubin -inkey grsa.pub -pkeyopt rsa_padding_mode:$o -in msg -out ct
	# shellcheck disable=SC2086
	ossl pkeyutl -decrypt -inkey "$(uri grsa private)" -pkeyopt rsa_padding_mode:$o -in ct -out pt
	cmp msg pt || fail "RSA $o"
done
OPENSSL_CONF=/dev/null openssl ecparam -genkey -name prime256v1 -noout -out peer.pem
OPENSSL_CONF=/dev/null openssl pkey -in peer.pem -pubout -out peer.pub
ossl pkeyutl -derive -inkey "$(uri gec private)" -peerkey peer.pub -out secret
OPENSSL_CONF=/dev/null openssl pkeyutl -derive -inkey peer.pem -peerkey gec.pub -out expected
cmp secret expected || fail "ECDH"

say "req, x509, cms"
ossl req -x509 -new -key "$(uri gec private)" -subj /CN=localhost -addext 'subjectAltName=DNS:localhost' -days 2 -sha256 -out gec.crt
# The file that genpkey wrote stands for the key.
ossl req -new -key grsa.pem -subj /CN=client -sha256 -out grsa.csr
ossl req -in grsa.csr -noout -verify >/dev/null 2>&1 || fail "request"
ossl x509 -req -in grsa.csr -CA gec.crt -CAkey "$(uri gec private)" -CAcreateserial -days 2 -sha256 -out grsa.crt 2>/dev/null
OPENSSL_CONF=/dev/null openssl verify -CAfile gec.crt grsa.crt >/dev/null || fail "certificate"
ossl cms -sign -nodetach -in msg -signer grsa.crt -inkey "$(uri grsa private)" -outform PEM -out signed.pem
OPENSSL_CONF=/dev/null openssl cms -verify -in signed.pem -inform PEM -CAfile gec.crt -purpose any -out pt 2>cms.log || { cat cms.log; fail "cms -verify"; }
OPENSSL_CONF=/dev/null openssl cms -encrypt -in msg -aes256 -outform PEM -out enveloped.pem grsa.crt
ossl cms -decrypt -in enveloped.pem -inform PEM -recip grsa.crt -inkey "$(uri grsa private)" -out pt || fail "cms -decrypt"
[ "$(tr -d '\r\n' < pt)" = "$(cat msg)" ] || fail "cms text"

say "TLS"
start() { exec timeout 300 openssl s_server -accept "127.0.0.1:$port" -cert gec.crt -key "$(uri gec private)" -www; }
serve server.log start
for v in -tls1_3 -tls1_2; do
	echo 'GET / HTTP/1.0' | OPENSSL_CONF=/dev/null timeout 20 openssl s_client -connect "127.0.0.1:$port" $v -CAfile gec.crt -verify_return_error -servername localhost -quiet > client.log 2>&1 ||
		{ cat client.log server.log; fail "handshake $v"; }
done
say "client certificate"
OPENSSL_CONF=/dev/null openssl req -x509 -newkey rsa:2048 -nodes -keyout srv.key -subj /CN=localhost -days 2 -out srv.crt 2>/dev/null
start() { OPENSSL_CONF=/dev/null exec timeout 300 openssl s_server -accept "127.0.0.1:$port" -cert srv.crt -key srv.key -CAfile gec.crt -Verify 2 -verify_return_error -www; }
serve server2.log start
echo 'GET / HTTP/1.0' | timeout 20 openssl s_client -connect "127.0.0.1:$port" -cert grsa.crt -key "$(uri grsa private)" -CAfile srv.crt -quiet > client2.log 2>&1 || { cat client2.log server2.log; fail "client certificate"; }
