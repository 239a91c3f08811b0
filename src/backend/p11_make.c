/* SPDX-License-Identifier: Apache-2.0 */
/* New keys in the device: generated, derived, unwrapped; and keys that leave it wrapped. */
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "base/secmem.h"
#include "ck/schema.h"

struct making {
	CK_MECHANISM m;
	struct hz_p11_key *with;     /* base or unwrapping key */
	const uint8_t *in;           /* wrapped */
	size_t len;
	enum hz_p11_purpose purpose;
	struct hz_attrs *set, *priv; /* the one, or the public and the private half */
	CK_OBJECT_HANDLE h, h_priv;
};

static CK_RV make_one(struct hz_p11 *p, CK_SESSION_HANDLE s, struct making *w, struct hz_p11_tmpl *t)
{
	CK_OBJECT_HANDLE with = CK_INVALID_HANDLE;
	CK_RV rv = w->with != NULL ? hz_p11_handle(p, s, w->with->obj, &with) : CKR_OK;

	if (rv != CKR_OK)
		return rv;
	if (w->purpose == HZ_P11_DERIVE)
		return p->f->C_DeriveKey(s, &w->m, with, t->v, t->n, &w->h);
	if (w->purpose == HZ_P11_UNWRAP) {
		rv = p->f->C_UnwrapKey(s, &w->m, with, (CK_BYTE *)(uintptr_t)w->in, w->len, t->v, t->n, &w->h);
		return hz_p11_blame(p, s, rv, CKR_WRAPPED_KEY_INVALID);
	}
	return p->f->C_GenerateKey(s, &w->m, t->v, t->n, &w->h);
}

static CK_RV one_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct making *w = arg;
	CK_SESSION_HANDLE at;
	struct hz_p11_tmpl t;
	CK_RV rv = hz_p11_maker(p, s, w->set, &at);

	if (rv != CKR_OK)
		return rv;
	for (int spare = 0; spare < 2; spare++) {
		rv = hz_p11_template(&t, w->set, w->purpose, spare != 0);
		if (rv == CKR_OK)
			rv = hz_p11_once(make_one(p, at, w, &t));
		if (!hz_p11_template_refused(rv))
			break;
	}
	hz_p11_made(p, w->set);
	return rv;
}

/* A half that lives in the session lives in the keeper's; the halves are made by one call, so one session holds both. */
static CK_RV pair_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct making *w = arg;
	const struct hz_attrs *shorter = hz_attrs_bool(w->set, CKA_TOKEN, false) ? w->priv : w->set;
	CK_SESSION_HANDLE at;
	struct hz_p11_tmpl pub, priv;
	CK_RV rv = hz_p11_maker(p, s, shorter, &at);

	if (rv != CKR_OK)
		return rv;
	for (int spare = 0; spare < 2; spare++) {
		rv = hz_p11_template(&pub, w->set, HZ_P11_GENERATE, spare != 0);
		if (rv == CKR_OK)
			rv = hz_p11_template(&priv, w->priv, HZ_P11_GENERATE, spare != 0);
		if (rv == CKR_OK)
			rv = hz_p11_once(p->f->C_GenerateKeyPair(at, &w->m, pub.v, pub.n, priv.v, priv.n, &w->h, &w->h_priv));
		if (!hz_p11_template_refused(rv))
			break;
	}
	hz_p11_made(p, shorter);
	return rv;
}

/* ---- what was made, into the set ---- */

struct reading {
	struct hz_p11_obj *o;
	struct hz_attrs a;
};

static CK_RV read_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct reading *r = arg;
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_handle(p, s, r->o, &h);

	hz_attrs_free(&r->a);
	return rv == CKR_OK ? hz_p11_read_all(p, s, h, r->o->cls, r->o->kt, &r->a) : rv;
}

