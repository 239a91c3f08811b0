#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hanzo-p11 poai and hmm: files, lines, rules, refusals, profiles; verified without a module.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl
init_token
export TOOL_PIN="$pin"
logged --keypairgen --key-type EC:secp256k1 --label poai:acme:gpt4 --id 01 >/dev/null
logged --keypairgen --key-type EC:secp256k1 --label hmm:acme:main --id 02 >/dev/null
logged --keypairgen --key-type EC:secp256k1 --label plain --id 03 >/dev/null
cd "$work"
tool() { "$HANZO_P11" "$@"; }
with_key() { tool "$1" sign --module "$HANZO_MODULE" --slot 1 --pin-source env:TOOL_PIN "${@:2}"; }
address() { tool list --module "$HANZO_MODULE" --slot 1 --pin-source env:TOOL_PIN | grep PRIVATE | grep -F " $1 " | grep -oE '0x[0-9a-fA-F]{40}$'; }
now=$(date +%s)
# poai MODEL TIMESTAMP NONCE, hmm JOB TIMESTAMP: one line
poai() {
	printf '{"modelId":"%s","inputHash":"0x%064d","outputHash":"0x%064d","timestamp":%d,"computeTime":5,"nodeId":"n","nonce":"0x%064d"}\n' \
		"$1" 1 2 "$2" "$3"
}
hmm() {
	printf '{"jobId":"%s","provider":"0x%040d","consumer":"0x%040d","amount":"7","attestation":%s,"timestamp":%d}\n' "$1" 1 2 "$(poai x 5 9)" "$2"
}

say "a stream: one answer a line, in order"
{ poai gpt4 "$now" 1; poai gpt4 "$now" 1; poai gpt5 "$now" 2; poai gpt4 $((now - 4000)) 3; poai gpt4 $((now + 100)) 4; poai gpt4 "$now" 5; echo '{}'; } >lines
with_key poai --label poai:acme:gpt4 <lines >answers && fail "refusals must show in the exit status"
[ "$(wc -l <answers)" = 7 ] || fail "seven answers"
[ "$(sed -E 's/^0x[0-9a-f]{128}1[bc]$/signature/; s/^refused: (CKR_[A-Z_]*):.*/\1/' answers | tr '\n' ' ')" = \
	"signature CKR_FUNCTION_REJECTED CKR_FUNCTION_REJECTED CKR_FUNCTION_REJECTED CKR_FUNCTION_REJECTED signature CKR_DATA_INVALID " ] ||
	{ cat answers; fail "the answers"; }
a=$(address poai:acme:gpt4)
[ -n "$a" ] || fail "list shows no address"
sed -n '1p;6p' lines >signed
grep '^0x' answers >signatures
[ "$(tool poai verify --address "$a" --signatures signatures <signed | sort -u)" = valid ] || fail "verify by address"
refused tool poai verify --address "$(address plain)" --signatures signatures <signed
logged --read-object --type pubkey --label poai:acme:gpt4 -o key.der >/dev/null
openssl base64 -in key.der | sed '1i -----BEGIN PUBLIC KEY-----
$a -----END PUBLIC KEY-----' >key.pem
tool poai verify --public-key key.pem --signatures signatures <signed >/dev/null || fail "verify by a PEM file"
point=$(tail -c 65 key.der | od -An -tx1 | tr -d ' \n')
tool poai verify --public-key "0x$point" --signatures signatures <signed >/dev/null || fail "verify by a point"
openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -out p256.pem 2>/dev/null
refused tool poai verify --public-key p256.pem --signatures signatures <signed
refused tool poai verify --address "$a" --signatures signatures --chain-id 1 <signed
sed 's/"n"/"m"/' signed >other
refused tool poai verify --address "$a" --signatures signatures <other
tac signatures >turned
refused tool poai verify --address "$a" --signatures turned <signed
head -1 signatures >short
refused tool poai verify --address "$a" --signatures short <signed

