/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a model weights file. */
#include "crypto/model.h"

#include <string.h>

#include "base/error.h"
#include "base/reader.h"
#include "base/secmem.h"
#include "crypto/hmac.h"

#define MAGIC "HZMODEL1"

enum { MAGIC_LEN = 8, FIXED = 18, MAC = 32, STREAM_GCM = 1 };

size_t hz_model_header_len(size_t keyspace_len, size_t wrapped_len)
{
	return FIXED + keyspace_len + 2 + wrapped_len + MAC;
}

static void header_mac(const uint8_t file_key[HZ_MODEL_KEY], const uint8_t *p, size_t n, uint8_t mac[MAC])
{
	static const char info[] = "hanzo model header v1";

	hz_hmac_derived(HZ_SHA256, file_key, HZ_MODEL_KEY, info, sizeof info - 1, p, n, mac);
}

bool hz_model_header_begin(struct hz_buf *out, const struct hz_model_header *h)
{
	if (h->keyspace_len > HZ_MODEL_KEYSPACE_MAX)
		return false;
	hz_buf_add(out, MAGIC, MAGIC_LEN);
	hz_buf_u8(out, STREAM_GCM);
	hz_buf_u8(out, h->chunk_log2);
	hz_buf_be16(out, h->wrap_alg);
	hz_buf_be32(out, h->key_version);
	hz_buf_be16(out, (uint16_t)h->keyspace_len);
	if (h->keyspace_len != 0)
		hz_buf_add(out, h->keyspace, h->keyspace_len);
	return !out->failed;
}

bool hz_model_header_end(struct hz_buf *out, const uint8_t *wrapped, size_t wrapped_len, const uint8_t file_key[HZ_MODEL_KEY])
{
	uint8_t mac[MAC];

	if (wrapped_len > HZ_MODEL_WRAPPED_MAX)
		return false;
	hz_buf_be16(out, (uint16_t)wrapped_len);
	hz_buf_add(out, wrapped, wrapped_len);
	if (out->failed)
		return false;
	header_mac(file_key, out->p, out->len, mac);
	hz_buf_add(out, mac, sizeof mac);
	return !out->failed;
}

static CK_RV bad(const char *what)
{
	return hz_fail(CKR_ENCRYPTED_DATA_INVALID, "model weights: the header has %s", what);
}

static CK_RV read_fixed(struct hz_reader *r, struct hz_model_header *h)
{
	const uint8_t *magic = hz_rd_bytes(r, MAGIC_LEN);
	uint8_t alg = hz_rd_u8(r);

	h->chunk_log2 = hz_rd_u8(r);
	h->wrap_alg = hz_rd_u16be(r);
	h->key_version = hz_rd_u32be(r);
	h->keyspace_len = hz_rd_u16be(r);
	if (magic == NULL || memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		return bad("another beginning");
	if (alg != STREAM_GCM || h->chunk_log2 < HZ_MODEL_LOG2_MIN || h->chunk_log2 > HZ_MODEL_LOG2_MAX)
		return bad("an algorithm or a chunk size that is unknown");
	if (h->wrap_alg < HZ_MODEL_GCM || h->wrap_alg > HZ_MODEL_INFISICAL)
		return bad("a wrapping that is unknown");
	if (h->keyspace_len > HZ_MODEL_KEYSPACE_MAX || (h->keyspace_len == 0) != (h->key_version == 0))
		return bad("a keyspace or version that cannot be");
	return CKR_OK;
}

CK_RV hz_model_header_read(const uint8_t *p, size_t n, struct hz_model_header *h, size_t *need)
{
	struct hz_reader r = hz_rd(p, n);
	CK_RV rv;

	*need = FIXED;
	if (n < *need)
		return CKR_OK;
	rv = read_fixed(&r, h);
	*need = FIXED + h->keyspace_len + 2;
	if (rv != CKR_OK || n < *need)
		return rv;
	h->keyspace = hz_rd_bytes(&r, h->keyspace_len);
	h->m_len = r.off;
	h->wrapped_len = hz_rd_u16be(&r);
	if (h->wrapped_len == 0 || h->wrapped_len > HZ_MODEL_WRAPPED_MAX)
		return bad("a wrapped key of an impossible length");
	h->len = *need = hz_model_header_len(h->keyspace_len, h->wrapped_len);
	if (n < *need)
		return CKR_OK;
	h->wrapped = hz_rd_bytes(&r, h->wrapped_len);
	*need = 0;
	return CKR_OK;
}

CK_RV hz_model_header_check(const uint8_t *p, const struct hz_model_header *h, const uint8_t file_key[HZ_MODEL_KEY])
{
	uint8_t mac[MAC];

	header_mac(file_key, p, h->len - MAC, mac);
	if (!hz_ct_equal(mac, p + h->len - MAC, MAC))
		return bad("another MAC");
	return CKR_OK;
}
