/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept beside the keys of a device, and somebody who may write the store: each change to a row, to the index or to the whole is
 * noticed, the key concerned is refused, and the others work on. The device is SoftHSM2.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <sqlite3.h>
#include <time.h>

#include "p11.h"
#include "softhsm.h"

#define SLOT SOFTHSM_SLOT

static CK_BBOOL yes = CK_TRUE;
static CK_BYTE k256[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };
static char db_path[300], log_path[128];
static CK_SESSION_HANDLE s;

static void begin(void)
{
	OK(p11->C_Initialize(NULL));
	s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, SOFTHSM_PIN));
}

static void end(void)
{
	OK(p11->C_Finalize(NULL));
}

/* A pair on secp256k1; `only`: what the private key may do. */
static CK_RV make(const char *label, const CK_MECHANISM_TYPE *only, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE a[] = { { CKA_EC_PARAMS, k256, sizeof k256 }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_ID, (void *)(uintptr_t)label, strlen(label) } };
	CK_ATTRIBUTE b[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_ID, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_ALLOWED_MECHANISMS, (void *)(uintptr_t)only, sizeof *only } };
	CK_OBJECT_HANDLE pub;

	return p11->C_GenerateKeyPair(s, &m, a, 4, b, only != NULL ? 5 : 4, &pub, priv);
}

static CK_ULONG find(const char *label, CK_OBJECT_CLASS cls, CK_OBJECT_HANDLE *h)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE v[8];
	CK_ULONG n = 0;

	OK(p11->C_FindObjectsInit(s, t, label[0] != '\0' ? 2 : 1));
	OK(p11->C_FindObjects(s, v, 8, &n));
	OK(p11->C_FindObjectsFinal(s));
	if (n != 0 && h != NULL)
		*h = v[0];
	return n;
}

/* What comes of an attempt to sign with the mechanism. */
static CK_RV sign(const char *label, CK_MECHANISM_TYPE type, const char *text, CK_ULONG len)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	CK_BYTE sig[80];
	CK_ULONG n = sizeof sig;
	CK_RV rv;

	if (find(label, CKO_PRIVATE_KEY, &h) != 1)
		return CKR_KEY_HANDLE_INVALID;
	rv = p11->C_SignInit(s, &m, h);
	return rv == CKR_OK ? p11->C_Sign(s, (CK_BYTE *)(uintptr_t)text, len, sig, &n) : rv;
}

static CK_RV sign_raw(const char *label)
{
	return sign(label, CKM_ECDSA, "0123456789abcdef0123456789abcdef", 32);
}

static CK_RV sign_poai(const char *label)
{
	static unsigned turn;
	char text[512];

	snprintf(text, sizeof text,
		 "{\"modelId\":\"m\",\"inputHash\":\"0x%064d\",\"outputHash\":\"0x%064d\",\"timestamp\":%lld,\"computeTime\":5,"
		 "\"nodeId\":\"n\",\"nonce\":\"0x%056d%08x\"}", 1, 2, (long long)time(NULL), 3, ++turn);
	return sign(label, CKM_HANZO_POAI, text, strlen(text));
}

/* ---- the store ---- */

static void find_database(void)
{
	char dir[128];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof dir, "%s/store", p11_dir);
	d = opendir(dir);
	db_path[0] = '\0';
	while (d != NULL && (e = readdir(d)) != NULL)
		if (strlen(e->d_name) > 8 && strcmp(e->d_name + strlen(e->d_name) - 8, ".side.db") == 0)
			snprintf(db_path, sizeof db_path, "%s/%.100s", dir, e->d_name);
	if (d != NULL)
		(void)closedir(d);
}

static void copy_file(const char *from, const char *to)
{
	char cmd[800];

	snprintf(cmd, sizeof cmd, "rm -f '%s-wal' '%s-shm' '%s' && cp -p '%s' '%s'", to, to, to, from, to);
	CHECK(system(cmd) == 0);
}

