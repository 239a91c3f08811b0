/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fault that the mock knows, at every call that a piece of work makes of the device: the caller gets the code that belongs to it,
 * nothing is signed twice, and once the fault is over the same work succeeds.
 */
#include "mock.h"

/* The first calls of a function within one piece of work; one where every call takes many times as long. */
static unsigned long first_calls(void)
{
	const char *sanitized = getenv("HANZO_SANITIZED");

	return sanitized != NULL && strstr(sanitized, "thread") != NULL ? 1 : 2;
}

static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE sign_key, aes_key, mac_key, wrap_key, ecdh_key;

/* ---- pieces of work; each leaves nothing behind ---- */

static CK_RV end_with(CK_RV rv, CK_OBJECT_HANDLE h)
{
	if (h != CK_INVALID_HANDLE)
		(void)p11->C_DestroyObject(session, h);
	return rv;
}

static CK_RV do_sign(void)
{
	return try_sign(session, sign_key);
}

static CK_RV do_mac(void)
{
	CK_MECHANISM m = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE mac[32];
	CK_ULONG n = sizeof mac;
	CK_RV rv = p11->C_SignInit(session, &m, mac_key);

	if (rv == CKR_OK)
		rv = p11->C_SignUpdate(session, (CK_BYTE *)(uintptr_t)"hel", 3);
	if (rv == CKR_OK)
		rv = p11->C_SignUpdate(session, (CK_BYTE *)(uintptr_t)"lo", 2);
	if (rv == CKR_OK)
		rv = p11->C_SignFinal(session, mac, &n);
	if (rv == CKR_OK)
		rv = p11->C_VerifyInit(session, &m, mac_key);
	if (rv == CKR_OK)
		rv = p11->C_VerifyUpdate(session, (CK_BYTE *)(uintptr_t)"hello", 5);
	return rv == CKR_OK ? p11->C_VerifyFinal(session, mac, n) : rv;
}

static CK_RV do_cipher(void)
{
	CK_BYTE iv[16] = { 1 }, in[80] = { 2 }, ct[128], pt[128];
	CK_MECHANISM m = { CKM_AES_CBC_PAD, iv, 16 };
	CK_ULONG n = sizeof ct, more, k = sizeof pt;
	CK_RV rv = p11->C_EncryptInit(session, &m, aes_key);

	if (rv == CKR_OK)
		rv = p11->C_EncryptUpdate(session, in, 40, ct, &n);
	more = sizeof ct - n;
	if (rv == CKR_OK)
		rv = p11->C_EncryptUpdate(session, in + 40, 40, ct + n, &more);
	n += more;
	more = sizeof ct - n;
	if (rv == CKR_OK)
		rv = p11->C_EncryptFinal(session, ct + n, &more);
	n += more;
	if (rv == CKR_OK)
		rv = p11->C_DecryptInit(session, &m, aes_key);
	if (rv == CKR_OK)
		rv = p11->C_Decrypt(session, ct, n, pt, &k);
	if (rv == CKR_OK && (k != sizeof in || memcmp(pt, in, k) != 0))
		return CKR_ENCRYPTED_DATA_INVALID; /* wrong without a word */
	return rv;
}

static CK_RV do_find(void)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_SIGN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)"sign", 4 } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;
	CK_ULONG n = 0;
	CK_RV rv = p11->C_FindObjectsInit(session, t, 3);

	if (rv != CKR_OK)
		return rv;
	rv = p11->C_FindObjects(session, &h, 1, &n);
	(void)p11->C_FindObjectsFinal(session);
	return rv == CKR_OK && n != 1 ? CKR_OBJECT_HANDLE_INVALID : rv;
}

static CK_RV do_look(void)
{
	CK_BYTE spki[300];
	CK_ATTRIBUTE a = { CKA_PUBLIC_KEY_INFO, spki, sizeof spki };
	CK_RV rv = p11->C_GetAttributeValue(session, sign_key, &a, 1);

	return rv == CKR_OK && a.ulValueLen != 91 ? CKR_ATTRIBUTE_TYPE_INVALID : rv;
}

