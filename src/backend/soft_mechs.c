/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanism table: the sections joined, filtered by what this libcrypto has, sorted, and looked up. */
#include <pthread.h>
#include <stdlib.h>

#include "backend/soft_int.h"
#include "crypto/libctx.h"

/* One section a line. */
static const struct hz_soft_mech *const sections[] = {
	hz_soft_aead,
	hz_soft_cipher,
	hz_soft_digest,
	hz_soft_kdf,
	hz_soft_mac,
	hz_soft_secret,
	hz_soft_wrap,
	hz_soft_rsa,
	hz_soft_ec,
	hz_soft_ed,
	hz_soft_pq,
	hz_soft_vendor,
	hz_soft_ecies,
	hz_soft_poai,
	hz_soft_schnorr,
	hz_soft_model,
};

#define ROWS_MAX 256

static const struct hz_soft_mech *rows[ROWS_MAX];
static size_t n_rows;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_type(const void *a, const void *b)
{
	CK_MECHANISM_TYPE x = (*(const struct hz_soft_mech *const *)a)->row.type;
	CK_MECHANISM_TYPE y = (*(const struct hz_soft_mech *const *)b)->row.type;

	return x < y ? -1 : x > y;
}

static unsigned lacking(void)
{
	unsigned l = 0;

	if (!hz_has_keytype("ML-DSA-65"))
		l |= HZ_NEED_ML_DSA;
	if (!hz_has_keytype("ML-KEM-768"))
		l |= HZ_NEED_ML_KEM;
	return l;
}

/* CKM_RSA_PKCS_KEY_PAIR_GEN is number 0, so what ends a section is a row that does nothing. */
static void join(void)
{
	unsigned without = lacking();

	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		for (const struct hz_soft_mech *m = sections[i]; m->row.info.flags != 0; m++)
			if ((m->needs & without) == 0 && n_rows < ROWS_MAX)
				rows[n_rows++] = m;
	qsort(rows, n_rows, sizeof rows[0], by_type);
}

const struct hz_soft_mech *hz_soft_mech_find(CK_MECHANISM_TYPE type)
{
	size_t lo = 0, hi;

	(void)pthread_once(&once, join);
	for (hi = n_rows; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (rows[mid]->row.type < type)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n_rows && rows[lo]->row.type == type ? rows[lo] : NULL;
}

size_t hz_soft_mech_list(CK_MECHANISM_TYPE *out, size_t room)
{
	(void)pthread_once(&once, join);
	for (size_t i = 0; i < n_rows && i < room; i++)
		out[i] = rows[i]->row.type;
	return n_rows;
}