static void run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	char *why = NULL;

	CHECK(sqlite3_open(db_path, &db) == SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fprintf(stderr, "%s: %s\n", sql, why);
	CHECK(why == NULL && (sqlite3_changes(db) != 0 || strncmp(sql, "BEGIN", 5) == 0));
	(void)sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	(void)sqlite3_close(db);
}

static bool logged(const char *text)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen(log_path, "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		found |= strstr(line, text) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

/* ---- */

#define LABELS "(SELECT label FROM object WHERE label <> CAST('index' AS BLOB) ORDER BY id LIMIT 1)"

static const struct attack {
	const char *name, *sql;
	bool one, all; /* the first limited key is refused; every key is */
} attacks[] = {
	{ "another mechanism in the row", "UPDATE object SET pub = CAST(replace(pub, X'80485A10', X'00001041') AS BLOB) WHERE label = " LABELS,
	  true, false },
	{ "one changed bit", "UPDATE object SET pub = CAST(substr(pub, 1, length(pub) - 1) || X'00' AS BLOB) WHERE label = " LABELS, true, false },
	{ "a row without its seal", "UPDATE object SET sec = NULL WHERE label = " LABELS, true, false },
	{ "no row", "DELETE FROM object WHERE label = " LABELS, true, false },
	{ "the row under another name", "UPDATE object SET label = X'00' WHERE label = " LABELS, true, false },
	{ "no index", "DELETE FROM object WHERE label = CAST('index' AS BLOB)", true, true },
	{ "an index without its seal", "UPDATE object SET sec = NULL WHERE label = CAST('index' AS BLOB)", true, true },
	{ "no rows at all", "DELETE FROM object", true, true },
	{ "no token", "DELETE FROM token", true, true },
	{ "no seals", "DELETE FROM seal", true, true },
	{ "another store key", "UPDATE login SET wrapped = zeroblob(length(wrapped))", true, true },
	{ "two rows changed about",
	  "BEGIN; CREATE TEMP TABLE t AS SELECT id, pub, sec FROM object WHERE label <> CAST('index' AS BLOB) ORDER BY id LIMIT 2;"
	  "UPDATE object SET pub = (SELECT pub FROM t WHERE t.id <> object.id), sec = (SELECT sec FROM t WHERE t.id <> object.id)"
	  " WHERE id IN (SELECT id FROM t); COMMIT", true, false },
};

static void test_attack(const struct attack *a, const char *good)
{
	CK_RV rv;

	copy_file(good, db_path);
	run_sql(a->sql);
	begin();
	rv = sign_raw("limited");
	if (rv != CKR_KEY_HANDLE_INVALID && rv != CKR_DEVICE_ERROR)
		p11_fail(a->name, 0, "the limited key was not refused for what it may not do");
	rv = sign_poai("limited");
	if (a->one && rv != CKR_KEY_HANDLE_INVALID && rv != CKR_DEVICE_ERROR)
		p11_fail(a->name, 0, "the limited key was not refused");
	rv = sign_raw("free");
	if (a->all ? rv != CKR_KEY_HANDLE_INVALID && rv != CKR_DEVICE_ERROR : rv != CKR_OK)
		p11_fail(a->name, 0, "the key without limits");
	end();
}

static void test_lost(const char *good)
{
	CK_OBJECT_HANDLE h;
	CK_MECHANISM_TYPE only = CKM_HANZO_POAI;

	(void)unlink(db_path);
	begin();
	CHECK(sign_raw("limited") != CKR_OK && sign_raw("free") != CKR_OK);
	CHECK(make("after", &only, &h) != CKR_OK); /* and no new store takes its place unnoticed */
	CHECK(access(db_path, F_OK) != 0);
	end();
	CHECK(logged("the store beside the device was taken away"));
	copy_file(good, db_path);
	begin();
	OK(sign_poai("limited"));
	OK(sign_raw("free"));
	end();
}

/* One CKA_ID, two objects: they have the limits in common, as long as one of them is there. */
static void test_copies(void)
{
	CK_MECHANISM_TYPE other = CKM_HANZO_ECDSA_RECOVERABLE;
	CK_ATTRIBUTE narrower = { CKA_ALLOWED_MECHANISMS, &other, sizeof other }, renamed = { CKA_LABEL, (void *)(uintptr_t)"copy", 4 };
	CK_ATTRIBUTE id = { CKA_ID, (void *)(uintptr_t)"new-id", 6 };
	CK_OBJECT_HANDLE h = 0, copy = 0;

	begin();
	CHECK(find("limited", CKO_PRIVATE_KEY, &h) == 1);
	CHECK(p11->C_CopyObject(s, h, &narrower, 1, &copy) != CKR_OK);
	OK(p11->C_CopyObject(s, h, &renamed, 1, &copy));
	RV(sign_raw("copy"), CKR_MECHANISM_INVALID);
	OK(p11->C_DestroyObject(s, copy));
	RV(sign_raw("limited"), CKR_MECHANISM_INVALID);
	OK(sign_poai("limited"));
	CHECK(find("limited", CKO_PRIVATE_KEY, &h) == 1);
	OK(p11->C_SetAttributeValue(s, h, &id, 1)); /* the limits follow the key */
	CHECK(find("limited", CKO_PUBLIC_KEY, &h) == 1);
	OK(p11->C_SetAttributeValue(s, h, &id, 1));
	RV(sign_raw("limited"), CKR_MECHANISM_INVALID);
	end();
	begin();
	RV(sign_raw("limited"), CKR_MECHANISM_INVALID);
	OK(sign_poai("limited"));
	end();
}

static void test_destroy(const char *good)
{
	CK_OBJECT_HANDLE h = 0;
	CK_MECHANISM_TYPE only = CKM_HANZO_POAI;

	copy_file(good, db_path);
	begin();
	CHECK(find("second", CKO_PRIVATE_KEY, &h) == 1);
	OK(p11->C_DestroyObject(s, h));
	OK(make("second", NULL, &h)); /* a new key of the old name has none of its limits */
	OK(sign_raw("second") == CKR_KEY_HANDLE_INVALID ? CKR_OK : sign_raw("second"));
	OK(make("third", &only, &h));
	RV(sign_raw("third"), CKR_MECHANISM_INVALID);
	end();
}

static CK_RV make_aes(const CK_MECHANISM_TYPE *only, CK_OBJECT_HANDLE *h)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 }, { CKA_VALUE_LEN, &len, sizeof len },
			     { CKA_ID, (void *)(uintptr_t)"taken", 5 },
			     { CKA_ALLOWED_MECHANISMS, (void *)(uintptr_t)only, sizeof *only } };

	return p11->C_GenerateKey(s, &m, t, 5, h);
}

