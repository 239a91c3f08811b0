/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of gov/config.h: what is accepted, what is refused and with which words, defaults, precedence of the environment, serials. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "gov/config.h"
#include "store/seal.h"

static char dir[] = "/tmp/hz-config-XXXXXX";
static char path[64];

static void write_file(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
}

static struct hz_config *load(const char *text)
{
	struct hz_config *c = NULL;
	CK_RV rv;

	write_file(text, 0600);
	rv = hz_config_load(&c, NULL);
	ck_assert_msg(rv == CKR_OK, "%#lx: %s", rv, hz_error_text());
	return c;
}

/* Every part of `says`, separated by |, stands in the reason. */
static void refuse(const char *text, const char *says)
{
	struct hz_config *c = NULL;
	char part[64];

	write_file(text, 0600);
	hz_error_clear();
	ck_assert_msg(hz_config_load(&c, NULL) == CKR_GENERAL_ERROR && c == NULL, "accepted: %s", text);
	ck_assert_msg(strstr(hz_error_text(), path) != NULL, "%s", hz_error_text());
	for (const char *p = says; *p != '\0'; p += strcspn(p, "|"), p += *p == '|') {
		snprintf(part, sizeof part, "%.*s", (int)strcspn(p, "|"), p);
		ck_assert_msg(strstr(hz_error_text(), part) != NULL, "%s: not in: %s", part, hz_error_text());
	}
}

START_TEST(defaults)
{
	struct hz_config *c = load("");

	ck_assert_uint_eq(c->nslots, 5);
	ck_assert_str_eq(c->path, path);
	ck_assert_str_eq(c->log, "syslog");
	ck_assert_uint_eq(c->max_pin_tries, 10);
	ck_assert_int_eq(c->audit, HZ_AUDIT_ON);
	ck_assert_str_eq(c->slots[3].label, "hanzo-gpu-cc");
	for (size_t i = 0; i < 5; i++) {
		ck_assert_uint_eq(c->slots[i].id, i);
		ck_assert_uint_eq(c->slots[i].tier, i);
		ck_assert_int_eq(c->slots[i].backend, i < 2 ? HZ_BACKEND_SOFT : HZ_BACKEND_NONE);
		ck_assert_uint_eq(strspn(c->slots[i].serial, "0123456789abcdef"), 16);
		ck_assert(!c->slots[i].configured);
	}
	hz_config_free(c);
}
END_TEST

START_TEST(accepted)
{
	struct hz_config *c = load("[hanzo]\nstore = /srv/a\naudit = required\nlog = none\nmax_pin_tries = 3\nslots = zwei, eins\n"
				   "[tier1]\nlabel = \xc3\xa9t\xc3\xa9\nhide_secp256k1 = yes\nbackend = soft\ntier = 1\n"
				   "[slot_eins]\nid = 16\ntier = 0\n[slot_zwei]\nid = 65535\ntier = 4\nserial = ABCD-efgh_012345\n");

	ck_assert_str_eq(c->store_dir, "/srv/a");
	ck_assert_str_eq(c->log, "none");
	ck_assert_uint_eq(c->max_pin_tries, 3);
	ck_assert_int_eq(c->audit, HZ_AUDIT_REQUIRED);
	ck_assert_str_eq(c->slots[1].label, "\xc3\xa9t\xc3\xa9");
	ck_assert(c->slots[1].hide_secp256k1 && c->slots[1].configured && !c->slots[0].configured);
	ck_assert_uint_eq(c->nslots, 7);
	ck_assert(c->slots[5].id == 16 && c->slots[5].tier == 0 && c->slots[5].backend == HZ_BACKEND_SOFT);
	ck_assert_str_eq(c->slots[5].label, "hanzo-eins");
	ck_assert(c->slots[6].id == 65535 && c->slots[6].backend == HZ_BACKEND_NONE && c->slots[6].absent_why != NULL);
	ck_assert_str_eq(c->slots[6].serial, "ABCD-efgh_012345");
	hz_config_free(c);
}
END_TEST

