/* SPDX-License-Identifier: Apache-2.0 */
/* The chunks of a model weights file: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over AES-256-GCM. */
#include "crypto/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/aead.h"
#include "crypto/hmac.h"
#include "crypto/libctx.h"

enum { NONCE = 12, FIRST_ROOM = 4096 };

struct hz_model {
	struct hz_aead *aead;
	bool enc, failed;
	size_t unit;    /* bytes of input that a full chunk takes */
	uint64_t index; /* of the next chunk: 64 of the format's 88 bits are more than anybody has bytes */
	uint8_t *buf;   /* input held back, since it may be the last; plain or cipher text */
	size_t have, room;
};

static size_t unit_in(bool enc, unsigned log2)
{
	return ((size_t)1 << log2) + (enc ? 0 : HZ_MODEL_TAG);
}

static size_t out_of(bool enc, size_t in)
{
	if (enc)
		return in + HZ_MODEL_TAG;
	return in > HZ_MODEL_TAG ? in - HZ_MODEL_TAG : 0;
}

CK_RV hz_model_new(bool encrypt, const uint8_t file_key[HZ_MODEL_KEY], unsigned chunk_log2, struct hz_model **out)
{
	static const char info[] = "hanzo model payload v1";
	struct hz_model *m = calloc(1, sizeof *m);
	uint8_t key[HZ_MODEL_KEY];

	if (m == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	m->enc = encrypt;
	m->unit = unit_in(encrypt, chunk_log2);
	if (hz_hkdf(HZ_SHA256, NULL, 0, file_key, HZ_MODEL_KEY, info, sizeof info - 1, key, sizeof key))
		m->aead = hz_aead_new(HZ_GCM, key, sizeof key, encrypt);
	hz_wipe(key, sizeof key);
	if (m->aead == NULL) {
		free(m);
		return hz_fail(CKR_FUNCTION_FAILED, "model weights: %s", hz_ossl_reason());
	}
	*out = m;
	return CKR_OK;
}

static void drop(struct hz_model *m)
{
	if (m->buf != NULL)
		hz_wipe(m->buf, m->room);
	free(m->buf);
	m->buf = NULL;
	m->room = 0;
}

void hz_model_free(struct hz_model *m)
{
	if (m == NULL)
		return;
	hz_aead_free(m->aead);
	drop(m);
	free(m);
}

/* ---- lengths ---- */

/* All chunks but the last. */
static size_t full_len(bool enc, size_t unit, size_t n)
{
	return n == 0 ? 0 : (n - 1) / unit * out_of(enc, unit);
}

size_t hz_model_update_len(const struct hz_model *m, size_t n)
{
	return full_len(m->enc, m->unit, n <= SIZE_MAX - m->have ? m->have + n : n); /* no buffer is that large: any number will do */
}

size_t hz_model_final_len(const struct hz_model *m)
{
	return out_of(m->enc, m->have);
}

size_t hz_model_total_len(bool encrypt, unsigned chunk_log2, size_t n)
{
	size_t unit = unit_in(encrypt, chunk_log2), last = n == 0 ? 0 : (n - 1) % unit + 1;

	return full_len(encrypt, unit, n) + out_of(encrypt, last);
}

size_t hz_model_first_len(bool encrypt, unsigned chunk_log2, size_t n)
{
	return full_len(encrypt, unit_in(encrypt, chunk_log2), n);
}

/* ---- one chunk ---- */

static CK_RV bad(struct hz_model *m)
{
	m->failed = true;
	(void)hz_ossl_reason();
	return hz_fail(CKR_ENCRYPTED_DATA_INVALID, "model weights: chunk %llu does not open", (unsigned long long)m->index);
}

static CK_RV broken(struct hz_model *m, CK_RV rv)
{
	m->failed = true;
	return rv == CKR_HOST_MEMORY ? hz_fail(rv, "out of memory") : hz_fail(rv, "model weights: %s", hz_ossl_reason());
}

static bool grow(struct hz_model *m, size_t want)
{
	size_t room = m->room != 0 ? m->room : FIRST_ROOM;
	uint8_t *p;

	if (want <= m->room)
		return true;
	while (room < want)
		room *= 2;
	if (room > m->unit)
		room = m->unit;
	p = malloc(room);
	if (p == NULL)
		return false;
	if (m->have != 0)
		memcpy(p, m->buf, m->have);
	drop(m);
	m->buf = p;
	m->room = room;
	return true;
}

static bool start(struct hz_model *m, bool last)
{
	uint8_t nonce[NONCE] = { 0 };
	const struct hz_aead_start s = { nonce, NONCE, NULL, 0, HZ_MODEL_TAG, 0 };

	for (unsigned i = 0; i < 8; i++)
		nonce[10 - i] = (uint8_t)(m->index >> 8 * i);
	nonce[11] = last;
	return hz_aead_start(m->aead, &s);
}

static CK_RV seal(struct hz_model *m, const uint8_t *in, size_t n, bool last, uint8_t *out)
{
	if (!start(m, last) || (n != 0 && !hz_aead_update(m->aead, in, n, out)) || !hz_aead_tag(m->aead, out + n))
		return broken(m, CKR_FUNCTION_FAILED);
	return CKR_OK;
}

/* Plaintext comes to be in our own buffer (over the ciphertext where that lies there) and goes out once it is known to be genuine. */
static CK_RV unseal(struct hz_model *m, const uint8_t *in, size_t n, bool last, uint8_t *out)
{
	size_t text = n - HZ_MODEL_TAG;

	if (in != m->buf && !grow(m, n))
		return broken(m, CKR_HOST_MEMORY);
	if (!start(m, last) || (text != 0 && !hz_aead_update(m->aead, in, text, m->buf)))
		return broken(m, CKR_FUNCTION_FAILED);
	if (!hz_aead_check(m->aead, in + text))
		return bad(m);
	if (text != 0)
		memcpy(out, m->buf, text);
	return CKR_OK;
}

static CK_RV chunk(struct hz_model *m, const uint8_t *in, size_t n, bool last, uint8_t *out)
{
	CK_RV rv = m->enc ? seal(m, in, n, last, out) : unseal(m, in, n, last, out);

	m->index++;
	return rv;
}

/* ---- the stream ---- */

static CK_RV hold(struct hz_model *m, const uint8_t *in, size_t n)
{
	if (n == 0)
		return CKR_OK;
	if (!grow(m, m->have + n))
		return broken(m, CKR_HOST_MEMORY);
	memcpy(m->buf + m->have, in, n);
	m->have += n;
	return CKR_OK;
}

static CK_RV ended(void)
{
	return hz_fail(CKR_FUNCTION_FAILED, "model weights: the stream has failed or ended");
}

CK_RV hz_model_update(struct hz_model *m, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len)
{
	size_t step = out_of(m->enc, m->unit), done = 0;
	CK_RV rv = m->failed ? ended() : CKR_OK;

	*out_len = 0;
	while (rv == CKR_OK && n > m->unit - m->have) { /* more than a chunk: the first is not the last */
		size_t take = m->unit - m->have;

		if (m->have == 0) {
			rv = chunk(m, in, take, false, out + done);
		} else {
			rv = hold(m, in, take);
			if (rv == CKR_OK)
				rv = chunk(m, m->buf, m->unit, false, out + done);
			m->have = 0;
		}
		in += take;
		n -= take;
		done += step;
	}
	if (rv == CKR_OK)
		rv = hold(m, in, n);
	if (rv == CKR_OK)
		*out_len = done;
	return rv;
}

CK_RV hz_model_final(struct hz_model *m, uint8_t *out, size_t *out_len)
{
	size_t n = out_of(m->enc, m->have);
	CK_RV rv;

	*out_len = 0;
	if (m->failed)
		return ended();
	/* Only a whole that is empty ends with an empty chunk. Encrypting cannot come to another: a chunk is held until more is there. */
	if (!m->enc && (m->have < HZ_MODEL_TAG || (m->have == HZ_MODEL_TAG && m->index != 0)))
		return bad(m);
	rv = chunk(m, m->buf != NULL ? m->buf : (const uint8_t *)"", m->have, true, out);
	m->failed = true;
	if (rv == CKR_OK)
		*out_len = n;
	return rv;
}
