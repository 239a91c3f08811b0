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

# A key that is on another curve (P-256's generator) is no node's, and a split is written whole or not at all.
echo MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY= | openssl base64 -d >"$work/p256.der"
refused on 0 tool threshold split $(at main) --threshold 2 $nodes --node "$work/p256.der" --out "$work/s1"
grep -q 'no public key on secp256k1' "$work/refused.out" || fail "a node on another curve"
mkdir "$work/s1"
echo other >"$work/s1/share-2"
refused on 0 tool threshold split $(at main) --threshold 2 $nodes --out "$work/s1"
[ "$(ls "$work/s1")" = share-2 ] && [ "$(cat "$work/s1/share-2")" = other ] || fail "half a split is left"
rm "$work/s1/share-2"
on 0 tool threshold split $(at main) --threshold 2 $nodes --out "$work/s1" >/dev/null
for i in 1 2 3; do
	on $i tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-$i" --index $i --name share
	on $i tool threshold verify $(at share) --split "$work/s1/split.json" --public-key "$main" | grep -q "share $i of 3"
done
refused on 1 tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-2" --index 2 --name stolen
refused on 2 tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-2" --index 1 --name wrong
# A label names one key.
for name in share node; do
	refused on 2 tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-2" --index 2 --name $name
done
partials a share "$work/blob"
for pair in "1 2" "1 3" "3 2" "3 1 2"; do
	combine "$work/s1/split.json" --blob "$work/blob" $(for i in $pair; do echo "$work/a/p$i"; done) | cmp - "$work/text" || fail "combining $pair"
done
refused combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1"
refused combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/a/p1"
refused tool2 --split "$work/s1/split.json" --rsa "$work/other.pem" --blob "$work/blob" "$work/a/p1" "$work/a/p2"
# The share straight from its file, which is how devices have it.
on 1 tool threshold partial $(at node) --share "$work/s1/share-1" --index 1 --blob "$work/blob" --to "$work/rsa.pub" --out "$work/a/file1"
combine "$work/s1/split.json" --blob "$work/blob" "$work/a/file1" "$work/a/p3" | cmp - "$work/text" || fail "a share from its file"
refused on 1 tool threshold partial $(at node) --share "$work/s1/share-1" --index 2 --blob "$work/blob" --to "$work/rsa.pub" --out "$work/no"
refused on 1 tool threshold partial $(at node) --share "$work/s1/share-2" --index 2 --blob "$work/blob" --to "$work/rsa.pub" --out "$work/no"
# A blob with additional data.
tool ecies encrypt --public-key "$main" --aad 0xabcd --out "$work/aad" "$work/text"
for i in 1 3; do on $i tool threshold partial $(at share) --blob "$work/aad" --to "$work/rsa.pub" --out "$work/a/aad$i"; done
combine "$work/s1/split.json" --blob "$work/aad" --aad abcd "$work/a/aad1" "$work/a/aad3" | cmp - "$work/text" || fail "additional data"
refused combine "$work/s1/split.json" --blob "$work/aad" --aad abce "$work/a/aad1" "$work/a/aad3"
refused combine "$work/s1/split.json" --blob "$work/aad" "$work/a/aad1" "$work/a/aad3"
say "any two of three"

