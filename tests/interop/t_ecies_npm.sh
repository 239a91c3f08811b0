#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ECIES and delegation against the noble libraries: thousands of random cases both ways, and the Nox protocol of a request and its proof.
. "$(dirname "$0")/lib.sh"
need node npm pkcs11-tool
case $(node -p 'const [a, b] = process.versions.node.split("."); Number(a) > 18 || (a == 18 && b >= 20)') in
true) ;;
*) skip "node $(node --version) is older than 18.20" ;;
esac
nox="${HANZO_BUILDDIR:-.}/tests/interop/ecies/nox"
export HANZO_PIN="$pin"

npm_packages ecies
seed=${HANZO_SEED-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "seed $seed"
init_token

node "$home/ecies.mjs" make "$work" - "$seed" || fail "making blobs"
"$nox" import theirs <"$work/secret"
"$nox" decrypt theirs <"$work/blobs" >"$work/got" || fail "decrypting"
cmp "$work/got" "$work/want" || fail "the module opens a blob otherwise"
"$nox" encrypt theirs <"$work/texts" >"$work/theirs" || fail "encrypting"
node "$home/ecies.mjs" check "$work" || fail "noble does not open a blob of the module"
say "both directions"

kms=$("$nox" keygen kms)
signer=$("$nox" keygen signer)
delegate() { "$HANZO_P11" ecies delegate --slot 1 --pin-source env:HANZO_PIN --label kms --module "$HANZO_MODULE" "$@"; }
for bits in 2048 4096; do
	BITS=$bits node "$home/ecies.mjs" request "$work" "$kms" "$seed/$bits" || fail "a request"
	delegate --proof-label signer --request "$work/request" --gateway "$(cat "$work/gateway")" --chain-id 36963 >"$work/answer" || fail "delegating"
	node "$home/ecies.mjs" answer "$work" "$signer" || fail "the answer"
done
refused delegate --request "$work/request" --gateway 0x2Cc7039A111A84069e4194227B81A2B9ea0656c7
refused delegate --request "$work/request" --gateway "$(cat "$work/gateway")" --chain-id 1
sed 's/"ephemeralPubKey":"0x02/"ephemeralPubKey":"0x0X/; s/"ephemeralPubKey":"0x03/"ephemeralPubKey":"0x02/; s/0x0X/0x03/' "$work/request" >"$work/changed"
refused delegate --request "$work/changed" --gateway "$(cat "$work/gateway")"
sed 's/"targetPubKey":"0x30/"targetPubKey":"0x31/' "$work/request" >"$work/changed"
refused delegate --request "$work/changed" --gateway "$(cat "$work/gateway")"
BITS=1024 node "$home/ecies.mjs" request "$work" "$kms" "$seed/small" || fail "a request"
refused delegate --request "$work/request" --gateway "$(cat "$work/gateway")"
say "the Nox protocol"