/* The device's word on its object stands, but for what is our own. */
static CK_RV merge(struct hz_attrs *set, const struct hz_attrs *from)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < from->n && rv == CKR_OK; i++) {
		CK_ATTRIBUTE_TYPE t = from->v[i].type;

		if (t == CKA_UNIQUE_ID || t == CKA_ALLOWED_MECHANISMS || t == CKA_TOKEN || t == CKA_HANZO_TIER || t == CKA_HANZO_EFFECTIVE_TIER)
			continue;
		if (t == CKA_LABEL && from->v[i].len == 0)
			continue;
		rv = hz_attrs_set_from(set, &from->v[i]);
	}
	return rv;
}

static CK_RV adopt(struct hz_p11 *p, struct hz_attrs *set, struct hz_p11_obj *o)
{
	struct reading r = { o, HZ_ATTRS_INIT };
	CK_RV rv = hz_p11_run(p, read_work, &r);

	if (rv == CKR_OK)
		rv = merge(set, &r.a);
	if (rv == CKR_OK)
		rv = hz_p11_set_ref(set, o);
	if (rv == CKR_OK)
		hz_p11_obj_seen(p, o, set);
	hz_attrs_free(&r.a);
	return rv;
}

static CK_RV end_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_handle(p, s, arg, &h);

	return rv == CKR_OK ? p->f->C_DestroyObject(s, h) : rv;
}

static void end_made(struct hz_p11 *p, struct hz_p11_obj *o)
{
	if (o == NULL)
		return;
	(void)hz_p11_run(p, end_work, o);
	hz_p11_obj_end(p, o);
}

/* Held for the caller. Known by name before anything else is asked of the device, so that it is found again when its handle changes meanwhile. */
static struct hz_p11_obj *note_made(struct hz_p11 *p, const struct hz_attrs *set, CK_OBJECT_HANDLE h)
{
	return set != NULL ? hz_p11_obj_add(p, h, set, !hz_attrs_bool(set, CKA_TOKEN, false)) : NULL;
}

static CK_RV adopt_or_end(struct hz_p11 *p, struct making *w)
{
	struct hz_p11_obj *o = note_made(p, w->set, w->h), *priv = note_made(p, w->priv, w->h_priv);
	CK_RV rv = o != NULL && (w->priv == NULL || priv != NULL) ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for an object");
	const struct hz_attr *v;

	if (rv == CKR_OK)
		rv = adopt(p, w->set, o);
	/* The private half takes what is public from the other: it may be in no list yet. */
	for (int i = 0; i < 2 && rv == CKR_OK && w->priv != NULL; i++) {
		v = hz_attrs_find(w->set, i == 0 ? CKA_PUBLIC_KEY_INFO : CKA_HANZO_ADDRESS);
		if (v != NULL)
			rv = hz_attrs_set_from(w->priv, v);
	}
	if (rv == CKR_OK && w->priv != NULL)
		rv = adopt(p, w->priv, priv);
	if (rv != CKR_OK) {
		end_made(p, o);
		end_made(p, priv);
	}
	hz_p11_obj_unref(o);
	hz_p11_obj_unref(priv);
	return rv;
}

/* A secret that may be read is the session's own: its value comes here, and nothing stays in the device. */
static bool comes_here(const struct making *w)
{
	return (w->purpose == HZ_P11_DERIVE || w->purpose == HZ_P11_UNWRAP) && !hz_attrs_bool(w->set, CKA_TOKEN, false) &&
	       hz_attrs_ulong(w->set, CKA_CLASS, 0) == CKO_SECRET_KEY && !hz_attrs_bool(w->set, CKA_SENSITIVE, true) &&
	       hz_attrs_bool(w->set, CKA_EXTRACTABLE, false);
}

static CK_RV fetch(struct hz_p11 *p, struct making *w)
{
	struct reading r = { note_made(p, w->set, w->h), HZ_ATTRS_INIT };
	const struct hz_attr *v;
	CK_RV rv = r.o != NULL ? hz_p11_run(p, read_work, &r) : hz_fail(CKR_HOST_MEMORY, "no memory for an object");

	if (rv == CKR_OK) {
		v = hz_attrs_find(&r.a, CKA_VALUE);
		rv = v != NULL ? hz_soft_set_secret(w->set, v->value, v->len) : hz_fail(CKR_DEVICE_ERROR, "the device keeps the value");
	}
	end_made(p, r.o);
	hz_p11_obj_unref(r.o);
	hz_attrs_free(&r.a);
	return rv;
}

