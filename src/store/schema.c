/* SPDX-License-Identifier: Apache-2.0 */
/* The database's tables, version 1. */
#include "store/schema.h"

#include <stddef.h>

#include "store/db.h"

/*
 * Rows are kept small and indexes few, because an insert is measured against a bare append. Small columns come first: a scan by
 * class then reads no overflow page. Labels and ids are found by index; a row without one takes no space in it.
 * login.tries counts tries that were begun and not yet successful; flight, how many of them have no result yet (a process killed in
 * between never reports one); tried_at (Unix ms) is when the last of them began.
 */
static const char schema[] =
	"CREATE TABLE token (one INTEGER PRIMARY KEY CHECK (one = 1), serial TEXT NOT NULL, tier INTEGER NOT NULL,"
	" label BLOB NOT NULL, key_id BLOB NOT NULL, mac BLOB);"
	"CREATE TABLE login (role INTEGER PRIMARY KEY, tries INTEGER NOT NULL, flight INTEGER NOT NULL,"
	" tried_at INTEGER NOT NULL, wrapped BLOB NOT NULL);"
	"CREATE TABLE seal (role INTEGER NOT NULL, pos INTEGER NOT NULL, kind INTEGER NOT NULL, params BLOB NOT NULL,"
	" PRIMARY KEY (role, pos)) WITHOUT ROWID;"
	"CREATE TABLE object (id INTEGER PRIMARY KEY, class INTEGER NOT NULL, kt INTEGER NOT NULL, private INTEGER NOT NULL,"
	" label BLOB, cka_id BLOB, uid BLOB, pub BLOB NOT NULL, sec BLOB);"
	"CREATE INDEX object_label ON object (label) WHERE label IS NOT NULL;"
	"CREATE INDEX object_cka_id ON object (cka_id) WHERE cka_id IS NOT NULL;";

#define FOUND "SELECT id, class, kt, private, label, cka_id, uid, sec IS NULL, pub FROM object "

