/* SPDX-License-Identifier: Apache-2.0 */
/* Collectors against stand-ins for the kernel and an agent: what they collect is judged by the library, end to end. */
#include "forge.h"

#include "base/error.h"
#include "base/hex.h"
#include "collect/collect.h"
#include "collect/collect_int.h"
#include "crypto/hash.h"
#include "hanzo-attest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const struct forge_spec spec = { "Milan", false, { 0, 4, 0, 24, 219 }, { 4 }, false, false, false };
static struct forge chain;
static hz_attest_policy *snp_policy, *sim_policy;
static hz_attest_verifier *verifier;
static char dir[64];
static const uint8_t challenge[32] = { 7, 7, 7 };

static const char *in_dir(const char *scheme, const char *name)
{
	static char text[2][480];
	static int turn;

	turn ^= 1;
	snprintf(text[turn], sizeof text[turn], "%s%s/%s", scheme, dir, name);
	return text[turn];
}

static void write_file(const char *name, const void *p, size_t n)
{
	char at[480], tmp[484];
	FILE *f;

	snprintf(at, sizeof at, "%s", name[0] == '/' ? name : in_dir("", name));
	snprintf(tmp, sizeof tmp, "%s~", at);
	f = fopen(tmp, "wb");
	CHECK(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0 && rename(tmp, at) == 0);
}

static enum hz_attest_reason judge(const struct hz_buf *bundle, const hz_attest_policy *p, const struct hz_collect_ask *ask, unsigned tier)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *r;
	enum hz_attest_reason why;
	struct blob pem = forge_pem(&chain);

	CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_BUNDLE, bundle->p, bundle->len));
	CHECK(hz_attest_input_certs(in, pem.p, pem.len) && hz_attest_input_time(in, FORGE_NOW) && hz_attest_input_tier(in, tier));
	if (ask->key_len != 0)
		CHECK(hz_attest_input_key(in, ask->key, ask->key_len));
	else
		CHECK(hz_attest_input_challenge(in, ask->challenge, ask->challenge_len));
	r = hz_attest_verify(verifier, p, in);
	why = hz_attest_result_reason(r);
	if (why != HZ_ATTEST_OK)
		hz_fail(0, "%s", hz_attest_result_text(r));
	hz_attest_result_free(r);
	hz_attest_input_free(in);
	blob_free(&pem);
	return why;
}

static atomic_uint collected; /* calls that have returned */

static CK_RV collect(const char *source, const struct hz_collect_ask *ask, struct hz_buf *b)
{
	CK_RV rv = hz_collect(source, ask, b);

	collected++;
	return rv;
}

/* What was collected for the challenge is accepted for it and for no other. */
static void accepted(const char *source, const hz_attest_policy *p, unsigned tier)
{
	static const uint8_t other[32] = { 8 }, key[] = { 0x30, 0x03, 0x02, 0x01, 0x00 };
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };
	struct hz_collect_ask wrong = { .challenge = other, .challenge_len = 32 };
	struct hz_collect_ask of_key = { .key = key, .key_len = sizeof key };
	struct hz_buf b = HZ_BUF_INIT;

	CHECK(hz_collect_wrong(source) == NULL);
	CHECK(hz_collect_probe(source) == CKR_OK);
	CHECK(collect(source, &ask, &b) == CKR_OK);
	CHECK(judge(&b, p, &ask, tier) == HZ_ATTEST_OK);
	CHECK(judge(&b, p, &wrong, tier) == HZ_ATTEST_R_CHALLENGE);
	hz_buf_free(&b);
	if (hz_collect_is_ready_made(source))
		return;
	CHECK(collect(source, &of_key, &b) == CKR_OK);
	CHECK(judge(&b, p, &of_key, tier) == HZ_ATTEST_OK);
	hz_buf_free(&b);
}

/* The simulated platform. */

