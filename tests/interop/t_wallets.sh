#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# viem and ethers: they verify what the module signs, and the module and hanzo-p11 verify what they sign, over random documents.
. "$(dirname "$0")/lib.sh"
need node npm
case $(node -p 'const [a, b] = process.versions.node.split("."); Number(a) > 18 || (a == 18 && b >= 20)') in
true) ;;
*) skip "node $(node --version) is older than 18.20" ;;
esac
typed="${HANZO_BUILDDIR:-.}/tests/interop/wallets/typed"

npm_packages wallets

seed=${HANZO_SEED-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "seed $seed"
docs="$work/docs"
mkdir "$docs"
node "$home/wallets.mjs" make "$docs" "$seed" || fail "the wallets' signatures"

for kind in eip712 poai hmm; do
	"$typed" sign $kind <"$docs/$kind.jsonl" >"$docs/$kind.ours" || fail "$kind: signing with the module"
	for wallet in viem ethers; do
		"$typed" verify $kind "$(cat "$docs/$kind.point")" "$docs/$kind.$wallet" <"$docs/$kind.jsonl" >"$docs/$kind.verdicts" ||
			fail "$kind: verifying with the module"
		if grep -n -v '^valid$' "$docs/$kind.verdicts"; then fail "$kind: the module refuses a signature by $wallet"; fi
		[ "$(wc -l <"$docs/$kind.verdicts")" = "$(wc -l <"$docs/$kind.jsonl")" ] || fail "$kind: verdicts are missing"
	done
	# The same signatures in another order belong to other documents.
	tac "$docs/$kind.viem" >"$docs/$kind.turned"
	"$typed" verify $kind "$(cat "$docs/$kind.point")" "$docs/$kind.turned" <"$docs/$kind.jsonl" >"$docs/$kind.verdicts" || true
	if grep -q '^valid$' "$docs/$kind.verdicts"; then fail "$kind: a signature is valid for another document"; fi
	say "$kind: the wallets' signatures hold with the module"
done
node "$home/wallets.mjs" check "$docs" || fail "the wallets refuse a signature of the module"

for kind in poai hmm; do
	for wallet in viem ethers; do
		"$HANZO_P11" $kind verify --public-key "$(cat "$docs/$kind.point")" --signatures "$docs/$kind.$wallet" <"$docs/$kind.jsonl" >"$docs/out" ||
			fail "hanzo-p11 $kind verify refuses a signature by $wallet"
	done
	tail -n +2 "$docs/$kind.ours" >"$docs/$kind.tail"
	"$HANZO_P11" $kind verify --public-key "$(head -1 "$docs/$kind.ours")" --signatures "$docs/$kind.tail" <"$docs/$kind.jsonl" >"$docs/out" ||
		fail "hanzo-p11 $kind verify refuses the module's signature"
	refused "$HANZO_P11" $kind verify --public-key "$(cat "$docs/$kind.point")" --signatures "$docs/$kind.tail" <"$docs/$kind.jsonl"
	say "$kind: hanzo-p11 verifies both"
done
