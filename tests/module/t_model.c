/* SPDX-License-Identifier: Apache-2.0 */
/* Model weights through C_Encrypt and C_Decrypt: sizes and parts, files of another implementation, keyspaces, damage, restart. */
#include "kit.h"
#include "model.h"

static CK_SESSION_HANDLE s;

static CK_BYTE kek[32];

static struct model_text unhex(const char *hex)
{
	struct model_text t = { malloc(strlen(hex) / 2 + 1), strlen(hex) / 2 };

	for (CK_ULONG i = 0; i < t.n; i++) {
		unsigned v;

		CHECK(sscanf(hex + 2 * i, "%2x", &v) == 1);
		t.p[i] = (CK_BYTE)v;
	}
	return t;
}

static CK_RV make(const char *label, const CK_BYTE *value, CK_ULONG len, CK_BBOOL token, CK_OBJECT_HANDLE *h)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_VAL(CKA_TOKEN, token), A_TRUE(CKA_ENCRYPT),
			     A_TRUE(CKA_DECRYPT), { CKA_VALUE, (void *)(uintptr_t)value, len },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };

	*h = 0;
	return p11->C_CreateObject(s, t, N(t), h);
}

/* Made with Python's cryptography package: five bytes, file key 00 .. 1f, AES key 20 .. 3f, chunks of 65,536. */
#define CHUNKS "dd92d6e9e92e2d382b70bd36b745e47d4b065db72d"
static const char of_keyspace[] =
	"485a4d4f44454c310110000100000001000e6d6f64656c3a61636d653a6c6c6d003c404142434445464748494a4bc255bf825473c30c5a3b5a2389475f7d039f8f"
	"90e155b1c976e78e1b7cf7d11d5a99ebdf8a864c2e66fd3353dbf79b88ea658a0e8262e8b2dc9f3677cb8ffb1e205527aa7b91b68364eec4a4420e73e3" CHUNKS;
static const char of_none[] =
	"485a4d4f44454c3101100001000000000000003c404142434445464748494a4bc255bf825473c30c5a3b5a2389475f7d039f8f90e155b1c976e78e1b7cf7d11dfe"
	"0cf6fbae71873333277c950a4eeefa59e531ea34a14ee2aff342eb47ef8201af248cd18174ea167add427bb83ce4a1" CHUNKS;
static const char by_kwp[] =
	"485a4d4f44454c31011000020000000000000028086e3aeda49a83d0a40b27c21b4263a8a19aecb44f9877bd9d7e67622ff218c6f73a156c8aa302a930c4af2761"
	"66ad92815b63c5e5ccdd2ef2fc13822b4da1e73307c723bde392c3" CHUNKS;

static CK_RV open_hex(CK_OBJECT_HANDLE key, const char *hex)
{
	static const CK_BYTE text[] = { 7, 38, 69, 100, 131 };
	struct model_text file = unhex(hex), back;
	CK_RV rv = model_once(s, key, false, &file, &back);

	CHECK(rv != CKR_OK || (back.n == sizeof text && memcmp(back.p, text, sizeof text) == 0));
	free(file.p);
	free(back.p);
	return rv;
}

static void others_files(void)
{
	CK_OBJECT_HANDLE plain, acme, bolt, wrong;
	CK_BYTE other[32];

	memcpy(other, kek, sizeof other);
	other[31] ^= 1;
	OK(make("plain", kek, 32, CK_FALSE, &plain));
	OK(make("model:acme:llm", kek, 32, CK_FALSE, &acme));
	OK(make("model:bolt:llm", kek, 32, CK_FALSE, &bolt));
	OK(make("plain", other, 32, CK_FALSE, &wrong));
	OK(open_hex(plain, of_none));
	OK(open_hex(plain, by_kwp));
	OK(open_hex(acme, of_keyspace));
	RV(open_hex(plain, of_keyspace), CKR_ENCRYPTED_DATA_INVALID);
	RV(open_hex(bolt, of_keyspace), CKR_ENCRYPTED_DATA_INVALID);
	RV(open_hex(acme, of_none), CKR_ENCRYPTED_DATA_INVALID);
	RV(open_hex(acme, by_kwp), CKR_ENCRYPTED_DATA_INVALID);
	RV(open_hex(wrong, of_none), CKR_ENCRYPTED_DATA_INVALID);
	RV(open_hex(wrong, by_kwp), CKR_ENCRYPTED_DATA_INVALID);
}

