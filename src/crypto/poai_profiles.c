/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles as tables: what the JSON object holds, and which bytes of it are hashed after which prefix. */
#include "crypto/poai_profiles.h"

#include <stdio.h>
#include <string.h>

#include "crypto/jfields.h"
#include "crypto/keccak.h"
#include "crypto/u256.h"

enum { MAX_FIELDS = 16, MAX_PREIMAGE = 512 };

/* A field: its kind follows from its width, but that 32 bytes are a hash or an integer. */
struct pfield {
	const char *name;
	unsigned width;  /* bytes in the preimage */
	bool integer;
	uint64_t min, max; /* of integers up to 8 bytes; max 0: what the width allows */
};

#define H(name) { name, 32, false, 0, 0 }
#define A(name) { name, 20, false, 0, 0 }
#define U(name, bytes) { name, bytes, true, 0, 0 }

struct hz_profile {
	const char *name;
	const char *prefix;      /* hashed first, as it is or (prefix_hashed) its digest */
	bool prefix_hashed;
	struct pfield field[MAX_FIELDS];
	size_t fields;
	size_t first;            /* fields hashed: [0, first) unless `second` is set */
	const char *second;      /* then another hash: this prefix, the first digest, and the fields of `tail` */
	uint8_t tail[MAX_FIELDS];
	size_t tails;
};

static const struct hz_profile profiles[] = {
	{
		.name = "compute-report", .prefix = "lux/aivm/compute-challenge/v1",
		.field = { U("taskId", 32), H("intentId"), H("modelSpecHash"), H("promptHash"), H("openBlockHash"), A("operator"),
			   H("outputHash"), H("runtimeMeasurement") },
		.fields = 8, .first = 6, .second = "lux/aivm/compute-report/v1", .tail = { 2, 3, 6, 7 }, .tails = 4,
	},
	{
		.name = "intent", .prefix = "lux/aivmbridge/intent/v1",
		.field = { H("cChainId"), H("aChainId"), H("cTxHash"), U("callIndex", 4), A("caller"), H("modelSpecHash"), H("promptHash"),
			   U("n", 2), U("threshold", 2), U("fee", 32) },
		.fields = 10, .first = 10,
	},
	{
		.name = "receipt", .prefix = "lux/aivmbridge/receipt/v1",
		.field = { { "version", 2, true, 1, 1 }, H("intentId"), H("taskId"), H("cChainId"), H("aChainId"), A("requester"),
			   H("modelSpecHash"), H("promptHash"), H("canonicalOutputHash"), { "status", 1, true, 0, 4 }, U("n", 2),
			   U("threshold", 2), H("winnersRoot"), H("operatorsRoot"), U("feePaid", 32), U("settledAtHeight", 8) },
		.fields = 16, .first = 16,
	},
	{
		.name = "verdict", .prefix = "hanzo/thinking-governor/verdict/v1", .prefix_hashed = true,
		.field = { U("chainId", 32), A("governor"), U("taskId", 32), H("modelSpecHash"), U("vote", 1), U("bucket", 2),
			   H("evidenceHash"), A("operator") },
		.fields = 8, .first = 8,
	},
	{ /* of a node, what its peers approve before they release an epoch's keys to it */
		.name = "attestation-root", .prefix = "",
		.field = { H("cpuTeeMeasurement"), H("gpuAttestationReport"), H("driverFirmwareMeasurement"), H("quasarGpuBinaryHash"),
			   H("cryptoKernelHash"), H("aiModelRuntimeHash"), H("precompileBinaryHash"), H("policyRoot"), H("nodeIdentity"),
			   U("epoch", 8), { "cpuTeeKind", 1, true, 0, 3 }, { "gpuTeeKind", 1, true, 0, 3 }, { "ioLevel", 1, true, 0, 4 } },
		.fields = 13, .first = 13,
	},
	{
		.name = "consensus", .prefix = "",
		.field = { H("modelSpecHash"), U("vote", 1), U("bucket", 2) },
		.fields = 3, .first = 3,
	},
};

static const struct hz_jdoc_limits limits = { .text = 1 << 16, .nodes = 64, .members = MAX_FIELDS, .depth = 1 };

