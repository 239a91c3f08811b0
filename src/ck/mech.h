/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanisms with parameters that are ours: deep copies, checked once, that never point into the caller's memory. */
#ifndef HZ_CK_MECH_H
#define HZ_CK_MECH_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

/*
 * `param` is the mechanism's own C structure (CK_GCM_PARAMS, CK_RSA_PKCS_PSS_PARAMS, ...; the bare bytes where the parameter
 * is bytes, such as an IV), its pointers leading into memory that this copy owns. Small copies live inside the structure
 * (`small`), so it must not be moved or copied by assignment.
 */
struct hz_mech {
	CK_MECHANISM_TYPE type;
	void *param;          /* NULL when there is none */
	CK_ULONG param_len;
	void *heap;           /* owned block when `small` does not suffice */
	size_t heap_len;
	bool secret;          /* heap is secret memory */
	_Alignas(16) unsigned char small[256];
};

/*
 * Copy and validate shape: NULL mechanism CKR_ARGUMENTS_BAD; parameter missing, superfluous, of the wrong size, with NULL where a
 * length is given or a length that no parameter has: CKR_MECHANISM_PARAM_INVALID. Mechanisms that the table does not know keep
 * type only and param NULL (the mechanism table refuses them). `out` need not be initialised. Cheap for small parameters (no heap).
 */
CK_RV hz_mech_copy(struct hz_mech *out, const CK_MECHANISM *in);

/* Wipe and release; idempotent. */
void hz_mech_clear(struct hz_mech *m);

/* Same type and byte-for-byte same parameter values? (Deep comparison by the same table.) */
bool hz_mech_equal(const struct hz_mech *a, const struct hz_mech *b);

#endif
