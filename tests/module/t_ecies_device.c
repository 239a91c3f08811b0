/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ECIES mechanisms with keys in a device that knows ECDH and nothing of them: SoftHSM2. SOFTHSM2 names its module; without one the
 * test is skipped.
 */
#include "ecies_suite.h"

#define SLOT 2
#define DEVICE_PIN "device-pin-1"

static const char *module_path(void)
{
	const char *p = getenv("SOFTHSM2");

	return p != NULL ? p : "/usr/lib/softhsm/libsofthsm2.so";
}

static void write_file(const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", p11_dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0600) != 0)
		exit(99);
}

static void configure(void)
{
	char text[1024], path[160];

	snprintf(text, sizeof text, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", p11_dir);
	write_file("softhsm2.conf", text);
	snprintf(path, sizeof path, "%s/tokens", p11_dir);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/softhsm2.conf", p11_dir);
	setenv("SOFTHSM2_CONF", path, 1);
	if (system("softhsm2-util --init-token --free --label device --so-pin device-so-1 --pin " DEVICE_PIN " >/dev/null 2>&1") != 0) {
		printf("SKIP t_ecies_device: softhsm2-util makes no token\n");
		p11_clean();
		exit(77);
	}
	snprintf(text, sizeof text, "[tier2]\nbackend = pkcs11\nmodule = %s\ntoken = device\n", module_path());
	write_file("conf", text);
	snprintf(path, sizeof path, "%s/conf", p11_dir);
	setenv("HANZO_PKCS11_CONF", path, 1);
}

static void log_in(struct suite *u)
{
	OK(p11->C_Initialize(NULL));
	u->s = p11_open(SLOT, CKF_RW_SESSION);
	OK(p11_login(u->s, CKU_USER, DEVICE_PIN));
}

int main(void)
{
	struct suite u = { .device = true };

	if (access(module_path(), R_OK) != 0) {
		printf("SKIP t_ecies_device: no SoftHSM2 at %s\n", module_path());
		return 77;
	}
	p11_environment();
	configure();
	p11_load();
	log_in(&u);
	suite_first(&u);
	OK(p11->C_Finalize(NULL));
	log_in(&u);
	suite_again(&u);
	suite_end(&u);
	OK(p11->C_Finalize(NULL));
	return p11_end();
}
