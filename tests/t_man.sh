#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages are well-formed, and every option and configuration key that the code knows is in its page.
set -eu
cd "${HANZO_SRCDIR:-$(dirname "$0")/..}"
command -v mandoc >/dev/null 2>&1 || { echo "SKIP t_man.sh: mandoc is not installed"; exit 77; }
bad=0
for page in man/*.[1-9]; do
	if mandoc -Tlint -Wwarning "$page" | grep -v 'mandoc.db\|referenced manual not found'; then bad=1; fi
done
for option in $(sed -n 's/.*{ "\([a-z0-9-]*\)", \(required\|no\|optional\)_argument.*/\1/p; s/.*_argument, NULL, .. }, *{ "\([a-z0-9-]*\)", .*/\1/p' tools/*.[ch] | sort -u); do
	grep -q -- "Fl $option\b" man/hanzo-p11.1 || { echo "hanzo-p11.1 does not describe --$option"; bad=1; }
done
for command in $(sed -n '/^static const struct tool_command commands/,/^};/s/^\t{ "\([a-z]*\)".*/\1/p' tools/hanzo-p11.c); do
	grep -q "Cm $command" man/hanzo-p11.1 || { echo "hanzo-p11.1 does not describe $command"; bad=1; }
done
for key in $(sed -n 's/^\t{ "\([a-z0-9_.]*\)", key_.*/\1/p' src/gov/config_parse.c); do
	grep -q "Cm $key\b" man/hanzo-pkcs11.conf.5 || { echo "hanzo-pkcs11.conf.5 does not describe $key"; bad=1; }
done
for member in $(sed -n 's/^\t{ "\([a-z0-9_]*\)", HZ_AT_F_.*/\1/p' src/attest/*policy*.c | sort -u); do
	grep -qw "$member" man/hanzo-pkcs11-policy.5 || { echo "hanzo-pkcs11-policy.5 does not describe $member"; bad=1; }
done
exit "$bad"
