/* SPDX-License-Identifier: Apache-2.0 */
/* The seal "tpm2" against a software TPM: what opens it, what does not, what crosses the bus, and that nothing is left in the TPM. */
#include <poll.h>
#include <pthread.h>

#include "../swtpm.h"
#include "store/seal.h"
#include "store/tpm2.h"
#include "store_util.h"

static struct swtpm tpm;
static struct hz_seal_conf conf;
static const unsigned pin_tpm2[] = { HZ_SEAL_PIN, HZ_SEAL_TPM2 };

static void setup(void)
{
	const char *why;

	store_setup();
	ck_assert(swtpm_start(&tpm, test_dir));
	memset(&conf, 0, sizeof conf);
	(void)snprintf(conf.tpm2_tcti, sizeof conf.tpm2_tcti, "%s", tpm.tcti);
	ck_assert(hz_pcrs_parse("sha256:0,7+sha384:3", &conf.tpm2_pcrs, &why));
}

static void teardown(void)
{
	swtpm_stop(&tpm);
	store_teardown();
}

static void reset(void)
{
	swtpm_stop(&tpm);
	ck_assert(swtpm_start(&tpm, test_dir));
}

static const struct hz_seal_input *input(void)
{
	static struct hz_seal_input in;

	in = (struct hz_seal_input){ NULL, 0, &conf };
	return &in;
}

static struct hz_blob blob(const struct hz_buf *b)
{
	return (struct hz_blob){ b->p, b->len };
}

static CK_RV release(const struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET])
{
	return hz_seal_tpm2.release(input(), blob(params), secret);
}

START_TEST(opens_and_stays_open)
{
	struct hz_buf a = HZ_BUF_INIT, b = HZ_BUF_INIT;
	uint8_t s1[HZ_SEAL_SECRET], s2[HZ_SEAL_SECRET], out[HZ_SEAL_SECRET];

	ck_ok(hz_seal_tpm2.make(input(), &a, s1));
	ck_ok(hz_seal_tpm2.make(input(), &b, s2));
	ck_assert_mem_ne(s1, s2, sizeof s1);
	ck_ok(hz_seal_tpm2.check(blob(&a)));
	for (int i = 0; i < 12; i++) { /* the TPM holds three objects: one left behind would show */
		ck_ok(release(i % 2 ? &a : &b, out));
		ck_assert_mem_eq(out, i % 2 ? s1 : s2, sizeof out);
	}
	ck_assert(memmem(a.p, a.len, s1, sizeof s1) == NULL);
	reset();
	ck_ok(release(&a, out));
	ck_assert_mem_eq(out, s1, sizeof out);
	hz_buf_free(&a);
	hz_buf_free(&b);
}
END_TEST

START_TEST(default_registers)
{
	struct hz_buf a = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET], out[HZ_SEAL_SECRET];

	conf.tpm2_pcrs.n = 0;
	ck_ok(hz_seal_tpm2.make(input(), &a, s));
	ck_assert(swtpm_extend(&tpm, 5));
	ck_ok(release(&a, out));
	ck_assert(swtpm_extend(&tpm, 2));
	ck_rv(release(&a, out), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "PCR sha256:2 differs"));
	hz_buf_free(&a);
}
END_TEST

START_TEST(changed_register)
{
	struct hz_buf a = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET], out[HZ_SEAL_SECRET];

	ck_ok(hz_seal_tpm2.make(input(), &a, s));
	ck_assert(swtpm_extend(&tpm, 1)); /* not selected */
	ck_ok(release(&a, out));
	ck_assert(swtpm_extend(&tpm, 7));
	for (int i = 0; i < 5; i++) {
		memset(out, 0, sizeof out);
		ck_rv(release(&a, out), CKR_DEVICE_ERROR);
		ck_assert_ptr_nonnull(strstr(hz_error_text(), "PCR sha256:7 differs"));
		ck_assert_mem_ne(out, s, sizeof out);
	}
	reset();
	ck_ok(release(&a, out));
	ck_assert_mem_eq(out, s, sizeof out);
	hz_buf_free(&a);
}
END_TEST

