#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hanzo-p11 attest over stored evidence: verdicts, exit codes, output for people and for programs.
set -u
tool=${HANZO_P11:-./hanzo-p11}
v=${HANZO_VECTORS:-../shared/vectors}/attestation
[ -d "$v" ] || { echo "SKIP t_attest_tool.sh: no vectors at $v"; exit 77; }
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
bad=0
# expect CODE TEXT ARGUMENTS...
expect() {
	code=$1 text=$2
	shift 2
	"$tool" attest "$@" > "$out" 2>&1
	rc=$?
	if [ "$rc" -ne "$code" ] || ! grep -qF -- "$text" "$out"; then
		echo "attest $*: exit $rc, wanted $code with: $text"
		sed 's/^/    /' "$out" | tail -3
		bad=1
	fi
}
at=2025-05-20T18:31:36Z
snp=$v/snp/v3-genoa-vcek-extended
expect 0 'result: verified' verify "$snp/extended.bin" --at $at
expect 0 'result: verified' verify "$snp/report.bin" --kind snp --certs "$snp/certtable.bin" --at $at
expect 0 'result: verified' verify "$snp/report.bin" --certs "$snp/vek.der" --certs "$v/snp/roots/genoa-ark.pem" \
	--certs "$v/snp/roots/genoa-ask.der" --at $at
expect 1 'refused (missing)' verify "$snp/report.bin" --at $at
expect 1 'refused (chain)' verify "$snp/extended.bin" --at 2040-01-01T00:00:00Z
expect 1 'refused (report_data)' verify "$snp/extended.bin" --at $at --challenge 00112233
expect 0 'result: verified' verify "$snp/extended.bin" --at $at --report-data \
	4d4944424e48323869696f69736a5079787878787878787878787878787878784d4944424e48323869696f69736a507978787878787878787878787878787878
expect 0 '"verified":true' verify "$snp/tsm-report.json" --at $at --json
expect 0 'attest verify' show "$snp/report.bin"
tdx=$v/tdx
expect 0 'TCB status not evaluated' verify "$tdx/v4-emr-2025.quote.bin" --at 2025-07-01T00:00:00Z
expect 0 '"tcb_status":"UpToDate"' verify "$tdx/v4-emr-2025.quote.bin" --json --at 2025-07-01T00:00:00Z \
	--collateral "$tdx/collateral/b0c06f-2025-06"
expect 1 'refused (fmspc)' verify "$tdx/v4-emr-2025.quote.bin" --at 2026-03-01T00:00:00Z --collateral "$tdx/collateral/90c06f-2026-02"
expect 1 'refused (policy_debug)' verify "$tdx/v4-spr-td-debug.quote.bin" --at 2023-03-09T08:02:55Z
expect 1 '"reason":"policy_kind"' verify "$tdx/v4-emr-2025.quote.bin" --at 2025-07-01T00:00:00Z --json \
	--policy "${HANZO_SRCDIR:-.}/examples/policy-snp.json"
set5="$tdx/collateral/90c06f-2026-03" tdx5="$tdx/v5-td15-2026.quote.bin" strict="${HANZO_SRCDIR:-.}/examples/policy-tdx.json"
expect 0 'result: verified' verify "$tdx5" --policy "$strict" --collateral "$set5" --at 2026-03-17T00:00:00Z
expect 1 'refused (expired)' verify "$tdx5" --policy "$strict" --collateral "$set5" --at 2026-09-01T00:00:00Z
expect 1 'refused (crl)' verify "$tdx5" --policy "$strict" --at 2026-03-17T00:00:00Z
expect 1 'refused (policy_mrtd)' verify "$tdx/v4-2026-04.quote.bin" --policy "$strict" --collateral "$set5" --at 2026-04-15T12:00:00Z
gpu=$v/nvidia at=2026-03-01T00:00:00Z own="${HANZO_SRCDIR:-.}/examples/policy-gpu.json"
expect 0 'gpu/0.driver' verify "$gpu/hopper-550.90.07.report.bin" --certs "$gpu/hopper-550.90.07.chain.pem" --at $at \
	--nonce 931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb
expect 1 'refused (rim)' verify "$gpu/hopper-550.90.07.report.bin" --certs "$gpu/hopper-550.90.07.chain.pem" --at $at --policy "$own"
expect 1 'refused (device_kind)' verify "$gpu/nvswitch-ls10.report.bin" --certs "$gpu/nvswitch-ls10.chain.pem" --at $at
rim=$(mktemp -d) || exit 99
trap 'rm -rf "$out" "$rim"' EXIT
cp "$gpu/rim/NV_GPU_DRIVER_GH100_550.90.07.xml" "$gpu/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml" "$rim"
expect 0 '"rim_driver":"matched"' verify "$gpu/hopper-550.90.07.report.bin" --certs "$gpu/hopper-550.90.07.chain.pem" --at $at \
	--policy "$own" --collateral "$rim" --json