/* Hardware that is missing takes the token away and says why; a slot keeps its seals in their order. */
START_TEST(seals)
{
	struct hz_config *c = load("[tier1]\nseal = snp , pin\nsnp_device = /dev/null\nsnp_key = vmrk\nsnp_vmpl = 2\n"
				   "[tier2]\nbackend = soft\nseal = pin, tpm2\ntpm2_tcti = device:/dev/no-such-tpm\n"
				   "tpm2_pcrs = sha256:0,7+sha384:4\n");

	ck_assert(c->slots[1].backend == HZ_BACKEND_SOFT && c->slots[1].n_seals == 2);
	ck_assert(c->slots[1].seals[0] == HZ_SEAL_SNP && c->slots[1].seals[1] == HZ_SEAL_PIN);
	ck_assert(c->slots[1].seal.snp_key == HZ_SNP_VMRK && c->slots[1].seal.snp_vmpl == 2);
	ck_assert_str_eq(c->slots[1].seal.snp_device, "/dev/null");
	ck_assert(c->slots[2].backend == HZ_BACKEND_NONE && strstr(c->slots[2].absent_why, "/dev/no-such-tpm") != NULL);
	ck_assert(c->slots[2].seal.tpm2_pcrs.n == 2 && c->slots[2].seal.tpm2_pcrs.bank[0].mask == 0x81);
	hz_config_free(c);
}
END_TEST

START_TEST(devices)
{
	struct hz_config *c = load("[tier1]\nbackend = pkcs11\nmodule = /one\n"
				   "[tier2]\nbackend = pkcs11\nmodule = /m\ntoken = a\npin_source = file:/pin\nweight = 3\nsessions = 5\n"
				   "module.2 = /m\nslot.2 = 7\npin_source.2 = env:PIN_B\ninit_args.2 = x y\nmodule.3 = /n\n"
				   "pin_source.3 = env:PIN_C\nweight.3 = 0\ndeadline = 9\nhealth_interval = 5\nhealth_failures = 2\n");
	const struct hz_device_conf *d = &c->slots[2].device;

	ck_assert(c->slots[1].backend == HZ_BACKEND_PKCS11 && c->slots[1].device.at[1].module == NULL);
	ck_assert_str_eq(d->at[0].module, "/m");
	ck_assert_str_eq(d->at[0].token, "a");
	ck_assert_str_eq(d->at[0].pin_source, "file:/pin");
	ck_assert(d->at[0].has_weight && d->at[0].weight == 3 && !d->at[1].has_weight && d->at[2].has_weight && d->at[2].weight == 0);
	ck_assert(d->at[1].by_slot && d->at[1].slot == 7 && d->at[1].token == NULL);
	ck_assert_str_eq(d->at[1].pin_source, "env:PIN_B");
	ck_assert_str_eq(d->at[1].init_args, "x y");
	ck_assert_str_eq(d->at[2].module, "/n");
	ck_assert(d->at[3].module == NULL && !d->allow_init);
	ck_assert(d->sessions == 5 && d->deadline == 9 && d->health_interval == 5 && d->health_failures == 2);
	hz_config_free(c);
}
END_TEST

START_TEST(logins)
{
	struct hz_config *c = load("[hanzo]\nevidence_cache = 5m\n"
				   "[tier2]\nbackend = soft\nlogin = pin + evidence\nseal = pin, sim\npolicy = /etc/p\nsession_ttl = 2h\nreattest = 30\ndelegate_to_attested = yes\n"
				   "[tier3]\nbackend = soft\nseal = sim\npolicy = /etc/p\nevidence_cache = 0\nfallback = 1\n"
				   "evidence_source = tsm\nevidence_source.agent = socket:/run/a\ngpu_source = nvml\n"
				   "[tier4]\nbackend = soft\npolicy = /etc/p\n");

	ck_assert(c->slots[0].nlogin == 0 && c->slots[1].nlogin == 1 && c->slots[1].login[0] == HZ_FACTOR_PIN);
	ck_assert(c->slots[1].n_seals == 1 && c->slots[1].seals[0] == 1 && !c->slots[1].session_ttl_set);
	ck_assert(c->slots[2].login[0] == (HZ_FACTOR_PIN | HZ_FACTOR_EVIDENCE) && c->slots[2].seals[0] == 1);
	ck_assert(c->slots[2].session_ttl == 7200 && c->slots[2].reattest == 30 && c->slots[2].evidence_cache == 300);
	ck_assert(c->slots[3].login[0] == HZ_FACTOR_EVIDENCE && c->slots[3].session_ttl == 7200 && c->slots[3].evidence_cache == 0);
	ck_assert(c->slots[2].delegate_to_attested && !c->slots[3].delegate_to_attested);
	ck_assert(c->slots[3].nsources == 2 && c->slots[3].fallback == 1);
	ck_assert_str_eq(c->slots[3].sources[1].name, "agent");
	ck_assert_str_eq(c->slots[3].sources[1].source, "socket:/run/a");
	ck_assert(c->slots[4].backend == HZ_BACKEND_NONE && strstr(c->slots[4].absent_why, "seal") != NULL);
	hz_config_free(c);
}
END_TEST

