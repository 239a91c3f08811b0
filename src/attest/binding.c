/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes that bind challenge, runtime data and GPUs to CPU evidence. */

#include "attest/attest-int.h"

#define ATTEST_DOMAIN "hanzo-pkcs11/attest/v1"
#define GPU_DOMAIN "hanzo-pkcs11/gpu/v1"

static void
put_be32(uint8_t out[4], uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

bool
hz_attest_report_data(const hz_attest_verifier *v, const void *challenge, size_t challenge_len,
                      const void *runtime, size_t runtime_len, const uint8_t (*spki)[32], size_t n,
                      uint8_t out[HZ_ATTEST_REPORT_DATA_LEN])
{
	struct hz_at_run run = { .libctx = v->libctx };
	uint8_t c[4], r[4], g[4];

	if (challenge_len > UINT32_MAX || runtime_len > UINT32_MAX || n > HZ_ATTEST_MAX_GPUS)
		return false;
	put_be32(c, (uint32_t)challenge_len);
	put_be32(r, (uint32_t)runtime_len);
	put_be32(g, (uint32_t)n);
	const struct hz_at_bytes piece[] = {
		{ (const uint8_t *)ATTEST_DOMAIN, sizeof ATTEST_DOMAIN }, /* with its NUL */
		{ c, 4 }, { challenge, challenge_len },
		{ r, 4 }, { runtime, runtime_len },
		{ g, 4 }, { n != 0 ? spki[0] : NULL, 32 * n },
	};
	return hz_at_digest(&run, "SHA512", piece, sizeof piece / sizeof *piece, out);
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