static CK_RV do_generate(void)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_LABEL, (void *)(uintptr_t)"made", 4 }, { CKA_TOKEN, &no, 1 } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;
	CK_RV rv = p11->C_GenerateKey(session, &m, t, 3, &h);

	return end_with(rv, h);
}

static CK_RV do_pair(void)
{
	struct pair p = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_RV rv = try_ec_pair(session, "made", CK_TRUE, CK_FALSE, &p);

	return end_with(end_with(rv, p.pub), p.priv);
}

static CK_RV do_object(void)
{
	CK_OBJECT_CLASS cls = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)"made", 4 },
			     { CKA_VALUE, (void *)(uintptr_t)"v", 1 } };
	CK_ATTRIBUTE l = { CKA_LABEL, (void *)(uintptr_t)"other", 5 }, k = { CKA_LABEL, (void *)(uintptr_t)"copy", 4 };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE, c = CK_INVALID_HANDLE;
	CK_RV rv = p11->C_CreateObject(session, t, 4, &h);

	if (rv == CKR_OK)
		rv = p11->C_SetAttributeValue(session, h, &l, 1);
	if (rv == CKR_OK)
		rv = p11->C_CopyObject(session, h, &k, 1, &c);
	if (rv == CKR_OK) {
		rv = p11->C_DestroyObject(session, c);
		c = CK_INVALID_HANDLE;
	}
	return end_with(end_with(rv, h), c);
}

static CK_RV do_derive(void)
{
	CK_BYTE point[67];
	CK_ATTRIBUTE pt = { CKA_EC_POINT, point, sizeof point };
	CK_ECDH1_DERIVE_PARAMS param = { CKD_NULL, 0, NULL, 65, point + 2 };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &param, sizeof param };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_VALUE_LEN, &len, sizeof len },
			     { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE, pub = find_key(session, CKO_PUBLIC_KEY, "ecdh");
	CK_RV rv = p11->C_GetAttributeValue(session, pub, &pt, 1);

	if (rv == CKR_OK)
		rv = p11->C_DeriveKey(session, &m, ecdh_key, t, 5, &h);
	return end_with(rv, h);
}

static CK_RV do_wrap(void)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &yes, 1 },
			     { CKA_LABEL, (void *)(uintptr_t)"made", 4 } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;
	CK_BYTE wrapped[200];
	CK_ULONG n = sizeof wrapped;
	CK_RV rv = p11->C_WrapKey(session, &m, wrap_key, mac_key, wrapped, &n);

	if (rv == CKR_OK)
		rv = p11->C_UnwrapKey(session, &m, wrap_key, wrapped, n, t, 4, &h);
	return end_with(rv, h);
}

static CK_RV do_login(void)
{
	CK_RV rv = p11->C_Logout(session);

	return rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN ? p11_login(session, CKU_USER, DEVICE_PIN) : rv;
}

static CK_RV do_info(void)
{
	CK_TOKEN_INFO info;

	return p11->C_GetTokenInfo(SLOT, &info);
}

static const struct piece {
	const char *name;
	CK_RV (*work)(void);
} pieces[] = {
	{ "sign", do_sign }, { "mac", do_mac }, { "cipher", do_cipher }, { "find", do_find }, { "look", do_look },
	{ "generate", do_generate }, { "pair", do_pair }, { "object", do_object }, { "derive", do_derive }, { "wrap", do_wrap },
	{ "login", do_login }, { "info", do_info },
};

/* ---- faults ---- */

