/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapped transfer: a wrapping key that both tokens share, or one made for the occasion that ends with the session. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/soft_int.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "move.h"

enum { RSA_BITS = 3072, AES_BYTES = 32, BLOB_MAX = 1 << 20 };

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Two numbers are in use for RFC 5649; a blob in another padding than the target's is refused there, so each pair is worth a try. */
static const struct {
	CK_MECHANISM_TYPE wrap, unwrap;
} aes_ways[] = {
	{ CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_KWP }, { CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP },
	{ CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD }, { CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_PAD },
	{ CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP },
};

static const CK_RSA_PKCS_OAEP_PARAMS oaep_ways[2] = {
	{ CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 },
	{ CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 },
};

static void add(struct carriers *c, const char *name, CK_OBJECT_HANDLE from, CK_OBJECT_HANDLE to, CK_MECHANISM wrap, CK_MECHANISM unwrap)
{
	if (c->n < CARRIERS)
		c->v[c->n++] = (struct carrier){ name, from, to, wrap, unwrap };
}

static void add_aes(struct carriers *c, const char *name, const struct end *from, const struct end *to, CK_OBJECT_HANDLE there,
		    CK_OBJECT_HANDLE here)
{
	for (size_t i = 0; i < sizeof aes_ways / sizeof aes_ways[0]; i++)
		if (end_does(from, aes_ways[i].wrap, CKF_WRAP) && end_does(to, aes_ways[i].unwrap, CKF_UNWRAP))
			add(c, name, there, here, (CK_MECHANISM){ aes_ways[i].wrap, NULL, 0 }, (CK_MECHANISM){ aes_ways[i].unwrap, NULL, 0 });
}

static CK_RV wrap(const struct end *e, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, struct hz_buf *blob)
{
	CK_ULONG n = 0;
	CK_RV rv = e->p11->C_WrapKey(e->s, m, with, key, NULL, &n);

	hz_buf_clear(blob);
	if (rv != CKR_OK)
		return rv;
	if (n == 0 || n > BLOB_MAX || hz_buf_room(blob, n) == NULL)
		return CKR_HOST_MEMORY;
	rv = e->p11->C_WrapKey(e->s, m, with, key, blob->p, &n);
	if (rv == CKR_OK && n <= blob->len)
		blob->len = n;
	return rv;
}

/* ---- a shared key ---- */

static bool shared_key(const struct end *e, const char *label, struct thing *t)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ATTRIBUTE tmpl[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt },
				{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE *v = NULL;
	size_t n = 0;
	CK_RV rv = end_find(e, tmpl, 3, &v, &n);

	if (rv == CKR_OK && n == 1)
		rv = thing_read(e, v[0], t);
	else
		n = 0;
	free(v);
	if (n != 1 || rv != CKR_OK)
		tool_fail(TOOL_REFUSED, "the %s has not exactly one AES key %s to wrap with", e->what, label);
	return n == 1 && rv == CKR_OK;
}

static bool take_shared(struct carriers *c, const struct end *from, const struct end *to)
{
	struct thing a = { .a = HZ_ATTRS_INIT, .spki = HZ_BUF_INIT }, b = a;
	bool ok = shared_key(from, c->shared, &a) && shared_key(to, c->shared, &b);

	if (ok && same_object(from, to, &a, b.h) == SAME_OTHER)
		ok = tool_fail(TOOL_REFUSED, "the keys called %s of source and target are not the same", c->shared) == TOOL_OK;
	if (ok)
		add_aes(c, "the shared key", from, to, a.h, b.h);
	thing_free(&a);
	thing_free(&b);
	return ok;
}

/* ---- made keys ---- */

static CK_RV make_rsa(struct carriers *c, const struct end *to)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = RSA_BITS;
	CK_BYTE e[] = { 1, 0, 1 };
	CK_ATTRIBUTE pub[] = { { CKA_MODULUS_BITS, &bits, sizeof bits }, { CKA_PUBLIC_EXPONENT, e, sizeof e }, { CKA_TOKEN, &no, 1 },
			       { CKA_WRAP, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 },
				{ CKA_UNWRAP, &yes, 1 }, { CKA_DECRYPT, &yes, 1 } };

	if (c->rsa_priv != CK_INVALID_HANDLE)
		return CKR_OK;
	return to->p11->C_GenerateKeyPair(to->s, &m, pub, sizeof pub / sizeof pub[0], priv, sizeof priv / sizeof priv[0], &c->rsa_pub,
					  &c->rsa_priv);
}

