/* SPDX-License-Identifier: Apache-2.0 */
/* Every TPM, Azure and CCA vector and recipe of the stored set: verdict, reason, claims; and their policies. */

#include "config.h"

#include "vectors.h"

#include "base/hex.h"

#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define ANY_TIME "2026-03-01T00:00:00Z"

static hz_attest_verifier *verifier;
static hz_attest_policy *reference;

struct part {
	const char *name;
	struct blob data;
};

/* One run. Blobs without bytes are not given. */
struct run {
	enum hz_attest_kind kind;
	const char *at;
	struct blob evidence, certs, nonce, report_data;
	struct part part[8];
	size_t parts;
	const hz_attest_policy *policy;
};

static hz_attest_result *
verify(const struct run *r)
{
	static const char *const chains[] = { "snp/roots/milan-ask.pem", "snp/roots/milan-ark.pem", "snp/roots/genoa-ask.pem",
		                              "snp/roots/genoa-ark.pem" };
	hz_attest_input *in = hz_attest_input_new();
	struct blob chain[4];
	hz_attest_result *res;

	CHECK(hz_attest_input_evidence(in, r->kind, r->evidence.p, r->evidence.len));
	CHECK(hz_attest_input_time(in, seconds(r->at != NULL ? r->at : ANY_TIME)));
	for (size_t i = 0; i < r->parts; i++)
		CHECK(hz_attest_input_part(in, r->part[i].name, r->part[i].data.p, r->part[i].data.len));
	for (size_t i = 0; i < 4; i++) {
		chain[i] = vectors_file(chains[i]);
		if (r->kind == HZ_ATTEST_KIND_AZURE)
			hz_attest_input_certs(in, chain[i].p, chain[i].len);
	}
	if (r->certs.p != NULL)
		CHECK(hz_attest_input_certs(in, r->certs.p, r->certs.len));
	if (r->nonce.p != NULL)
		CHECK(hz_attest_input_nonce(in, r->nonce.p, r->nonce.len));
	if (r->report_data.p != NULL)
		CHECK(hz_attest_input_report_data(in, r->report_data.p, r->report_data.len));
	res = hz_attest_verify(verifier, r->policy != NULL ? r->policy : reference, in);
	hz_attest_input_free(in);
	for (size_t i = 0; i < 4; i++)
		blob_free(&chain[i]);
	return res;
}

static void
expect(const char *name, const struct run *r, const char *outcome)
{
	hz_attest_result *res = verify(r);

	if (!same_verdict(outcome, res)) {
		failures++;
		fprintf(stderr, "%s: want %s, got %s (%s)\n", name, outcome, hz_attest_reason_name(hz_attest_result_reason(res)),
		        hz_attest_result_text(res));
	}
	hz_attest_result_free(res);
}

static void
add_part(struct run *r, const char *name, const char *path)
{
	r->part[r->parts++] = (struct part){ name, vectors_file(path) };
}

static struct blob *
part(struct run *r, const char *name)
{
	for (size_t i = 0; i < r->parts; i++)
		if (strcmp(r->part[i].name, name) == 0)
			return &r->part[i].data;
	return NULL;
}

static void
drop_part(struct run *r, const char *name)
{
	for (size_t i = 0; i < r->parts; i++)
		if (strcmp(r->part[i].name, name) == 0) {
			blob_free(&r->part[i].data);
			r->part[i] = r->part[--r->parts];
			return;
		}
}

static void
release(struct run *r)
{
	blob_free(&r->evidence);
	blob_free(&r->certs);
	blob_free(&r->nonce);
	blob_free(&r->report_data);
	while (r->parts > 0)
		blob_free(&r->part[--r->parts].data);
}

static hz_attest_policy *
policy(const char *members)
{
	char json[4096], err[160] = "";
	hz_attest_policy *p;

	snprintf(json, sizeof json, "{\"hanzo_policy\":1,%s}", members);
	p = hz_attest_policy_parse(json, strlen(json), err, sizeof err);
	if (p == NULL) {
		failures++;
		fprintf(stderr, "%s: %s\n", json, err);
	}
	return p;
}

/* The same evidence under a policy. */
static void
expect_policy(struct run *r, const char *members, const char *outcome)
{
	hz_attest_policy *p = policy(members);

	r->policy = p;
	if (p != NULL)
		expect(members, r, outcome);
	r->policy = NULL;
	hz_attest_policy_free(p);
}

