#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OpenSSH: ssh-keygen -D lists the keys, ssh logs in to a local sshd with each, ssh-agent serves them. The token also holds a
# secp256k1 key, which ends OpenSSH's agent when it sees it: the slot hides it (hide_secp256k1 = yes).
. "$(dirname "$0")/lib.sh"
need ssh ssh-keygen ssh-agent ssh-add pkcs11-tool
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -x "$sshd" ] || skip "sshd is not installed"
init_token
cd "$work"
logged --keypairgen --key-type rsa:2048 --label rsa --id 01 --usage-sign >/dev/null
logged --keypairgen --key-type EC:prime256v1 --label ec --id 02 --usage-sign >/dev/null
logged --keypairgen --key-type EC:secp256k1 --label k256 --id 03 --usage-sign >/dev/null
logged --list-objects --type privkey | grep -q k256 || fail "the secp256k1 key is not there"
mkdir -p config/hanzo
printf '[tier1]\nhide_secp256k1 = yes\n' > config/hanzo/pkcs11.conf
chmod 600 config/hanzo/pkcs11.conf
logged --list-objects > objects 2>&1
if grep -q k256 objects; then cat objects; fail "hide_secp256k1 hides nothing"; fi
[ "$(grep -c 'Private Key Object' objects)" = 2 ] || { cat objects; fail "the other keys must stay"; }
timeout 30 ssh-keygen -D "$HANZO_MODULE" > authorized 2>keygen.log || { cat keygen.log; fail "ssh-keygen -D"; }
[ "$(grep -cE '^(ssh-rsa|ecdsa-sha2-nistp256) ' authorized)" = 2 ] || { cat authorized; fail "two public keys expected"; }

ssh-keygen -q -t ed25519 -N '' -f host
mkdir -p empty; chmod 700 empty
if [ ! -d /run/sshd ] && mkdir /run/sshd 2>/dev/null; then
	undo() { rmdir /run/sshd 2>/dev/null || true; }
fi
chmod 755 "$work"
cat > sshd_config <<EOF
ListenAddress 127.0.0.1
HostKey $work/host
AuthorizedKeysFile $work/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
EOF
start() { exec timeout 300 "$sshd" -D -e -p "$port" -f "$work/sshd_config"; }
serve sshd.log start
printf '#!/bin/sh\necho %s\n' "$pin" > askpass; chmod 700 askpass
for alg in rsa-sha2-256 rsa-sha2-512 ecdsa-sha2-nistp256; do
	out=$(SSH_ASKPASS="$work/askpass" SSH_ASKPASS_REQUIRE=force timeout 30 ssh -F none -p "$port" -o PKCS11Provider="$HANZO_MODULE" \
		-o PubkeyAcceptedAlgorithms="$alg" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$work/known" -o IdentityFile=none \
		-o IdentitiesOnly=no "$(id -un)@127.0.0.1" 'echo in' 2>ssh.log) || { cat ssh.log sshd.log; fail "log in with $alg"; }
	[ "$out" = in ] || fail "log in with $alg"
done

say "ssh-agent"
eval "$(ssh-agent -s -P "$HANZO_MODULE")" >/dev/null
servers="$servers $SSH_AGENT_PID"
SSH_ASKPASS="$work/askpass" SSH_ASKPASS_REQUIRE=force timeout 30 ssh-add -s "$HANZO_MODULE" >add.log 2>&1 </dev/null || { cat add.log; fail "ssh-add -s"; }
[ "$(ssh-add -l | wc -l)" = 2 ] || fail "the agent has not both keys"
out=$(timeout 30 ssh -F none -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$work/known" "$(id -un)@127.0.0.1" 'echo in' 2>ssh.log) || { cat ssh.log; fail "log in through the agent"; }
[ "$out" = in ] || fail "agent"
