/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, keys and files for the commands that use keys. */
#include "keyed.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"

enum { ID_ROOM = 256 };

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static const CK_BYTE k256[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

HZ_GetLastError_t keyed_find_why(const struct tool *t)
{
	void *lib = dlopen(t->module != NULL ? t->module : HZ_MODULE_PATH, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS) = NULL;
	CK_INTERFACE *i = NULL;

	if (lib == NULL)
		return NULL;
	*(void **)&get = dlsym(lib, "C_GetInterface");
	if (get == NULL || get((CK_UTF8CHAR *)(uintptr_t)CK_HANZO_INTERFACE_NAME, NULL, &i, 0) != CKR_OK)
		return NULL;
	return ((CK_HANZO_FUNCTION_LIST *)i->pFunctionList)->HZ_GetLastError;
}

bool keyed_option(struct keyed *k, int option, const char *value)
{
	uint8_t id[ID_ROOM];
	size_t n;

	switch (option) {
	case KEYED_SLOT:
		k->tool.has_slot = tool_number(value, &k->tool.slot);
		return k->tool.has_slot || tool_fail(TOOL_USAGE, "--slot takes a number") == TOOL_OK;
	case KEYED_LABEL: k->label = value; return true;
	case KEYED_ID:
		k->id = value;
		return text_hex(value, id, sizeof id, &n) || tool_fail(TOOL_USAGE, "--id takes hexadecimal digits") == TOOL_OK;
	case KEYED_PIN: k->tool.pin_source = value; return true;
	case KEYED_MODULE: k->tool.module = value; return true;
	case KEYED_JSON: return k->tool.json = true;
	default: return false;
	}
}

bool keyed_named(const struct keyed *k)
{
	if (!k->tool.has_slot)
		return tool_fail(TOOL_USAGE, "--slot is missing") == TOOL_OK;
	return k->label != NULL || k->id != NULL || tool_fail(TOOL_USAGE, "--label or --id is missing") == TOOL_OK;
}

const char *keyed_reason(const struct keyed *k, char *out, size_t room)
{
	CK_ULONG n = room;

	if (k->why == NULL || k->why(out, &n) != CKR_OK)
		out[0] = '\0';
	return out;
}

int keyed_refused(const struct keyed *k, const char *what, CK_RV rv)
{
	char reason[KEYED_REASON];

	if (keyed_reason(k, reason, sizeof reason)[0] == '\0')
		return tool_refused(what, rv);
	return tool_fail(TOOL_REFUSED, "%s: %s: %s", what, hz_ckr_name(rv), reason);
}

static bool log_in(const struct keyed *k)
{
	CK_TOKEN_INFO info;
	CK_RV rv = k->tool.p11->C_GetTokenInfo(k->tool.slot, &info);

	if (rv != CKR_OK)
		return keyed_refused(k, "C_GetTokenInfo", rv) == TOOL_OK;
	return tool_login(k->tool.p11, k->session, info.flags, k->tool.pin_source, "user PIN", &rv) &&
	       (rv == CKR_OK || keyed_refused(k, "C_Login", rv) == TOOL_OK);
}

bool keyed_open(struct keyed *k)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (k->read_only ? 0 : CKF_RW_SESSION);
	CK_RV rv;

	if (!tool_load(&k->tool))
		return false;
	k->why = keyed_find_why(&k->tool);
	rv = k->tool.p11->C_OpenSession(k->tool.slot, flags, NULL, NULL, &k->session);
	if (rv != CKR_OK)
		return keyed_refused(k, "C_OpenSession", rv) == TOOL_OK;
	return log_in(k);
}

void keyed_close(struct keyed *k)
{
	tool_unload(&k->tool);
}

