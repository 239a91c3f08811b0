#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Logins with evidence of the simulated TEE by unchanged clients: pkcs11-tool, OpenSSL's provider, p11-kit's remoting, hanzo-p11.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl p11-kit
cd "$work"
cp "$HANZO_SRCDIR/examples/policy-simulated.json" policy.json
zeros=$(printf '0%.0s' $(seq 96))
printf '{"measurement":"%s","tee_io":true,"gpus":[{"arch":"hopper","key":"gpu"}]}' "$zeros" > sim.json
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
printf 'attack at dawn' > msg
gated() { p11 --slot 3 --login --pin attest: "$@"; }

say "the token, before anybody logged in"
p11 --list-slots > slots
grep -A3 hanzo-gpu-cc slots | grep -q 'token model *: SIMULATED' || { cat slots; fail "the slot does not say SIMULATED"; }

say "pkcs11-tool with attest: as PIN"
gated --keypairgen --key-type EC:prime256v1 --label ec --id 02 --usage-sign >/dev/null
gated --sign --mechanism ECDSA-SHA256 --id 02 --signature-format openssl -i msg -o sig >/dev/null 2>&1
gated --read-object --type pubkey --id 02 -o ec.der >/dev/null
openssl dgst -sha256 -verify ec.der -keyform DER -signature sig msg >/dev/null || fail "OpenSSL refuses the signature"
refused p11 --slot 3 --login --pin attest:@other --list-objects
refused p11 --slot 3 --login --pin 1234 --list-objects
refused p11 --slot 3 --login --pin '{"hanzo_evidence":1,"challenge":"AA","evidence":{}}' --list-objects
grep -q CKR_PIN_INCORRECT refused.out || { cat refused.out; fail "not CKR_PIN_INCORRECT"; }

say "a policy that does not accept the platform"
sed "s/$zeros/1${zeros#0}/" sim.json > other.json
sed 's/"measurement": "any"/"measurement": "'"$zeros"'"/' policy.json > strict.json && mv strict.json policy.json && chmod 600 policy.json
gated --list-objects >/dev/null || fail "the measurement that the policy names"
mv sim.json good.json && cp other.json sim.json
refused gated --list-objects
mv good.json sim.json

say "OpenSSL's provider with attest: in the PIN file"
if openssl list -providers -provider pkcs11 >/dev/null 2>&1; then
	printf 'attest:' > pin && chmod 600 pin
	sed -e "s|@MODULE@|$HANZO_MODULE|" -e "s|@PIN_FILE@|$work/pin|" "$HANZO_SRCDIR/examples/openssl-provider.cnf" > openssl.cnf
	OPENSSL_CONF="$work/openssl.cnf" timeout 60 openssl pkeyutl -sign -rawin -digest sha256 -inkey "pkcs11:token=hanzo-gpu-cc;object=ec;type=private" \
		-in msg -out sig || fail "sign with OpenSSL"
	openssl dgst -sha256 -verify ec.der -keyform DER -signature sig msg >/dev/null || fail "OpenSSL refuses its own signature"
else
	echo "   (pkcs11-provider is not installed)"
fi

say "the attestation object, in the process and through p11-kit's remoting"
timeout 60 "$HANZO_BUILDDIR/tests/interop/gate_client" hanzo-gpu-cc || fail "the attestation object"
client=$(pkg-config --variable=p11_module_path p11-kit-1 2>/dev/null || echo /usr/lib/x86_64-linux-gnu/pkcs11)/p11-kit-client.so
if [ -e "$client" ]; then
	p11-kit server --foreground --name "$work/p11.sock" --provider "$HANZO_MODULE" "pkcs11:token=hanzo-gpu-cc" > server.log 2>&1 &
	servers="$servers $!"
	for _ in $(seq 50); do [ -S p11.sock ] && break; sleep 0.1; done
	P11_KIT_SERVER_ADDRESS="unix:path=$work/p11.sock" HANZO_MODULE="$client" timeout 60 "$HANZO_BUILDDIR/tests/interop/gate_client" hanzo-gpu-cc ||
		{ cat server.log; fail "the attestation object through remoting"; }
	P11_KIT_SERVER_ADDRESS="unix:path=$work/p11.sock" timeout 60 pkcs11-tool --module "$client" --login --pin attest: --list-objects --type privkey > objects 2>&1 ||
		{ cat objects; fail "attest: through remoting"; }
	grep -q 'label: *ec' objects || { cat objects; fail "the key is not seen through remoting"; }
fi

say "hanzo-p11 attest challenge, collect, verify"
tool="$HANZO_BUILDDIR/hanzo-p11"
challenge=$("$tool" attest challenge)
"$tool" attest collect --challenge "$challenge" --source "sim:$work/sim.json" > bundle.json || fail "attest collect"
"$tool" attest verify --kind bundle --policy policy.json --tier 3 --challenge "$challenge" bundle.json >/dev/null || fail "attest verify"
refused "$tool" attest verify --kind bundle --policy policy.json --tier 4 --challenge "$challenge" bundle.json
refused "$tool" attest verify --kind bundle --policy policy.json --challenge "$("$tool" attest challenge)" bundle.json
refused "$tool" attest collect --challenge "$challenge" --source "tsm:$work/none"
refused "$tool" attest collect --challenge xyz --source "sim:$work/sim.json"
