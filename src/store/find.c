/* SPDX-License-Identifier: Apache-2.0 */
/* Find objects by template: through an index where label or id are given, else a scan that keeps one row at a time. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/db.h"
#include "store/row.h"

struct find {
	struct hz_store *s;
	const struct hz_attrs *tmpl;
	bool private_too, logged_in;
	/* What the template says about columns. */
	bool by_cls, by_kt, by_priv;
	struct hz_row want;
	bool whole;      /* there are attributes that only `pub` can answer */
	uint64_t *ids;
	size_t n, cap;
};

static struct hz_blob template_blob(const struct hz_attr *a)
{
	return (struct hz_blob){ a->len == 0 ? (const uint8_t *)"" : a->value, a->len };
}

static bool number_of(const struct hz_attr *a, const struct hz_attrs *t, int64_t *out)
{
	if (a->len != sizeof(CK_ULONG))
		return false;
	*out = (int64_t)hz_attrs_ulong(t, a->type, 0);
	return true;
}

/* Sort the template's attributes; false: nothing in a store can match. */
static bool plan(struct find *f)
{
	for (size_t i = 0; i < f->tmpl->n; i++) {
		const struct hz_attr *a = &f->tmpl->v[i];

		if (a->type == CKA_LABEL)
			f->want.label = template_blob(a);
		else if (a->type == CKA_ID)
			f->want.cka_id = template_blob(a);
		else if (a->type == CKA_UNIQUE_ID)
			f->want.uid = template_blob(a);
		else if (a->type == CKA_CLASS && number_of(a, f->tmpl, &f->want.cls))
			f->by_cls = true;
		else if (a->type == CKA_KEY_TYPE && number_of(a, f->tmpl, &f->want.kt))
			f->by_kt = true;
		else if (a->type == CKA_PRIVATE && a->len == sizeof(CK_BBOOL))
			f->by_priv = true;
		else if (a->type == CKA_TOKEN && a->len == sizeof(CK_BBOOL) && !hz_attrs_bool(f->tmpl, CKA_TOKEN, false))
			return false; /* rows are token objects */
		else if (a->type != CKA_TOKEN)
			f->whole = true;
	}
	f->want.priv = hz_attrs_bool(f->tmpl, CKA_PRIVATE, false);
	return true;
}

static sqlite3_stmt *start(struct hz_conn *c, const struct find *f)
{
	sqlite3_stmt *st;

	if (f->want.label.p != NULL) {
		st = hz_db_stmt(c, HZ_S_BY_LABEL);
		if (st != NULL)
			hz_db_bind_blob(st, 1, f->want.label);
	} else if (f->want.cka_id.p != NULL) {
		st = hz_db_stmt(c, HZ_S_BY_ID);
		if (st != NULL)
			hz_db_bind_blob(st, 1, f->want.cka_id);
	} else {
		st = hz_db_stmt(c, f->whole ? HZ_S_SCAN_PUB : HZ_S_SCAN);
		if (st != NULL && f->by_cls)
			(void)sqlite3_bind_int64(st, 1, f->want.cls);
		else if (st != NULL)
			(void)sqlite3_bind_null(st, 1);
	}
	return st;
}

static bool wanted_blob(struct hz_blob want, sqlite3_stmt *st, int col)
{
	struct hz_blob have;

	if (want.p == NULL)
		return true;
	have = hz_db_blob(st, col);
	return have.p != NULL && have.n == want.n && (want.n == 0 || memcmp(have.p, want.p, want.n) == 0);
}

/* Columns: id, class, kt, private, label, cka_id, uid, sec IS NULL, pub. */
static bool columns_match(const struct find *f, sqlite3_stmt *st)
{
	bool priv = sqlite3_column_int64(st, 3) != 0;

	return (!f->by_cls || sqlite3_column_int64(st, 1) == f->want.cls) && (!f->by_kt || sqlite3_column_int64(st, 2) == f->want.kt) &&
	       (!f->by_priv || priv == f->want.priv) && (!priv || f->private_too) && wanted_blob(f->want.label, st, 4) &&
	       wanted_blob(f->want.cka_id, st, 5) && wanted_blob(f->want.uid, st, 6);
}

static CK_RV attributes_match(const struct find *f, sqlite3_stmt *st, bool *yes)
{
	struct hz_blob pub = hz_db_blob(st, 8);
	struct hz_reader r = hz_rd(pub.p, pub.n);
	struct hz_attrs a = HZ_ATTRS_INIT;
	CK_RV rv = CKR_OK;

	*yes = false;
	if (pub.p == NULL || !hz_attrs_read(&a, false, &r) || !hz_rd_end(&r)) {
		uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);

		if (atomic_exchange(&f->s->unreadable, id) != id)
			hz_log(HZ_LOG_ERROR, "token %s: object %llu is left out: its attributes cannot be read", f->s->serial,
			       (unsigned long long)id);
		goto out;
	}
	/* As loading will show it: nobody vouches for the mark. */
	if ((!f->logged_in || sqlite3_column_int(st, 7) != 0) && hz_attrs_find(&a, CKA_TRUSTED) != NULL)
		rv = hz_attrs_set_bool(&a, CKA_TRUSTED, false);
	*yes = rv == CKR_OK && hz_attrs_match(&a, f->tmpl);
out:
	hz_attrs_free(&a);
	return rv;
}

static CK_RV add(struct find *f, uint64_t id)
{
	if (f->n == f->cap) {
		size_t cap = f->cap == 0 ? 16 : 2 * f->cap;
		uint64_t *ids = realloc(f->ids, cap * sizeof *ids);

		if (ids == NULL)
			return CKR_HOST_MEMORY;
		f->ids = ids;
		f->cap = cap;
	}
	f->ids[f->n++] = id;
	return CKR_OK;
}

static CK_RV job_find(struct hz_conn *c, void *arg)
{
	struct find *f = arg;
	sqlite3_stmt *st = start(c, f);
	CK_RV rv = CKR_OK;
	int rc = SQLITE_ERROR;

	f->n = 0;
	while (rv == CKR_OK && st != NULL && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		bool yes = columns_match(f, st);

		if (yes && f->whole)
			rv = attributes_match(f, st, &yes);
		if (yes)
			rv = add(f, (uint64_t)sqlite3_column_int64(st, 0));
	}
	return rv != CKR_OK || rc == SQLITE_DONE ? rv : hz_db_error(c, "searching");
}

CK_RV hz_store_find(struct hz_store *s, const struct hz_attrs *tmpl, bool private_too, uint64_t **ids, size_t *n)
{
	struct find f = { .s = s, .tmpl = tmpl, .private_too = private_too };
	struct hz_datakey *k;
	bool exists;
	CK_RV rv;

	*ids = NULL;
	*n = 0;
	if (!plan(&f))
		return CKR_OK;
	hz_store_refresh(s);
	k = hz_store_key(s);
	f.logged_in = k != NULL;
	hz_datakey_unref(k);
	rv = hz_db_read(s, job_find, &f, &exists);
	if (rv == CKR_OK && f.n != 0) {
		*ids = f.ids;
		*n = f.n;
	} else {
		free(f.ids);
	}
	return rv;
}
