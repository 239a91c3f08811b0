/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device cannot hold of an object, in our own store beside it: one data object a key, found by class and CKA_ID (by the public
 * key where there is no CKA_ID), and good only for the same public key. Once the device's user is logged in, each row is authenticated
 * as rows of a token of our own are; an index, itself such a row, says which objects have one, so that a row that was taken away is
 * missed. What does not hold is refused together with its object.
 */
#include "backend/p11_side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "crypto/hash.h"
#include "store/seal.h"

#define TAG "hanzo-pkcs11/side/v1"
#define INDEX_LABEL "index"

/* ---- life ---- */

static CK_RV make_side(struct hz_p11_side **out, const struct hz_p11_conf *c)
{
	static const unsigned seals[] = { HZ_SEAL_HSM };
	const bool nowhere = c->store_dir == NULL || c->store_dir[0] == '\0';
	struct hz_p11_side *side = calloc(1, sizeof *side);
	struct hz_seal_conf seal = { .hsm_secret = NULL };
	char name[80];
	CK_RV rv = CKR_HOST_MEMORY;

	*out = side;
	if (side == NULL)
		return hz_fail(rv, "out of memory");
	(void)pthread_mutex_init(&side->lock, NULL);
	snprintf(side->serial, sizeof side->serial, "%s", c->serial);
	snprintf(side->label, sizeof side->label, HZ_P11_SIDE_LABEL " %s", side->serial);
	snprintf(name, sizeof name, "%.58s.side", c->serial);
	side->secret = hz_secmem_alloc(HZ_SEAL_SECRET);
	if (!nowhere && asprintf(&side->lock_path, "%s/%s.lock", c->store_dir, name) < 0)
		side->lock_path = NULL;
	if (side->secret != NULL && (side->lock_path != NULL || nowhere)) {
		const struct hz_store_conf conf = { .dir = c->store_dir, .serial = name, .tier = c->tier, .max_tries = 1, .seals = seals,
						    .n_seals = 1, .seal_conf = &seal };

		seal.hsm_secret = side->secret;
		rv = hz_store_new(&side->store, &conf);
	}
	return rv == CKR_HOST_MEMORY ? hz_fail(rv, "out of memory") : rv;
}

CK_RV hz_p11_side_new(struct hz_p11 *p, const struct hz_p11_conf *c)
{
	CK_RV rv = CKR_OK;

	p->side = c->side;
	if (p->side == NULL)
		rv = make_side(&p->side, c);
	if (p->side != NULL && p->side->n_of < HZ_P11_MODULES)
		p->side->of[p->side->n_of++] = p;
	return rv;
}

/* Is anybody left before it? */
static bool left(struct hz_p11 *p)
{
	struct hz_p11_side *side = p->side;

	for (size_t i = 0; i < side->n_of; i++)
		if (side->of[i] == p)
			side->of[i--] = side->of[--side->n_of];
	return side->n_of != 0;
}

static void release(struct hz_p11_side *side)
{
	(void)pthread_mutex_destroy(&side->lock);
	free(side->lock_path);
	free(side->ties);
	free(side);
}

void hz_p11_side_free(struct hz_p11 *p)
{
	if (p->side == NULL || left(p))
		return;
	hz_store_free(p->side->store);
	hz_secmem_free(p->side->secret);
	release(p->side);
}

/* Its secret memory was the parent's. */
void hz_p11_side_abandon(struct hz_p11 *p)
{
	if (p->side == NULL || left(p))
		return;
	hz_store_abandon(p->side->store);
	release(p->side);
}

/* ---- which row belongs to an object ---- */

/* Ours to keep: not what is made anew at each reading. */
static bool kept(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_ALLOWED_MECHANISMS:
		return true;
	case CKA_HANZO_TIER:
	case CKA_HANZO_EFFECTIVE_TIER:
	case CKA_HANZO_ADDRESS:
	case CKA_HANZO_LANE:
	case CKA_HANZO_KEY_ATTESTATION:
	case CKA_HANZO_CHALLENGE:
	case CKA_HANZO_EVIDENCE:
	case HZ_CKA_REF:
		return false;
	default:
		return (type & ~(CK_ATTRIBUTE_TYPE)0xff) == CKA_HANZO_BASE;
	}
}