expect 0 'gpu/0.project_sku' show "$gpu/blackwell-575.32.report.bin" --kind nvidia
# The five certificates of a device as files in any order; and everything of a bundle is shown, whatever it is worth.
awk -v d="$rim" '/BEGIN CERT/ { n++ } { print > (d "/cert" n ".pem") }' "$gpu/hopper-550.90.07.chain.pem"
for order in '5 4 3 2 1' '3 1 5 2 4' '1 2 3 4 5'; do
	certs=
	for i in $order; do certs="$certs --certs $rim/cert$i.pem"; done
	# shellcheck disable=SC2086
	expect 0 'result: verified' verify "$gpu/hopper-550.90.07.report.bin" $certs --at $at
done
expect 1 'refused (chain_len)' verify "$gpu/hopper-550.90.07.report.bin" --certs "$rim/cert1.pem" --certs "$rim/cert1.pem" --at $at
printf '{"tee_io":true,"gpus":[{"arch":"blackwell","key":"a"}]}' > "$rim/sim.json"
"$tool" attest collect --challenge 0011 --source "sim:$rim/sim.json" > "$rim/bundle.json" || bad=1
expect 1 'policy_simulated' verify "$rim/bundle.json" --challenge 0011
for claim in gpu/0.nonce gpu/0.arch cpu.report_data cpu.tee_io; do
	expect 0 $claim show "$rim/bundle.json"
done
expect 0 '"verified":false' show "$rim/bundle.json" --json
expect 0 'cpu.hardware' show "$v/snp/azure-v3-genoa-hcl/hcl-report.bin"
expect 0 'cpu.initial_measurement' show "$v/cca/tf-rmm/token.cbor"
expect 0 'cpu.pcr_digest' show "$v/tpm/tpm2-quote-rsassa/quote.msg"
expect 0 'cpu.mrtd' show "$v/cmw/tdx-tsm-record.json"
expect 1 'nothing to show' show "$v/cmw/snp-record.cbor"
# An expectation that the evidence cannot meet is not passed over.
data=$(printf '%0128d' 0)
expect 1 'refused (argument)' verify "$snp/extended.bin" --at 2025-05-20T18:31:36Z --nonce 00
expect 1 'refused (argument)' verify "$gpu/hopper-550.90.07.report.bin" --certs "$gpu/hopper-550.90.07.chain.pem" --at $at --report-data "$data"
expect 1 'refused (argument)' verify "$v/tpm/tpm2-quote-rsassa/quote.msg" --part signature="$v/tpm/tpm2-quote-rsassa/quote.tpmt-signature" \
	--part ak="$v/tpm/tpm2-quote-rsassa/ak-pub.der" --report-data "$data"
expect 1 'refused (argument)' verify "$v/tpm/tpm2-quote-rsassa/quote.msg" --part signature="$v/tpm/tpm2-quote-rsassa/quote.tpmt-signature" \
	--part ak="$v/tpm/tpm2-quote-rsassa/ak-pub.der" --part pcr="$v/tpm/tpm2-quote-rsassa/ak-pub.der"
expect 1 'refused (argument)' verify "$snp/extended.bin" --at 2025-05-20T18:31:36Z --part ak="$snp/vek.der"
expect 0 'result: verified' verify "$v/tpm/tpm2-quote-rsassa/quote.msg" --part signature="$v/tpm/tpm2-quote-rsassa/quote.tpmt-signature" \
	--part ak="$v/tpm/tpm2-quote-rsassa/ak-pub.der"