START_TEST(ways_in)
{
	struct hz_config *c = load("[tier1]\nlogin = pin | evidence\nseal = pin, sim\npolicy = /p\nidle_ttl = yes\ntenant = acme.co-1\n"
				   "[tier2]\nbackend = soft\nlogin = evidence | pin+evidence\nseal = sim, pin\npolicy = /p\nidle_ttl = 2m\n");

	ck_assert(c->slots[1].nlogin == 2 && hz_conf_two_ways(&c->slots[1]) && c->slots[1].idle_ttl == 300);
	ck_assert_str_eq(c->slots[1].tenant, "acme.co-1");
	ck_assert(c->slots[2].nlogin == 2 && hz_conf_two_ways(&c->slots[2]) && c->slots[2].idle_ttl == 120 && c->slots[2].tenant == NULL);
	ck_assert(c->slots[2].login[0] == HZ_FACTOR_EVIDENCE && c->slots[2].login[1] == (HZ_FACTOR_PIN | HZ_FACTOR_EVIDENCE));
	ck_assert(!hz_conf_two_ways(&c->slots[3]) && c->slots[3].idle_ttl == 0);
	hz_config_free(c);
}
END_TEST

START_TEST(refused)
{
	refuse("[hanzo]\ncolour = red\n", "[hanzo]|colour|unknown key");
	refuse("[tier1]\ncolour = red\n", "[tier1]|colour|unknown key");
	refuse("[tier5]\nlabel = x\n", "[tier5]|unknown section");
	refuse("[slot_x]\nid = 16\ntier = 1\n", "[slot_x]|unknown section");
	refuse("store = /x\n", "[default]|unknown section");
	refuse("[hanzo]\nstore = relative\n", "[hanzo]|store|absolute");
	refuse("[hanzo]\nlog = stdout\n", "[hanzo]|log");
	refuse("[hanzo]\naudit = yes\n", "audit|on, off or required");
	refuse("[hanzo]\nmax_pin_tries = 0\n", "max_pin_tries|1..100");
	refuse("[hanzo]\nmax_pin_tries = ten\n", "max_pin_tries|not a number");
	refuse("[hanzo]\nslots = a\n", "[slot_a]|id|missing");
	refuse("[hanzo]\nslots = a\n[slot_a]\nid = 16\n", "[slot_a]|tier|missing");
	refuse("[hanzo]\nslots = a\n[slot_a]\nid = 15\ntier = 1\n", "[slot_a]|id|16..65535");
	refuse("[hanzo]\nslots = a\n[slot_a]\nid = 16\ntier = 5\n", "[slot_a]|tier|0..4");
	refuse("[hanzo]\nslots = a, a\n[slot_a]\nid = 16\ntier = 1\n", "[hanzo]|slots|twice");
	refuse("[hanzo]\nslots = a, b\n[slot_a]\nid = 16\ntier = 1\n[slot_b]\nid = 16\ntier = 1\n", "[slot_b]|id|another slot");
	refuse("[hanzo]\nslots = a/b\n", "[hanzo]|slots");
	refuse("[tier1]\nid = 17\n", "[tier1]|id|fixed");
	refuse("[tier1]\ntier = 2\n", "[tier1]|tier|fixed");
	refuse("[tier1]\nlabel =\n", "[tier1]|label");
	refuse("[tier1]\nlabel = 123456789012345678901234567890123\n", "[tier1]|label");
	refuse("[tier1]\nlabel = \xc3(\n", "[tier1]|label");
	refuse("[tier1]\nlabel = hanzo-open\n", "label|the same");
	refuse("[tier1]\nserial = short\n", "[tier1]|serial");
	refuse("[tier1]\nserial = ../../etc/passwd\n", "[tier1]|serial");
	refuse("[tier0]\nserial = ABCDEFGH01234567\n[tier1]\nserial = ABCDEFGH01234567\n", "[tier1]|serial|the same");
	refuse("[tier2]\nbackend = soft\n", "[tier2]|seal|hardware");
	refuse("[tier2]\nbackend = soft\nseal = pin\n", "[tier2]|seal|hardware");
	refuse("[tier2]\nbackend = soft\nseal = tpm2\n", "[tier2]|seal|PIN");
	refuse("[tier2]\nseal = pin, tpm2\n", "[tier2]|seal|backend = soft");
	refuse("[tier3]\nbackend = soft\nseal = pin, snp\n", "[tier3]|seal|evidence");
	refuse("[tier0]\nseal = pin\n", "[tier0]|seal");
	refuse("[tier1]\nseal = pin, wax\n", "[tier1]|seal|not a list");
	refuse("[tier1]\nseal = pin, pin\n", "[tier1]|seal|twice");
	refuse("[tier1]\nseal = ,\n", "[tier1]|seal|empty");
	refuse("[tier1]\ntpm2_pcrs = sha256:\n", "[tier1]|tpm2_pcrs|no list");
	refuse("[tier1]\ntpm2_pcrs = sha256:24\n", "[tier1]|tpm2_pcrs|0 to 23");
	refuse("[tier1]\ntpm2_pcrs = sha1:0\n", "[tier1]|tpm2_pcrs|bank");
	refuse("[tier1]\ntpm2_tcti = tabrmd\n", "[tier1]|tpm2_tcti");
	refuse("[tier1]\nsnp_key = ask\n", "[tier1]|snp_key");
	refuse("[tier1]\nsnp_vmpl = 4\n", "[tier1]|snp_vmpl");
	refuse("[tier1]\nsnp_device = sev-guest\n", "[tier1]|snp_device|absolute");
	refuse("[tier2]\nbackend = soft\nlogin = evidence\n", "[tier2]|policy|missing");
	refuse("[tier2]\nbackend = soft\nlogin = pin\n", "[tier2]|seal|hardware");
	refuse("[tier2]\nlogin = pin+pin\n", "[tier2]|login|twice");
	refuse("[tier2]\nlogin = pin | pin\n", "[tier2]|login|twice");
	refuse("[tier2]\nlogin =\n", "[tier2]|login");
	refuse("[tier2]\nlogin = pin evidence\n", "[tier2]|login|joined");
	refuse("[tier2]\nlogin = pin+\n", "[tier2]|login|unknown factor");
	refuse("[tier2]\nlogin = password\n", "[tier2]|login|unknown factor");
	refuse("[tier2]\nlogin = evidence+jwt\n", "[tier2]|login|does not have");
	refuse("[tier0]\nlogin = pin\n", "[tier0]|login|no login");
	refuse("[tier3]\nlogin = pin\n", "[tier3]|login|needs evidence");
	refuse("[tier4]\nlogin = pin+evidence | pin\n", "[tier4]|login|needs evidence");
	refuse("[tier2]\nbackend = soft\nlogin = pin | evidence\npolicy = /p\n", "[tier2]|seal|no PIN");
	refuse("[tier2]\nbackend = soft\nlogin = pin | evidence\nseal = pin\npolicy = /p\n", "[tier2]|seal|no PIN");
	refuse("[tier2]\nbackend = soft\nlogin = pin | evidence\nseal = sim\npolicy = /p\n", "[tier2]|seal|one of the seals");
	refuse("[tier2]\nbackend = soft\nlogin = pin | pin+evidence\npolicy = /p\n", "[tier2]|seal|hardware");
	refuse("[tier2]\nbackend = soft\nlogin = pin+evidence\npolicy = /p\n", "[tier2]|seal|hardware");
	refuse("[tier3]\nbackend = soft\nlogin = pin+evidence\nseal = pin\npolicy = /p\n", "[tier3]|seal|hardware");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nlogin = pin | evidence\npolicy = /p\n", "[tier2]|login|pin_source");
	refuse("[tier3]\nbackend = soft\nlogin = evidence | pin\nseal = pin, sim\npolicy = /p\n", "[tier3]|login|tiers 3 and 4");
	refuse("[tier1]\nidle_ttl = soon\n", "[tier1]|idle_ttl|not a time");
	refuse("[tier1]\ntenant = a b\n", "[tier1]|tenant|letters");
	refuse("[tier1]\ntenant =\n", "[tier1]|tenant");
	refuse("[tier0]\ntenant = acme\n", "[tier0]|tenant|no login");
	refuse("[hanzo]\nidle_ttl = 5\n", "[hanzo]|idle_ttl|unknown key");
	refuse("[tier2]\nbackend = soft\nlogin = evidence\nseal = pin\npolicy = /p\n", "[tier2]|seal|evidence alone");
	refuse("[tier2]\nbackend = soft\nlogin = pin+evidence\nseal = sim\npolicy = /p\n", "[tier2]|seal|one of the seals");
	refuse("[tier2]\npolicy = p.json\n", "[tier2]|policy|absolute");
	refuse("[tier2]\ncollateral = p\n", "[tier2]|collateral|absolute");
	refuse("[tier2]\nevidence_source = exec:/bin/true\n", "[tier2]|evidence_source");
	refuse("[tier2]\nevidence_source = file:x\n", "[tier2]|evidence_source|absolute");
	refuse("[tier2]\nevidence_source. = tsm\n", "[tier2]|evidence_source");
	refuse("[tier2]\nevidence_source.a/b = tsm\n", "[tier2]|evidence_source");
	refuse("[tier2]\ngpu_source = cuda\n", "[tier2]|gpu_source");
	refuse("[tier2]\nfallback = 2\n", "[tier2]|fallback|below");
	refuse("[tier4]\nfallback = 0\n", "[tier4]|fallback");
	refuse("[tier4]\nfallback = yes\n", "[tier4]|fallback");
	refuse("[tier2]\nsession_ttl = 0\n", "[tier2]|session_ttl|at once");
	refuse("[tier2]\nsession_ttl = 5x\n", "[tier2]|session_ttl|time");
	refuse("[tier2]\nreattest = -1\n", "[tier2]|reattest|time");
	refuse("[hanzo]\nevidence_cache = 11y\n", "[hanzo]|evidence_cache|time");
	refuse("[hanzo]\nsession_ttl = 9999d\n", "[hanzo]|session_ttl|ten years");
	refuse("[tier1]\nbackend = pkcs11\n", "[tier1]|backend");
	refuse("[tier2]\nbackend = pkcs11\nmodule = m.so\n", "[tier2]|module|absolute");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nmodule.1 = /m\n", "[tier2]|module.1|2 to 8");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nmodule.9 = /m\n", "[tier2]|module.9|2 to 8");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nmodule.22 = /m\n", "[tier2]|module.22|2 to 8");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nmodule.3 = /m\n", "[tier2]|without a gap");
	refuse("[tier2]\nbackend = pkcs11\nmodule.2 = /m\n", "[tier2]|needs module");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\ntoken.2 = t\n", "[tier2]|module with the same number");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nmodule.2 = /m\ntoken.2 = t\nslot.2 = 1\n", "[tier2]|token and slot");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nmodule.2 = /m\npin_source.2 = env:A\n", "[tier2]|pin_source|all");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nmodule.2 = /m\nallow_init = yes\n", "[tier2]|allow_init|one module");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\npin_source = /p\n", "[tier2]|pin_source|file:");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\npin_source = env:A-B\n", "[tier2]|pin_source|env:");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nweight = 1001\n", "[tier2]|weight|too large");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\ndeadline = 0\n", "[tier2]|deadline|at least 1");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\ndeadline = 10s\n", "[tier2]|deadline|not a number");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nsessions = 257\n", "[tier2]|sessions|too large");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nsessions.2 = 2\n", "[tier2]|sessions.2|unknown key");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nhealth_interval = -1\n", "[tier2]|health_interval|not a number");
	refuse("[tier2]\nbackend = pkcs11\nmodule = /m\nhealth_failures = 0\n", "[tier2]|health_failures|at least 1");
	refuse("[tier2]\nbackend = soft\nseal = pin, tpm2\ndeadline = 3\n", "[tier2]|backend = pkcs11");
	refuse("[tier1]\nhide_secp256k1 = maybe\n", "[tier1]|hide_secp256k1");
	refuse("[tier3]\ndelegate_to_attested = 1\n", "[tier3]|delegate_to_attested|neither yes nor no");
	refuse("[tier1]\ndelegate_to_attested = yes\n", "[tier1]|delegate_to_attested|evidence");
	refuse("[tier0]\ndelegate_to_attested = yes\n", "[tier0]|delegate_to_attested|evidence");
}
END_TEST