static void keys(void)
{
	CK_GCM_PARAMS gcm = { kek, 12, 96, NULL, 0, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &gcm, sizeof gcm }, with = { CKM_HANZO_MODEL_WEIGHTS, kek, 4 };
	CK_MECHANISM_INFO i;
	CK_OBJECT_HANDLE k16, model, data, plain;

	OK(make("short", kek, 16, CK_FALSE, &k16));
	OK(make("plain", kek, 32, CK_FALSE, &plain));
	OK(make("model:acme:llm", kek, 32, CK_FALSE, &model));
	OK(make("data:acme:llm", kek, 32, CK_FALSE, &data));
	RV(p11->C_EncryptInit(s, &model_mech, k16), CKR_KEY_SIZE_RANGE);
	RV(p11->C_DecryptInit(s, &model_mech, k16), CKR_KEY_SIZE_RANGE);
	RV(p11->C_EncryptInit(s, &m, model), CKR_MECHANISM_INVALID); /* a model key does models only */
	RV(p11->C_EncryptInit(s, &model_mech, data), CKR_MECHANISM_INVALID);
	RV(p11->C_EncryptInit(s, &with, plain), CKR_MECHANISM_PARAM_INVALID);
	RV(p11->C_EncryptInit(s, &model_mech, kit_key(s, KEY_GENERIC).pub), CKR_KEY_TYPE_INCONSISTENT);
	OK(p11->C_GetMechanismInfo(1, CKM_HANZO_MODEL_WEIGHTS, &i));
	CHECK(i.ulMinKeySize == 32 && i.ulMaxKeySize == 32 && i.flags == (CKF_ENCRYPT | CKF_DECRYPT));
}

static void sizes(void)
{
	static const CK_ULONG n[] = { 0, 1, 4000, MODEL_CHUNK - 1, MODEL_CHUNK, MODEL_CHUNK + 1, 2 * MODEL_CHUNK, 3 * MODEL_CHUNK + 12345 };
	CK_OBJECT_HANDLE plain, acme;

	OK(make("plain", kek, 32, CK_FALSE, &plain));
	OK(make("model:acme:llm", kek, 32, CK_FALSE, &acme));
	for (size_t i = 0; i < N(n); i++)
		model_round(s, plain, n[i], 0, 60);
	model_round(s, acme, MODEL_CHUNK + 5, 14, 60);
}

/* One buffer for both, and output that begins inside the input. */
static void overlapping(void)
{
	static const CK_ULONG n = 2 * MODEL_CHUNK + 99;
	struct model_text text = model_plain(n);
	CK_BYTE *room = malloc(n + 4096);
	CK_OBJECT_HANDLE key;
	CK_ULONG len, back;

	OK(make("plain", kek, 32, CK_FALSE, &key));
	for (CK_ULONG shift = 0; shift <= 77; shift += 77) {
		memcpy(room, text.p, n);
		len = n + 4000;
		OK(p11->C_EncryptInit(s, &model_mech, key));
		OK(p11->C_Encrypt(s, room, n, room + shift, &len));
		back = len;
		OK(p11->C_DecryptInit(s, &model_mech, key));
		OK(p11->C_Decrypt(s, room + shift, len, room, &back));
		CHECK(back == n && memcmp(room, text.p, n) == 0);
	}
	free(room);
	free(text.p);
}

