/* SPDX-License-Identifier: Apache-2.0 */
/* A provider that hands on the default provider's algorithms with the names of key types in another order. */
#include "crypto/provider.h"

#include <ctype.h>
#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KEYTYPES_MAX 128

static OSSL_PROVIDER *real; /* in a context of its own, which its algorithms work in */
static OSSL_ALGORITHM keytypes[KEYTYPES_MAX + 1];

static const char *const numbers[][2] = {
	{ "RSA", "1.2.840.113549.1.1.1" }, { "EC", "1.2.840.10045.2.1" },
	{ "X25519", "1.3.101.110" }, { "X448", "1.3.101.111" }, { "ED25519", "1.3.101.112" }, { "ED448", "1.3.101.113" },
};

const char *hz_keytype(const char *name)
{
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (strcmp(numbers[i][0], name) == 0)
			return numbers[i][1];
	return name;
}

/* The part of "RSA:rsaEncryption:1.2.840.113549.1.1.1" that is a dotted number. */
static const char *number_in(const char *names, size_t *len)
{
	for (const char *p = names; p != NULL; p = strchr(p, ':')) {
		p += *p == ':';
		*len = strcspn(p, ":");
		if (isdigit((unsigned char)*p) && strspn(p, "0123456789.") == *len)
			return p;
	}
	return NULL;
}

/* The number in front of the other names. NULL: no memory. */
static char *number_first(const char *names)
{
	size_t len = 0, all = strlen(names);
	const char *number = number_in(names, &len);
	char *out = number != NULL ? malloc(len + 1 + all + 1) : strdup(names);
	char *end;

	if (out == NULL || number == NULL)
		return out;
	memcpy(out, number, len);
	end = out + len;
	if (number != names) {
		*end++ = ':';
		memcpy(end, names, (size_t)(number - names) - 1);
		end += number - names - 1;
	}
	memcpy(end, number + len, all - (size_t)(number - names) - len + 1);
	return out;
}

static bool fill_keytypes(void)
{
	int no_cache = 0;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(real, OSSL_OP_KEYMGMT, &no_cache);
	size_t n = 0;

	for (; a != NULL && a->algorithm_names != NULL && n < KEYTYPES_MAX; a++, n++) {
		keytypes[n] = *a;
		keytypes[n].algorithm_names = number_first(a->algorithm_names);
		if (keytypes[n].algorithm_names == NULL)
			return false;
	}
	memset(&keytypes[n], 0, sizeof keytypes[n]);
	return n > 0;
}

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	if (operation != OSSL_OP_KEYMGMT)
		return OSSL_PROVIDER_query_operation(real, operation, no_cache);
	*no_cache = 0;
	return keytypes;
}

static void teardown(void *provctx)
{
	(void)provctx; /* lives as long as the process */
}

static const OSSL_DISPATCH functions[] = {
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
	{ OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
	{ 0, NULL }
};

/* The algorithms are the real provider's, so what they take as their provider's context is its. */
static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **out, void **provctx)
{
	(void)handle;
	(void)core;
	*out = functions;
	*provctx = OSSL_PROVIDER_get0_provider_ctx(real);
	return 1;
}

OSSL_LIB_CTX *hz_provider_ctx_new(OSSL_LIB_CTX **inner)
{
	OSSL_LIB_CTX *outer = OSSL_LIB_CTX_new();

	*inner = OSSL_LIB_CTX_new();
	real = *inner != NULL ? OSSL_PROVIDER_load(*inner, "default") : NULL;
	if (real != NULL && outer != NULL && fill_keytypes() && OSSL_PROVIDER_add_builtin(outer, "hanzo", init) == 1 &&
	    OSSL_PROVIDER_load(outer, "hanzo") != NULL)
		return outer;
	OSSL_LIB_CTX_free(outer);
	OSSL_LIB_CTX_free(*inner);
	*inner = NULL;
	return NULL;
}
