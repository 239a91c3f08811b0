/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to a token's database, their prepared statements, and transactions. */
#ifndef HZ_STORE_DB_H
#define HZ_STORE_DB_H

#include <sqlite3.h>

#include "store/store_int.h"

enum hz_stmt {
	HZ_S_BEGIN, HZ_S_COMMIT, HZ_S_ROLLBACK,
	HZ_S_TOKEN, HZ_S_TOKEN_PUT, HZ_S_TOKEN_KEY, HZ_S_STATE,
	HZ_S_LOGIN, HZ_S_LOGIN_COUNT, HZ_S_LOGIN_WRONG, HZ_S_LOGIN_RESET, HZ_S_LOGIN_UNDO, HZ_S_LOGIN_PUT, HZ_S_LOGIN_DROP, HZ_S_LOGIN_CLEAR,
	HZ_S_SEALS, HZ_S_SEAL_PUT, HZ_S_SEAL_DROP, HZ_S_SEAL_CLEAR,
	HZ_S_KEPT_TABLE, HZ_S_KEPT_THERE, HZ_S_KEPT, HZ_S_KEPT_PUT,
	HZ_S_LOAD, HZ_S_INSERT, HZ_S_UPDATE, HZ_S_DELETE, HZ_S_EMPTY,
	HZ_S_BY_LABEL, HZ_S_BY_ID, HZ_S_SCAN, HZ_S_SCAN_PUB,
	HZ_S_COUNT
};

/* The statement, ready to bind; NULL when it cannot be prepared (hz_db_error tells why). */
sqlite3_stmt *hz_db_stmt(struct hz_conn *c, enum hz_stmt which);

/* Values of statements; the memory must last until the statement is reset. */
void hz_db_bind_blob(sqlite3_stmt *st, int at, struct hz_blob b);
void hz_db_bind_u64(sqlite3_stmt *st, int at, uint64_t v);
struct hz_blob hz_db_blob(sqlite3_stmt *st, int col); /* borrowed until the next step */

/* Run to the end a statement that gives no rows. SQLITE_DONE or an error. */
int hz_db_run(sqlite3_stmt *st);

/* Turn the connection's last error into a return code, and log what is not the caller's doing. */
CK_RV hz_db_error(struct hz_conn *c, const char *what);

/* Was the last error a primary key that exists already? */
bool hz_db_exists_already(struct hz_conn *c);

/*
 * The work of one transaction. It may run several times, so it starts by resetting what it has put into arg; it calls nothing slow
 * and returns the code of hz_db_error on a database failure.
 */
typedef CK_RV (*hz_db_fn)(struct hz_conn *c, void *arg);

/* Run fn on a connection. Without a database fn is not called: *exists false (CKR_OK). Waits up to 10 s for a busy database. */
CK_RV hz_db_read(struct hz_store *s, hz_db_fn fn, void *arg, bool *exists);

/*
 * Run fn in a transaction that is on the disk when this returns CKR_OK; any other code of fn rolls back. `absent` is what to answer
 * when there is no database; CKR_OK: make one.
 */
CK_RV hz_db_write(struct hz_store *s, CK_RV absent, hz_db_fn fn, void *arg);

/* Close all idle connections. `quick`: leave the log as it is. */
void hz_db_close_idle(struct hz_store *s, bool quick);

#endif
