/* SPDX-License-Identifier: Apache-2.0 */
/* The collector "file": a bundle that something else made, for the challenge that the session gave out. */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "collect/collect_int.h"

/* The file comes with each login: that it is not there yet says nothing. */
static CK_RV probe(const char *path)
{
	(void)path;
	return CKR_OK;
}

static CK_RV bundle(const char *path, const struct hz_collect_ask *ask, struct hz_buf *out)
{
	if (ask->key_len != 0)
		return hz_fail(CKR_DEVICE_ERROR, "a file holds no attestation of a key");
	return hz_collect_read(path, HZ_BUNDLE_MAX, "evidence file", out);
}

const struct hz_collector hz_collect_file = { "file", NULL, true, probe, bundle, NULL, NULL };
