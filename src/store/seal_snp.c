/* SPDX-License-Identifier: Apache-2.0 */
/* The seal "snp": a key that the SEV-SNP firmware derives for this guest's policy and measurement at a given TCB. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hmac.h"
#include "store/seal.h"
#include "store/seal_snp.h"

/*
 * The kernel's structures (linux/sev-guest.h; the firmware ABI's MSG_REPORT_REQ and MSG_KEY_REQ inside), which older headers lack.
 * Numbers are little-endian, as the only processors are that have this.
 */
#define SNP_GET_REPORT 0xc0205300UL
#define SNP_GET_DERIVED_KEY 0xc0205301UL

struct guest_request {
	uint8_t msg_version, pad[7];
	uint64_t req_data, resp_data;
	uint64_t exitinfo2; /* firmware's code in the low half, the hypervisor's in the high one */
};

struct report_req {
	uint8_t user_data[64];
	uint32_t vmpl;
	uint8_t zero[28];
};

struct key_req {
	uint32_t root_key_select, zero;
	uint64_t guest_field_select;
	uint32_t vmpl, guest_svn;
	uint64_t tcb_version;
};

_Static_assert(sizeof(struct guest_request) == 32 && sizeof(struct report_req) == 96 && sizeof(struct key_req) == 32, "ABI");

/* Answers in secret memory: a report and a key. */
struct report_rsp {
	uint8_t bytes[4000];
};

struct key_rsp {
	uint32_t status;
	uint8_t zero[28];
	uint8_t key[HZ_SEAL_SECRET];
};

_Static_assert(sizeof(struct key_rsp) == 64, "ABI");

/* What separates guests: without one of these another image, a debug guest or older firmware would derive the same key. */
enum { F_POLICY = 1 << 0, F_MEASUREMENT = 1 << 3, F_TCB = 1 << 5, FIELDS = F_POLICY | F_MEASUREMENT | F_TCB };
enum { RC_INVALID_PARAM = 0x16, RC_INVALID_KEY = 0x27 };
enum { REPORT_SVN = 0x004, REPORT_VMPL = 0x030, REPORT_COMMITTED_TCB = 0x1e0, REPORT_LEN = 0x4a0 };

/*
 * Stored form, big-endian: 0x01 || root u32 || fields u64 || VMPL u32 || SVN u32 || TCB u64 || check[16]. `check` is derived from the
 * key and tells a guest that is not the one sealed to from a wrong PIN, which the result of combined seals could not.
 */
enum { SNP_V1 = 1, CHECK_LEN = 16 };

struct stored {
	struct key_req req;
	uint8_t check[CHECK_LEN];
};

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

int (*hz_snp_ioctl)(int fd, unsigned long request, void *arg) = real_ioctl;

static CK_RV parse(struct hz_blob in, struct stored *s)
{
	struct hz_reader r = hz_rd(in.p, in.n);
	uint8_t version = hz_rd_u8(&r);

	*s = (struct stored){ .req.root_key_select = hz_rd_u32be(&r) };
	s->req.guest_field_select = hz_rd_u64be(&r);
	s->req.vmpl = hz_rd_u32be(&r);
	s->req.guest_svn = hz_rd_u32be(&r);
	s->req.tcb_version = hz_rd_u64be(&r);
	hz_rd_copy(&r, s->check, sizeof s->check);
	if (!hz_rd_end(&r) || version != SNP_V1 || s->req.root_key_select > HZ_SNP_VMRK || s->req.guest_field_select != FIELDS ||
	    s->req.vmpl > 3)
		return hz_fail(CKR_DEVICE_ERROR, "the stored parameters of the SEV-SNP seal are damaged");
	return CKR_OK;
}

static CK_RV check(struct hz_blob in)
{
	struct stored s;

	return parse(in, &s);
}

static CK_RV open_device(const struct hz_seal_input *in, int *fd)
{
	const char *path = in->conf != NULL && in->conf->snp_device[0] != '\0' ? in->conf->snp_device : HZ_SNP_DEVICE;

	*fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (*fd >= 0)
		return CKR_OK;
	if (errno == EACCES || errno == EPERM)
		return hz_fail(CKR_DEVICE_ERROR, "this process may not open %s", path);
	return hz_fail(CKR_DEVICE_REMOVED, "no SEV-SNP guest device: %s: %s", path, strerror(errno));
}

static const char *meaning(uint32_t fw)
{
	return fw == RC_INVALID_PARAM ? ": invalid parameters (a TCB, SVN or VMPL that this guest may not ask for)"
	       : fw == RC_INVALID_KEY ? ": invalid key selection (no such root key)" : "";
}

/* The driver says 0xff, or -1, when it did not get as far as the firmware. */
static bool fw_spoke(uint64_t exitinfo2)
{
	uint32_t fw = (uint32_t)exitinfo2;

	return fw != 0 && fw != 0xff && fw != UINT32_MAX;
}

static CK_RV request(int fd, const char *what, unsigned long number, const void *req, void *rsp)
{
	struct guest_request g = { .msg_version = 1, .req_data = (uintptr_t)req, .resp_data = (uintptr_t)rsp };
	uint32_t status;
	int rc, e;

	/* The driver itself waits, up to a minute, for a busy hypervisor. */
	for (unsigned i = 0; (rc = hz_snp_ioctl(fd, number, &g)) != 0 && errno == EINTR && i < 10; i++)
		g.exitinfo2 = 0;
	e = errno;
	if (rc != 0 && g.exitinfo2 >> 32 == 2)
		return hz_fail(CKR_DEVICE_ERROR, "%s: the hypervisor is busy", what);
	if (rc != 0 && fw_spoke(g.exitinfo2))
		return hz_fail(CKR_DEVICE_ERROR, "%s: firmware error 0x%x%s", what, (unsigned)(uint32_t)g.exitinfo2,
			       meaning((uint32_t)g.exitinfo2));
	if (rc != 0)
		return hz_fail(e == ENODEV || e == ENXIO ? CKR_DEVICE_REMOVED : CKR_DEVICE_ERROR, "%s: %s", what, strerror(e));
	memcpy(&status, rsp, sizeof status);
	if (status != 0)
		return hz_fail(CKR_DEVICE_ERROR, "%s: status 0x%x%s", what, status, meaning(status));
	return CKR_OK;
}