/* ---- TPM ---- */

static void
tpm_run(struct json_object *v, struct run *r)
{
	memset(r, 0, sizeof *r);
	r->kind = HZ_ATTEST_KIND_TPM;
	r->evidence = vectors_file(vector_file(v, "TPMS_ATTEST"));
	add_part(r, "signature", vector_file(v, "raw RSA signature"));
	add_part(r, "pcrs", vector_file(v, "PCR values"));
	add_part(r, "ak", vector_file(v, "AK public key"));
	r->nonce = blob_hex(text(member(v, "expected"), "nonce_hex"));
}

static void
test_tpm_recipe(struct json_object *v, struct json_object *recipe)
{
	const char *file = text(recipe, "file");
	struct run r;
	hz_attest_result *res;

	tpm_run(v, &r);
	if (strstr(file, ".msg") != NULL)
		recipe_apply(member(recipe, "ops"), &r.evidence);
	else
		recipe_apply(member(recipe, "ops"), part(&r, strstr(file, "pcrs") != NULL ? "pcrs" : "signature"));
	if (text(recipe, "expect_nonce") != NULL) {
		blob_free(&r.nonce);
		r.nonce = blob_hex(text(recipe, "expect_nonce"));
	}
	if (text(recipe, "use_ak") != NULL) {
		drop_part(&r, "ak");
		add_part(&r, "ak", text(recipe, "use_ak"));
	}
	/* The recipe's verdict is about the signature: the quote that was changed carries no nonce to be compared. */
	res = verify(&r);
	vectors_judge("tpm", recipe, res);
	hz_attest_result_free(res);
	release(&r);
}

static size_t
test_tpm(struct json_object *manifest)
{
	struct json_object *v = vectors_find(manifest, "tpm2-quote-rsassa");
	struct json_object *list = member(member(member(manifest, "mutations"), "tpm"), "recipes");
	struct json_object *facts = member(member(v, "expected"), "tpm");
	struct run r;
	hz_attest_result *res;

	for (size_t i = 0; i < json_object_array_length(list); i++)
		test_tpm_recipe(v, json_object_array_get_idx(list, i));
	tpm_run(v, &r);
	res = verify(&r);
	vectors_claim("tpm", res, "cpu.quote_nonce", text(facts, "extra_data"));
	vectors_claim("tpm", res, "cpu.pcr_digest", text(facts, "pcr_digest"));
	vectors_claim("tpm", res, "cpu.quote_signer", text(facts, "qualified_signer"));
	vectors_claim("tpm", res, "cpu.tpm_firmware", text(facts, "firmware"));
	hz_attest_result_free(res);
	drop_part(&r, "signature");
	expect("no signature", &r, "reject:missing");
	add_part(&r, "signature", vector_file(v, "TPMT_SIGNATURE"));
	expect("TPMT_SIGNATURE", &r, "accept");
	part(&r, "signature")->len--;
	expect("TPMT_SIGNATURE, cut", &r, "reject:signature");
	part(&r, "signature")->len++;
	r.nonce.len--;
	expect("prefix of the nonce", &r, "reject:nonce");
	release(&r);
	return json_object_array_length(list);
}

