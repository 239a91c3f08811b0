#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OpenSSL through libp11's engine: dgst, req, pkeyutl.
. "$(dirname "$0")/lib.sh"
need openssl pkcs11-tool
engine=$(openssl version -e | sed 's/.*"\(.*\)".*/\1/')/pkcs11.so
[ -e "$engine" ] || skip "libengine-pkcs11-openssl is not installed"
init_token
cd "$work"
sed -e "s|@MODULE@|$HANZO_MODULE|" -e "s|@ENGINE@|$engine|" "$HANZO_SRCDIR/examples/openssl-engine.cnf" > openssl.cnf
export OPENSSL_CONF="$work/openssl.cnf"
logged --keypairgen --key-type rsa:2048 --label rsa --id 01 --usage-sign --usage-decrypt >/dev/null
logged --keypairgen --key-type EC:prime256v1 --label ec --id 02 --usage-sign --usage-derive >/dev/null
printf 'attack at dawn' > msg
uri() { echo "pkcs11:token=$token;object=$1;type=private;pin-value=$pin"; }
for k in rsa ec; do
	timeout 60 openssl pkey -engine pkcs11 -inform engine -pubin -in "pkcs11:token=$token;object=$k;type=public;pin-value=$pin" -pubout -out $k.pub 2>/dev/null
	timeout 60 openssl dgst -engine pkcs11 -keyform engine -sha256 -sign "$(uri $k)" -out sig msg 2>/dev/null
	OPENSSL_CONF=/dev/null openssl dgst -sha256 -verify $k.pub -signature sig msg >/dev/null || fail "$k"
	timeout 60 openssl req -engine pkcs11 -keyform engine -new -x509 -key "$(uri $k)" -subj /CN=engine -days 2 -sha256 -out $k.crt 2>/dev/null
	OPENSSL_CONF=/dev/null openssl verify -CAfile $k.crt $k.crt >/dev/null || fail "$k certificate"
done
OPENSSL_CONF=/dev/null openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in msg -out ct
timeout 60 openssl pkeyutl -engine pkcs11 -keyform engine -decrypt -inkey "$(uri rsa)" -in ct -out pt 2>/dev/null
cmp msg pt || fail "decrypt"
