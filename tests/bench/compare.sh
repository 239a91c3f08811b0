#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Time this module next to SoftHSM2 and NSS softokn, and all of them next to raw OpenSSL and libsecp256k1, with p11bench.
# HANZO_BENCH_AUDIT=on|required times it with the audit log.
# usage: tests/bench/compare.sh MODULE P11BENCH-FOLDER [p11bench options]; scratch tokens in a folder that is removed at the end.
set -eu
[ $# -ge 2 ] || { echo "usage: $0 MODULE P11BENCH-FOLDER [p11bench options]" >&2; exit 2; }
module=$1 bench=$2
shift 2
work=$(mktemp -d "${TMPDIR:-.}/bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
work=$(cd "$work" && pwd)
cp "$bench"/p11bench.c "$bench"/Makefile "$work/"
make -s -C "$work" >/dev/null

export HANZO_PKCS11_STORE="$work/hanzo" SOFTHSM2_CONF="$work/softhsm2.conf"
printf '[hanzo]\naudit = %s\n' "${HANZO_BENCH_AUDIT-off}" > "$work/hanzo.conf" # what the audit log costs is stated apart
chmod 600 "$work/hanzo.conf"
export HANZO_PKCS11_CONF="$work/hanzo.conf"
softhsm=/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so
nss=/usr/lib/x86_64-linux-gnu/libsoftokn3.so
pkcs11-tool --module "$module" --slot 1 --init-token --so-pin 12345678 --label bench >/dev/null
pkcs11-tool --module "$module" --slot 1 --init-pin --so-pin 12345678 --pin 123456 >/dev/null
args=(--module "$module" --name hanzo --token bench --pin 123456)
if [ -e "$softhsm" ] && [ -z "${HANZO_BENCH_ALONE-}" ]; then
	mkdir "$work/softhsm"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/softhsm" > "$SOFTHSM2_CONF"
	softhsm2-util --init-token --free --label bench --so-pin 12345678 --pin 123456 >/dev/null
	args+=(--module "$softhsm" --name softhsm2 --token bench --pin 123456)
fi
if [ -e "$nss" ] && [ -z "${HANZO_BENCH_ALONE-}" ]; then
	mkdir "$work/nss"
	printf '123456\n' > "$work/nss.pin"
	certutil -N -d "sql:$work/nss" -f "$work/nss.pin"
	args+=(--module "$nss" --name nss --token "NSS Certificate DB" --pin 123456
		--init-args "configdir='sql:$work/nss' certPrefix='' keyPrefix='' secmod='secmod.db' flags=")
fi
"$work/p11bench" --raw-dir "$work" "$@" "${args[@]}"