static bool any_kept(const struct hz_attrs *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (kept(set->v[i].type))
			return true;
	return false;
}

/* False: nothing ties a row to the object. */
static bool tie(const struct hz_attrs *a, uint8_t d[HZ_HASH_MAX])
{
	const struct hz_attr *id = hz_attrs_find(a, CKA_ID), *spki = hz_attrs_find(a, CKA_PUBLIC_KEY_INFO);
	CK_OBJECT_CLASS cls = hz_attrs_ulong(a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	const struct hz_attr *by = id != NULL && id->len != 0 ? id : spki;
	uint8_t head[2] = { (uint8_t)cls, by == id };
	struct hz_hash h;

	if (by == NULL || by->len == 0 || (cls != CKO_PUBLIC_KEY && cls != CKO_PRIVATE_KEY && cls != CKO_SECRET_KEY))
		return false;
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, TAG, sizeof TAG);
	hz_hash_update(&h, head, sizeof head);
	hz_hash_update(&h, by->value, by->len);
	hz_hash_final(&h, d);
	return true;
}

static void tie_label(const uint8_t d[HZ_P11_TIE], char label[2 * HZ_P11_TIE + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < HZ_P11_TIE; i++) {
		label[2 * i] = hex[d[i] >> 4];
		label[2 * i + 1] = hex[d[i] & 15];
	}
	label[2 * HZ_P11_TIE] = '\0';
}

static bool same_key(const struct hz_attrs *a, const struct hz_attrs *b)
{
	const struct hz_attr *x = hz_attrs_find(a, CKA_PUBLIC_KEY_INFO), *y = hz_attrs_find(b, CKA_PUBLIC_KEY_INFO);

	/* One side may not know the public key: then CKA_ID decides. */
	return x == NULL || y == NULL || x->len == 0 || y->len == 0 || hz_attr_equal(x, y);
}

/* The row with this label; *id 0: none. */
static CK_RV find(struct hz_p11_side *side, const char *label, uint64_t *id, struct hz_attrs *row, bool *checked)
{
	struct hz_attrs tmpl = HZ_ATTRS_INIT;
	uint64_t *ids = NULL;
	size_t n = 0;
	CK_RV rv = hz_attrs_set(&tmpl, CKA_LABEL, label, strlen(label), false);

	*id = 0;
	if (rv == CKR_OK)
		rv = hz_store_find(side->store, &tmpl, false, &ids, &n);
	if (rv == CKR_OK && n != 0) {
		rv = hz_store_load(side->store, ids[0], row, checked);
		*id = ids[0];
	}
	free(ids);
	hz_attrs_free(&tmpl);
	return rv;
}

static CK_RV row_new(struct hz_attrs *row, const char *label)
{
	CK_RV rv = hz_attrs_set_ulong(row, CKA_CLASS, CKO_DATA);

	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(row, CKA_TOKEN, true);
	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(row, CKA_PRIVATE, false);
	return rv == CKR_OK ? hz_attrs_set(row, CKA_LABEL, label, strlen(label), false) : rv;
}

/* Nobody else changes rows while the lock file is held. */
static CK_RV replace(const struct hz_attrs *now, struct hz_attrs *out, void *row)
{
	(void)now;
	return hz_attrs_dup(out, row);
}

static CK_RV put(struct hz_p11_side *side, uint64_t id, struct hz_attrs *row)
{
	const struct hz_attrs *rows[] = { row };

	return id != 0 ? hz_store_update(side->store, id, replace, row) : hz_store_insert(side->store, rows, 1, &id);
}

/* ---- the index ---- */

static int by_tie(const void *x, const void *y)
{
	return memcmp(x, y, HZ_P11_TIE);
}

static uint8_t *listed(const struct hz_p11_side *side, const uint8_t d[HZ_P11_TIE])
{
	return side->n != 0 ? bsearch(d, side->ties, side->n, HZ_P11_TIE, by_tie) : NULL;
}