say "progress on a terminal, for people only"
if command -v script >/dev/null 2>&1; then
	printf '"%s" poai verify --address %s --signatures signatures < signed > verdicts\n' "$HANZO_P11" "$a" > watched.sh
	script -qec "sh watched.sh" typescript >/dev/null </dev/null || fail "verify on a terminal"
	tr '\r' '\n' < typescript | grep -qE '^2 done, 0 refused, [0-9]+/s' || { cat typescript; fail "no progress on a terminal"; }
	[ "$(cat verdicts)" = "valid
valid" ] || fail "the answers do not belong to the terminal"
fi
tool poai verify --address "$a" --signatures signatures <signed 2>quiet >/dev/null
[ ! -s quiet ] || fail "progress where there is no terminal"

say "time and verification"
poai gpt4 $((now - 3000)) 6 >old
with_key poai --label poai:acme:gpt4 old >old.sig
tool poai verify --address "$a" --signature "$(cat old.sig)" old >/dev/null || fail "within the time to live"
refused tool poai verify --address "$a" --signature "$(cat old.sig)" --ttl 60 old
tool poai verify --address "$a" --signature "$(cat old.sig)" --ttl 60 --ignore-ttl old >/dev/null || fail "--ignore-ttl"

say "files, domain, forms"
poai gpt4 "$now" 7 >f7
poai gpt4 "$now" 8 >f8
with_key poai --id 01 --chain-id 5 --contract 0x00000000000000000000000000000000000a11ce --rs f7 f8 >two
[ "$(wc -c <two)" = $((2 * 131)) ] || fail "two r and s"
tool poai verify --address "$a" --signatures two --chain-id 5 --contract 0x00000000000000000000000000000000000a11ce f7 f8 >/dev/null || fail "domain"
refused tool poai verify --address "$a" --signatures two --chain-id 5 f7 f8
poai gpt4 "$now" 10 >f10
with_key poai --json --id 01 f10 | grep -qE '^\{"signature":"0x[0-9a-f]{130}"\}$' || fail "--json"

say "the configured chain, whatever else the options choose"
printf '[hanzo]\nchain_id = 1\n' >conf
chmod 600 conf
c=0x1100000000000000000000000000000000000011
n=20
configured() { HANZO_PKCS11_CONF="$work/conf" with_key "$@"; }
for options in "" "--rs" "--contract $c" "--rs --contract $c" "--rs --chain-id 36963"; do
	n=$((n + 1))
	chain=1
	domain=
	case $options in *chain-id*) chain=36963 ;; esac
	case $options in *contract*) domain="--contract $c" ;; esac
	poai gpt4 "$now" $n >one
	# shellcheck disable=SC2086
	configured poai --id 01 $options one >one.sig || fail "sign $options"
	# shellcheck disable=SC2086
	tool poai verify --address "$a" --signatures one.sig --chain-id $chain $domain one >/dev/null || fail "not the configured chain: $options"
	# shellcheck disable=SC2086
	refused tool poai verify --address "$a" --signatures one.sig --chain-id $((36964 - chain)) $domain one
done
hmm job-9 "$now" >h9
configured hmm --label hmm:acme:main --rs h9 >h9.sig
tool hmm verify --address "$(address hmm:acme:main)" --signatures h9.sig --chain-id 1 h9 >/dev/null || fail "the chain of a settlement"

say "nothing to sign, and what cannot be read"
: >empty
printf ' \n' >blank
printf '{"modelId":' >cut
for f in empty blank; do
	[ "$(with_key poai --id 01 $f || true)" = "refused: CKR_DATA_INVALID: no data" ] || fail "sign: $f is not called no data"
	[ "$(tool poai verify --address "$a" --signatures two $f | head -1)" = "refused: bad data: no data" ] || fail "verify: $f is not called no data"
done
tool poai verify --address "$a" --signatures two cut | grep -qx 'refused: bad data: the text ends early' || fail "half a statement"
[ "$(tool poai verify --profile verdict --address "$a" --signatures two empty | head -1)" = "refused: bad data: JSON, byte 0: no data" ] || fail "a profile of nothing"
mkdir -p folder
for words in "poai sign --module $HANZO_MODULE --slot 1 --pin-source env:TOOL_PIN --id 01" "poai verify --address $a --signatures two"; do
	# shellcheck disable=SC2086
	refused tool $words folder
	grep -q 'folder: Is a directory' refused.out || { cat refused.out; fail "a folder: $words"; }
