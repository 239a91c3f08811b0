/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that the device does from end to end: ciphers, MACs, RSA decryption, signatures over whole messages. One-shot calls take a
 * session for the length of the call. Multi-part ones keep theirs from the first part to the last; while what came is little, it is
 * kept too, and a lost session is made good by doing it again in another one.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_set.h"
#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hash.h"

#define REPLAY_MAX 65536u /* bytes of input kept */
#define SLACK 1024u       /* room for devices that ask for more than they give */

struct stream {
	struct hz_op base;
	enum hz_op_kind kind;
	struct hz_p11_key *k;        /* where it takes place: home, or &at */
	struct hz_p11_key *home;     /* the key's own */
	struct hz_p11_key at;        /* of several modules: one */
	unsigned tried, index;       /* those it took place in (bits), the present one */
	const struct hz_key *key;
	struct hz_mech m;            /* our own copy */
	size_t block;                /* of the cipher; 1: none */
	uint8_t carry[16];           /* input short of a block: some devices take whole ones only */
	size_t held;
	bool gather;                 /* the device takes the message at once only */
	bool open;                   /* a session is kept */
	bool resting;                /* and no call is being made in it */
	struct hz_p11_session s;
	uint64_t fed, given;
	struct hz_buf replay;        /* what was fed, while it is little (gather: all of it) */
	bool replayable;
};

static struct stream *stream_of(struct hz_op *op)
{
	return (struct stream *)(void *)op;
}

static bool enciphers(const struct stream *o)
{
	return o->kind == HZ_OP_ENCRYPT;
}

static bool crypts(const struct stream *o)
{
	return o->kind == HZ_OP_ENCRYPT || o->kind == HZ_OP_DECRYPT;
}

/* ---- lengths ---- */

static size_t tag_len(const struct hz_mech *m)
{
	switch (m->type) {
	case CKM_AES_GCM:
		return (((const CK_GCM_PARAMS *)m->param)->ulTagBits + 7) / 8;
	case CKM_AES_CCM:
		return ((const CK_CCM_PARAMS *)m->param)->ulMACLen;
	case CKM_CHACHA20_POLY1305:
		return 16;
	default:
		return 0;
	}
}

/* Of the whole output for so much input. */
static size_t total(const struct stream *o, size_t in)
{
	size_t tag = o->m.param != NULL || o->m.type == CKM_CHACHA20_POLY1305 ? tag_len(&o->m) : 0;

	if (o->key->type == CKK_RSA)
		return (size_t)o->key->bits / 8;
	if (!enciphers(o))
		return in > tag ? in - tag : 0;
	if (o->m.type == CKM_AES_CBC_PAD)
		return in - in % 16 + 16;
	return in + tag;
}

/* MACs have the length of their hash, or the one that the parameter names. 0: not known. */
static size_t mac_len(const struct hz_mech *m)
{
	static const struct { CK_MECHANISM_TYPE type; uint8_t len; } rows[] = {
		{ CKM_SHA_1_HMAC, 20 }, { CKM_SHA224_HMAC, 28 }, { CKM_SHA256_HMAC, 32 }, { CKM_SHA384_HMAC, 48 }, { CKM_SHA512_HMAC, 64 },
		{ CKM_SHA3_224_HMAC, 28 }, { CKM_SHA3_256_HMAC, 32 }, { CKM_SHA3_384_HMAC, 48 }, { CKM_SHA3_512_HMAC, 64 },
		{ CKM_SHA512_224_HMAC, 28 }, { CKM_SHA512_256_HMAC, 32 }, { CKM_AES_CMAC, 16 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].type == m->type)
			return rows[i].len;
	return m->param != NULL && m->param_len == sizeof(CK_MAC_GENERAL_PARAMS) ? *(const CK_MAC_GENERAL_PARAMS *)m->param : 0;
}

static size_t signature_len(const struct stream *o)
{
	const size_t bytes = ((size_t)o->key->bits + 7) / 8;

	if (o->key->cls == CKO_SECRET_KEY)
		return mac_len(&o->m) != 0 ? mac_len(&o->m) : 64;
	if (o->key->type == CKK_EC_EDWARDS)
		return o->key->bits > 256 ? 114 : 64;
	return o->key->type == CKK_EC ? 2 * bytes : bytes != 0 ? bytes : 1024;
}

