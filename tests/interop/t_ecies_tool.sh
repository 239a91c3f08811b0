#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hanzo-p11 ecies: whom it encrypts to, what it writes and where, and how it says that it was called wrongly.
. "$(dirname "$0")/lib.sh"
need openssl pkcs11-tool python3
export HANZO_PIN="$pin"
ecies() { timeout 60 "$HANZO_P11" ecies "$@"; }
token="--slot 1 --pin-source env:HANZO_PIN --module $HANZO_MODULE"
init_token
pub=$("${HANZO_BUILDDIR:-.}/tests/interop/ecies/nox" keygen box)
decrypt() { ecies decrypt $token --label box "$@"; }
printf 'a message' >"$work/text"

# Files with a key on secp256k1, and with one whose x has a point there but which is on P-256: its generator.
openssl ecparam -name secp256k1 -genkey -noout -out "$work/k.pem"
for form in compressed uncompressed; do
	for der in PEM DER; do
		openssl ec -in "$work/k.pem" -pubout -conv_form $form -outform $der -out "$work/k.pub" 2>/dev/null
		[ "$(ecies encrypt --public-key "$work/k.pub" "$work/text" | wc -c)" = 70 ] || fail "a key on secp256k1, $form, $der"
	done
done
generator=MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY=
echo $generator | openssl base64 -d >"$work/p256.der"
printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' $generator >"$work/p256.pem"
for f in p256.der p256.pem; do
	refused ecies encrypt --public-key "$work/$f" --out "$work/nobody" "$work/text"
	grep -q 'no public key on secp256k1' "$work/refused.out" || fail "$f is refused for something else"
done
[ ! -e "$work/nobody" ] || fail "encrypted to nobody"
say "only to keys on secp256k1"

# A file that cannot be written whole is not there, and what is there is not replaced.
head -c 40000 /dev/zero >"$work/big"
limited() { (ulimit -f 10 && "$@"); }
refused limited "$HANZO_P11" ecies encrypt --public-key "$pub" --out "$work/f" "$work/big"
[ ! -e "$work/f" ] || fail "a cut file is left"
ecies encrypt --public-key "$pub" --out "$work/f" "$work/big"
decrypt "$work/f" | cmp - "$work/big" || fail "the second try"
cp "$work/f" "$work/before"
refused ecies encrypt --public-key "$pub" --out "$work/f" "$work/text"
cmp "$work/f" "$work/before" || fail "a file was changed"
# Devices and pipes are written to, by name or as the standard output.
full() { "$@" >/dev/full; }
refused ecies encrypt --public-key "$pub" --out /dev/full "$work/text"
grep -q 'No space left' "$work/refused.out" || fail "a full device"
refused full ecies encrypt --public-key "$pub" --out - "$work/text"
grep -q 'No space left' "$work/refused.out" || fail "a full device as standard output"
[ -c /dev/full ] || fail "the device is gone"
ecies encrypt --public-key "$pub" --out /dev/null "$work/text"
mkfifo "$work/pipe"
timeout 60 cat "$work/pipe" >"$work/piped" &
ecies encrypt --public-key "$pub" --out "$work/pipe" "$work/text"
wait $!
decrypt "$work/piped" | cmp - "$work/text" || fail "through a pipe"
ecies encrypt --public-key "$pub" --out - "$work/text" | decrypt | cmp - "$work/text" || fail "through the standard output"
say "files, devices and pipes"

ecies encrypt --json --public-key "$pub" --aad 0x616263 --out "$work/json" "$work/big" >"$work/stdout"
[ ! -s "$work/stdout" ] || fail "--json writes elsewhere than --out says"
python3 - "$work/json" >"$work/blob" <<'END'
import json, sys
o = json.load(open(sys.argv[1]))
assert list(o) == ["publicKey", "nonce", "ciphertext"] and all(v.startswith("0x") for v in o.values())
sys.stdout.buffer.write(b"".join(bytes.fromhex(v[2:]) for v in o.values()))
END
decrypt --aad 616263 "$work/blob" | cmp - "$work/big" || fail "the parts in JSON"
refused decrypt --aad 616264 "$work/blob"
refused decrypt "$work/blob"
say "JSON"

gateway=0x2Cc7039A111A84069e4194227B81A2B9ea0656c7
misused ecies
misused ecies encrypt "$work/text"
misused ecies encrypt --label box "$work/text"
misused ecies encrypt $token "$work/text"
misused ecies encrypt --public-key "$pub" --aad zz "$work/text"
misused ecies encrypt --public-key "$pub" --nonsense "$work/text"
misused ecies decrypt --label box "$work/blob"
misused ecies decrypt $token "$work/blob"
misused decrypt --aad zz "$work/blob"
misused decrypt --id zz "$work/blob"
misused ecies delegate --label box --gateway $gateway --request "$work/text"
misused ecies delegate $token --gateway $gateway --request "$work/text"
misused ecies delegate $token --label box --request "$work/text"
misused ecies delegate $token --label box --gateway 0x2C --request "$work/text"
refused ecies delegate $token --label box --gateway $gateway --request "$work/text"
say "called wrongly"
