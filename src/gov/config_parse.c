/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's text: libcrypto's syntax, one table of keys for each kind of section. */
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/safestack.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "crypto/libctx.h"
#include "gov/config_int.h"

/* Where the parser is, for error texts. `slot` is NULL in [hanzo]. */
struct at {
	struct hz_config *c;
	const CONF *conf;
	const char *section, *key;
	struct hz_slot_conf *slot;
};

static CK_RV bad(const struct at *at, const char *what)
{
	return hz_fail(CKR_GENERAL_ERROR, "%s: [%s] %s: %s", at->c->path, at->section, at->key, what);
}

static CK_RV set_text(char **to, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");
	free(*to);
	*to = copy;
	return CKR_OK;
}

/* Digits only, min..max. */
static CK_RV number(const struct at *at, const char *value, unsigned long min, unsigned long max, unsigned long *out)
{
	size_t n = strspn(value, "0123456789");

	if (n == 0 || n > 18 || value[n] != '\0')
		return bad(at, "not a number");
	*out = strtoul(value, NULL, 10);
	if (*out < min || *out > max)
		return hz_fail(CKR_GENERAL_ERROR, "%s: [%s] %s: not in %lu..%lu", at->c->path, at->section, at->key, min, max);
	return CKR_OK;
}

static CK_RV yes_or_no(const struct at *at, const char *value, bool *out)
{
	*out = strcmp(value, "yes") == 0;
	return *out || strcmp(value, "no") == 0 ? CKR_OK : bad(at, "neither yes nor no");
}

/* Keys of [hanzo]. */

static CK_RV key_store(const struct at *at, const char *value)
{
	return value[0] == '/' ? set_text(&at->c->store_dir, value) : bad(at, "not an absolute path");
}

static CK_RV key_log(const struct at *at, const char *value)
{
	if (strcmp(value, "syslog") != 0 && strcmp(value, "none") != 0 && strncmp(value, "file:/", 6) != 0)
		return bad(at, "neither syslog, none nor file: and an absolute path");
	return set_text(&at->c->log, value);
}

static CK_RV key_max_pin_tries(const struct at *at, const char *value)
{
	unsigned long n = 0;
	CK_RV rv = number(at, value, 1, 100, &n);

	if (rv == CKR_OK)
		at->c->max_pin_tries = (unsigned)n;
	return rv;
}

static CK_RV key_chain_id(const struct at *at, const char *value)
{
	return number(at, value, 1, 999999999999999999UL, &at->c->chain_id);
}

#define TTL_MAX 31536000UL /* a year; nonces are kept as long */

static CK_RV key_audit(const struct at *at, const char *value)
{
	static const char *const modes[] = { [HZ_AUDIT_OFF] = "off", [HZ_AUDIT_ON] = "on", [HZ_AUDIT_REQUIRED] = "required" };

	for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(value, modes[i]) == 0) {
			at->c->audit = (enum hz_audit_mode)i;
			return CKR_OK;
		}
	return bad(at, "is not on, off or required");
}

static CK_RV key_poai_ttl(const struct at *at, const char *value)
{
	return number(at, value, 1, TTL_MAX, &at->c->poai_ttl);
}

static CK_RV key_hmm_ttl(const struct at *at, const char *value)
{
	return number(at, value, 1, TTL_MAX, &at->c->hmm_ttl);
}

/* Letters, digits and ._- are parts of tenants and names. */
static CK_RV key_namespace_separator(const struct at *at, const char *value)
{
	if (strlen(value) != 1 || strchr(":/|@+~%&=!", value[0]) == NULL)
		return bad(at, "not one of : / | @ + ~ % & = !");
	at->c->separator = value[0];
	return CKR_OK;
}

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
#define NAME_MAX_BYTES 24
#define SLOTS_MAX 256 /* the ordinal in object handles has 8 bits */

