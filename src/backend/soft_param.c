/* SPDX-License-Identifier: Apache-2.0 */
/* Values into libcrypto and out of it without leaving secrets in ordinary memory of ours. */
#include <string.h>

#include "backend/soft_asym.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"
#include "crypto/provider.h"

void hz_params_init(struct hz_params *p, size_t room)
{
	memset(p, 0, sizeof *p);
	p->mem = hz_secmem_alloc(room + 1);
	p->cap = room;
	p->failed = p->mem == NULL;
}

void hz_params_free(struct hz_params *p)
{
	hz_secmem_free(p->mem);
	p->mem = NULL;
}

static uint8_t *room(struct hz_params *p, size_t len)
{
	uint8_t *at;

	if (p->failed || len > p->cap - p->used || p->n + 1 >= sizeof p->v / sizeof p->v[0]) {
		p->failed = true;
		return NULL;
	}
	at = p->mem + p->used;
	p->used += len;
	return at;
}

/* libcrypto's numbers have the machine's order of octets. */
static void turn(uint8_t *out, const uint8_t *in, size_t len)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	memcpy(out, in, len);
#else
	for (size_t i = 0; i < len; i++)
		out[i] = in[len - 1 - i];
#endif
}

void hz_params_num(struct hz_params *p, const char *key, const void *be, size_t len)
{
	uint8_t *at = room(p, len);

	if (at == NULL)
		return;
	turn(at, be, len);
	p->v[p->n++] = OSSL_PARAM_construct_BN(key, at, len);
}

void hz_params_octets(struct hz_params *p, const char *key, const void *value, size_t len)
{
	uint8_t *at = room(p, len);

	if (at == NULL)
		return;
	memcpy(at, value, len);
	p->v[p->n++] = OSSL_PARAM_construct_octet_string(key, at, len);
}

void hz_params_text(struct hz_params *p, const char *key, const char *text)
{
	size_t len = strlen(text) + 1;
	uint8_t *at = room(p, len);

	if (at == NULL)
		return;
	memcpy(at, text, len);
	p->v[p->n++] = OSSL_PARAM_construct_utf8_string(key, (char *)at, 0);
}

EVP_PKEY *hz_params_key(struct hz_params *p, const char *type, int selection)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;

	if (p->failed)
		return NULL;
	p->v[p->n] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(hz_libctx(), hz_keytype(type), NULL);
	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, selection, p->v) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

CK_RV hz_pkey_num(EVP_PKEY *pkey, const char *name, size_t width, struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret)
{
	size_t cap = 1040, len, skip = 0;
	uint8_t *in = hz_secmem_alloc(cap), *be = hz_secmem_alloc(cap);
	OSSL_PARAM p[2] = { OSSL_PARAM_construct_BN(name, in, cap), OSSL_PARAM_construct_end() };
	CK_RV rv = CKR_HOST_MEMORY;

	if (in == NULL || be == NULL)
		goto out;
	if (EVP_PKEY_get_params(pkey, p) != 1 || p[0].return_size > cap) {
		rv = hz_fail(CKR_FUNCTION_FAILED, "number %s of a key: %s", name, hz_ossl_reason());
		goto out;
	}
	len = p[0].return_size;
	turn(be, in, len);
	while (skip + 1 < len && be[skip] == 0)
		skip++;
	if (len - skip >= width) {
		rv = hz_attrs_set(a, type, be + skip, len - skip, secret);
	} else {
		memmove(be + width - (len - skip), be + skip, len - skip);
		memset(be, 0, width - (len - skip));
		rv = hz_attrs_set(a, type, be, width, secret);
	}
out:
	hz_secmem_free(in);
	hz_secmem_free(be);
	return rv;
}

CK_RV hz_pkey_octets(EVP_PKEY *pkey, const char *name, size_t max, struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, bool secret)
{
	uint8_t *v = hz_secmem_alloc(max);
	size_t len = 0;
	CK_RV rv;

	if (v == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_get_octet_string_param(pkey, name, v, max, &len) == 1)
		rv = hz_attrs_set(a, type, v, len, secret);
	else
		rv = hz_fail(CKR_FUNCTION_FAILED, "octets %s of a key: %s", name, hz_ossl_reason());
	hz_secmem_free(v);
	return rv;
}

EVP_PKEY *hz_pkey_generate(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hz_libctx(), hz_keytype(type), NULL);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && (params == NULL || EVP_PKEY_CTX_set_params(ctx, params) == 1) &&
	    EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}