START_TEST(refused_syntax)
{
	refuse("[tier1]\nlabel = a\nlabel = b\n", "line 3|[tier1]|label|twice");
	refuse("[tier1]\nlabel = a\n[hanzo]\ntier1::label = b\n", "line 4|[tier1]|label|twice");
	refuse("[hanzo]\n.include /etc/passwd\n", "line 2|.include");
	refuse("[hanzo\nlog = none\n", "line 1");
	refuse("[hanzo]\n\nlog\n", "line 3");
	refuse("[hanzo]\nlog = ${nothing::here}\n", "line 2");
}
END_TEST

START_TEST(refused_files)
{
	struct hz_config *c = NULL;
	char link[80];

	write_file("", 0620);
	ck_assert_uint_eq(hz_config_load(&c, NULL), CKR_GENERAL_ERROR);
	ck_assert(strstr(hz_error_text(), "others may write it") != NULL);
	write_file("", 0602);
	ck_assert_uint_eq(hz_config_load(&c, NULL), CKR_GENERAL_ERROR);
	write_file("", 0644);
	ck_assert_uint_eq(hz_config_load(&c, NULL), CKR_OK);
	hz_config_free(c);
	if (geteuid() == 0) {
		ck_assert(chown(path, 65534, 65534) == 0);
		ck_assert_uint_eq(hz_config_load(&c, NULL), CKR_GENERAL_ERROR);
		ck_assert(strstr(hz_error_text(), "neither root nor us") != NULL);
		ck_assert(chown(path, 0, 0) == 0);
	}
	setenv("HANZO_PKCS11_CONF", dir, 1);
	ck_assert_uint_eq(hz_config_load(&c, NULL), CKR_GENERAL_ERROR);
	snprintf(link, sizeof link, "%s/none", dir);
	setenv("HANZO_PKCS11_CONF", link, 1);
	ck_assert_uint_eq(hz_config_load(&c, NULL), CKR_GENERAL_ERROR);
	setenv("HANZO_PKCS11_CONF", path, 1);
}
END_TEST

