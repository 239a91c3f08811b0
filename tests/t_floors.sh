#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Floors only look down: no file of src/ includes a header of a floor above its own. Files stay under 700 lines. Every file that has
# comments names its licence.
set -eu
cd "${HANZO_SRCDIR:-$(dirname "$0")/..}/src"
floors="base ck crypto attest store net collect backend gov token api"
rank() {
	n=0
	for f in $floors; do
		[ "$f" = "$1" ] && { echo "$n"; return; }
		n=$((n + 1))
	done
	echo -1
}
bad=0
for f in $floors; do
	[ -d "$f" ] || continue
	own=$(rank "$f")
	for inc in $(grep -hoE '^#include "[a-z]+/' "$f"/*.[ch] 2>/dev/null | sed 's/.*"//; s,/,,' | sort -u); do
		up=$(rank "$inc")
		if [ "$up" -gt "$own" ] || [ "$up" -lt 0 ]; then
			echo "src/$f includes a header of $inc: $(grep -l "\"$inc/" "$f"/*.[ch] | tr '\n' ' ')"
			bad=1
		fi
	done
	# The verifier library stands alone: base only.
	if [ "$f" = attest ] && grep -lE '^#include "(ck|crypto|pkcs11)' "$f"/*.[ch] 2>/dev/null; then
		echo "src/attest may include base only"
		bad=1
	fi
	for file in "$f"/*.[ch]; do
		[ -e "$file" ] || continue
		lines=$(wc -l < "$file")
		[ "$lines" -le 700 ] || { echo "src/$file has $lines lines"; bad=1; }
	done
done
cd ..
unnamed=$(for dir in src tools include man tests examples p11-kit; do
	find "$dir" -type f \( -name '*.[ch1357]' -o -name '*.def' -o -name '*.mk' -o -name '*.in' -o -name '*.sh' -o -name '*.py' -o -name '*.mjs' \
		-o -name '*.conf' -o -name '*.cnf' -o -name '*.cfg' -o -name '*.supp' -o -name '*.md' -o -name README \) ! -path '*/node_modules/*' \
		-exec sh -c 'for f; do head -3 "$f" | grep -q "SPDX-License-Identifier: Apache-2.0" || echo "$f names no licence"; done' sh {} +
done)
[ -z "$unnamed" ] || { printf '%s\n' "$unnamed"; bad=1; }
exit "$bad"
