/* SPDX-License-Identifier: Apache-2.0 */
/* TPM commands: how one is put together, authorised, answered and checked; then those that sealing needs. */
#include "store/tpm2_int.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hash.h"
#include "crypto/libctx.h"

enum { ST_NO_SESSIONS = 0x8001, ST_SESSIONS = 0x8002 };
enum {
	CC_CREATE_PRIMARY = 0x131, CC_CREATE = 0x153, CC_LOAD = 0x157, CC_UNSEAL = 0x15e, CC_FLUSH = 0x165, CC_START_SESSION = 0x176,
	CC_PCR_READ = 0x17e, CC_POLICY_PCR = 0x17f
};
enum { ALG_KEYEDHASH = 0x08, ALG_AES = 0x06, ALG_CFB = 0x43 };
enum { RH_NULL = 0x40000007, RS_PW = 0x40000009 };
enum { SE_HMAC = 0, SE_POLICY = 1, SA_CONTINUE = 0x01, SA_DECRYPT = 0x20, SA_ENCRYPT = 0x40 };
enum { RC_RETRY = 0x922, RC_YIELDED = 0x908, RC_TESTING = 0x90a };

/* Part 2, 6.6: format one has parameter, handle or session numbers around the error. */
static uint32_t bare_rc(uint32_t rc)
{
	return (rc & 0x80) != 0 ? rc & 0xbf : rc;
}

uint32_t hz_tpm_rc(const struct hz_tpm *t)
{
	return bare_rc(t->rc);
}

static CK_RV said_no(const struct hz_tpm *t, const char *what)
{
	static const struct {
		uint32_t rc;
		CK_RV rv;
		const char *text;
	} known[] = {
		{ 0x085, CKR_DEVICE_ERROR, "the owner hierarchy is disabled" },
		{ 0x08e, CKR_DEVICE_ERROR, "the owner hierarchy has a password" },
		{ 0x0a2, CKR_DEVICE_ERROR, "the owner hierarchy has a password" },
		{ HZ_TPM_RC_INTEGRITY, CKR_DEVICE_ERROR, "not sealed by this TPM, or it was cleared since" },
		{ HZ_TPM_RC_POLICY_FAIL, CKR_DEVICE_ERROR, "the PCRs differ from those sealed to" },
		{ 0x100, CKR_DEVICE_ERROR, "it was not started" },
		{ 0x902, CKR_DEVICE_MEMORY, "no room for another object" },
		{ 0x903, CKR_DEVICE_MEMORY, "no room for another session" },
		{ 0x905, CKR_DEVICE_MEMORY, "no handle for another session" },
		{ 0x921, CKR_DEVICE_ERROR, "locked out" },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].rc == bare_rc(t->rc))
			return hz_fail(known[i].rv, "the TPM refuses %s: %s (0x%x)", what, known[i].text, t->rc);
	return hz_fail(CKR_DEVICE_ERROR, "the TPM refuses %s: 0x%x", what, t->rc);
}

CK_RV hz_tpm_nonsense(const char *what)
{
	return hz_fail(CKR_DEVICE_ERROR, "the TPM's answer to %s is malformed or was changed on its way", what);
}

CK_RV hz_tpm_no_memory(void)
{
	return hz_fail(CKR_HOST_MEMORY, "no memory for a command to the TPM");
}

/* cpHash and rpHash (part 1, 16.7 and 16.8) share their shape. */
static void digest_of(uint32_t first, uint32_t second, bool two, struct hz_blob name, struct hz_blob params, uint8_t out[32])
{
	uint8_t head[8];
	struct hz_hash h;

	for (unsigned i = 0; i < 4; i++) {
		head[i] = (uint8_t)(first >> (24 - 8 * i));
		head[4 + i] = (uint8_t)(second >> (24 - 8 * i));
	}
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, head, two ? 8 : 4);
	hz_hash_update(&h, name.p, name.n);
	hz_hash_update(&h, params.p, params.n);
	hz_hash_final(&h, out);
}

