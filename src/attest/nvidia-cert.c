/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of an NVIDIA device: chain to the pinned key, kind of the device, firmware digest of the leaf. */

#include "attest/der.h"
#include "attest/nvidia.h"

#include <openssl/bn.h>

/* The key of "NVIDIA Device Identity CA": two certificates with this key are in use, so not the certificate is pinned. */
static const struct hz_at_pin device_root = {
	"NVIDIA Device Identity CA", true,
	{ 0xa9, 0x0c, 0x4e, 0xb5, 0xac, 0xfd, 0x3e, 0x3d, 0x03, 0xa2, 0x5d, 0xb6, 0xa2, 0x6b, 0x84, 0xf7,
	  0x20, 0xad, 0x05, 0x03, 0x19, 0x6c, 0x62, 0x7c, 0x21, 0xdd, 0xd4, 0x8d, 0xd8, 0x5b, 0x06, 0xa4 }
};

enum { LEAF, BROM, PROVISIONER, IDENTITY, ROOT };

/* ---- chain ---- */

static enum hz_attest_reason
check_lists(struct hz_at_run *run, STACK_OF(X509) *chain, bool needed)
{
	/* The chip issues its own leaf and keeps no list; vendor lists exist of the two authorities at the top. */
	for (int i = 0; i < ROOT; i++) {
		enum hz_attest_reason rc = hz_at_crl_check(run, sk_X509_value(chain, i), sk_X509_value(chain, i + 1),
		                                           needed && i >= PROVISIONER);

		if (rc != HZ_ATTEST_OK)
			return rc;
	}
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
check_chain(struct hz_at_run *run, STACK_OF(X509) *certs, bool crl_required)
{
	const struct hz_at_chain_req req = { .pins = &device_root, .n_pins = 1, .family = "nvidia", .length = HZ_NV_CHAIN_LEN,
		                             .bad_root = HZ_ATTEST_R_ROOT };
	STACK_OF(X509) *chain = NULL;
	enum hz_attest_reason rc;

	if (sk_X509_num(certs) != HZ_NV_CHAIN_LEN)
		return hz_at_refuse(run, HZ_ATTEST_R_CHAIN_LEN, "%d certificates, a device has %d", sk_X509_num(certs),
		                    HZ_NV_CHAIN_LEN);
	rc = hz_at_chain(run, sk_X509_value(certs, LEAF), certs, &req, &chain, NULL);
	for (int i = 0; rc == HZ_ATTEST_OK && i < HZ_NV_CHAIN_LEN; i++) {
		if (X509_cmp(sk_X509_value(chain, i), sk_X509_value(certs, i)) != 0)
			rc = hz_at_refuse(run, HZ_ATTEST_R_CHAIN, "the certificates are not in the order leaf to root");
		else if (!hz_at_key_on(X509_get0_pubkey(sk_X509_value(chain, i)), "P-384"))
			rc = hz_at_refuse(run, HZ_ATTEST_R_CERT_KIND, "a key of the chain is not on P-384");
	}
	if (rc == HZ_ATTEST_OK)
		rc = check_lists(run, chain, crl_required);
	hz_at_chain_free(chain);
	return rc;
}

/* ---- order ---- */

/* The certificate that no other of them was issued by, by name; -1 where there is none. */
static int
find_leaf(STACK_OF(X509) *certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		const X509_NAME *name = X509_get_subject_name(sk_X509_value(certs, i));
		bool issues = false;

		for (int k = 0; k < sk_X509_num(certs); k++)
			issues |= k != i && X509_NAME_cmp(X509_get_issuer_name(sk_X509_value(certs, k)), name) == 0;
		if (!issues)
			return i;
	}
	return -1;
}

void
hz_nv_arrange(STACK_OF(X509) *certs)
{
	X509 *order[HZ_NV_CHAIN_LEN];
	int n = sk_X509_num(certs), at = find_leaf(certs), used = 0;

	if (n != HZ_NV_CHAIN_LEN)
		return;
	while (at >= 0 && used < n) {
		const X509_NAME *issuer = X509_get_issuer_name(sk_X509_value(certs, at));

		order[used++] = sk_X509_value(certs, at);
		for (at = n - 1; at >= 0; at--)
			if (X509_NAME_cmp(X509_get_subject_name(sk_X509_value(certs, at)), issuer) == 0)
				break;
	}
	for (int i = 0; i < n; i++) /* names that lead in a circle leave some out */
		for (int k = 0; k < i; k++)
			if (used < n || order[i] == order[k])
				return;
	for (int i = 0; i < n; i++)
		(void)sk_X509_set(certs, i, order[i]);
}

/* ---- kind of device ---- */

/* "GH100 A01 GSP FMC LF": the chip is the first word.  A switch has LS_10 and the same authorities above it. */
static bool
read_chip(const X509 *leaf, struct hz_nv_device *out)
{
	static const char tail[] = " GSP FMC LF";
	char cn[64];
	size_t n, chip;

	if (!hz_at_subject_cn(leaf, cn, sizeof cn))
		return false;
	n = strlen(cn);
	chip = strcspn(cn, " ");
	if (chip != 5 || n < sizeof tail - 1 + chip || strcmp(cn + n - (sizeof tail - 1), tail) != 0)
		return false;
	memcpy(out->chip, cn, chip);
	out->chip[chip] = '\0';
	if (strcmp(out->chip, "GH100") == 0)
		out->arch = HZ_AT_ARCH_HOPPER;
	else if (strncmp(out->chip, "GB1", 3) == 0 && strspn(out->chip + 3, "0123456789") == 2)
		out->arch = HZ_AT_ARCH_BLACKWELL;
	else
		return false;
	return true;
}

