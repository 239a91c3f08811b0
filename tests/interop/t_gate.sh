#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Logins with evidence of the simulated TEE by unchanged clients: pkcs11-tool, OpenSSL's provider, p11-kit's remoting, Java, callers
# that have a PIN string and nothing else, hanzo-p11.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl p11-kit
cd "$work"
cp "$HANZO_SRCDIR/examples/policy-simulated.json" policy.json
zeros=$(printf '0%.0s' $(seq 96))
printf '{"measurement":"%s","tee_io":true,"gpus":[{"arch":"hopper","key":"gpu"}]}' "$zeros" > sim.json
cat > conf <<END
[hanzo]
slots = either, host
[tier3]
backend = soft
seal = sim
login = evidence
policy = $work/policy.json
evidence_source = sim:$work/sim.json
[slot_either]
id = 16
tier = 1
label = either
login = pin | evidence
seal = pin, sim
policy = $work/policy.json
evidence_source = sim:$work/sim.json
[slot_host]
id = 17
tier = 3
label = key-host
backend = soft
seal = sim
policy = $work/policy.json
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

say "pkcs11-tool without a PIN, and a slot that takes a PIN as well"
p11 --slot 3 --login --list-objects --type privkey < /dev/null > objects || fail "no PIN"
grep -q 'label: *ec' objects || { cat objects; fail "the key is not seen without a PIN"; }
p11 --slot 16 --init-token --so-pin "$so_pin" --label either >/dev/null
p11 --slot 16 --init-pin --so-pin "$so_pin" --pin "$pin" >/dev/null
p11 --slot 16 --login --pin "$pin" --keypairgen --key-type EC:prime256v1 --label both --id 03 --usage-sign >/dev/null
for word in attest: "$pin"; do
	p11 --slot 16 --login --pin "$word" --list-objects --type privkey | grep -q 'label: *both' || fail "slot 16 by $word"
done

say "a policy that does not accept the platform"
sed "s/$zeros/1${zeros#0}/" sim.json > other.json
sed 's/"measurement": "any"/"measurement": "'"$zeros"'"/' policy.json > strict.json && mv strict.json policy.json && chmod 600 policy.json
gated --list-objects >/dev/null || fail "the measurement that the policy names"
mv sim.json good.json && cp other.json sim.json
refused gated --list-objects
mv good.json sim.json

say "OpenSSL's provider with attest: in the PIN file, in the URI, and with no PIN at all"
if openssl list -providers -provider pkcs11 >/dev/null 2>&1; then
	printf 'attest:' > pin && chmod 600 pin
	sed -e "s|@MODULE@|$HANZO_MODULE|" -e "s|@PIN_FILE@|$work/pin|" "$HANZO_SRCDIR/examples/openssl-provider.cnf" > with.cnf
	grep -v PIN_FILE "$HANZO_SRCDIR/examples/openssl-provider.cnf" | sed -e "s|@MODULE@|$HANZO_MODULE|" > without.cnf
	signs() {
		rm -f sig
		OPENSSL_CONF="$work/$1" timeout 60 openssl pkeyutl -sign -rawin -digest sha256 -inkey "$2" -in msg -out sig < /dev/null || fail "sign with OpenSSL: $1 $2"
		openssl dgst -sha256 -verify ec.der -keyform DER -signature sig msg >/dev/null || fail "OpenSSL refuses its own signature: $1 $2"
	}
	key="pkcs11:token=hanzo-gpu-cc;object=ec;type=private"
	signs with.cnf "$key"
	signs without.cnf "$key"
	signs without.cnf "$key?pin-value=attest:"
	signs without.cnf "$key?pin-source=file:$work/pin"
	# The provider gives no PIN to a token with an authentication path of its own. Another gets what it was told.
	key="pkcs11:token=either;object=both;type=private"
	p11 --slot 16 --read-object --type pubkey --id 03 -o ec.der >/dev/null
	signs without.cnf "$key?pin-value=attest:"
	signs without.cnf "$key?pin-value=$pin"
	signs with.cnf "$key"
	refused env OPENSSL_CONF="$work/without.cnf" timeout 60 openssl pkeyutl -sign -rawin -digest sha256 -inkey "$key?pin-value=attest:@none" -in msg -out sig
	p11 --slot 3 --read-object --type pubkey --id 02 -o ec.der >/dev/null
else
	echo "   (pkcs11-provider is not installed)"
fi

