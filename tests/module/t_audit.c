/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log as an operator reads it: what applications did is there, once each, with the digest of what was signed and no secret. */
#include <errno.h>
#include <json-c/json.h>
#include <openssl/sha.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kit.h"

static char config_path[96], log_path[160];
static struct json_object *records[512];
static size_t n_records;

#define LOG_SIZE 81920 /* more than the database has */

static void configure(const char *audit)
{
	FILE *f;

	snprintf(config_path, sizeof config_path, "%s/audit.conf", p11_dir);
	f = fopen(config_path, "w");
	CHECK(f != NULL && fprintf(f, "[hanzo]\naudit = %s\nlog = file:%s/log\n", audit, p11_dir) > 0 && fclose(f) == 0);
	CHECK(chmod(config_path, 0600) == 0);
	setenv("HANZO_PKCS11_CONF", config_path, 1);
}

static void forget_records(void)
{
	while (n_records > 0)
		json_object_put(records[--n_records]);
}

/* The records of slot 1's token. */
static void read_records(void)
{
	CK_TOKEN_INFO info;
	char *line = NULL;
	size_t room = 0;
	FILE *f;

	forget_records();
	OK(p11->C_GetTokenInfo(1, &info));
	snprintf(log_path, sizeof log_path, "%s/%.16s.audit", getenv("HANZO_PKCS11_STORE"), (const char *)info.serialNumber);
	f = fopen(log_path, "r");
	while (f != NULL && n_records < 512 && getline(&line, &room, f) > 0)
		records[n_records++] = json_tokener_parse(line);
	if (f != NULL)
		fclose(f);
	free(line);
}

static const char *member(size_t i, const char *name)
{
	struct json_object *v = json_object_object_get(records[i], name);

	return v != NULL ? json_object_get_string(v) : "";
}

static bool is(size_t i, const char *name, const char *value)
{
	if (strcmp(member(i, name), value) == 0)
		return true;
	printf("%s is %s in record %zu: %s\n", name, member(i, name), i + 1, json_object_to_json_string(records[i]));
	return false;
}

/* The new records since the last look are one, of this function and with this result. Its index. */
static size_t one_more(const char *function, const char *result)
{
	size_t had = n_records;

	read_records();
	CHECK(n_records == had + 1);
	if (n_records == 0)
		exit(1);
	CHECK(is(n_records - 1, "function", function));
	CHECK(is(n_records - 1, "result", result));
	return n_records - 1;
}

static void none_more(void)
{
	size_t had = n_records;

	read_records();
	CHECK(n_records == had);
}

static void unique_id(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, char out[65])
{
	out[kit_bytes(s, o, CKA_UNIQUE_ID, out, 64)] = '\0';
}

static void hex_of(const void *data, size_t n, char out[65])
{
	CK_BYTE digest[SHA256_DIGEST_LENGTH];

	SHA256(data, n, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		sprintf(out + 2 * i, "%02x", digest[i]);
}

static void test_login(CK_SESSION_HANDLE s)
{
	size_t i;

	RV(p11_login(s, CKU_USER, "not the PIN"), CKR_PIN_INCORRECT);
	i = one_more("C_Login", "CKR_PIN_INCORRECT");
	CHECK(is(i, "user", "USER") && is(i, "reason", "wrong PIN") && is(i, "slot", "1") && is(i, "tier", "1"));
	CHECK(p11_logged("CKR_PIN_INCORRECT: wrong PIN")); /* the record took the reason from nobody */
	kit_login(s);
	CHECK(is(one_more("C_Login", "CKR_OK"), "user", "USER"));
	OK(p11->C_Logout(s));
	(void)one_more("C_Logout", "CKR_OK");
	kit_login(s);
	(void)one_more("C_Login", "CKR_OK");
}

static void test_sign(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE text[] = "the text that is signed", sig[64];
	CK_ULONG n = 0;
	struct kit_pair k;
	char id[65], digest[65];
	size_t i;

	OK(kit_generate(s, KEY_P256, true, &k));
	unique_id(s, k.priv, id);
	i = one_more("C_GenerateKeyPair", "CKR_OK");
	CHECK(is(i, "key", id) && is(i, "mechanism", "CKM_EC_KEY_PAIR_GEN"));
	hex_of(text, sizeof text, digest);
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_Sign(s, text, sizeof text, NULL, &n)); /* a question is no use */
	none_more();
	OK(p11->C_Sign(s, text, sizeof text, sig, &n));
	i = one_more("C_Sign", "CKR_OK");
	CHECK(is(i, "key", id) && is(i, "mechanism", "CKM_ECDSA_SHA256") && is(i, "sha256", digest) && is(i, "length", "24"));
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_SignUpdate(s, text, 10));
	OK(p11->C_SignUpdate(s, text + 10, sizeof text - 10));
	none_more();
	OK(p11->C_SignFinal(s, sig, &n));
	CHECK(is(one_more("C_SignFinal", "CKR_OK"), "sha256", digest));
	OK(p11->C_VerifyInit(s, &m, k.pub));
	OK(p11->C_Verify(s, text, sizeof text, sig, n));
	unique_id(s, k.pub, id);
	i = one_more("C_Verify", "CKR_OK");
	CHECK(is(i, "key", id) && is(i, "sha256", digest));
	sig[0] ^= 1;
	OK(p11->C_VerifyInit(s, &m, k.pub));
	RV(p11->C_Verify(s, text, sizeof text, sig, n), CKR_SIGNATURE_INVALID);
	CHECK(is(one_more("C_Verify", "CKR_SIGNATURE_INVALID"), "sha256", digest));
	RV(p11->C_SignInit(s, &m, k.pub), CKR_KEY_FUNCTION_NOT_PERMITTED); /* refused at once */
	i = one_more("C_SignInit", "CKR_KEY_FUNCTION_NOT_PERMITTED");
	CHECK(is(i, "key", id) && is(i, "mechanism", "CKM_ECDSA_SHA256") && member(i, "reason")[0] != '\0');
	OK(p11->C_DestroyObject(s, k.pub));
	CHECK(is(one_more("C_DestroyObject", "CKR_OK"), "key", id));
	RV(p11->C_DestroyObject(s, k.pub), CKR_OBJECT_HANDLE_INVALID);
	CHECK(is(one_more("C_DestroyObject", "CKR_OBJECT_HANDLE_INVALID"), "key", ""));
}