static void
test_tpm_policies(struct json_object *manifest)
{
	struct json_object *v = vectors_find(manifest, "tpm2-quote-rsassa");
	struct run r;
	hz_attest_result *res;
	char ak[65], pcr7[65], members[600];

	tpm_run(v, &r);
	res = verify(&r);
	snprintf(ak, sizeof ak, "%s", hz_attest_result_claim(res, "cpu.ak_sha256"));
	snprintf(pcr7, sizeof pcr7, "%s", hz_attest_result_claim(res, "cpu.pcr.7"));
	hz_attest_result_free(res);
	expect_policy(&r, "\"tpm\":{\"pcrs\":\"any\"}", "reject:ak");
	expect_policy(&r, "\"tpm\":{\"pcrs\":\"any\",\"ak\":\"any\"}", "accept");
	expect_policy(&r, "\"snp\":{\"measurement\":\"any\"}", "reject:policy_kind");
	expect_policy(&r, "\"tpm\":{\"pcrs\":\"any\",\"ak_certified\":true}", "reject:ak");
	snprintf(members, sizeof members, "\"tpm\":{\"pcrs\":{\"7\":\"%s\"},\"ak\":\"%s\"}", pcr7, ak);
	expect_policy(&r, members, "accept");
	snprintf(members, sizeof members, "\"tpm\":{\"pcrs\":{\"6\":\"%s\"},\"ak\":\"%s\"}", ak, ak);
	expect_policy(&r, members, "reject:policy_pcr");
	snprintf(members, sizeof members, "\"tpm\":{\"pcrs\":{\"7\":\"%s\"},\"ak\":\"%s\"}", pcr7, pcr7);
	expect_policy(&r, members, "reject:ak");
	drop_part(&r, "pcrs");
	expect_policy(&r, "\"tpm\":{\"pcrs\":\"any\",\"ak\":\"any\"}", "accept");
	snprintf(members, sizeof members, "\"tpm\":{\"pcrs\":{\"7\":\"%s\"},\"ak\":\"any\"}", pcr7);
	expect_policy(&r, members, "reject:missing");
	drop_part(&r, "ak");
	expect("no key", &r, "reject:missing");
	release(&r);
}

/* ---- certified attestation keys ---- */

static X509 *
made_cert(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *by, const char *basic, const char *use)
{
	X509 *cert = X509_new();
	X509_EXTENSION *e = basic != NULL ? X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, basic) : NULL;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 3);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)issuer, -1, -1, 0);
	ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(cert), "20261231000000Z");
	X509_set_pubkey(cert, key);
	if (e != NULL)
		X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	e = use != NULL ? X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, use) : NULL;
	if (e != NULL)
		X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	CHECK(X509_sign(cert, by, EVP_sha256()) > 0);
	return cert;
}

static struct blob
pem_of(X509 *a, X509 *b)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct blob out = { NULL, 0 };
	char *p;

	PEM_write_bio_X509(bio, a);
	if (b != NULL)
		PEM_write_bio_X509(bio, b);
	out.len = (size_t)BIO_get_mem_data(bio, &p);
	out.p = malloc(out.len + 1);
	memcpy(out.p, p, out.len);
	BIO_free(bio);
	return out;
}

/* TPMT_SIGNATURE of ECDSA with SHA-256 over the quote. */
static struct blob
tpm_ecdsa(const struct blob *quote, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[80];
	const unsigned char *p = der;
	size_t n = sizeof der;
	ECDSA_SIG *sig;
	struct blob out = { malloc(128), 4 };

	CHECK(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 && EVP_DigestSign(ctx, der, &n, quote->p, quote->len) == 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	memcpy(out.p, "\0\x18\0\x0b", 4);
	for (int i = 0; i < 2; i++) {
		const BIGNUM *v = i == 0 ? ECDSA_SIG_get0_r(sig) : ECDSA_SIG_get0_s(sig);

		out.p[out.len] = 0;
		out.p[out.len + 1] = (unsigned char)BN_num_bytes(v);
		out.len += 2 + (size_t)BN_bn2bin(v, out.p + out.len + 2);
	}
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return out;
}

static void
test_certified(struct json_object *manifest)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *ak_key = EVP_EC_gen("P-256");
	X509 *ca = made_cert("TPM CA", "TPM CA", ca_key, ca_key, "critical,CA:TRUE", NULL);
	X509 *ak = made_cert("AK", "TPM CA", ak_key, ca_key, NULL, "2.23.133.8.3");
	X509 *other = made_cert("AK", "TPM CA", ak_key, ca_key, NULL, "clientAuth");
	X509 *self = made_cert("AK", "AK", ak_key, ak_key, NULL, "2.23.133.8.3");
	struct blob root = pem_of(ca, NULL), key = { NULL, 0 };
	char spki[65], members[500];
	struct run r;

	vectors_spki_of_last(&root, spki);
	snprintf(members, sizeof members,
	         "\"tpm\":{\"pcrs\":\"any\",\"ak_certified\":true},\"roots\":[{\"family\":\"tpm\",\"spki_sha256\":\"%s\"}]", spki);
	tpm_run(vectors_find(manifest, "tpm2-quote-rsassa"), &r);
	drop_part(&r, "ak");
	drop_part(&r, "signature");
	r.part[r.parts++] = (struct part){ "signature", tpm_ecdsa(&r.evidence, ak_key) };
	r.certs = pem_of(ak, ca);
	expect_policy(&r, members, "accept");
	expect_policy(&r, "\"tpm\":{\"pcrs\":\"any\",\"ak_certified\":true}", "reject:root");
	r.evidence.p[44] ^= 1;
	expect_policy(&r, members, "reject:signature");
	r.evidence.p[44] ^= 1;
	r.at = "2027-03-01T00:00:00Z";
	expect_policy(&r, members, "reject:chain");
	r.at = NULL;
	blob_free(&r.certs);
	r.certs = pem_of(other, ca);
	expect_policy(&r, members, "reject:ak");
	blob_free(&r.certs);
	r.certs = pem_of(self, ca);
	expect_policy(&r, members, "reject:chain");
	blob_free(&r.certs);
	/* The certificate as part "ak", its authority beside it. */
	key = pem_of(ak, NULL);
	r.part[r.parts++] = (struct part){ "ak", key };
	r.certs = pem_of(ca, NULL);
	expect_policy(&r, members, "accept");
	release(&r);
	blob_free(&root);
	X509_free(ca);
	X509_free(ak);
	X509_free(other);
	X509_free(self);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(ak_key);
}

