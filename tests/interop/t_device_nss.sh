#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# NSS softokn behind a slot: a database of its own, named by what C_Initialize is told.
. "$(dirname "$0")/device.sh"
need certutil
module=$(find_module libsoftokn3.so)
db="$work/db"
mkdir "$db"
printf '%s\n' "$pin" > "$work/nss-pin"
certutil -N -d "sql:$db" -f "$work/nss-pin" || fail "certutil makes no database"
configure "$module" "token = NSS Certificate DB" "init_args = \"configDir='sql:$db' certPrefix='' keyPrefix='' secmod='secmod.db' flags=\""

say "making and using keys"
device "$pin" list login rsa pss rsa-crypt oaep oaep-sha1 p256 p384 p521 ecdh aes cbc cbc-pad ecb ctr gcm hmac wrap-kwp wrap-kw wrap-rsa import rename find reopen
say "in another process"
device "$pin" again rename find clean
