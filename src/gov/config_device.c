/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a slot whose keys are in another PKCS#11 module. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11.h"
#include "gov/config_int.h"

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

const char *hz_conf_module(struct hz_slot_conf *slot, const char *value)
{
	return value[0] == '/' ? set(&slot->device.module, value) : "not an absolute path";
}

const char *hz_conf_token(struct hz_slot_conf *slot, const char *value)
{
	size_t n = strlen(value);

	return n >= 1 && n <= 32 ? set(&slot->device.token, value) : "not 1 to 32 bytes";
}

const char *hz_conf_device_slot(struct hz_slot_conf *slot, const char *value)
{
	unsigned long n;
	const char *why = number(value, 999999999999999999UL, &n);

	if (why == NULL) {
		slot->device.slot = n;
		slot->device.by_slot = true;
	}
	return why;
}

/* What it names is looked at when the PIN is needed, so that it may come later than the configuration. */
const char *hz_conf_pin_source(struct hz_slot_conf *slot, const char *value)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	if (strncmp(value, "file:/", 6) == 0)
		return set(&slot->device.pin_source, value);
	if (strncmp(value, "env:", 4) == 0 && value[4] != '\0' && value[4 + strspn(value + 4, name)] == '\0')
		return set(&slot->device.pin_source, value);
	return "neither file: and an absolute path nor env: and a name";
}

/* For modules that are told where their keys are in C_Initialize, above all NSS. */
const char *hz_conf_init_args(struct hz_slot_conf *slot, const char *value)
{
	return value[0] != '\0' ? set(&slot->device.init_args, value) : "empty";
}

const char *hz_conf_allow_init(struct hz_slot_conf *slot, const char *value)
{
	slot->device.allow_init = strcmp(value, "yes") == 0;
	return slot->device.allow_init || strcmp(value, "no") == 0 ? NULL : "neither yes nor no";
}

const char *hz_conf_sessions(struct hz_slot_conf *slot, const char *value)
{
	unsigned long n = 0;
	const char *why = number(value, HZ_P11_SESSIONS, &n);

	if (why == NULL && n == 0)
		return "at least 1";
	slot->device.sessions = (unsigned)n;
	return why;
}

const char *hz_conf_device_ok(const struct hz_slot_conf *slot)
{
	const struct hz_device_conf *d = &slot->device;

	if (slot->backend != HZ_BACKEND_PKCS11) {
		if (d->module != NULL || d->token != NULL || d->by_slot || d->pin_source != NULL || d->init_args != NULL || d->allow_init ||
		    d->sessions != 0)
			return "module, token, slot, pin_source, init_args, sessions and allow_init are for backend = pkcs11";
		return NULL;
	}
	if (d->module == NULL)
		return "backend = pkcs11 needs module";
	if (d->token != NULL && d->by_slot)
		return "token and slot both name the device's token: one of them will do";
	if (slot->tier == 0)
		return "tier 0 has no login, so no device can stand behind it";
	return NULL;
}

void hz_conf_device_free(struct hz_device_conf *d)
{
	free(d->module);
	free(d->token);
	free(d->pin_source);
	free(d->init_args);
}
