#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The installed headers compile alone and after other vendors' pkcs11.h, as C and as C++, without a warning.
set -eu
inc=${HANZO_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/include
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tried=0
use='CK_HANZO_EIP712_PARAMS p = { 1, { 0 }, 1, CK_HANZO_FORMAT_RS }; CK_HANZO_FUNCTION_LIST *f; CK_MECHANISM m = { CKM_HANZO_POAI, &p, sizeof p };'

# try FLAGS FIRST-INCLUDE...
try() {
	flags=$1
	shift
	: > "$dir/t.c"
	for h in "$@"; do
		echo "#include <$h>" >> "$dir/t.c"
	done
	printf '#include <hanzo-pkcs11.h>\n#include <pkcs11.h>\n%s\n' "$use" >> "$dir/t.c"
	# shellcheck disable=SC2086
	${CC:-cc} -std=c99 -Wall -Wextra -Wconversion -pedantic -Werror $flags -I"$inc" -c "$dir/t.c" -o "$dir/t.o"
	if command -v "${CXX:-c++}" > /dev/null 2>&1; then
		# shellcheck disable=SC2086
		${CXX:-c++} -x c++ -std=c++11 -Wall -Wextra -Wconversion -pedantic -Werror $flags -I"$inc" -c "$dir/t.c" -o "$dir/t.o"
	fi
	tried=$((tried + 1))
}

try ''
try '' pkcs11.h
if flags=$(pkg-config --cflags p11-kit-1 2> /dev/null); then
	try "$flags" p11-kit/pkcs11.h
	try "$flags" pkcs11.h p11-kit/p11-kit.h p11-kit/uri.h
fi
if [ -e /usr/include/nss/pkcs11t.h ] && flags=$(pkg-config --cflags nspr 2> /dev/null); then
	try "-isystem /usr/include/nss $flags" prtypes.h pkcs11t.h
fi
echo "$tried combinations"