static CK_RV use_aes(CK_MECHANISM_TYPE type)
{
	CK_BYTE iv[16] = { 0 }, out[32];
	CK_MECHANISM m = { type, type == CKM_AES_ECB ? NULL : iv, type == CKM_AES_ECB ? 0 : sizeof iv };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_ID, (void *)(uintptr_t)"taken", 5 } };
	CK_OBJECT_HANDLE v[2];
	CK_ULONG n = 0, len = sizeof out;
	CK_RV rv;

	OK(p11->C_FindObjectsInit(s, t, 2));
	OK(p11->C_FindObjects(s, v, 2, &n));
	OK(p11->C_FindObjectsFinal(s));
	if (n != 1)
		return CKR_KEY_HANDLE_INVALID;
	rv = p11->C_EncryptInit(s, &m, v[0]);
	return rv == CKR_OK ? p11->C_Encrypt(s, iv, 16, out, &len) : rv;
}

/* A key that is refused since its CKA_ID is another one's takes nothing of that one's limits with it. */
static void test_taken(void)
{
	CK_MECHANISM_TYPE ecb = CKM_AES_ECB, cbc = CKM_AES_CBC;
	CK_OBJECT_HANDLE h = 0;

	begin();
	OK(make_aes(&ecb, &h));
	for (int i = 0; i < 2; i++) {
		RV(make_aes(&cbc, &h), CKR_TEMPLATE_INCONSISTENT);
		RV(use_aes(CKM_AES_CBC), CKR_MECHANISM_INVALID);
		OK(use_aes(CKM_AES_ECB));
	}
	end();
	begin();
	RV(use_aes(CKM_AES_CBC), CKR_MECHANISM_INVALID);
	OK(use_aes(CKM_AES_ECB));
	end();
}

