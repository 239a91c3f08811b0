#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Java's SunPKCS11: keytool makes key pairs, lists them, signs requests and certificates; no attribute overrides in the configuration.
. "$(dirname "$0")/lib.sh"
need keytool pkcs11-tool openssl
init_token
cd "$work"
sed -e "s|@MODULE@|$HANZO_MODULE|" "$HANZO_SRCDIR/examples/java-pkcs11.cfg" > java.cfg
keytool_() { timeout 120 keytool -J-Xmx256m -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 "$@" -keystore NONE -storetype PKCS11 -storepass "$pin" -addprovider SunPKCS11 -providerarg "$work/java.cfg"; }
keytool_ -genkeypair -alias jrsa -keyalg RSA -keysize 2048 -dname CN=jrsa -validity 2 >out 2>&1 || { cat out; fail "RSA"; }
keytool_ -genkeypair -alias jec -keyalg EC -groupname secp256r1 -dname CN=jec -validity 2 >out 2>&1 || { cat out; fail "EC"; }
keytool_ -list > list 2>&1 || { cat list; fail "list"; }
for a in jrsa jec; do grep -q "^$a, *PrivateKeyEntry" list || { cat list; fail "$a is not listed"; }; done
for a in jrsa jec; do
	keytool_ -certreq -alias $a -file $a.csr >out 2>&1 || { cat out; fail "certreq $a"; }
	openssl req -in $a.csr -noout -verify 2>&1 | grep -q OK || fail "request of $a"
	keytool_ -exportcert -rfc -alias $a -file $a.crt >out 2>&1 || { cat out; fail "export $a"; }
	openssl verify -CAfile $a.crt $a.crt >/dev/null || fail "certificate of $a"
done
keytool_ -genseckey -alias jaes -keyalg AES -keysize 256 >out 2>&1 || { cat out; fail "AES"; }
keytool_ -delete -alias jec >out 2>&1 || { cat out; fail "delete"; }
keytool_ -list > list 2>&1
! grep -q '^jec,' list || fail "jec still there"