static size_t max_out(const struct hz_op *op, enum hz_phase phase, size_t in_len)
{
	const struct stream *o = (const struct stream *)(const void *)op;
	uint64_t whole = o->fed + in_len;

	if (!crypts(o))
		return phase == HZ_UPDATE || o->kind == HZ_OP_VERIFY ? 0 : signature_len(o);
	if (phase == HZ_UPDATE && o->gather)
		return 0;
	if (phase == HZ_UPDATE) {
		whole -= whole % o->block;
		return whole > o->given ? (size_t)(whole - o->given) : 0;
	}
	whole = total(o, (size_t)whole);
	return whole > o->given ? (size_t)(whole - o->given) : 0;
}

/* ---- the device's calls, by kind ---- */

static CK_RV begin(struct hz_p11 *p, CK_SESSION_HANDLE s, struct stream *o)
{
	CK_MECHANISM m = { o->m.type, o->m.param, o->m.param_len };
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_handle(p, s, o->k->obj, &h);

	if (rv != CKR_OK)
		return rv;
	switch (o->kind) {
	case HZ_OP_ENCRYPT:
		rv = p->f->C_EncryptInit(s, &m, h);
		break;
	case HZ_OP_DECRYPT:
		rv = p->f->C_DecryptInit(s, &m, h);
		break;
	case HZ_OP_SIGN:
		rv = p->f->C_SignInit(s, &m, h);
		break;
	case HZ_OP_SIGN_RECOVER:
		rv = p->f->C_SignRecoverInit(s, &m, h);
		break;
	case HZ_OP_VERIFY:
		rv = p->f->C_VerifyInit(s, &m, h);
		break;
	default:
		rv = CKR_MECHANISM_INVALID;
	}
	if (rv == CKR_ARGUMENTS_BAD && o->m.param != NULL)
		rv = hz_fail(CKR_MECHANISM_PARAM_INVALID, "the device does not take the mechanism's parameter");
	if (rv == CKR_OK && o->k->always_auth && o->kind != HZ_OP_ENCRYPT && o->kind != HZ_OP_VERIFY)
		rv = hz_p11_context_login(p, s);
	return rv;
}

struct step {
	struct stream *o;
	const uint8_t *in;
	size_t len;
	uint8_t *out;                /* the caller's; verify: the signature */
	size_t room, n;
	enum hz_phase phase;
	bool asked;                  /* for a signature, which is not asked for twice */
};

/* Signatures are made once. */
static CK_RV sign_call(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, struct step *w, uint8_t *out, CK_ULONG *n)
{
	CK_BYTE *in = (CK_BYTE *)(uintptr_t)w->in;

	w->asked |= w->phase != HZ_UPDATE;
	if (w->o->kind == HZ_OP_SIGN_RECOVER)
		return hz_p11_once(f->C_SignRecover(s, in, w->len, out, n));
	if (w->phase == HZ_ONCE)
		return hz_p11_once(f->C_Sign(s, in, w->len, out, n));
	if (w->phase == HZ_FINAL)
		return hz_p11_once(f->C_SignFinal(s, out, n));
	*n = 0;
	return f->C_SignUpdate(s, in, w->len);
}

static CK_RV call(struct hz_p11 *p, CK_SESSION_HANDLE s, struct step *w, uint8_t *out, CK_ULONG *n)
{
	CK_BYTE *in = (CK_BYTE *)(uintptr_t)w->in;
	CK_FUNCTION_LIST *f = p->f;

	switch (w->o->kind) {
	case HZ_OP_ENCRYPT:
		return w->phase == HZ_ONCE ? f->C_Encrypt(s, in, w->len, out, n)
		     : w->phase == HZ_UPDATE ? f->C_EncryptUpdate(s, in, w->len, out, n) : f->C_EncryptFinal(s, out, n);
	case HZ_OP_DECRYPT:
		return w->phase == HZ_ONCE ? f->C_Decrypt(s, in, w->len, out, n)
		     : w->phase == HZ_UPDATE ? f->C_DecryptUpdate(s, in, w->len, out, n) : f->C_DecryptFinal(s, out, n);
	case HZ_OP_SIGN:
	case HZ_OP_SIGN_RECOVER:
		return sign_call(f, s, w, out, n);
	default: /* verify: the signature comes in `out` */
		if (w->phase == HZ_ONCE)
			return f->C_Verify(s, in, w->len, w->out, w->room);
		return w->phase == HZ_UPDATE ? f->C_VerifyUpdate(s, in, w->len) : f->C_VerifyFinal(s, w->out, w->room);
	}
}