/* ---- Azure ---- */

static void
azure_run(struct json_object *v, struct run *r)
{
	memset(r, 0, sizeof *r);
	r->kind = HZ_ATTEST_KIND_AZURE;
	r->at = text(v, "verify_at");
	r->evidence = vectors_file(vector_file(v, "hcl_report"));
	add_part(r, "quote", vector_file(v, "tpm_quote_message"));
	add_part(r, "signature", vector_file(v, "tpm_quote_signature"));
	add_part(r, "pcrs", vector_file(v, "pcrs"));
	if (vector_file(v, "td_quote") != NULL)
		add_part(r, "tdx", vector_file(v, "td_quote"));
	if (vector_file(v, "vek") != NULL)
		r->certs = vectors_file(vector_file(v, "vek"));
	r->nonce = blob_hex(text(member(v, "expected"), "nonce_hex"));
}

static void
add_b64(char **at, const char *name, const struct blob *b, bool first)
{
	*at += sprintf(*at, "%s\"%s\":\"", first ? "{" : ",", name);
	hz_b64url_encode(b->p, b->len, *at);
	*at += strlen(*at);
	*at += sprintf(*at, "\"");
}

/* The same pieces as the object that a bundle holds. */
static void
test_azure_object(const char *id, struct run *r)
{
	struct run o = { .kind = HZ_ATTEST_KIND_AZURE, .at = r->at, .nonce = r->nonce, .certs = r->certs };
	char *json = malloc(1 << 16), *at = json;

	add_b64(&at, "hcl", &r->evidence, true);
	for (size_t i = 0; i < r->parts; i++)
		add_b64(&at, r->part[i].name, &r->part[i].data, false);
	at += sprintf(at, "}");
	o.evidence = (struct blob){ (unsigned char *)json, (size_t)(at - json) };
	expect(id, &o, "accept");
	memcpy(at - 1, ",\"x\":\"\"}", 9);
	o.evidence.len += 7;
	expect("unknown member", &o, "reject:json");
	o.evidence.len -= 9;
	expect("cut object", &o, "reject:json");
	free(json);
}

/* One bit changed in what is bound is refused; header fields that nothing covers are told apart by their offset. */
static void
test_azure_bits(const char *id, struct run *r, bool tdx)
{
	size_t accepted = 0;

	for (size_t i = 0; i < r->evidence.len; i += 7) {
		hz_attest_result *res;
		bool loose = (i >= 12 && i < 0x20) || (tdx && i >= 0x20 && i < 0x4C0);

		r->evidence.p[i] ^= 0x10;
		res = verify(r);
		if (hz_attest_result_reason(res) == HZ_ATTEST_OK) {
			accepted++;
			/* The SNP report has unsigned reserved bytes nowhere: its tail must be zero. */
			if (!loose) {
				failures++;
				fprintf(stderr, "%s: byte %zu of the HCL report can be changed\n", id, i);
			}
		}
		hz_attest_result_free(res);
		r->evidence.p[i] ^= 0x10;
	}
	(void)accepted;
}