START_TEST(another_tpm)
{
	struct hz_buf a = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET];

	ck_ok(hz_seal_tpm2.make(input(), &a, s));
	ck_assert(swtpm_clear(&tpm));
	ck_rv(release(&a, s), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "cleared"));
	swtpm_stop(&tpm);
	ck_rv(release(&a, s), CKR_DEVICE_REMOVED);
	(void)snprintf(conf.tpm2_tcti, sizeof conf.tpm2_tcti, "device:%s/no-such-tpm", test_dir);
	ck_rv(release(&a, s), CKR_DEVICE_REMOVED);
	ck_rv(hz_seal_tpm2.make(input(), &a, s), CKR_DEVICE_REMOVED);
	ck_rv(hz_seal_present(HZ_SEAL_TPM2, &conf), CKR_DEVICE_REMOVED);
	ck_ok(hz_seal_present(HZ_SEAL_PIN, &conf));
	hz_buf_free(&a);
}
END_TEST

/* The policy is the TPM's: an object under other registers' values does not open because the row says so. */
START_TEST(damaged_parameters)
{
	struct hz_buf a = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET], out[HZ_SEAL_SECRET];
	size_t opened = 0;

	ck_ok(hz_seal_tpm2.make(input(), &a, s));
	for (size_t n = 0; n < a.len; n++)
		ck_rv(hz_seal_tpm2.check((struct hz_blob){ a.p, n }), CKR_DEVICE_ERROR);
	for (size_t i = 0; i < a.len; i += i < 60 ? 1 : 7) {
		CK_RV rv;

		a.p[i] ^= 0x41;
		memset(out, 0, sizeof out);
		rv = release(&a, out);
		ck_assert(rv == CKR_OK || rv == CKR_DEVICE_ERROR);
		opened += rv == CKR_OK; /* a changed copy of a register's value, which only explains */
		ck_assert(rv != CKR_OK || memcmp(out, s, sizeof out) == 0);
		a.p[i] ^= 0x41;
	}
	ck_assert_uint_gt(opened, 0);
	ck_ok(release(&a, out));
	hz_buf_free(&a);
}
END_TEST

/* A wire tapped between us and the TPM; it may change answers to one command. */
static struct tap {
	int listen;
	char path[96];
	pthread_t thread;
	uint8_t seen[1 << 16];
	size_t n;
	uint32_t spoil;  /* command code */
	size_t spoil_at; /* byte of its answer */
} tap;

static void note(const uint8_t *p, size_t n)
{
	ck_assert_uint_le(tap.n + n, sizeof tap.seen);
	memcpy(tap.seen + tap.n, p, n);
	tap.n += n;
}