say "Java: a token with an authentication path of its own gets no PIN, another the password"
if command -v keytool >/dev/null 2>&1; then
	java_on() {
		sed -e "s|@MODULE@|$HANZO_MODULE|" -e "s|^slot.*|slot = $1|" "$HANZO_SRCDIR/examples/java-pkcs11.cfg" > java.cfg
		timeout 120 keytool -J-Xmx256m -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 "${@:2}" -keystore NONE -storetype PKCS11 -addprovider SunPKCS11 \
			-providerarg "$work/java.cfg" < /dev/null
	}
	java_on 3 -genkeypair -alias jec -keyalg EC -groupname secp256r1 -dname CN=jec -validity 2 -protected > out 2>&1 || { cat out; fail "Java makes a key"; }
	java_on 3 -certreq -alias jec -file jec.csr -storepass ignored > out 2>&1 || { cat out; fail "Java signs"; }
	java_on 3 -list -protected > out 2>&1 || { cat out; fail "Java lists"; }
	grep -q '^jec, *PrivateKeyEntry' out || { cat out; fail "Java does not list its key at tier 3"; }
	openssl req -in jec.csr -noout -verify 2>&1 | grep -q OK || fail "the request that Java signed"
	java_on 16 -genkeypair -alias jec -keyalg EC -groupname secp256r1 -dname CN=jec -validity 2 -storepass attest: > out 2>&1 || { cat out; fail "Java by attest:"; }
	java_on 16 -list -storepass "$pin" > out 2>&1 || { cat out; fail "Java by PIN"; }
	grep -q '^jec, *PrivateKeyEntry' out || { cat out; fail "Java does not list its key"; }
	refused java_on 16 -list -storepass attest:@none
else
	echo "   (no Java)"
fi

tool="$HANZO_BUILDDIR/hanzo-p11"
python=/usr/bin/python3
script="$HANZO_SRCDIR/tests/interop/gate_pykcs11.py"
if "$python" -c 'import PyKCS11' 2>/dev/null; then
	say "a caller that has a PIN string, and one that answers the challenge with it"
	timeout 60 "$python" "$script" "$HANZO_MODULE" hanzo-gpu-cc sign attest: ec || fail "a PIN string"
	timeout 60 "$python" "$script" "$HANZO_MODULE" hanzo-gpu-cc elsewhere "$tool" "sim:$work/sim.json" || fail "a challenge answered"
	say "a third party checks the attestation of a key"
	timeout 60 "$python" "$script" "$HANZO_MODULE" hanzo-gpu-cc key attest: poai:acme:llama poai || fail "an attested key"
	openssl pkey -pubin -inform DER -in poai.der -outform DER -out other.der # the same key, through somebody else's code
	"$tool" attest verify --kind bundle --policy policy.json --tier 3 --key other.der poai.json >/dev/null || fail "the attestation of the key"
	openssl ecparam -genkey -name secp256k1 -noout | openssl pkey -pubout -outform DER -out stranger.der
	refused "$tool" attest verify --kind bundle --policy policy.json --tier 3 --key stranger.der poai.json
	refused "$tool" attest verify --kind bundle --policy policy.json --tier 4 --key poai.der poai.json
	refused "$tool" attest verify --kind bundle --policy policy.json --tier 3 --challenge "$("$tool" attest challenge)" poai.json
	python_ok=yes
else
	echo "   (python3-pykcs11 is not installed)"
	python_ok=
fi

say "the attestation object, in the process and through p11-kit's remoting"
timeout 60 "$HANZO_BUILDDIR/tests/interop/gate_client" hanzo-gpu-cc || fail "the attestation object"
client=$(pkg-config --variable=p11_module_path p11-kit-1 2>/dev/null || echo /usr/lib/x86_64-linux-gnu/pkcs11)/p11-kit-client.so
if [ -e "$client" ]; then
	p11-kit server --foreground --name "$work/p11.sock" --provider "$HANZO_MODULE" "pkcs11:token=hanzo-gpu-cc" > server.log 2>&1 &
	servers="$servers $!"
	listening "$work/p11.sock" server.log
	P11_KIT_SERVER_ADDRESS="unix:path=$work/p11.sock" HANZO_MODULE="$client" timeout 60 "$HANZO_BUILDDIR/tests/interop/gate_client" hanzo-gpu-cc ||
		{ cat server.log; fail "the attestation object through remoting"; }
	P11_KIT_SERVER_ADDRESS="unix:path=$work/p11.sock" timeout 60 pkcs11-tool --module "$client" --login --pin attest: --list-objects --type privkey > objects 2>&1 ||
		{ cat objects; fail "attest: through remoting"; }
	grep -q 'label: *ec' objects || { cat objects; fail "the key is not seen through remoting"; }

	say "a key host that takes the application's evidence only, and an application without module or configuration of its own"
	p11-kit server --foreground --name "$work/host.sock" --provider "$HANZO_MODULE" "pkcs11:token=key-host" > host.log 2>&1 &
	servers="$servers $!"
	listening "$work/host.sock" host.log
	away() { env -u HANZO_PKCS11_CONF -u HANZO_PKCS11_STORE P11_KIT_SERVER_ADDRESS="unix:path=$work/host.sock" timeout 60 "$@"; }
	if [ -n "$python_ok" ]; then
		away "$python" "$script" "$client" key-host elsewhere "$tool" "sim:$work/sim.json" || { cat host.log; fail "evidence from elsewhere"; }
		refused away "$python" "$script" "$client" key-host elsewhere "$tool" "sim:$work/other.json" # another measurement
	fi
	refused away pkcs11-tool --module "$client" --login --pin attest: --list-objects
	away env HANZO_MODULE="$client" "$HANZO_BUILDDIR/tests/interop/gate_client" key-host || { cat host.log; fail "staged evidence from elsewhere"; }
fi