static void
test_azure_vector(struct json_object *v)
{
	const char *id = text(v, "id");
	struct json_object *expected = member(v, "expected"), *facts = member(expected, "tpm");
	bool tdx = vector_file(v, "td_quote") != NULL;
	struct run r;
	hz_attest_result *res;

	azure_run(v, &r);
	expect(id, &r, text(expected, "reference_outcome"));
	res = verify(&r);
	vectors_claim(id, res, "cpu.quote_nonce", text(facts, "extra_data"));
	vectors_claim(id, res, "cpu.pcr_digest", text(facts, "pcr_digest"));
	vectors_claim(id, res, "cpu.user_data", text(expected, "runtime_user_data_hex"));
	vectors_claim(id, res, "cpu.hardware", tdx ? "tdx" : "snp");
	vectors_claim(id, res, "cpu.measurement", text(member(expected, "facts"), "measurement"));
	hz_attest_result_free(res);
	test_azure_object(id, &r);
	test_azure_bits(id, &r, tdx);
	r.nonce.p[0] ^= 1;
	expect("other nonce", &r, "reject:nonce");
	r.nonce.p[0] ^= 1;
	part(&r, "quote")->p[40] ^= 1;
	expect("changed quote", &r, "reject:signature");
	part(&r, "quote")->p[40] ^= 1;
	part(&r, "pcrs")->p[100] ^= 1;
	expect("changed registers", &r, "reject:pcr_digest");
	part(&r, "pcrs")->p[100] ^= 1;
	expect_policy(&r, "\"azure\":{\"pcrs\":\"any\"}", "reject:policy_kind");
	drop_part(&r, "signature");
	expect("no signature", &r, "reject:missing");
	drop_part(&r, "quote");
	expect("no quote", &r, "reject:missing");
	drop_part(&r, "tdx");
	if (tdx)
		expect("no TDX quote", &r, "reject:missing");
	release(&r);
}

/* The quote of one VM with the report of another. */
static void
test_azure_mixed(struct json_object *manifest)
{
	struct run a, b;

	azure_run(vectors_find(manifest, "azure-v3-milan-hcl-challenge"), &a);
	azure_run(vectors_find(manifest, "azure-v3-genoa-hcl"), &b);
	for (size_t i = 0; i < 3; i++) {
		struct part t = a.part[i];

		a.part[i] = b.part[i];
		b.part[i] = t;
	}
	expect("quote of another VM", &a, "reject:signature");
	expect("quote of another VM", &b, "reject:signature");
	release(&a);
	release(&b);
}

static void
test_azure_policies(struct json_object *manifest)
{
	struct run r;
	char members[700], pcr0[65], id[65];
	hz_attest_result *res;

	azure_run(vectors_find(manifest, "azure-v3-genoa-hcl"), &r);
	res = verify(&r);
	snprintf(pcr0, sizeof pcr0, "%s", hz_attest_result_claim(res, "cpu.pcr.0"));
	snprintf(id, sizeof id, "%s", hz_attest_result_claim(res, "cpu.vm_id"));
	hz_attest_result_free(res);
#define SNP "\"snp\":{\"measurement\":\"any\"},"
	snprintf(members, sizeof members, SNP "\"azure\":{\"pcrs\":{\"0\":\"%s\"},\"vm_id\":\"%s\"}", pcr0, id);
	expect_policy(&r, members, "accept");
	snprintf(members, sizeof members, SNP "\"azure\":{\"pcrs\":{\"23\":\"%s\"}}", pcr0);
	expect_policy(&r, members, "reject:policy_pcr");
	expect_policy(&r, SNP "\"azure\":{\"pcrs\":\"any\",\"vm_id\":\"another\"}", "reject:policy_device");
	snprintf(members, sizeof members, SNP "\"azure\":{\"pcrs\":\"any\",\"user_data\":\"%s%s\"}", pcr0, pcr0);
	expect_policy(&r, members, "reject:policy_host_data");
	expect_policy(&r, "\"snp\":{\"measurement\":\"any\",\"product\":\"Turin\"},\"azure\":{\"pcrs\":\"any\"}", "reject:policy_device");
	release(&r);
}

