/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 import: keys and certificates from PEM files into a token. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "backend/soft_int.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "keyed.h"
#include "move.h"
#include "pem.h"

enum { MAX_PEM = 1 << 24, ID_ROOM = 256 };

struct import {
	struct tool tool;
	struct end to;
	const char *label, *id, *passphrase;
	bool extractable, no_public;
	CK_ULONG uses;          /* bits of use_names; 0: by key type */
	struct put_how how;
	struct carriers carriers;
	struct report report;
};

/* ---- uses ---- */

static const struct {
	const char *name;
	CK_ATTRIBUTE_TYPE private, public; /* of the two halves */
} use_names[] = {
	{ "sign", CKA_SIGN, CKA_VERIFY }, { "decrypt", CKA_DECRYPT, CKA_ENCRYPT }, { "unwrap", CKA_UNWRAP, CKA_WRAP },
	{ "derive", CKA_DERIVE, CKA_DERIVE },
};
enum { USES = sizeof use_names / sizeof use_names[0], SIGN = 1, DECRYPT = 2, UNWRAP = 4, DERIVE = 8 };

static bool parse_uses(const char *text, CK_ULONG *uses)
{
	while (*text != '\0') {
		size_t n = strcspn(text, ","), i = 0;

		while (i < USES && (strlen(use_names[i].name) != n || strncmp(text, use_names[i].name, n) != 0))
			i++;
		if (i == USES)
			return false;
		*uses |= 1ul << i;
		text += n + (text[n] == ',');
	}
	return *uses != 0;
}

static CK_ULONG uses_of(const struct import *im, const struct thing *t)
{
	if (im->uses != 0)
		return im->uses;
	switch (t->kt) {
	case CKK_RSA: return SIGN | DECRYPT;
	case CKK_EC: return SIGN | DERIVE;
	case CKK_EC_MONTGOMERY: return DERIVE;
	default: return SIGN;
	}
}

static CK_RV set_uses(const struct import *im, struct thing *t)
{
	CK_ULONG uses = uses_of(im, t);
	bool public = t->cls == CKO_PUBLIC_KEY;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < USES && rv == CKR_OK; i++) {
		bool on = (uses >> i & 1) != 0;

		if (public && (1u << i) == DERIVE)
			continue;
		rv = hz_attrs_set_bool(&t->a, public ? use_names[i].public : use_names[i].private, on);
	}
	return rv;
}

/* ---- names ---- */

/* What the two halves and the certificate have in common: SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2). */
static bool key_id(const struct thing *t, uint8_t id[20])
{
	struct hz_reader r = hz_rd(t->spki.p, t->spki.len), seq, alg, bits;
	uint8_t d[HZ_HASH_MAX];
	struct hz_hash h;

	if (t->spki.len == 0 || !hz_der_get(&r, HZ_DER_SEQUENCE, &seq) || !hz_der_get(&seq, HZ_DER_SEQUENCE, &alg) ||
	    !hz_der_bits(&seq, &bits))
		return false;
	hz_hash_init(&h, HZ_SHA1);
	hz_hash_update(&h, bits.p, bits.left);
	hz_hash_final(&h, d);
	memcpy(id, d, 20);
	return true;
}

static CK_RV set_names(const struct import *im, struct thing *t)
{
	uint8_t id[ID_ROOM];
	size_t n = 20;
	CK_RV rv = CKR_OK;

	if (im->id != NULL ? text_hex(im->id, id, sizeof id, &n) : key_id(t, id))
		rv = hz_attrs_set(&t->a, CKA_ID, id, n, false);
	if (rv == CKR_OK && im->label != NULL)
		rv = hz_attrs_set(&t->a, CKA_LABEL, im->label, strlen(im->label), false);
	return rv;
}

/* ---- one object ---- */

static CK_RV protect(const struct import *im, struct thing *t)
{
	bool private = t->cls == CKO_PRIVATE_KEY;
	CK_RV rv = hz_attrs_set_bool(&t->a, CKA_PRIVATE, private);

	if (rv == CKR_OK && private)
		rv = hz_attrs_set_bool(&t->a, CKA_SENSITIVE, true);
	if (rv == CKR_OK && private)
		rv = hz_attrs_set_bool(&t->a, CKA_EXTRACTABLE, im->extractable);
	return rv;
}

/* Some tokens take no private key in the clear, whatever the code they say it with; not a key that they cannot hold at all. */
static bool worth_wrapping(CK_RV rv)
{
	return rv != CKR_OK && rv != CKR_HOST_MEMORY && rv != CKR_DEVICE_MEMORY && rv != CKR_CURVE_NOT_SUPPORTED;
}

static void put(struct import *im, struct thing *t)
{
	CK_OBJECT_HANDLE h;
	const char *by = "";
	char why[WHY];
	CK_RV rv = put_create(&im->to, t, &im->how, &h);

	if (rv == CKR_OK) {
		report_add(&im->report, FATE_MOVED, t, "");
		return;
	}
	snprintf(why, sizeof why, "the target does not take it: %s", end_reason(&im->to, rv));
	if (t->cls == CKO_PRIVATE_KEY && worth_wrapping(rv) && carry_value(&im->carriers, &im->to, t, &im->how, &by, why))
		report_add(&im->report, FATE_MOVED, t, by);
	else
		report_add(&im->report, FATE_NOT, t, why);
}

