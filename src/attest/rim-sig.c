/* SPDX-License-Identifier: Apache-2.0 */
/* The enveloped XML signature of a reference manifest and the chain of its signer. */

#include "attest/b64.h"
#include "attest/rim.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define C14N "http://www.w3.org/2006/12/xml-c14n11"
#define ENVELOPED DSIG "enveloped-signature"
#define ECDSA_SHA384 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
#define SHA384 "http://www.w3.org/2001/04/xmldsig-more#sha384"

#define SIGNATURE_LEN 96
#define MAX_CERT_LEN 4096

/* "NVIDIA CoRIM signing Root CA", by its key. */
static const struct hz_at_pin signing_root = {
	"NVIDIA CoRIM signing Root CA", true,
	{ 0xde, 0xc1, 0xdc, 0x31, 0x64, 0x77, 0xaa, 0x85, 0x1e, 0xeb, 0xdf, 0x51, 0x32, 0x7a, 0xe9, 0xf8,
	  0x64, 0xbc, 0x8d, 0x89, 0x25, 0x46, 0x57, 0xed, 0x1e, 0x7e, 0xb9, 0x16, 0x8a, 0xf1, 0xe1, 0xa3 }
};

/* What the signature consists of, each part exactly where XML Signature has it. */
struct parts {
	const struct hz_xml_node *info, *digest, *value, *key_info;
};

/* ---- form ---- */

static bool
blank(const struct hz_xml_node *text)
{
	for (size_t i = 0; i < text->text.len; i++)
		if (strchr(" \t\r\n", text->text.p[i]) == NULL)
			return false;
	return true;
}

/* The next element at or behind n, over blank text; NULL at the end, and at text that is not blank. */
static const struct hz_xml_node *
element(const struct hz_xml_node *n)
{
	while (n != NULL && n->local.len == 0) {
		if (!blank(n))
			return NULL;
		n = n->next;
	}
	return n;
}

/* Takes element `local` of the signature namespace from *at and moves on; NULL if another is there. */
static const struct hz_xml_node *
next(const struct hz_xml_node **at, const char *local)
{
	const struct hz_xml_node *n = element(*at);

	if (!hz_xml_named(n, DSIG, local))
		return NULL;
	*at = n->next;
	return n;
}

/* An element without content whose attributes are Algorithm alone, with this value. */
static bool
method(const struct hz_xml_doc *doc, const struct hz_xml_node **at, const char *local, const char *algorithm)
{
	const struct hz_xml_node *n = next(at, local);

	return n != NULL && n->child == NULL && n->attributes == 1 && hz_xml_is(hz_xml_attribute(doc, n, "", "Algorithm"), algorithm);
}

/* Nothing but blank text is left. */
static bool
ended(const struct hz_xml_node *at)
{
	for (; at != NULL; at = at->next)
		if (at->local.len != 0 || !blank(at))
			return false;
	return true;
}

/* One reference, to the whole document without its signature: whatever else the file says is signed. */
static bool
read_reference(const struct hz_xml_doc *doc, const struct hz_xml_node *ref, struct parts *out)
{
	struct hz_xml_span uri = hz_xml_attribute(doc, ref, "", "URI");
	const struct hz_xml_node *at = ref->child, *transforms = next(&at, "Transforms"), *t;

	if (uri.p == NULL || uri.len != 0 || ref->attributes != 1 || transforms == NULL)
		return false;
	t = transforms->child;
	if (!method(doc, &t, "Transform", ENVELOPED) || !method(doc, &t, "Transform", C14N) || !ended(t))
		return false;
	if (!method(doc, &at, "DigestMethod", SHA384))
		return false;
	out->digest = next(&at, "DigestValue");
	return out->digest != NULL && ended(at);
}

static bool
read_parts(const struct hz_rim *rim, struct parts *out)
{
	const struct hz_xml_node *at = rim->signature->child, *ref;

	out->info = next(&at, "SignedInfo");
	out->value = next(&at, "SignatureValue");
	out->key_info = next(&at, "KeyInfo");
	if (out->info == NULL || out->value == NULL || out->key_info == NULL || !ended(at))
		return false;
	at = out->info->child;
	if (!method(&rim->doc, &at, "CanonicalizationMethod", C14N) || !method(&rim->doc, &at, "SignatureMethod", ECDSA_SHA384))
		return false;
	ref = next(&at, "Reference");
	return ref != NULL && ended(at) && read_reference(&rim->doc, ref, out);
}

/* Base64 content of an element. */
static bool
content(const struct hz_xml_node *n, uint8_t *out, size_t *len)
{
	const struct hz_xml_node *t = n->child;

	return t != NULL && t->local.len == 0 && t->next == NULL && hz_at_b64_decode(t->text.p, t->text.len, true, out, len);
}

