/* SPDX-License-Identifier: Apache-2.0 */
/* The software backend: keys in our own store, cryptography by libcrypto and libsecp256k1. */
#ifndef HZ_BACKEND_SOFT_H
#define HZ_BACKEND_SOFT_H

#include "backend/backend.h"

struct hz_seal_conf;
struct hz_store;

struct hz_soft_conf {
	const char *store_dir;     /* folder of all tokens' databases; made when first written */
	const char *serial;        /* 16 characters: the file's name and part of every seal */
	unsigned tier;             /* 0..4: goes into the key-encryption key's derivation */
	const char *default_label; /* until C_InitToken names another */
	bool born_initialised;     /* tier 0: no PIN, nothing sealed, secret keys refused at rest */
	unsigned max_pin_tries;
	const unsigned *seals;     /* as in struct hz_store_conf; NULL: the PIN alone */
	size_t n_seals;
	bool two_ways;             /* logins with a PIN and without */
	const struct hz_seal_conf *seal_conf;
	/* 0: the default (36963; 3600 s; 86400 s). */
	uint64_t chain_id;         /* EIP-712 domain of attestations and settlements without a parameter */
	uint64_t poai_ttl, hmm_ttl;
};

/* Opens nothing yet: the database is opened at first use. CKR_HOST_MEMORY or CKR_GENERAL_ERROR with a reason. */
CK_RV hz_soft_open(const struct hz_soft_conf *conf, struct hz_backend **out);

#endif