static bool stays(const struct hz_attrs *set)
{
	return set != NULL && hz_attrs_bool(set, CKA_TOKEN, false);
}

/* What lives in the session only may end with the device's session before it is read: it is made once more. */
static CK_RV make(struct hz_p11 *p, hz_p11_work work, struct making *w)
{
	CK_RV rv;

	for (int round = 0; round < 2; round++) {
		rv = hz_p11_run(p, work, w);
		if (rv == CKR_OBJECT_HANDLE_INVALID) /* of the key that it is made with */
			return w->purpose == HZ_P11_UNWRAP ? CKR_UNWRAPPING_KEY_HANDLE_INVALID : CKR_KEY_HANDLE_INVALID;
		if (rv != CKR_OK)
			return rv;
		rv = comes_here(w) ? fetch(p, w) : adopt_or_end(p, w);
		if (rv != CKR_OBJECT_HANDLE_INVALID && rv != CKR_KEY_HANDLE_INVALID)
			return rv;
		if (stays(w->set) || stays(w->priv))
			break;
	}
	return hz_fail(CKR_DEVICE_REMOVED, "the device lost what it had just made");
}

CK_RV hz_p11_generate(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *secret)
{
	struct making w = { .m = { m->type, m->param, m->param_len }, .purpose = HZ_P11_GENERATE, .set = secret };

	return make(hz_p11_self(be), one_work, &w);
}

CK_RV hz_p11_generate_pair(struct hz_backend *be, const struct hz_mech *m, struct hz_attrs *pub, struct hz_attrs *priv)
{
	struct making w = { .m = { m->type, m->param, m->param_len }, .purpose = HZ_P11_GENERATE, .set = pub, .priv = priv };
	CK_RV rv = hz_p11_normalise(pub); /* the curve by its OBJECT IDENTIFIER, which every device knows */

	return rv == CKR_OK ? make(hz_p11_self(be), pair_work, &w) : rv;
}

/* ---- derive, unwrap ---- */

/*
 * The other side's point, where its curve is known here: a device that does not look whether it is on the curve would give its key away
 * bit by bit.
 */
static CK_RV check_point(const struct hz_mech *m, const struct hz_key *base)
{
	const CK_ECDH1_DERIVE_PARAMS *p = m->param;
	const struct hz_attr *curve = hz_attrs_find(&base->attrs, CKA_EC_PARAMS);
	struct hz_attrs pub = HZ_ATTRS_INIT;
	struct hz_key *key = NULL;
	CK_RV rv;

	if ((m->type != CKM_ECDH1_DERIVE && m->type != CKM_ECDH1_COFACTOR_DERIVE) || base->curve == NULL || curve == NULL)
		return CKR_OK;
	if (p == NULL || m->param_len != sizeof *p || p->pPublicData == NULL)
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "ECDH needs the other side's public key");
	rv = hz_attrs_set_ulong(&pub, CKA_CLASS, CKO_PUBLIC_KEY);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(&pub, CKA_KEY_TYPE, base->type);
	if (rv == CKR_OK)
		rv = hz_attrs_set_from(&pub, curve);
	if (rv == CKR_OK)
		rv = hz_attrs_set(&pub, CKA_EC_POINT, p->pPublicData, p->ulPublicDataLen, false);
	if (rv == CKR_OK)
		rv = hz_soft_complete(&pub);
	if (rv == CKR_OK)
		rv = hz_soft_key_new(&pub, &key);
	hz_soft_key_free(key);
	hz_attrs_free(&pub);
	return rv == CKR_OK || rv == CKR_HOST_MEMORY ? rv : hz_fail(CKR_MECHANISM_PARAM_INVALID, "the other side's public key is not on the curve");
}

