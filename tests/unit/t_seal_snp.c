/* SPDX-License-Identifier: Apache-2.0 */
/* The seal "snp": the exact bytes that go to /dev/sev-guest, and each answer that it may give. */
#include <errno.h>

#include "crypto/hmac.h"
#include "store/seal.h"
#include "store/seal_snp.h"
#include "store_util.h"

#define GET_REPORT 0xc0205300UL
#define GET_KEY 0xc0205301UL

/* What the driver is given and gives back; the key depends on the request and on the guest as the firmware's does. */
static struct {
	unsigned calls[2];
	uint8_t report_req[96], key_req[32];
	uint8_t measurement;
	uint32_t svn, vmpl;
	uint64_t committed;
	int fail_errno[2];
	uint64_t exitinfo2;
	uint32_t status[2], report_len;
	bool zero_key;
	unsigned interrupts;
} dev;

static struct hz_seal_conf conf;

static uint64_t le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static void put_le(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void answer_report(uint8_t *rsp)
{
	memset(rsp, 0xee, 4000);
	put_le(rsp, dev.status[0], 4);
	put_le(rsp + 4, dev.report_len, 4);
	put_le(rsp + 32, 3, 4);
	put_le(rsp + 32 + 0x004, dev.svn, 4);
	put_le(rsp + 32 + 0x030, dev.vmpl, 4);
	put_le(rsp + 32 + 0x038, 0x99, 8); /* the current TCB is not the one to take */
	put_le(rsp + 32 + 0x1e0, dev.committed, 8);
}

/* The firmware's rules: SVN and TCB not above the guest's, fields as selected. */
static void answer_key(uint8_t *rsp)
{
	uint8_t in[34] = { 0 };

	memset(rsp, 0, 64);
	memcpy(in, dev.key_req, 32);
	in[32] = (le(dev.key_req + 8, 8) & 8) != 0 ? dev.measurement : 0;
	put_le(rsp, le(dev.key_req + 24, 8) > dev.committed || le(dev.key_req + 20, 4) > dev.svn ? 0x16 : dev.status[1], 4);
	if (le(rsp, 4) == 0 && !dev.zero_key)
		hz_hash_once(HZ_SHA256, in, sizeof in, rsp + 32);
}

static int fake(int fd, unsigned long request, void *arg)
{
	uint8_t *g = arg, *req, *rsp;
	unsigned which = request == GET_KEY;

	ck_assert_int_ge(fd, 0);
	ck_assert(request == GET_REPORT || request == GET_KEY);
	ck_assert_uint_eq(g[0], 1);
	ck_assert_uint_eq(le(g + 1, 7), 0);
	if (dev.interrupts > 0) {
		dev.interrupts--;
		errno = EINTR;
		return -1;
	}
	dev.calls[which]++;
	req = (uint8_t *)(uintptr_t)le(g + 8, 8);
	rsp = (uint8_t *)(uintptr_t)le(g + 16, 8);
	ck_assert(hz_secmem_owns(rsp));
	if (which)
		memcpy(dev.key_req, req, sizeof dev.key_req);
	else
		memcpy(dev.report_req, req, sizeof dev.report_req);
	if (dev.fail_errno[which] != 0) {
		put_le(g + 24, dev.exitinfo2, 8);
		errno = dev.fail_errno[which];
		return -1;
	}
	if (which)
		answer_key(rsp);
	else
		answer_report(rsp);
	return 0;
}

static void setup(void)
{
	store_setup();
	memset(&dev, 0, sizeof dev);
	dev.measurement = 1;
	dev.svn = 7;
	dev.committed = 0x5103000000000a01;
	dev.report_len = 0x4a0;
	memset(&conf, 0, sizeof conf);
	(void)snprintf(conf.snp_device, sizeof conf.snp_device, "/dev/null");
	hz_snp_ioctl = fake;
}

static const struct hz_seal_input *input(void)
{
	static struct hz_seal_input in;

	in = (struct hz_seal_input){ NULL, 0, &conf };
	return &in;
}

static CK_RV release(const struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET])
{
	return hz_seal_snp.release(input(), (struct hz_blob){ params->p, params->len }, secret);
}

