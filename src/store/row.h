/* SPDX-License-Identifier: Apache-2.0 */
/* One object as a row: its columns from an attribute set, sealed, and back. */
#ifndef HZ_STORE_ROW_H
#define HZ_STORE_ROW_H

#include "ck/attrs.h"
#include "store/aead.h"
#include "store/seal.h"

/* Integers as SQLite keeps them; label, cka_id, uid are NULL where the object has no such attribute. */
struct hz_row {
	uint64_t id;
	int64_t cls, kt;     /* -1: no key type */
	bool priv;
	struct hz_blob label, cka_id, uid;
	struct hz_blob pub;  /* all attributes that are no secrets, as hz_attrs_write has them */
	struct hz_blob sec;  /* sealed secret attributes; NULL: the row was written without a login */
};

struct hz_row_ctx {
	const char *serial;
	bool open_token;               /* there is no data key and never was */
	const struct hz_datakey *key;  /* NULL: nobody is logged in */
};

/* Memory behind a row that hz_row_encode made. */
struct hz_row_mem {
	struct hz_buf pub, sec;
};

#define HZ_ROW_MEM_INIT { HZ_BUF_INIT, HZ_BUF_INIT }

/*
 * Columns for attrs (label and ids borrow from it). With a data key the row is sealed: AES-256-GCM over the secret attributes, with
 * token serial, object id and all public attributes as associated data. Private objects and private and secret keys need one:
 * CKR_USER_NOT_LOGGED_IN, or CKR_TEMPLATE_INCONSISTENT on an open token. CKR_HOST_MEMORY.
 */
CK_RV hz_row_encode(const struct hz_row_ctx *ctx, uint64_t id, const struct hz_attrs *attrs, struct hz_row *row,
		    struct hz_row_mem *mem);
void hz_row_mem_free(struct hz_row_mem *m);

/*
 * The object in a row that somebody may have changed. *checked: the row was sealed and is authentic; without, no secret attribute
 * comes out and CKA_TRUSTED reads false. CKR_USER_NOT_LOGGED_IN: private, and no data key. CKR_DEVICE_ERROR: the row was changed
 * (a line goes to the log). *out is empty on failure.
 */
CK_RV hz_row_open(const struct hz_row_ctx *ctx, const struct hz_row *row, struct hz_attrs *out, bool *checked);

/* Do the columns that look-ups use say the same as the attributes? */
bool hz_row_columns_match(const struct hz_row *row, const struct hz_attrs *attrs);

#endif