static const char *const functions[] = {
	"C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_CloseSession", "C_GetSessionInfo", "C_Login", "C_Logout", "C_CreateObject",
	"C_CopyObject", "C_DestroyObject", "C_GetAttributeValue", "C_SetAttributeValue", "C_FindObjectsInit", "C_FindObjects",
	"C_FindObjectsFinal", "C_EncryptInit", "C_Encrypt", "C_EncryptUpdate", "C_EncryptFinal", "C_DecryptInit", "C_Decrypt", "C_SignInit",
	"C_Sign", "C_SignUpdate", "C_SignFinal", "C_VerifyInit", "C_Verify", "C_VerifyUpdate", "C_VerifyFinal", "C_GenerateKey",
	"C_GenerateKeyPair", "C_WrapKey", "C_UnwrapKey", "C_DeriveKey",
};

/* Calls that PKCS#11 lets one make once only: what they may have done is not done again. */
static bool only_once(const char *fn)
{
	static const char *const list[] = { "C_Sign", "C_SignFinal", "C_CreateObject", "C_CopyObject", "C_GenerateKey", "C_GenerateKeyPair",
					    "C_UnwrapKey", "C_DeriveKey", "C_SetAttributeValue" };

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		if (strcmp(list[i], fn) == 0)
			return true;
	return false;
}

/* What may come of it: the code itself, CKR_OK because it did not matter or was made good, or one of two codes. */
enum outcome { MENDED, ITSELF, REMOVED, BROKEN, GARBLED };

static const struct fault {
	const char *action;
	CK_RV code;
	enum outcome outcome;
} faults[] = {
	{ "rv 0x30", CKR_DEVICE_ERROR, ITSELF },
	{ "rv 0x06", CKR_FUNCTION_FAILED, ITSELF },
	{ "rv 0x31", CKR_DEVICE_MEMORY, ITSELF },
	{ "rv 0xb3", CKR_SESSION_HANDLE_INVALID, MENDED },
	{ "rv 0xe0", CKR_TOKEN_NOT_PRESENT, MENDED },
	{ "rv 0x101", CKR_USER_NOT_LOGGED_IN, MENDED },
	{ "rv 0x190", CKR_CRYPTOKI_NOT_INITIALIZED, MENDED },
	{ "rv 0x32", CKR_DEVICE_REMOVED, REMOVED },
	{ "done 0x32", CKR_DEVICE_REMOVED, REMOVED },
	{ "done 0xb0", CKR_SESSION_CLOSED, REMOVED },
	{ "die 1", CKR_DEVICE_REMOVED, REMOVED },
	{ "dying 1", CKR_DEVICE_REMOVED, REMOVED },
	{ "sessions", 0, MENDED },
	{ "login", 0, MENDED },
	{ "rv 0x91", CKR_DEVICE_ERROR, BROKEN },       /* CKR_OPERATION_NOT_INITIALIZED */
	{ "rv 0x80001234", CKR_DEVICE_ERROR, BROKEN }, /* a vendor's own */
	{ "rv 0x7777", CKR_DEVICE_ERROR, BROKEN },     /* no code at all */
	{ "long", CKR_DEVICE_ERROR, GARBLED },
	{ "short", CKR_DEVICE_ERROR, GARBLED },
	{ "stale", CKR_OBJECT_HANDLE_INVALID, GARBLED },
};

/* Codes that say what happened to the device, whatever it lied about. */
static bool explains(CK_RV rv)
{
	return rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_REMOVED || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID ||
	       rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_SIGNATURE_INVALID ||
	       rv == CKR_WRAPPED_KEY_LEN_RANGE || rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_ATTRIBUTE_TYPE_INVALID;
}

static bool fits(const struct fault *f, const char *fn, CK_RV rv)
{
	switch (f->outcome) {
	case MENDED:
		return rv == CKR_OK;
	case REMOVED:
		return only_once(fn) ? rv == CKR_DEVICE_REMOVED : rv == CKR_OK || rv == CKR_DEVICE_REMOVED;
	case ITSELF:
	case BROKEN:
		return rv == CKR_OK || rv == f->code;
	case GARBLED:
		return rv == CKR_OK || explains(rv);
	}
	return false;
}