/* What this guest is now: the highest TCB that may be asked for and that no roll-back of the platform undoes, its SVN and VMPL. */
static CK_RV ask_report(int fd, const struct hz_seal_conf *conf, struct key_req *out)
{
	struct report_req req = { .vmpl = conf != NULL ? conf->snp_vmpl : 0 };
	struct report_rsp *rsp = hz_secmem_alloc(sizeof *rsp);
	struct hz_reader r;
	CK_RV rv;

	if (rsp == NULL)
		return CKR_HOST_MEMORY;
	rv = request(fd, "SNP_GET_REPORT", SNP_GET_REPORT, &req, rsp);
	r = hz_rd(rsp->bytes, sizeof rsp->bytes);
	hz_rd_skip(&r, 4);
	if (rv == CKR_OK && hz_rd_u32le(&r) != REPORT_LEN)
		rv = hz_fail(CKR_DEVICE_ERROR, "SNP_GET_REPORT: a report of another length");
	if (rv == CKR_OK) {
		struct hz_reader report;

		hz_rd_skip(&r, 24);
		report = hz_rd_sub(&r, REPORT_LEN);
		hz_rd_skip(&report, REPORT_SVN);
		out->guest_svn = hz_rd_u32le(&report);
		hz_rd_skip(&report, REPORT_VMPL - REPORT_SVN - 4);
		out->vmpl = hz_rd_u32le(&report);
		hz_rd_skip(&report, REPORT_COMMITTED_TCB - REPORT_VMPL - 4);
		out->tcb_version = hz_rd_u64le(&report);
		if (!hz_rd_ok(&report) || out->vmpl > 3 || out->vmpl != req.vmpl)
			rv = hz_fail(CKR_DEVICE_ERROR, "SNP_GET_REPORT: not a report of VMPL %u", req.vmpl);
	}
	hz_secmem_free(rsp);
	return rv;
}

static CK_RV derive(int fd, const struct key_req *req, uint8_t secret[HZ_SEAL_SECRET])
{
	static const uint8_t none[HZ_SEAL_SECRET];
	struct key_rsp *rsp = hz_secmem_alloc(sizeof *rsp);
	CK_RV rv;

	if (rsp == NULL)
		return CKR_HOST_MEMORY;
	rv = request(fd, "SNP_GET_DERIVED_KEY", SNP_GET_DERIVED_KEY, req, rsp);
	if (rv == CKR_OK && hz_ct_equal(rsp->key, none, sizeof none))
		rv = hz_fail(CKR_DEVICE_ERROR, "SNP_GET_DERIVED_KEY: a key of zeros");
	if (rv == CKR_OK)
		memcpy(secret, rsp->key, HZ_SEAL_SECRET);
	hz_secmem_free(rsp);
	return rv;
}

static void check_value(const uint8_t secret[HZ_SEAL_SECRET], uint8_t out[CHECK_LEN])
{
	static const char info[] = "hanzo-pkcs11/snp-check/v1";

	(void)hz_hkdf(HZ_SHA256, NULL, 0, secret, HZ_SEAL_SECRET, info, sizeof info - 1, out, CHECK_LEN);
}

static CK_RV make(const struct hz_seal_input *in, struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET])
{
	struct key_req req = { .guest_field_select = FIELDS };
	uint8_t tag[CHECK_LEN];
	int fd = -1;
	CK_RV rv = open_device(in, &fd);

	if (rv == CKR_OK)
		rv = ask_report(fd, in->conf, &req);
	req.root_key_select = in->conf != NULL ? in->conf->snp_key : HZ_SNP_VCEK;
	if (rv == CKR_OK)
		rv = derive(fd, &req, secret);
	if (fd >= 0)
		(void)close(fd);
	if (rv != CKR_OK)
		return rv;
	check_value(secret, tag);
	hz_buf_u8(params, SNP_V1);
	hz_buf_be32(params, req.root_key_select);
	hz_buf_be64(params, req.guest_field_select);
	hz_buf_be32(params, req.vmpl);
	hz_buf_be32(params, req.guest_svn);
	hz_buf_be64(params, req.tcb_version);
	hz_buf_add(params, tag, sizeof tag);
	return params->failed ? hz_fail(CKR_HOST_MEMORY, "no memory for a seal") : CKR_OK;
}

static CK_RV release(const struct hz_seal_input *in, struct hz_blob params, uint8_t secret[HZ_SEAL_SECRET])
{
	uint8_t tag[CHECK_LEN];
	struct stored s;
	int fd = -1;
	CK_RV rv = parse(params, &s);

	if (rv == CKR_OK)
		rv = open_device(in, &fd);
	if (rv != CKR_OK)
		return rv;
	rv = derive(fd, &s.req, secret);
	(void)close(fd);
	if (rv != CKR_OK)
		return rv;
	check_value(secret, tag);
	return hz_ct_equal(tag, s.check, sizeof tag)
		       ? CKR_OK : hz_fail(CKR_DEVICE_ERROR, "this guest's measurement or policy, or its chip, is not the one sealed to");
}

const struct hz_seal_kind hz_seal_snp = { HZ_SEAL_SNP, "snp", make, check, release };