bool keyed_look(const struct keyed *k, const char *label, const char *id, CK_OBJECT_HANDLE found[2], CK_ULONG *got)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	uint8_t raw[ID_ROOM];
	size_t len;
	CK_ATTRIBUTE t[3] = { { CKA_CLASS, &cls, sizeof cls } };
	CK_ULONG n = 1;
	CK_RV rv;

	*got = 0;
	if (label != NULL)
		t[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	if (id != NULL) {
		if (!text_hex(id, raw, sizeof raw, &len))
			return tool_fail(TOOL_REFUSED, "%s: no hexadecimal digits", id) == TOOL_OK;
		t[n++] = (CK_ATTRIBUTE){ CKA_ID, raw, len };
	}
	rv = k->tool.p11->C_FindObjectsInit(k->session, t, n);
	if (rv == CKR_OK)
		rv = k->tool.p11->C_FindObjects(k->session, found, 2, got);
	k->tool.p11->C_FindObjectsFinal(k->session);
	return rv == CKR_OK || keyed_refused(k, "C_FindObjects", rv) == TOOL_OK;
}

bool keyed_unused(const struct keyed *k, const char *label)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG got;

	return keyed_look(k, label, NULL, found, &got) &&
	       (got == 0 || tool_fail(TOOL_REFUSED, "the token has a private key %s already", label) == TOOL_OK);
}

bool keyed_find(const struct keyed *k, const char *label, const char *id, CK_OBJECT_HANDLE *key)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG got;

	if (!keyed_look(k, label, id, found, &got))
		return false;
	if (got != 1)
		return tool_fail(TOOL_REFUSED, "%s private key %s", got == 0 ? "no" : "more than one", label != NULL ? label : id) == TOOL_OK;
	*key = found[0];
	return true;
}

/* SubjectPublicKeyInfo (RFC 5480): DER leaves nothing open but the form of the point. Another curve's point may be one of this curve too. */
static bool spki_point(const uint8_t *der, size_t n, uint8_t pub[64])
{
	/* id-ecPublicKey, secp256k1; then the tag of the BIT STRING */
	static const uint8_t algorithm[] = { 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
					     0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03 };
	const size_t head = 2 + sizeof algorithm + 2;

	return (n == head + 33 || n == head + 65) && der[0] == 0x30 && der[1] == n - 2 && memcmp(der + 2, algorithm, sizeof algorithm) == 0 &&
	       der[head - 2] == n - head + 1 && der[head - 1] == 0 && hz_k256_pub_parse(pub, der + head, n - head);
}

bool keyed_point(const struct keyed *k, CK_OBJECT_HANDLE key, uint8_t pub[64])
{
	uint8_t spki[128];
	CK_ATTRIBUTE a = { CKA_PUBLIC_KEY_INFO, spki, sizeof spki };
	CK_RV rv = k->tool.p11->C_GetAttributeValue(k->session, key, &a, 1);

	return (rv == CKR_OK && spki_point(spki, a.ulValueLen, pub)) ||
	       tool_fail(TOOL_REFUSED, "the key is not on secp256k1") == TOOL_OK;
}

bool keyed_pair(const struct keyed *k, const char *label, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE p[] = { { CKA_EC_PARAMS, (void *)(uintptr_t)k256, sizeof k256 }, { CKA_WRAP, &yes, 1 }, { CKA_TOKEN, &no, 1 } };
	CK_ATTRIBUTE s[6] = { { CKA_UNWRAP, label != NULL ? &no : &yes, 1 }, { CKA_TOKEN, label != NULL ? &yes : &no, 1 },
			      { CKA_SIGN, label != NULL ? &yes : &no, 1 }, { CKA_EXTRACTABLE, label != NULL ? &yes : &no, 1 },
			      { CKA_SENSITIVE, &yes, 1 } };
	CK_ULONG n = 5;
	CK_RV rv;

	if (label != NULL)
		s[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	rv = k->tool.p11->C_GenerateKeyPair(k->session, &m, p, 3, s, n, pub, priv);
	return rv == CKR_OK || keyed_refused(k, "C_GenerateKeyPair", rv) == TOOL_OK;
}

bool keyed_import_point(const struct keyed *k, const uint8_t pub[64], CK_OBJECT_HANDLE *key)
{
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	uint8_t point[67] = { 4, 65 };
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_WRAP, &yes, 1 },
			     { CKA_EC_PARAMS, (void *)(uintptr_t)k256, sizeof k256 }, { CKA_EC_POINT, point, sizeof point } };
	CK_RV rv;

	if (!hz_k256_pub_write(pub, false, point + 2))
		return false;
	rv = k->tool.p11->C_CreateObject(k->session, t, sizeof t / sizeof t[0], key);
	return rv == CKR_OK || keyed_refused(k, "C_CreateObject", rv) == TOOL_OK;
}