START_TEST(environment)
{
	struct hz_config *c;

	setenv("HANZO_PKCS11_STORE", "/elsewhere", 1);
	setenv("HANZO_PKCS11_LOG", "debug,file:/tmp/x", 1);
	c = load("[hanzo]\nstore = /srv/a\n");
	ck_assert_str_eq(c->store_dir, "/elsewhere");
	ck_assert(c->log_debug);
	ck_assert_str_eq(c->log_env, "file:/tmp/x");
	hz_config_free(c);
	setenv("HANZO_PKCS11_STORE", "below", 1);
	setenv("HANZO_PKCS11_LOG", "debug", 1);
	c = load("");
	ck_assert(c->store_dir[0] == '/' && strcmp(c->store_dir + strlen(c->store_dir) - 6, "/below") == 0);
	ck_assert(c->log_debug && c->log_env == NULL);
	hz_config_free(c);
	unsetenv("HANZO_PKCS11_STORE");
	unsetenv("HANZO_PKCS11_LOG");
	unsetenv("HOME");
	c = load("");
	ck_assert(!c->log_debug && c->store_dir[0] == '/');
	hz_config_free(c);
}
END_TEST

/* Without a database a serial depends on the path; with one it is what the file is called. */
START_TEST(serials)
{
	char conf[128], db[128], before[17];
	struct hz_config *c;

	c = load("[hanzo]\nstore = /somewhere\n");
	memcpy(before, c->slots[1].serial, 17);
	ck_assert(strcmp(c->slots[0].serial + 12, "0000") == 0 && strcmp(before + 12, "0001") == 0);
	hz_config_free(c);
	c = load("[hanzo]\nstore = /somewhere\n");
	ck_assert_str_eq(c->slots[1].serial, before);
	hz_config_free(c);
	c = load("[hanzo]\nstore = /somewhere/else\n");
	ck_assert_str_ne(c->slots[1].serial, before);
	hz_config_free(c);

	snprintf(conf, sizeof conf, "[hanzo]\nstore = %s\n[tier0]\nserial = aaaaaaaaaaaa0000\n", dir);
	snprintf(db, sizeof db, "%s/bbbbbbbbbbbb0001.db", dir);
	ck_assert(fclose(fopen(db, "w")) == 0);
	snprintf(db, sizeof db, "%s/aaaaaaaaaaaa0000.db", dir); /* slot 0's by name: says nothing of the others */
	ck_assert(fclose(fopen(db, "w")) == 0);
	snprintf(db, sizeof db, "%s/000000000000ffff.db", dir); /* no slot's */
	ck_assert(fclose(fopen(db, "w")) == 0);
	c = load(conf);
	ck_assert_str_eq(c->slots[0].serial, "aaaaaaaaaaaa0000");
	ck_assert_str_eq(c->slots[1].serial, "bbbbbbbbbbbb0001");
	ck_assert_str_eq(c->slots[2].serial, "bbbbbbbbbbbb0002");
	hz_config_free(c);
}
END_TEST