/* The store's key stays in the device: nobody can wrap it out of there. */
static void test_key(void)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_BBOOL leaves = CK_TRUE, sensitive = CK_FALSE;
	CK_ATTRIBUTE t = { CKA_CLASS, &cls, sizeof cls }, out[] = { { CKA_EXTRACTABLE, &leaves, 1 }, { CKA_SENSITIVE, &sensitive, 1 } };
	void *so = dlopen(softhsm_module(), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = so != NULL ? (CK_C_GetFunctionList)(uintptr_t)dlsym(so, "C_GetFunctionList") : NULL;
	CK_FUNCTION_LIST *f = NULL;
	CK_SESSION_HANDLE d;
	CK_OBJECT_HANDLE h[2];
	CK_SLOT_ID slots[4];
	CK_ULONG n = 4;

	CHECK(get != NULL);
	OK(get(&f));
	OK(f->C_Initialize(NULL));
	OK(f->C_GetSlotList(CK_TRUE, slots, &n));
	OK(f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &d));
	OK(f->C_Login(d, CKU_USER, (CK_BYTE *)(uintptr_t)SOFTHSM_PIN, sizeof SOFTHSM_PIN - 1));
	OK(f->C_FindObjectsInit(d, &t, 1));
	OK(f->C_FindObjects(d, h, 2, &n));
	OK(f->C_FindObjectsFinal(d));
	CHECK(n == 1);
	OK(f->C_GetAttributeValue(d, h[0], out, 2));
	CHECK(leaves == CK_FALSE && sensitive == CK_TRUE);
	OK(f->C_Finalize(NULL));
	(void)dlclose(so);
}

/* ---- two devices with the same key ---- */

/* The key 1, whose public key is the generator. */
static void create_known(const CK_MECHANISM_TYPE *only)
{
	static CK_BYTE one[32] = { [31] = 1 };
	static CK_BYTE g[] = { 0x04, 0x41, 0x04, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87,
			       0x0b, 0x07, 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17,
			       0x98, 0x48, 0x3a, 0xda, 0x77, 0x26, 0xa3, 0xc4, 0x65, 0x5d, 0xa4, 0xfb, 0xfc, 0x0e, 0x11, 0x08, 0xa8,
			       0xfd, 0x17, 0xb4, 0x48, 0xa6, 0x85, 0x54, 0x19, 0x9c, 0x47, 0xd0, 0x8f, 0xfb, 0x10, 0xd4, 0xb8 };
	CK_OBJECT_CLASS pub = CKO_PUBLIC_KEY, priv = CKO_PRIVATE_KEY;
	CK_KEY_TYPE ec = CKK_EC;
	CK_ATTRIBUTE a[] = { { CKA_CLASS, &pub, sizeof pub }, { CKA_KEY_TYPE, &ec, sizeof ec }, { CKA_TOKEN, &yes, 1 },
			     { CKA_ID, (void *)(uintptr_t)"both", 4 }, { CKA_LABEL, (void *)(uintptr_t)"both", 4 },
			     { CKA_EC_PARAMS, k256, sizeof k256 }, { CKA_EC_POINT, g, sizeof g } };
	CK_ATTRIBUTE b[] = { { CKA_CLASS, &priv, sizeof priv }, { CKA_KEY_TYPE, &ec, sizeof ec }, { CKA_TOKEN, &yes, 1 },
			     { CKA_ID, (void *)(uintptr_t)"both", 4 }, { CKA_LABEL, (void *)(uintptr_t)"both", 4 },
			     { CKA_EC_PARAMS, k256, sizeof k256 }, { CKA_VALUE, one, sizeof one }, { CKA_SIGN, &yes, 1 },
			     { CKA_ALLOWED_MECHANISMS, (void *)(uintptr_t)only, sizeof *only } };
	CK_OBJECT_HANDLE h;

	OK(p11->C_CreateObject(s, a, 7, &h));
	OK(p11->C_CreateObject(s, b, only != NULL ? 9 : 8, &h));
}