static void simulated(void)
{
	static const char one[] = "{\"measurement\":\"0000000000000000000000000000000000000000000000000000000000000000000000000000"
				  "00000000000000000000\",\"tee_io\":true,\"gpus\":[{\"arch\":\"blackwell\",\"key\":\"a\"},"
				  "{\"arch\":\"blackwell\",\"key\":\"b\"}]}";
	static const char *const broken[] = { "", "[]", "{\"measurement\":\"00\"}", "{\"what\":1}", "{\"debug\":1}", "{\"gpus\":[{}]}",
					      "{\"gpus\":[{\"arch\":\"ampere\",\"key\":\"a\"}]}", "{\"tee_io\":true}}" };
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };
	struct hz_buf b = HZ_BUF_INIT;

	write_file("sim.json", one, sizeof one - 1);
	accepted(in_dir("sim:", "sim.json"), sim_policy, 4);
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		write_file("sim.json", broken[i], strlen(broken[i]));
		CHECK(hz_collect(in_dir("sim:", "sim.json"), &ask, &b) == CKR_DEVICE_ERROR);
	}
	CHECK(hz_collect(in_dir("sim:", "none.json"), &ask, &b) == CKR_DEVICE_REMOVED);
	CHECK(hz_collect_probe(in_dir("sim:", "none.json")) == CKR_DEVICE_REMOVED);
	hz_buf_free(&b);
}

static void wait_a_little(void)
{
	const struct timespec t = { 0, 2000000 };

	nanosleep(&t, NULL);
}

/* configfs: a folder that a thread fills as the kernel does. */

static atomic_int fake_mode, fake_stop; /* 0 honest, 1 another writer, 2 no report */

/* How often we look for what the other thread does: half a minute in all. */
enum { LOOKS = 15000, LOOKS_MS = 30000 };

/* Tells when a file that is there already has been read: its last reader has closed it. */
static int watch_reads(const char *at)
{
	int fd = inotify_init1(IN_CLOEXEC);

	CHECK(fd >= 0 && inotify_add_watch(fd, at, IN_CLOSE_NOWRITE) >= 0);
	return fd;
}

static void await_read(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(poll(&p, 1, LOOKS_MS) == 1);
}

static void fill_entry(const char *name)
{
	char base[400], at[480], gen[480];
	unsigned char report[REPORT_LEN];
	unsigned before = collected;
	struct stat st;
	int fd, looks;
	static const char *const all[] = { "inblob", "outblob", "provider", "generation" };

	snprintf(base, sizeof base, "%s/%s", in_dir("", "tsm"), name);
	snprintf(at, sizeof at, "%s/provider", base);
	write_file(at, "sev_guest\n", 10);
	snprintf(gen, sizeof gen, "%s/generation", base);
	write_file(gen, "1\n", 2);
	looks = watch_reads(gen);
	snprintf(at, sizeof at, "%s/inblob", base);
	write_file(at, "", 0);
	for (int i = 0; i < LOOKS && (stat(at, &st) != 0 || st.st_size != 64); i++)
		wait_a_little();
	forge_report(report, &spec);
	fd = open(at, O_RDONLY);
	CHECK(fd >= 0 && read(fd, report + 0x50, 64) == 64 && close(fd) == 0);
	forge_sign(&chain, report);
	snprintf(at, sizeof at, "%s/outblob", base);
	if (fake_mode == 1) { /* between the first and the second look at the generation: outblob is waited for */
		await_read(looks);
		write_file(gen, "2\n", 2);
	}
	close(looks);
	write_file(at, report, fake_mode == 2 ? 0 : sizeof report);
	for (int i = 0; i < LOOKS && collected == before; i++)
		wait_a_little();
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		snprintf(at, sizeof at, "%s/%s", base, all[i]);
		unlink(at);
	}
	rmdir(base);
}

static void *kernel(void *arg)
{
	(void)arg;
	while (!fake_stop) {
		DIR *d = opendir(in_dir("", "tsm"));
		const struct dirent *e;
		char name[256] = "";

		while (d != NULL && (e = readdir(d)) != NULL)
			if (strncmp(e->d_name, "hanzo-", 6) == 0)
				snprintf(name, sizeof name, "%s", e->d_name);
		if (d != NULL)
			closedir(d);
		if (name[0] != '\0')
			fill_entry(name);
		wait_a_little();
	}
	return NULL;
}