START_TEST(exact_requests)
{
	static const uint8_t report[96] = { [64] = 2 };
	/* root key 1; 4 zero; fields 0x29 = policy, measurement, TCB; VMPL 2; SVN 7; TCB. All little-endian. */
	static const uint8_t key[32] = { 1, 0, 0, 0, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0,
					 0x01, 0x0a, 0, 0, 0, 0, 0x03, 0x51 };
	static const uint8_t head[29] = { 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x29, 0, 0, 0, 2, 0, 0, 0, 7,
					  0x51, 0x03, 0, 0, 0, 0, 0x0a, 0x01 };
	struct hz_buf a = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET], out[HZ_SEAL_SECRET];

	conf.snp_key = HZ_SNP_VMRK;
	conf.snp_vmpl = dev.vmpl = 2;
	dev.interrupts = 2;
	ck_ok(hz_seal_snp.make(input(), &a, s));
	ck_assert_mem_eq(dev.report_req, report, sizeof report);
	ck_assert_mem_eq(dev.key_req, key, sizeof key);
	ck_assert_uint_eq(a.len, sizeof head + 16);
	ck_assert_mem_eq(a.p, head, sizeof head);
	ck_assert(memmem(a.p, a.len, s, 8) == NULL);
	memset(dev.key_req, 0, sizeof dev.key_req);
	conf.snp_key = HZ_SNP_VCEK; /* the row decides, and no report is asked for */
	conf.snp_vmpl = 0;
	dev.committed += (uint64_t)1 << 56; /* newer firmware */
	dev.svn = 9;
	ck_ok(release(&a, out));
	ck_assert_mem_eq(dev.key_req, key, sizeof key);
	ck_assert_mem_eq(out, s, sizeof s);
	ck_assert(dev.calls[0] == 1 && dev.calls[1] == 2);
	hz_buf_free(&a);
}
END_TEST

START_TEST(another_guest)
{
	struct hz_buf a = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET];

	ck_ok(hz_seal_snp.make(input(), &a, s));
	ck_assert_uint_eq(dev.key_req[0], 0);
	dev.measurement = 2;
	ck_rv(release(&a, s), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "measurement"));
	dev.measurement = 1;
	dev.committed -= (uint64_t)1 << 56; /* rolled back */
	ck_rv(release(&a, s), CKR_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(hz_error_text(), "invalid parameters"));
	hz_buf_free(&a);
}
END_TEST

static void fails(struct hz_buf *a, CK_RV want, const char *text)
{
	uint8_t s[HZ_SEAL_SECRET];

	ck_rv(release(a, s), want);
	ck_assert_msg(strstr(hz_error_text(), text) != NULL, "%s: %s", text, hz_error_text());
}

START_TEST(refusals)
{
	struct hz_buf a = HZ_BUF_INIT, b = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET];

	ck_ok(hz_seal_snp.make(input(), &a, s));
	dev.status[1] = 0x27;
	fails(&a, CKR_DEVICE_ERROR, "invalid key selection");
	dev.status[1] = 0;
	dev.zero_key = true;
	fails(&a, CKR_DEVICE_ERROR, "zeros");
	dev.zero_key = false;
	dev.fail_errno[1] = EIO;
	dev.exitinfo2 = 0x16;
	fails(&a, CKR_DEVICE_ERROR, "firmware error 0x16: invalid parameters");
	dev.exitinfo2 = (uint64_t)2 << 32;
	fails(&a, CKR_DEVICE_ERROR, "busy");
	dev.exitinfo2 = 0xff;
	fails(&a, CKR_DEVICE_ERROR, strerror(EIO));
	dev.exitinfo2 = UINT64_MAX;
	dev.fail_errno[1] = ENODEV;
	fails(&a, CKR_DEVICE_REMOVED, strerror(ENODEV));
	dev.fail_errno[1] = EINTR; /* not for ever */
	fails(&a, CKR_DEVICE_ERROR, strerror(EINTR));
	(void)snprintf(conf.snp_device, sizeof conf.snp_device, "%s/no-such-device", test_dir);
	fails(&a, CKR_DEVICE_REMOVED, "no-such-device");
	ck_rv(hz_seal_present(HZ_SEAL_SNP, &conf), CKR_DEVICE_REMOVED);
	(void)snprintf(conf.snp_device, sizeof conf.snp_device, "/dev/null");
	ck_ok(hz_seal_present(HZ_SEAL_SNP, &conf));
	dev.fail_errno[1] = 0;
	dev.report_len = 0x4a1;
	ck_rv(hz_seal_snp.make(input(), &b, s), CKR_DEVICE_ERROR);
	dev.report_len = 0x4a0;
	dev.vmpl = 1; /* not the level that was asked for */
	ck_rv(hz_seal_snp.make(input(), &b, s), CKR_DEVICE_ERROR);
	dev.vmpl = 0;
	dev.status[0] = 0x16;
	ck_rv(hz_seal_snp.make(input(), &b, s), CKR_DEVICE_ERROR);
	ck_assert_uint_eq(b.len, 0);
	hz_buf_free(&a);
}
END_TEST