/* The authorisation area of the command: its size, then one session. */
static void add_auth(const struct hz_tpm_call *c, struct hz_buf *b)
{
	const struct hz_tpm_session *s = c->session;
	uint8_t digest[32], mac[32];

	if (s == NULL) {
		hz_buf_be32(b, 9);
		hz_buf_be32(b, RS_PW);
		hz_buf_be16(b, 0);
		hz_buf_u8(b, 0);
		hz_buf_be16(b, 0);
		return;
	}
	digest_of(c->cc, 0, false, c->name, (struct hz_blob){ c->params->p, c->params->len }, digest);
	hz_tpm_auth(s, false, digest, s->attrs, mac);
	hz_buf_be32(b, 4 + 2 + sizeof s->caller + 1 + 2 + sizeof mac);
	hz_buf_be32(b, s->handle);
	hz_buf_be16(b, sizeof s->caller);
	hz_buf_add(b, s->caller, sizeof s->caller);
	hz_buf_u8(b, s->attrs);
	hz_buf_be16(b, sizeof mac);
	hz_buf_add(b, mac, sizeof mac);
}

static bool assemble(const struct hz_tpm_call *c, struct hz_buf *b)
{
	bool auth = c->password || c->session != NULL;

	hz_buf_be16(b, auth ? ST_SESSIONS : ST_NO_SESSIONS);
	hz_buf_be32(b, 0);
	hz_buf_be32(b, c->cc);
	for (size_t i = 0; i < c->n_handles; i++)
		hz_buf_be32(b, c->handle[i]);
	if (auth)
		add_auth(c, b);
	hz_buf_add(b, c->params->p, c->params->len);
	if (b->failed || c->params->failed || b->len > HZ_TPM_MESSAGE)
		return false;
	b->p[4] = (uint8_t)(b->len >> 8);
	b->p[5] = (uint8_t)b->len;
	return true;
}