static void configfs(void)
{
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };
	struct hz_buf b = HZ_BUF_INIT;
	char source[160];
	pthread_t t;

	snprintf(source, sizeof source, "%s", in_dir("tsm:", "tsm"));
	CHECK(hz_collect_probe(source) == CKR_DEVICE_REMOVED);
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_REMOVED);
	CHECK(mkdir(in_dir("", "tsm"), 0700) == 0 && pthread_create(&t, NULL, kernel, NULL) == 0);
	accepted(source, snp_policy, 2);
	fake_mode = 1;
	CHECK(collect(source, &ask, &b) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "somebody else") != NULL);
	fake_mode = 2;
	CHECK(collect(source, &ask, &b) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "no report") != NULL);
	fake_stop = 1;
	pthread_join(t, NULL);
	hz_buf_free(&b);
}

/* The guest device. */

static unsigned device_status, device_size;

static int device(int fd, unsigned long request, void *arg)
{
	uint8_t *q = arg, *req, *resp;
	uint64_t p;
	uint32_t head[2] = { device_status, device_size };

	(void)fd;
	CHECK(request == 0xC0205302UL && q[0] == 1);
	memcpy(&p, q + 8, 8);
	req = (uint8_t *)(uintptr_t)p;
	memcpy(&p, q + 16, 8);
	resp = (uint8_t *)(uintptr_t)p;
	if (device_status == 0xffff) {
		errno = EIO;
		return -1;
	}
	memcpy(resp, head, 8);
	forge_report(resp + 32, &spec);
	memcpy(resp + 32 + 0x50, req, 64);
	forge_sign(&chain, resp + 32);
	return 0;
}

static void guest_device(void)
{
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };
	struct hz_buf b = HZ_BUF_INIT;
	char source[160];

	snprintf(source, sizeof source, "%s", in_dir("sev-guest:", "device"));
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_REMOVED);
	write_file("device", "", 0);
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_ERROR); /* a file is no device */
	hz_collect_ioctl = device;
	device_size = REPORT_LEN;
	accepted(source, snp_policy, 2);
	device_size = 7;
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_ERROR);
	device_size = REPORT_LEN;
	device_status = 0x16;
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_ERROR);
	device_status = 0xffff;
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_ERROR);
	hz_buf_free(&b);
}

/* An agent. */

static int listener;
static struct hz_buf answer = HZ_BUF_INIT;
static char asked[512];

/* Answers one question. */
static void *agent(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	size_t n = 0, sent = 0;
	ssize_t got;

	(void)arg;
	while (n < sizeof asked - 1 && memchr(asked, '\n', n) == NULL && (got = read(fd, asked + n, sizeof asked - 1 - n)) > 0)
		n += (size_t)got;
	asked[n] = '\0';
	while (sent < answer.len && (got = send(fd, answer.p + sent, answer.len - sent, MSG_NOSIGNAL)) > 0)
		sent += (size_t)got;
	close(fd);
	return NULL;
}

/* Ask while an agent answers; it is done before this returns. */
static CK_RV served(const char *source, const struct hz_collect_ask *ask, struct hz_buf *b)
{
	pthread_t t;
	CK_RV rv;

	CHECK(pthread_create(&t, NULL, agent, NULL) == 0);
	rv = hz_collect(source, ask, b);
	pthread_join(t, NULL);
	return rv;
}