START_TEST(damaged_parameters)
{
	struct hz_buf a = HZ_BUF_INIT;
	uint8_t s[HZ_SEAL_SECRET], out[HZ_SEAL_SECRET];

	ck_ok(hz_seal_snp.make(input(), &a, s));
	for (size_t n = 0; n < a.len; n++)
		ck_rv(hz_seal_snp.check((struct hz_blob){ a.p, n }), CKR_DEVICE_ERROR);
	for (size_t bit = 0; bit < a.len * 8; bit++) {
		a.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_rv(release(&a, out), CKR_DEVICE_ERROR);
		if (bit / 8 >= 5 && bit / 8 < 13) /* the fields: not even asked with fewer */
			ck_rv(hz_seal_snp.check((struct hz_blob){ a.p, a.len }), CKR_DEVICE_ERROR);
		a.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_ok(release(&a, out));
	hz_buf_free(&a);
}
END_TEST

START_TEST(combined_with_a_pin)
{
	static const unsigned seals[] = { HZ_SEAL_PIN, HZ_SEAL_SNP };
	char dir[80];
	struct hz_store_conf sc = { .dir = dir, .serial = SERIAL, .tier = 2, .max_tries = 5, .seals = seals, .n_seals = 2, .seal_conf = &conf };
	struct hz_store_state st;
	unsigned char label[32];
	struct hz_store *s;

	(void)snprintf(dir, sizeof dir, "%s/s", test_dir);
	label_of(label, "snp");
	ck_ok(hz_store_new(&s, &sc));
	ck_ok(hz_store_init(s, bytes(SO_PIN), strlen(SO_PIN), label));
	ck_ok(hz_store_login(s, true, bytes(SO_PIN), strlen(SO_PIN), true));
	ck_ok(hz_store_init_pin(s, bytes(USER_PIN), strlen(USER_PIN)));
	hz_store_logout(s);
	dev.measurement = 3; /* another image, the right PIN: not a wrong PIN */
	for (int i = 0; i < 6; i++)
		ck_rv(hz_store_login(s, false, bytes(USER_PIN), strlen(USER_PIN), true), CKR_DEVICE_ERROR);
	ck_ok(hz_store_state(s, &st));
	ck_assert_uint_eq(st.user_tries_left, 5);
	dev.measurement = 1;
	ck_rv(hz_store_login(s, false, bytes("wrong"), 5, true), CKR_PIN_INCORRECT);
	ck_ok(hz_store_login(s, false, bytes(USER_PIN), strlen(USER_PIN), true));
	hz_store_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seal_snp");
	TCase *tc = tcase_create("snp");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, store_teardown);
	tcase_add_test(tc, exact_requests);
	tcase_add_test(tc, another_guest);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, damaged_parameters);
	tcase_add_test(tc, combined_with_a_pin);
	suite_add_tcase(s, tc);
	return run_case(s);
}
