/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of model weights share: whole files in one call or in parts, with every announced length held to. */
#ifndef TESTS_MODULE_MODEL_H
#define TESTS_MODULE_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "p11.h"

#define MODEL_CHUNK (1ul << 20)

static CK_MECHANISM model_mech = { CKM_HANZO_MODEL_WEIGHTS, NULL, 0 };

/* Bytes of a file made by a key of a keyspace of ks characters whose file key is wrapped in w bytes. */
static P11_UNUSED CK_ULONG model_len(CK_ULONG n, CK_ULONG ks, CK_ULONG w)
{
	return 18 + ks + 2 + w + 32 + n + 16 * (n == 0 ? 1 : (n - 1) / MODEL_CHUNK + 1);
}

struct model_text {
	CK_BYTE *p; /* malloc'ed */
	CK_ULONG n;
};

static P11_UNUSED struct model_text model_plain(CK_ULONG n)
{
	struct model_text t = { malloc(n + 1), n };

	for (CK_ULONG i = 0; i < n; i++)
		t.p[i] = (CK_BYTE)(i * 2654435761u >> 13);
	return t;
}

static P11_UNUSED bool model_same(const struct model_text *a, const struct model_text *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* At once: ask for the length, which is exact, be short of it by one, then do it. out is empty after a failure. */
static P11_UNUSED CK_RV model_once(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, bool enc, const struct model_text *in, struct model_text *out)
{
	CK_RV (*once)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR) = enc ? p11->C_Encrypt : p11->C_Decrypt;
	CK_RV rv = enc ? p11->C_EncryptInit(s, &model_mech, key) : p11->C_DecryptInit(s, &model_mech, key);
	CK_ULONG need = 0, n;

	*out = (struct model_text){ NULL, 0 };
	if (rv != CKR_OK)
		return rv;
	OK(once(s, in->p, in->n, NULL, &need));
	out->p = malloc(need + 1);
	out->p[need] = 0xa5;
	n = need;
	if (need > 0) {
		n = need - 1;
		RV(once(s, in->p, in->n, out->p, &n), CKR_BUFFER_TOO_SMALL);
		CHECK(n == need);
	}
	rv = once(s, in->p, in->n, out->p, &n);
	CHECK(out->p[need] == 0xa5 && (rv != CKR_OK || n == need));
	out->n = rv == CKR_OK ? n : 0;
	return rv;
}

/* In parts of `step` bytes, each asked for its length first. */
static P11_UNUSED CK_RV model_parts(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, bool enc, const struct model_text *in, CK_ULONG step,
				      struct model_text *out)
{
	CK_RV (*update)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR) = enc ? p11->C_EncryptUpdate : p11->C_DecryptUpdate;
	CK_RV (*final)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG_PTR) = enc ? p11->C_EncryptFinal : p11->C_DecryptFinal;
	CK_RV rv = enc ? p11->C_EncryptInit(s, &model_mech, key) : p11->C_DecryptInit(s, &model_mech, key);
	CK_ULONG room = in->n + 512 + in->n / 65536 * 16, need, n;

	*out = (struct model_text){ malloc(room), 0 };
	for (CK_ULONG at = 0; rv == CKR_OK && at < in->n; at += step) {
		CK_ULONG part = in->n - at < step ? in->n - at : step;

		OK(update(s, in->p + at, part, NULL, &need));
		n = need;
		rv = update(s, in->p + at, part, out->p + out->n, &n);
		CHECK(rv != CKR_OK || n == need);
		out->n += rv == CKR_OK ? n : 0;
	}
	if (rv == CKR_OK) {
		OK(final(s, NULL, &need));
		n = need;
		rv = final(s, out->p + out->n, &n);
		CHECK(rv != CKR_OK || n == need);
		out->n += rv == CKR_OK ? n : 0;
	}
	return rv;
}

/* There and back by every way. */
static P11_UNUSED void model_round(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_ULONG n, CK_ULONG ks, CK_ULONG w)
{
	static const CK_ULONG steps[] = { 777, 65536, MODEL_CHUNK + 16, MODEL_CHUNK * 3 / 2 + 1, MODEL_CHUNK * 8 };
	struct model_text text = model_plain(n), file, back;

	p11_about("%lu bytes", n);
	OK(model_once(s, key, true, &text, &file));
	CHECK(file.n == model_len(n, ks, w));
	OK(model_once(s, key, false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct model_text other;

		p11_about("%lu bytes in parts of %lu", n, steps[i]);
		OK(model_parts(s, key, false, &file, steps[i], &back));
		CHECK(model_same(&back, &text));
		free(back.p);
		OK(model_parts(s, key, true, &text, steps[i], &other));
		CHECK(other.n == file.n && memcmp(other.p, file.p, file.n) != 0); /* another file key */
		OK(model_once(s, key, false, &other, &back));
		CHECK(model_same(&back, &text));
		free(back.p);
		free(other.p);
	}
	free(text.p);
	free(file.p);
}

#endif