expect 2 'one file' verify
expect 2 'bad value for --at' verify "$snp/report.bin" --at yesterday
expect 2 'bad value for --challenge' verify "$snp/report.bin" --challenge 0
expect 2 'bad value for --kind' verify "$snp/report.bin" --kind unknown
expect 2 'No such file' verify /nonexistent/file
expect 2 'policy' verify "$snp/report.bin" --policy "$snp/tsm-report.json"
expect 2 'attest verify' nothing
# Certificates and lists of a folder: told by name or content, under the names of the vendors' services; a file that cannot be told is
# refused, and so is a folder in it. Hidden files are passed over.
az=$v/snp/azure-v3-milan-hcl-challenge
azure() {
	expect "$1" "$2" verify "$az/hcl-report.bin" --part quote="$az/tpm-quote.msg" --part signature="$az/tpm-quote.sig" \
		--part pcrs="$az/pcrs.bin" --at 2025-02-27T16:26:55Z --collateral "$rim/c"
}
mkdir "$rim/c" "$rim/c/.git"
echo hidden > "$rim/c/.hidden"
azure 1 'refused (missing)'
cat "$v/snp/roots/milan-ask.pem" "$v/snp/roots/milan-ark.pem" > "$rim/c/cert_chain"
cp "$az/vek.der" "$rim/c/vcek"
azure 0 'result: verified'
expect 0 'result: verified' verify "$gpu/hopper-550.90.07.report.bin" --certs "$gpu/hopper-550.90.07.chain.pem" --at $at --collateral "$rim/c"
expect 0 'not evaluated' verify "$tdx/v4-emr-2025.quote.bin" --at 2025-07-01T00:00:00Z --collateral "$rim/c"
echo notes > "$rim/c/notes.txt"
azure 2 'notes.txt: neither its name nor its content'
rm "$rim/c/notes.txt" && mkdir "$rim/c/crls"
azure 2 'crls: Is a directory'
rmdir "$rim/c/crls"
cp "$v/snp/v5-turin-vcek/vek.der" "$rim/c/vcek"
cp "$v/snp/roots/turin-ask.der" "$rim/c/ask" && cp "$v/snp/roots/turin-ark.pem" "$rim/c/ark"
cp "$v/snp/crl/turin.crl.der" "$rim/c/crl"
printf '{"hanzo_policy":1,"snp":{"measurement":"any"}}' > "$rim/any.json"
expect 0 'result: verified' verify "$v/snp/v5-turin-vcek/report.bin" --policy "$rim/any.json" --collateral "$rim/c" --at 2026-09-01T00:00:00Z
expect 1 'refused (expired)' verify "$v/snp/v5-turin-vcek/report.bin" --policy "$rim/any.json" --collateral "$rim/c" --at 2026-11-01T00:00:00Z
printf '{"hanzo_policy":1,"min_gpus":1,"snp":{"measurement":"any"}}' > "$rim/gpus.json"
expect 1 'refused (gpu_count)' verify "$v/snp/v5-turin-vcek/report.bin" --policy "$rim/gpus.json" --collateral "$rim/c" --at 2026-09-01T00:00:00Z
i=0
while [ $((i += 1)) -le 61 ]; do cp "$rim/c/crl" "$rim/c/crl$i"; done
expect 2 'more than 64 files' verify "$v/snp/v5-turin-vcek/report.bin" --collateral "$rim/c"
expect 2 'bad value for --at' verify "$snp/report.bin" --at 2026-02-30T00:00:00Z
# A GPU outside confidential computing, or with its development tools on: the tier is absent for that reason.
mkdir "$rim/tsm"
cat > "$rim/pkcs11.conf" <<EOF
[hanzo]
store = $rim/store
[tier3]
backend = soft
seal = sim
evidence_source = tsm:$rim/tsm
gpu_source = nvml:${HANZO_BUILDDIR:-$PWD}/.libs/fake-nvml.so
policy = $(cd "${HANZO_SRCDIR:-.}" && pwd)/examples/policy-simulated.json
EOF
chmod 600 "$rim/pkcs11.conf"
mode() {
	FAKE_NVML_MODE=$1 HANZO_PKCS11_CONF="$rim/pkcs11.conf" "$tool" doctor --module "${HANZO_MODULE:-.libs/libhanzo-pkcs11.so}" > "$out" 2>&1
	grep -q "^slot 3 .*$2" "$out" || { echo "doctor, GPU $1: wanted $2"; grep '^slot 3' "$out"; bad=1; }
}
mode off 'no token: confidential computing is off'
mode devtools 'no token: the GPU is in the development-tools mode'
mode on ready
n=$("$tool" attest challenge | tr -d '\n' | wc -c)
[ "$n" -eq 64 ] || { echo "challenge has $n digits"; bad=1; }
# What cannot be written has not been done.
"$tool" attest show "$snp/report.bin" > /dev/full 2> "$out" && { echo "attest show writes to a full device"; bad=1; }
grep -q 'could not be written' "$out" || bad=1
expect 0 'usage: hanzo-p11 attest' verify --help
expect 0 'hanzo_evidence' collect --challenge 00 --json --module /nowhere --source "sim:$rim/sim.json"
exit $bad