static void test_encrypt(CK_SESSION_HANDLE s)
{
	CK_BYTE iv[16] = { 0 }, in[48] = "plaintext that no record shows", out[64];
	CK_MECHANISM cbc = { CKM_AES_CBC_PAD, iv, sizeof iv };
	CK_GCM_MESSAGE_PARAMS gcm = { iv, 12, 0, CKG_NO_GENERATE, out + 48, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, NULL, 0 };
	CK_ULONG n = sizeof out, k = sizeof in;
	struct kit_pair key;
	size_t i;

	OK(kit_generate(s, KEY_AES, false, &key));
	(void)one_more("C_GenerateKey", "CKR_OK");
	OK(p11->C_EncryptInit(s, &cbc, key.priv));
	OK(p11->C_Encrypt(s, in, 30, out, &n));
	i = one_more("C_Encrypt", "CKR_OK");
	CHECK(is(i, "length", "30") && is(i, "sha256", "") && is(i, "mechanism", "CKM_AES_CBC_PAD"));
	OK(p11->C_DecryptInit(s, &cbc, key.priv));
	OK(p11->C_DecryptUpdate(s, out, 16, in, &k));
	k = sizeof in;
	out[17] ^= 1;
	RV(p11->C_DecryptUpdate(s, out + 16, 15, in, &k), CKR_OK);
	k = sizeof in;
	RV(p11->C_DecryptFinal(s, in, &k), CKR_ENCRYPTED_DATA_INVALID);
	CHECK(is(one_more("C_DecryptFinal", "CKR_ENCRYPTED_DATA_INVALID"), "length", "31"));
	OK(p11->C_MessageEncryptInit(s, &m, key.priv));
	for (int j = 0; j < 2; j++) {
		n = 48;
		OK(p11->C_EncryptMessage(s, &gcm, sizeof gcm, NULL, 0, in, 20, out, &n));
		(void)one_more("C_EncryptMessage", "CKR_OK");
	}
	OK(p11->C_MessageEncryptFinal(s));
	none_more();
}

static void test_wrap(CK_SESSION_HANDLE s)
{
	CK_MECHANISM kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, generic) };
	struct kit_pair w = kit_key(s, KEY_AES), k = kit_key(s, KEY_GENERIC);
	CK_OBJECT_HANDLE back = 0;
	CK_BYTE out[128];
	CK_ULONG n = 0;
	char by[65], id[65];
	size_t i;

	read_records();
	unique_id(s, w.priv, by);
	unique_id(s, k.priv, id);
	OK(p11->C_WrapKey(s, &kwp, w.priv, k.priv, NULL, &n));
	none_more();
	n = sizeof out;
	OK(p11->C_WrapKey(s, &kwp, w.priv, k.priv, out, &n));
	i = one_more("C_WrapKey", "CKR_OK");
	CHECK(is(i, "by", by) && is(i, "key", id));
	OK(p11->C_UnwrapKey(s, &kwp, w.priv, out, n, t, 2, &back));
	unique_id(s, back, id);
	i = one_more("C_UnwrapKey", "CKR_OK");
	CHECK(is(i, "by", by) && is(i, "key", id));
	OK(p11->C_SetAttributeValue(s, back, &(CK_ATTRIBUTE){ CKA_LABEL, "new", 3 }, 1));
	CHECK(is(one_more("C_SetAttributeValue", "CKR_OK"), "key", id));
}

