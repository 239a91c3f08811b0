/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that speak to a TPM: a command with its authorisation, the answer's parameters, and what both are made of. */
#ifndef HZ_STORE_TPM2_INT_H
#define HZ_STORE_TPM2_INT_H

#include "store/tpm2.h"

#define HZ_TPM_MESSAGE 4096u

/* Numbers of part 2 that more than one file uses. */
enum { ALG_SHA256 = 0x0b, ALG_NULL = 0x10, ALG_ECC = 0x23, ECC_P256 = 3 };
enum { RH_OWNER = 0x40000001, RH_ENDORSEMENT = 0x4000000b };

struct hz_tpm {
	struct hz_tpm_io io;
	uint32_t rc;
	uint32_t primary; /* handle, 0: none */
	uint8_t name[HZ_TPM_NAME];
	uint8_t x[32], y[32];
	size_t xn, yn;
	struct hz_tpm_session session;
	size_t len;
	uint8_t rsp[HZ_TPM_MESSAGE];
};

/* One command. `params` is as sent, so with its first parameter encrypted already. */
struct hz_tpm_call {
	const char *what;
	uint32_t cc;
	size_t n_handles;
	uint32_t handle[2];
	bool password;                  /* an empty one authorises handle[0] */
	struct hz_tpm_session *session; /* or this */
	struct hz_blob name;            /* of handle[0], with a session */
	const struct hz_buf *params;
	bool makes_handle;
	uint32_t made;
};

/* Run it; *params are the answer's, inside t until the next command. */
CK_RV hz_tpm_run(struct hz_tpm *t, struct hz_tpm_call *c, struct hz_reader *params);
/*
 * CreatePrimary under a hierarchy without a password, of the key that the TPMT_PUBLIC template (up to its `unique`, an ECC point that is
 * empty here) describes. *made: its handle, also where the answer is nonsense to the caller. *answer: as of hz_tpm_run.
 */
CK_RV hz_tpm_create_primary(struct hz_tpm *t, uint32_t hierarchy, struct hz_blob template, uint32_t *made, struct hz_reader *answer);
/* FlushContext; a handle of 0 is none. Keeps the last answer's error. */
void hz_tpm_flush(struct hz_tpm *t, uint32_t *handle);

/* The two reasons that every command may have. */
CK_RV hz_tpm_nonsense(const char *what);
CK_RV hz_tpm_no_memory(void);

/* A TPM2B of an answer, borrowed; TPML_PCR_SELECTION of a command. */
struct hz_blob hz_tpm_2b(struct hz_reader *r);
void hz_tpm_add_pcrs(const struct hz_pcrs *sel, struct hz_buf *b);

#endif
