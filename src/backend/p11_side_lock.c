/* SPDX-License-Identifier: Apache-2.0 */
/* The locks around the side store of a device: none is waited for longer than the device itself. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "backend/p11_side.h"
#include "base/clock.h"
#include "base/error.h"

#define FILE_PAUSE 10 /* milliseconds between two looks at a locked file */

/* ---- the side's lock, and logouts that do not wait for it ---- */

/* With the side's lock: what logouts left to do that found it held. */
static void wipe_left(struct hz_p11_side *side)
{
	for (size_t i = 0; i < side->n_of; i++) {
		struct hz_p11 *p = side->of[i];

		if (!atomic_exchange(&p->side_left, false))
			continue;
		hz_store_logout(side->store);
		side->open = false;
		side->opener = NULL;
		side->gen = 0;
		p->side_refused = 0;
		p->side_key = false;
	}
}

static bool any_left(struct hz_p11_side *side)
{
	for (size_t i = 0; i < side->n_of; i++)
		if (atomic_load(&side->of[i]->side_left))
			return true;
	return false;
}

/* A logout that comes between the look and the unlocking is seen after it, by its own thread or by this one. */
void hz_p11_side_unlock(struct hz_p11_side *side)
{
	do {
		wipe_left(side);
		pthread_mutex_unlock(&side->lock);
	} while (any_left(side) && pthread_mutex_trylock(&side->lock) == 0);
}

CK_RV hz_p11_side_lock(struct hz_p11 *p)
{
	CK_RV rv = hz_p11_code(hz_p11_lock(p, &p->side->lock));

	if (rv == CKR_OK)
		wipe_left(p->side);
	return rv;
}

void hz_p11_side_logout(struct hz_p11 *p)
{
	atomic_store(&p->side_left, true);
	if (pthread_mutex_trylock(&p->side->lock) == 0)
		hz_p11_side_unlock(p->side);
}

/* ---- the file ---- */

static void pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* What another process does with it is over in no time, or that one is stuck: no longer than for the device. errno: 0 when it is given up. */
static bool lock_in_time(struct hz_p11 *p, int fd)
{
	const uint64_t from = hz_clock_ms(CLOCK_MONOTONIC);

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		bool late = hz_clock_ms(CLOCK_MONOTONIC) - from >= (uint64_t)p->deadline;

		if (late || (errno != EINTR && errno != EWOULDBLOCK)) {
			errno = late ? 0 : EIO;
			return false;
		}
		pause_ms(FILE_PAUSE);
	}
	return true;
}

int hz_p11_side_lock_file(struct hz_p11 *p)
{
	const char *path = p->side->lock_path;
	int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1, e = path != NULL ? errno : ENOTDIR;

	if (fd >= 0 && lock_in_time(p, fd))
		return fd;
	if (fd >= 0) {
		e = errno;
		close(fd);
	}
	if (e == 0)
		(void)hz_fail(CKR_DEVICE_ERROR, "another process has kept the store beside the device locked for %lld s",
			      (long long)p->deadline / 1000);
	else
		(void)hz_fail(CKR_DEVICE_ERROR, "locking the store beside the device: %s", strerror(e));
	errno = e;
	return -1;
}
