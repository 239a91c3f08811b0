#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hanzo-p11 poai verify --require-attested: keys of a (simulated) TEE and of a made-up one, wrong keys, policies, times and bundles.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl
init_token
export TOOL_PIN="$pin"
cd "$work"
zeros=$(printf '0%.0s' $(seq 96))
printf '{"measurement":"%s","tee_io":true,"gpus":[{"arch":"hopper","key":"gpu"}]}' "$zeros" > sim.json
cp "$HANZO_SRCDIR/examples/policy-simulated.json" policy.json
cat > conf <<END
[tier3]
backend = soft
seal = sim
login = evidence
policy = $work/policy.json
evidence_source = sim:$work/sim.json
END
chmod 600 conf policy.json
export HANZO_PKCS11_CONF="$work/conf"
tool() { "$HANZO_P11" "$@"; }
gated() { p11 --slot 3 --login --pin attest: "$@"; }
with_key() { tool "$1" sign --module "$HANZO_MODULE" "${@:2}"; }
poai() {
	printf '{"modelId":"gpt4","inputHash":"0x%064d","outputHash":"0x%064d","timestamp":%d,"computeTime":5,"nodeId":"n","nonce":"0x%064d"}\n' 1 2 "$(date +%s)" "$1"
}
# pem FILE: of a DER file
pem() { openssl base64 -in "$1" | sed '1i -----BEGIN PUBLIC KEY-----
$a -----END PUBLIC KEY-----' > "${1%.der}.pem"; }
# no TEXT ARGUMENTS...: refused, with that reason
no() { refused tool poai verify "${@:2}"; grep -qF -- "$1" refused.out || { cat refused.out; fail "another reason than: $1"; }; }

say "keys in the simulated TEE, and their attestations"
for i in 1 2; do
	gated --keypairgen --key-type EC:secp256k1 --label "poai:acme:gpt4" --id "0$i" --sensitive >/dev/null
	gated --read-object --type pubkey --id "0$i" -o "k$i.der" >/dev/null
	pem "k$i.der"
	tool attest key --module "$HANZO_MODULE" --slot 3 --id "0$i" > "k$i.json" || fail "attest key"
done
poai 1 > s1
with_key poai --slot 3 --id 01 s1 > s1.sig
sig=$(cat s1.sig)
ok=$(tool poai verify --public-key k1.pem --signature "$sig" --require-attested --policy policy.json --attestation k1.json s1) || fail "attested: $ok"
[ "$ok" = "valid, attested by a simulated TEE" ] || fail "the words: $ok"
tool poai verify --json --public-key k1.pem --signature "$sig" --require-attested --policy policy.json --attestation k1.json --tier 3 s1 |
	grep -qxF '{"valid":true,"attested":true,"simulated":true}' || fail "--json"
address=$(TOOL_PIN=attest: tool list --module "$HANZO_MODULE" --slot 3 --pin-source env:TOOL_PIN | grep PRIVATE | grep -oE '0x[0-9a-fA-F]{40}$' | while read -r a; do
	tool poai verify --address "$a" --signature "$sig" s1 >/dev/null && echo "$a" || true; done)
tool poai verify --address "$address" --signature "$sig" --require-attested --policy policy.json --attestation k1.json s1 >/dev/null || fail "by address"

say "what is refused, and why"
q=(--require-attested --policy policy.json)
no 'not attested: key: the bundle vouches for another key' --public-key k1.pem --signature "$sig" "${q[@]}" --attestation k2.json s1
no "not valid: the signature is not this signer's" --public-key k2.pem --signature "$sig" "${q[@]}" --attestation k2.json s1
no 'not attested: no attestation bundle' --public-key k1.pem --signature "$sig" "${q[@]}" s1
no 'not attested: policy_tee_io' --public-key k1.pem --signature "$sig" "${q[@]}" --attestation k1.json --tier 4 s1
sed "s/\"any\"/\"1${zeros#0}\"/" policy.json > strict.json
no 'not attested: policy_measurement' --public-key k1.pem --signature "$sig" --require-attested --policy strict.json --attestation k1.json s1
printf '{"hanzo_policy":1,"sim":{"measurement":"any"}}' > hard.json
no 'not attested: policy_simulated' --public-key k1.pem --signature "$sig" --require-attested --policy hard.json --attestation k1.json s1
tool attest collect --challenge 00112233 --source "sim:$work/sim.json" > answer.json
no 'not attested: challenge: this bundle answers a challenge and attests no key' --public-key k1.pem --signature "$sig" "${q[@]}" --attestation answer.json s1
refused tool attest verify --policy policy.json k1.json
tool attest verify --policy policy.json k1.json | grep -q 'attestation of a key: --key is missing' || fail "verify without --key"
tool attest verify --policy policy.json --key any k1.json >/dev/null || fail "verify with --key"
tool attest verify --policy policy.json --key any answer.json | grep -q 'attests no key' || fail "verify an answer with --key"
tool attest show k1.json > shown || fail "attest show of a key's attestation"
grep -q '^key  *30' shown && grep -q '^cpu.report_data' shown || { cat shown; fail "the key is not shown"; }
head -c 200 k1.json > cut.json
no 'not attested: json' --public-key k1.pem --signature "$sig" "${q[@]}" --attestation cut.json s1
python3 - <<'END'
import base64, json
a, b = (json.load(open(f"k{i}.json")) for i in (1, 2))
b["runtime_data"] = a["runtime_data"]
json.dump(b, open("mixed.json", "w"), separators=(",", ":"))
END
no 'not attested: report_data' --public-key k1.pem --signature "$sig" "${q[@]}" --attestation mixed.json s1
for args in "--require-attested" "--policy policy.json" "--attestation k1.json" "--tier 2" "--require-attested --policy policy.json --tier 1" \
	"--require-attested --policy none.json" "--require-attested --policy policy.json --attestation none.json"; do
	rc=0
	# shellcheck disable=SC2086
	tool poai verify --public-key k1.pem --signature "$sig" $args s1 >/dev/null 2>&1 || rc=$?
	[ "$rc" = 2 ] || fail "exit status $rc of $args"
done

say "records: the bundle beside each signature"
for i in 2 3 4; do poai "$i"; done > lines
with_key poai --slot 3 --id 01 --attest < lines > records
[ "$(tool poai verify --address "$address" --signatures records "${q[@]}" < lines | sort | uniq -c | tr -s ' ')" = " 3 valid, attested by a simulated TEE" ] || fail "records"
sed -n 1p records > mixed
sed -n 2p records | sed 's/,"attestation".*/}/' >> mixed
sed -n 3p records >> mixed
tool poai verify --address "$address" --signatures mixed < lines > out || fail "without the demand a record is a signature"
tool poai verify --address "$address" --signatures mixed "${q[@]}" < lines > out && fail "a record without a bundle"
[ "$(cut -d: -f1-2 out | tr '\n' '|')" = 'valid, attested by a simulated TEE|refused: not attested|valid, attested by a simulated TEE|' ] || { cat out; fail "the second only"; }

say "settlements, and keys that have no attestation"
printf '{"jobId":"j","provider":"0x%040d","consumer":"0x%040d","amount":"7","attestation":%s,"timestamp":%d}\n' 1 2 "$(poai 9)" "$(date +%s)" > h1
gated --keypairgen --key-type EC:secp256k1 --label hmm:acme:main --id 03 --sensitive >/dev/null
with_key hmm --slot 3 --id 03 --attest h1 > h1.record
gated --read-object --type pubkey --id 03 -o k3.der >/dev/null
pem k3.der
tool hmm verify --public-key k3.pem --signatures h1.record "${q[@]}" h1 >/dev/null || fail "hmm verify"
logged --keypairgen --key-type EC:secp256k1 --label poai:acme:gpt4 --id 04 >/dev/null
refused tool attest key --module "$HANZO_MODULE" --slot 1 --pin-source env:TOOL_PIN --id 04
grep -q 'no attestation' refused.out || fail "another reason"
poai 10 > s10
refused with_key poai --slot 1 --pin-source env:TOOL_PIN --id 04 --attest s10

say "evidence of another platform: its root, its certificates, its lists, and their time"
logged --read-object --type pubkey --id 04 -o k4.der >/dev/null
pem k4.der
mkdir made
"$HANZO_BUILDDIR/tests/interop/key_bundle" k4.der made || fail "key_bundle"
poai 11 > s11
with_key poai --slot 1 --pin-source env:TOOL_PIN --id 04 s11 > s11.sig
made=(--public-key k4.pem --signature "$(cat s11.sig)" --ignore-ttl --require-attested --attestation made/snp.json --certs made/chain.pem)
may=2026-05-28T12:00:00Z june=2026-06-15T12:00:00Z july=2026-07-15T12:00:00Z later=2027-03-01T12:00:00Z
[ "$(tool poai verify "${made[@]}" --policy made/policy.json --at $may s11)" = "valid, attested" ] || fail "a real platform is not called simulated"
tool poai verify "${made[@]}" --policy made/policy.json --collateral made/lists --at $june s11 >/dev/null || fail "with the list"
no 'not attested: expired' "${made[@]}" --policy made/policy.json --collateral made/lists --at $july s11
no 'not attested: chain' "${made[@]}" --policy made/policy.json --at $later s11
no 'not attested: policy_kind' "${made[@]}" --policy policy.json --at $may s11
no 'not attested: chain: cpu: no pinned snp root' "${made[@]}" --policy "$HANZO_SRCDIR/examples/policy-snp.json" --at $may s11
no 'not attested: key: the bundle vouches for another key' --public-key k1.pem --signature "$sig" --ignore-ttl --require-attested \
	--attestation made/snp.json --certs made/chain.pem --policy made/policy.json --at $may s1
no 'bad time' "${made[@]/--ignore-ttl/--json}" --policy made/policy.json --at $may s11