static CK_RV take_index(struct hz_p11_side *side, const struct hz_attrs *row)
{
	const struct hz_attr *v = hz_attrs_find(row, CKA_VALUE);
	size_t len = v != NULL ? v->len - v->len % HZ_P11_TIE : 0;
	uint8_t *ties = malloc(len + 1);

	if (ties == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (len != 0)
		memcpy(ties, v->value, len);
	free(side->ties);
	side->ties = ties;
	side->n = len / HZ_P11_TIE;
	side->indexed = true;
	return CKR_OK;
}

/* The index as it is now. Without one (indexed false) there is nothing, or somebody took it away. */
static CK_RV read_index(struct hz_p11_side *side)
{
	uint64_t gen = hz_store_generation(side->store), id;
	struct hz_attrs row = HZ_ATTRS_INIT;
	bool checked = false;
	CK_RV rv;

	if (side->gen != 0 && side->gen == gen)
		return CKR_OK;
	side->indexed = false;
	side->n = 0;
	rv = find(side, INDEX_LABEL, &id, &row, &checked);
	if (rv == CKR_OK && id != 0 && (checked || !side->open))
		rv = take_index(side, &row);
	side->gen = rv == CKR_OK ? gen : 0;
	hz_attrs_free(&row);
	return rv;
}

static CK_RV write_index(struct hz_p11_side *side, const uint8_t *ties, size_t n)
{
	struct hz_attrs old = HZ_ATTRS_INIT, row = HZ_ATTRS_INIT;
	uint64_t id;
	bool checked;
	CK_RV rv = find(side, INDEX_LABEL, &id, &old, &checked);

	if (rv == CKR_OK)
		rv = row_new(&row, INDEX_LABEL);
	if (rv == CKR_OK)
		rv = hz_attrs_set(&row, CKA_VALUE, ties, n * HZ_P11_TIE, false);
	if (rv == CKR_OK)
		rv = put(side, id, &row);
	hz_attrs_free(&old);
	hz_attrs_free(&row);
	side->gen = 0;
	return rv;
}

static CK_RV change_index(struct hz_p11_side *side, const uint8_t d[HZ_P11_TIE], bool add)
{
	uint8_t *at, *ties = malloc((side->n + 1) * HZ_P11_TIE);
	size_t n = side->n;
	CK_RV rv;

	if (ties == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (n != 0)
		memcpy(ties, side->ties, n * HZ_P11_TIE);
	at = listed(side, d);
	if (add && at == NULL) {
		memcpy(ties + n++ * HZ_P11_TIE, d, HZ_P11_TIE);
		qsort(ties, n, HZ_P11_TIE, by_tie);
	} else if (!add && at != NULL) {
		size_t i = (size_t)(at - side->ties) / HZ_P11_TIE;

		memmove(ties + i * HZ_P11_TIE, ties + (i + 1) * HZ_P11_TIE, (--n - i) * HZ_P11_TIE);
	}
	rv = n != side->n ? write_index(side, ties, n) : CKR_OK;
	free(ties);
	return rv;
}

/* ---- changes: rows and index together, one process at a time ---- */

/* A store that was just made has no index yet; one that had is not given another. */
static CK_RV first_index(struct hz_p11_side *side, bool existed)
{
	CK_RV rv = read_index(side);

	if (rv != CKR_OK || side->indexed)
		return rv;
	if (existed)
		return hz_fail(CKR_DEVICE_ERROR, "the index of the store beside the device was taken away or changed");
	rv = write_index(side, (const uint8_t *)"", 0);
	return rv == CKR_OK ? read_index(side) : rv;
}

static CK_RV gone(void)
{
	return hz_fail(CKR_DEVICE_ERROR, "the store beside the device was taken away: bring it back, or give its limits up by destroying its "
					 "key with the device's own tools");
}

static CK_RV open_or_make(struct hz_p11 *p)
{
	struct hz_p11_side *side = p->side;
	struct hz_store_state st = { .exists = false };
	CK_RV rv = hz_store_state(side->store, &st);

	if (rv == CKR_OK && !st.initialised && atomic_load(&side->key_seen))
		rv = gone();
	if (rv == CKR_OK)
		rv = hz_p11_code(hz_p11_side_open(p, !st.initialised));
	side->gen = 0; /* another process may have changed it since */
	return rv == CKR_OK ? first_index(side, st.initialised) : rv;
}

/* The device is asked before the file is locked, for which other processes wait. Only a store that is not made yet is left for later. */
static CK_RV open_ahead(struct hz_p11 *p)
{
	struct hz_store_state st = { .exists = false };
	CK_RV rv = hz_p11_side_lock(p);

	if (rv != CKR_OK)
		return rv;
	rv = hz_store_state(p->side->store, &st);
	if (rv == CKR_OK && st.initialised)
		rv = hz_p11_code(hz_p11_side_open(p, false));
	hz_p11_side_unlock(p->side);
	return rv;
}

/* The side's lock, with the store open. */
static CK_RV hold(struct hz_p11 *p)
{
	CK_RV rv = hz_p11_side_lock(p);

	if (rv != CKR_OK)
		return rv;
	rv = open_or_make(p);
	if (rv != CKR_OK)
		hz_p11_side_unlock(p->side);
	return rv;
}

/*
 * Until end: nobody else changes the store, and the side's lock is held. The first time there may be no folder to lock in: two stores at
 * once are told apart by SQLite then. Nobody waits for the file with the side's lock.
 */
static CK_RV begin(struct hz_p11 *p, int *fd)
{
	CK_RV rv = open_ahead(p);

	*fd = -1;
	if (rv != CKR_OK)
		return rv;
	*fd = hz_p11_side_lock_file(p);
	if (*fd < 0 && errno != ENOENT)
		return CKR_DEVICE_ERROR;
	rv = hold(p);
	if (rv == CKR_OK && *fd < 0) {
		hz_p11_side_unlock(p->side);
		*fd = hz_p11_side_lock_file(p);
		rv = *fd >= 0 ? hold(p) : CKR_DEVICE_ERROR;
	}
	if (rv != CKR_OK && *fd >= 0)
		close(*fd);
	return rv;
}

static void end(struct hz_p11 *p, int fd)
{
	hz_p11_side_unlock(p->side);
	close(fd);
}

/* CKA_VALUE of a row: how many objects of the device it is for (copies have one CKA_ID). */
static uint32_t count_of(const struct hz_attrs *row)
{
	const struct hz_attr *v = hz_attrs_find(row, CKA_VALUE);
	const uint8_t *p = v != NULL && v->len == 4 ? v->value : NULL;

	return p != NULL ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 1;
}

static CK_RV set_count(struct hz_attrs *row, uint32_t n)
{
	const uint8_t be[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	return hz_attrs_set(row, CKA_VALUE, be, sizeof be, false);
}

static CK_RV build(const struct hz_attrs *set, const char *label, uint32_t n, struct hz_attrs *row)
{
	const struct hz_attr *spki = hz_attrs_find(set, CKA_PUBLIC_KEY_INFO);
	CK_RV rv = row_new(row, label);

	if (rv == CKR_OK)
		rv = set_count(row, n);
	if (rv == CKR_OK && spki != NULL)
		rv = hz_attrs_set_from(row, spki);
	for (size_t i = 0; i < set->n && rv == CKR_OK; i++)
		if (kept(set->v[i].type))
			rv = hz_attrs_set_from(row, &set->v[i]);
	return rv;
}

static bool within(const struct hz_attrs *a, const struct hz_attrs *b)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct hz_attr *v = kept(a->v[i].type) ? hz_attrs_find(b, a->v[i].type) : &a->v[i];

		if (v == NULL || !hz_attr_equal(v, &a->v[i]))
			return false;
	}
	return true;
}

/*
 * Write what is kept of set. fresh: for one more object; one with the same CKA_ID must have the same limits, since nothing would tell the
 * two apart. The index comes first: an object whose row was not written any more is refused, not free of its limits.
 */
static CK_RV save(struct hz_p11_side *side, const struct hz_attrs *set, const uint8_t d[HZ_P11_TIE], bool fresh)
{
	struct hz_attrs row = HZ_ATTRS_INIT, old = HZ_ATTRS_INIT;
	char label[2 * HZ_P11_TIE + 1];
	bool checked;
	uint64_t id;
	CK_RV rv;

	tie_label(d, label);
	rv = find(side, label, &id, &old, &checked);
	if (rv == CKR_OK && id != 0 && fresh && (!same_key(set, &old) || !within(&old, set) || !within(set, &old)))
		rv = hz_fail(CKR_TEMPLATE_INCONSISTENT, "a key with this CKA_ID has other limits: it needs one of its own");
	if (rv == CKR_OK)
		rv = build(set, label, id != 0 ? count_of(&old) + fresh : 1, &row);
	if (rv == CKR_OK)
		rv = change_index(side, d, true);
	if (rv == CKR_OK)
		rv = put(side, id, &row);
	hz_attrs_free(&row);
	hz_attrs_free(&old);
	return rv;
}

static CK_RV save_locked(struct hz_p11 *p, const struct hz_attrs *set, bool fresh)
{
	uint8_t d[HZ_HASH_MAX];
	int fd = -1;
	CK_RV rv;

	if (!tie(set, d))
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "an object without CKA_ID has nothing to tie its attributes to");
	rv = begin(p, &fd);
	if (rv == CKR_OK) {
		rv = save(p->side, set, d, fresh);
		end(p, fd);
	}
	return rv;
}