static size_t
test_azure(struct json_object *manifest)
{
	struct json_object *list = member(manifest, "vectors");
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (vector_file(v, "hcl_report") == NULL)
			continue;
		test_azure_vector(v);
		n++;
	}
	test_azure_mixed(manifest);
	test_azure_policies(manifest);
	return n;
}

/* ---- CCA ---- */

static void
cca_run(struct json_object *v, struct run *r)
{
	memset(r, 0, sizeof *r);
	r->kind = HZ_ATTEST_KIND_CCA;
	r->evidence = vectors_file(vector_file(v, "CCA token"));
	add_part(r, "cpak", vector_file(v, "CPAK public key"));
	r->report_data = blob_hex(text(member(v, "expected"), "realm_challenge"));
}

static void
put_token(struct blob *to, unsigned label, const struct blob *token)
{
	const unsigned char head[] = { 0x19, (unsigned char)(label >> 8), (unsigned char)label, 0x59, (unsigned char)(token->len >> 8),
		                       (unsigned char)token->len };

	memcpy(to->p + to->len, head, sizeof head);
	memcpy(to->p + to->len + sizeof head, token->p, token->len);
	to->len += sizeof head + token->len;
}

/* The platform token of this vector with the realm token of another. */
static void
mix_tokens(struct run *r)
{
	struct blob platform = vectors_file("cca/emulated-platform/platform.cose"), realm = vectors_file("cca/veraison-good-profile1/realm.cose");

	memcpy(r->evidence.p, "\xd9\x01\x8f\xa2", 4);
	r->evidence.len = 4;
	put_token(&r->evidence, 44234, &platform);
	put_token(&r->evidence, 44241, &realm);
	blob_free(&platform);
	blob_free(&realm);
}

static void
test_cca_recipe(struct json_object *v, struct json_object *recipe)
{
	struct run r;
	hz_attest_result *res;

	cca_run(v, &r);
	recipe_apply(member(recipe, "ops"), &r.evidence);
	if (text(recipe, "edit") != NULL)
		mix_tokens(&r);
	if (text(recipe, "use_cpak") != NULL) {
		drop_part(&r, "cpak");
		add_part(&r, "cpak", text(recipe, "use_cpak"));
	}
	if (text(recipe, "expect_challenge") != NULL) {
		blob_free(&r.report_data);
		r.report_data = blob_hex(text(recipe, "expect_challenge"));
	}
	res = verify(&r);
	vectors_judge("cca", recipe, res);
	hz_attest_result_free(res);
	release(&r);
}

static void
test_cca_vector(struct json_object *v)
{
	struct json_object *e = member(v, "expected"), *claims = member(e, "platform_claims");
	const char *id = text(v, "id");
	char lifecycle[16];
	struct run r;
	hz_attest_result *res;

	cca_run(v, &r);
	expect(id, &r, "accept");
	res = verify(&r);
	snprintf(lifecycle, sizeof lifecycle, "%ld", strtol(text(e, "platform_lifecycle"), NULL, 16));
	vectors_claim(id, res, "cpu.lifecycle", lifecycle);
	vectors_claim(id, res, "cpu.initial_measurement", text(e, "realm_initial_measurement"));
	vectors_claim(id, res, "cpu.personalization", text(e, "realm_personalization"));
	vectors_claim(id, res, "cpu.challenge", text(e, "realm_challenge"));
	vectors_claim(id, res, "cpu.profile", text(e, "platform_profile"));
	vectors_claim(id, res, "cpu.implementation_id", text(claims, "2396"));
	vectors_claim(id, res, "cpu.instance_id", text(claims, "256"));
	hz_attest_result_free(res);
	for (size_t i = 0; i < r.evidence.len; i += 3) {
		r.evidence.p[i] ^= 4;
		res = verify(&r);
		if (hz_attest_result_reason(res) == HZ_ATTEST_OK) {
			failures++;
			fprintf(stderr, "%s: byte %zu of the token can be changed\n", id, i);
		}
		hz_attest_result_free(res);
		r.evidence.p[i] ^= 4;
	}
	drop_part(&r, "cpak");
	expect("no platform key", &r, "reject:missing");
	release(&r);
}

