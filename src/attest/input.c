/* SPDX-License-Identifier: Apache-2.0 */
/* The input object: borrowed evidence, certificates, collateral and expectations of one verification. */

#include "attest/attest-int.h"

#include <stdlib.h>

hz_attest_input *
hz_attest_input_new(void)
{
	return calloc(1, sizeof(struct hz_attest_input));
}

void
hz_attest_input_free(hz_attest_input *in)
{
	free(in);
}

/* Sets one borrowed field; the empty string of bytes is kept as such, so that its length is refused where it is read. */
static bool
borrow(struct hz_at_bytes *to, const void *data, size_t len, size_t max)
{
	if ((data == NULL && len != 0) || len > max)
		return false;
	to->p = data != NULL ? data : (const void *)"";
	to->len = len;
	return true;
}

bool
hz_attest_input_evidence(hz_attest_input *in, enum hz_attest_kind kind, const void *data, size_t len)
{
	if (kind != HZ_ATTEST_KIND_NONE && hz_attest_kind_name(kind) == NULL)
		return false;
	in->kind = kind;
	return borrow(&in->evidence, data, len, HZ_ATTEST_MAX_INPUT);
}

bool
hz_attest_input_part(hz_attest_input *in, const char *name, const void *data, size_t len)
{
	if (name == NULL || in->parts == HZ_AT_MAX_PARTS)
		return false;
	in->part[in->parts].name = name;
	return borrow(&in->part[in->parts].data, data, len, HZ_ATTEST_MAX_INPUT) && ++in->parts;
}

bool
hz_attest_input_certs(hz_attest_input *in, const void *data, size_t len)
{
	return in->n_certs < HZ_AT_MAX_FILES && borrow(&in->certs[in->n_certs], data, len, HZ_ATTEST_MAX_INPUT) &&
	       ++in->n_certs;
}

bool
hz_attest_input_collateral(hz_attest_input *in, enum hz_attest_collateral kind, const void *data, size_t len)
{
	if (kind <= HZ_ATTEST_COLL_NONE || kind > HZ_ATTEST_COLL_RIM || in->n_coll == HZ_AT_MAX_FILES)
		return false;
	in->coll[in->n_coll].kind = kind;
	return borrow(&in->coll[in->n_coll].data, data, len, HZ_ATTEST_MAX_INPUT) && ++in->n_coll;
}

bool
hz_attest_input_challenge(hz_attest_input *in, const void *data, size_t len)
{
	return len > 0 && borrow(&in->challenge, data, len, 1024);
}

bool
hz_attest_input_report_data(hz_attest_input *in, const void *data, size_t len)
{
	return len == HZ_ATTEST_REPORT_DATA_LEN && borrow(&in->report_data, data, len, len);
}

bool
hz_attest_input_nonce(hz_attest_input *in, const void *data, size_t len)
{
	return len > 0 && borrow(&in->nonce, data, len, 64);
}

bool
hz_attest_input_key(hz_attest_input *in, const void *spki, size_t len)
{
	in->key_attestation = true;
	return borrow(&in->key, spki, len, HZ_ATTEST_MAX_INPUT);
}

bool
hz_attest_input_time(hz_attest_input *in, int64_t unix_time)
{
	in->now = unix_time;
	in->has_now = true;
	return true;
}

bool
hz_attest_input_tier(hz_attest_input *in, unsigned tier)
{
	in->tier = tier;
	return tier <= 4;
}
