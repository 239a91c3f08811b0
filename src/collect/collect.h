/* SPDX-License-Identifier: Apache-2.0 */
/* Collectors: where a machine's own evidence comes from, one vtable a source. No process is started and no network used. */
#ifndef HZ_COLLECT_COLLECT_H
#define HZ_COLLECT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pkcs11.h"

#define HZ_BUNDLE_MAX ((size_t)1 << 20) /* bytes of a bundle */

/*
 * A source is text, SCHEME or SCHEME:PATH with an absolute path:
 *   tsm[:DIR]        configfs-tsm (Linux 6.7 on), default /sys/kernel/config/tsm/report
 *   sev-guest[:DEV]  the ioctl of the SEV-SNP guest device, default /dev/sev-guest
 *   tdx-guest[:DEV[,PORT|,SOCKET]]  TDX_CMD_GET_REPORT0 of the TDX guest device, default /dev/tdx_guest, and Intel's quote generation
 *                    service on a vsock port of the host (default 4050) or a Unix socket, within 30 s
 *   tpm[:TCTI]       a quote of a TPM 2.0, default device:/dev/tpmrm0 (other forms as tpm2_tcti has them); on an Azure confidential
 *                    VM, where the vTPM holds the platform's report, that report with a quote
 *   file:PATH        a bundle that something else made for a challenge it was given
 *   socket:PATH      an agent behind a Unix stream socket: gets {"hanzo_collect":1,"challenge":B64URL,"key":B64URL?} and a line feed,
 *                    answers with the bundle and closes, within 10 s
 *   sim:PATH         the simulated TEE that the JSON file describes
 */
struct hz_collect_ask {
	const uint8_t *challenge; /* what the evidence answers; empty for a key */
	size_t challenge_len;
	const uint8_t *key;       /* SubjectPublicKeyInfo (DER): attest this key instead */
	size_t key_len;
	const char *gpus;         /* where a CPU's source takes the GPUs' evidence from, or NULL: no GPU */
};

/* NULL, or what is wrong with the text of a source. Touches no file. */
const char *hz_collect_wrong(const char *source);
/* The same for a source of GPU evidence: nvml or nvml:PATH of libnvidia-ml. */
const char *hz_collect_wrong_gpus(const char *source);

/* Does it give a bundle made before, so that the challenge must have been given out? */
bool hz_collect_is_ready_made(const char *source);

/* Does it give a CPU's report alone, so that GPUs' evidence comes from a source of its own? */
bool hz_collect_takes_gpus(const char *source);

/* Is what the source needs there? CKR_OK or CKR_DEVICE_REMOVED. */
CK_RV hz_collect_probe(const char *source);
CK_RV hz_collect_probe_gpus(const char *source);

/*
 * Collect a bundle. Slow (up to seconds, with real hardware): call it without a lock that others need. CKR_DEVICE_REMOVED: the device,
 * file or agent is not there; CKR_DEVICE_ERROR: it is and does not answer as it should; CKR_HOST_MEMORY.
 */
CK_RV hz_collect(const char *source, const struct hz_collect_ask *ask, struct hz_buf *bundle);

#endif