CK_RV hz_p11_derive(struct hz_backend *be, const struct hz_mech *m, struct hz_key *base, struct hz_attrs *made)
{
	struct making w = { .m = { m->type, m->param, m->param_len }, .with = hz_p11_key_of(base), .purpose = HZ_P11_DERIVE, .set = made };
	const struct hz_soft_mech *row = hz_soft_mech_find(m->type);

	if (w.with != NULL) {
		CK_RV rv = check_point(m, base);

		return rv == CKR_OK ? make(hz_p11_self(be), one_work, &w) : rv;
	}
	return row != NULL && row->derive != NULL ? row->derive(m, base, made) : hz_fail(CKR_MECHANISM_INVALID, "no derivation");
}

/* What a key of the session opens becomes a key of the session, or is put into the device by insert. */
CK_RV hz_p11_unwrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *unwrapping, const uint8_t *in, size_t len,
		    struct hz_attrs *made)
{
	struct making w = { .m = { hz_p11_unwrap_mech(hz_p11_self(be), m->type), m->param, m->param_len },
			    .with = hz_p11_key_of(unwrapping), .in = in, .len = len, .purpose = HZ_P11_UNWRAP, .set = made };
	const struct hz_soft_mech *row = hz_soft_mech_find(m->type);

	if (w.with != NULL && m->type != CKM_HANZO_ECIES && m->type != CKM_HANZO_SHARE_REFRESH) /* they agree there, and open blobs here */
		return make(hz_p11_self(be), one_work, &w);
	return row != NULL && row->unwrap != NULL ? row->unwrap(m, unwrapping, in, len, made) : hz_fail(CKR_MECHANISM_INVALID, "no unwrapping");
}

/* ---- wrap ---- */

struct wrapping {
	CK_MECHANISM m;
	struct hz_p11_obj *with, *target; /* held: `with` */
	struct hz_buf *out; /* NULL: the length only */
	size_t len;
};

/* NSS announces the length of the key itself for RFC 5649, which adds up to 15 bytes. */
static size_t announced(CK_MECHANISM_TYPE type, size_t n)
{
	bool rfc5649 = type == CKM_AES_KEY_WRAP_KWP || type == CKM_AES_KEY_WRAP_PAD;

	return rfc5649 ? ((n + 7) & ~(size_t)7) + 8 : n;
}

static CK_RV wrap_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct wrapping *w = arg;
	CK_OBJECT_HANDLE with, target;
	CK_ULONG n = 0, got;
	uint8_t *room;
	CK_RV rv = hz_p11_handle(p, s, w->with, &with);

	if (rv == CKR_OK)
		rv = hz_p11_handle(p, s, w->target, &target);
	if (rv == CKR_OK)
		rv = p->f->C_WrapKey(s, &w->m, with, target, NULL, &n);
	if (rv == CKR_OK && n > HZ_ATTR_MAX_LEN)
		rv = hz_fail(CKR_DEVICE_ERROR, "a wrapped key of %lu bytes", n);
	if (rv == CKR_OK)
		n = announced(w->m.mechanism, n);
	w->len = n;
	if (rv != CKR_OK || w->out == NULL)
		return rv;
	hz_buf_clear(w->out);
	room = hz_buf_room(w->out, n != 0 ? n : 1);
	if (room == NULL)
		return CKR_HOST_MEMORY;
	got = n;
	rv = p->f->C_WrapKey(s, &w->m, with, target, room, &got);
	if (rv == CKR_OK && got > n)
		rv = hz_fail(CKR_DEVICE_ERROR, "a wrapped key of %lu bytes where %lu were announced", got, n);
	if (rv == CKR_OK)
		w->out->len = got;
	return rv;
}

/* Mechanisms that no device has: done here, with a target that may have to be fetched, or is only used (delegation). */
static bool ours(CK_MECHANISM_TYPE type)
{
	return type == CKM_HANZO_ECIES || type == CKM_HANZO_SHAMIR_SHARE || type == CKM_HANZO_ECIES_DELEGATE || type == CKM_HANZO_ECIES_PARTIAL;
}