static bool short_mac(const struct step *w, size_t n)
{
	size_t len = w->o->kind == HZ_OP_SIGN && w->phase != HZ_UPDATE && w->o->key->cls == CKO_SECRET_KEY ? mac_len(&w->o->m) : 0;

	return len != 0 && n < len;
}

/* Does its decryption look at what it gets: a tag, a padding? */
static bool checks(const struct stream *o)
{
	return o->kind == HZ_OP_DECRYPT && (o->key->type == CKK_RSA || o->m.type == CKM_AES_CBC_PAD || o->m.type == CKM_AES_GCM ||
					    o->m.type == CKM_AES_CCM || o->m.type == CKM_CHACHA20_POLY1305 ||
					    o->m.type == CKM_AES_KEY_WRAP_KWP);
}

/* Through a buffer of our own: some devices want more room than they use, and none gets to write beyond the caller's. */
static CK_RV do_call(struct hz_p11 *p, CK_SESSION_HANDLE s, struct step *w)
{
	struct hz_buf b = HZ_BUF_SECRET;
	CK_ULONG n = w->room + w->len + SLACK;
	uint8_t *room = hz_buf_room(&b, n);
	CK_RV rv;

	if (room == NULL)
		return CKR_HOST_MEMORY;
	rv = call(p, s, w, room, &n);
	if (w->phase != HZ_UPDATE && checks(w->o))
		rv = hz_p11_blame(p, s, rv, CKR_ENCRYPTED_DATA_INVALID);
	if (rv == CKR_OK && w->o->kind != HZ_OP_VERIFY) {
		w->n = n;
		if (short_mac(w, n))
			rv = hz_fail(CKR_DEVICE_ERROR, "a MAC of %lu bytes, not %zu", n, mac_len(&w->o->m));
		else if (n > w->room)
			rv = hz_fail(CKR_DEVICE_ERROR, "%lu bytes of output where at most %zu can be", n, w->room);
		else if (n != 0 && w->out != NULL)
			memcpy(w->out, room, n);
	}
	hz_buf_free(&b);
	return rv;
}

static CK_RV once_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct step *w = arg;
	CK_RV rv = begin(p, s, w->o);

	return rv == CKR_OK ? do_call(p, s, w) : rv;
}

static CK_RV once_at(struct hz_p11_key *at, void *arg)
{
	struct step *w = arg;
	struct hz_p11_key *was = w->o->k;
	CK_RV rv;

	w->o->k = at;
	rv = hz_p11_run_raw(at->p, once_work, w);
	w->o->k = was;
	return rv;
}

static CK_RV at_once(struct step *w)
{
	return hz_p11_use_key(w->o->home, once_at, w, &w->asked);
}

/* ---- several parts ---- */

static void leave(struct stream *o, bool keep)
{
	if (o->open && o->resting)
		(void)atomic_fetch_add(&o->k->p->inside, 1); /* hz_p11_give takes it back */
	if (o->open)
		hz_p11_give(o->k->p, &o->s, keep);
	o->open = o->resting = false;
}

/* Between two calls of the application. */
static void rest(struct stream *o)
{
	if (o->open && !o->resting)
		hz_p11_rest(o->k->p);
	o->resting = o->open;
}

static CK_RV wake(struct stream *o)
{
	CK_RV rv = o->resting ? hz_p11_resume(o->k->p, &o->s) : CKR_OK;

	o->resting = o->resting && rv != CKR_OK;
	return rv;
}