CK_RV hz_p11_side_save(struct hz_p11 *p, const struct hz_attrs *set)
{
	return any_kept(set) ? save_locked(p, set, true) : CKR_OK;
}

static bool same_tie(const struct hz_attrs *a, const struct hz_attrs *b)
{
	uint8_t x[HZ_HASH_MAX], y[HZ_HASH_MAX];
	bool has = tie(a, x), has_too = tie(b, y);

	return has == has_too && (!has || memcmp(x, y, HZ_P11_TIE) == 0);
}

/* Under a new CKA_ID first there, then no more here. */
CK_RV hz_p11_side_change(struct hz_p11 *p, const struct hz_attrs *was, const struct hz_attrs *now)
{
	bool stays = same_tie(was, now);
	CK_RV rv = any_kept(now) ? save_locked(p, now, !stays) : CKR_OK;

	return rv == CKR_OK && any_kept(was) && (!stays || !any_kept(now)) ? hz_p11_side_drop(p, was) : rv;
}

/* The row first, the index last. */
static CK_RV drop(struct hz_p11_side *side, const struct hz_attrs *set, const uint8_t d[HZ_P11_TIE])
{
	struct hz_attrs row = HZ_ATTRS_INIT;
	char label[2 * HZ_P11_TIE + 1];
	bool checked;
	uint64_t id;
	CK_RV rv;

	bool last = true;

	tie_label(d, label);
	rv = find(side, label, &id, &row, &checked);
	if (rv == CKR_OK && id != 0 && !same_key(set, &row)) {
		last = false; /* another key that had taken the name: what is kept is not for it */
	} else if (rv == CKR_OK && id != 0 && count_of(&row) > 1) {
		last = false;
		rv = set_count(&row, count_of(&row) - 1);
		if (rv == CKR_OK)
			rv = put(side, id, &row);
	} else if (rv == CKR_OK && id != 0) {
		rv = hz_store_delete(side->store, id);
	}
	hz_attrs_free(&row);
	return last && (rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID) ? change_index(side, d, false) : rv;
}