static bool
read_serial(const X509 *brom, char *out, size_t room)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(brom), NULL);
	uint8_t raw[20];
	int n = bn != NULL && !BN_is_negative(bn) && BN_num_bytes(bn) <= (int)sizeof raw ? BN_bn2bin(bn, raw) : 0;

	BN_free(bn);
	if (n <= 0 || (size_t)(2 * n + 1) > room)
		return false;
	for (int i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[raw[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
	}
	out[2 * n] = '\0';
	return true;
}

enum hz_attest_reason
hz_nv_chain(struct hz_at_run *run, STACK_OF(X509) *certs, bool crl_required, struct hz_nv_device *out)
{
	enum hz_attest_reason rc = check_chain(run, certs, crl_required);

	memset(out, 0, sizeof *out);
	if (rc != HZ_ATTEST_OK)
		return rc;
	out->leaf = sk_X509_value(certs, LEAF);
	if (!read_chip(out->leaf, out))
		return hz_at_refuse(run, HZ_ATTEST_R_DEVICE_KIND, "the certificate is not a Hopper or Blackwell GPU's");
	if (!read_serial(sk_X509_value(certs, BROM), out->serial, sizeof out->serial))
		return hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "the boot ROM certificate has no usable serial number");
	return HZ_ATTEST_OK;
}

/* ---- firmware digest ---- */

static const uint8_t oid_sha384[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02 };

/* TCG DICE: FWID ::= SEQUENCE { hashAlg OBJECT IDENTIFIER, digest OCTET STRING }, here always SHA-384. */
static const uint8_t *
read_fwid(struct hz_reader *r)
{
	struct hz_reader fwid, oid, digest;
	const uint8_t *p;

	if (!hz_at_der_want(r, HZ_DER_SEQUENCE, &fwid) || !hz_at_der_want(&fwid, HZ_DER_OID, &oid) ||
	    !hz_at_der_want(&fwid, HZ_DER_OCTETS, &digest) || !hz_rd_end(&fwid))
		return NULL;
	p = hz_rd_bytes(&oid, sizeof oid_sha384);
	if (p == NULL || !hz_rd_end(&oid) || memcmp(p, oid_sha384, sizeof oid_sha384) != 0)
		return NULL;
	p = hz_rd_bytes(&digest, HZ_SPDM_HASH_LEN);
	return hz_rd_end(&digest) ? p : NULL;
}

/* 2.23.133.5.4.1, CompositeDeviceID of Hopper: SEQUENCE { version, device key, FWID }. */
static const uint8_t *
read_composite(struct hz_at_bytes ext)
{
	struct hz_reader r = hz_rd(ext.p, ext.len), list, skip;
	const uint8_t *p;

	if (!hz_at_der_want(&r, HZ_DER_SEQUENCE, &list) || !hz_rd_end(&r) || !hz_at_der_want(&list, HZ_DER_INTEGER, &skip) ||
	    !hz_at_der_want(&list, HZ_DER_SEQUENCE, &skip))
		return NULL;
	p = read_fwid(&list);
	return hz_rd_end(&list) ? p : NULL;
}

/* 2.23.133.5.4.1.1, DiceTcbInfo of Blackwell: context tag 6 is the list of FWIDs, of which the first is the firmware's. */
static const uint8_t *
read_tcb_info(struct hz_at_bytes ext)
{
	struct hz_reader r = hz_rd(ext.p, ext.len), list, member;
	const uint8_t *p = NULL;
	uint8_t tag;

	if (!hz_at_der_want(&r, HZ_DER_SEQUENCE, &list) || !hz_rd_end(&r))
		return NULL;
	while (hz_rd_left(&list) > 0) {
		if (!hz_at_der_next(&list, &tag, &member))
			return NULL;
		if (tag != 0xA6)
			continue;
		if (p != NULL)
			return NULL;
		p = read_fwid(&member);
		if (p == NULL)
			return NULL;
	}
	return p;
}

/* The digest in the leaf, or NULL: absent, malformed, or stated in both forms. */
static const uint8_t *
leaf_fwid(const X509 *leaf)
{
	struct hz_at_bytes composite = hz_at_cert_ext(leaf, "2.23.133.5.4.1"), tcb = hz_at_cert_ext(leaf, "2.23.133.5.4.1.1");

	if (composite.p != NULL && tcb.p != NULL)
		return NULL;
	return composite.p != NULL ? read_composite(composite) : tcb.p != NULL ? read_tcb_info(tcb) : NULL;
}

enum hz_attest_reason
hz_nv_fwid(struct hz_at_run *run, const struct hz_nv_device *d, const struct hz_nv_info *info, bool allow_missing)
{
	const uint8_t *want;

	if (info->fwid.p == NULL)
		return allow_missing ? HZ_ATTEST_OK
		                     : hz_at_refuse(run, HZ_ATTEST_R_FWID, "the report does not state its firmware digest");
	want = leaf_fwid(d->leaf);
	if (want == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_FWID, "the leaf certificate has no readable firmware digest");
	if (!hz_at_equal(want, info->fwid.p, HZ_SPDM_HASH_LEN))
		return hz_at_refuse(run, HZ_ATTEST_R_FWID, "the firmware digest is not the one in the leaf certificate");
	return HZ_ATTEST_OK;
}