/* The kernel and the TPM may ask for patience. */
static CK_RV exchange(struct hz_tpm *t, const struct hz_tpm_call *c, const struct hz_buf *cmd)
{
	const struct timespec pause = { 0, 50000000 };
	CK_RV rv = CKR_OK;

	for (unsigned i = 0; i < 100; i++) {
		t->rc = 0;
		rv = hz_tpm_io_run(&t->io, cmd->p, cmd->len, t->rsp, sizeof t->rsp, &t->len);
		if (rv != CKR_OK)
			return rv;
		t->rc = (uint32_t)t->rsp[6] << 24 | (uint32_t)t->rsp[7] << 16 | (uint32_t)t->rsp[8] << 8 | t->rsp[9];
		if (t->rc != RC_RETRY && t->rc != RC_YIELDED && t->rc != RC_TESTING)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return t->rc == 0 ? CKR_OK : said_no(t, c->what);
}

/* The session's part of the answer: without it anybody on the bus could answer. */
static bool auth_ok(const struct hz_tpm_call *c, struct hz_reader *r, struct hz_blob params)
{
	struct hz_tpm_session *s = c->session;
	uint8_t digest[32], want[32], attrs;
	struct hz_blob nonce, mac;

	nonce.n = hz_rd_u16be(r);
	nonce.p = hz_rd_bytes(r, nonce.n);
	attrs = hz_rd_u8(r);
	mac.n = hz_rd_u16be(r);
	mac.p = hz_rd_bytes(r, mac.n);
	if (!hz_rd_end(r))
		return false;
	if (s == NULL)
		return true;
	if (nonce.n < 16 || nonce.n > sizeof s->tpm || mac.n != sizeof want)
		return false;
	memcpy(s->tpm, nonce.p, nonce.n);
	s->tpm_len = nonce.n;
	digest_of(0, c->cc, true, (struct hz_blob){ NULL, 0 }, params, digest);
	hz_tpm_auth(s, true, digest, attrs, want);
	return hz_ct_equal(want, mac.p, sizeof want);
}

CK_RV hz_tpm_run(struct hz_tpm *t, struct hz_tpm_call *c, struct hz_reader *params)
{
	struct hz_buf cmd = HZ_BUF_INIT;
	bool auth = c->password || c->session != NULL, ok = true;
	struct hz_reader r;
	uint16_t tag;
	CK_RV rv;

	rv = assemble(c, &cmd) ? exchange(t, c, &cmd) : hz_tpm_no_memory();
	hz_buf_free(&cmd);
	if (rv != CKR_OK)
		return rv;
	r = hz_rd(t->rsp, t->len);
	tag = hz_rd_u16be(&r);
	hz_rd_skip(&r, 8);
	if (c->makes_handle)
		c->made = hz_rd_u32be(&r);
	if (auth) {
		*params = hz_rd_sub(&r, hz_rd_u32be(&r));
		ok = auth_ok(c, &r, (struct hz_blob){ params->p, params->left });
	} else {
		*params = r;
	}
	return ok && hz_rd_ok(params) && tag == (auth ? ST_SESSIONS : ST_NO_SESSIONS) ? CKR_OK : hz_tpm_nonsense(c->what);
}

void hz_tpm_flush(struct hz_tpm *t, uint32_t *handle)
{
	struct hz_tpm_call c = { .what = "TPM2_FlushContext", .cc = CC_FLUSH, .n_handles = 1, .handle = { *handle } };
	struct hz_buf none = HZ_BUF_INIT;
	struct hz_reader r;
	uint32_t rc = t->rc;

	if (*handle == 0)
		return;
	c.params = &none;
	(void)hz_tpm_run(t, &c, &r);
	t->rc = rc;
	*handle = 0;
}

CK_RV hz_tpm_open(const char *tcti, struct hz_tpm **out)
{
	struct hz_tpm *t = hz_secmem_alloc(sizeof *t);
	CK_RV rv;

	*out = NULL;
	if (t == NULL)
		return hz_tpm_no_memory();
	rv = hz_tpm_io_open(tcti, &t->io);
	if (rv == CKR_OK)
		*out = t;
	else
		hz_secmem_free(t);
	return rv;
}

void hz_tpm_close(struct hz_tpm *t)
{
	if (t == NULL)
		return;
	hz_tpm_flush(t, &t->session.handle);
	hz_tpm_flush(t, &t->primary);
	hz_tpm_io_close(&t->io);
	hz_secmem_free(t);
}

struct hz_blob hz_tpm_2b(struct hz_reader *r)
{
	struct hz_blob b;

	b.n = hz_rd_u16be(r);
	b.p = hz_rd_bytes(r, b.n);
	return b;
}

static void name_of(struct hz_blob pub, uint8_t name[HZ_TPM_NAME])
{
	name[0] = 0;
	name[1] = ALG_SHA256;
	hz_hash_once(HZ_SHA256, pub.p, pub.n, name + 2);
}

/* TPMT_PUBLIC of the storage key up to the point: what we ask for, and what must come back. */
static const uint8_t storage_template[] = {
	0, ALG_ECC, 0, ALG_SHA256,
	0, 3, 4, 0x72, /* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, decrypt */
	0, 0,          /* no policy */
	0, ALG_AES, 0, 128, 0, ALG_CFB, 0, ALG_NULL, 0, ECC_P256, 0, ALG_NULL,
};

static bool take_primary(struct hz_tpm *t, struct hz_reader *r)
{
	struct hz_blob pub = hz_tpm_2b(r), x, y;
	struct hz_reader p = hz_rd(pub.p, pub.n);
	const uint8_t *head = hz_rd_bytes(&p, sizeof storage_template);

	x = hz_tpm_2b(&p);
	y = hz_tpm_2b(&p);
	if (!hz_rd_ok(r) || !hz_rd_end(&p) || memcmp(head, storage_template, sizeof storage_template) != 0 || x.n > 32 || y.n > 32)
		return false;
	memcpy(t->x, x.p, t->xn = x.n);
	memcpy(t->y, y.p, t->yn = y.n);
	name_of(pub, t->name);
	return true;
}

CK_RV hz_tpm_create_primary(struct hz_tpm *t, uint32_t hierarchy, struct hz_blob template, uint32_t *made, struct hz_reader *answer)
{
	struct hz_tpm_call c = { .what = "TPM2_CreatePrimary", .cc = CC_CREATE_PRIMARY, .n_handles = 1, .handle = { hierarchy }, .password = true,
				 .makes_handle = true };
	struct hz_buf p = HZ_BUF_INIT;
	CK_RV rv;

	hz_buf_be16(&p, 4); /* inSensitive: no authorisation value, no data */
	hz_buf_be32(&p, 0);
	hz_buf_be16(&p, (uint16_t)(template.n + 4));
	hz_buf_add(&p, template.p, template.n);
	hz_buf_be32(&p, 0); /* unique: empty x and y */
	hz_buf_be16(&p, 0); /* outsideInfo */
	hz_buf_be32(&p, 0); /* creationPCR */
	c.params = &p;
	rv = hz_tpm_run(t, &c, answer);
	hz_buf_free(&p);
	*made = c.made;
	return rv;
}

CK_RV hz_tpm_primary(struct hz_tpm *t, uint8_t name[HZ_TPM_NAME])
{
	struct hz_reader r;
	CK_RV rv = hz_tpm_create_primary(t, RH_OWNER, (struct hz_blob){ storage_template, sizeof storage_template }, &t->primary, &r);

	if (rv == CKR_OK && !take_primary(t, &r))
		rv = hz_tpm_nonsense("TPM2_CreatePrimary");
	if (rv == CKR_OK)
		memcpy(name, t->name, HZ_TPM_NAME);
	return rv;
}

void hz_tpm_add_pcrs(const struct hz_pcrs *sel, struct hz_buf *b)
{
	hz_buf_be32(b, (uint32_t)sel->n);
	for (size_t i = 0; i < sel->n; i++) {
		hz_buf_be16(b, sel->bank[i].alg);
		hz_buf_u8(b, 3);
		for (unsigned k = 0; k < 3; k++)
			hz_buf_u8(b, (uint8_t)(sel->bank[i].mask >> (8 * k)));
	}
}

/* One register at a time: a TPM gives as many of a longer list as it likes. */
static CK_RV read_one(struct hz_tpm *t, uint16_t alg, unsigned reg, struct hz_buf *values)
{
	struct hz_tpm_call c = { .what = "TPM2_PCR_Read", .cc = CC_PCR_READ };
	struct hz_pcrs one = { .n = 1, .bank = { { alg, 1u << reg } } };
	struct hz_buf p = HZ_BUF_INIT;
	struct hz_reader r;
	struct hz_blob v;
	uint32_t banks;
	CK_RV rv;

	hz_tpm_add_pcrs(&one, &p);
	c.params = &p;
	rv = hz_tpm_run(t, &c, &r);
	hz_buf_free(&p);
	if (rv != CKR_OK)
		return rv;
	hz_rd_skip(&r, 4);
	banks = hz_rd_u32be(&r);
	for (uint32_t i = 0; hz_rd_ok(&r) && i < banks; i++) {
		hz_rd_skip(&r, 2);
		hz_rd_skip(&r, hz_rd_u8(&r));
	}
	if (hz_rd_ok(&r) && hz_rd_u32be(&r) != 1)
		return hz_fail(CKR_DEVICE_ERROR, "the TPM has no PCR %s:%u", hz_pcr_bank(alg), reg);
	v = hz_tpm_2b(&r);
	if (!hz_rd_end(&r) || v.n != hz_pcr_len(alg))
		return hz_tpm_nonsense(c.what);
	hz_buf_add(values, v.p, v.n);
	return values->failed ? hz_tpm_no_memory() : CKR_OK;
}

CK_RV hz_tpm_pcr_read(struct hz_tpm *t, const struct hz_pcrs *sel, struct hz_buf *values)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < sel->n; i++)
		for (unsigned reg = 0; rv == CKR_OK && reg < HZ_PCRS; reg++)
			if ((sel->bank[i].mask & 1u << reg) != 0)
				rv = read_one(t, sel->bank[i].alg, reg, values);
	return rv;
}