# A node that answers for another ephemeral key lies, and its file is named.
tool ecies encrypt --public-key "$main" --out "$work/blob2" "$work/text"
on 2 tool threshold partial $(at share) --blob "$work/blob2" --to "$work/rsa.pub" --out "$work/a/lie"
combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/a/lie" "$work/a/p3" 2>"$work/err" | cmp - "$work/text" || fail "with a liar"
grep -q "the answer in $work/a/lie, which calls itself node 2, does not prove itself for this blob" "$work/err" || fail "the liar is not named"
[ "$(wc -l <"$work/err")" = 1 ] || fail "the honest are named"
refused combine "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/a/lie"
# Honest answers for another blob are not said to be lies.
refused combine "$work/s1/split.json" --blob "$work/blob2" "$work/a/p1" "$work/a/p3"
grep -q lies "$work/refused.out" && fail "honest nodes are called liars"
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
# Called again, round 1 keeps what the node deals, whether its message could be written or not.
on 1 tool threshold dkg round1 $(at node) --roster "$work/roster" --out "$work/r1-lost"
refused on 1 tool threshold dkg round1 $(at node) --roster "$work/roster" --out "$work/r1-lost"
refused on 2 tool threshold dkg round1 $(at node) --roster "$work/roster" --out "$work/nowhere/r1-2"
rm "$work/r1-lost"
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
dealt=$(logged --list-objects --type privkey | sed -n 's/.*label: *\(dkg:[0-9a-f]*\).*/\1/p')
logged --delete-object --type privkey --label "$dealt" >/dev/null
tool threshold dkg round1 $(at node) --roster "$work/roster" --out "$work/x1-2"
HANZO_PKCS11_STORE="$work/store"
refused on 1 tool threshold dkg finish $(at node) --roster "$work/roster" --name group --out "$work/no" "$work/r1-1" "$work/x1-2" "$work/r1-3" "$work"/r2-*
grep -q 'has seen other messages' "$work/refused.out" || fail "two stories of node 2"
refused on 1 tool threshold dkg finish $(at node) --roster "$work/roster" --name group --out "$work/no" "$work"/r1-* "$work/x1-2" "$work"/r2-*
grep -q 'node 2 has sent two different messages' "$work/refused.out" || fail "both stories of node 2"
for name in node share; do
	refused on 1 tool threshold dkg finish $(at node) --roster "$work/roster" --name $name --out "$work/no" "$work"/r1-* "$work"/r2-*
done
grep -q 'has a private key share already' "$work/refused.out" || fail "a label that is taken"
# Cut short when it has its share but could not say so (nobody reads the pipe), finish goes on with that share.
mkfifo "$work/unread"
HANZO_PKCS11_STORE="$work/store-1" timeout 120 "$HANZO_P11" threshold dkg finish $(at node) --module "$HANZO_MODULE" --roster "$work/roster" \
	--name group --out "$work/unread" "$work"/r1-* "$work"/r2-* 2>/dev/null &
cut=$!
for _ in $(seq 200); do
	on 1 logged --list-objects --type privkey 2>/dev/null | grep -q 'label: *group' && break
	sleep 0.2
done
kill $cut || fail "finish does not wait for its reader"
wait $cut || true
on 1 logged --list-objects --type privkey | grep -q 'dkg:' || fail "finish was not cut short"
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

# New shares of the same key, without anybody who has it: `renewed` replaces `group`, whose shares the nodes destroy.
roster() { printf '{"threshold": 2, "nodes": ["%s", "%s", "%s"], "ceremony": "%s"}\n' "$1" "$2" "$3" "$(openssl rand -hex 16)"; }
for i in 1 2 3; do on $i tool threshold partial $(at group) --blob "$work/gblob" --to "$work/rsa.pub" --out "$work/g/old$i"; done
roster "$p1" "$p2" "$p3" >"$work/roster2"
r="--roster $work/roster2 --split $work/group-1"
for i in 1 2 3; do on $i tool threshold refresh round1 $(at node) $r --out "$work/f1-$i"; done
# A record, a roster or messages of something else fit no message.
refused on 1 tool threshold refresh round2 $(at node) --roster "$work/roster2" --split "$work/s1/split.json" --out "$work/no" "$work"/f1-*
refused on 1 tool threshold refresh round2 $(at node) --roster "$work/roster" --split "$work/group-1" --out "$work/no" "$work"/f1-*
refused on 1 tool threshold dkg round2 $(at node) --roster "$work/roster2" --out "$work/no" "$work"/f1-*
refused on 1 tool threshold refresh round2 $(at node) $r --out "$work/no" "$work"/r1-*
for i in 1 2 3; do on $i tool threshold refresh round2 $(at node) $r --out "$work/f2-$i" "$work"/f1-*; done
refused on 1 tool threshold refresh finish $(at node) $r --old share --name renewed --ack "$work/no" --out "$work/no" "$work"/f1-* "$work"/f2-*
grep -q 'not this node.s share' "$work/refused.out" || fail "a share of another split"
refused on 1 tool threshold refresh finish $(at node) $r --old node --name renewed --ack "$work/no" --out "$work/no" "$work"/f1-* "$work"/f2-*
refused on 1 tool threshold refresh finish $(at node) $r --name renewed --ack "$work/no" --out "$work/no" "$work"/f1-* "$work"/f2-*
refused on 1 tool threshold refresh finish $(at node) $r --old group --name group --ack "$work/no" --out "$work/no" "$work"/f1-* "$work"/f2-*
# What could not be told the others is as if it had not been done.
refused on 1 tool threshold refresh finish $(at node) $r --old group --name renewed --ack "$work/nowhere/ack" --out "$work/renewed-1" "$work"/f1-* "$work"/f2-*
[ ! -e "$work/renewed-1" ] || fail "a record without an acknowledgement"
refused on 1 tool threshold refresh finish $(at node) $r --old group --name share --ack "$work/no" --out "$work/no" "$work"/f1-* "$work"/f2-*
# retire NODE OLD NEW RECORD MESSAGE...
retire() { on $1 tool threshold refresh retire $(at node) $r --old $2 --name $3 --new-split "$4" "${@:5}"; }
for i in 1 2 3; do
	on $i tool threshold refresh finish $(at node) $r --old group --name renewed --ack "$work/f3-$i" --out "$work/renewed-$i" "$work"/f1-* "$work"/f2-*
	[ $i = 3 ] || refused retire $i group renewed "$work/renewed-1" "$work"/f3-* # node 3 may yet have been cheated