/* No PIN, plaintext or key value is in the file, nor in its neighbour's. */
static void test_no_secret(void)
{
	char cmd[800];

	int st;

	/* SERIAL.audit and SERIAL.tail; grep's 2, or the 3 before it, is a file that is not there. */
	snprintf(cmd, sizeof cmd, "f='%s'; t=\"${f%%.audit}.tail\"; [ -s \"$f\" ] && [ -s \"$t\" ] || exit 3; "
		 "grep -aF -e '" USER_PIN "' -e 'not the PIN' -e 'no record shows' -e 'text that is signed' \"$f\" \"$t\"", log_path);
	st = system(cmd);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 1);
}

static void test_tool(void)
{
	char cmd[800];

	snprintf(cmd, sizeof cmd, "'%s' audit verify --slot 1 > '%s/out'", getenv("HANZO_P11"), p11_dir);
	CHECK(system(cmd) == 0);
	snprintf(cmd, sizeof cmd, "'%s' audit show --slot 1 | grep -q 'C_SignFinal .*CKM_ECDSA_SHA256 .*CKR_OK'", getenv("HANZO_P11"));
	CHECK(system(cmd) == 0);
	snprintf(cmd, sizeof cmd, "sed 5d '%s' > '%s/x.audit' && ! '%s' audit verify --file '%s/x.audit' > '%s/out'", log_path, p11_dir,
		 getenv("HANZO_P11"), p11_dir, p11_dir);
	CHECK(system(cmd) == 0);
	snprintf(cmd, sizeof cmd, "grep -q 'records are missing' '%s/out'", p11_dir);
	CHECK(system(cmd) == 0);
}

/* A child writes into the same chain. */
static void test_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		CK_SESSION_HANDLE s;

		OK(p11->C_Initialize(NULL));
		s = kit_session(1, true);
		kit_login(s);
		OK(p11->C_Finalize(NULL));
		_exit(p11_failures == 0 ? 0 : 1);
	}
	p11_wait(pid);
	(void)one_more("C_Login", "CKR_OK");
	test_tool();
}

/* Somebody cuts the log while nobody looks. */
static void test_cut(CK_SESSION_HANDLE s)
{
	char cmd[800];

	snprintf(cmd, sizeof cmd, "sed -i '$d' '%s'", log_path);
	CHECK(system(cmd) == 0);
	OK(p11->C_Logout(s));
	read_records();
	CHECK(is(n_records - 2, "function", "audit") && is(n_records - 1, "function", "C_Logout"));
	snprintf(cmd, sizeof cmd, "! '%s' audit verify --slot 1 > '%s/out'", getenv("HANZO_P11"), p11_dir);
	CHECK(system(cmd) == 0);
	kit_login(s);
}

/* Somebody puts older copies of log and tail back while nobody is logged in; it shows as soon as the PIN is there. */
static void test_put_back(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	char cmd[800];

	snprintf(cmd, sizeof cmd, "log='%s' && cp -p \"$log\" '%s/old.audit' && cp -p \"${log%%.audit}.tail\" '%s/old.tail'", log_path, p11_dir, p11_dir);
	CHECK(system(cmd) == 0);
	RV(p11->C_SignInit(s, &m, 0), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_Logout(s));
	OK(p11->C_Finalize(NULL));
	snprintf(cmd, sizeof cmd, "log='%s' && cat '%s/old.audit' > \"$log\" && cat '%s/old.tail' > \"${log%%.audit}.tail\"", log_path, p11_dir, p11_dir);
	CHECK(system(cmd) == 0);
	OK(p11->C_Initialize(NULL));
	s = kit_session(1, true);
	kit_login(s);
	read_records();
	CHECK(is(n_records - 2, "function", "audit") && strstr(member(n_records - 2, "reason"), "which the store knows of") != NULL);
}

/* What somebody wrote into the log does not reach the reader's terminal as control characters. */
static void test_show(void)
{
	char cmd[800];

	snprintf(cmd, sizeof cmd, "printf '%%s\\n' '{\"seq\":1,\"time\":\"\\u001b[31m\",\"reason\":\"a\\u0007\\nb\\u009bc\"}' > '%s/x.audit';"
		 " '%s' audit show --file '%s/x.audit' > '%s/out'; [ \"$(wc -l < '%s/out')\" = 2 ] && grep -q 'a??b??c$' '%s/out'", p11_dir,
		 getenv("HANZO_P11"), p11_dir, p11_dir, p11_dir, p11_dir);
	CHECK(system(cmd) == 0);
	snprintf(cmd, sizeof cmd, "! tr -d '\\n' < '%s/out' | grep -q '[[:cntrl:]]'", p11_dir);
	CHECK(system(cmd) == 0);
}

