/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 ecies: encrypt to a key, decrypt with one, and answer a request for delegation as the KMS of iExec Nox does. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/ecies.h"
#include "crypto/eip712.h"
#include "crypto/ethaddr.h"
#include "crypto/k256.h"
#include "keyed.h"

enum { MAX_INPUT = 0x7fffffff, MAX_SPKI = 1200, TEXT = 8192 };

struct cmd {
	struct keyed k;
	const char *public_key, *out, *request, *proof_label, *file;
	uint8_t aad[TEXT_AAD], gateway[20];
	size_t aad_len;
	CK_ULONG chain_id;
	bool has_chain, has_gateway;
};

/* The blob's parts as a JSON object. A blob may be larger than what json-c takes for a string. */
static void blob_json(const struct hz_buf *b, struct hz_buf *out)
{
	static const struct {
		const char *before;
		size_t at, len;
	} parts[] = { { "{\n  \"publicKey\": \"0x", 0, HZ_ECIES_K },
		      { "\",\n  \"nonce\": \"0x", HZ_ECIES_K, HZ_ECIES_NONCE },
		      { "\",\n  \"ciphertext\": \"0x", HZ_ECIES_K + HZ_ECIES_NONCE, 0 } };

	for (size_t i = 0; i < 3; i++) {
		size_t n = parts[i].len != 0 ? parts[i].len : b->len - parts[i].at;
		char *hex;

		hz_buf_str(out, parts[i].before);
		hex = (char *)hz_buf_room(out, 2 * n + 1);
		if (hex == NULL)
			return;
		hz_hex_encode(b->p + parts[i].at, n, hex);
		out->len--; /* the terminating zero */
	}
	hz_buf_str(out, "\"\n}\n");
}

static int print_blob(const struct cmd *c, const struct hz_buf *b)
{
	struct hz_buf json = HZ_BUF_INIT;
	const struct hz_buf *out = b;
	int rc = TOOL_REFUSED;

	if (c->k.tool.json) {
		blob_json(b, &json);
		out = &json;
	}
	if (out->failed)
		tool_fail(TOOL_REFUSED, "out of memory");
	else if (file_write(c->out, out->p, out->len, false))
		rc = TOOL_OK;
	hz_buf_free(&json);
	return rc;
}

/* To a given public key no module is needed; to a key of a token its own public half is read. */
static int run_encrypt(struct cmd *c)
{
	struct hz_buf text = HZ_BUF_SECRET, blob = HZ_BUF_INIT;
	const struct hz_ecies_aad aad = { HZ_ECIES_PLAIN, c->aad, c->aad_len };
	uint8_t pub[64];
	CK_OBJECT_HANDLE key;
	int rc = TOOL_REFUSED;
	bool ok;

	if (c->public_key == NULL && !keyed_named(&c->k))
		return TOOL_USAGE;
	if (c->public_key != NULL)
		ok = text_point(c->public_key, pub);
	else
		ok = keyed_open(&c->k) && keyed_find(&c->k, c->k.label, c->k.id, &key) && keyed_point(&c->k, key, pub);
	if (ok && file_read(c->file, MAX_INPUT - 64, &text)) {
		CK_RV rv = hz_ecies_seal(pub, &aad, text.p, text.len, &blob);

		rc = rv == CKR_OK ? print_blob(c, &blob) : tool_refused("encryption", rv);
	}
	hz_buf_free(&text);
	hz_buf_free(&blob);
	keyed_close(&c->k);
	return rc;
}

static int run_decrypt(struct cmd *c)
{
	struct hz_buf blob = HZ_BUF_INIT, text = HZ_BUF_SECRET;
	CK_HANZO_ECIES_PARAMS p = { c->aad, c->aad_len };
	CK_MECHANISM m = { CKM_HANZO_ECIES, &p, sizeof p };
	CK_OBJECT_HANDLE key;
	CK_ULONG n;
	int rc = TOOL_REFUSED;
	CK_RV rv;

	if (!keyed_named(&c->k))
		return TOOL_USAGE;
	if (file_read(c->file, MAX_INPUT, &blob) && keyed_open(&c->k) &&
	    keyed_find(&c->k, c->k.label, c->k.id, &key)) {
		rv = c->k.tool.p11->C_DecryptInit(c->k.session, &m, key);
		n = blob.len;
		if (rv == CKR_OK && hz_buf_room(&text, n + 1) == NULL)
			rv = CKR_HOST_MEMORY;
		if (rv == CKR_OK)
			rv = c->k.tool.p11->C_Decrypt(c->k.session, blob.p, blob.len, text.p, &n);
		if (rv != CKR_OK)
			keyed_refused(&c->k, "decryption", rv);
		else if (file_write(c->out, text.p, n, true))
			rc = TOOL_OK;
	}
	hz_buf_free(&blob);
	hz_buf_free(&text);
	keyed_close(&c->k);
	return rc;
}

