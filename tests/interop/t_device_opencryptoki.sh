#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# openCryptoki's software token behind a slot. Its daemon, token and shared memory have fixed places: they are namespaces of this test's
# own where those can be had; else the system's, when nobody uses them, and what came there goes again.
if [ -z "${HZ_PRIVATE-}" ] && unshare -mip --fork --kill-child --mount-proc true 2>/dev/null; then
	HZ_PRIVATE=1 exec unshare -mip --fork --kill-child --mount-proc "$0" "$@"
fi
. "$(dirname "$0")/device.sh"
need pkcsslotd pkcsconf
module=$(find_module libopencryptoki.so)
[ "$(id -u)" = 0 ] || skip "openCryptoki's daemon wants root"

state=/var/lib/opencryptoki/swtok
traces() { find /run/pkcsslotd* /run/lock/opencryptoki /var/lib/opencryptoki /var/log/opencryptoki /dev/shm/var.lib.opencryptoki* 2>/dev/null | sort || true; }
segments() { ipcs -m | awk '$2 ~ /^[0-9]+$/ { print $2 }' | sort; }
if [ "${HZ_PRIVATE-}" = 1 ] && mount -t tmpfs -o mode=755 none /run 2>/dev/null; then
	for d in /var/lib/opencryptoki /var/log /dev/shm; do mount -t tmpfs -o mode=755 none "$d"; done
else
	[ ! -S /run/pkcsslotd.socket ] || skip "a pkcsslotd is running, and there is no namespace of our own"
	[ -z "$(find "$state" -type f 2>/dev/null)" ] || skip "this machine has an openCryptoki token, and there is no namespace of our own"
	traces > "$work/before"
	segments > "$work/segments"
	undo() {
		for p in $servers; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null || true; done
		traces | comm -13 "$work/before" - | sort -r | while read -r f; do if [ -d "$f" ]; then rmdir "$f"; else rm -f "$f"; fi; done
		segments | comm -13 "$work/segments" - | while read -r s; do ipcrm -m "$s" || true; done
	}
fi
mkdir -p /run/lock/opencryptoki/swtok "$state/TOK_OBJ" /var/log/opencryptoki
chgrp -R pkcs11 /run/lock/opencryptoki "$state"
chmod -R o= /run/lock/opencryptoki "$state"

# The package's configuration has the software token in slot 3.
pkcsslotd -f > "$work/slotd.out" 2>&1 &
servers="$servers $!"
listening /var/run/pkcsslotd.socket "$work/slotd.out"
ock() { timeout 60 pkcsconf -c 3 "$@" >"$work/ock.out" 2>&1 || { cat "$work/ock.out" "$work/slotd.out"; fail "pkcsconf $1"; }; }
echo device | ock -I -S 87654321
ock -P -S 87654321 -n 8765432
ock -u -S 8765432 -n 1111111
ock -p -U 1111111 -n "$pin"
configure "$module" "token = device"

# What Debian's build of it has: neither elliptic curves nor AES-GCM.
say "making and using keys"
device "$pin" list login rsa pss rsa-crypt oaep oaep-sha1 aes cbc cbc-pad ecb hmac wrap-rsa import data rename find reopen
say "in another process"
device "$pin" again rename find clean
