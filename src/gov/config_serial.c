/* SPDX-License-Identifier: Apache-2.0 */
/* Serial numbers: stable before the first write, and carried by the names of the databases ever after (config.h says how). */
#include "gov/config_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hex.h"
#include "crypto/hash.h"

#define INSTANCE 12 /* hex digits */

/* "0123456789abcdef.db", or the store beside a device: "0123456789abcdef.side.db" */
static bool is_database(const char *name)
{
	return strspn(name, "0123456789abcdef") == 16 && (strcmp(name + 16, ".db") == 0 || strcmp(name + 16, ".side.db") == 0);
}

/* The slot whose default serial a name may be: one without a serial of its own, whose id the last four digits give. */
static struct hz_slot_conf *slot_of(struct hz_config *c, const char *name)
{
	char id[5] = { 0 };

	memcpy(id, name + INSTANCE, 4);
	for (size_t i = 0; i < c->nslots; i++)
		if (c->slots[i].id == strtoul(id, NULL, 16))
			return &c->slots[i];
	return NULL;
}

static bool has_own(const struct hz_config *c, const char *name)
{
	for (size_t i = 0; i < c->nslots; i++)
		if (c->slots[i].serial != NULL && strncmp(c->slots[i].serial, name, 16) == 0)
			return true;
	return false;
}

/*
 * What the store's databases say: serials[i] for slot i, empty without one. Where files disagree (a copy of another store was put
 * beside ours) the lowest name counts, so that the answer never depends on the folder's order.
 */
static void serials_in_store(struct hz_config *c, char serials[][17])
{
	DIR *dir = opendir(c->store_dir);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		struct hz_slot_conf *s = is_database(e->d_name) && !has_own(c, e->d_name) ? slot_of(c, e->d_name) : NULL;
		char *have = s != NULL ? serials[s - c->slots] : NULL;

		if (have != NULL && (have[0] == '\0' || strncmp(e->d_name, have, 16) < 0))
			memcpy(have, e->d_name, 16);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* /etc/machine-id, or nothing (containers may have none). */
static size_t machine_id(char *out, size_t room)
{
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, out, room) : -1;

	if (fd >= 0)
		(void)close(fd);
	return n > 0 ? (size_t)n : 0;
}

static void instance_of_machine(const struct hz_config *c, char instance[INSTANCE + 1])
{
	static const char domain[] = "hanzo-pkcs11/instance/v1";
	char machine[64], user[32];
	size_t n = machine_id(machine, sizeof machine);
	struct hz_hash h;
	uint8_t digest[32];

	(void)snprintf(user, sizeof user, "%lu", (unsigned long)geteuid());
	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, domain, sizeof domain);
	hz_hash_update(&h, machine, n);
	hz_hash_update(&h, "", 1);
	hz_hash_update(&h, user, strlen(user) + 1);
	hz_hash_update(&h, c->store_dir, strlen(c->store_dir));
	hz_hash_final(&h, digest);
	hz_hex_encode(digest, INSTANCE / 2, instance);
}

/* The instance for slots without a database: that of the lowest one there is, else the machine's. */
static void instance_find(const struct hz_config *c, char serials[][17], char instance[INSTANCE + 1])
{
	const char *low = NULL;

	for (size_t i = 0; i < c->nslots; i++)
		if (serials[i][0] != '\0' && (low == NULL || strcmp(serials[i], low) < 0))
			low = serials[i];
	if (low != NULL)
		memcpy(instance, low, INSTANCE);
	else
		instance_of_machine(c, instance);
}

static CK_RV check_distinct(const struct hz_config *c)
{
	for (size_t i = 0; i < c->nslots; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(c->slots[i].serial, c->slots[j].serial) == 0)
				return hz_fail(CKR_GENERAL_ERROR, "%s: [%s] serial: the same as that of [%s]", c->path,
					       c->slots[i].section, c->slots[j].section);
	return CKR_OK;
}

CK_RV hz_conf_serials(struct hz_config *c)
{
	char(*serials)[17] = calloc(c->nslots, sizeof *serials), instance[INSTANCE + 1] = { 0 };
	bool ok = serials != NULL;

	if (ok) {
		serials_in_store(c, serials);
		instance_find(c, serials, instance);
	}
	for (size_t i = 0; ok && i < c->nslots; i++) {
		struct hz_slot_conf *s = &c->slots[i];

		if (s->serial != NULL)
			continue;
		if (serials[i][0] == '\0')
			(void)snprintf(serials[i], sizeof serials[i], "%s%04lx", instance, s->id & HZ_SLOT_ID_MAX);
		s->serial = strdup(serials[i]);
		ok = s->serial != NULL;
	}
	free(serials);
	return ok ? check_distinct(c) : hz_fail(CKR_HOST_MEMORY, "no memory for serials");
}