static void
test_cca_policies(struct json_object *manifest)
{
	struct json_object *v = vectors_find(manifest, "tf-rmm");
	const char *initial = text(member(v, "expected"), "realm_initial_measurement");
	struct run r;
	char members[900], key[256], cpak[65];
	struct blob pem;
	hz_attest_result *res;

	cca_run(v, &r);
	res = verify(&r);
	snprintf(cpak, sizeof cpak, "%s", hz_attest_result_claim(res, "cpu.cpak_sha256"));
	hz_attest_result_free(res);
	expect_policy(&r, "\"cca\":{\"initial_measurement\":\"any\"}", "reject:ak");
	snprintf(members, sizeof members, "\"cca\":{\"initial_measurement\":\"%s\",\"extensible3\":\"%s\",\"cpak\":\"%s\"}", initial, initial, cpak);
	expect_policy(&r, members, "accept");
	snprintf(members, sizeof members, "\"cca\":{\"initial_measurement\":\"%s\",\"cpak\":\"%s\"}", cpak, cpak);
	expect_policy(&r, members, "reject:policy_measurement");
	snprintf(members, sizeof members, "\"cca\":{\"initial_measurement\":\"any\",\"extensible1\":\"%s\",\"cpak\":\"any\"}", cpak);
	expect_policy(&r, members, "reject:policy_rtmr");
	snprintf(members, sizeof members, "\"cca\":{\"initial_measurement\":\"any\",\"implementation_id\":\"%s\",\"cpak\":\"any\"}", cpak);
	expect_policy(&r, members, "reject:policy_device");
	snprintf(members, sizeof members, "\"cca\":{\"initial_measurement\":\"any\",\"component_measurement\":\"%s\",\"cpak\":\"any\"}", cpak);
	expect_policy(&r, members, "reject:policy_firmware");
	/* The platform's key in the policy, as bundles need it. */
	pem = vectors_file(vector_file(v, "CPAK public key"));
	vectors_key_text(&pem, key, sizeof key);
	drop_part(&r, "cpak");
	snprintf(members, sizeof members, "\"cca\":{\"initial_measurement\":\"any\",\"cpak_key\":\"%s\"}", key);
	expect_policy(&r, members, "accept");
	blob_free(&pem);
	pem = vectors_file("cca/veraison-good-profile1/cpak-pub.pem");
	vectors_key_text(&pem, key, sizeof key);
	snprintf(members, sizeof members, "\"cca\":{\"initial_measurement\":\"any\",\"cpak_key\":\"%s\"}", key);
	expect_policy(&r, members, "reject:cose_alg_key");
	blob_free(&pem);
	release(&r);
}

static size_t
test_cca(struct json_object *manifest)
{
	static const char *const ids[] = { "tf-rmm", "emulated-platform", "veraison-good-profile1" };
	struct json_object *list = member(member(member(manifest, "mutations"), "cca"), "recipes");

	for (size_t i = 0; i < 3; i++)
		test_cca_vector(vectors_find(manifest, ids[i]));
	for (size_t i = 0; i < json_object_array_length(list); i++)
		test_cca_recipe(vectors_find(manifest, "emulated-platform"), json_object_array_get_idx(list, i));
	test_cca_policies(manifest);
	return json_object_array_length(list);
}

int
main(void)
{
	struct json_object *manifest = vectors_manifest();
	size_t tpm, azure, cca;

	verifier = hz_attest_verifier_new(NULL);
	reference = hz_attest_policy_reference();
	if (verifier == NULL || reference == NULL)
		return 99;
	tpm = test_tpm(manifest);
	test_tpm_policies(manifest);
	test_certified(manifest);
	azure = test_azure(manifest);
	cca = test_cca(manifest);
	printf("TPM: %zu recipes, Azure: %zu vectors, CCA: %zu recipes, %d refused for another reason, %d failures\n", tpm, azure, cca,
	       vectors_reasons_differ, failures);
	CHECK(azure >= 5 && vectors_all(manifest, "tpm cca ", "tpm cca ", 4, tpm + cca));
	/* Every family and every group has its runner. */
	CHECK(vectors_all(manifest, "snp tdx nvidia tpm cca ", "snp amd-crl tdx nvidia tpm cca ",
	                  (size_t)number(member(manifest, "counts"), "vectors", 0), (size_t)number(member(manifest, "counts"), "recipes", 0)));
	hz_attest_policy_free(reference);
	hz_attest_verifier_free(verifier);
	json_object_put(manifest);
	return failures != 0;
}
