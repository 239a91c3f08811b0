/* SPDX-License-Identifier: Apache-2.0 */
/* How each mechanism's parameter is built: the table behind mech.h. Internal to src/ck. */
#ifndef HZ_CK_MECH_PARAM_H
#define HZ_CK_MECH_PARAM_H

#include <stdint.h>

#include "ck/mech.h"

#define HZ_PARAM_PTRS 3
#define HZ_PARAM_MAX_SIZE 128 /* bytes of the largest parameter structure */
#define HZ_PRF_MAX 16         /* segments of an SP 800-108 input */

/* A pointer inside a structure and the field with its length in bytes. */
struct hz_param_ptr {
	uint16_t ptr, len;  /* offsets in the structure */
	uint32_t min, max;  /* lengths allowed */
};

/* How the nested parts of a structure are found. */
enum hz_param_nest { HZ_NEST_PTRS, HZ_NEST_OAEP, HZ_NEST_SP800 };

/* One form of parameter. */
struct hz_form {
	uint16_t size;      /* bytes of the structure; 0: no parameter */
	uint16_t size2;     /* another size that `check` turns into the first; 0: none */
	bool optional;      /* may be left out */
	bool secret;        /* holds a secret: the copy lies in secret memory */
	enum hz_param_nest nest;
	uint8_t n_ptrs;
	struct hz_param_ptr ptrs[HZ_PARAM_PTRS];
	/* Check the values of a copy of the structure (len: the size given) and bring it into its one form. */
	bool (*check)(void *copy, size_t len);
};

/* NULL: the mechanism is not known. */
const struct hz_form *hz_form_of(CK_MECHANISM_TYPE type);

bool hz_check_oaep(void *copy, size_t len);
/* One segment of an SP 800-108 input whose value is a structure: len bytes at copy, brought into one form. */
bool hz_check_prf(CK_PRF_DATA_TYPE type, void *copy, size_t len);

#endif