/* ---- certificates ---- */

static bool
read_certs(struct hz_at_run *run, const struct hz_xml_node *key_info, STACK_OF(X509) *to)
{
	const struct hz_xml_node *at = key_info->child, *data = next(&at, "X509Data"), *n;
	uint8_t der[MAX_CERT_LEN];

	if (data == NULL || !ended(at))
		return false;
	at = data->child;
	while ((n = next(&at, "X509Certificate")) != NULL) {
		size_t len = sizeof der;
		X509 *cert = content(n, der, &len) ? hz_at_cert_der(run, der, len) : NULL;

		if (cert == NULL || sk_X509_num(to) >= 8 || sk_X509_push(to, cert) <= 0) {
			X509_free(cert);
			return false;
		}
	}
	return ended(at) && sk_X509_num(to) > 0;
}

static bool
may_sign(X509 *signer)
{
	return (X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) != 0 && X509_check_ca(signer) == 0;
}

static enum hz_attest_reason
check_signer(struct hz_at_run *run, STACK_OF(X509) *certs)
{
	const struct hz_at_chain_req req = { .pins = &signing_root, .n_pins = 1, .family = "nvidia-rim", .length = 0,
		                             .bad_root = HZ_ATTEST_R_ROOT };
	STACK_OF(X509) *chain = NULL;
	enum hz_attest_reason rc;

	if (!may_sign(sk_X509_value(certs, 0)))
		return hz_at_refuse(run, HZ_ATTEST_R_CERT_KIND, "the manifest's certificate is not for signing");
	rc = hz_at_chain(run, sk_X509_value(certs, 0), certs, &req, &chain, NULL);
	for (int i = 0; rc == HZ_ATTEST_OK && i + 1 < sk_X509_num(chain); i++)
		rc = hz_at_crl_check(run, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), false);
	hz_at_chain_free(chain);
	return rc;
}

/* ---- signature ---- */

/* The digest of the document without its signature is the one in the reference. */
static bool
digest_fits(struct hz_at_run *run, const struct hz_rim *rim, const struct parts *parts)
{
	uint8_t want[HZ_RIM_HASH_LEN], got[HZ_RIM_HASH_LEN];
	size_t n = sizeof want, len = 0;
	char *text;
	bool ok;

	if (!content(parts->digest, want, &n) || n != sizeof want)
		return false;
	text = hz_xml_canonical(&rim->doc, &rim->doc.node[0], rim->signature, &len);
	ok = text != NULL && hz_at_digest(run, "SHA384", &(struct hz_at_bytes){ (const uint8_t *)text, len }, 1, got) &&
	     hz_at_equal(want, got, sizeof want);
	free(text);
	return ok;
}

static bool
signature_fits(struct hz_at_run *run, const struct hz_rim *rim, const struct parts *parts, X509 *signer)
{
	uint8_t rs[SIGNATURE_LEN];
	size_t n = sizeof rs, len = 0;
	char *text;
	bool ok;

	if (!content(parts->value, rs, &n) || n != sizeof rs)
		return false;
	text = hz_xml_canonical(&rim->doc, parts->info, NULL, &len);
	ok = text != NULL && hz_at_ecdsa_verify(run, X509_get0_pubkey(signer), "P-384", "SHA384", rs, sizeof rs,
	                                        &(struct hz_at_bytes){ (const uint8_t *)text, len }, 1);
	free(text);
	return ok;
}

enum hz_attest_reason
hz_rim_verify(struct hz_at_run *run, const struct hz_rim *rim)
{
	struct parts parts = { NULL, NULL, NULL, NULL };
	STACK_OF(X509) *certs = sk_X509_new_null();
	enum hz_attest_reason rc;

	if (certs == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	if (!read_parts(rim, &parts))
		rc = hz_at_refuse(run, HZ_ATTEST_R_RIM_SIGNATURE, "the manifest's signature is not of the form that is verified");
	else if (!read_certs(run, parts.key_info, certs))
		rc = hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "the manifest's certificates cannot be read");
	else if (!digest_fits(run, rim, &parts))
		rc = hz_at_refuse(run, HZ_ATTEST_R_RIM_SIGNATURE, "the manifest was altered");
	else
		rc = check_signer(run, certs);
	if (rc == HZ_ATTEST_OK && !signature_fits(run, rim, &parts, sk_X509_value(certs, 0)))
		rc = hz_at_refuse(run, HZ_ATTEST_R_RIM_SIGNATURE, "the manifest's signature is not its signer's");
	sk_X509_pop_free(certs, X509_free);
	return rc;
}
