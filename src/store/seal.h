/* SPDX-License-Identifier: Apache-2.0 */
/* Seals: what has to be there to get at a token's data key; and the data key itself. */
#ifndef HZ_STORE_SEAL_H
#define HZ_STORE_SEAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"
#include "pkcs11.h"
#include "store/aead.h"
#include "store/seal_conf.h"

#define HZ_SEAL_SECRET 32u
#define HZ_SEALS_MAX 8u       /* seals of one role */
#define HZ_SEAL_PARAMS_MAX 16384u
#define HZ_KEY_ID 16u

/* Whom a wrapped data key is for. HZ_ROLE_BARE: the user who comes without a PIN, where another way of the same user's has one. */
enum hz_role { HZ_ROLE_SO = 0, HZ_ROLE_USER = 1, HZ_ROLE_BARE = 2 };

/* The numbers are stored. */
enum hz_seal_id { HZ_SEAL_PIN = 1, HZ_SEAL_TPM2 = 2, HZ_SEAL_SNP = 3, HZ_SEAL_HSM = 4, HZ_SEAL_INFISICAL = 5, HZ_SEAL_SIM = 100 };

/* What the one who logs in brings; seals take from it what they need. */
struct hz_seal_input {
	const uint8_t *pin;
	size_t pin_len;
	const struct hz_seal_conf *conf; /* NULL: the defaults */
};

/*
 * One kind of seal. `make` draws a fresh 32-byte secret, or derives it, and writes the public parameters that `release` needs to get
 * the same secret again. `check` looks at stored parameters before a try is counted: CKR_DEVICE_ERROR when they are not what `make`
 * could have written. A new kind is a file with these three functions and a line in seal.c's table; nothing else changes.
 */
struct hz_seal_kind {
	unsigned id;
	const char *name;
	CK_RV (*make)(const struct hz_seal_input *in, struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET]);
	CK_RV (*check)(struct hz_blob params);
	CK_RV (*release)(const struct hz_seal_input *in, struct hz_blob params, uint8_t secret[HZ_SEAL_SECRET]);
};

extern const struct hz_seal_kind hz_seal_pin;
extern const struct hz_seal_kind hz_seal_tpm2;
extern const struct hz_seal_kind hz_seal_snp;
extern const struct hz_seal_kind hz_seal_hsm; /* needs conf->hsm_secret; no configuration names it */
extern const struct hz_seal_kind hz_seal_sim; /* the simulated platform: its secret is public, it protects nothing */

/* A kind that this build has, by the name that the configuration uses; NULL: none. */
const struct hz_seal_kind *hz_seal_by_name(const char *name);

/* The seals of one role in configuration order, as stored. */
struct hz_seal_list {
	size_t n;
	struct hz_sealed {
		unsigned kind;
		struct hz_buf params;
	} v[HZ_SEALS_MAX];
};

void hz_seal_list_free(struct hz_seal_list *l);
/* Take a row read from the store. CKR_DEVICE_ERROR: too many, unknown kind, or bad parameters. */
CK_RV hz_seal_list_add(struct hz_seal_list *l, unsigned kind, struct hz_blob params);

/* A token's data key, in secret memory; shared by the threads that use it while another logs out. */
struct hz_datakey {
	atomic_uint refs;
	uint8_t id[HZ_KEY_ID]; /* public name of the key: it changes with every C_InitToken */
	uint8_t key[HZ_AEAD_KEY];
};

/* Fresh and random when id is NULL; else empty with this id. NULL: no memory or no random bytes. */
struct hz_datakey *hz_datakey_new(const uint8_t *id);
void hz_datakey_unref(struct hz_datakey *k); /* NULL is fine; wiped with the last one */

/* Whom a wrapped data key is for; bound as associated data. */
struct hz_wrap_for {
	const char *serial;
	unsigned tier;
	enum hz_role role;
};

#define HZ_WRAPPED (HZ_AEAD_KEY + HZ_AEAD_EXTRA)

/* Make the seals of `kinds` (n <= HZ_SEALS_MAX) and wrap k under their secrets. Slow (a password hash): outside of every lock. */
CK_RV hz_seal_wrap(const struct hz_wrap_for *f, const unsigned *kinds, size_t n, const struct hz_seal_input *in,
		   const struct hz_datakey *k, struct hz_seal_list *seals, uint8_t wrapped[HZ_WRAPPED]);

/* Release all seals and unwrap into k (whose id is given): CKR_PIN_INCORRECT when the result is not authentic. Slow. */
CK_RV hz_seal_unwrap(const struct hz_wrap_for *f, const struct hz_seal_list *seals, const struct hz_seal_input *in,
		     struct hz_blob wrapped, struct hz_datakey *k);

/* Would the seals that ask for no PIN release? Their answers are wiped. The first that does not says why. */
CK_RV hz_seal_probe(const struct hz_seal_list *seals, const struct hz_seal_input *in);

/* Authenticate what else the token's row says: nonce and tag over serial, tier and label, under the data key. */
bool hz_token_mac(const struct hz_datakey *k, const struct hz_wrap_for *f, const uint8_t label[32], uint8_t out[HZ_AEAD_EXTRA]);
bool hz_token_mac_ok(const struct hz_datakey *k, const struct hz_wrap_for *f, const uint8_t label[32], struct hz_blob mac);

#endif