done
# Neither any other key nor the share of another split is the new share.
for name in node share fresh group; do
	refused retire 1 group $name "$work/renewed-1" "$work"/f3-*
	grep -q "$name is not this node's new share" "$work/refused.out" || fail "$name for the new share"
done
for record in group-1 s1/split.json; do
	refused retire 1 group group "$work/$record" "$work"/f3-*
	grep -q 'not that of the nodes. new shares' "$work/refused.out" || fail "$record for the new record"
done
misused on 1 tool threshold refresh retire $(at node) $r --old group --name renewed "$work"/f3-*
refused retire 1 group renewed "$work/renewed-1" "$work"/f2-*
refused retire 1 renewed group "$work/renewed-1" "$work"/f3-*
cp "$work/f3-3" "$work/bad3"
printf '\377' | dd of="$work/bad3" bs=1 seek=30 conv=notrunc 2>/dev/null
refused retire 1 group renewed "$work/renewed-1" "$work/f3-1" "$work/f3-2" "$work/bad3"
on 1 tool threshold verify $(at group) --split "$work/group-1" >/dev/null || fail "the old share went too early"
for i in 1 2 3; do retire $i group renewed "$work/renewed-$i" "$work"/f3-*; done
cmp "$work/renewed-1" "$work/renewed-2" && cmp "$work/renewed-1" "$work/renewed-3" || fail "the nodes disagree"
tool threshold verify --split "$work/renewed-1" --public-key "$group" >/dev/null || fail "the key has changed"
partials n renewed "$work/gblob"
for pair in "1 2" "1 3" "2 3"; do
	combine "$work/renewed-1" --blob "$work/gblob" $(for i in $pair; do echo "$work/n/p$i"; done) | cmp - "$work/text" || fail "the renewed $pair"
done
# Old and new together are of no use, whichever record one holds them against.
for s in group-1 renewed-1; do
	refused combine "$work/$s" --blob "$work/gblob" "$work/n/p1" "$work/g/old2"
	refused combine "$work/$s" --blob "$work/gblob" "$work/g/old1" "$work/n/p3"
done
for i in 1 2 3; do
	on $i tool threshold verify $(at renewed) --split "$work/renewed-1" >/dev/null
	on $i logged --list-objects --type privkey | grep -Eq 'dkg:|label: *group' && fail "node $i still has what it dealt or its old share"
done
# A second time.
roster "$p1" "$p2" "$p3" >"$work/roster3"
r="--roster $work/roster3 --split $work/renewed-1"
for i in 1 2 3; do on $i tool threshold refresh round1 $(at node) $r --out "$work/h1-$i"; done
for i in 1 2 3; do on $i tool threshold refresh round2 $(at node) $r --out "$work/h2-$i" "$work"/h1-*; done
for i in 1 2 3; do on $i tool threshold refresh finish $(at node) $r --old renewed --name third --ack "$work/h3-$i" --out "$work/again-$i" "$work"/h1-* "$work"/h2-*; done
refused retire 1 renewed third "$work/again-1" "$work"/f3-*
partials m third "$work/gblob"
combine "$work/again-1" --blob "$work/gblob" "$work/m/p1" "$work/m/p3" | cmp - "$work/text" || fail "renewed twice"
refused combine "$work/again-1" --blob "$work/gblob" "$work/m/p1" "$work/n/p3"
say "refreshed without a dealer"