/* Many records of a use that is refused. */
static void make_log_long(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	struct stat st = { .st_size = 0 };

	for (int i = 0; i < 1000 && st.st_size <= LOG_SIZE; i++) {
		RV(p11->C_SignInit(s, &m, 0), CKR_KEY_HANDLE_INVALID);
		CHECK(stat(log_path, &st) == 0);
	}
	CHECK(st.st_size > LOG_SIZE);
}

static bool full;

/* The module's write to its log, as on a disk that fills up between the promise of room and the use of it. */
__attribute__((visibility("default"))) ssize_t write_at(int fd, const void *p, size_t n, off_t at) __asm__("pwrite");
ssize_t write_at(int fd, const void *p, size_t n, off_t at)
{
	if (!full)
		return (ssize_t)syscall(SYS_pwrite64, fd, p, n, at);
	errno = ENOSPC;
	return -1;
}

/* Nothing happens without its record. */
static void test_required(void)
{
	CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
	struct rlimit small = { 16, RLIM_INFINITY }, database = { LOG_SIZE, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	CK_BYTE sig[64], zeros[64] = { 0 };
	CK_ULONG n = sizeof sig;
	CK_SESSION_HANDLE s;
	CK_SESSION_INFO info;
	struct kit_pair k;

	configure("required");
	OK(p11->C_Initialize(NULL));
	s = kit_session(1, true);
	kit_login(s);
	OK(kit_generate(s, KEY_P256, false, &k));
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_Sign(s, zeros, 1, sig, &n));
	read_records();
	OK(p11->C_SignInit(s, &m, k.priv));
	memset(sig, 0xaa, sizeof sig);
	full = true;
	RV(p11->C_Sign(s, zeros, 1, sig, &n), CKR_DEVICE_MEMORY);
	full = false;
	CHECK(memcmp(sig, zeros, sizeof sig) == 0); /* the signature was made, and taken back */
	none_more();
	OK(p11->C_SignInit(s, &m, k.priv));
	memset(sig, 0xaa, sizeof sig);
	(void)signal(SIGXFSZ, SIG_IGN); /* for the log of this test, and the database */
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	RV(p11->C_Sign(s, zeros, 1, sig, &n), CKR_DEVICE_MEMORY);
	CHECK(setrlimit(RLIMIT_FSIZE, &all) == 0);
	CHECK(sig[0] == 0xaa); /* it was not made */
	none_more();
	RV(p11->C_Sign(s, zeros, 1, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_SignInit(s, &m, k.priv));
	OK(p11->C_Sign(s, zeros, 1, sig, &n));
	(void)one_more("C_Sign", "CKR_OK");
	CHECK(setrlimit(RLIMIT_FSIZE, &database) == 0);
	RV(p11->C_Logout(s), CKR_DEVICE_MEMORY);
	OK(p11->C_GetSessionInfo(s, &info));
	CHECK(info.state == CKS_RW_PUBLIC_SESSION);
	RV(p11_login(s, CKU_USER, USER_PIN), CKR_DEVICE_MEMORY);
	CHECK(setrlimit(RLIMIT_FSIZE, &all) == 0);
	none_more();
	OK(p11->C_GetSessionInfo(s, &info));
	CHECK(info.state == CKS_RW_PUBLIC_SESSION); /* a login is ended with or without a record, and not begun without */
	OK(p11->C_Finalize(NULL));
}

/* Without a log nothing is written. */
static void test_off(void)
{
	CK_SESSION_HANDLE s;

	configure("off");
	OK(p11->C_Initialize(NULL));
	read_records();
	s = kit_session(1, true);
	kit_login(s);
	none_more();
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	CK_SESSION_HANDLE s;

	p11_environment();
	configure("on");
	p11_load();
	OK(p11->C_Initialize(NULL));
	kit_init_token();
	read_records();
	CHECK(n_records == 3 && is(0, "function", "C_InitToken") && is(1, "user", "SO") && is(2, "function", "C_InitPIN"));
	s = kit_session(1, true);
	test_login(s);
	test_sign(s);
	test_encrypt(s);
	test_wrap(s);
	test_no_secret();
	test_fork();
	test_cut(s);
	make_log_long(s);
	test_put_back(s);
	test_show();
	OK(p11->C_Finalize(NULL));
	test_required();
	test_off();
	forget_records();
	return p11_end();
}
