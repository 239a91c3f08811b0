/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a slot whose keys are in another PKCS#11 module, or in several with the same keys. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11.h"
#include "gov/config_int.h"

#define SECONDS_MAX 86400u

static const char *set(char **to, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return "no memory";
	free(*to);
	*to = copy;
	return NULL;
}

static const char *number(const char *value, unsigned long max, unsigned long *out)
{
	size_t n = strspn(value, "0123456789");

	if (n == 0 || n > 18 || value[n] != '\0')
		return "not a number";
	*out = strtoul(value, NULL, 10);
	return *out <= max ? NULL : "too large";
}

static const char *positive(const char *value, unsigned max, unsigned *out)
{
	unsigned long n = 0;
	const char *why = number(value, max, &n);

	if (why == NULL && n == 0)
		return "at least 1";
	*out = (unsigned)n;
	return why;
}

/* ---- keys of one module ---- */

static const char *module(struct hz_device_at *d, const char *value)
{
	return value[0] == '/' ? set(&d->module, value) : "not an absolute path";
}

static const char *token(struct hz_device_at *d, const char *value)
{
	size_t n = strlen(value);

	return n >= 1 && n <= 32 ? set(&d->token, value) : "not 1 to 32 bytes";
}

static const char *slot_of(struct hz_device_at *d, const char *value)
{
	unsigned long n;
	const char *why = number(value, 999999999999999999UL, &n);

	if (why == NULL) {
		d->slot = n;
		d->by_slot = true;
	}
	return why;
}

/* What it names is looked at when the PIN is needed, so that it may come later than the configuration. */
static const char *pin_source(struct hz_device_at *d, const char *value)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	if (strncmp(value, "file:/", 6) == 0)
		return set(&d->pin_source, value);
	if (strncmp(value, "env:", 4) == 0 && value[4] != '\0' && value[4 + strspn(value + 4, name)] == '\0')
		return set(&d->pin_source, value);
	return "neither file: and an absolute path nor env: and a name";
}

/* For modules that are told where their keys are in C_Initialize, above all NSS. */
static const char *init_args(struct hz_device_at *d, const char *value)
{
	return value[0] != '\0' ? set(&d->init_args, value) : "empty";
}

static const char *weight(struct hz_device_at *d, const char *value)
{
	unsigned long n = 0;
	const char *why = number(value, 1000, &n);

	d->weight = (unsigned)n;
	d->has_weight = why == NULL;
	return why;
}

static const struct {
	const char *name;
	const char *(*read)(struct hz_device_at *d, const char *value);
} of_one[] = {
	{ "init_args", init_args }, { "module", module }, { "pin_source", pin_source }, { "slot", slot_of }, { "token", token },
	{ "weight", weight },
};

/* ---- keys of all ---- */

static const char *allow_init(struct hz_device_conf *d, const char *value)
{
	d->allow_init = strcmp(value, "yes") == 0;
	return d->allow_init || strcmp(value, "no") == 0 ? NULL : "neither yes nor no";
}

static const char *sessions(struct hz_device_conf *d, const char *value)
{
	return positive(value, HZ_P11_SESSIONS, &d->sessions);
}

static const char *deadline(struct hz_device_conf *d, const char *value)
{
	return positive(value, SECONDS_MAX, &d->deadline);
}

static const char *health_interval(struct hz_device_conf *d, const char *value)
{
	return positive(value, SECONDS_MAX, &d->health_interval);
}

static const char *health_failures(struct hz_device_conf *d, const char *value)
{
	return positive(value, 1000, &d->health_failures);
}

static const struct {
	const char *name;
	const char *(*read)(struct hz_device_conf *d, const char *value);
} of_all[] = {
	{ "allow_init", allow_init }, { "deadline", deadline }, { "health_failures", health_failures },
	{ "health_interval", health_interval }, { "sessions", sessions },
};

/* "module" is the first, "module.2" the second. 0: no number that there may be. */
static unsigned which(const char *dot)
{
	if (dot[0] == '\0')
		return 1;
	return dot[1] >= '2' && dot[1] < '1' + (int)HZ_DEVICES && dot[2] == '\0' ? (unsigned)(dot[1] - '0') : 0;
}

const char *hz_conf_device(struct hz_slot_conf *slot, const char *key, const char *value)
{
	size_t n = strcspn(key, ".");
	unsigned i = which(key + n);

	slot->device.given = true;
	if (i == 0)
		return "the number after the dot is not 2 to 8";
	for (size_t k = 0; k < sizeof of_one / sizeof of_one[0]; k++)
		if (strncmp(of_one[k].name, key, n) == 0 && of_one[k].name[n] == '\0')
			return of_one[k].read(&slot->device.at[i - 1], value);
	for (size_t k = 0; k < sizeof of_all / sizeof of_all[0]; k++)
		if (strcmp(of_all[k].name, key) == 0)
			return of_all[k].read(&slot->device, value);
	return "unknown key";
}

static bool says_something(const struct hz_device_at *d)
{
	return d->token != NULL || d->by_slot || d->pin_source != NULL || d->init_args != NULL || d->has_weight;
}

static const char *one_ok(const struct hz_device_conf *d, unsigned i)
{
	const struct hz_device_at *at = &d->at[i];

	if (at->module == NULL)
		return says_something(at) ? "a numbered key needs the module with the same number" : NULL;
	if (i > 0 && d->at[i - 1].module == NULL)
		return "modules are numbered without a gap";
	if (at->token != NULL && at->by_slot)
		return "token and slot both name the device's token: one of them will do";
	/* Otherwise the caller's PIN would be one device's and not the other's. */
	if (i > 0 && (at->pin_source == NULL) != (d->at[0].pin_source == NULL))
		return "pin_source is for all modules of a slot or for none";
	return NULL;
}

const char *hz_conf_device_ok(const struct hz_slot_conf *slot)
{
	const struct hz_device_conf *d = &slot->device;
	const char *why = NULL;

	if (slot->backend != HZ_BACKEND_PKCS11)
		return d->given ? "module, token, slot, pin_source, init_args, weight, sessions, deadline, health_interval, health_failures "
				  "and allow_init are for backend = pkcs11"
				: NULL;
	if (d->at[0].module == NULL)
		return "backend = pkcs11 needs module";
	for (unsigned i = 0; i < HZ_DEVICES && why == NULL; i++)
		why = one_ok(d, i);
	if (why == NULL && d->at[1].module != NULL && d->allow_init)
		why = "allow_init = yes is for a slot with one module";
	if (why == NULL && slot->tier == 0)
		why = "tier 0 has no login, so no device can stand behind it";
	return why;
}

void hz_conf_device_free(struct hz_device_conf *d)
{
	for (unsigned i = 0; i < HZ_DEVICES; i++) {
		free(d->at[i].module);
		free(d->at[i].token);
		free(d->at[i].pin_source);
		free(d->at[i].init_args);
	}
}