static struct hz_slot_conf *find_slot(const struct hz_config *c, const char *section)
{
	for (size_t i = 0; i < c->nslots; i++)
		if (strcmp(c->slots[i].section, section) == 0)
			return &c->slots[i];
	return NULL;
}

/* Make the slot of section [slot_NAME]: its id and tier come first, because the tier decides the defaults. */
static CK_RV add_slot(const struct at *slots, const char *section)
{
	const char *id = NCONF_get_string(slots->conf, section, "id"), *tier = NCONF_get_string(slots->conf, section, "tier");
	struct at at = { slots->c, slots->conf, section, "id", NULL };
	unsigned long n = 0, t = 0;
	CK_RV rv = id != NULL ? number(&at, id, 16, HZ_SLOT_ID_MAX, &n) : bad(&at, "missing");

	for (size_t i = 0; rv == CKR_OK && i < at.c->nslots; i++)
		if (at.c->slots[i].id == n)
			rv = bad(&at, "another slot has it");
	at.key = "tier";
	if (rv == CKR_OK)
		rv = tier != NULL ? number(&at, tier, 0, 4, &t) : bad(&at, "missing");
	if (rv == CKR_OK && hz_conf_add_slot(at.c, section, n, (unsigned)t) == NULL)
		rv = hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");
	return rv;
}

/* "NAME, NAME". */
static CK_RV key_slots(const struct at *at, const char *value)
{
	char section[sizeof "slot_" + NAME_MAX_BYTES] = "slot_";
	CK_RV rv = CKR_OK;

	for (const char *p = value + strspn(value, " \t,"); rv == CKR_OK && *p != '\0'; p += strspn(p, " \t,")) {
		size_t n = strspn(p, NAME_CHARS);

		if (n == 0 || n > NAME_MAX_BYTES || strchr(" \t,", p[n]) == NULL)
			return bad(at, "a name has 1 to 24 letters, digits, _ and -");
		memcpy(section + 5, p, n);
		section[5 + n] = '\0';
		p += n;
		if (find_slot(at->c, section) != NULL)
			return bad(at, "a name is given twice");
		if (at->c->nslots == SLOTS_MAX)
			return bad(at, "too many slots");
		rv = add_slot(at, section);
	}
	return rv;
}

/* Keys of a slot. */

static bool is_extra(const struct at *at)
{
	return strncmp(at->section, "slot_", 5) == 0;
}

/* `id` and `tier` were read when the slot was made (add_slot); here the sections of the five fixed slots are refused them. */
static CK_RV key_id(const struct at *at, const char *value)
{
	(void)value;
	return is_extra(at) ? CKR_OK : bad(at, "the id of this slot is fixed");
}

static CK_RV key_tier(const struct at *at, const char *value)
{
	unsigned long tier;
	CK_RV rv = number(at, value, 0, 4, &tier);

	if (rv == CKR_OK && tier != at->slot->tier)
		rv = bad(at, "the tier of this slot is fixed");
	return rv;
}

/* Length of a UTF-8 text of printable characters; SIZE_MAX when it is none. */
static size_t utf8_len(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text);

	for (size_t i = 0; i < n;) {
		size_t more = p[i] < 0x80 ? 0 : p[i] >= 0xc2 && p[i] < 0xe0 ? 1 : (p[i] & 0xf0) == 0xe0 ? 2 : p[i] >= 0xf0 && p[i] < 0xf5 ? 3 : 4;

		if (p[i] < 0x20 || p[i] == 0x7f || more == 4)
			return SIZE_MAX;
		for (i++; more > 0; more--, i++)
			if ((p[i] & 0xc0) != 0x80) /* the final NUL is none either */
				return SIZE_MAX;
	}
	return n;
}

static CK_RV key_label(const struct at *at, const char *value)
{
	size_t n = utf8_len(value);

	return n >= 1 && n <= 32 ? set_text(&at->slot->label, value) : bad(at, "not 1 to 32 bytes of UTF-8 text");
}