void hz_tpm_pcr_policy(const struct hz_pcrs *sel, struct hz_blob values, uint8_t digest[32])
{
	static const uint8_t start[32] = { 0 }, cc[4] = { 0, 0, CC_POLICY_PCR >> 8, CC_POLICY_PCR & 0xff };
	uint8_t pcrs[32], list[4 + HZ_PCR_BANKS * 6];
	size_t n = 0;
	struct hz_hash h;

	hz_hash_once(HZ_SHA256, values.p, values.n, pcrs);
	memset(list, 0, 3);
	n = 3;
	list[n++] = (uint8_t)sel->n;
	for (size_t i = 0; i < sel->n; i++) {
		list[n++] = (uint8_t)(sel->bank[i].alg >> 8);
		list[n++] = (uint8_t)sel->bank[i].alg;
		list[n++] = 3;
		for (unsigned k = 0; k < 3; k++)
			list[n++] = (uint8_t)(sel->bank[i].mask >> (8 * k));
	}
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, start, sizeof start);
	hz_hash_update(&h, cc, sizeof cc);
	hz_hash_update(&h, list, n);
	hz_hash_update(&h, pcrs, sizeof pcrs);
	hz_hash_final(&h, digest);
}

/* A session salted to the primary key: who only listens, or pretends to be the TPM without its seed, learns nothing. */
static CK_RV start_session(struct hz_tpm *t, uint8_t type, uint8_t attrs)
{
	struct hz_tpm_call c = { .what = "TPM2_StartAuthSession", .cc = CC_START_SESSION, .n_handles = 2, .handle = { t->primary, RH_NULL },
			  .makes_handle = true };
	struct hz_tpm_session *s = &t->session;
	struct hz_buf p = HZ_BUF_INIT, salt = HZ_BUF_INIT;
	struct hz_reader r;
	struct hz_blob nonce;
	uint8_t seed[32];
	CK_RV rv;

	if (!hz_random(s->caller, sizeof s->caller) ||
	    !hz_tpm_salt((struct hz_blob){ t->x, t->xn }, (struct hz_blob){ t->y, t->yn }, &salt, seed)) {
		hz_buf_free(&salt);
		return hz_fail(CKR_DEVICE_ERROR, "no shared secret with the TPM: %s", hz_ossl_reason());
	}
	hz_buf_be16(&p, sizeof s->caller);
	hz_buf_add(&p, s->caller, sizeof s->caller);
	hz_buf_be16(&p, (uint16_t)salt.len);
	hz_buf_add(&p, salt.p, salt.len);
	hz_buf_u8(&p, type);
	hz_buf_be16(&p, ALG_AES);
	hz_buf_be16(&p, 128);
	hz_buf_be16(&p, ALG_CFB);
	hz_buf_be16(&p, ALG_SHA256);
	c.params = &p;
	rv = hz_tpm_run(t, &c, &r);
	s->handle = c.made;
	s->attrs = attrs;
	nonce = rv == CKR_OK ? hz_tpm_2b(&r) : (struct hz_blob){ NULL, 0 };
	if (rv == CKR_OK && (!hz_rd_end(&r) || nonce.n < 16 || nonce.n > sizeof s->tpm))
		rv = hz_tpm_nonsense(c.what);
	if (rv == CKR_OK) {
		memcpy(s->tpm, nonce.p, s->tpm_len = nonce.n);
		hz_tpm_kdfa(seed, sizeof seed, "ATH", nonce, (struct hz_blob){ s->caller, sizeof s->caller }, s->key, sizeof s->key);
		if (!hz_random(s->caller, sizeof s->caller)) /* of the one command that the session is for */
			rv = hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	}
	hz_wipe(seed, sizeof seed);
	hz_buf_free(&salt);
	hz_buf_free(&p);
	return rv;
}

