/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the hardware that a seal needs is on this machine. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "store/seal.h"

static CK_RV look(const char *what, const char *path)
{
	return access(path, F_OK) == 0 ? CKR_OK : hz_fail(CKR_DEVICE_REMOVED, "no %s: %s: %s", what, path, strerror(errno));
}

CK_RV hz_seal_present(unsigned kind, const struct hz_seal_conf *conf)
{
	const char *tcti = conf->tpm2_tcti[0] != '\0' ? conf->tpm2_tcti : HZ_TPM2_TCTI;

	if (kind == HZ_SEAL_SNP)
		return look("SEV-SNP guest device", conf->snp_device[0] != '\0' ? conf->snp_device : HZ_SNP_DEVICE);
	if (kind != HZ_SEAL_TPM2)
		return CKR_OK;
	if (strncmp(tcti, "device:", 7) == 0)
		return look("TPM", tcti + 7);
	if (strncmp(tcti, "swtpm:path=", 11) == 0)
		return look("TPM", tcti + 11);
	return tcti[0] == '/' ? look("TPM", tcti) : CKR_OK;
}