/* It names a file, too. */
static CK_RV key_serial(const struct at *at, const char *value)
{
	if (strspn(value, NAME_CHARS) != 16 || value[16] != '\0')
		return bad(at, "not 16 letters, digits, _ and -");
	return set_text(&at->slot->serial, value);
}

static CK_RV key_backend(const struct at *at, const char *value)
{
	if (strcmp(value, "soft") == 0)
		at->slot->backend = HZ_BACKEND_SOFT;
	else if (strcmp(value, "pkcs11") == 0)
		at->slot->backend = HZ_BACKEND_PKCS11;
	else
		return bad(at, "not a backend that this version has (soft, pkcs11)");
	return CKR_OK;
}

/* The answer of config_login.c. */
static CK_RV answer(const struct at *at, const char *wrong)
{
	if (wrong == NULL)
		return CKR_OK;
	return wrong[0] != '\0' ? bad(at, wrong) : hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");
}

static CK_RV key_login(const struct at *at, const char *value)
{
	return answer(at, hz_conf_login(at->slot, value));
}

/* evidence_source, evidence_source.NAME */
static CK_RV key_evidence_source(const struct at *at, const char *value)
{
	const char *dot = strchr(at->key, '.');

	if (dot != NULL && dot[1] == '\0')
		return bad(at, "no name behind the dot");
	return answer(at, hz_conf_source(at->slot, dot != NULL ? dot + 1 : "", value));
}

static CK_RV key_gpu_source(const struct at *at, const char *value)
{
	return answer(at, hz_conf_gpu_source(at->slot, value));
}

static CK_RV key_fallback(const struct at *at, const char *value)
{
	return answer(at, hz_conf_fallback(at->slot, value));
}

static CK_RV key_idle_ttl(const struct at *at, const char *value)
{
	return answer(at, hz_conf_idle_ttl(at->slot, value));
}

static CK_RV key_tenant(const struct at *at, const char *value)
{
	return answer(at, hz_conf_tenant(at->slot, value));
}

static CK_RV key_policy(const struct at *at, const char *value)
{
	return value[0] == '/' ? set_text(&at->slot->policy, value) : bad(at, "not an absolute path");
}

static CK_RV key_collateral(const struct at *at, const char *value)
{
	return value[0] == '/' ? set_text(&at->slot->collateral, value) : bad(at, "not an absolute path");
}

/* In [hanzo] and in a slot. */
static CK_RV key_session_ttl(const struct at *at, const char *value)
{
	unsigned long *to = at->slot != NULL ? &at->slot->session_ttl : &at->c->session_ttl;
	CK_RV rv = answer(at, hz_conf_seconds(value, to));

	if (rv == CKR_OK && *to == 0)
		rv = bad(at, "a login that ends at once");
	if (at->slot != NULL)
		at->slot->session_ttl_set = true;
	return rv;
}

static CK_RV key_evidence_cache(const struct at *at, const char *value)
{
	return answer(at, hz_conf_seconds(value, at->slot != NULL ? &at->slot->evidence_cache : &at->c->evidence_cache));
}

static CK_RV key_reattest(const struct at *at, const char *value)
{
	return answer(at, hz_conf_seconds(value, &at->slot->reattest));
}

static CK_RV key_hide_secp256k1(const struct at *at, const char *value)
{
	return yes_or_no(at, value, &at->slot->hide_secp256k1);
}

static CK_RV key_delegate_to_attested(const struct at *at, const char *value)
{
	return yes_or_no(at, value, &at->slot->delegate_to_attested);
}

/* Keys of config_seal.c and config_device.c. */
static CK_RV by(const struct at *at, const char *value, const char *(*read)(struct hz_slot_conf *slot, const char *value))
{
	const char *why = read(at->slot, value);

	return why == NULL ? CKR_OK : bad(at, why);
}