bool keyed_import_rsa(const struct keyed *k, const uint8_t *spki, size_t len, CK_OBJECT_HANDLE *key)
{
	const uint8_t *p = spki;
	EVP_PKEY *pkey = d2i_PUBKEY_ex(NULL, &p, (long)len, hz_libctx(), NULL);
	BIGNUM *n = NULL, *e = NULL;
	uint8_t n_raw[1024], e_raw[64];
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	bool ok = pkey != NULL && p == spki + len && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA &&
		  EVP_PKEY_get_bn_param(pkey, "n", &n) == 1 && EVP_PKEY_get_bn_param(pkey, "e", &e) == 1 &&
		  (size_t)BN_num_bytes(n) <= sizeof n_raw && (size_t)BN_num_bytes(e) <= sizeof e_raw;
	CK_RV rv = CKR_OK;

	if (ok) {
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_WRAP, &yes, 1 },
				     { CKA_MODULUS, n_raw, (CK_ULONG)BN_bn2bin(n, n_raw) },
				     { CKA_PUBLIC_EXPONENT, e_raw, (CK_ULONG)BN_bn2bin(e, e_raw) } };

		rv = k->tool.p11->C_CreateObject(k->session, t, sizeof t / sizeof t[0], key);
	}
	BN_free(n);
	BN_free(e);
	EVP_PKEY_free(pkey);
	if (!ok)
		return tool_fail(TOOL_REFUSED, "the requester's key is no RSA public key") == TOOL_OK;
	return rv == CKR_OK || keyed_refused(k, "the requester's key", rv) == TOOL_OK;
}

bool keyed_attestation(const struct keyed *k, CK_OBJECT_HANDLE key, struct hz_buf *out)
{
	CK_ATTRIBUTE t = { CKA_HANZO_KEY_ATTESTATION, NULL, 0 };
	CK_RV rv = k->tool.p11->C_GetAttributeValue(k->session, key, &t, 1);

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && t.ulValueLen == 0))
		return tool_fail(TOOL_REFUSED, "this key has no attestation: it must have been made in the token, sensitive and never extractable, by "
					       "a slot of tier 2 or higher whose evidence_source vouches for keys") == TOOL_OK;
	if (rv == CKR_OK && (t.pValue = hz_buf_room(out, t.ulValueLen)) == NULL)
		return tool_fail(TOOL_REFUSED, "out of memory") == TOOL_OK;
	if (rv == CKR_OK)
		rv = k->tool.p11->C_GetAttributeValue(k->session, key, &t, 1);
	return rv == CKR_OK || keyed_refused(k, "C_GetAttributeValue", rv) == TOOL_OK;
}

CK_RV keyed_wrap(const struct keyed *k, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, struct hz_buf *out)
{
	CK_ULONG n = 0;
	uint8_t *p;
	CK_RV rv = k->tool.p11->C_WrapKey(k->session, m, with, key, NULL, &n);

	if (rv != CKR_OK)
		return rv;
	p = hz_buf_room(out, n);
	if (p == NULL)
		return CKR_HOST_MEMORY;
	rv = k->tool.p11->C_WrapKey(k->session, m, with, key, p, &n);
	out->len = (size_t)(p - out->p) + (rv == CKR_OK ? n : 0);
	return rv;
}