static void relay(int client, int server)
{
	struct pollfd f[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	uint8_t buf[4096];
	bool spoil = false;

	while (poll(f, 2, -1) > 0) {
		int from = f[0].revents != 0 ? 0 : 1;
		ssize_t n = read(f[from].fd, buf, sizeof buf);

		if (n <= 0)
			return;
		if (from == 0)
			spoil = n >= 10 && tap.spoil != 0 && buf[8] == tap.spoil >> 8 && buf[9] == (tap.spoil & 0xff);
		else if (spoil && tap.spoil_at < (size_t)n)
			buf[tap.spoil_at] ^= 1;
		note(buf, (size_t)n);
		if (write(f[1 - from].fd, buf, (size_t)n) != n)
			return;
	}
}

static void *tap_run(void *arg)
{
	int client;

	while ((client = accept(tap.listen, NULL, NULL)) >= 0) {
		int server = swtpm_dial(tpm.sock);

		relay(client, server);
		(void)close(client);
		(void)close(server);
	}
	return arg;
}

static void tap_start(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(&tap, 0, sizeof tap);
	(void)snprintf(tap.path, sizeof tap.path, "%s/tap", test_dir);
	memcpy(a.sun_path, tap.path, strlen(tap.path) + 1);
	tap.listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(bind(tap.listen, (struct sockaddr *)&a, sizeof a) == 0 && listen(tap.listen, 4) == 0);
	ck_assert_int_eq(pthread_create(&tap.thread, NULL, tap_run, NULL), 0);
	(void)snprintf(conf.tpm2_tcti, sizeof conf.tpm2_tcti, "swtpm:path=%s", tap.path);
}

static void tap_stop(void)
{
	(void)shutdown(tap.listen, SHUT_RDWR);
	ck_assert_int_eq(pthread_join(tap.thread, NULL), 0);
	(void)close(tap.listen);
}

START_TEST(tapped_wire)
{
	struct hz_buf a = HZ_BUF_INIT, b = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET], out[HZ_SEAL_SECRET];

	tap_start();
	ck_ok(hz_seal_tpm2.make(input(), &a, s));
	ck_ok(release(&a, out));
	ck_assert_mem_eq(out, s, sizeof s);
	ck_assert_uint_gt(tap.n, 2000);
	ck_assert(memmem(tap.seen, tap.n, s, sizeof s) == NULL);
	ck_assert(memmem(tap.seen, tap.n, s, 8) == NULL);
	tap.spoil = 0x15e; /* TPM2_Unseal: each byte of its answer that is ours to check */
	for (tap.spoil_at = 0; tap.spoil_at < 10 + 4 + 34 + 2 + 32 + 1 + 2 + 32; tap.spoil_at++) {
		CK_RV rv;

		tap.n = 0;
		if (tap.spoil_at >= 2 && tap.spoil_at < 6)
			continue; /* the length: waits for bytes that never come */
		rv = release(&a, out);
		ck_assert_msg(rv == CKR_DEVICE_ERROR, "byte %zu: %lx", tap.spoil_at, rv);
	}
	tap.n = 0;
	tap.spoil = 0x131; /* TPM2_CreatePrimary: a public key with its secret somewhere else */
	tap.spoil_at = 10 + 4 + 4 + 2 + 26 + 2;
	ck_rv(release(&a, out), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "not the TPM"));
	tap.spoil = 0x153; /* TPM2_Create */
	tap.spoil_at = 40;
	ck_rv(hz_seal_tpm2.make(input(), &b, out), CKR_DEVICE_ERROR);
	tap_stop();
	hz_buf_free(&a);
	hz_buf_free(&b);
}
END_TEST

/* The whole store. */

static struct hz_store *sealed_store(const unsigned *seals, size_t n)
{
	char dir[80];
	struct hz_store_conf sc = { .dir = dir, .serial = SERIAL, .tier = 2, .max_tries = 5, .seals = seals, .n_seals = n,
				    .seal_conf = &conf };
	struct hz_store *s;

	(void)snprintf(dir, sizeof dir, "%s/s", test_dir);
	ck_ok(hz_store_new(&s, &sc));
	return s;
}

static CK_RV login(struct hz_store *s, bool so, const char *pin)
{
	return hz_store_login(s, so, bytes(pin), strlen(pin), true);
}

static unsigned tries_left(struct hz_store *s)
{
	struct hz_store_state st;

	ck_ok(hz_store_state(s, &st));
	return st.user_tries_left;
}