/* Is anything kept for what has this tie? */
static CK_RV has_row(struct hz_p11 *p, const uint8_t d[HZ_P11_TIE], bool *has)
{
	CK_RV rv = hz_p11_side_lock(p);

	*has = false;
	if (rv != CKR_OK)
		return rv;
	rv = read_index(p->side);
	*has = rv == CKR_OK && p->side->indexed && listed(p->side, d) != NULL;
	hz_p11_side_unlock(p->side);
	return rv;
}

CK_RV hz_p11_side_drop(struct hz_p11 *p, const struct hz_attrs *set)
{
	struct hz_store_state st;
	uint8_t d[HZ_HASH_MAX];
	bool has = false;
	int fd = -1;
	CK_RV rv = hz_store_state(p->side->store, &st);

	if (rv != CKR_OK || !st.initialised || !tie(set, d))
		return rv; /* without a store there is nothing to drop */
	rv = has_row(p, d, &has);
	if (rv != CKR_OK || !has)
		return rv;
	rv = begin(p, &fd);
	if (rv == CKR_OK) {
		rv = drop(p->side, set, d);
		end(p, fd);
	}
	return rv;
}

/* ---- reading ---- */

static CK_RV refuse(const struct hz_p11_side *side, const char *why)
{
	hz_log(HZ_LOG_ERROR, "token %s: an object of the device is refused: %s", side->serial, why);
	return hz_fail(HZ_P11_REFUSED, "the object is refused: %s", why);
}

