#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hanzo-p11 threshold: a split key, a refreshed one and one made without a dealer, on nodes that each have a store of their own.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl
export HANZO_PIN="$pin"
nox="${HANZO_BUILDDIR:-.}/tests/interop/ecies/nox"
tool() { timeout 60 "$HANZO_P11" "$1" "${@:2}" --module "$HANZO_MODULE"; }
# on NODE COMMAND...: with that node's store
on() { HANZO_PKCS11_STORE="$work/store-$1" "${@:2}"; }
key() { HANZO_PIN=$pin "$nox" keygen "$1" >"$work/point"; cat "$work/point"; }
at() { echo "--slot 1 --pin-source env:HANZO_PIN --label $1"; }

for i in 0 1 2 3; do on $i init_token; done
main=$(on 0 key main)
nodes=
for i in 1 2 3; do
	eval "p$i=$(on $i key node)"
	eval "nodes=\"\$nodes --node \$p$i\""
done
openssl genrsa -out "$work/rsa.pem" 2048 2>/dev/null
openssl rsa -in "$work/rsa.pem" -pubout -out "$work/rsa.pub" 2>/dev/null
openssl genrsa -out "$work/other.pem" 2048 2>/dev/null
printf 'a message for any two of three' >"$work/text"
tool ecies encrypt --public-key "$main" --out "$work/blob" "$work/text"
on 0 tool ecies decrypt $(at main) "$work/blob" | cmp - "$work/text" || fail "decrypting"
say "encrypts and decrypts"

# partials FOLDER SHARE-LABEL BLOB: every node answers
partials() {
	mkdir -p "$work/$1"
	for i in 1 2 3; do on $i tool threshold partial $(at "$2") --blob "$3" --to "$work/rsa.pub" --out "$work/$1/p$i"; done
}
combine() { local s=$1; shift; tool2 --split "$s" --rsa "$work/rsa.pem" "$@"; }
tool2() { timeout 60 "$HANZO_P11" threshold combine "$@"; }

on 0 tool threshold split $(at main) --threshold 2 $nodes --out "$work/s1" >/dev/null
for i in 1 2 3; do
	on $i tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-$i" --index $i --name share
	on $i tool threshold verify $(at share) --split "$work/s1/split.json" --public-key "$main" | grep -q "share $i of 3"
done
refused on 1 tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-2" --index 2 --name stolen
refused on 2 tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-2" --index 1 --name wrong
partials a share "$work/blob"
for pair in "1 2" "1 3" "3 2" "3 1 2"; do
	combine "$work/s1/split.json" --blob "$work/blob" $(for i in $pair; do echo "$work/a/p$i"; done) | cmp - "$work/text" || fail "combining $pair"
done
refused combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1"
refused combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/a/p1"
refused tool2 --split "$work/s1/split.json" --rsa "$work/other.pem" --blob "$work/blob" "$work/a/p1" "$work/a/p2"
say "any two of three"

# A node that answers for another ephemeral key lies, and is named.
tool ecies encrypt --public-key "$main" --out "$work/blob2" "$work/text"
on 2 tool threshold partial $(at share) --blob "$work/blob2" --to "$work/rsa.pub" --out "$work/a/lie"
combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/a/lie" "$work/a/p3" 2>"$work/err" | cmp - "$work/text" || fail "with a liar"
grep -q "node 2 lies" "$work/err" || fail "the liar is not named"
refused combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/a/lie"
say "a liar is named"

# New shares of the same key; an old one is of no use among them.
on 0 tool threshold refresh $(at main) --split "$work/s1/split.json" --threshold 2 $nodes --out "$work/s2" >/dev/null
for i in 1 2 3; do on $i tool threshold import $(at node) --split "$work/s2/split.json" --share "$work/s2/share-$i" --index $i --name fresh; done
partials b fresh "$work/blob"
combine "$work/s2/split.json" --blob "$work/blob" "$work/b/p3" "$work/b/p2" | cmp - "$work/text" || fail "the new shares"
refused combine "$work/s2/split.json" --blob "$work/blob" "$work/a/p1" "$work/b/p2"
refused combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/b/p2"
refused on 1 tool threshold verify $(at share) --split "$work/s2/split.json"
refused on 1 tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s2/share-1" --index 1 --name mixed
say "refreshed"

# Without a dealer.
printf '{"threshold": 2, "nodes": ["%s", "%s", "%s"], "ceremony": "%s"}\n' "$p1" "$p2" "$p3" "$(openssl rand -hex 16)" >"$work/roster"
for i in 1 2 3; do on $i tool threshold dkg round1 $(at node) --roster "$work/roster" --out "$work/r1-$i"; done
refused on 1 tool threshold dkg round2 $(at node) --roster "$work/roster" --out "$work/few" "$work/r1-1" "$work/r1-2"
for i in 1 2 3; do on $i tool threshold dkg round2 $(at node) --roster "$work/roster" --out "$work/r2-$i" "$work"/r1-*; done
# Any changed byte of a message is refused, and its sender named or the message called foreign.
for f in r1-2 r2-2; do
	for o in 0 6 10 24 40 100 150 200; do
		cp "$work/$f" "$work/bad"
		printf "\\x$(printf %02x $((0x$(od -An -tx1 -j$o -N1 "$work/$f" | tr -d ' ') ^ 1)))" | dd of="$work/bad" bs=1 seek=$o conv=notrunc 2>/dev/null
		refused on 1 tool threshold dkg finish $(at node) --roster "$work/roster" --name group --out "$work/no" $(ls "$work"/r1-* "$work"/r2-* | grep -v "/$f$") "$work/bad"
	done
done
# Node 2 tells node 3 another story in round 1 than node 1: whoever compares says so.
HANZO_PKCS11_STORE="$work/store-x"
cp -r "$work/store-2" "$work/store-x"
tool threshold dkg round1 $(at node) --roster "$work/roster" --out "$work/x1-2" 2>/dev/null
HANZO_PKCS11_STORE="$work/store"
refused on 1 tool threshold dkg finish $(at node) --roster "$work/roster" --name group --out "$work/no" "$work/r1-1" "$work/x1-2" "$work/r1-3" "$work"/r2-*
grep -q 'has seen other messages' "$work/refused.out" || fail "two stories of node 2"
refused on 1 tool threshold dkg finish $(at node) --roster "$work/roster" --name group --out "$work/no" "$work"/r1-* "$work/x1-2" "$work"/r2-*
grep -q 'node 2 has sent two different messages' "$work/refused.out" || fail "both stories of node 2"
for i in 1 2 3; do on $i tool threshold dkg finish $(at node) --roster "$work/roster" --name group --out "$work/group-$i" "$work"/r1-* "$work"/r2-*; done
cmp "$work/group-1" "$work/group-2" && cmp "$work/group-1" "$work/group-3" || fail "the nodes disagree"
group=$(sed -n 's/.*"publicKey": *"\([0-9a-f]*\)".*/\1/p' "$work/group-1")
tool ecies encrypt --public-key "$group" --out "$work/gblob" "$work/text"
partials g group "$work/gblob"
for pair in "1 2" "1 3" "2 3"; do
	combine "$work/group-1" --blob "$work/gblob" $(for i in $pair; do echo "$work/g/p$i"; done) | cmp - "$work/text" || fail "the group's $pair"
done
refused combine "$work/group-1" --blob "$work/gblob" "$work/g/p2"
for i in 1 2 3; do
	on $i tool threshold verify $(at group) --split "$work/group-1" >/dev/null
	on $i logged --list-objects --type privkey | grep -q 'dkg:' && fail "node $i still has what it dealt"
done
say "a key without a dealer"
