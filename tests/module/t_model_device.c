/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model weights whose key lies in a device: the device (SoftHSM2 behind the mock, which counts) sees the file key and nothing else of a
 * file; what is made there opens in software with the same key, and the other way round; devices with AES-GCM and with key wrap alone.
 */
#include "mock.h"
#include "model.h"

#define KEY_VALUE "a key of the test, of 32 bytes.."
#define SAY(more) mock_say(&mock, "real %s\n" more, softhsm_module())

static CK_SESSION_HANDLE dev, soft;

static CK_OBJECT_HANDLE make(CK_SESSION_HANDLE s, const char *label, const char *value, CK_BBOOL token)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &token, 1 },
			     { CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 }, { CKA_WRAP, &yes, 1 }, { CKA_UNWRAP, &yes, 1 },
			     { CKA_VALUE, (void *)(uintptr_t)value, strlen(value) },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_ID, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;

	OK(p11->C_CreateObject(s, t, sizeof t / sizeof t[0], &h));
	return h;
}

static void begin(void)
{
	OK(p11->C_Initialize(NULL));
	dev = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(dev, CKU_USER, DEVICE_PIN));
	soft = p11_open(0, CKF_RW_SESSION);
}

/* A file of so many bytes: whatever its size, the device is asked the same, for some 32 bytes. */
static unsigned long asked(CK_OBJECT_HANDLE key, bool enc, const struct model_text *in, struct model_text *out, bool parts, const char *more)
{
	mock_say(&mock, "real %s\n%s", softhsm_module(), more);
	OK(parts ? model_parts(dev, key, enc, in, 300001, out) : model_once(dev, key, enc, in, out));
	CHECK(mock.bytes() <= 4 * 48);
	return mock.calls("");
}

static void only_the_file_key(CK_OBJECT_HANDLE key, const char *more)
{
	static const CK_ULONG sizes[] = { 3, 100, 5 * MODEL_CHUNK + 7 };
	unsigned long calls[2][2] = { { 0 } };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (int parts = 0; parts < 2; parts++) {
			struct model_text text = model_plain(sizes[i]), file, back;
			unsigned long there, and_back;

			p11_about("%lu bytes%s, %s", sizes[i], parts ? " in parts" : "", more);
			there = asked(key, true, &text, &file, parts, more);
			and_back = asked(key, false, &file, &back, parts, more);
			CHECK(model_same(&back, &text) && there > 0 && and_back > 0);
			if (i > 1) /* the first may look the key up */
				CHECK(there == calls[parts][0] && and_back == calls[parts][1]);
			calls[parts][0] = there;
			calls[parts][1] = and_back;
			free(back.p);
			free(file.p);
			free(text.p);
		}
}

