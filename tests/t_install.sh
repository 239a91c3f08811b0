#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make install puts everything where p11-kit, pkg-config, man and C programs look for it; make uninstall takes all of it away.
set -eu
export LC_ALL=C.UTF-8
: "${HANZO_BUILDDIR:?run through make check}"
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
fail() { echo "FAIL: $*" >&2; exit 1; }
# The jobs of the make that runs the tests are not for this one.
unset MAKEFLAGS MAKELEVEL MFLAGS || true
make -s -C "$HANZO_BUILDDIR" install DESTDIR="$dest" > "$dest/log" 2>&1 || { cat "$dest/log"; fail "make install"; }
rm "$dest/log"
# one NAME: the only file of that name below DESTDIR.
one() {
	found=$(find "$dest" -name "$1")
	[ -n "$found" ] && [ "$(printf '%s\n' "$found" | wc -l)" = 1 ] || fail "$1: found '$found'"
	printf '%s\n' "$found"
}

module=$(one libhanzo-pkcs11.so)
[ ! -e "${module%.so}.la" ] || fail "libtool's archive file beside the module"
p11=$(one hanzo-pkcs11.module)
[ "$dest$(sed -n 's/^module: *//p' "$p11")" = "$module" ] || { cat "$p11"; fail "the .module file names another path"; }
pc=$(dirname "$(one hanzo-pkcs11.pc)")
[ "$pc" = "$(dirname "$(one libhanzo-attest.pc)")" ] || fail "two folders for pkg-config"
export PKG_CONFIG_PATH="$pc"
[ "$dest$(pkg-config --variable=module hanzo-pkcs11)" = "$module" ] || fail "pkg-config --variable=module"
for f in hanzo-p11.1 hanzo-pkcs11.conf.5 hanzo-pkcs11-policy.5 hanzo-pkcs11.7 libhanzo-attest.3; do
	page=$(one "$f")
	case $page in */man/man"${f##*.}"/"$f") ;; *) fail "$page is not where man looks" ;; esac
done
for f in "$HANZO_SRCDIR"/examples/*; do
	case $(one "${f##*/}") in */doc/libhanzo-pkcs11/examples/*) ;; *) fail "${f##*/} is not among the examples" ;; esac
done
"$(one hanzo-p11)" --version | grep -q . || fail "hanzo-p11 --version"

# Programs compile with the installed headers and link with the library.
export PKG_CONFIG_SYSROOT_DIR="$dest"
one hanzo-pkcs11.h > /dev/null
one hanzo-attest.h > /dev/null
cat > "$dest/t.c" <<'C'
#include <hanzo-attest.h>
#include <p11-kit/pkcs11.h>
#include <hanzo-pkcs11.h>
int main(void)
{
	struct hz_attest_verifier *v = hz_attest_verifier_new(0);
	hz_attest_verifier_free(v);
	return v != 0 && CKM_HANZO_POAI != 0 ? 0 : 1;
}
C
# shellcheck disable=SC2046
${CC:-cc} -Wall -Wextra -Werror $(pkg-config --cflags hanzo-pkcs11 libhanzo-attest) $(PKG_CONFIG_SYSROOT_DIR= pkg-config --cflags p11-kit-1) \
	"$dest/t.c" -o "$dest/t" $(pkg-config --libs libhanzo-attest) || fail "a program that uses the installed files"
LD_LIBRARY_PATH=$(dirname "$(find "$dest" -name 'libhanzo-attest.so')") "$dest/t" || fail "the program does not run"
rm "$dest/t.c" "$dest/t"

# The module that was installed works.
if [ -z "${HANZO_SANITIZED-}" ] && command -v pkcs11-tool >/dev/null 2>&1; then
	HANZO_PKCS11_STORE="$dest/store" pkcs11-tool --module "$module" --list-slots | grep -q hanzo-open || fail "the installed module shows no slot"
	rm -rf "$dest/store"
fi

make -s -C "$HANZO_BUILDDIR" uninstall DESTDIR="$dest" > "$dest/log" 2>&1 || { cat "$dest/log"; fail "make uninstall"; }
rm "$dest/log"
left=$(find "$dest" ! -type d)
[ -z "$left" ] || fail "left after make uninstall: $left"
