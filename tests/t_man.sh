#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages are well-formed, and the options, commands and configuration keys that they describe are those that the code knows.
set -eu
cd "${HANZO_SRCDIR:-$(dirname "$0")/..}"
command -v mandoc >/dev/null 2>&1 || { echo "SKIP t_man.sh: mandoc is not installed"; exit 77; }
bad=0
for page in man/*.[1-9]; do
	if mandoc -Tlint -Wwarning "$page" | grep -v 'mandoc.db\|referenced manual not found'; then bad=1; fi
done

# same WHAT PAGE: the names in $known and in $described, one a line, are the same ones.
same() {
	for name in $known; do
		printf '%s\n' "$described" | grep -qxF -- "$name" || { echo "$2 does not describe $1 $name"; bad=1; }
	done
	for name in $described; do
		printf '%s\n' "$known" | grep -qxF -- "$name" || { echo "$2 describes $1 $name, which is not there"; bad=1; }
	done
	[ "$(printf '%s\n' "$known" | wc -l)" -gt 8 ] || { echo "too few $1s were found in the sources"; bad=1; }
}

known=$(grep -ho '{ "[a-z0-9-]*", [a-z]*_argument' tools/*.[ch] | cut -d'"' -f2 | sort -u)
described=$(grep -o 'Fl Fl [a-z][a-z0-9-]*' man/hanzo-p11.1 | sed 's/Fl Fl //' | grep -vx 'help\|version' | sort -u)
same option hanzo-p11.1

known=$(sed -n '/^static const struct tool_command commands/,/^};/s/^\t{ "\([a-z]*\)".*/\1/p' tools/hanzo-p11.c)
described=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Cm /Cm /p' man/hanzo-p11.1 | grep -o 'Cm [a-z]*' | cut -d' ' -f2 | sort -u)
same command hanzo-p11.1
# A key with a number or name behind its point goes with the one without.
known=$(sed -n 's/^\t{ "\([a-z0-9_.]*\)", key_.*/\1/p' src/gov/config_parse.c | sed 's/\.$//' | sort -u)
described=$(grep '^\.It Cm' man/hanzo-pkcs11.conf.5 | sed 's/ Ns Ar [a-z]* No =/ No =/g' | grep -o 'Cm [a-z0-9_.]* No =' | cut -d' ' -f2 | sed 's/\..*//' | sort -u)
same key hanzo-pkcs11.conf.5
exit "$bad"