static CK_RV read_rsa(struct carriers *c, const struct end *to, struct hz_attrs *pub)
{
	CK_RV rv = make_rsa(c, to);

	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(pub, CKA_CLASS, CKO_PUBLIC_KEY);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(pub, CKA_KEY_TYPE, CKK_RSA);
	if (rv == CKR_OK)
		rv = end_read(to, c->rsa_pub, CKA_MODULUS, false, pub);
	if (rv == CKR_OK)
		rv = end_read(to, c->rsa_pub, CKA_PUBLIC_EXPONENT, false, pub);
	if (rv == CKR_OK && (hz_attrs_find(pub, CKA_MODULUS) == NULL || hz_attrs_find(pub, CKA_PUBLIC_EXPONENT) == NULL))
		rv = CKR_FUNCTION_FAILED;
	return rv;
}

/* The target's public key as a session object of the source. */
static CK_RV show_rsa(const struct end *from, const struct hz_attrs *pub, CK_OBJECT_HANDLE *h)
{
	const struct hz_attr *n = hz_attrs_find(pub, CKA_MODULUS), *e = hz_attrs_find(pub, CKA_PUBLIC_EXPONENT);
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	CK_ATTRIBUTE tmpl[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 },
				{ CKA_PRIVATE, &no, 1 }, { CKA_WRAP, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 },
				{ CKA_MODULUS, n->value, n->len }, { CKA_PUBLIC_EXPONENT, e->value, e->len } };

	return from->p11->C_CreateObject(from->s, tmpl, sizeof tmpl / sizeof tmpl[0], h);
}

/* A fresh AES key of the source, taken to the target under the target's RSA key. It wraps there and unwraps here, and nothing else. */
static CK_RV take_aes(const struct carriers *c, const struct end *from, const struct end *to, CK_OBJECT_HANDLE rsa, CK_MECHANISM *oaep,
		      CK_OBJECT_HANDLE *there, CK_OBJECT_HANDLE *here)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ULONG len = AES_BYTES;
	CK_ATTRIBUTE gen[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 },
			       { CKA_EXTRACTABLE, &yes, 1 }, { CKA_WRAP, &yes, 1 }, { CKA_ENCRYPT, &no, 1 }, { CKA_DECRYPT, &no, 1 } };
	CK_ATTRIBUTE take[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 },
				{ CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 }, { CKA_UNWRAP, &yes, 1 },
				{ CKA_ENCRYPT, &no, 1 }, { CKA_DECRYPT, &no, 1 } };
	struct hz_buf blob = HZ_BUF_INIT;
	CK_RV rv = CKR_OK;

	if (*there == CK_INVALID_HANDLE)
		rv = from->p11->C_GenerateKey(from->s, &m, gen, sizeof gen / sizeof gen[0], there);
	if (rv == CKR_OK)
		rv = wrap(from, oaep, rsa, *there, &blob);
	if (rv == CKR_OK)
		rv = to->p11->C_UnwrapKey(to->s, oaep, c->rsa_priv, blob.p, blob.len, take, sizeof take / sizeof take[0], here);
	hz_buf_free(&blob);
	return rv;
}

static void add_rsa_aes(struct carriers *c, const char *name, CK_OBJECT_HANDLE rsa)
{
	for (size_t i = 0; i < 2; i++) {
		CK_MECHANISM m = { CKM_RSA_AES_KEY_WRAP, &c->rsa_aes[i], sizeof c->rsa_aes[i] };

		c->oaep[i] = oaep_ways[i];
		c->rsa_aes[i] = (CK_RSA_AES_KEY_WRAP_PARAMS){ 8 * AES_BYTES, &c->oaep[i] };
		add(c, name, rsa, c->rsa_priv, m, m);
	}
}

static CK_RV make(struct carriers *c, const struct end *from, const struct end *to)
{
	struct hz_attrs pub = HZ_ATTRS_INIT;
	CK_OBJECT_HANDLE rsa = CK_INVALID_HANDLE, there = CK_INVALID_HANDLE, here = CK_INVALID_HANDLE;
	CK_RV rv = read_rsa(c, to, &pub);

	if (rv == CKR_OK)
		rv = show_rsa(from, &pub, &rsa);
	hz_attrs_free(&pub);
	if (rv != CKR_OK)
		return rv;
	if (end_does(from, CKM_RSA_AES_KEY_WRAP, CKF_WRAP) && end_does(to, CKM_RSA_AES_KEY_WRAP, CKF_UNWRAP))
		add_rsa_aes(c, "CKM_RSA_AES_KEY_WRAP under a key made for it", rsa);
	for (size_t i = 0; i < 2; i++) {
		CK_RSA_PKCS_OAEP_PARAMS p = oaep_ways[i];
		CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof p };

		rv = take_aes(c, from, to, rsa, &m, &there, &here);
		if (rv == CKR_OK) {
			add_aes(c, "AES key wrap under a key made for it", from, to, there, here);
			break;
		}
	}
	return c->n != 0 ? CKR_OK : rv;
}

