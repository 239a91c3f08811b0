/* SPDX-License-Identifier: Apache-2.0 */
/* Between the collectors and what makes a bundle of their pieces. */
#ifndef HZ_COLLECT_INT_H
#define HZ_COLLECT_INT_H

#include "collect/collect.h"
#include "hanzo-attest.h"

/* A piece of evidence as a record of the bundle. */
struct hz_piece {
	const char *type;   /* media type; NULL: there is none */
	struct hz_buf value;
};

struct hz_cpu_pieces {
	struct hz_piece report, certs;
};

struct hz_gpu_piece {
	struct hz_piece evidence;
	uint8_t spki[32];   /* SHA-256 of the leaf certificate's key */
};

/* A source gives whole bundles (`bundle`) or a CPU report over 64 bytes (`cpu`). */
struct hz_collector {
	const char *scheme, *default_path; /* NULL: a path must be given */
	bool ready_made;
	CK_RV (*probe)(const char *path);
	CK_RV (*bundle)(const char *path, const struct hz_collect_ask *ask, struct hz_buf *out);
	CK_RV (*cpu)(const char *path, const uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN], struct hz_cpu_pieces *out);
	bool (*path_ok)(const char *path); /* NULL: any absolute path */
};

extern const struct hz_collector hz_collect_file, hz_collect_sev_guest, hz_collect_sim, hz_collect_socket, hz_collect_tdx_guest,
	hz_collect_tpm, hz_collect_tsm;

/* One verifier for the formulas, made at first use; NULL when memory is out. Threads share it. Free it with hz_attest_verifier_free. */
hz_attest_verifier *hz_collect_verifier(void);

/* The evidence of every GPU, each over its own nonce (nvml.c). n: room in, number out. */
CK_RV hz_nvml_collect(const char *path, const struct hz_collect_ask *ask, struct hz_gpu_piece *out, size_t *n);
CK_RV hz_nvml_probe(const char *path);

/* Write the bundle. */
CK_RV hz_bundle_write(const struct hz_collect_ask *ask, const struct hz_cpu_pieces *cpu, const struct hz_gpu_piece *gpu, size_t n,
		      struct hz_buf *out);
void hz_put_b64(struct hz_buf *out, const void *p, size_t n);

/* Read a file of at most max bytes; CKR_DEVICE_REMOVED where it is not there. `what` names it in reasons. */
CK_RV hz_collect_read(const char *path, size_t max, const char *what, struct hz_buf *out);
/* CKR_DEVICE_REMOVED for an error number that says that a thing is not there, else CKR_DEVICE_ERROR; with a reason. */
CK_RV hz_collect_errno(const char *what, const char *path, int error);

/* The system call, replaced by tests of the sev-guest and tdx-guest collectors. */
extern int (*hz_collect_ioctl)(int fd, unsigned long request, void *arg);

#endif