static CK_RV enter_once(struct stream *o)
{
	CK_RV rv = hz_p11_take(o->k->p, &o->s);

	if (rv != CKR_OK)
		return rv;
	o->open = true;
	rv = hz_p11_meant(o->k->p, begin(o->k->p, o->s.h, o));
	if (rv != CKR_OK)
		leave(o, false);
	return rv;
}

static CK_RV enter(struct stream *o)
{
	struct hz_p11 *p = o->k->p;
	unsigned link = atomic_load(&p->link), era = atomic_load(&p->era);
	CK_RV rv = enter_once(o);

	return rv != CKR_OK && hz_p11_stale(p, link, era, rv) ? enter_once(o) : rv;
}

/* In a new session: everything so far again, its output (given already) dropped. */
static CK_RV replay(struct stream *o)
{
	struct step w = { o, o->replay.p, o->replay.len, NULL, o->replay.len + SLACK, 0, HZ_UPDATE, false };
	CK_RV rv = enter(o);

	if (rv != CKR_OK || o->replay.len == 0)
		return rv;
	rv = do_call(o->k->p, o->s.h, &w);
	if (rv == CKR_OK && w.n != o->given)
		rv = hz_fail(CKR_DEVICE_REMOVED, "the device was lost and does not come to the same place again");
	return rv;
}

static CK_RV part_here(struct stream *o, struct step *w)
{
	unsigned link = atomic_load(&o->k->p->link);
	CK_RV rv = o->open ? wake(o) : enter(o);

	if (rv == CKR_OK)
		rv = do_call(o->k->p, o->s.h, w);
	if (!hz_p11_lost(rv) || !o->replayable)
		return rv;
	leave(o, false);
	if (hz_p11_recover(o->k->p, link, rv) != CKR_OK)
		return rv;
	rv = replay(o);
	return rv == CKR_OK ? do_call(o->k->p, o->s.h, w) : rv;
}

/* In the module at hand, or from the beginning in one after the other. */
static CK_RV part(struct stream *o, struct step *w)
{
	struct hz_p11_set *set = o->home->set;
	CK_RV rv = CKR_OK;

	if (set != NULL && !o->open)
		rv = hz_p11_next_place(o->home, &o->tried, &o->index, &o->at, CKR_DEVICE_REMOVED);
	if (rv == CKR_OK)
		rv = part_here(o, w);
	while (set != NULL && rv != CKR_OK && o->replayable && hz_p11_elsewhere(rv, w->asked)) {
		hz_p11_report(set, o->index, rv);
		leave(o, false);
		if (hz_p11_next_place(o->home, &o->tried, &o->index, &o->at, rv) != CKR_OK)
			break;
		rv = replay(o);
		if (rv == CKR_OK)
			rv = do_call(o->k->p, o->s.h, w);
	}
	if (set != NULL && rv == CKR_OK)
		hz_p11_report(set, o->index, rv);
	return rv;
}

static void remember(struct stream *o, const uint8_t *in, size_t len)
{
	if (!o->replayable)
		return;
	if (o->replay.len + len <= REPLAY_MAX)
		hz_buf_add(&o->replay, in, len);
	else
		o->replay.failed = true;
	if (o->replay.failed) {
		o->replayable = false;
		hz_buf_free(&o->replay);
	}
}

static CK_RV gather(struct stream *o, const uint8_t *in, size_t len)
{
	if (o->replay.len + len > HZ_ATTR_MAX_LEN)
		return hz_fail(CKR_DATA_LEN_RANGE, "the device takes a message at once, and this one is too long");
	hz_buf_add(&o->replay, in, len);
	o->fed += len;
	return o->replay.failed ? hz_fail(CKR_HOST_MEMORY, "out of memory") : CKR_OK;
}

static CK_RV once(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct stream *o = stream_of(op);
	struct step w = { o, in, in_len, out, *out_len, 0, HZ_ONCE, false };
	CK_RV rv = at_once(&w);

	*out_len = w.n;
	return rv;
}

