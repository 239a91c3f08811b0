/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: messages of key generation and refresh without a dealer, and the lists of shares that come of them. First byte: which.
 *   0, 1  a message of a key generation, of a refresh, as it is
 *   2, 3  the same with good signatures in the place of its own, so that changes behind them are looked at
 *   4, 5  a list to be added up, to be refreshed with: u8 length || share each, encrypted here
 *   6, 7  the same lists as they would travel
 */
#include <stdlib.h>
#include <string.h>

#include "backend/soft_int.h"
#include "base/error.h"
#include "crypto/dkg.h"
#include "crypto/ecies.h"
#include "crypto/k256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

enum { NODES = 3, T = 2, MAX = 2048 };

static struct hz_dkg plain, refresh;
static struct hz_share old;
static uint8_t node_pub[64];
static struct hz_key *node;
static struct hz_attrs share_attrs = HZ_ATTRS_INIT;

static void secret(uint8_t sec[32], unsigned base, unsigned i)
{
	memset(sec, 0, 32);
	sec[31] = (uint8_t)(base + i);
}

static void ceremonies(void)
{
	static const struct hz_split split = { { 9 }, T, NODES };
	uint8_t sec[32], pub[64];

	plain.split.t = T;
	plain.split.n = NODES;
	for (unsigned i = 0; i < NODES; i++) {
		secret(sec, 1, i);
		CHECK(hz_k256_pub_from_sec(pub, sec) && hz_k256_pub_write(pub, true, plain.nodes[i]));
	}
	refresh = plain;
	secret(sec, 100, 0);
	CHECK(hz_share_make(sec, &split, 1, &old) == CKR_OK);
	refresh.old = &old;
	CHECK(hz_dkg_begin(&plain) == CKR_OK && hz_dkg_begin(&refresh) == CKR_OK);
}

/* Node 1's key, and its share of the old split as the module keeps it. */
static void objects(void)
{
	static const uint8_t params[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };
	struct hz_attrs a = HZ_ATTRS_INIT;
	uint8_t sec[32];

	secret(sec, 1, 0);
	CHECK(hz_attrs_set_ulong(&a, CKA_CLASS, CKO_PRIVATE_KEY) == CKR_OK && hz_attrs_set_ulong(&a, CKA_KEY_TYPE, CKK_EC) == CKR_OK &&
	      hz_attrs_set(&a, CKA_EC_PARAMS, params, sizeof params, false) == CKR_OK && hz_attrs_dup(&share_attrs, &a) == CKR_OK &&
	      hz_attrs_set(&a, CKA_VALUE, sec, 32, true) == CKR_OK && hz_soft_key_new(&a, &node) == CKR_OK);
	CHECK(hz_attrs_set_ulong(&share_attrs, CKA_HANZO_SHARE_INDEX, 1) == CKR_OK);
	CHECK(hz_k256_pub_from_sec(node_pub, sec));
	hz_attrs_free(&a);
}

static void inside(const uint8_t *data, size_t size, const uint8_t *p, size_t n)
{
	CHECK(p >= data && n <= size && (size_t)(p - data) <= size - n);
}

static void message(const struct hz_dkg *d, const uint8_t *data, size_t size)
{
	static struct hz_dkg_msg m;
	static struct hz_share record;
	uint8_t y[64];

	if (hz_dkg_read(d, data, size, &m) != CKR_OK)
		return;
	CHECK(m.all == data && m.len == size && m.from >= 1 && m.from <= NODES);
	if (m.round == 2) {
		inside(data, size, m.transcript, 32);
		for (unsigned i = 0; i < NODES; i++)
			inside(data, size, m.blob[i], m.blob_len[i]);
		return;
	}
	if (m.round == 3) {
		CHECK(d->old != NULL);
		inside(data, size, m.transcript, 32);
		return;
	}
	CHECK(m.round == 1);
	inside(data, size, m.commitments, 33 * (size_t)hz_dkg_points(d));
	if (hz_dkg_sum(d, &m, 1, &record))
		for (unsigned i = 1; i <= NODES; i++)
			(void)hz_share_public(&record, i, y);
}