static void one(struct import *im, struct thing *t)
{
	CK_RV rv = thing_from_attrs(t);

	if (rv == CKR_OK)
		rv = set_names(im, t);
	if (rv == CKR_OK && t->kt != CK_UNAVAILABLE_INFORMATION)
		rv = set_uses(im, t);
	if (rv == CKR_OK)
		rv = protect(im, t);
	if (rv != CKR_OK) {
		report_add(&im->report, FATE_NOT, t, "out of memory");
		return;
	}
	switch (same_at(&im->to, &im->to, t)) {
	case SAME_THERE:
		report_add(&im->report, FATE_THERE, t, "");
		break;
	case SAME_NONE:
		put(im, t);
		break;
	case SAME_OTHER:
		report_add(&im->report, FATE_NOT, t, "another key at the target has this CKA_ID");
		break;
	default:
		report_add(&im->report, FATE_NOT, t, "the target has a key of this name, and nothing tells whether it is the same");
	}
}

/* A private key comes with its public half, which most applications look for. */
static void public_half(struct import *im, const struct hz_attrs *a)
{
	const struct hz_attr *spki = hz_attrs_find(a, CKA_PUBLIC_KEY_INFO);
	struct thing t = { .a = HZ_ATTRS_INIT, .spki = HZ_BUF_INIT };

	if (!im->no_public && spki != NULL && hz_attrs_ulong(a, CKA_CLASS, 0) == CKO_PRIVATE_KEY &&
	    hz_soft_from_spki(spki->value, spki->len, &t.a) == CKR_OK)
		one(im, &t);
	thing_free(&t);
}

static void take(void *state, const char *name, struct hz_attrs *a, const char *why)
{
	struct import *im = state;
	struct thing t = { .a = HZ_ATTRS_INIT, .spki = HZ_BUF_INIT };

	if (a == NULL) {
		report_refused(&im->report, name, why);
		return;
	}
	public_half(im, a);
	hz_attrs_move(&t.a, a);
	one(im, &t);
	thing_free(&t);
}

/* ---- files ---- */

static bool file(struct import *im, const char *path)
{
	struct hz_buf text = HZ_BUF_SECRET;
	bool ok = file_read(path, MAX_PEM, &text);

	if (ok && pem_each(&text, im->passphrase, take, im) < 0)
		report_refused(&im->report, path, "nothing in PEM form");
	hz_buf_free(&text);
	return ok;
}

static int run(struct import *im, char **files, int n)
{
	bool ok = true;
	int rc;

	for (int i = 0; i < n; i++)
		ok = file(im, files[i]) && ok;
	rc = report_end(&im->report);
	return ok ? rc : TOOL_REFUSED;
}

static int load_and_run(struct import *im, char **files, int n)
{
	struct hz_config *conf = NULL;
	int starting, lock, rc = TOOL_REFUSED;
	bool ready;

	(void)hz_config_load(&conf, NULL); /* where it is refused, so is the module */
	starting = start_lock(conf);
	ready = tool_load(&im->tool);
	im->to.p11 = im->tool.p11;
	ready = ready && end_choose(&im->to) && end_open(&im->to, true);
	end_unlock(starting);
	if (ready) {
		lock = end_lock(&im->to, conf);
		rc = run(im, files, n);
		end_unlock(lock);
	}
	hz_config_free(conf);
	return rc;
}

enum { O_SLOT = 1, O_TOKEN, O_PIN, O_MODULE, O_JSON, O_LABEL, O_ID, O_PASS, O_EXTRACTABLE, O_NO_PUBLIC, O_USES };

static const struct option options[] = {
	{ "slot", required_argument, NULL, O_SLOT },
	{ "token", required_argument, NULL, O_TOKEN },
	{ "pin-source", required_argument, NULL, O_PIN },
	{ "module", required_argument, NULL, O_MODULE },
	{ "json", no_argument, NULL, O_JSON },
	{ "label", required_argument, NULL, O_LABEL },
	{ "id", required_argument, NULL, O_ID },
	{ "passphrase-source", required_argument, NULL, O_PASS },
	{ "extractable", no_argument, NULL, O_EXTRACTABLE },
	{ "no-public", no_argument, NULL, O_NO_PUBLIC },
	{ "use", required_argument, NULL, O_USES },
	{ NULL, 0, NULL, 0 },
};

static bool option(struct import *im, int o)
{
	uint8_t id[ID_ROOM];
	size_t n;

	switch (o) {
	case O_SLOT: return im->to.has_slot = tool_number(optarg, &im->to.slot);
	case O_TOKEN: im->to.token = optarg; return true;
	case O_PIN: im->to.pin_source = optarg; return tool_source(optarg);
	case O_MODULE: im->tool.module = optarg; return true;
	case O_JSON: return im->tool.json = true;
	case O_LABEL: im->label = optarg; return true;
	case O_ID: im->id = optarg; return text_hex(optarg, id, sizeof id, &n) && n != 0;
	case O_PASS: im->passphrase = optarg; return tool_source(optarg);
	case O_EXTRACTABLE: return im->extractable = true;
	case O_NO_PUBLIC: return im->no_public = true;
	case O_USES: return parse_uses(optarg, &im->uses);
	default: return false;
	}
}

int hz_cmd_import(int argc, char **argv)
{
	struct import im = { .to.what = "target" };
	int o, rc;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!option(&im, o))
			return tool_fail(TOOL_USAGE, "see hanzo-p11 import --help");
	if (optind == argc || (!im.to.has_slot && im.to.token == NULL))
		return tool_fail(TOOL_USAGE, "import --slot N | --token LABEL [OPTIONS] FILE...");
	im.to.module = im.tool.module != NULL ? im.tool.module : HZ_MODULE_PATH;
	im.report.objects = im.tool.json ? json_object_new_array() : NULL;
	rc = load_and_run(&im, argv + optind, argc - optind);
	json_object_put(im.report.objects);
	tool_unload(&im.tool);
	return rc;
}