/* Does the code say that the device does not do this mechanism in parts? */
static bool only_at_once(const struct stream *o, CK_RV rv)
{
	if (!crypts(o) || tag_len(&o->m) == 0 || o->fed != 0)
		return false;
	return rv == CKR_DEVICE_ERROR || rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_FUNCTION_FAILED || rv == CKR_GENERAL_ERROR ||
	       rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_OPERATION_ACTIVE || rv == CKR_MECHANISM_INVALID;
}

static CK_RV feed(struct stream *o, struct step *w)
{
	CK_RV rv = part(o, w);

	if (rv == CKR_OK) {
		rest(o);
		o->given += w->n;
		remember(o, w->in, w->len);
		return rv;
	}
	leave(o, false);
	return only_at_once(o, rv) ? CKR_FUNCTION_NOT_SUPPORTED : hz_p11_use_code(rv);
}

/* Whole blocks of what is held and what came, in one piece; the rest is held. */
static CK_RV align(struct stream *o, struct step *w, struct hz_buf *joined)
{
	size_t whole = o->held + w->len, rest;

	whole -= whole % o->block;
	rest = o->held + w->len - whole;
	if (whole == 0) {
		memcpy(o->carry + o->held, w->in, w->len);
	} else {
		hz_buf_add(joined, o->carry, o->held);
		hz_buf_add(joined, w->in, w->len - rest);
		if (joined->failed)
			return hz_fail(CKR_HOST_MEMORY, "out of memory");
		memcpy(o->carry, w->in + w->len - rest, rest);
	}
	o->held = rest;
	w->in = joined->p;
	w->len = whole;
	return CKR_OK;
}

static CK_RV update(struct hz_op *op, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len)
{
	struct stream *o = stream_of(op);
	struct step w = { o, in, in_len, out, out != NULL ? *out_len : 0, 0, HZ_UPDATE, false };
	struct hz_buf joined = HZ_BUF_SECRET;
	CK_RV rv = CKR_OK;

	if (out_len != NULL)
		*out_len = 0;
	if (in_len == 0)
		return CKR_OK;
	if (o->gather)
		return gather(o, in, in_len);
	if (o->block > 1 && (o->held != 0 || in_len % o->block != 0))
		rv = align(o, &w, &joined);
	if (rv == CKR_OK && w.len != 0)
		rv = feed(o, &w);
	hz_buf_free(&joined);
	if (rv == CKR_FUNCTION_NOT_SUPPORTED) {
		o->gather = true;
		return gather(o, in, in_len);
	}
	if (rv == CKR_OK)
		o->fed += in_len;
	if (rv == CKR_OK && out_len != NULL)
		*out_len = w.n;
	return rv;
}

/* What is left short of a block ends a padded message; every other one is wrong. */
static CK_RV last_part(struct stream *o, struct step *w)
{
	struct step rest = { o, o->carry, o->held, w->out, w->room, 0, HZ_UPDATE, false };
	CK_RV rv = CKR_OK;

	if (o->held != 0 && (o->m.type != CKM_AES_CBC_PAD || !enciphers(o)))
		rv = enciphers(o) ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
	else if (o->held != 0)
		rv = part(o, &rest);
	if (rv == CKR_OK) {
		o->given += rest.n;
		remember(o, o->carry, o->held);
		w->out = w->out != NULL ? w->out + rest.n : NULL;
		w->room -= o->kind == HZ_OP_VERIFY ? 0 : rest.n;
		rv = part(o, w);
		w->n += rest.n;
	}
	return rv;
}

static CK_RV finish(struct stream *o, struct step *w)
{
	CK_RV rv;

	if (o->gather) {
		w->in = o->replay.len != 0 ? o->replay.p : (const uint8_t *)"";
		w->len = o->replay.len;
		w->phase = HZ_ONCE;
		return at_once(w);
	}
	rv = last_part(o, w);
	leave(o, rv == CKR_OK);
	return rv == CKR_OK ? rv : hz_p11_use_code(rv);
}

static CK_RV final(struct hz_op *op, uint8_t *out, size_t *out_len)
{
	struct stream *o = stream_of(op);
	struct step w = { o, (const uint8_t *)"", 0, out, *out_len, 0, HZ_FINAL, false };
	CK_RV rv = finish(o, &w);

	*out_len = w.n;
	return rv;
}