static CK_RV key_seal(const struct at *at, const char *value)
{
	return by(at, value, hz_conf_seal);
}

static CK_RV key_tpm2_tcti(const struct at *at, const char *value)
{
	return by(at, value, hz_conf_tpm2_tcti);
}

static CK_RV key_tpm2_pcrs(const struct at *at, const char *value)
{
	return by(at, value, hz_conf_tpm2_pcrs);
}

static CK_RV key_snp_device(const struct at *at, const char *value)
{
	return by(at, value, hz_conf_snp_device);
}

static CK_RV key_snp_key(const struct at *at, const char *value)
{
	return by(at, value, hz_conf_snp_key);
}

static CK_RV key_snp_vmpl(const struct at *at, const char *value)
{
	return by(at, value, hz_conf_snp_vmpl);
}

static CK_RV key_device(const struct at *at, const char *value)
{
	const char *why = hz_conf_device(at->slot, at->key, value);

	return why == NULL ? CKR_OK : bad(at, why);
}

/* A later key is one more row. */
struct key {
	const char *name;
	CK_RV (*read)(const struct at *at, const char *value);
};

static const struct key hanzo_keys[] = {
	{ "audit", key_audit },
	{ "chain_id", key_chain_id },
	{ "evidence_cache", key_evidence_cache },
	{ "hmm_ttl", key_hmm_ttl },
	{ "log", key_log },
	{ "max_pin_tries", key_max_pin_tries },
	{ "namespace_separator", key_namespace_separator },
	{ "poai_ttl", key_poai_ttl },
	{ "session_ttl", key_session_ttl },
	{ "slots", key_slots },
	{ "store", key_store },
	{ NULL, NULL },
};

static const struct key slot_keys[] = {
	{ "allow_init", key_device },
	{ "backend", key_backend },
	{ "collateral", key_collateral },
	{ "delegate_to_attested", key_delegate_to_attested },
	{ "deadline", key_device },
	{ "evidence_cache", key_evidence_cache },
	{ "evidence_source", key_evidence_source },
	{ "evidence_source.", key_evidence_source }, /* and a name */
	{ "fallback", key_fallback },
	{ "gpu_source", key_gpu_source },
	{ "health_failures", key_device },
	{ "health_interval", key_device },
	{ "hide_secp256k1", key_hide_secp256k1 },
	{ "id", key_id },
	{ "idle_ttl", key_idle_ttl },
	{ "init_args", key_device },
	{ "init_args.", key_device },
	{ "label", key_label },
	{ "login", key_login },
	{ "module", key_device },
	{ "module.", key_device },
	{ "pin_source", key_device },
	{ "pin_source.", key_device },
	{ "policy", key_policy },
	{ "reattest", key_reattest },
	{ "seal", key_seal },
	{ "serial", key_serial },
	{ "session_ttl", key_session_ttl },
	{ "sessions", key_device },
	{ "slot", key_device },
	{ "slot.", key_device },
	{ "snp_device", key_snp_device },
	{ "snp_key", key_snp_key },
	{ "snp_vmpl", key_snp_vmpl },
	{ "tenant", key_tenant },
	{ "tier", key_tier },
	{ "token", key_device },
	{ "token.", key_device },
	{ "tpm2_pcrs", key_tpm2_pcrs },
	{ "tpm2_tcti", key_tpm2_tcti },
	{ "weight", key_device },
	{ "weight.", key_device },
	{ NULL, NULL },
};

/* Sections. */

/* A row whose name ends in a dot takes every key that begins so. */
static bool is_key(const struct key *k, const char *name)
{
	size_t n = strlen(k->name);

	return strcmp(k->name, name) == 0 || (k->name[n - 1] == '.' && strncmp(k->name, name, n) == 0);
}

static CK_RV read_key(struct at *at, const struct key *keys, const CONF_VALUE *v)
{
	at->key = v->name;
	for (; keys->name != NULL; keys++)
		if (is_key(keys, v->name))
			return v->value != NULL ? keys->read(at, v->value) : bad(at, "no value");
	return bad(at, "unknown key");
}