# Node 3 cheats: its share for node 1 is not the one that it promised. Node 1 names it and keeps nothing; node 2 has no reason to complain.
liar="${HANZO_BUILDDIR:-.}/tests/interop/liar"
pl=$("$liar" point mallory)
# cheat KIND OLD: one ceremony of nodes 1 and 2 with the cheat, by the words of `dkg` or `refresh`
cheat() {
	local kind=$1 old=$2 hows=$3 how label
	shift 3
	for how in $hows; do
		rm -f "$work"/c1-* "$work"/c2-* "$work"/cheated*
		roster "$p1" "$p2" "$pl" >"$work/roster-c"
		for i in 1 2; do on $i tool threshold $kind round1 $(at node) --roster "$work/roster-c" "$@" --out "$work/c1-$i"; done
		"$liar" round1 "$work/roster-c" "$old" mallory >"$work/c1-3"
		for i in 1 2; do on $i tool threshold $kind round2 $(at node) --roster "$work/roster-c" "$@" --out "$work/c2-$i" "$work"/c1-*; done
		"$liar" round2 "$work/roster-c" "$old" mallory $how 1 "$work"/c1-* >"$work/c2-3"
		label=
		[ "$kind" = refresh ] && label="--old honest --ack $work/cheated-ack"
		refused on 1 tool threshold $kind finish $(at node) --roster "$work/roster-c" "$@" $label --name cheated --out "$work/cheated" "$work"/c1-* "$work"/c2-*
		grep -q 'node 3 has dealt a wrong share' "$work/refused.out" || { cat "$work/refused.out"; fail "$kind, $how: the cheat is not named"; }
		grep -Eq 'node [12] has dealt' "$work/refused.out" && fail "$kind, $how: an honest node is blamed"
		[ ! -e "$work/cheated" ] && [ ! -e "$work/cheated-ack" ] || fail "$kind, $how: a record all the same"
		on 1 logged --list-objects --type privkey | grep -q 'label: *cheated' && fail "$kind, $how: a share all the same"
	done
	return 0
}
cheat dkg - "another index garbage"
# Honest for once: the three have a key, whose refresh then is cheated.
roster "$p1" "$p2" "$pl" >"$work/roster-h"
for i in 1 2; do on $i tool threshold dkg round1 $(at node) --roster "$work/roster-h" --out "$work/d1-$i"; done
"$liar" round1 "$work/roster-h" - mallory >"$work/d1-3"
for i in 1 2; do on $i tool threshold dkg round2 $(at node) --roster "$work/roster-h" --out "$work/d2-$i" "$work"/d1-*; done
"$liar" round2 "$work/roster-h" - mallory honest 0 "$work"/d1-* >"$work/d2-3"
for i in 1 2; do on $i tool threshold dkg finish $(at node) --roster "$work/roster-h" --name honest --out "$work/honest-$i" "$work"/d1-* "$work"/d2-*; done
cheat refresh "$work/honest-1" another --split "$work/honest-1"
on 1 tool threshold verify $(at honest) --split "$work/honest-1" >/dev/null || fail "the old share is gone"
say "a cheat is named"

misused tool threshold
misused tool threshold split $(at main) $nodes --out "$work/no"
misused tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-1" --index 1
misused tool threshold import $(at node) --split "$work/s1/split.json" --share "$work/s1/share-1" --name more
misused tool threshold verify --split "$work/s1/split.json" --label share
misused tool threshold verify
misused tool threshold partial $(at share) --blob "$work/blob"
misused tool threshold partial $(at share) --to "$work/rsa.pub"
misused tool threshold partial --label share --to "$work/rsa.pub" --blob "$work/blob"
misused tool2 --split "$work/s1/split.json" --blob "$work/blob" "$work/a/p1" "$work/a/p2"
misused combine "$work/s1/split.json" "$work/a/p1" "$work/a/p2"
misused combine "$work/s1/split.json" --ephemeral 02zz "$work/a/p1" "$work/a/p2"
misused combine "$work/s1/split.json" --blob "$work/blob" --aad zz "$work/a/p1" "$work/a/p2"
misused tool threshold dkg round1 $(at node)
misused tool threshold dkg finish $(at node) --roster "$work/roster"
misused tool threshold refresh round1 $(at node) --roster "$work/roster"
say "called wrongly"
