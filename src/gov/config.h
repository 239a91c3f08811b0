/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: where it is found, what it may say (hanzo-pkcs11.conf(5)), and its defaults. */
#ifndef HZ_GOV_CONFIG_H
#define HZ_GOV_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "gov/audit.h"
#include "pkcs11.h"
#include "store/seal_conf.h"

enum hz_backend_kind { HZ_BACKEND_NONE, HZ_BACKEND_SOFT, HZ_BACKEND_PKCS11 };

/* One module of backend = pkcs11. */
struct hz_device_at {
	char *module;               /* absolute path; NULL: none */
	char *token;                /* label at the device, or NULL */
	char *pin_source;           /* "file:/PATH", "env:NAME" or NULL */
	char *init_args;            /* for its C_Initialize, or NULL */
	bool by_slot, has_weight;
	CK_SLOT_ID slot;            /* of the device, with by_slot */
	unsigned weight;
};

#define HZ_DEVICES 8u

/* What backend = pkcs11 needs to know. Numbers: 0 is the default. */
struct hz_device_conf {
	struct hz_device_at at[HZ_DEVICES]; /* module, module.2, module.3, ... */
	bool given, allow_init;     /* given: one of these keys was */
	unsigned sessions, deadline, health_interval, health_failures;
};

/* Factors of a login, as bits of an alternative. */
enum { HZ_FACTOR_PIN = 1, HZ_FACTOR_EVIDENCE = 2 };
#define HZ_LOGIN_ALTS 4u
#define HZ_SLOT_SOURCES 8u

/* A source of evidence (collect.h); the default one has the name "". */
struct hz_source_conf {
	char *name, *source;
};

/* One slot. Strings are owned by the configuration. */
struct hz_slot_conf {
	CK_SLOT_ID id;
	unsigned tier;
	char *section;              /* "tier1", "slot_NAME" */
	char *label, *serial;       /* 1..32 bytes, distinct; exactly 16 characters, distinct */
	char *description;          /* of the slot, at most 64 bytes */
	enum hz_backend_kind backend;
	unsigned seals[7];          /* enum hz_seal_id in the configuration's order; n_seals 0: the PIN alone */
	size_t n_seals;
	struct hz_seal_conf seal;   /* what hardware seals need to know */
	struct hz_device_conf device;
	bool configured;            /* a section names it (tiers 2-4 have no token without) */
	bool hide_secp256k1;
	bool delegate_to_attested;  /* shared secrets go only to the RSA key that the login's evidence vouched for */
	unsigned login[HZ_LOGIN_ALTS]; /* alternatives in order, each a set of factors; none: tier 0 */
	size_t nlogin;
	char *policy, *collateral;  /* paths: the policy file; a folder of revocation lists and the like */
	struct hz_source_conf sources[HZ_SLOT_SOURCES];
	size_t nsources;
	char *gpu_source;           /* where a CPU's source takes the GPUs' evidence from */
	unsigned long session_ttl;  /* seconds; 0: until logout */
	bool session_ttl_set;       /* it holds for a PIN alone, too */
	unsigned long idle_ttl;     /* seconds without a use after which any login ends; 0: never */
	char *tenant;               /* whose slot it is, or NULL */
	unsigned long evidence_cache, reattest; /* seconds; 0: none */
	unsigned fallback;          /* lowest tier that may stand in; 0: none */
	char *absent_why;           /* reason that C_GetTokenInfo and doctor give for a slot without token */
};

struct hz_config {
	char *path;                 /* file that won, or NULL */
	char *store_dir;
	char *log;                  /* "syslog", "none" or "file:PATH" */
	char *log_env;              /* the sink that HANZO_PKCS11_LOG names, or NULL */
	bool log_debug;             /* HANZO_PKCS11_LOG asks for debug lines */
	unsigned max_pin_tries;
	unsigned long chain_id;     /* of attestations and settlements whose parameter names none */
	unsigned long poai_ttl, hmm_ttl; /* seconds */
	enum hz_audit_mode audit;
	char separator;             /* of keyspace labels */
	unsigned long evidence_cache, session_ttl; /* seconds; session_ttl 0: each tier's own */
	struct hz_slot_conf *slots; /* ascending ids, 0..4 first */
	size_t nslots;
};

/*
 * Serials. `serial` of a slot's section, else 12 hex digits of the store's instance and 4 of the slot's id. The instance is what the
 * names of the databases in the store say; a store without databases gets it from the machine's id, the user and the store's path, so
 * that it is the same in every process before anything is written, and the first database written keeps it for good: a store that is
 * moved or copied elsewhere takes its serials along. Nothing is written here.
 *
 * Find and read the configuration: `reserved` ("conf=PATH" from C_Initialize, or NULL), HANZO_PKCS11_CONF, the user's file, the system's.
 * On failure CKR_GENERAL_ERROR (CKR_ARGUMENTS_BAD for a malformed `reserved`) with file, section, key and line in the reason, also logged.
 */
CK_RV hz_config_load(struct hz_config **out, const char *reserved);
void hz_config_free(struct hz_config *c);

/*
 * Read a file that the configuration names, under the same rules of ownership; at most max bytes, malloc'ed. CKR_GENERAL_ERROR.
 */
CK_RV hz_conf_file(const char *path, size_t max, char **text, size_t *len);

/* Where GPUs' evidence beside this source of the slot's comes from: `gpu_source` or its default, or NULL: none, or inside the bundle. */
const char *hz_conf_gpus(const struct hz_slot_conf *s, const char *source);

/* Has every alternative, or any, this factor? */
bool hz_conf_login_all(const struct hz_slot_conf *s, unsigned factor);
bool hz_conf_login_any(const struct hz_slot_conf *s, unsigned factor);
/* Has one alternative a PIN and another none? */
bool hz_conf_two_ways(const struct hz_slot_conf *s);

#endif
