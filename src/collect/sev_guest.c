/* SPDX-License-Identifier: Apache-2.0 */
/* The collector "sev-guest": SNP_GET_EXT_REPORT of the Linux SEV-SNP guest device (linux/sev-guest.h; GHCB 2.0 section 4.1.8.1). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/reader.h"
#include "collect/collect_int.h"

#define SNP_GET_EXT_REPORT 0xC0205302UL
#define REPORT_LEN 1184u
#define CERTS_MAX 16384u

/* The kernel's own layouts; natural alignment gives 32 and 112 bytes. */
struct guest_request {
	uint8_t msg_version;
	uint64_t req_data, resp_data, exitinfo2;
};

struct ext_report_request {
	uint8_t user_data[64];
	uint32_t vmpl;
	uint8_t reserved[28];
	uint64_t certs_address;
	uint32_t certs_len;
};

_Static_assert(sizeof(struct guest_request) == 32 && sizeof(struct ext_report_request) == 112, "the kernel's layouts");

static int system_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

int (*hz_collect_ioctl)(int fd, unsigned long request, void *arg) = system_ioctl;

static CK_RV probe(const char *dev)
{
	return access(dev, R_OK | W_OK) == 0 ? CKR_OK : hz_collect_errno("SEV-SNP guest device", dev, errno);
}

/* status u32le, size u32le, 24 reserved, the report. */
static CK_RV take_report(const uint8_t *resp, size_t n, struct hz_piece *out)
{
	struct hz_reader r = hz_rd(resp, n);
	uint32_t status = hz_rd_u32le(&r), size = hz_rd_u32le(&r);
	const uint8_t *report;

	(void)hz_rd_bytes(&r, 24);
	report = hz_rd_bytes(&r, REPORT_LEN);
	if (status != 0 || size != REPORT_LEN || report == NULL)
		return hz_fail(CKR_DEVICE_ERROR, "the SEV-SNP firmware answers with status %#x and %u bytes", status, size);
	out->type = "application/vnd.amd.sev-snp.attestation-report";
	hz_buf_add(&out->value, report, REPORT_LEN);
	return out->value.failed ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV ask_device(int fd, const uint8_t report_data[64], uint8_t *certs, struct hz_cpu_pieces *out)
{
	uint8_t resp[4000] = { 0 };
	struct ext_report_request q = { .certs_address = (uint64_t)(uintptr_t)certs, .certs_len = CERTS_MAX };
	struct guest_request g = { 1, (uint64_t)(uintptr_t)&q, (uint64_t)(uintptr_t)resp, 0 };
	CK_RV rv;

	memcpy(q.user_data, report_data, 64);
	if (hz_collect_ioctl(fd, SNP_GET_EXT_REPORT, &g) != 0)
		return hz_fail(CKR_DEVICE_ERROR, "SNP_GET_EXT_REPORT: %s (firmware %#x, hypervisor %#x)", strerror(errno),
			       (unsigned)(g.exitinfo2 & 0xffffffff), (unsigned)(g.exitinfo2 >> 32));
	rv = take_report(resp, sizeof resp, &out->report);
	/* A host that gives no certificates leaves zeros: 24 of them end the table at once. */
	if (rv != CKR_OK || q.certs_len == 0 || q.certs_len > CERTS_MAX || memcmp(certs, (const uint8_t[24]){ 0 }, 24) == 0)
		return rv;
	out->certs.type = "application/vnd.amd.ghcb.guid-table";
	hz_buf_add(&out->certs.value, certs, q.certs_len);
	return out->certs.value.failed ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV cpu(const char *dev, const uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN], struct hz_cpu_pieces *out)
{
	int fd = open(dev, O_RDWR | O_CLOEXEC | O_NOCTTY);
	/* Whole pages, as the kernel wants them. */
	uint8_t *certs = mmap(NULL, CERTS_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CK_RV rv;

	if (fd < 0)
		rv = hz_collect_errno("SEV-SNP guest device", dev, errno);
	else
		rv = certs != MAP_FAILED ? ask_device(fd, report_data, certs, out) : CKR_HOST_MEMORY;
	if (certs != MAP_FAILED)
		(void)munmap(certs, CERTS_MAX);
	if (fd >= 0)
		(void)close(fd);
	return rv;
}

const struct hz_collector hz_collect_sev_guest = { "sev-guest", "/dev/sev-guest", false, probe, NULL, cpu, NULL };