const char *const hz_db_sql[HZ_S_COUNT] = {
	[HZ_S_BEGIN] = "BEGIN IMMEDIATE",
	[HZ_S_COMMIT] = "COMMIT",
	[HZ_S_ROLLBACK] = "ROLLBACK",
	[HZ_S_TOKEN] = "SELECT serial, tier, label, key_id, mac FROM token WHERE one = 1",
	[HZ_S_TOKEN_PUT] = "INSERT OR REPLACE INTO token (one, serial, tier, label, key_id, mac) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
	[HZ_S_TOKEN_KEY] = "SELECT key_id FROM token WHERE one = 1",
	[HZ_S_STATE] = "SELECT t.label, (SELECT tries FROM login WHERE role = 0), (SELECT tries FROM login WHERE role = 1)"
		       " FROM token t WHERE one = 1",
	[HZ_S_LOGIN] = "SELECT tries, tried_at, wrapped, flight, (SELECT count(*) FROM login WHERE role = 2) FROM login"
		       " WHERE role = ?1",
	[HZ_S_LOGIN_COUNT] = "UPDATE login SET tries = tries + 1, flight = flight + 1, tried_at = ?2 WHERE role = ?1",
	[HZ_S_LOGIN_WRONG] = "UPDATE login SET flight = max(flight - 1, 0) WHERE role = ?1 AND wrapped = ?2",
	[HZ_S_LOGIN_RESET] = "UPDATE login SET tries = 0, flight = 0 WHERE role = ?1 AND wrapped = ?2",
	[HZ_S_LOGIN_UNDO] = "UPDATE login SET tries = max(tries - 1, 0), flight = max(flight - 1, 0) WHERE role = ?1 AND wrapped = ?2",
	[HZ_S_LOGIN_PUT] = "INSERT OR REPLACE INTO login (role, tries, flight, tried_at, wrapped) VALUES (?1, 0, 0, 0, ?2)",
	[HZ_S_LOGIN_DROP] = "DELETE FROM login WHERE role = ?1",
	[HZ_S_LOGIN_CLEAR] = "DELETE FROM login",
	[HZ_S_SEALS] = "SELECT kind, params FROM seal WHERE role = ?1 ORDER BY pos",
	[HZ_S_SEAL_PUT] = "INSERT INTO seal (role, pos, kind, params) VALUES (?1, ?2, ?3, ?4)",
	[HZ_S_SEAL_DROP] = "DELETE FROM seal WHERE role = ?1",
	[HZ_S_SEAL_CLEAR] = "DELETE FROM seal",
	[HZ_S_KEPT_TABLE] = "CREATE TABLE IF NOT EXISTS kept (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL, mac BLOB NOT NULL)",
	[HZ_S_KEPT_THERE] = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kept'",
	[HZ_S_KEPT] = "SELECT value, mac FROM kept WHERE one = 1",
	[HZ_S_KEPT_PUT] = "INSERT OR REPLACE INTO kept (one, value, mac) VALUES (1, ?1, ?2)",
	[HZ_S_LOAD] = "SELECT class, kt, private, label, cka_id, uid, pub, sec FROM object WHERE id = ?1",
	[HZ_S_INSERT] = "INSERT INTO object (id, class, kt, private, label, cka_id, uid, pub, sec)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[HZ_S_UPDATE] = "UPDATE object SET class = ?2, kt = ?3, private = ?4, label = ?5, cka_id = ?6, uid = ?7, pub = ?8, sec = ?9"
			" WHERE id = ?1",
	[HZ_S_DELETE] = "DELETE FROM object WHERE id = ?1",
	[HZ_S_EMPTY] = "DELETE FROM object",
	[HZ_S_BY_LABEL] = FOUND "WHERE label = ?1",
	[HZ_S_BY_ID] = FOUND "WHERE cka_id = ?1",
	[HZ_S_SCAN] = "SELECT id, class, kt, private, label, cka_id, uid, sec IS NULL FROM object WHERE (?1 IS NULL OR class = ?1) ORDER BY id",
	[HZ_S_SCAN_PUB] = FOUND "WHERE (?1 IS NULL OR class = ?1) ORDER BY id",
};

const char hz_db_touch[] = "PRAGMA user_version = 1";

static int one_int(sqlite3 *db, const char *sql, int *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*out = sqlite3_column_int(st, 0);
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(st);
	return rc;
}

enum hz_db_kind hz_db_kind(sqlite3 *db, int *version)
{
	int app = 0, tables = 0, rc;

	*version = 0;
	/* In one transaction, or in the caller's: between two of them another process could make the tables. */
	rc = sqlite3_exec(db, "SAVEPOINT kind", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = one_int(db, "PRAGMA user_version", version);
	if (rc == SQLITE_OK)
		rc = one_int(db, "PRAGMA application_id", &app);
	if (rc == SQLITE_OK)
		rc = one_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "RELEASE kind", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return HZ_DB_BROKEN;
	if (app == 0 && *version == 0 && tables == 0)
		return HZ_DB_EMPTY;
	if (app != HZ_DB_APPLICATION || *version < 1)
		return HZ_DB_FOREIGN;
	return *version > HZ_DB_VERSION ? HZ_DB_NEWER : HZ_DB_READY;
}

int hz_db_make(sqlite3 *db)
{
	int version, rc = sqlite3_exec(db, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return rc;
	if (hz_db_kind(db, &version) == HZ_DB_EMPTY) {
		rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, "PRAGMA application_id = 1213878321; PRAGMA user_version = 1", NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/*
 * synchronous FULL: a commit is on the disk when it returns. secure_delete: a destroyed object is overwritten. The rest keeps a
 * database that somebody prepared from doing anything but holding rows.
 */
int hz_db_setup(sqlite3 *db)
{
	(void)sqlite3_extended_result_codes(db, 1);
	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL);
	return sqlite3_exec(db, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cell_size_check = ON;"
			    " PRAGMA temp_store = MEMORY; PRAGMA cache_size = -512", NULL, NULL, NULL);
}