/* Some devices have no word for a MAC that is wrong: those that can make it are asked for the right one. */
static CK_RV mac_again(struct stream *o, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len, CK_RV was)
{
	struct stream as = { .kind = HZ_OP_SIGN, .k = o->home, .home = o->home, .key = o->key, .m = o->m, .block = 1 };
	uint8_t mac[HZ_HASH_MAX];
	struct step w = { &as, in, in_len, mac, sizeof mac, 0, HZ_ONCE, false };
	bool unclear = was == CKR_DEVICE_ERROR || was == CKR_GENERAL_ERROR || was == CKR_FUNCTION_FAILED;
	CK_RV rv;

	if (!unclear || o->key->cls != CKO_SECRET_KEY || !hz_attrs_bool(&o->key->attrs, CKA_SIGN, false))
		return was;
	rv = at_once(&w);
	if (rv == CKR_OK && w.n == sig_len)
		rv = hz_ct_equal(mac, sig, sig_len) ? CKR_OK : hz_fail(CKR_SIGNATURE_INVALID, "the MAC is another one");
	else
		rv = was;
	hz_wipe(mac, sizeof mac);
	return rv;
}

static CK_RV verify(struct hz_op *op, const uint8_t *in, size_t in_len, const uint8_t *sig, size_t sig_len)
{
	struct stream *o = stream_of(op);
	struct step w = { o, in, in_len, (uint8_t *)(uintptr_t)sig, sig_len, 0, HZ_ONCE, false };
	CK_RV rv = at_once(&w);

	return rv == CKR_OK ? rv : mac_again(o, in, in_len, sig, sig_len, rv);
}

static CK_RV verify_final(struct hz_op *op, const uint8_t *sig, size_t sig_len)
{
	struct stream *o = stream_of(op);
	struct step w = { o, (const uint8_t *)"", 0, (uint8_t *)(uintptr_t)sig, sig_len, 0, HZ_FINAL, false };
	CK_RV rv = finish(o, &w);

	if (rv == CKR_OK || !o->replayable)
		return rv;
	return mac_again(o, o->replay.len != 0 ? o->replay.p : (const uint8_t *)"", o->replay.len, sig, sig_len, rv);
}

static void stream_free(struct hz_op *op)
{
	struct stream *o = stream_of(op);

	leave(o, false); /* an operation is active in it */
	hz_p11_leave_place(&o->at);
	hz_buf_free(&o->replay);
	hz_wipe(o->carry, sizeof o->carry);
	hz_mech_clear(&o->m);
	free(o);
}

static const struct hz_op_ops parts = {
	.max_out = max_out, .once = once, .update = update, .final = final, .verify = verify, .verify_final = verify_final,
	.free = stream_free,
};
static const struct hz_op_ops whole = { .max_out = max_out, .once = once, .verify = verify, .free = stream_free };

static size_t block_of(CK_MECHANISM_TYPE type)
{
	return type == CKM_AES_ECB || type == CKM_AES_CBC || type == CKM_AES_CBC_PAD ? 16 : 1;
}

CK_RV hz_p11_stream(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	const CK_MECHANISM given = { m->type, m->param, m->param_len };
	struct stream *o = calloc(1, sizeof *o);
	bool raw_rsa = key->type == CKK_RSA && (kind == HZ_OP_DECRYPT || kind == HZ_OP_SIGN_RECOVER);
	CK_RV rv;

	if (o == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	o->base.ops = raw_rsa ? &whole : &parts;
	o->kind = kind;
	o->home = hz_p11_key_of(key);
	o->k = o->home->set != NULL ? &o->at : o->home;
	o->key = key;
	o->block = block_of(m->type);
	o->gather = kind == HZ_OP_SIGN && (m->type == CKM_EDDSA || m->type == CKM_ML_DSA);
	o->replay = (struct hz_buf)HZ_BUF_SECRET;
	o->replayable = true;
	rv = hz_mech_copy(&o->m, &given);
	if (rv != CKR_OK) {
		hz_mech_clear(&o->m);
		free(o);
		return rv;
	}
	*op = &o->base;
	return CKR_OK;
}
