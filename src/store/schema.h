/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the database and the texts of all statements. */
#ifndef HZ_STORE_SCHEMA_H
#define HZ_STORE_SCHEMA_H

#include <sqlite3.h>

#define HZ_DB_VERSION 1
#define HZ_DB_APPLICATION 0x485A5031 /* "HZP1" */

extern const char *const hz_db_sql[]; /* by enum hz_stmt */

/* Writes to a database that is ready, and changes nothing in it. */
extern const char hz_db_touch[];

enum hz_db_kind { HZ_DB_EMPTY, HZ_DB_READY, HZ_DB_FOREIGN, HZ_DB_NEWER, HZ_DB_BROKEN };

/* Whose tables are these? *version gets the stored one. HZ_DB_BROKEN: see the connection's error. */
enum hz_db_kind hz_db_kind(sqlite3 *db, int *version);

/* Switch an empty database to write-ahead logging and make the tables, unless another process is faster. SQLITE_OK or an error. */
int hz_db_make(sqlite3 *db);

/* Settings that SQLite keeps per connection. */
int hz_db_setup(sqlite3 *db);

#endif