say "hanzo-p11 attest challenge, collect, verify"
challenge=$("$tool" attest challenge)
"$tool" attest collect --challenge "$challenge" --source "sim:$work/sim.json" > bundle.json || fail "attest collect"
"$tool" attest verify --kind bundle --policy policy.json --tier 3 --challenge "$challenge" bundle.json >/dev/null || fail "attest verify"
refused "$tool" attest verify --kind bundle --policy policy.json --tier 4 --challenge "$challenge" bundle.json
refused "$tool" attest verify --kind bundle --policy policy.json --challenge "$("$tool" attest challenge)" bundle.json
refused "$tool" attest collect --challenge "$challenge" --source "tsm:$work/none"
refused "$tool" attest collect --challenge xyz --source "sim:$work/sim.json"

say "hanzo-p11 on tokens with an authentication path of their own: no PIN, or the one of --pin-source"
export USER_PIN="$pin" WRONG_PIN=wrong SO_PIN="$so_pin"
cat >> conf <<END
[slot_operator]
id = 18
tier = 2
label = operator
backend = soft
login = evidence | pin
seal = pin, sim
policy = $work/policy.json
evidence_source = sim:$work/sim.json
END
sed -i 's/^slots = .*/slots = either, host, operator/' conf
quiet() { setsid timeout 60 "$tool" "$@" --module "$HANZO_MODULE" < /dev/null; }
quiet list --slot 3 --login > out 2>&1 || { cat out; fail "list --login of a slot of evidence alone"; }
grep -q 'PRIVATE_KEY.* ec ' out || { cat out; fail "list --login shows no private key"; }
quiet init --slot 18 --label operator --so-pin-source env:SO_PIN --pin-source env:USER_PIN > out 2>&1 || { cat out; fail "init"; }
p11 --slot 18 --login --pin "$pin" --keypairgen --key-type EC:secp256k1 --label poai:acme:m --id 05 --usage-sign >/dev/null
statement() {
	printf '{"modelId":"m","inputHash":"0x%064d","outputHash":"0x%064d","timestamp":%d,"computeTime":5,"nodeId":"n","nonce":"0x%064d"}\n' 1 2 "$(date +%s)" "$1" > statement
}
statement 1
quiet poai sign --slot 18 --id 05 statement > out 2>&1 || { cat out; fail "a key by evidence"; }
cp policy.json good.json
sed "s/$zeros/1${zeros#0}/" good.json > policy.json # the platform's evidence is refused from here
statement 2
refused quiet poai sign --slot 18 --id 05 statement
grep -q 'C_Login: CKR_PIN_INCORRECT: evidence refused' refused.out || { cat refused.out; fail "evidence is not what it was refused for"; }
refused quiet poai sign --slot 18 --id 05 --pin-source env:WRONG_PIN statement
grep -q 'C_Login: CKR_PIN_INCORRECT: wrong PIN' refused.out || { cat refused.out; fail "a wrong PIN"; }
quiet poai sign --slot 18 --id 05 --pin-source env:USER_PIN statement > out 2>&1 || { cat out; fail "the operator's PIN"; }
quiet list --slot 18 --pin-source env:USER_PIN > out 2>&1 && grep -q PRIVATE_KEY out || { cat out; fail "list with the operator's PIN"; }
openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl pkcs8 -topk8 -nocrypt -out key.pem
quiet import --slot 18 --pin-source env:USER_PIN --label imported key.pem > out 2>&1 || { cat out; fail "import with the operator's PIN"; }
quiet migrate --from-slot 18 --from-pin-source env:USER_PIN --slot 18 --pin-source env:USER_PIN --id 05 > out 2>&1 || true
! grep -q C_Login out || { cat out; fail "migrate with the operator's PIN"; }
cp good.json policy.json

say "why the module does not start, and what serves a slot that has fallen back"
cp conf good.conf
printf '[tier4]\nfallback = 1\n' >> conf
quiet doctor > out || { cat out; fail "doctor"; }
grep -q '^slot 4 .*: ready: served by a lower tier: tier 4 needs' out || { cat out; fail "doctor does not say that slot 4 has fallen back"; }
[ "$(grep -c 'served by' out)" = 1 ] || { cat out; fail "doctor says it of others"; }
printf '[tier4]\nfallback = 1\n' > conf
quiet doctor > out || { cat out; fail "doctor, with one tier"; }
grep -q '^slot 4 .*: served by tier 1: tier 4 needs' out || { cat out; fail "doctor does not say what serves slot 4"; }
cp good.conf conf
printf '{"hanzo_policy":1,"misspelt":true}' > policy.json
for words in list "poai sign --slot 18 --id 05 --pin-source env:USER_PIN"; do
	# shellcheck disable=SC2086
	refused quiet $words
	grep -q 'C_Initialize: CKR_GENERAL_ERROR: .*policy.json' refused.out || { cat refused.out; fail "no reason: $words"; }
done
quiet doctor > out 2> err && fail "doctor finds nothing"
grep -q '^reason .*policy.json' out || { cat out; fail "doctor does not say why"; }
! grep -q 'hanzo-p11 doctor may' out err || fail "the doctor sends to the doctor"
cp good.conf conf