/* ---- delegation ---- */

struct request {
	const char *ephemeral, *target, *authorization, *salt;
	uint8_t k[33], spki[MAX_SPKI], sig[65], salt_raw[32];
	size_t spki_len;
	int64_t chain_id;
};

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

/* The strings are signed as they are, 0x included, so nothing but plain digits may stand in them. */
static bool hex_field(const char *text, uint8_t *out, size_t room, size_t *n)
{
	return text != NULL && !strncmp(text, "0x", 2) && text_hex(text, out, room, n);
}

static bool read_request(const struct cmd *c, struct json_object *o, struct request *r)
{
	struct json_object *v;
	size_t n;

	r->ephemeral = text_of(o, "ephemeralPubKey");
	r->target = text_of(o, "targetPubKey");
	r->authorization = text_of(o, "authorization");
	r->salt = text_of(o, "salt");
	r->chain_id = json_object_object_get_ex(o, "chain_id", &v) && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
	if (r->authorization != NULL && !strncmp(r->authorization, "Bearer ", 7))
		r->authorization += 7;
	if (!hex_field(r->ephemeral, r->k, 33, &n) || n != 33)
		return tool_fail(TOOL_REFUSED, "ephemeralPubKey is not a compressed point in hexadecimal") == TOOL_OK;
	if (!hex_field(r->target, r->spki, sizeof r->spki, &r->spki_len))
		return tool_fail(TOOL_REFUSED, "targetPubKey is no SubjectPublicKeyInfo in hexadecimal") == TOOL_OK;
	if (!hex_field(r->authorization, r->sig, 65, &n) || n != 65)
		return tool_fail(TOOL_REFUSED, "authorization is no signature of 65 bytes") == TOOL_OK;
	if (!hex_field(r->salt, r->salt_raw, 32, &n) || n != 32)
		return tool_fail(TOOL_REFUSED, "salt is not 32 bytes in hexadecimal") == TOOL_OK;
	if (r->chain_id < 0 || (c->has_chain && (CK_ULONG)r->chain_id != c->chain_id))
		return tool_fail(TOOL_REFUSED, "chain_id is missing or another chain's") == TOOL_OK;
	return true;
}

/* Was it the gateway that asked? */
static bool authorised(const struct cmd *c, struct request *r)
{
	uint8_t got[20], pub[64];
	struct hz_eip712 d;
	char why[HZ_EIP712_WHY], text[TEXT];

	snprintf(text, sizeof text,
		 "{\"types\":{\"DelegateAuthorization\":[{\"name\":\"ephemeralPubKey\",\"type\":\"string\"},{\"name\":\"targetPubKey\","
		 "\"type\":\"string\"}]},\"primaryType\":\"DelegateAuthorization\",\"domain\":{\"name\":\"ProtocolDelegate\",\"version\":\"1\","
		 "\"chainId\":%lld},\"message\":{\"ephemeralPubKey\":\"%s\",\"targetPubKey\":\"%s\"}}",
		 (long long)r->chain_id, r->ephemeral, r->target);
	if (!hz_eip712_digest(text, strlen(text), &d, why))
		return tool_fail(TOOL_REFUSED, "the request: %s", why) == TOOL_OK;
	if (r->sig[64] < 2)
		r->sig[64] = (uint8_t)(r->sig[64] + 27);
	if (!hz_k256_recover(pub, d.digest, r->sig) || !hz_k256_address(pub, got) || memcmp(c->gateway, got, 20) != 0)
		return tool_fail(TOOL_REFUSED, "the request is not signed by the gateway") == TOOL_OK;
	return true;
}

static CK_RV prove(const struct cmd *c, const struct request *r, CK_OBJECT_HANDLE key, const char *secret, char proof[133])
{
	CK_MECHANISM m = { CKM_HANZO_EIP712, NULL, 0 };
	uint8_t sig[65];
	CK_ULONG n = sizeof sig;
	char text[TEXT];
	CK_RV rv;

	snprintf(text, sizeof text,
		 "{\"types\":{\"DelegateResponseProof\":[{\"name\":\"encryptedSharedSecret\",\"type\":\"string\"}]},"
		 "\"primaryType\":\"DelegateResponseProof\",\"domain\":{\"name\":\"ProtocolDelegate\",\"version\":\"1\",\"chainId\":%lld,"
		 "\"salt\":\"%s\"},\"message\":{\"encryptedSharedSecret\":\"%s\"}}",
		 (long long)r->chain_id, r->salt, secret);
	rv = c->k.tool.p11->C_SignInit(c->k.session, &m, key);
	if (rv == CKR_OK)
		rv = c->k.tool.p11->C_Sign(c->k.session, (CK_BYTE *)text, strlen(text), sig, &n);
	if (rv == CKR_OK && n == sizeof sig) {
		memcpy(proof, "0x", 2);
		hz_hex_encode(sig, sizeof sig, proof + 2);
	}
	return rv;
}