static CK_RV read_section(struct hz_config *c, const CONF *conf, const char *section, const struct key *keys, struct hz_slot_conf *slot)
{
	STACK_OF(CONF_VALUE) *values = NCONF_get_section(conf, section);
	struct at at = { c, conf, section, "", slot };
	CK_RV rv = CKR_OK;

	for (int i = 0; rv == CKR_OK && values != NULL && i < sk_CONF_VALUE_num(values); i++)
		rv = read_key(&at, keys, sk_CONF_VALUE_value(values, i));
	return rv;
}

/* What keys of a section say together. */
static CK_RV check_slot(struct hz_config *c, const struct hz_slot_conf *slot, CK_RV rv)
{
	const char *why = rv == CKR_OK ? hz_conf_seals_ok(slot) : NULL, *device = rv == CKR_OK ? hz_conf_device_ok(slot) : NULL;

	if (device != NULL)
		return hz_fail(CKR_GENERAL_ERROR, "%s: [%s] %s", c->path, slot->section, device);
	return why == NULL ? rv : hz_fail(CKR_GENERAL_ERROR, "%s: [%s] seal: %s", c->path, slot->section, why);
}

static CK_RV read_named(struct hz_config *c, const CONF *conf, const char *section)
{
	struct hz_slot_conf *slot = find_slot(c, section);

	if (strcmp(section, "hanzo") == 0)
		return CKR_OK; /* it came first */
	if (strcmp(section, "default") == 0 && sk_CONF_VALUE_num(NCONF_get_section(conf, section)) <= 0)
		return CKR_OK;
	if (slot == NULL)
		return hz_fail(CKR_GENERAL_ERROR, "%s: [%s]: unknown section", c->path, section);
	slot->configured = true;
	return check_slot(c, slot, read_section(c, conf, section, slot_keys, slot));
}

static CK_RV read_sections(struct hz_config *c, const CONF *conf)
{
	STACK_OF(OPENSSL_CSTRING) *names = NCONF_get_section_names(conf);
	CK_RV rv = read_section(c, conf, "hanzo", hanzo_keys, NULL);

	for (int i = 0; rv == CKR_OK && names != NULL && i < sk_OPENSSL_CSTRING_num(names); i++)
		rv = read_named(c, conf, sk_OPENSSL_CSTRING_value(names, i));
	sk_OPENSSL_CSTRING_free(names);
	return rv;
}

/* Callers choose tokens by label. */
static CK_RV check_labels(const struct hz_config *c)
{
	for (size_t i = 0; i < c->nslots; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(c->slots[i].label, c->slots[j].label) == 0)
				return hz_fail(CKR_GENERAL_ERROR, "%s: [%s] label: the same as that of [%s]", c->path,
					       c->slots[i].section, c->slots[j].section);
	return CKR_OK;
}

static int by_id(const void *x, const void *y)
{
	const struct hz_slot_conf *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

CK_RV hz_conf_parse(struct hz_config *c, const char *text, size_t len)
{
	CONF *conf = hz_libctx() != NULL ? NCONF_new_ex(hz_libctx(), NULL) : NULL;
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	long line = 0;
	CK_RV rv;

	if (conf == NULL || bio == NULL)
		rv = hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");
	else if (NCONF_load_bio(conf, bio, &line) != 1)
		rv = hz_fail(CKR_GENERAL_ERROR, "%s: line %ld: %s", c->path, line, hz_ossl_reason());
	else
		rv = read_sections(c, conf);
	NCONF_free(conf);
	BIO_free(bio);
	(void)hz_ossl_reason(); /* failed look-ups leave something behind as well */
	if (rv != CKR_OK)
		return rv;
	qsort(c->slots, c->nslots, sizeof *c->slots, by_id);
	return check_labels(c);
}
