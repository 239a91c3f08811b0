/* SPDX-License-Identifier: Apache-2.0 */
/* What a collateral file is: by the end of its name, or by what is in it. */

#include "attest/attest-int.h"

#include "attest/der.h"

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

enum hz_attest_collateral
hz_attest_collateral_by_name(const char *name)
{
	static const struct {
		const char *end;
		enum hz_attest_collateral kind;
	} ends[] = {
		{ "crl.der", HZ_ATTEST_COLL_CRL },
		{ "crl.pem", HZ_ATTEST_COLL_CRL },
		{ ".crl", HZ_ATTEST_COLL_CRL },
		{ "tcb-info.json", HZ_ATTEST_COLL_TCB_INFO },
		{ "tcb-info-response.json", HZ_ATTEST_COLL_TCB_INFO },
		{ "tcb-info.sig", HZ_ATTEST_COLL_TCB_INFO_SIG },
		{ "qe-identity.json", HZ_ATTEST_COLL_QE_IDENTITY },
		{ "qe-identity-response.json", HZ_ATTEST_COLL_QE_IDENTITY },
		{ "qe-identity.sig", HZ_ATTEST_COLL_QE_IDENTITY_SIG },
		{ "chain.pem", HZ_ATTEST_COLL_CERTS },
		{ ".swidtag", HZ_ATTEST_COLL_RIM },
		{ ".xml", HZ_ATTEST_COLL_RIM },
	};

	for (size_t i = 0; name != NULL && i < sizeof ends / sizeof *ends; i++)
		if (ends_with(name, ends[i].end))
			return ends[i].kind;
	return HZ_ATTEST_COLL_NONE;
}

/* ---- by content: enough to tell the kinds apart; whether the file is any good is seen where it is used ---- */

/* Goes into a SEQUENCE, whatever follows it: lists may be longer than what der.c takes. */
static bool
enter(struct hz_reader *r)
{
	uint8_t tag = hz_rd_u8(r), len = hz_rd_u8(r);

	if (len > 0x80)
		hz_rd_skip(r, len & 0x7Fu);
	return tag == HZ_DER_SEQUENCE && len != 0x80 && hz_rd_ok(r);
}

/* RFC 5280: a certificate begins with [0] version; a list with INTEGER 1 and the algorithm, or with the algorithm. */
static enum hz_attest_collateral
look_at_der(struct hz_reader r)
{
	static const uint8_t v2[] = { HZ_DER_INTEGER, 1, 1, HZ_DER_SEQUENCE };
	const uint8_t *p;

	if (!enter(&r) || !enter(&r) || (p = hz_rd_peek(&r, sizeof v2)) == NULL)
		return HZ_ATTEST_COLL_NONE;
	if (p[0] == HZ_DER_SEQUENCE || memcmp(p, v2, sizeof v2) == 0)
		return HZ_ATTEST_COLL_CRL;
	return p[0] == 0xA0 ? HZ_ATTEST_COLL_CERTS : HZ_ATTEST_COLL_NONE;
}

static bool
begins(const struct hz_reader *r, const char *with)
{
	const uint8_t *p = hz_rd_peek(r, strlen(with));

	return p != NULL && memcmp(p, with, strlen(with)) == 0;
}

/* Is the text in the first 4 KiB? */
static bool
holds(struct hz_reader r, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < 4096 && hz_rd_left(&r) >= n; i++) {
		if (begins(&r, text))
			return true;
		hz_rd_skip(&r, 1);
	}
	return false;
}

enum hz_attest_collateral
hz_attest_collateral_by_content(const void *data, size_t len)
{
	struct hz_reader r = hz_rd(data, data != NULL && len <= HZ_ATTEST_MAX_INPUT ? len : 0);
	const uint8_t *c = hz_rd_peek(&r, 1);

	if (c != NULL && *c == HZ_DER_SEQUENCE)
		return look_at_der(r);
	for (; c != NULL && *c != 0 && strchr(" \t\r\n", *c) != NULL; c = hz_rd_peek(&r, 1))
		hz_rd_skip(&r, 1);
	if (begins(&r, "-----BEGIN X509 CRL-----"))
		return HZ_ATTEST_COLL_CRL;
	if (begins(&r, "-----BEGIN CERTIFICATE-----"))
		return HZ_ATTEST_COLL_CERTS;
	if (begins(&r, "{") && hz_at_json_span(data, len, "tcbInfo").p != NULL)
		return HZ_ATTEST_COLL_TCB_INFO;
	if (begins(&r, "{") && hz_at_json_span(data, len, "enclaveIdentity").p != NULL)
		return HZ_ATTEST_COLL_QE_IDENTITY;
	return begins(&r, "<") && holds(r, "SoftwareIdentity") ? HZ_ATTEST_COLL_RIM : HZ_ATTEST_COLL_NONE;
}

enum hz_attest_collateral
hz_attest_collateral_of(const char *name, const void *data, size_t len)
{
	enum hz_attest_collateral kind = hz_attest_collateral_by_name(name);

	return kind != HZ_ATTEST_COLL_NONE ? kind : hz_attest_collateral_by_content(data, len);
}