static int answer(struct cmd *c, struct request *r)
{
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { r->k, sizeof r->k };
	CK_MECHANISM m = { CKM_HANZO_ECIES_DELEGATE, &p, sizeof p };
	CK_OBJECT_HANDLE key, signer, rsa;
	struct hz_buf ct = HZ_BUF_INIT;
	char hex[2 * 1024 + 3] = "0x", proof[133];
	CK_RV rv;

	if (!keyed_open(&c->k) || !keyed_find(&c->k, c->k.label, c->k.id, &key) || !keyed_import_rsa(&c->k, r->spki, r->spki_len, &rsa))
		return TOOL_REFUSED;
	signer = key;
	if (c->proof_label != NULL && !keyed_find(&c->k, c->proof_label, NULL, &signer))
		return TOOL_REFUSED;
	rv = keyed_wrap(&c->k, &m, rsa, key, &ct);
	if (rv == CKR_OK && ct.len <= 1024)
		hz_hex_encode(ct.p, ct.len, hex + 2);
	hz_buf_free(&ct);
	if (rv != CKR_OK)
		return keyed_refused(&c->k, "delegation", rv);
	rv = prove(c, r, signer, hex, proof);
	if (rv != CKR_OK)
		return keyed_refused(&c->k, "the proof", rv);
	printf("{\"encryptedSharedSecret\":\"%s\",\"proof\":\"%s\"}\n", hex, proof);
	return TOOL_OK;
}

static int run_delegate(struct cmd *c)
{
	struct hz_buf text = HZ_BUF_INIT;
	struct request r = { .chain_id = -1 };
	struct json_object *o = NULL;
	int rc = TOOL_REFUSED;

	if (!keyed_named(&c->k))
		return TOOL_USAGE;
	if (!c->has_gateway)
		return tool_fail(TOOL_USAGE, "--gateway is missing: whose requests are answered");
	if (file_read(c->request, 1 << 16, &text)) {
		hz_buf_u8(&text, 0);
		o = text.failed ? NULL : json_tokener_parse((char *)text.p);
		if (!json_object_is_type(o, json_type_object))
			tool_fail(TOOL_REFUSED, "the request is no JSON object");
		else if (read_request(c, o, &r) && authorised(c, &r))
			rc = answer(c, &r);
	}
	json_object_put(o);
	hz_buf_free(&text);
	keyed_close(&c->k);
	return rc;
}

enum { O_KEY = KEYED_NEXT, O_AAD, O_OUT, O_REQUEST, O_GATEWAY, O_PROOF, O_CHAIN };

static const struct option options[] = {
	KEYED_OPTIONS,
	{ "public-key", required_argument, NULL, O_KEY },
	{ "aad", required_argument, NULL, O_AAD },
	{ "out", required_argument, NULL, O_OUT },
	{ "request", required_argument, NULL, O_REQUEST },
	{ "gateway", required_argument, NULL, O_GATEWAY },
	{ "proof-label", required_argument, NULL, O_PROOF },
	{ "chain-id", required_argument, NULL, O_CHAIN },
	{ NULL, 0, NULL, 0 },
};

static bool take_gateway(struct cmd *c)
{
	c->has_gateway = hz_ethaddr_parse(optarg, strlen(optarg), c->gateway);
	return c->has_gateway || tool_fail(TOOL_USAGE, "--gateway takes an Ethereum address") == TOOL_OK;
}

static bool option(struct cmd *c, int o)
{
	switch (o) {
	case O_KEY: c->public_key = optarg; return true;
	case O_AAD: return text_aad(optarg, c->aad, &c->aad_len);
	case O_OUT: c->out = optarg; return true;
	case O_REQUEST: c->request = optarg; return true;
	case O_GATEWAY: return take_gateway(c);
	case O_PROOF: c->proof_label = optarg; return true;
	case O_CHAIN: return c->has_chain = tool_number(optarg, &c->chain_id);
	default: return keyed_option(&c->k, o, optarg);
	}
}

int hz_cmd_ecies(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct cmd *c);
	} subs[] = { { "encrypt", run_encrypt }, { "decrypt", run_decrypt }, { "delegate", run_delegate } };
	struct cmd c = { .public_key = NULL };
	int o;

	optind = 2;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!option(&c, o))
			return tool_fail(TOOL_USAGE, "see hanzo-p11 ecies --help");
	if (argc - optind > 1)
		return tool_fail(TOOL_USAGE, "one file at a time");
	c.file = optind < argc ? argv[optind] : NULL;
	for (size_t i = 0; argc >= 2 && i < sizeof subs / sizeof subs[0]; i++)
		if (!strcmp(argv[1], subs[i].name))
			return subs[i].run(&c);
	return tool_fail(TOOL_USAGE, "ecies encrypt, decrypt or delegate");
}