static void init(struct hz_store *s)
{
	unsigned char label[32];

	label_of(label, "sealed");
	ck_ok(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_ok(login(s, true, SO_PIN));
	ck_ok(hz_store_init_pin(s, bytes(USER_PIN), strlen(USER_PIN)));
	hz_store_logout(s);
}

START_TEST(combined_with_a_pin)
{
	struct hz_store *s = sealed_store(pin_tpm2, 2);
	struct hz_attrs key, out;
	bool checked;
	uint64_t id;

	init(s);
	ck_ok(login(s, false, USER_PIN));
	make_key(&key, "sealed key", "id");
	id = put(s, &key);
	hz_store_free(s);

	s = sealed_store(pin_tpm2, 2);
	ck_rv(login(s, false, "wrong"), CKR_PIN_INCORRECT);
	ck_assert_uint_eq(tries_left(s), 4);
	ck_assert(swtpm_extend(&tpm, 0));
	for (int i = 0; i < 7; i++) { /* neither the right nor a wrong PIN is a try while the TPM refuses */
		ck_rv(login(s, false, i % 2 ? USER_PIN : "wrong"), CKR_DEVICE_ERROR);
		ck_assert_ptr_nonnull(strstr(hz_error_text(), "PCR sha256:0"));
	}
	ck_assert_uint_eq(tries_left(s), 4);
	ck_rv(login(s, true, SO_PIN), CKR_DEVICE_ERROR); /* the SO's key is sealed as well */
	swtpm_stop(&tpm);
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_REMOVED);
	ck_assert_uint_eq(tries_left(s), 4);
	ck_assert(swtpm_start(&tpm, test_dir));
	ck_ok(login(s, false, USER_PIN));
	ck_assert_uint_eq(tries_left(s), 5);
	ck_ok(hz_store_load(s, id, &out, &checked));
	ck_assert(checked && has_text(&out, CKA_VALUE, "ssssssssssssssssssssssssssssssss"));
	hz_attrs_free(&out);
	hz_store_logout(s);
	ck_ok(hz_store_set_pin(s, false, bytes(USER_PIN), strlen(USER_PIN), bytes("new"), 3));
	ck_ok(login(s, false, "new"));
	hz_store_free(s);
}
END_TEST

START_TEST(rows_changed_outside)
{
	struct hz_store *s = sealed_store(pin_tpm2, 2);

	init(s);
	tamper("UPDATE seal SET pos = 9 - pos WHERE role = 1"); /* the other order */
	ck_rv(login(s, false, USER_PIN), CKR_PIN_INCORRECT);
	tamper("UPDATE seal SET pos = 9 - pos WHERE role = 1");
	ck_ok(login(s, false, USER_PIN));
	hz_store_logout(s);
	tamper("UPDATE seal SET params = (SELECT params FROM seal WHERE role = 0 AND pos = 1) WHERE role = 1 AND pos = 1");
	ck_rv(login(s, false, USER_PIN), CKR_PIN_INCORRECT);
	tamper("DELETE FROM seal WHERE role = 1 AND kind = 2");
	ck_rv(login(s, false, USER_PIN), CKR_PIN_INCORRECT);
	tamper("UPDATE seal SET params = x'00' WHERE role = 0 AND kind = 2");
	ck_rv(login(s, true, SO_PIN), CKR_DEVICE_ERROR);
	hz_store_free(s);
}
END_TEST

START_TEST(sealed_later)
{
	static const unsigned pin[] = { HZ_SEAL_PIN };
	struct hz_store *s = sealed_store(pin, 1);

	init(s);
	ck_ok(login(s, false, USER_PIN));
	hz_store_free(s);
	s = sealed_store(pin_tpm2, 2);
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "C_SetPIN"));
	ck_ok(hz_store_set_pin(s, false, bytes(USER_PIN), strlen(USER_PIN), bytes(USER_PIN), strlen(USER_PIN)));
	ck_ok(login(s, false, USER_PIN));
	hz_store_logout(s);
	ck_assert(swtpm_extend(&tpm, 7));
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	ck_ok(login(s, true, SO_PIN)); /* still by the PIN alone, with a line in the log */
	hz_store_logout(s);
	ck_ok(hz_store_set_pin(s, true, bytes(SO_PIN), strlen(SO_PIN), bytes(SO_PIN), strlen(SO_PIN)));
	reset();
	ck_rv(login(s, true, SO_PIN), CKR_DEVICE_ERROR);
	hz_store_free(s);
}
END_TEST