/* Both keys in the device: it wraps. Both here: done here. */
static CK_RV place(struct hz_p11 *p, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct wrapping *w,
		   const struct hz_soft_mech **row)
{
	struct hz_p11_key *wk = hz_p11_key_of(wrapping), *tk = hz_p11_key_of(target);

	*row = NULL;
	if (ours(m->type) || (wk == NULL && tk == NULL)) {
		*row = hz_soft_mech_find(m->type);
		return *row != NULL && (*row)->wrap != NULL ? CKR_OK : hz_fail(CKR_MECHANISM_INVALID, "no wrapping");
	}
	if (tk == NULL)
		return hz_fail(CKR_KEY_NOT_WRAPPABLE, "a key of the session cannot be wrapped by one of the device");
	w->with = wk != NULL ? hz_p11_obj_ref(wk->obj) : hz_p11_ref(p, &wrapping->attrs);
	w->target = tk->obj;
	if (w->with == NULL)
		return hz_fail(CKR_WRAPPING_KEY_HANDLE_INVALID, "the wrapping key is not in the device");
	return CKR_OK;
}

/* The target of a mechanism of ours: itself, or *borrowed, where its value goes into the result. */
static CK_RV fetch_target(struct hz_p11 *p, CK_MECHANISM_TYPE type, struct hz_key **target, struct hz_key **borrowed)
{
	CK_RV rv;

	if (hz_p11_key_of(*target) == NULL || (type != CKM_HANZO_ECIES && type != CKM_HANZO_SHAMIR_SHARE))
		return CKR_OK;
	rv = hz_p11_borrow(p, *target, borrowed);
	if (rv == CKR_OK)
		*target = *borrowed;
	return rv;
}

static CK_RV wrap_here(struct hz_p11 *p, const struct hz_mech *m, const struct hz_soft_mech *row, struct hz_key *wrapping,
		       struct hz_key *target, struct hz_buf *out)
{
	struct hz_key *borrowed = NULL;
	CK_RV rv = fetch_target(p, m->type, &target, &borrowed);

	if (rv == CKR_OK)
		rv = row->wrap(m, wrapping, target, out);
	hz_soft_key_free(borrowed);
	return rv;
}

static CK_RV wrap_len_here(struct hz_p11 *p, const struct hz_mech *m, const struct hz_soft_mech *row, struct hz_key *wrapping,
			   struct hz_key *target, size_t *len)
{
	struct hz_key *borrowed = NULL;
	CK_RV rv = fetch_target(p, m->type, &target, &borrowed);

	if (rv == CKR_OK)
		rv = row->wrap_len(m, wrapping, target, len);
	hz_soft_key_free(borrowed);
	return rv;
}

CK_RV hz_p11_wrap(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, struct hz_buf *out)
{
	struct wrapping w = { .m = { m->type, m->param, m->param_len }, .out = out };
	const struct hz_soft_mech *row;
	CK_RV rv = place(hz_p11_self(be), m, wrapping, target, &w, &row);

	if (rv == CKR_OK)
		rv = row != NULL ? wrap_here(hz_p11_self(be), m, row, wrapping, target, out) : hz_p11_run(hz_p11_self(be), wrap_work, &w);
	hz_p11_obj_unref(w.with);
	return rv;
}

CK_RV hz_p11_wrap_len(struct hz_backend *be, const struct hz_mech *m, struct hz_key *wrapping, struct hz_key *target, size_t *len)
{
	struct wrapping w = { .m = { m->type, m->param, m->param_len } };
	const struct hz_soft_mech *row;
	CK_RV rv = place(hz_p11_self(be), m, wrapping, target, &w, &row);

	if (rv != CKR_OK)
		return rv;
	if (row != NULL)
		return wrap_len_here(hz_p11_self(be), m, row, wrapping, target, len);
	rv = hz_p11_run(hz_p11_self(be), wrap_work, &w);
	*len = w.len;
	hz_p11_obj_unref(w.with);
	return rv;
}
