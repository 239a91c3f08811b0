#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the loader sees of the module: three symbols, bound at load time, never unmapped, no handler of its own at exit.
set -eu
module=${HANZO_MODULE:?}
[ -e "$module" ] || { echo "no $module"; exit 1; }
command -v readelf > /dev/null || { echo "readelf is not here"; exit 77; }
bad=0
want="C_GetFunctionList C_GetInterface C_GetInterfaceList"
have=$(nm -D --defined-only "$module" | awk '{print $3}' | sort | tr '\n' ' ' | sed 's/ $//')
[ "$have" = "$want" ] || { echo "exports: $have"; bad=1; }
readelf -d "$module" | grep -q 'NODELETE' || { echo "not linked with -z nodelete"; bad=1; }
readelf -d "$module" | grep -q 'NOW' || { echo "not linked with -z now"; bad=1; }
readelf -lW "$module" | grep 'GNU_STACK' | grep -q 'RWE' && { echo "the stack is executable"; bad=1; }
for s in atexit on_exit __cxa_atexit ENGINE_by_id fork vfork execve posix_spawn system popen pthread_create printf puts; do
	nm -D --undefined-only "$module" | awk '{print $2}' | sed 's/@.*//' | grep -qx "$s" && { echo "uses $s"; bad=1; }
done
exit "$bad"
