#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GnuTLS: p11tool makes, lists and exports keys; certtool signs with them.
. "$(dirname "$0")/lib.sh"
need p11tool certtool pkcs11-tool openssl
init_token
cd "$work"
tool() { GNUTLS_PIN=$pin GNUTLS_SO_PIN=$so_pin timeout 60 p11tool --provider "$HANZO_MODULE" --login --batch "$@"; }
base="pkcs11:token=$token"

say "tokens"
timeout 60 p11tool --provider "$HANZO_MODULE" --list-tokens > tokens 2>&1
grep -q "token=$token" tokens || { cat tokens; fail "token not listed"; }

say "keys made by p11tool"
tool --generate-privkey=rsa --bits=2048 --label=grsa --id=01 --outfile rsa.pub "$base" >/dev/null 2>&1 || fail "generate RSA"
tool --generate-privkey=ecdsa --curve=secp256r1 --label=gec --id=02 --outfile ec.pub "$base" >/dev/null 2>&1 || fail "generate ECDSA"
tool --generate-privkey=ed25519 --label=ged --id=03 --outfile ed.pub "$base" >/dev/null 2>&1 || fail "generate Ed25519"
tool --list-all-privkeys "$base" > keys 2>&1
for k in grsa gec ged; do grep -q "object=$k" keys || { cat keys; fail "$k is not listed"; }; done

say "certificates signed by certtool"
for k in grsa:rsa gec:ec ged:ed; do
	printf 'cn = "%s"\nca\nsigning_key\ncert_signing_key\nexpiration_days = 2\n' "${k%:*}" > tmpl
	GNUTLS_PIN=$pin timeout 60 certtool --provider "$HANZO_MODULE" --generate-self-signed --load-privkey "$base;object=${k%:*};type=private" \
		--load-pubkey "$base;object=${k%:*};type=public" --template tmpl --outfile "${k#*:}.crt" >cert.log 2>&1 || { cat cert.log; fail "self-signed ${k%:*}"; }
	openssl verify -CAfile "${k#*:}.crt" "${k#*:}.crt" >/dev/null || fail "OpenSSL refuses ${k%:*}"
done

say "write, test-sign, export, delete"
tool --write --load-certificate rsa.crt --label=cert --id=01 "$base" >/dev/null 2>&1 || fail "write certificate"
tool --export "$base;object=cert;type=cert" --outfile back.crt >/dev/null 2>&1
openssl x509 -in back.crt -noout -fingerprint > a; openssl x509 -in rsa.crt -noout -fingerprint > b; cmp a b || fail "certificate changed"
for k in grsa:SHA256 gec:SHA256 ged:SHA512; do
	tool --test-sign --hash="${k#*:}" "$base;object=${k%:*};type=private" >sign.log 2>&1 || { cat sign.log; fail "test-sign ${k%:*}"; }
done
certtool --generate-privkey --key-type=ecdsa --outfile imp.key >/dev/null 2>&1
tool --write --load-privkey imp.key --label=imported --id=09 "$base" >imp.log 2>&1 || { cat imp.log; fail "import"; }
tool --delete "$base;object=imported;type=private" >/dev/null 2>&1 || fail "delete"