/* Every value as 32 bytes with the preimage's `width` bytes at the end; integers also as a number. */
struct values {
	uint8_t word[MAX_FIELDS][32];
	uint64_t number[MAX_FIELDS];
};

const struct hz_profile *hz_profile_at(size_t i)
{
	return i < sizeof profiles / sizeof profiles[0] ? &profiles[i] : NULL;
}

const struct hz_profile *hz_profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

const char *hz_profile_name(const struct hz_profile *p)
{
	return p->name;
}

const char *hz_profile_field(const struct hz_profile *p, size_t i)
{
	return i < p->fields ? p->field[i].name : NULL;
}

/* The row of the reader's table for one field. */
static struct hz_jfield row(const struct pfield *f, size_t i)
{
	struct hz_jfield r = { .name = f->name, .offset = offsetof(struct values, word) + i * 32 };

	if (f->integer && f->width <= 8) {
		r.kind = HZ_JF_UINT;
		r.bits = f->width * 8;
		r.offset = offsetof(struct values, number) + i * sizeof(uint64_t);
	} else if (f->integer) {
		r.kind = HZ_JF_U256;
	} else if (f->width == 20) {
		r.kind = HZ_JF_ADDRESS;
		r.offset += 12;
	} else {
		r.kind = HZ_JF_HASH;
	}
	return r;
}

static bool read_values(const struct hz_profile *p, const void *json, size_t len, struct values *v, char *why, size_t room)
{
	struct hz_jfield rows[MAX_FIELDS] = { { 0 } };
	const struct hz_jfield *about = NULL;
	struct hz_jdoc doc;
	const char *reason;

	for (size_t i = 0; i < p->fields; i++)
		rows[i] = row(&p->field[i], i);
	if (!hz_jdoc_parse(&doc, json, len, &limits)) {
		snprintf(why, room, "JSON, byte %zu: %s", doc.at, doc.why);
		return false;
	}
	memset(v, 0, sizeof *v);
	reason = hz_jfields_read(&doc, doc.v, rows, p->fields, v, &about);
	if (reason != NULL)
		snprintf(why, room, "%s%s%s", about != NULL ? about->name : "", about != NULL ? ": " : "", reason);
	hz_jdoc_free(&doc);
	return reason == NULL;
}

static bool settle_integers(const struct hz_profile *p, struct values *v, char *why, size_t room)
{
	for (size_t i = 0; i < p->fields; i++) {
		const struct pfield *f = &p->field[i];

		if (!f->integer || f->width > 8)
			continue;
		if (f->max != 0 && (v->number[i] < f->min || v->number[i] > f->max)) {
			snprintf(why, room, "%s: not from %llu to %llu", f->name, (unsigned long long)f->min, (unsigned long long)f->max);
			return false;
		}
		hz_u256_from_u64(v->word[i], v->number[i]);
	}
	return true;
}

static size_t add(uint8_t *pre, size_t at, const void *p, size_t n)
{
	memcpy(pre + at, p, n);
	return at + n;
}

static size_t add_field(uint8_t *pre, size_t at, const struct hz_profile *p, const struct values *v, size_t i)
{
	return add(pre, at, v->word[i] + 32 - p->field[i].width, p->field[i].width);
}

bool hz_profile_digest(const struct hz_profile *p, const void *json, size_t len, uint8_t digest[32], char *why, size_t why_room)
{
	uint8_t pre[MAX_PREIMAGE];
	size_t at = strlen(p->prefix);
	struct values v;

	if (!read_values(p, json, len, &v, why, why_room) || !settle_integers(p, &v, why, why_room))
		return false;
	memcpy(pre, p->prefix, at);
	if (p->prefix_hashed) {
		hz_keccak256(p->prefix, at, pre);
		at = 32;
	}
	for (size_t i = 0; i < p->first; i++)
		at = add_field(pre, at, p, &v, i);
	hz_keccak256(pre, at, digest);
	if (p->second == NULL)
		return true;
	at = add(pre, 0, p->second, strlen(p->second));
	at = add(pre, at, digest, 32);
	for (size_t i = 0; i < p->tails; i++)
		at = add_field(pre, at, p, &v, p->tail[i]);
	hz_keccak256(pre, at, digest);
	return true;
}