done
refused tool poai verify --address "$a" --signatures folder f7
grep -q 'folder cannot be read' refused.out || { cat refused.out; fail "signatures in a folder"; }

say "as many signatures as statements"
# left_over ARGUMENTS...: verified, but for a signature too many
left_over() {
	refused tool poai verify --address "$a" "$@"
	[ "$(cat refused.out)" = "valid
refused: no statement: there are more signatures than statements" ] || { cat refused.out; fail "signatures left over: $*"; }
}
head -1 signed >first
left_over --signatures signatures first
left_over --signatures signatures <first
[ "$(tool poai verify --json --address "$a" --signatures signatures first | tail -1)" = \
	'{"error":"no statement","reason":"there are more signatures than statements"}' ] || fail "left over, --json"
refused tool poai verify --address "$a" --signatures signatures </dev/null
{ cat signatures; echo; echo ' '; } >spaced
tool poai verify --address "$a" --signatures spaced <signed >/dev/null || fail "blank lines after the signatures"
one=$(head -1 signatures)
[ "$(tool poai verify --address "$a" --signature "$one" <first)" = valid ] || fail "--signature and a line of standard input"
refused tool poai verify --address "$a" --signature "$one" <signed
[ "$(cut -d: -f1,2 refused.out)" = "valid
refused: no signature" ] || { cat refused.out; fail "--signature and two lines"; }
refused tool poai verify --address "$a" --signature "$one" </dev/null
grep -q 'more signatures' refused.out || { cat refused.out; fail "--signature and nothing"; }
rc=0
tool poai verify --address "$a" --signature "$one" f7 f8 >out 2>&1 || rc=$?
[ "$rc" = 2 ] && grep -q -- '--signature is that of one statement' out || { cat out; fail "--signature and two files"; }

say "settlements"
hmm job-1 "$now" >h1
with_key hmm --label hmm:acme:main h1 >h1.sig
tool hmm verify --address "$(address hmm:acme:main)" --signature "$(cat h1.sig)" h1 >/dev/null || fail "hmm verify"
refused with_key hmm --label hmm:acme:main h1
refused tool poai verify --address "$(address hmm:acme:main)" --signature "$(cat h1.sig)" h1

say "keys that may not"
refused with_key poai --label hmm:acme:main f10
refused with_key poai --label plain f10
grep -q CKR_KEY_FUNCTION_NOT_PERMITTED "$work/refused.out" || fail "an unrestricted key is refused for another reason"

say "profiles sign raw digests with a plain key"
h() { printf '0x%064d' "$1"; }
printf '{"chainId":36963,"governor":"0x%040d","taskId":"7","modelSpecHash":"%s","vote":1,"bucket":8000,"evidenceHash":"%s","operator":"0x%040d"}' \
	1 "$(h 2)" "$(h 3)" 4 >verdict
with_key poai --profile verdict --label plain verdict >verdict.sig
tool poai verify --profile verdict --address "$(address plain)" --signature "$(cat verdict.sig)" verdict >/dev/null || fail "verdict"
refused tool poai verify --profile verdict --address "$a" --signature "$(cat verdict.sig)" verdict
with_key poai --profile verdict --rs --label plain verdict >verdict.rs
[ "$(wc -c <verdict.rs)" = 131 ] || fail "--profile with --rs: $(cat verdict.rs)"
tool poai verify --profile verdict --address "$(address plain)" --signature "$(cat verdict.rs)" verdict >/dev/null || fail "r and s of a verdict"
refused with_key poai --profile verdict --label poai:acme:gpt4 verdict
refused with_key poai --profile receipt --label plain verdict

say "called wrongly"
for args in "poai" "poai sign" "poai verify --address 0x00" "hmm sign --profile verdict --slot 1 --label x" "poai sign --profile none --slot 1 --label x" \
	"poai verify --rs --address $a --signatures signatures" "poai sign --profile verdict --chain-id 1 --slot 1 --label x"; do
	rc=0
	# shellcheck disable=SC2086
	tool $args </dev/null >/dev/null 2>&1 || rc=$?
	[ "$rc" = 2 ] || fail "exit status $rc of $args"
done
