#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example program compiles as its comment says, without a warning, and does what it says.
. "$(dirname "$0")/lib.sh"
CC=${CC:-cc}
need "${CC%% *}" pkg-config
cd "$work"
# shellcheck disable=SC2046,SC2086
$CC -Wall -Wextra -Werror $(pkg-config --cflags p11-kit-1) "$HANZO_SRCDIR/examples/session-keys.c" -o session-keys -ldl
./session-keys "$HANZO_MODULE" > out || { cat out; fail "session-keys"; }
[ "$(wc -l < out)" = 3 ] || { cat out; fail "three lines expected"; }