bool file_read(const char *path, size_t max, struct hz_buf *out)
{
	bool std = path == NULL || !strcmp(path, "-");
	FILE *f = std ? stdin : fopen(path, "re");
	static uint8_t chunk[1 << 16];
	size_t n;
	bool ok = f != NULL;

	while (ok && (n = fread(chunk, 1, sizeof chunk, f)) > 0) {
		hz_buf_add(out, chunk, n);
		if (out->len > max || out->failed) {
			tool_fail(TOOL_REFUSED, "%s: too large", std ? "stdin" : path);
			ok = false;
		}
	}
	hz_wipe(chunk, sizeof chunk);
	if (f == NULL || (ok && ferror(f) != 0)) {
		tool_fail(TOOL_REFUSED, "%s: %s", std ? "stdin" : path, strerror(errno));
		ok = false;
	}
	if (f != NULL && !std)
		fclose(f);
	return ok;
}

static bool is_stdout(const char *path)
{
	return path == NULL || !strcmp(path, "-");
}

/* A device or a pipe that is there already; never a file. */
static int open_device(const char *path)
{
	int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !(S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))) {
		close(fd);
		errno = EEXIST;
		return -1;
	}
	return fd;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno != EINTR)
			return false;
		p += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return true;
}

bool file_write(const char *path, const void *p, size_t n, bool secret)
{
	bool std = is_stdout(path), made = false, ok;
	int fd = std ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644), error;

	if (!std) {
		made = fd >= 0;
		if (fd < 0 && errno == EEXIST)
			fd = open_device(path);
	}
	signal(SIGXFSZ, SIG_IGN); /* beyond a limit on the size of files: an error as on a full disk, not the end */
	ok = fd >= 0 && write_all(fd, p, n);
	error = errno;
	if (fd >= 0 && close(fd) != 0 && ok) {
		error = errno;
		ok = false;
	}
	if (!ok && made)
		unlink(path);
	return ok || tool_fail(TOOL_REFUSED, "%s: %s", std ? "stdout" : path, strerror(error)) == TOOL_OK;
}

void file_undo(const char *path)
{
	struct stat st;

	if (!is_stdout(path) && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		unlink(path);
}

bool file_spki(const char *path, struct hz_buf *out)
{
	unsigned char *der = NULL;
	char *name = NULL;
	long len = 0;
	BIO *bio;

	if (!file_read(path, 1 << 16, out))
		return false;
	bio = BIO_new_mem_buf(out->p, (int)out->len);
	if (bio != NULL && PEM_bytes_read_bio(&der, &len, &name, PEM_STRING_PUBLIC, bio, NULL, NULL) == 1) {
		hz_buf_clear(out);
		hz_buf_add(out, der, (size_t)len);
	}
	OPENSSL_free(der);
	OPENSSL_free(name);
	BIO_free(bio);
	return !out->failed || tool_fail(TOOL_REFUSED, "out of memory") == TOOL_OK;
}

bool text_hex(const char *text, uint8_t *out, size_t room, size_t *n)
{
	size_t len;

	if (!strncmp(text, "0x", 2))
		text += 2;
	len = strlen(text);
	*n = len / 2;
	return len % 2 == 0 && *n <= room && hz_hex_decode(text, len, out, *n);
}

bool text_aad(const char *text, uint8_t out[TEXT_AAD], size_t *n)
{
	return text_hex(text, out, TEXT_AAD, n) ||
	       tool_fail(TOOL_USAGE, "--aad takes hexadecimal digits, of %d bytes at most", TEXT_AAD) == TOOL_OK;
}

bool text_point(const char *text, uint8_t pub[64])
{
	uint8_t raw[65];
	size_t n;
	struct hz_buf b = HZ_BUF_INIT;
	bool ok;

	if (text_hex(text, raw, sizeof raw, &n) && hz_k256_pub_parse(pub, raw, n))
		return true;
	if (!file_spki(text, &b))
		return false;
	ok = spki_point(b.p, b.len, pub);
	hz_buf_free(&b);
	return ok || tool_fail(TOOL_REFUSED, "%s: no public key on secp256k1", text) == TOOL_OK;
}