static void configure_one(const char *module, const char *token, const char *more)
{
	char text[1024];

	snprintf(text, sizeof text, "[hanzo]\nlog = file:%s\n[tier2]\nbackend = pkcs11\nmodule = %s\ntoken = %s\n%s", log_path, module, token,
		 more);
	softhsm_write(softhsm_dir, "pkcs11.conf", text, "HANZO_PKCS11_CONF");
}

/* A limit set at one device holds at the other, also when that one is alone. */
static void test_two_devices(void)
{
	CK_MECHANISM_TYPE poai = CKM_HANZO_POAI;
	char second[200], cmd[500], more[300];

	snprintf(second, sizeof second, "%s/second.so", p11_dir);
	snprintf(cmd, sizeof cmd, "cp '%s' '%s' && softhsm2-util --init-token --free --label second --so-pin device-so-1 --pin " SOFTHSM_PIN
		 " >/dev/null 2>&1", softhsm_module(), second);
	CHECK(system(cmd) == 0);
	configure_one(softhsm_module(), "device", "");
	begin();
	create_known(&poai);
	end();
	configure_one(second, "second", "serial = second-by-itself\n");
	begin();
	create_known(NULL);
	OK(sign_raw("both"));
	end();
	configure_one(second, "second", "");
	begin(); /* the store is of this slot, its key is not in this device: nobody can tell */
	CHECK(sign_raw("both") != CKR_OK);
	end();
	snprintf(more, sizeof more, "module.2 = %s\ntoken.2 = second\n", second);
	configure_one(softhsm_module(), "device", more);
	begin();
	RV(sign_raw("both"), CKR_MECHANISM_INVALID);
	OK(sign_poai("both"));
	end();
	configure_one(second, "second", "");
	begin();
	RV(sign_raw("both"), CKR_MECHANISM_INVALID);
	OK(sign_poai("both"));
	end();
}

int main(void)
{
	CK_MECHANISM_TYPE poai = CKM_HANZO_POAI;
	CK_OBJECT_HANDLE h;
	char good[128];

	if (!softhsm_make()) {
		printf("SKIP t_device_side: no SoftHSM2 at %s\n", softhsm_module());
		return 77;
	}
	p11_start();
	softhsm_configure("");
	snprintf(log_path, sizeof log_path, "%s/log", p11_dir);
	snprintf(good, sizeof good, "%s/good.db", p11_dir);
	begin();
	OK(make("free", NULL, &h));
	find_database();
	CHECK(db_path[0] == '\0'); /* nothing is made where nothing is kept */
	OK(make("limited", &poai, &h));
	OK(make("second", &poai, &h));
	RV(sign_raw("limited"), CKR_MECHANISM_INVALID);
	OK(sign_poai("limited"));
	OK(sign_raw("free"));
	CHECK(find("", CKO_SECRET_KEY, NULL) == 0); /* the store's key is not shown */
	end();
	find_database();
	CHECK(db_path[0] != '\0');
	begin();
	RV(sign_raw("limited"), CKR_MECHANISM_INVALID);
	OK(p11->C_Logout(s));
	OK(p11_login(s, CKU_USER, SOFTHSM_PIN));
	RV(sign_raw("limited"), CKR_MECHANISM_INVALID);
	OK(sign_poai("second"));
	CHECK(find("", CKO_SECRET_KEY, NULL) == 0);
	end();
	test_key();
	copy_file(db_path, good);
	for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++)
		test_attack(&attacks[i], good);
	copy_file(good, db_path);
	test_lost(good);
	test_destroy(good);
	copy_file(good, db_path);
	test_copies();
	test_taken();
	test_two_devices();
	softhsm_end();
	return p11_end();
}