/* Every byte changed, every length cut: one answer, nothing in the output. */
static void damage(void)
{
	static const CK_ULONG n = 50;
	struct model_text text = model_plain(n), file, back;
	CK_OBJECT_HANDLE key;

	OK(make("model:acme:llm", kek, 32, CK_FALSE, &key));
	OK(model_once(s, key, true, &text, &file));
	for (CK_ULONG i = 0; i < file.n; i++) {
		CK_BYTE out[256] = { 0 };
		CK_ULONG len = sizeof out;

		p11_about("byte %lu", i);
		file.p[i] ^= 4;
		OK(p11->C_DecryptInit(s, &model_mech, key));
		RV(p11->C_Decrypt(s, file.p, file.n, out, &len), CKR_ENCRYPTED_DATA_INVALID);
		for (size_t k = 0; k < sizeof out; k++)
			CHECK(out[k] == 0);
		RV(model_parts(s, key, false, &file, 13, &back), CKR_ENCRYPTED_DATA_INVALID);
		CHECK(back.n == 0);
		free(back.p);
		file.p[i] ^= 4;
	}
	for (CK_ULONG cut = 0; cut < file.n; cut++) {
		struct model_text less = { file.p, cut };

		p11_about("cut at %lu", cut);
		RV(model_once(s, key, false, &less, &back), CKR_ENCRYPTED_DATA_INVALID);
		free(back.p);
		RV(model_parts(s, key, false, &less, 7, &back), CKR_ENCRYPTED_DATA_INVALID);
		CHECK(back.n == 0);
		free(back.p);
	}
	free(text.p);
	free(file.p);
}

/* Chunks that are whole come out in parts; a cut between chunks is found at the end, and leaves nothing of a one-shot call. */
static void cut_between_chunks(void)
{
	struct model_text text = model_plain(3 * MODEL_CHUNK), file, back, less;
	CK_OBJECT_HANDLE key;
	CK_BYTE *out = calloc(1, 3 * MODEL_CHUNK);
	CK_ULONG len = 3 * MODEL_CHUNK, left = 0;

	OK(make("plain", kek, 32, CK_FALSE, &key));
	OK(model_once(s, key, true, &text, &file));
	less = (struct model_text){ file.p, file.n - MODEL_CHUNK - 16 };
	RV(model_parts(s, key, false, &less, 100000, &back), CKR_ENCRYPTED_DATA_INVALID);
	CHECK(back.n == MODEL_CHUNK && memcmp(back.p, text.p, back.n) == 0);
	free(back.p);
	OK(p11->C_DecryptInit(s, &model_mech, key));
	RV(p11->C_Decrypt(s, less.p, less.n, out, &len), CKR_ENCRYPTED_DATA_INVALID);
	for (CK_ULONG i = 0; i < 3 * MODEL_CHUNK; i++)
		left += out[i] != 0;
	CHECK(left == 0);
	RV(p11->C_DecryptFinal(s, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	free(out);
	free(text.p);
	free(file.p);
}

static void restart(void)
{
	struct model_text text = model_plain(MODEL_CHUNK + 3), file, back;
	CK_ATTRIBUTE t = A_STR(CKA_LABEL, "model:acme:kept");
	CK_OBJECT_HANDLE key;
	CK_ULONG n = 0;

	OK(make("model:acme:kept", kek, 32, CK_TRUE, &key));
	OK(model_once(s, key, true, &text, &file));
	OK(p11->C_Finalize(NULL));
	OK(p11->C_Initialize(NULL));
	s = kit_session(1, true);
	kit_login(s);
	OK(p11->C_FindObjectsInit(s, &t, 1));
	OK(p11->C_FindObjects(s, &key, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	CHECK(n == 1);
	OK(model_once(s, key, false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	free(text.p);
	free(file.p);
}

int main(void)
{
	for (unsigned i = 0; i < sizeof kek; i++)
		kek[i] = (CK_BYTE)(32 + i);
	kit_start();
	kit_init_token();
	s = kit_session(1, true);
	kit_login(s);
	keys();
	others_files();
	sizes();
	overlapping();
	damage();
	cut_between_chunks();
	restart();
	return kit_end();
}
