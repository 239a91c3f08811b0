#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PyKCS11: the Python binding finds keys, signs, encrypts (the empty message too) and sees clean errors.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool
python=/usr/bin/python3
"$python" -c 'import PyKCS11' 2>/dev/null || skip "python3-pykcs11 is not installed"
init_token
timeout 60 "$python" "$HANZO_SRCDIR/tests/interop/pykcs11_client.py" "$HANZO_MODULE" "$token" "$pin"
