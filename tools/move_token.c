/* SPDX-License-Identifier: Apache-2.0 */
/* Which token an end of a migration is, behind whatever slot: two ends that are one, and the lock of a token that objects come into. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "backend/p11_load.h"
#include "base/hex.h"
#include "crypto/hash.h"
#include "move.h"
#include "store/files.h"

#define SLOTS 256

/* ---- what a token calls itself ---- */

static bool fits(const struct hz_device_at *at, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
	char label[33];

	tool_field(info->label, sizeof info->label, label);
	return (info->flags & CKF_TOKEN_INITIALIZED) != 0 && (!at->by_slot || at->slot == slot) &&
	       (at->token == NULL || strcmp(at->token, label) == 0);
}

/* The device's token that a slot with this configuration forwards to. */
static bool device_token(const struct hz_device_at *at, CK_TOKEN_INFO *info)
{
	CK_FUNCTION_LIST *f = at->module != NULL ? hz_p11_load(at->module) : NULL;
	CK_SLOT_ID slots[SLOTS];
	CK_ULONG n = SLOTS;
	bool found = false;

	/* p11-kit counts users: the slot has loaded and started it already. */
	if (f == NULL)
		return false;
	if (hz_p11_start(f, at->init_args) == CKR_OK) {
		if (f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
			n = 0;
		for (CK_ULONG i = 0; i < n && !found; i++)
			found = f->C_GetTokenInfo(slots[i], info) == CKR_OK && fits(at, slots[i], info);
		(void)hz_p11_stop(f);
	}
	hz_p11_unload(f);
	return found;
}

static const struct hz_slot_conf *forwards(const struct end *e, const struct hz_config *conf)
{
	for (size_t i = 0; e->why != NULL && conf != NULL && i < conf->nslots; i++)
		if (conf->slots[i].id == e->slot && conf->slots[i].backend == HZ_BACKEND_PKCS11)
			return &conf->slots[i];
	return NULL;
}

/* All tokens that are behind an end: one, unless its slot has several modules. */
static size_t tokens_of(const struct end *e, const struct hz_config *conf, CK_TOKEN_INFO info[HZ_DEVICES])
{
	const struct hz_slot_conf *s = forwards(e, conf);
	size_t n = 0;

	if (s == NULL)
		return e->p11->C_GetTokenInfo(e->slot, info) == CKR_OK ? 1 : 0;
	for (size_t i = 0; i < HZ_DEVICES; i++)
		if (device_token(&s->device.at[i], &info[n]))
			n++;
	return n;
}

/* What stays the same of a token, however it is reached. */
struct name {
	CK_UTF8CHAR label[32], manufacturer[32], model[16], serial[16];
};

static struct name name_of(const CK_TOKEN_INFO *info)
{
	struct name n;

	memcpy(n.label, info->label, sizeof n.label);
	memcpy(n.manufacturer, info->manufacturerID, sizeof n.manufacturer);
	memcpy(n.model, info->model, sizeof n.model);
	memcpy(n.serial, info->serialNumber, sizeof n.serial);
	return n;
}

bool end_same(const struct end *a, const struct end *b, const struct hz_config *conf)
{
	CK_TOKEN_INFO x[HZ_DEVICES], y[HZ_DEVICES];
	size_t n, k;

	if (a->p11 == b->p11 && a->slot == b->slot)
		return true;
	n = tokens_of(a, conf, x);
	k = tokens_of(b, conf, y);
	for (size_t i = 0; i < n * k; i++) {
		const struct name p = name_of(&x[i / k]), q = name_of(&y[i % k]);

		if (memcmp(&p, &q, sizeof p) == 0)
			return true;
	}
	return false;
}

/* ---- one run at a time ---- */

static int lock_file(const struct hz_config *conf, const char *name)
{
	char path[4096];
	bool there;
	int len;

	if (conf == NULL || conf->store_dir == NULL || hz_files_dir(conf->store_dir, true, &there) != CKR_OK)
		return -1;
	len = snprintf(path, sizeof path, "%s/moving%s.lock", conf->store_dir, name);
	return len > 0 && (size_t)len < sizeof path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
}

static bool taken(int fd, int how)
{
	int rc;

	while ((rc = flock(fd, LOCK_EX | how)) != 0 && errno == EINTR)
		;
	return rc == 0;
}

/* Waiting is announced after so many tenths of a second. */
static int take(int fd, const char *held, unsigned patience)
{
	const struct timespec tenth = { 0, 100000000 };
	bool have = fd < 0 || taken(fd, LOCK_NB);

	for (unsigned i = 0; !have && i < patience; i++) {
		(void)nanosleep(&tenth, NULL);
		have = taken(fd, LOCK_NB);
	}
	if (!have) {
		tool_fail(TOOL_OK, "%s: waiting for it", held);
		(void)taken(fd, 0);
	}
	return fd;
}

int start_lock(const struct hz_config *conf)
{
	return take(lock_file(conf, ""), "another run is about to begin", 20);
}

int end_lock(const struct end *to, const struct hz_config *conf)
{
	CK_TOKEN_INFO info[HZ_DEVICES];
	uint8_t d[HZ_HASH_MAX];
	char name[34] = "-";
	struct name n;
	int fd = -1;

	if (tokens_of(to, conf, info) != 0) {
		n = name_of(&info[0]);
		hz_hash_once(HZ_SHA256, &n, sizeof n, d);
		hz_hex_encode(d, 16, name + 1);
		fd = lock_file(conf, name);
	}
	if (fd < 0)
		tool_fail(TOOL_OK, "no lock can be kept in the store's folder: nothing else may bring objects into this token meanwhile");
	return take(fd, "another run brings objects into this token", 0);
}

void end_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}
