#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libhanzo-attest stands alone: it exports its own names only, and asks the C library for memory, text and sorting, nothing else -
# no file, no socket, no thread, no clock, no process - and keeps no writable data of its own.
set -u
lib=${HANZO_BUILDDIR:-.}/.libs/libhanzo-attest.so
[ -z "${HANZO_SANITIZED-}" ] || { echo "SKIP t_attest_alone.sh: a sanitizer adds names of its own"; exit 77; }
command -v nm > /dev/null && [ -e "$lib" ] || { echo "no nm, or no library at $lib"; exit 1; }
bad=0
other=$(nm -D --defined-only "$lib" | awk '{print $3}' | grep -v '^hz_attest_')
[ -z "$other" ] || { echo "exports: $other"; bad=1; }
allowed='^(calloc|free|malloc|realloc|mem[a-z]+|str[a-z]+|v?snprintf|qsort|__.*|_ITM_.*|abort)$'
asked=$(nm -D --undefined-only "$lib" | awk '{print $2}' | grep '@GLIBC' | sed 's/@.*//' | grep -vE "$allowed")
[ -z "$asked" ] || { echo "asks the C library for: $asked"; bad=1; }
state=$(nm "$lib" | awk '$2 ~ /^[bB]$/ {print $3}' | grep -vE '^(completed\.|__)')
[ -z "$state" ] || { echo "has state: $state"; bad=1; }
exit $bad
