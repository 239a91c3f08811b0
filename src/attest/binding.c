/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes that bind challenge, runtime data and GPUs to CPU evidence. */

#include "attest/attest-int.h"

#define ATTEST_DOMAIN "hanzo-pkcs11/attest/v1"
#define KEY_DOMAIN "hanzo-pkcs11/key/v1"
#define GPU_DOMAIN "hanzo-pkcs11/gpu/v1"

static void
put_be32(uint8_t out[4], uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* The formula with a domain, which is hashed with its NUL. */
static bool
bind(const hz_attest_verifier *v, const char *domain, const struct hz_at_bytes *challenge, const struct hz_at_bytes *runtime,
     const uint8_t (*spki)[32], size_t n, uint8_t out[HZ_ATTEST_REPORT_DATA_LEN])
{
	struct hz_at_run run = { .libctx = v->libctx };
	uint8_t c[4], r[4], g[4];
	const struct hz_at_bytes piece[] = {
		{ (const uint8_t *)domain, strlen(domain) + 1 },
		{ c, 4 }, *challenge,
		{ r, 4 }, *runtime,
		{ g, 4 }, { n != 0 ? spki[0] : NULL, 32 * n },
	};

	if (challenge->len > UINT32_MAX || runtime->len > UINT32_MAX || n > HZ_ATTEST_MAX_GPUS)
		return false;
	put_be32(c, (uint32_t)challenge->len);
	put_be32(r, (uint32_t)runtime->len);
	put_be32(g, (uint32_t)n);
	return hz_at_digest(&run, "SHA512", piece, sizeof piece / sizeof *piece, out);
}

bool
hz_attest_report_data(const hz_attest_verifier *v, const void *challenge, size_t challenge_len,
                      const void *runtime, size_t runtime_len, const uint8_t (*spki)[32], size_t n,
                      uint8_t out[HZ_ATTEST_REPORT_DATA_LEN])
{
	return bind(v, ATTEST_DOMAIN, &(struct hz_at_bytes){ challenge, challenge_len },
	            &(struct hz_at_bytes){ runtime, runtime_len }, spki, n, out);
}

bool
hz_attest_key_report_data(const hz_attest_verifier *v, const void *key, size_t key_len, const uint8_t (*spki)[32],
                          size_t n, uint8_t out[HZ_ATTEST_REPORT_DATA_LEN])
{
	return bind(v, KEY_DOMAIN, &(struct hz_at_bytes){ NULL, 0 }, &(struct hz_at_bytes){ key, key_len }, spki, n, out);
}

bool
hz_attest_gpu_nonce(const hz_attest_verifier *v, const void *challenge, size_t challenge_len, uint32_t i,
                    uint8_t out[HZ_ATTEST_NONCE_LEN])
{
	struct hz_at_run run = { .libctx = v->libctx };
	uint8_t index[4];

	put_be32(index, i);
	const struct hz_at_bytes piece[] = {
		{ (const uint8_t *)GPU_DOMAIN, sizeof GPU_DOMAIN },
		{ challenge, challenge_len },
		{ index, 4 },
	};
	return hz_at_digest(&run, "SHA256", piece, 3, out);
}

bool
hz_attest_tpm_nonce(const hz_attest_verifier *v, const uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN],
                    uint8_t out[HZ_ATTEST_NONCE_LEN])
{
	struct hz_at_run run = { .libctx = v->libctx };
	const struct hz_at_bytes piece = { report_data, HZ_ATTEST_REPORT_DATA_LEN };

	return hz_at_digest(&run, "SHA256", &piece, 1, out);
}