/* By the node that the message names, and in round 1 by the dealt key of that node. */
static void message_signed(const struct hz_dkg *d, const uint8_t *data, size_t size)
{
	static uint8_t copy[MAX];
	uint8_t sec[32];
	unsigned from;

	if (size > MAX || size < HZ_DKG_HEAD + HZ_DKG_SIG)
		return;
	memcpy(copy, data, size);
	from = (unsigned)copy[HZ_DKG_HEAD - 2] << 8 | copy[HZ_DKG_HEAD - 1];
	if (from < 1 || from > NODES)
		return;
	if (copy[6] == 1 && size >= HZ_DKG_HEAD + 2 * HZ_DKG_SIG) {
		secret(sec, 50, from - 1);
		CHECK(hz_k256_schnorr_sign(sec, copy, size - 2 * HZ_DKG_SIG, copy + size - 2 * HZ_DKG_SIG));
	}
	secret(sec, 1, from - 1);
	CHECK(hz_k256_schnorr_sign(sec, copy, size - HZ_DKG_SIG, copy + size - HZ_DKG_SIG));
	message(d, copy, size);
}

/* What the module makes of a list; nothing but a share, and no more than was told. */
static void list(const uint8_t *data, size_t size, bool renew)
{
	const struct hz_soft_mech *row = hz_soft_mech_find(renew ? CKM_HANZO_SHARE_REFRESH : CKM_HANZO_ECIES);
	const struct hz_mech m = { .type = row->row.type };
	struct hz_attrs made = HZ_ATTRS_INIT;
	const struct hz_attr *v;
	CK_RV rv;

	CHECK(hz_attrs_dup(&made, &share_attrs) == CKR_OK);
	if (renew)
		CHECK(hz_attrs_set(&made, CKA_VALUE, old.value, 32, true) == CKR_OK && hz_attrs_set_ulong(&made, CKA_HANZO_SHARE_THRESHOLD, T) == CKR_OK &&
		      hz_attrs_set(&made, HZ_CKA_REF, old.split.id, HZ_SHAMIR_ID, false) == CKR_OK);
	rv = row->unwrap(&m, node, data, size, &made);
	v = hz_attrs_find(&made, CKA_VALUE);
	if (rv == CKR_OK)
		CHECK(v != NULL && v->len == 32 && hz_k256_sec_ok(v->value) && hz_attrs_ulong(&made, CKA_HANZO_SHARE_INDEX, 0) == 1);
	else
		CHECK(rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_WRAPPED_KEY_LEN_RANGE || rv == CKR_TEMPLATE_INCONSISTENT);
	if (rv != CKR_OK && renew)
		CHECK(v != NULL && memcmp(v->value, old.value, 32) == 0);
	hz_attrs_free(&made);
}

static void list_sealed(const uint8_t *data, size_t size, bool renew)
{
	const struct hz_ecies_aad aad = { HZ_ECIES_SHARE, NULL, 0 };
	struct hz_buf out = HZ_BUF_INIT, blob = HZ_BUF_INIT;
	unsigned n = 0;

	hz_buf_u8(&out, 0);
	hz_buf_be16(&out, 0);
	while (size != 0 && n < 8) {
		size_t len = data[0] < size ? data[0] : size - 1;

		hz_buf_clear(&blob);
		CHECK(hz_ecies_seal(node_pub, &aad, data + 1, len, &blob) == CKR_OK);
		hz_buf_be32(&out, (uint32_t)blob.len);
		hz_buf_add(&out, blob.p, blob.len);
		data += 1 + len;
		size -= 1 + len;
		n++;
	}
	CHECK(!out.failed);
	out.p[2] = (uint8_t)(renew ? n / 2 : n);
	list(out.p, out.len, renew);
	hz_buf_free(&blob);
	hz_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (node == NULL) {
		ceremonies();
		objects();
	}
	if (size < 2)
		return 0;
	switch (data[0]) {
	case 0:
	case 1: message(data[0] ? &refresh : &plain, data + 1, size - 1); break;
	case 2:
	case 3: message_signed(data[0] == 3 ? &refresh : &plain, data + 1, size - 1); break;
	case 4:
	case 5: list_sealed(data + 1, size - 1, data[0] == 5); break;
	default: list(data + 1, size - 1, data[0] % 2 != 0); break;
	}
	hz_error_clear();
	return 0;
}
