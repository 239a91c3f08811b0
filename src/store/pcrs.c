/* SPDX-License-Identifier: Apache-2.0 */
/* A selection of PCRs as text. */
#include <string.h>

#include "store/seal_conf.h"

static const struct {
	const char *name;
	uint16_t alg;
	uint8_t len;
} banks[] = { { "sha256", 0x000b, 32 }, { "sha384", 0x000c, 48 }, { "sha512", 0x000d, 64 } };

size_t hz_pcr_len(uint16_t alg)
{
	for (size_t i = 0; i < sizeof banks / sizeof banks[0]; i++)
		if (banks[i].alg == alg)
			return banks[i].len;
	return 0;
}

const char *hz_pcr_bank(uint16_t alg)
{
	for (size_t i = 0; i < sizeof banks / sizeof banks[0]; i++)
		if (banks[i].alg == alg)
			return banks[i].name;
	return "unknown";
}

static uint16_t bank_of(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof banks / sizeof banks[0]; i++)
		if (strlen(banks[i].name) == n && memcmp(banks[i].name, name, n) == 0)
			return banks[i].alg;
	return 0;
}

static const char *blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* "0, 2, 7"; where it ends, or NULL. */
static const char *registers(const char *p, uint32_t *mask, const char **why)
{
	*mask = 0;
	for (;;) {
		unsigned r = 0;
		size_t digits;

		p = blanks(p);
		digits = strspn(p, "0123456789");
		*why = "no list of PCRs after the bank";
		if (digits == 0 || digits > 2)
			return NULL;
		for (; digits > 0; digits--)
			r = r * 10 + (unsigned)(*p++ - '0');
		*why = "PCRs are 0 to 23, each once";
		if (r >= HZ_PCRS || (*mask & 1u << r) != 0)
			return NULL;
		*mask |= 1u << r;
		p = blanks(p);
		if (*p != ',')
			return p;
		p++;
	}
}

bool hz_pcrs_parse(const char *text, struct hz_pcrs *out, const char **why)
{
	const char *p = blanks(text);

	*out = (struct hz_pcrs){ 0 };
	for (;;) {
		size_t n = strcspn(p, ": \t,+");
		uint16_t alg = bank_of(p, n);

		*why = "not a bank (sha256, sha384, sha512), a colon and a list of PCRs";
		if (alg == 0 || p[n] != ':' || out->n == HZ_PCR_BANKS)
			return false;
		for (size_t i = 0; i < out->n; i++)
			if (out->bank[i].alg == alg)
				return false;
		out->bank[out->n].alg = alg;
		p = registers(p + n + 1, &out->bank[out->n].mask, why);
		if (p == NULL)
			return false;
		out->n++;
		*why = "something after the list of PCRs";
		if (*p != '+')
			return *p == '\0';
		p = blanks(p + 1);
	}
}
