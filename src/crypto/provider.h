/* SPDX-License-Identifier: Apache-2.0 */
/* A library context that no ENGINE of the application reaches into. */
#ifndef HZ_CRYPTO_PROVIDER_H
#define HZ_CRYPTO_PROVIDER_H

#include <openssl/types.h>

/*
 * A new context whose one provider hands on what libcrypto's default provider has, key types under their object identifiers first.
 *
 * libcrypto 3 asks the whole process's ENGINEs before it uses a key, by the first name of the key's type and whatever the context: an
 * application that signs through libp11's engine makes that engine the default for RSA and EC, and our own operations would end in
 * it, on their way back into this module. No ENGINE is asked for a type whose first name is a dotted number.
 *
 * *inner is the context of the default provider itself, for functions that know no key types: random numbers, big numbers, curve points.
 * (libcrypto 3.5 makes no random generator in a context whose provider is not its own.)
 *
 * NULL: libcrypto cannot. One context at a time lives in a process: a second call is for a forked child that forgot the first.
 */
OSSL_LIB_CTX *hz_provider_ctx_new(OSSL_LIB_CTX **inner);

/* The name that makes a context for a key type ("RSA", "EC", "ED25519", ...) without asking ENGINEs; other names come back as they are. */
const char *hz_keytype(const char *name);

#endif