/* TPMT_PUBLIC of a sealed object: no authorisation but the policy's, fixed to this TPM and parent, not subject to lock-out. */
static void add_sealed_public(const uint8_t policy[32], struct hz_buf *b)
{
	hz_buf_be16(b, 2 + 2 + 4 + 2 + 32 + 2 + 2);
	hz_buf_be16(b, ALG_KEYEDHASH);
	hz_buf_be16(b, ALG_SHA256);
	hz_buf_be32(b, 0x492); /* fixedTPM, fixedParent, adminWithPolicy, noDA */
	hz_buf_be16(b, 32);
	hz_buf_add(b, policy, 32);
	hz_buf_be16(b, ALG_NULL);
	hz_buf_be16(b, 0);
}

static CK_RV take_sealed(struct hz_reader *r, const char *what, struct hz_buf *priv, struct hz_buf *pub)
{
	struct hz_blob a = hz_tpm_2b(r), b = hz_tpm_2b(r);

	if (!hz_rd_ok(r) || a.n == 0 || a.n > HZ_TPM_BLOB || b.n == 0 || b.n > HZ_TPM_BLOB)
		return hz_tpm_nonsense(what);
	hz_buf_add(priv, a.p, a.n);
	hz_buf_add(pub, b.p, b.n);
	return priv->failed || pub->failed ? hz_tpm_no_memory() : CKR_OK;
}

CK_RV hz_tpm_seal(struct hz_tpm *t, const uint8_t policy[32], const uint8_t secret[HZ_TPM_SECRET], struct hz_buf *priv,
		  struct hz_buf *pub)
{
	struct hz_tpm_call c = { .what = "TPM2_Create", .cc = CC_CREATE, .n_handles = 1, .handle = { t->primary }, .session = &t->session,
			  .name = { t->name, HZ_TPM_NAME } };
	struct hz_buf p = HZ_BUF_SECRET;
	struct hz_reader r;
	CK_RV rv = start_session(t, SE_HMAC, SA_CONTINUE | SA_DECRYPT);