static bool remove_all(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) == 0;
}

static char *slurp(const char *base, const char *name)
{
	char file[1024];
	char *text;
	FILE *f;
	long n;

	snprintf(file, sizeof file, "%s/%s", base, name);
	f = fopen(file, "r");
	ck_assert_msg(f != NULL && fseek(f, 0, SEEK_END) == 0, "%s", file);
	n = ftell(f);
	rewind(f);
	text = calloc((size_t)n + 1, 1);
	ck_assert(text != NULL && fread(text, 1, (size_t)n, f) == (size_t)n);
	(void)fclose(f);
	return text;
}

/* Every line that is no comment stands in the page, too. */
static void in_page(const char *page, const char *example, const char *name)
{
	char line[512];

	for (const char *p = example; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		snprintf(line, sizeof line, "\n%.*s\n", (int)strcspn(p, "\n"), p);
		if (line[1] != '#' && line[1] != '\n')
			ck_assert_msg(strstr(page, line) != NULL, "%s: not in the page: %s", name, line);
	}
}

/* The configurations of devices that are shipped: read, complete, marked with what was run, and the manual page's. */
START_TEST(device_examples)
{
	static const char *const names[] = { "cloudhsm", "google-kms", "luna", "nitrokey", "nss", "opencryptoki", "softhsm", "tpm2", "yubihsm2",
					     "zymbit" };
	const char *src = getenv("HANZO_SRCDIR");
	char name[64], *page;

	ck_assert_msg(src != NULL, "run through make check");
	page = slurp(src, "man/hanzo-pkcs11.conf.5");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *text;
		struct hz_config *c;

		snprintf(name, sizeof name, "examples/device-%s.conf", names[i]);
		text = slurp(src, name);
		c = load(text);
		ck_assert_int_eq(c->slots[2].backend, HZ_BACKEND_PKCS11);
		ck_assert(strstr(text, "# Run: ") != NULL || strstr(text, "Not run") != NULL);
		in_page(page, text, name);
		hz_config_free(c);
		free(text);
	}
	free(page);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");
	SRunner *r = srunner_create(s);
	int failed;

	if (mkdtemp(dir) == NULL)
		return 99;
	snprintf(path, sizeof path, "%s/test.conf", dir);
	setenv("HANZO_PKCS11_CONF", path, 1);
	unsetenv("HANZO_PKCS11_STORE");
	unsetenv("HANZO_PKCS11_LOG");
	tcase_add_test(t, defaults);
	tcase_add_test(t, accepted);
	tcase_add_test(t, seals);
	tcase_add_test(t, devices);
	tcase_add_test(t, logins);
	tcase_add_test(t, ways_in);
	tcase_add_test(t, refused);
	tcase_add_test(t, refused_syntax);
	tcase_add_test(t, refused_files);
	tcase_add_test(t, environment);
	tcase_add_test(t, serials);
	tcase_add_test(t, device_examples);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return remove_all() && failed == 0 ? 0 : 1;
}