static void by_socket(void)
{
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct hz_buf b = HZ_BUF_INIT;
	char source[160];

	snprintf(source, sizeof source, "%s", in_dir("socket:", "agent"));
	snprintf(a.sun_path, sizeof a.sun_path, "%s", in_dir("", "agent"));
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_REMOVED && hz_collect_probe(source) == CKR_DEVICE_REMOVED);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 4) == 0);
	CHECK(hz_collect_probe(source) == CKR_OK);
	hz_buf_str(&answer, "{}");
	CHECK(served(source, &ask, &b) == CKR_OK && b.len == 2 && memcmp(b.p, "{}", 2) == 0);
	CHECK(strcmp(asked, "{\"hanzo_collect\":1,\"challenge\":\"BwcHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}\n") == 0);
	hz_buf_clear(&b);
	ask = (struct hz_collect_ask){ .key = challenge, .key_len = 3 };
	CHECK(served(source, &ask, &b) == CKR_OK);
	CHECK(strcmp(asked, "{\"hanzo_collect\":1,\"challenge\":\"\",\"key\":\"BwcH\"}\n") == 0);
	hz_buf_free(&b);
	CHECK(hz_buf_room(&answer, HZ_BUNDLE_MAX + 100) != NULL);
	CHECK(served(source, &ask, &b) == CKR_DEVICE_ERROR);
	close(listener);
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_REMOVED); /* nobody listens */
	hz_buf_free(&answer);
	hz_buf_free(&b);
}

static void by_file(void)
{
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };
	struct hz_buf b = HZ_BUF_INIT;

	write_file("sim.json", "{}", 2);
	CHECK(hz_collect(in_dir("sim:", "sim.json"), &ask, &b) == CKR_OK);
	write_file("bundle.json", b.p, b.len);
	accepted(in_dir("file:", "bundle.json"), sim_policy, 2);
	hz_buf_free(&b);
	CHECK(hz_collect(in_dir("file:", "none.json"), &ask, &b) == CKR_DEVICE_REMOVED);
	CHECK(hz_collect(in_dir("file:", "sim.json"), &(struct hz_collect_ask){ .key = challenge, .key_len = 3 }, &b) == CKR_DEVICE_ERROR);
	hz_buf_free(&b);
}

/* The stand-in lies in the build folder, whose absolute path the tests' environment gives. */
static const char *fake_nvml(void)
{
	static char at[400];
	const char *top = getenv("HANZO_BUILDDIR");

	snprintf(at, sizeof at, "%s/.libs/fake-nvml.so", top != NULL ? top : "");
	return top != NULL && access(at, R_OK) == 0 ? at : NULL;
}

/* SHA-256 of the first certificate's key: that of the VEK, which stands first in the chain's text. */
static void leaf_key(uint8_t out[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(chain.vek), &der);

	CHECK(n > 0);
	hz_hash_once(HZ_SHA256, der, (size_t)n, out);
	OPENSSL_free(der);
}