static CK_RV add_row(struct hz_p11_side *side, const uint8_t d[HZ_P11_TIE], struct hz_attrs *a)
{
	struct hz_attrs row = HZ_ATTRS_INIT;
	char label[2 * HZ_P11_TIE + 1];
	bool checked = false;
	uint64_t id;
	CK_RV rv;

	tie_label(d, label);
	rv = find(side, label, &id, &row, &checked);
	if (rv == CKR_DEVICE_ERROR)
		rv = refuse(side, "what is kept beside it was changed");
	else if (rv == CKR_OK && id == 0)
		rv = refuse(side, "what is kept beside it was taken away or changed");
	else if (rv == CKR_OK && side->open && !checked)
		rv = refuse(side, "what is kept beside it was not written by this module");
	else if (rv == CKR_OK && !same_key(a, &row))
		rv = refuse(side, "what is kept beside it is for another public key");
	for (size_t i = 0; i < row.n && rv == CKR_OK; i++)
		if (kept(row.v[i].type))
			rv = hz_attrs_set_from(a, &row.v[i]);
	hz_attrs_free(&row);
	return rv;
}

/* Before the login nothing can be checked, and no key that needs the device is used. */
static CK_RV load(struct hz_p11 *p, const uint8_t d[HZ_P11_TIE], struct hz_attrs *a)
{
	struct hz_p11_side *side = p->side;
	CK_RV rv = p->login_wanted ? hz_p11_side_open(p, false) : CKR_OK;

	if (hz_p11_side_later(rv))
		return hz_p11_code(rv);
	if (rv != CKR_OK)
		return refuse(side, "the store beside the device does not open, so that nobody can tell what it is limited to");
	rv = read_index(side);
	if (rv == CKR_OK && side->open && !side->indexed)
		return refuse(side, "the index of the store beside the device was taken away or changed");
	return rv == CKR_OK && listed(side, d) != NULL ? add_row(side, d, a) : rv;
}

/* Is there a store at all? The last answer holds while its generation does. */
static CK_RV exists(struct hz_p11_side *side, bool *yes)
{
	struct hz_store_state st = { .initialised = true };
	CK_RV rv = side->gen != 0 && side->gen == hz_store_generation(side->store) ? CKR_OK : hz_store_state(side->store, &st);

	*yes = st.initialised;
	return rv;
}

CK_RV hz_p11_side_load(struct hz_p11 *p, struct hz_attrs *a)
{
	uint8_t d[HZ_HASH_MAX];
	bool there;
	CK_RV rv;

	if (!tie(a, d))
		return CKR_OK;
	rv = hz_p11_side_lock(p);
	if (rv != CKR_OK)
		return rv;
	rv = exists(p->side, &there);
	if (rv == CKR_OK && there)
		rv = load(p, d, a);
	else if (rv == CKR_OK && p->login_wanted && atomic_load(&p->side->key_seen))
		rv = refuse(p->side, "the store beside the device was taken away");
	hz_p11_side_unlock(p->side);
	return rv;
}
