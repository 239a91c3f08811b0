/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: attestations, settlements and the other profiles. Input: a byte that chooses, then the JSON text. A statement that is
 * accepted must have the digest that the general EIP-712 encoder gives for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/eip712.h"
#include "crypto/poai.h"
#include "crypto/poai_profiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

#define POAI_FIELDS \
	"\"PoAIAttestation\":[{\"name\":\"modelId\",\"type\":\"string\"},{\"name\":\"inputHash\",\"type\":\"bytes32\"}," \
	"{\"name\":\"outputHash\",\"type\":\"bytes32\"},{\"name\":\"timestamp\",\"type\":\"uint64\"},{\"name\":\"computeTime\",\"type\":\"uint64\"}," \
	"{\"name\":\"nodeId\",\"type\":\"string\"},{\"name\":\"nonce\",\"type\":\"bytes32\"}]"
#define HMM_FIELDS \
	"\"HMMSettlement\":[{\"name\":\"jobId\",\"type\":\"string\"},{\"name\":\"provider\",\"type\":\"address\"}," \
	"{\"name\":\"consumer\",\"type\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\"}," \
	"{\"name\":\"attestation\",\"type\":\"PoAIAttestation\"},{\"name\":\"timestamp\",\"type\":\"uint64\"}]"

static const char *const head[] = {
	"{\"types\":{" POAI_FIELDS "},\"primaryType\":\"PoAIAttestation\",\"domain\":{\"name\":\"Hanzo PoAI\",\"version\":\"1\",\"chainId\":36963},\"message\":",
	"{\"types\":{" HMM_FIELDS "," POAI_FIELDS "},\"primaryType\":\"HMMSettlement\",\"domain\":{\"name\":\"Hanzo HMM\",\"version\":\"1\",\"chainId\":36963},\"message\":",
};

static void same_as_general(enum hz_poai_kind kind, const uint8_t *text, size_t size, const uint8_t digest[32])
{
	size_t n = strlen(head[kind]);
	char *all = malloc(n + size + 1), why[HZ_EIP712_WHY];
	struct hz_eip712 out;

	CHECK(all != NULL);
	memcpy(all, head[kind], n);
	memcpy(all + n, text, size);
	all[n + size] = '}';
	CHECK(hz_eip712_digest(all, n + size + 1, &out, why));
	CHECK(out.hanzo_domain && memcmp(out.digest, digest, 32) == 0);
	free(all);
}

static void statement(enum hz_poai_kind kind, const uint8_t *text, size_t size)
{
	struct hz_statement st;
	uint8_t separator[32], digest[32];

	if (!hz_statement_parse(&st, kind, text, size)) {
		CHECK(st.why != NULL && st.field != NULL);
		return;
	}
	hz_poai_separator(kind, 36963, NULL, separator);
	hz_statement_digest(&st, separator, digest);
	hz_statement_free(&st);
	same_as_general(kind, text, size, digest);
}

static void profile(const struct hz_profile *p, const uint8_t *text, size_t size)
{
	uint8_t digest[32];
	char why[96] = "";

	CHECK(hz_profile_digest(p, text, size, digest, why, sizeof why) || why[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'p' || data[0] == 'h')
		statement(data[0] == 'h' ? HZ_HMM : HZ_POAI, data + 1, size - 1);
	else if (hz_profile_at(data[0] % 8u) != NULL)
		profile(hz_profile_at(data[0] % 8u), data + 1, size - 1);
	return 0;
}