/* GPUs: each over its own nonce, their keys in the report data of the CPU. */
static void gpus(void)
{
	const char *lib = fake_nvml();
	struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };
	struct hz_gpu_piece piece[4];
	uint8_t nonce[32], spki[32];
	char source[420], hex[65];
	struct blob pem = forge_pem(&chain);
	char *text = strndup((const char *)pem.p, pem.len);
	size_t n = 4;

	CHECK(lib != NULL);
	if (lib == NULL)
		goto out;
	memset(piece, 0, sizeof piece);
	leaf_key(spki);
	text[strstr(text, "-----END CERTIFICATE-----\n") - text + 26] = '\0';
	setenv("FAKE_NVML_PEM", text, 1);
	snprintf(source, sizeof source, "nvml:%s", lib);
	CHECK(hz_collect_wrong_gpus(source) == NULL && hz_collect_probe_gpus(source) == CKR_OK);
	CHECK(hz_nvml_collect(lib, &ask, piece, &n) == CKR_OK && n == 2);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK(hz_attest_gpu_nonce(verifier, challenge, 32, i, nonce));
		hz_hex_encode(nonce, 32, hex);
		hz_buf_u8(&piece[i].evidence.value, 0);
		CHECK(strstr((char *)piece[i].evidence.value.p, hex) != NULL && strstr((char *)piece[i].evidence.value.p, "HOPPER") != NULL);
		CHECK(strcmp(piece[i].evidence.type, "application/vnd.veraison.nvidia-gpu-evidence+json") == 0);
		CHECK(memcmp(piece[i].spki, spki, 32) == 0);
		hz_buf_free(&piece[i].evidence.value);
	}
	n = 1;
	CHECK(hz_nvml_collect(lib, &ask, piece, &n) == CKR_DEVICE_ERROR); /* no room for the second */
	setenv("FAKE_NVML_MODE", "off", 1);
	CHECK(hz_collect_probe_gpus(source) == CKR_DEVICE_REMOVED && strstr(hz_error_text(), "computing is off") != NULL);
	setenv("FAKE_NVML_MODE", "devtools", 1);
	CHECK(hz_collect_probe_gpus(source) == CKR_DEVICE_REMOVED && strstr(hz_error_text(), "development-tools") != NULL);
	n = 4;
	CHECK(hz_nvml_collect(lib, &ask, piece, &n) == CKR_DEVICE_REMOVED);
	setenv("FAKE_NVML_MODE", "untold", 1);
	CHECK(hz_collect_probe_gpus(source) == CKR_OK);
	unsetenv("FAKE_NVML_MODE");
	setenv("FAKE_NVML_NO_CC", "1", 1);
	n = 4;
	CHECK(hz_nvml_collect(lib, &ask, piece, &n) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "no attestation report") != NULL);
	unsetenv("FAKE_NVML_NO_CC");
	setenv("FAKE_NVML_ARCH", "7", 1);
	n = 4;
	CHECK(hz_nvml_collect(lib, &ask, piece, &n) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "neither") != NULL);
	unsetenv("FAKE_NVML_ARCH");
	setenv("FAKE_NVML_PEM", "no certificate", 1);
	n = 4;
	CHECK(hz_nvml_collect(lib, &ask, piece, &n) == CKR_DEVICE_ERROR);
	setenv("FAKE_NVML_DOWN", "1", 1);
	CHECK(hz_collect_probe_gpus(source) == CKR_DEVICE_REMOVED);
out:
	free(text);
	blob_free(&pem);
}

static void names(void)
{
	static const char *const wrong[] = { "", "tsmx", "tsm:", "tsm:relative", "file", "file:", "file:x", "sim", "socket:x", "exec:/bin/true",
					     "sev-guest:x", ":", "attest:" };

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		CHECK(hz_collect_wrong(wrong[i]) != NULL);
	CHECK(hz_collect_wrong("tsm") == NULL && hz_collect_wrong("sev-guest") == NULL && hz_collect_wrong("socket:/a") == NULL);
	CHECK(hz_collect_wrong_gpus("nvml") == NULL && hz_collect_wrong_gpus("nvml:/x/lib.so") == NULL);
	CHECK(hz_collect_wrong_gpus("nvml:x") != NULL && hz_collect_wrong_gpus("nv") != NULL);
	CHECK(hz_collect_probe_gpus("nvml:/nonexistent/lib.so") == CKR_DEVICE_REMOVED);
	CHECK(hz_collect_probe_gpus("nvml:/lib/x86_64-linux-gnu/libc.so.6") == CKR_DEVICE_REMOVED);
}

int main(void)
{
	char json[400], hex[65];

	snprintf(dir, sizeof dir, "/tmp/hz-collect-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 99;
	alarm(100);
	forge_begin(&chain, &spec);
	hz_hex_encode(chain.ark_sha256, 32, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],\"snp\":{\"measurement\":\"any\"}}", hex);
	verifier = hz_attest_verifier_new(NULL);
	snp_policy = hz_attest_policy_parse(json, strlen(json), NULL, 0);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"any\"}}");
	sim_policy = hz_attest_policy_parse(json, strlen(json), NULL, 0);
	CHECK(verifier != NULL && snp_policy != NULL && sim_policy != NULL);
	names();
	simulated();
	by_file();
	guest_device();
	configfs();
	by_socket();
	gpus();
	hz_attest_policy_free(snp_policy);
	hz_attest_policy_free(sim_policy);
	hz_attest_verifier_free(verifier);
	forge_end(&chain);
	snprintf(json, sizeof json, "rm -rf '%s'", dir);
	CHECK(system(json) == 0);
	return failures != 0;
}
