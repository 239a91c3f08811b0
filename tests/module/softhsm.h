/* SPDX-License-Identifier: Apache-2.0 */
/* A token of SoftHSM2 in a folder of a test's own, and a slot 2 of this module that forwards to it. */
#ifndef TESTS_MODULE_SOFTHSM_H
#define TESTS_MODULE_SOFTHSM_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOFTHSM_SLOT 2
#define SOFTHSM_PIN "device-pin-1"

#define SOFTHSM_UNUSED __attribute__((unused))

/* SoftHSM2 2.6.1 leaks some bytes with each use of an Edwards key: what is allocated between the two is no concern of ours. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static SOFTHSM_UNUSED void softhsm_leaks(bool begin)
{
	if (begin && __lsan_disable != NULL)
		__lsan_disable();
	if (!begin && __lsan_enable != NULL)
		__lsan_enable();
}

static char softhsm_dir[64];

static SOFTHSM_UNUSED const char *softhsm_module(void)
{
	const char *p = getenv("SOFTHSM2");

	return p != NULL ? p : "/usr/lib/softhsm/libsofthsm2.so";
}

/* A file in the folder; its path goes into the environment under `variable`. */
static SOFTHSM_UNUSED void softhsm_file(const char *name, const char *text, const char *variable)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", softhsm_dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0600) != 0)
		exit(99);
	if (variable != NULL)
		setenv(variable, path, 1);
}

/* Our configuration; `more` goes into the section of the slot. */
static SOFTHSM_UNUSED void softhsm_configure(const char *more)
{
	char text[1024];

	snprintf(text, sizeof text, "[hanzo]\nlog = file:%s/log\n[tier2]\nbackend = pkcs11\nmodule = %s\ntoken = device\n%s", softhsm_dir,
		 softhsm_module(), more);
	softhsm_file("pkcs11.conf", text, "HANZO_PKCS11_CONF");
}

static int softhsm_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static SOFTHSM_UNUSED void softhsm_end(void)
{
	(void)nftw(softhsm_dir, softhsm_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Make the folder, the token "device" (with SoftHSM2's own program) and the configuration. False: there is no SoftHSM2 here. */
static SOFTHSM_UNUSED bool softhsm_make(void)
{
	char text[256];

	if (access(softhsm_module(), R_OK) != 0)
		return false;
	snprintf(softhsm_dir, sizeof softhsm_dir, "/tmp/hz-softhsm-XXXXXX");
	if (mkdtemp(softhsm_dir) == NULL)
		exit(99);
	snprintf(text, sizeof text, "%s/tokens", softhsm_dir);
	if (mkdir(text, 0700) != 0)
		exit(99);
	snprintf(text, sizeof text, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", softhsm_dir);
	softhsm_file("softhsm2.conf", text, "SOFTHSM2_CONF");
	softhsm_configure("");
	if (system("softhsm2-util --init-token --free --label device --so-pin device-so-1 --pin " SOFTHSM_PIN " >/dev/null 2>&1") == 0)
		return true;
	softhsm_end();
	return false;
}

#endif