/* Without a PIN: the first login makes the token, the TPM alone opens it, and a PIN of earlier days cannot be guessed uncounted. */
START_TEST(tpm_alone)
{
	static const unsigned only[] = { HZ_SEAL_TPM2 };
	struct hz_store *s = sealed_store(only, 1);

	ck_ok(hz_store_login(s, false, NULL, 0, true));
	hz_store_free(s);
	s = sealed_store(only, 1);
	ck_ok(hz_store_login(s, false, NULL, 0, true));
	hz_store_logout(s);
	ck_assert(swtpm_extend(&tpm, 7));
	ck_rv(hz_store_login(s, false, NULL, 0, true), CKR_DEVICE_ERROR);
	hz_store_free(s);
	store_teardown();
	swtpm_stop(&tpm);
	setup();
	s = sealed_store(pin_tpm2, 2);
	init(s);
	hz_store_free(s);
	s = sealed_store(only, 1);
	ck_rv(login(s, false, USER_PIN), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "configuration has none"));
	hz_store_free(s);
}
END_TEST

START_TEST(selections)
{
	static const char *const bad[] = { "", "sha256", "sha256:", "sha256: ", "sha1:0", "sha256:24", "sha256:0,0", "sha256:0,", "sha256:0+",
					   "sha256:0+sha256:1", "sha256:0 1", "md5:1", "sha256:-1", "sha256:100", "0,1", "sha256:0;1" };
	static const char *const tcti[] = { "", "mssim", "device:", "device:tpm0", "swtpm:", "swtpm:port=0", "swtpm:port=65536", "swtpm:host=x,port=1",
					    "swtpm:path=rel", "swtpmx", "tabrmd" };
	const char *why = NULL;
	struct hz_pcrs p;

	ck_assert(hz_pcrs_parse("sha256:0,2,7", &p, &why));
	ck_assert(p.n == 1 && p.bank[0].alg == 11 && p.bank[0].mask == 0x85);
	ck_assert(hz_pcrs_parse(" sha384: 23 , 1 + sha512:4 ", &p, &why));
	ck_assert(p.n == 2 && p.bank[0].mask == 0x800002 && p.bank[1].alg == 13 && p.bank[1].mask == 0x10);
	ck_assert(hz_pcrs_parse(HZ_TPM2_PCRS, &p, &why));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why = NULL;
		ck_assert_msg(!hz_pcrs_parse(bad[i], &p, &why) && why != NULL, "accepted: %s", bad[i]);
	}
	for (size_t i = 1; i < sizeof tcti / sizeof tcti[0]; i++)
		ck_assert_msg(!hz_tpm2_tcti_ok(tcti[i]) == (strcmp(tcti[i], "swtpm:") != 0), "%s", tcti[i]);
	ck_assert(hz_tpm2_tcti_ok("swtpm") && hz_tpm2_tcti_ok("swtpm:port=2321,host=127.0.0.1") && hz_tpm2_tcti_ok("/dev/tpm0"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seal_tpm2");
	TCase *tc = tcase_create("tpm2");

	if (swtpm_missing()) {
		puts("SKIP t_seal_tpm2: swtpm is not installed");
		return 77;
	}
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, opens_and_stays_open);
	tcase_add_test(tc, default_registers);
	tcase_add_test(tc, changed_register);
	tcase_add_test(tc, another_tpm);
	tcase_add_test(tc, damaged_parameters);
	tcase_add_test(tc, tapped_wire);
	tcase_add_test(tc, combined_with_a_pin);
	tcase_add_test(tc, rows_changed_outside);
	tcase_add_test(tc, sealed_later);
	tcase_add_test(tc, tpm_alone);
	tcase_add_test(tc, selections);
	suite_add_tcase(s, tc);
	return run_case(s);
}