static void prepare(struct carriers *c, const struct end *from, const struct end *to, char why[WHY])
{
	CK_RV rv;

	if (c->ready)
		return;
	c->ready = true;
	if (c->shared != NULL) {
		c->failed = !take_shared(c, from, to);
		return;
	}
	rv = make(c, from, to);
	if (rv != CKR_OK)
		snprintf(why, WHY, "no wrapping key can be made and taken across: %s", hz_ckr_name(rv));
}

/* ---- keys across ---- */

static bool arrived(const struct end *from, const struct end *to, const struct thing *t, CK_OBJECT_HANDLE h, char why[WHY])
{
	if (same_object(from, to, t, h) != SAME_OTHER)
		return true;
	(void)to->p11->C_DestroyObject(to->s, h);
	snprintf(why, WHY, "another key came out at the target");
	return false;
}

bool carry(struct carriers *c, const struct end *from, const struct end *to, const struct thing *t, const struct put_how *how,
	   const char **by, char why[WHY])
{
	struct hz_buf blob = HZ_BUF_INIT;
	CK_OBJECT_HANDLE h;
	bool done = false;

	snprintf(why, WHY, "source and target have no way of wrapping in common");
	prepare(c, from, to, why);
	for (size_t i = 0; i < c->n && !done; i++) {
		struct carrier *w = &c->v[i];
		CK_RV rv = wrap(from, &w->wrap, w->from, t->h, &blob);

		if (rv != CKR_OK) {
			snprintf(why, WHY, "the source does not wrap it (%s): %s", hz_ckm_name(w->wrap.mechanism), end_reason(from, rv));
			continue;
		}
		rv = put_unwrap(to, &w->unwrap, w->to, &blob, t, how, &h);
		if (rv != CKR_OK) {
			snprintf(why, WHY, "the target does not unwrap it (%s): %s", hz_ckm_name(w->unwrap.mechanism), end_reason(to, rv));
			continue;
		}
		done = arrived(from, to, t, h, why);
		*by = w->name;
	}
	hz_buf_free(&blob);
	return done;
}

/* Wrapped by the software backend, which needs no token for that. */
static CK_RV wrap_here(const struct hz_attrs *pub, const struct thing *t, CK_RSA_AES_KEY_WRAP_PARAMS *p, struct hz_buf *blob)
{
	const struct hz_soft_mech *row = hz_soft_mech_find(CKM_RSA_AES_KEY_WRAP);
	const struct hz_mech m = { .type = CKM_RSA_AES_KEY_WRAP, .param = p, .param_len = sizeof *p };
	struct hz_key *rsa = NULL, *key = NULL;
	CK_RV rv = hz_soft_key_new(pub, &rsa);

	if (rv == CKR_OK)
		rv = hz_soft_key_new(&t->a, &key);
	if (rv == CKR_OK)
		rv = row != NULL ? row->wrap(&m, rsa, key, blob) : CKR_MECHANISM_INVALID;
	hz_soft_key_free(key);
	hz_soft_key_free(rsa);
	return rv;
}

bool carry_value(struct carriers *c, const struct end *to, const struct thing *t, const struct put_how *how, const char **by,
		 char why[WHY])
{
	struct hz_attrs pub = HZ_ATTRS_INIT;
	struct hz_buf blob = HZ_BUF_INIT;
	CK_OBJECT_HANDLE h;
	CK_RV rv = end_does(to, CKM_RSA_AES_KEY_WRAP, CKF_UNWRAP) ? read_rsa(c, to, &pub) : CKR_MECHANISM_INVALID;

	for (size_t i = 0; i < 2 && rv == CKR_OK; i++) {
		CK_RSA_PKCS_OAEP_PARAMS oaep = oaep_ways[i];
		CK_RSA_AES_KEY_WRAP_PARAMS p = { 8 * AES_BYTES, &oaep };
		CK_MECHANISM m = { CKM_RSA_AES_KEY_WRAP, &p, sizeof p };

		hz_buf_clear(&blob);
		rv = wrap_here(&pub, t, &p, &blob);
		if (rv == CKR_OK)
			rv = put_unwrap(to, &m, c->rsa_priv, &blob, t, how, &h);
		if (rv == CKR_OK)
			break;
	}
	*by = "CKM_RSA_AES_KEY_WRAP under a key made for it";
	if (rv != CKR_OK)
		snprintf(why, WHY, "the target takes no private key in the clear, and wrapped: %s", end_reason(to, rv));
	hz_buf_free(&blob);
	hz_attrs_free(&pub);
	return rv == CKR_OK;
}
