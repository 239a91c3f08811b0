/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestations of the key in argv[1] (SubjectPublicKeyInfo, DER) by an SEV-SNP guest whose vendor is made here, for tools that verify
 * some: writes snp.json, chain.pem, policy.json (which names that vendor's root) and lists/ark.crl (June 2026 only) into folder argv[2].
 */
#include "config.h"

#include "../attest/forge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/b64.h"
#include "base/hex.h"

#define SNP_TYPE "application/vnd.amd.sev-snp.attestation-report"

static const char *folder;

static void die(const char *what)
{
	fprintf(stderr, "key_bundle: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(const char *name, const void *p, size_t n)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		die(path);
}

static size_t read_key(const char *path, unsigned char *out, size_t room)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		die(path);
	n = fread(out, 1, room, f);
	fclose(f);
	return n;
}

static void put_bundle(const unsigned char *key, size_t n, const unsigned char report[REPORT_LEN])
{
	static char key64[8192], report64[8192], text[24576];

	hz_b64url_encode(key, n, key64);
	hz_b64url_encode(report, REPORT_LEN, report64);
	snprintf(text, sizeof text, "{\"hanzo_evidence\":1,\"challenge\":\"\",\"runtime_data\":\"%s\",\"evidence\":{\"cpu\":[\"" SNP_TYPE "\",\"%s\"]}}",
		 key64, report64);
	put("snp.json", text, strlen(text));
}

static void put_policy(const struct forge *f)
{
	char root[65], text[512];

	hz_hex_encode(f->ark_sha256, 32, root);
	snprintf(text, sizeof text, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],\"snp\":{\"measurement\":\"any\"}}", root);
	put("policy.json", text, strlen(text));
}

int main(int argc, char **argv)
{
	static const struct forge_spec spec = { "Genoa", false, { 0, 10, 0, 23, 84 }, { 1, 2, 3 }, false, false, false };
	static const struct forge_crl list = { .from = "20260601000000Z", .until = "20260701000000Z" };
	static unsigned char key[4096];
	unsigned char report[REPORT_LEN];
	hz_attest_verifier *v = hz_attest_verifier_new(NULL);
	struct blob pem, crl;
	struct forge f;
	char lists[4096];
	size_t n;

	if (argc != 3 || v == NULL)
		return 2;
	folder = argv[2];
	n = read_key(argv[1], key, sizeof key);
	forge_begin(&f, &spec);
	forge_report(report, &spec);
	if (!hz_attest_key_report_data(v, key, n, NULL, 0, report + 0x50))
		return 1;
	forge_sign(&f, report);
	put_bundle(key, n, report);
	put_policy(&f);
	pem = forge_pem(&f);
	put("chain.pem", pem.p, pem.len);
	snprintf(lists, sizeof lists, "%s/lists", folder);
	if (mkdir(lists, 0700) != 0 && errno != EEXIST)
		die(lists);
	crl = forge_crl(&f, &list);
	put("lists/ark.crl", crl.p, crl.len);
	blob_free(&pem);
	blob_free(&crl);
	forge_end(&f);
	hz_attest_verifier_free(v);
	return 0;
}
