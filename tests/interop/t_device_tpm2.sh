#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tpm2-pkcs11 behind a slot: a software TPM, a resource manager on a message bus of this test's own, and a store in its folder.
. "$(dirname "$0")/device.sh"
need swtpm tpm2-abrmd dbus-daemon tpm2_ptool python3
module=$(find_module libtpm2_pkcs11.so.1)

mkdir "$work/tpm" "$work/p11store"
swtpm socket --tpm2 --tpmstate dir="$work/tpm" --server type=unixio,path="$work/tpm.sock" --ctrl type=unixio,path="$work/tpm.sock.ctrl" --flags not-need-init,startup-clear > "$work/swtpm.out" 2>&1 &
servers="$servers $!"
cat > "$work/bus.conf" <<EOF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=$work/bus.sock</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
EOF
dbus-daemon --config-file="$work/bus.conf" --nofork --nopidfile > "$work/bus.out" 2>&1 &
servers="$servers $!"
export DBUS_SESSION_BUS_ADDRESS="unix:path=$work/bus.sock"
listening "$work/tpm.sock" "$work/swtpm.out"
listening "$work/bus.sock" "$work/bus.out"
root=
[ "$(id -u)" != 0 ] || root=--allow-root
tpm2-abrmd --session $root --tcti="swtpm:path=$work/tpm.sock" > "$work/abrmd.out" 2>&1 &
servers="$servers $!"
export TPM2_PKCS11_STORE="$work/p11store" TPM2_PKCS11_TCTI="tabrmd:bus_type=session" TPM2TOOLS_TCTI="tabrmd:bus_type=session" TPM2_PKCS11_LOG_LEVEL=0
ptool() { timeout 60 tpm2_ptool "$@" > "$work/ptool.out" 2>&1; }
for _ in $(seq 60); do ptool init && break; sleep 0.5; done
grep -q '^id: 1' "$work/ptool.out" || { cat "$work"/*.out; fail "tpm2_ptool init"; }
ptool addtoken --pid=1 --label=device --sopin="$so_pin" --userpin="$pin" || { cat "$work"/*.out; fail "tpm2_ptool addtoken"; }
configure "$module" "token = device"

say "making and using keys"
for k in "aes256 aes" "hmac:sha256 mac"; do # which the module itself does not make
	set -- $k
	ptool addkey --label=device --userpin="$pin" --algorithm="$1" --key-label="dev-$2" --id="dev-$2" || { cat "$work/ptool.out"; fail "tpm2_ptool addkey $1"; }
done
device "$pin" list login rsa pss rsa-crypt oaep p256 p384 cbc ecb old-hmac private-data rename find reopen
say "in another process"
device "$pin" again rename find clean