/* What a piece of work that failed left behind. */
static void clean(const char *label)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	CK_OBJECT_HANDLE h[16];
	CK_ULONG n = 0;

	if (p11->C_FindObjectsInit(session, &t, 1) != CKR_OK)
		return;
	(void)p11->C_FindObjects(session, h, 16, &n);
	(void)p11->C_FindObjectsFinal(session);
	for (CK_ULONG i = 0; i < n; i++)
		(void)p11->C_DestroyObject(session, h[i]);
}

/* A device that was away is looked for again at most every second. */
static CK_RV settle(const struct piece *p)
{
	const struct timespec tenth = { 0, 100000000 };
	CK_RV rv = p->work();

	for (int i = 0; i < 20 && rv != CKR_OK; i++) {
		(void)nanosleep(&tenth, NULL);
		rv = p->work();
	}
	return rv;
}

/* A device that says "not logged in" and keeps the login: nobody could tell that from a login of the application itself. */
static bool absurd(const char *fn, const struct fault *f)
{
	return strcmp(fn, "C_Logout") == 0 && f->code == CKR_USER_NOT_LOGGED_IN;
}

static void one(const struct piece *p, const char *fn, unsigned long nth, const struct fault *f)
{
	CK_RV rv;

	if (absurd(fn, f))
		return;
	mock_say(&mock, "%s %lu %s\n", fn, nth, f->action);
	rv = p->work();
	if (!fits(f, fn, rv)) {
		fprintf(stderr, "%s: %s %lu %s: %#lx\n", p->name, fn, nth, f->action, rv);
		p11_failures++;
	}
	if (strcmp(fn, "C_Sign") == 0 && f->outcome == REMOVED)
		CHECK(mock.calls("C_Sign") == 1);
	if (strcmp(fn, "C_SignFinal") == 0 && f->outcome == REMOVED)
		CHECK(mock.calls("C_SignFinal") == 1);
	mock_say(&mock, "# no fault\n");
	clean("made");
	clean("other");
	clean("copy");
	rv = settle(p);
	if (rv != CKR_OK) {
		fprintf(stderr, "%s: after %s %lu %s: %#lx\n", p->name, fn, nth, f->action, rv);
		p11_failures++;
	}
}

static void test_piece(const struct piece *p, unsigned long *cases)
{
	unsigned long n[sizeof functions / sizeof functions[0]];

	mock_say(&mock, "# counting\n");
	RV(p->work(), CKR_OK);
	for (size_t i = 0; i < sizeof n / sizeof n[0]; i++)
		n[i] = mock.calls(functions[i]);
	for (size_t i = 0; i < sizeof n / sizeof n[0]; i++)
		for (unsigned long k = 1; k <= n[i] && k <= first_calls(); k++)
			for (size_t q = 0; q < sizeof faults / sizeof faults[0]; q++, ++*cases)
				one(p, functions[i], k, &faults[q]);
}

static CK_OBJECT_HANDLE make_secret(CK_MECHANISM_TYPE gen, const char *label, CK_BBOOL *wraps)
{
	CK_MECHANISM m = { gen, NULL, 0 };
	CK_ULONG len = 32;
	CK_BBOOL *uses = *wraps ? &no : &yes;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_EXTRACTABLE, &yes, 1 }, { CKA_SIGN, uses, 1 }, { CKA_VERIFY, uses, 1 }, { CKA_ENCRYPT, uses, 1 },
			     { CKA_DECRYPT, uses, 1 }, { CKA_WRAP, wraps, 1 }, { CKA_UNWRAP, wraps, 1 } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;

	OK(p11->C_GenerateKey(session, &m, t, sizeof t / sizeof t[0], &h));
	return h;
}