/* back_again: what the device says of a file from software. */
static void across(CK_OBJECT_HANDLE there, CK_OBJECT_HANDLE here, CK_RV back_again)
{
	struct model_text text = model_plain(MODEL_CHUNK + 9), file, back;

	p11_about("from the device to software");
	OK(model_once(dev, there, true, &text, &file));
	OK(model_once(soft, here, false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	free(file.p);
	p11_about("from software to the device");
	OK(model_once(soft, here, true, &text, &file));
	RV(model_once(dev, there, false, &file, &back), back_again);
	CHECK(back_again != CKR_OK || model_same(&back, &text));
	free(back.p);
	free(file.p);
	free(text.p);
}

/* The bytes that the wrapping is about, and the header's MAC: refused with the one code; the session goes on. */
static void damage(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE wrong)
{
	struct model_text text = model_plain(20), file, back;

	OK(model_once(dev, key, true, &text, &file));
	for (CK_ULONG i = 0; i < file.n; i++) {
		p11_about("byte %lu", i);
		file.p[i] ^= 1;
		RV(model_once(dev, key, false, &file, &back), CKR_ENCRYPTED_DATA_INVALID);
		free(back.p);
		file.p[i] ^= 1;
	}
	p11_about("another key");
	RV(model_once(dev, wrong, false, &file, &back), CKR_ENCRYPTED_DATA_INVALID);
	free(back.p);
	OK(model_once(dev, key, false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	free(file.p);
	free(text.p);
}

/* A key of a keyspace: its limits and name lie beside the device and bind files to it, also after a restart. */
static void keyspaces(void)
{
	struct model_text text = model_plain(77), file, back;
	CK_GCM_PARAMS gcm = { (CK_BYTE *)(uintptr_t)KEY_VALUE, 12, 96, NULL, 0, 128 };
	CK_MECHANISM bare = { CKM_AES_GCM, &gcm, sizeof gcm };
	CK_OBJECT_HANDLE acme = make(dev, "model:acme:llm", KEY_VALUE, CK_TRUE), bolt = make(dev, "model:bolt:llm", KEY_VALUE, CK_TRUE);

	p11_about("keyspaces");
	OK(model_once(dev, acme, true, &text, &file));
	CHECK(file.n == model_len(77, 14, 60));
	RV(model_once(dev, bolt, false, &file, &back), CKR_ENCRYPTED_DATA_INVALID);
	free(back.p);
	RV(p11->C_EncryptInit(dev, &bare, acme), CKR_MECHANISM_INVALID);
	OK(p11->C_Finalize(NULL));
	begin();
	acme = find_key(dev, CKO_SECRET_KEY, "model:acme:llm");
	OK(model_once(dev, acme, false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	RV(p11->C_EncryptInit(dev, &bare, acme), CKR_MECHANISM_INVALID);
	OK(model_once(soft, make(soft, "model:acme:llm", KEY_VALUE, CK_FALSE), false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	free(file.p);
	free(text.p);
}

/* The device loses us before it wraps and before it unwraps: mended, as other operations are. */
static void lost(CK_OBJECT_HANDLE key)
{
	struct model_text text = model_plain(1000), file, back;

	p11_about("lost sessions");
	SAY("C_EncryptInit 1 sessions\n");
	OK(model_once(dev, key, true, &text, &file));
	CHECK(mock.hits() == 1);
	SAY("C_DecryptInit 1 login\n");
	OK(model_once(dev, key, false, &file, &back));
	CHECK(mock.hits() == 1 && model_same(&back, &text));
	free(back.p);
	free(file.p);
	SAY("C_EncryptInit 1 rv 0x30\n");
	RV(model_once(dev, key, true, &text, &file), CKR_DEVICE_ERROR);
	free(file.p);
	SAY("");
	free(text.p);
}

/* Devices have several codes for a tag that does not match; we have one. */
static void wrong_tags(CK_OBJECT_HANDLE key)
{
	static const CK_RV codes[] = { CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_SIGNATURE_INVALID,
				       CKR_AEAD_DECRYPT_FAILED, CKR_GENERAL_ERROR };
	struct model_text text = model_plain(30), file, back;

	OK(model_once(dev, key, true, &text, &file));
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		p11_about("the device says 0x%lx", codes[i]);
		mock_say(&mock, "real %s\nC_Decrypt 1 rv 0x%lx\n", softhsm_module(), codes[i]);
		RV(model_once(dev, key, false, &file, &back), CKR_ENCRYPTED_DATA_INVALID);
		CHECK(mock.hits() == 1);
		free(back.p);
	}
	SAY("");
	free(file.p);
	free(text.p);
}

/* Without GCM: C_WrapKey and C_UnwrapKey of a session key that does not stay. */
static void by_key_wrap(void)
{
	struct model_text text = model_plain(10), file, back;
	CK_ATTRIBUTE no_wrap = { CKA_WRAP, &no, 1 };
	CK_OBJECT_HANDLE key;
	CK_ULONG before, after;

	OK(p11->C_Finalize(NULL));
	SAY("feature kwp\n");
	begin();
	key = make(dev, "kwp", KEY_VALUE, CK_TRUE);
	p11_about("by key wrap");
	OK(model_once(dev, make(dev, "model:acme:kwp", KEY_VALUE, CK_TRUE), true, &text, &file));
	CHECK(file.n == model_len(10, 14, 40));
	OK(model_once(dev, find_key(dev, CKO_SECRET_KEY, "model:acme:kwp"), false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	free(file.p);
	OK(model_once(dev, key, true, &text, &file));
	CHECK(file.n == model_len(10, 0, 40));
	OK(model_once(dev, key, false, &file, &back));
	CHECK(model_same(&back, &text));
	free(back.p);
	free(file.p);
	SAY("feature kwp\n");
	OK(model_once(dev, key, true, &text, &file));
	before = mock.calls("C_CreateObject");
	after = mock.calls("C_DestroyObject");
	CHECK(before == 1 && after == 1 && mock.calls("C_WrapKey") == 1 && mock.calls("C_Encrypt") == 0);
	free(file.p);
	only_the_file_key(key, "feature kwp\n");
	across(key, make(soft, "here", KEY_VALUE, CK_FALSE), CKR_FUNCTION_FAILED); /* software wraps by GCM, which the device has not */
	p11_about("a key that may not wrap");
	OK(p11->C_SetAttributeValue(dev, key, &no_wrap, 1));
	RV(p11->C_EncryptInit(dev, &model_mech, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	free(text.p);
}

int main(void)
{
	CK_OBJECT_HANDLE key, wrong, here;

	mock_start();
	configure(mock.path, "token = device\n");
	begin();
	key = make(dev, "model key", KEY_VALUE, CK_TRUE);
	wrong = make(dev, "other key", "another key of the test, 32 byte", CK_TRUE);
	here = make(soft, "here", KEY_VALUE, CK_FALSE);
	model_round(dev, key, MODEL_CHUNK + 1, 0, 60);
	only_the_file_key(key, "");
	across(key, here, CKR_OK);
	damage(key, wrong);
	lost(key);
	wrong_tags(key);
	keyspaces();
	by_key_wrap();
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
