/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: defaults, then what the file and the environment say. */
#include "gov/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gov/config_int.h"

static const char *const tier_name[] = { "open", "encrypted", "secure", "gpu-cc", "gpu-tee-io" };
static const char *const tier_title[] = { "Open", "Encrypted", "Secure", "GPU CC", "GPU TEE-I/O" };

/* Tiers from 2 up want their keys in hardware or sealed to it; software keys behind a PIN are what tier 1 is. */
static const char *const why_absent[] = {
	NULL, NULL,
	"tier 2 needs an HSM, a TPM or a CPU TEE, and none is configured",
	"tier 3 needs a CPU TEE and an NVIDIA GPU in confidential-computing mode, and none is configured",
	"tier 4 needs a CPU TEE and an NVIDIA GPU in TEE-I/O mode, and none is configured",
};

static void slot_free(struct hz_slot_conf *s)
{
	free(s->section);
	free(s->label);
	free(s->serial);
	free(s->description);
	free(s->absent_why);
	hz_conf_login_free(s);
	hz_conf_device_free(&s->device);
}

void hz_config_free(struct hz_config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->nslots; i++)
		slot_free(&c->slots[i]);
	free(c->slots);
	free(c->path);
	free(c->store_dir);
	free(c->log);
	free(c->log_env);
	free(c);
}

/* Extra slots say their name, so that slots of one tier can be told apart by description too. */
static bool slot_names(struct hz_slot_conf *s)
{
	const char *name = strncmp(s->section, "slot_", 5) == 0 ? s->section + 5 : NULL;
	int n = name != NULL ? asprintf(&s->label, "hanzo-%s", name) : asprintf(&s->label, "hanzo-%s", tier_name[s->tier]);

	if (n < 0) {
		s->label = NULL;
		return false;
	}
	n = asprintf(&s->description, "Hanzo tier %u: %s%s%s", s->tier, tier_title[s->tier], name != NULL ? ", " : "",
		     name != NULL ? name : "");
	if (n < 0)
		s->description = NULL;
	return n >= 0;
}

struct hz_slot_conf *hz_conf_add_slot(struct hz_config *c, const char *section, CK_SLOT_ID id, unsigned tier)
{
	struct hz_slot_conf *grown = reallocarray(c->slots, c->nslots + 1, sizeof *grown), *s;

	if (grown == NULL)
		return NULL;
	c->slots = grown;
	s = &grown[c->nslots++];
	memset(s, 0, sizeof *s);
	s->id = id;
	s->tier = tier;
	s->backend = tier < 2 ? HZ_BACKEND_SOFT : HZ_BACKEND_NONE;
	s->section = strdup(section);
	s->evidence_cache = (unsigned long)-1; /* [hanzo] says */
	if (why_absent[tier] != NULL)
		s->absent_why = strdup(why_absent[tier]);
	if (s->section == NULL || (why_absent[tier] != NULL && s->absent_why == NULL) || !slot_names(s))
		return NULL; /* hz_config_free takes what there is */
	return s;
}

static CK_RV set_defaults(struct hz_config *c)
{
	char section[8];
	bool ok;

	c->max_pin_tries = 10;
	c->chain_id = 36963;
	c->audit = HZ_AUDIT_ON;
	c->poai_ttl = 3600;
	c->hmm_ttl = 86400;
	c->evidence_cache = 60;
	c->separator = ':';
	c->log = strdup("syslog");
	c->store_dir = hz_conf_store_default();
	ok = c->log != NULL && c->store_dir != NULL;
	for (unsigned tier = 0; ok && tier < 5; tier++) {
		(void)snprintf(section, sizeof section, "tier%u", tier);
		ok = hz_conf_add_slot(c, section, tier, tier) != NULL;
	}
	return ok ? CKR_OK : hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");
}

CK_RV hz_conf_text(struct hz_config *c, const char *text, size_t len)
{
	CK_RV rv = hz_conf_scan(c->path, text, len);

	return rv == CKR_OK ? hz_conf_parse(c, text, len) : rv;
}

/* What depends on several keys. */
static CK_RV finish(struct hz_config *c)
{
	for (size_t i = 0; i < c->nslots; i++) {
		const char *key, *wrong = hz_conf_login_finish(c, &c->slots[i], &key);

		if (wrong != NULL && wrong[0] == '\0')
			return hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");
		if (wrong != NULL)
			return hz_fail(CKR_GENERAL_ERROR, "%s: [%s] %s: %s", c->path, c->slots[i].section, key, wrong);
	}
	return CKR_OK;
}

static CK_RV read_file(struct hz_config *c, const char *reserved)
{
	char *text = NULL;
	size_t len = 0;
	CK_RV rv = hz_conf_read(reserved, &c->path, &text, &len);

	if (rv == CKR_OK && text != NULL)
		rv = hz_conf_text(c, text, len);
	free(text);
	return rv;
}

/* HANZO_PKCS11_STORE wins over the file. */
static CK_RV read_environment(struct hz_config *c)
{
	char *dir = NULL;
	CK_RV rv = hz_conf_store_env(&dir);

	if (rv == CKR_OK && dir != NULL) {
		free(c->store_dir);
		c->store_dir = dir;
	}
	return rv == CKR_OK ? hz_conf_log_env(c) : rv;
}

CK_RV hz_conf_new(struct hz_config **out)
{
	struct hz_config *c = calloc(1, sizeof *c);
	CK_RV rv = c != NULL ? set_defaults(c) : hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");

	*out = c;
	if (rv != CKR_OK) {
		hz_config_free(c);
		*out = NULL;
	}
	return rv;
}

CK_RV hz_config_load(struct hz_config **out, const char *reserved)
{
	struct hz_config *c;
	CK_RV rv = hz_conf_new(&c);

	*out = NULL;
	if (rv == CKR_OK)
		rv = read_file(c, reserved);
	if (rv == CKR_OK)
		rv = finish(c);
	if (rv == CKR_OK)
		rv = read_environment(c);
	if (rv == CKR_OK)
		rv = hz_conf_serials(c);
	for (size_t i = 0; rv == CKR_OK && i < c->nslots; i++)
		rv = hz_conf_seals_present(&c->slots[i]);
	if (rv == CKR_OK)
		*out = c;
	else
		hz_config_free(c);
	return rv;
}
