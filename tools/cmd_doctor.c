/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 doctor: which configuration won, what each slot is, and why what is missing is missing. */
#include <getopt.h>
#include <json-c/json.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/p11_int.h"
#include "base/error.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "crypto/libctx.h"
#include "gov/config.h"
#include "store/store.h"
#include "keyed.h"
#include "tool.h"

struct doctor {
	struct tool tool;
	struct json_object *out; /* everything is collected first, then printed as JSON or as text */
	bool ill;
};

static const char *const nodes[] = {
	"/dev/sev-guest", "/dev/tdx_guest", "/sys/kernel/config/tsm/report", "/dev/tpmrm0", "/dev/nvidiactl",
};

static void add(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static struct hz_config *diagnose_configuration(struct doctor *d)
{
	struct hz_config *conf = NULL;
	CK_RV rv = hz_config_load(&conf, NULL);

	if (rv != CKR_OK) {
		d->ill = true;
		add(d->out, "configuration", "refused");
		add(d->out, "reason", hz_error_text());
		return NULL;
	}
	add(d->out, "configuration", conf->path ? conf->path : "none (defaults)");
	add(d->out, "store", conf->store_dir ? conf->store_dir : "none: token objects cannot be kept");
	add(d->out, "log", conf->log ? conf->log : "syslog");
	return conf;
}

static void diagnose_machine(struct doctor *d)
{
	static const char *const later[] = { "ML-DSA-65", "ML-KEM-768" };
	struct json_object *found = json_object_new_array();
	struct rlimit lock;
	char text[64];

	add(d->out, "libcrypto", OpenSSL_version(OPENSSL_VERSION));
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
		json_object_object_add(d->out, later[i], json_object_new_boolean(hz_has_keytype(later[i])));
	if (getrlimit(RLIMIT_MEMLOCK, &lock) == 0) {
		if (lock.rlim_cur == RLIM_INFINITY)
			snprintf(text, sizeof text, "unlimited");
		else
			snprintf(text, sizeof text, "%lu KiB", (unsigned long)lock.rlim_cur / 1024);
		add(d->out, "lockable memory", text);
	}
	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		if (access(nodes[i], F_OK) == 0)
			json_object_array_add(found, json_object_new_string(nodes[i]));
	json_object_object_add(d->out, "devices", found);
}

/* A slot with hardware seals: would they open? NULL, or why not. */
static const char *sealed_shut(const struct hz_config *conf, CK_SLOT_ID id)
{
	struct hz_store *store = NULL;
	const char *why = NULL;

	for (size_t i = 0; conf && i < conf->nslots; i++) {
		const struct hz_slot_conf *s = &conf->slots[i];
		const struct hz_store_conf sc = { .dir = conf->store_dir, .serial = s->serial, .tier = s->tier,
						  .max_tries = conf->max_pin_tries, .seals = s->seals, .n_seals = s->n_seals,
						  .seal_conf = &s->seal };

		if (s->id != id || s->n_seals == 0)
			continue;
		if (hz_store_new(&store, &sc) != CKR_OK || hz_store_probe(store) != CKR_OK)
			why = hz_error_text();
		hz_store_free(store);
	}
	return why;
}

static const char *slot_reason(const struct hz_config *conf, CK_SLOT_ID id)
{
	for (size_t i = 0; conf && i < conf->nslots; i++)
		if (conf->slots[i].id == id)
			return conf->slots[i].backend == HZ_BACKEND_PKCS11 ? "the device does not answer; the log says why" : conf->slots[i].absent_why;
	return NULL;
}

static bool pin_readable(const char *source)
{
	uint8_t *pin = NULL;
	size_t len;
	bool ok = hz_p11_pin_read(source, &pin, &len) == CKR_OK;

	hz_secmem_free(pin);
	return ok;
}

/*
 * A slot whose keys are in devices: can their PINs be read from where the configuration says? NULL, or why one of them cannot (no PIN is in
 * a reason); *all: none of the devices can be logged in to.
 */
static const char *pin_missing(const struct hz_config *conf, CK_SLOT_ID id, bool *all)
{
	const char *why = NULL;

	*all = true;
	for (size_t i = 0; conf && i < conf->nslots; i++) {
		const struct hz_slot_conf *s = &conf->slots[i];

		for (size_t k = 0; s->id == id && s->backend == HZ_BACKEND_PKCS11 && k < HZ_DEVICES; k++)
			if (s->device.at[k].module != NULL && s->device.at[k].pin_source != NULL && !pin_readable(s->device.at[k].pin_source))
				why = hz_error_text();
			else if (s->device.at[k].module != NULL)
				*all = false;
	}
	return why;
}

/* What the module found when it started is more exact than what the configuration lets one expect. */
static const char *absent_reason(const struct doctor *d, const struct hz_config *conf, CK_SLOT_ID id, char *text, CK_ULONG room)
{
	HZ_GetLastError_t why = keyed_find_why(&d->tool);
	const char *expected = slot_reason(conf, id);

	return why != NULL && why(text, &room) == CKR_OK && text[0] != '\0' ? text : expected;
}

/* What to say of a token that is there; *why may say more. */
static const char *state_of(const struct hz_config *conf, CK_SLOT_ID id, const CK_TOKEN_INFO *info, const char **why)
{
	bool all;

	if ((*why = sealed_shut(conf, id)) != NULL)
		return "sealed, and does not open";
	if (!(info->flags & CKF_TOKEN_INITIALIZED))
		return "not initialised (hanzo-p11 init)";
	if ((info->flags & CKF_LOGIN_REQUIRED) && !(info->flags & CKF_USER_PIN_INITIALIZED))
		return "no user PIN";
	*why = pin_missing(conf, id, &all);
	return *why != NULL && all ? "no login" : "ready";
}

/* NULL, or by what tier a slot is served that has fallen back, and why not by its own. A simulated token's model does not say which. */
static const char *fallen_back(const struct hz_config *conf, CK_SLOT_ID id, const CK_TOKEN_INFO *info, char *text, size_t room)
{
	char model[sizeof info->model + 1], tier[16] = "a lower tier";
	unsigned own, serving;

	tool_field(info->model, sizeof info->model, model);
	if (sscanf(model, "tier %u as %u", &own, &serving) == 2)
		snprintf(tier, sizeof tier, "tier %u", serving % 10);
	for (size_t i = 0; conf && i < conf->nslots; i++) {
		const struct hz_slot_conf *s = &conf->slots[i];

		if (s->id != id || s->backend != HZ_BACKEND_NONE)
			continue;
		snprintf(text, room, "served by %s: %s", tier, s->absent_why);
		return text;
	}
	return NULL;
}

static void diagnose_slot(struct doctor *d, const struct hz_config *conf, CK_SLOT_ID id, struct json_object *slots)
{
	struct json_object *o = json_object_new_object();
	CK_ULONG mechs = 0;
	CK_TOKEN_INFO info;
	const char *why;
	char text[33], reason[256];
	CK_RV rv = d->tool.p11->C_GetTokenInfo(id, &info);

	json_object_object_add(o, "slot", json_object_new_uint64(id));
	if (rv == CKR_OK) {
		tool_field(info.label, sizeof info.label, text);
		add(o, "label", text);
		add(o, "state", state_of(conf, id, &info, &why));
		if (why == NULL)
			why = fallen_back(conf, id, &info, reason, sizeof reason);
		if (why)
			add(o, "reason", why);
		d->tool.p11->C_GetMechanismList(id, NULL, &mechs);
		json_object_object_add(o, "mechanisms", json_object_new_uint64(mechs));
	} else {
		add(o, "state", "no token");
		why = rv == CKR_TOKEN_NOT_PRESENT ? absent_reason(d, conf, id, reason, sizeof reason) : NULL;
		add(o, "reason", why != NULL ? why : hz_ckr_name(rv));
	}
	json_object_array_add(slots, o);
}

static void diagnose_slots(struct doctor *d, const struct hz_config *conf)
{
	struct json_object *slots = json_object_new_array();
	CK_ULONG n = 0;
	CK_SLOT_ID *ids;

	json_object_object_add(d->out, "slots", slots);
	d->tool.p11->C_GetSlotList(CK_FALSE, NULL, &n);
	ids = calloc(n + 1, sizeof *ids);
	if (ids && d->tool.p11->C_GetSlotList(CK_FALSE, ids, &n) == CKR_OK)
		for (CK_ULONG i = 0; i < n; i++)
			diagnose_slot(d, conf, ids[i], slots);
	free(ids);
}

/* Why the module does not start: part of the diagnosis, unless that has it from the configuration already. */
static void diagnose_refusal(struct doctor *d, const struct hz_config *conf)
{
	const struct keyed k = { .why = keyed_find_why(&d->tool) };
	char reason[KEYED_REASON];

	d->ill = true;
	if (conf != NULL && keyed_reason(&k, reason, sizeof reason)[0] != '\0')
		add(d->out, "reason", reason);
}

/* One line a fact, slots one line each. */
static void print_text(struct json_object *out)
{
	json_object_object_foreach(out, key, value) {
		if (strcmp(key, "slots") != 0) {
			printf("%-16s %s\n", key, value ? json_object_get_string(value) : "-");
			continue;
		}
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_object *s = json_object_array_get_idx(value, i), *why = NULL, *label = NULL;

			json_object_object_get_ex(s, "reason", &why);
			json_object_object_get_ex(s, "label", &label);
			printf("slot %-11s %s%s%s%s%s\n", json_object_get_string(json_object_object_get(s, "slot")),
			       label ? json_object_get_string(label) : "", label ? ": " : "",
			       json_object_get_string(json_object_object_get(s, "state")), why ? ": " : "", why ? json_object_get_string(why) : "");
		}
	}
}

static int parse(struct doctor *d, int argc, char **argv)
{
	static const struct option options[] = {
		{ "module", required_argument, NULL, 'm' }, { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'm': d->tool.module = optarg; break;
		case 'j': d->tool.json = true; break;
		default: return TOOL_USAGE;
		}
	}
	return optind == argc ? TOOL_OK : tool_fail(TOOL_USAGE, "doctor takes no arguments");
}

int hz_cmd_doctor(int argc, char **argv)
{
	struct doctor d = { .ill = false };
	struct hz_config *conf;
	int rc = parse(&d, argc, argv);

	if (rc != TOOL_OK)
		return rc;
	d.out = json_object_new_object();
	conf = diagnose_configuration(&d);
	diagnose_machine(&d);
	add(d.out, "module", d.tool.module ? d.tool.module : HZ_MODULE_PATH);
	if (tool_load(&d.tool))
		diagnose_slots(&d, conf);
	else
		diagnose_refusal(&d, conf);
	tool_unload(&d.tool);
	if (d.tool.json) {
		tool_print_json(d.out);
	} else {
		print_text(d.out);
		json_object_put(d.out);
	}
	hz_config_free(conf);
	return d.ill ? TOOL_REFUSED : TOOL_OK;
}