static void make_keys(void)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256_oid, sizeof p256_oid }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)"ecdh", 4 } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_DERIVE, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)"ecdh", 4 } };
	CK_OBJECT_HANDLE h;

	sign_key = ec_pair(session, "sign", CK_FALSE).priv;
	OK(p11->C_GenerateKeyPair(session, &m, pub, 3, priv, 3, &h, &ecdh_key));
	aes_key = make_secret(CKM_AES_KEY_GEN, "aes", &no);
	mac_key = make_secret(CKM_GENERIC_SECRET_KEY_GEN, "mac", &no);
	wrap_key = make_secret(CKM_AES_KEY_GEN, "wrap", &yes);
}

static bool present(void)
{
	CK_SLOT_INFO info = { 0 };

	OK(p11->C_GetSlotInfo(SLOT, &info));
	return (info.flags & CKF_TOKEN_PRESENT) != 0;
}

/* A device that is away for good, and comes back. */
static void test_away(void)
{
	mock_say(&mock, "C_SignInit 1 die\n");
	RV(do_sign(), CKR_DEVICE_REMOVED);
	RV(do_sign(), CKR_DEVICE_REMOVED);
	CHECK(mock.calls("C_Sign") == 0);
	RV(do_info(), CKR_TOKEN_NOT_PRESENT);
	CHECK(!present());
	mock.revive();
	RV(settle(&pieces[0]), CKR_OK);
	CHECK(present());
	mock_say(&mock, "C_Sign * rv 0xb3\n");
	RV(do_sign(), CKR_DEVICE_REMOVED); /* one retry, no more */
	CHECK(mock.calls("C_Sign") == 2);
	mock_say(&mock, "# no fault\n");
	RV(settle(&pieces[0]), CKR_OK);
}

/* Too much was fed to be fed again: the operation ends, and the next one works. Less is fed again, to the same result. */
static void test_long(void)
{
	static CK_BYTE in[40000], ct[2][90000];
	CK_BYTE iv[16] = { 1 };
	CK_MECHANISM m = { CKM_AES_CBC, iv, 16 };
	CK_ULONG n, at;

	for (int round = 0; round < 2; round++) {
		mock_say(&mock, round == 0 ? "# no fault\n" : "C_EncryptUpdate 2 rv 0xb3\n");
		OK(p11->C_EncryptInit(session, &m, aes_key));
		at = sizeof ct[round];
		OK(p11->C_EncryptUpdate(session, in, sizeof in, ct[round], &at));
		n = sizeof ct[round] - at;
		OK(p11->C_EncryptUpdate(session, in, sizeof in, ct[round] + at, &n));
		CHECK(at + n == 2 * sizeof in);
		n = sizeof ct[round];
		OK(p11->C_EncryptFinal(session, ct[round] + 80000, &n));
	}
	CHECK(memcmp(ct[0], ct[1], 80000) == 0);
	mock_say(&mock, "C_EncryptUpdate 3 rv 0xb3\n");
	OK(p11->C_EncryptInit(session, &m, aes_key));
	for (int i = 0; i < 2; i++) {
		n = sizeof ct[0];
		OK(p11->C_EncryptUpdate(session, in, sizeof in, ct[0], &n));
	}
	n = sizeof ct[0];
	RV(p11->C_EncryptUpdate(session, in, sizeof in, ct[0], &n), CKR_DEVICE_REMOVED);
	n = sizeof ct[0];
	RV(p11->C_EncryptFinal(session, ct[0], &n), CKR_OPERATION_NOT_INITIALIZED);
	RV(do_cipher(), CKR_OK);
}

int main(int argc, char **argv)
{
	unsigned long cases = 0;

	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0); /* a thousand objects are made: nothing of them is worth a disk's time */
	mock_start();
	alarm(600);
	configure(mock.path, "");
	OK(p11->C_Initialize(NULL));
	session = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(session, CKU_USER, DEVICE_PIN));
	make_keys();
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
		if (argc < 2 || strcmp(argv[1], pieces[i].name) == 0)
			test_piece(&pieces[i], &cases);
	if (argc < 2)
		test_long();
	if (argc < 2)
		test_away();
	printf("%lu faults\n", cases);
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