	if (rv != CKR_OK)
		return rv;
	hz_buf_be16(&p, 2 + 2 + HZ_TPM_SECRET);
	hz_buf_be16(&p, 0); /* authorisation value */
	hz_buf_be16(&p, HZ_TPM_SECRET);
	hz_buf_add(&p, secret, HZ_TPM_SECRET);
	add_sealed_public(policy, &p);
	hz_buf_be16(&p, 0); /* outsideInfo */
	hz_buf_be32(&p, 0); /* creationPCR */
	c.params = &p;
	if (p.failed || !hz_tpm_param(&t->session, false, p.p + 2, 2 + 2 + HZ_TPM_SECRET))
		rv = hz_fail(CKR_HOST_MEMORY, "encrypting for the TPM failed: %s", hz_ossl_reason());
	if (rv == CKR_OK)
		rv = hz_tpm_run(t, &c, &r);
	if (rv == CKR_OK)
		rv = take_sealed(&r, c.what, priv, pub);
	hz_buf_free(&p);
	hz_tpm_flush(t, &t->session.handle);
	return rv;
}

static CK_RV load(struct hz_tpm *t, struct hz_blob priv, struct hz_blob pub, uint32_t *handle)
{
	struct hz_tpm_call c = { .what = "TPM2_Load", .cc = CC_LOAD, .n_handles = 1, .handle = { t->primary }, .password = true,
			  .makes_handle = true };
	struct hz_buf p = HZ_BUF_INIT;
	struct hz_reader r;
	CK_RV rv;

	hz_buf_be16(&p, (uint16_t)priv.n);
	hz_buf_add(&p, priv.p, priv.n);
	hz_buf_be16(&p, (uint16_t)pub.n);
	hz_buf_add(&p, pub.p, pub.n);
	c.params = &p;
	rv = hz_tpm_run(t, &c, &r);
	hz_buf_free(&p);
	*handle = c.made;
	return rv;
}

static CK_RV policy_pcr(struct hz_tpm *t, const struct hz_pcrs *sel)
{
	struct hz_tpm_call c = { .what = "TPM2_PolicyPCR", .cc = CC_POLICY_PCR, .n_handles = 1, .handle = { t->session.handle } };
	struct hz_buf p = HZ_BUF_INIT;
	struct hz_reader r;
	CK_RV rv;

	hz_buf_be16(&p, 0); /* whatever the registers are now; the object's policy decides */
	hz_tpm_add_pcrs(sel, &p);
	c.params = &p;
	rv = hz_tpm_run(t, &c, &r);
	hz_buf_free(&p);
	return rv;
}

static CK_RV unseal(struct hz_tpm *t, uint32_t handle, struct hz_blob pub, uint8_t secret[HZ_TPM_SECRET])
{
	uint8_t name[HZ_TPM_NAME];
	struct hz_tpm_call c = { .what = "TPM2_Unseal", .cc = CC_UNSEAL, .n_handles = 1, .handle = { handle }, .session = &t->session,
			  .name = { name, sizeof name } };
	struct hz_buf none = HZ_BUF_INIT;
	struct hz_reader r;
	struct hz_blob v;
	CK_RV rv;

	name_of(pub, name);
	c.params = &none;
	rv = hz_tpm_run(t, &c, &r);
	if (rv != CKR_OK)
		return rv;
	v = hz_tpm_2b(&r);
	if (!hz_rd_end(&r) || v.n != HZ_TPM_SECRET)
		return hz_tpm_nonsense(c.what);
	memcpy(secret, v.p, HZ_TPM_SECRET);
	return hz_tpm_param(&t->session, true, secret, HZ_TPM_SECRET)
		       ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "decrypting the TPM's answer failed: %s", hz_ossl_reason());
}

CK_RV hz_tpm_unseal(struct hz_tpm *t, const struct hz_pcrs *sel, struct hz_blob priv, struct hz_blob pub,
		    uint8_t secret[HZ_TPM_SECRET])
{
	uint32_t handle = 0;
	CK_RV rv = load(t, priv, pub, &handle);

	if (rv == CKR_OK)
		rv = start_session(t, SE_POLICY, SA_CONTINUE | SA_ENCRYPT);
	if (rv == CKR_OK)
		rv = policy_pcr(t, sel);
	if (rv == CKR_OK)
		rv = unseal(t, handle, pub, secret);
	hz_tpm_flush(t, &t->session.handle);
	hz_tpm_flush(t, &handle);
	return rv;
}
