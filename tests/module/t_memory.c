/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where secrets are: this program looks through its own writable memory for a key's value, a PIN and a private text. While they are in
 * use they lie in secret memory only (libcrypto's contexts apart); after C_Logout nowhere, whatever other sessions had begun.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"
#include "../sanitized.h"

enum { KEY, PIN, TEXT, SECRETS, SIZE = 40, SKIP = 16 };

/* Kept masked, so that what is found is not this program's own. The first bytes of a released block are the allocator's. */
static const char *const names[SECRETS] = { "key", "PIN", "text" };
static const size_t size[SECRETS] = { 32, SIZE, SIZE };
static CK_BYTE masked[SECRETS][SIZE], plain[SIZE];
static volatile CK_BYTE mask = 0x5a;

static CK_BYTE *reveal(int which)
{
	for (size_t i = 0; i < size[which]; i++)
		plain[i] = (CK_BYTE)(masked[which][i] ^ mask);
	return plain;
}

static void forget(void)
{
	memset(plain, 0, sizeof plain);
	__asm__ __volatile__("" : : "r"(plain) : "memory");
}

static bool is_secret(const CK_BYTE *p, int which)
{
	for (size_t i = SKIP; i < size[which]; i++)
		if ((p[i] ^ mask) != masked[which][i])
			return false;
	return true;
}

static CK_BYTE copy[1 << 16];

/* How often the secret lies in [from, to). */
static unsigned count_range(int mem, unsigned long from, unsigned long to, int which)
{
	unsigned n = 0;

	for (; from < to; from += sizeof copy - SIZE) {
		ssize_t got = pread(mem, copy, to - from < sizeof copy ? to - from : sizeof copy, (off_t)from);

		for (ssize_t i = 0; i + (ssize_t)size[which] <= got; i++)
			n += is_secret(copy + i, which);
		memset(copy, 0, sizeof copy);
	}
	return n;
}

/* In all of the writable memory, or in the C library's heap alone. */
static unsigned count(int which, bool heap)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned n = 0;
	char line[512];

	CHECK(maps != NULL && mem >= 0);
	while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
		char *end;
		unsigned long from = strtoul(line, &end, 16), to = strtoul(end + 1, &end, 16);

		if (strncmp(end, " rw", 3) == 0 && (!heap || strstr(line, "[heap]") != NULL))
			n += count_range(mem, from, to, which);
	}
	if (maps != NULL)
		fclose(maps);
	close(mem);
	return n;
}

static void nowhere(const char *when)
{
	for (int i = 0; i < SECRETS; i++) {
		p11_about("%s: %s", when, names[i]);
		CHECK(count(i, false) == 0);
	}
}

static void not_on_the_heap(const char *when)
{
	for (int i = 0; i < SECRETS; i++) {
		p11_about("%s: %s", when, names[i]);
		CHECK(count(i, true) == 0);
	}
}

static CK_SESSION_HANDLE init(void)
{
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s;

	memset(label, ' ', sizeof label);
	OK(p11->C_InitToken(1, reveal(PIN), SIZE, label));
	s = kit_session(1, true);
	OK(p11->C_Login(s, CKU_SO, reveal(PIN), SIZE));
	OK(p11->C_InitPIN(s, reveal(PIN), SIZE));
	OK(p11->C_Logout(s));
	OK(p11->C_Login(s, CKU_USER, reveal(PIN), SIZE));
	forget();
	return s;
}

int main(void)
{
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY, data = CKO_DATA;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE key[] = { A_TRUE(CKA_TOKEN), A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic), { CKA_VALUE, plain, 32 },
			       A_TRUE(CKA_SIGN), A_TRUE(CKA_DERIVE), A_TRUE(CKA_EXTRACTABLE) };
	CK_ATTRIBUTE text[] = { A_TRUE(CKA_TOKEN), A_TRUE(CKA_PRIVATE), A_VAL(CKA_CLASS, data), { CKA_VALUE, plain, SIZE } };
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_OBJECT_HANDLE k = 0, t = 0;
	CK_SESSION_HANDLE s, idle, running;
	CK_BYTE mac[32];
	CK_ULONG n = sizeof mac;

	if (is_sanitized()) {
		puts("SKIP t_memory: a sanitizer's allocator keeps what was released");
		return 77;
	}
	kit_start();
	for (int i = 0; i < SECRETS; i++)
		OK(p11->C_GenerateRandom(kit_session(0, false), masked[i], SIZE));
	s = init();
	idle = kit_session(1, false);
	running = kit_session(1, false);
	not_on_the_heap("after the login");
	(void)reveal(KEY);
	OK(p11->C_CreateObject(s, key, N(key), &k));
	(void)reveal(TEXT);
	OK(p11->C_CreateObject(s, text, N(text), &t));
	forget();
	not_on_the_heap("made");
	OK(p11->C_SignInit(idle, &hmac, k));
	OK(p11->C_Sign(idle, mac, sizeof mac, mac, &n));
	OK(p11->C_SignInit(running, &hmac, k));
	OK(p11->C_SignUpdate(running, mac, sizeof mac));
	CHECK(count(KEY, false) != 0); /* the search finds what is there */
	not_on_the_heap("used");
	OK(p11->C_FindObjectsInit(s, key, 2));
	OK(p11->C_FindObjectsFinal(s));
	OK(p11->C_Logout(s));
	nowhere("logged out");
	return kit_end();
}
