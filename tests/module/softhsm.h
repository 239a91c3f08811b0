/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of SoftHSM2 for tests: in a folder of theirs, and slot 2 of this module forwarding to one. */
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
#define SOFTHSM_SO "device-so-1"

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

/* A file in a folder; its path goes into the environment under `variable`. */
static SOFTHSM_UNUSED void softhsm_write(const char *dir, const char *name, const char *text, const char *variable)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
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
	softhsm_write(softhsm_dir, "pkcs11.conf", text, "HANZO_PKCS11_CONF");
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

/* A token in the folder, made with SoftHSM2's own program; SOFTHSM2_CONF then names the folder's tokens. False: it makes none. */
static SOFTHSM_UNUSED bool softhsm_token(const char *dir, const char *label)
{
	char text[400];

	snprintf(text, sizeof text, "%s/tokens", dir);
	(void)mkdir(text, 0700);
	snprintf(text, sizeof text, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", dir);
	softhsm_write(dir, "softhsm2.conf", text, "SOFTHSM2_CONF");
	snprintf(text, sizeof text, "softhsm2-util --init-token --free --label %s --so-pin " SOFTHSM_SO " --pin " SOFTHSM_PIN " >/dev/null 2>&1",
		 label);
	return system(text) == 0;
}

/* Make the folder, the token "device" and the configuration. False: there is no SoftHSM2 here. */
static SOFTHSM_UNUSED bool softhsm_make(void)
{
	if (access(softhsm_module(), R_OK) != 0)
		return false;
	snprintf(softhsm_dir, sizeof softhsm_dir, "/tmp/hz-softhsm-XXXXXX");
	if (mkdtemp(softhsm_dir) == NULL)
		exit(99);
	softhsm_configure("");
	if (softhsm_token(softhsm_dir, "device"))
		return true;
	softhsm_end();
	return false;
}

#endif
