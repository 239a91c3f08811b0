/* SPDX-License-Identifier: Apache-2.0 */
/* PoAI and HMM statements: fields by table, digests with the type hashes computed once. */
#include "crypto/poai.h"

#include <pthread.h>
#include <string.h>

#include "crypto/eip712.h"
#include "crypto/keccak.h"
#include "crypto/u256.h"

#define POAI_TYPE                                                                                            \
	"PoAIAttestation(string modelId,bytes32 inputHash,bytes32 outputHash,uint64 timestamp,uint64 computeTime," \
	"string nodeId,bytes32 nonce)"
#define HMM_TYPE                                                                                            \
	"HMMSettlement(string jobId,address provider,address consumer,uint256 amount,PoAIAttestation attestation," \
	"uint64 timestamp)" POAI_TYPE
#define DOMAIN_TYPE "EIP712Domain(string name,string version,uint256 chainId"
#define CONTRACT_TYPE ",address verifyingContract"

static const struct hz_jdoc_limits limits = { .text = 1 << 16, .nodes = 64, .members = 16, .depth = 3 };

static const struct hz_jfield poai_fields[] = {
	{ "modelId", HZ_JF_TEXT, 0, offsetof(struct hz_poai, model_id) },
	{ "inputHash", HZ_JF_HASH, 0, offsetof(struct hz_poai, input_hash) },
	{ "outputHash", HZ_JF_HASH, 0, offsetof(struct hz_poai, output_hash) },
	{ "timestamp", HZ_JF_UINT, 64, offsetof(struct hz_poai, timestamp) },
	{ "computeTime", HZ_JF_UINT, 64, offsetof(struct hz_poai, compute_time) },
	{ "nodeId", HZ_JF_TEXT, 0, offsetof(struct hz_poai, node_id) },
	{ "nonce", HZ_JF_HASH, 0, offsetof(struct hz_poai, nonce) },
};

static const struct hz_jfield hmm_fields[] = {
	{ "jobId", HZ_JF_TEXT, 0, offsetof(struct hz_hmm, job_id) },
	{ "provider", HZ_JF_ADDRESS, 0, offsetof(struct hz_hmm, provider) },
	{ "consumer", HZ_JF_ADDRESS, 0, offsetof(struct hz_hmm, consumer) },
	{ "amount", HZ_JF_U256, 0, offsetof(struct hz_hmm, amount) },
	{ "attestation", HZ_JF_OBJECT, 0, offsetof(struct hz_hmm, attestation_node) },
	{ "timestamp", HZ_JF_UINT, 64, offsetof(struct hz_hmm, timestamp) },
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Hashes that are the same for every statement. */
static struct {
	uint8_t poai_type[32], hmm_type[32];
	uint8_t domain_type[2][32]; /* without and with a contract */
	uint8_t name[2][32], version[32];
} known;
static pthread_once_t known_once = PTHREAD_ONCE_INIT;

static void hash_text(const char *s, uint8_t out[32])
{
	hz_keccak256(s, strlen(s), out);
}

static void know(void)
{
	hash_text(POAI_TYPE, known.poai_type);
	hash_text(HMM_TYPE, known.hmm_type);
	hash_text(DOMAIN_TYPE ")", known.domain_type[0]);
	hash_text(DOMAIN_TYPE CONTRACT_TYPE ")", known.domain_type[1]);
	hash_text("Hanzo PoAI", known.name[HZ_POAI]);
	hash_text("Hanzo HMM", known.name[HZ_HMM]);
	hash_text("1", known.version);
}

static bool fail(struct hz_statement *st, const char *why, const struct hz_jfield *field)
{
	st->why = why;
	st->field = field != NULL ? field->name : "";
	hz_jdoc_free(&st->doc);
	return false;
}

bool hz_statement_parse(struct hz_statement *st, enum hz_poai_kind kind, const void *json, size_t len)
{
	const struct hz_jfield *field = NULL;
	const struct hz_jnode *attestation;
	const char *why;

	st->kind = kind;
	if (!hz_jdoc_parse(&st->doc, json, len, &limits))
		return fail(st, st->doc.why, NULL);
	attestation = st->doc.v;
	if (kind == HZ_HMM) {
		why = hz_jfields_read(&st->doc, st->doc.v, hmm_fields, COUNT(hmm_fields), &st->hmm, &field);
		if (why != NULL)
			return fail(st, why, field);
		attestation = st->hmm.attestation_node;
	}
	why = hz_jfields_read(&st->doc, attestation, poai_fields, COUNT(poai_fields), &st->poai, &field);
	if (why != NULL)
		return fail(st, why, field);
	st->why = NULL;
	st->field = "";
	return true;
}

void hz_statement_free(struct hz_statement *st)
{
	hz_jdoc_free(&st->doc);
}

uint64_t hz_statement_timestamp(const struct hz_statement *st)
{
	return st->kind == HZ_HMM ? st->hmm.timestamp : st->poai.timestamp;
}

void hz_poai_separator(enum hz_poai_kind kind, uint64_t chain_id, const uint8_t *contract, uint8_t out[32])
{
	uint8_t words[5][32] = { { 0 } };

	pthread_once(&known_once, know);
	memcpy(words[0], known.domain_type[contract != NULL], 32);
	memcpy(words[1], known.name[kind], 32);
	memcpy(words[2], known.version, 32);
	hz_u256_from_u64(words[3], chain_id);
	if (contract != NULL)
		memcpy(words[4] + 12, contract, 20);
	hz_keccak256(words, contract != NULL ? 160 : 128, out);
}

static void hash_poai(const struct hz_poai *p, uint8_t out[32])
{
	uint8_t words[8][32];

	memcpy(words[0], known.poai_type, 32);
	hz_keccak256(p->model_id.s, p->model_id.len, words[1]);
	memcpy(words[2], p->input_hash, 32);
	memcpy(words[3], p->output_hash, 32);
	hz_u256_from_u64(words[4], p->timestamp);
	hz_u256_from_u64(words[5], p->compute_time);
	hz_keccak256(p->node_id.s, p->node_id.len, words[6]);
	memcpy(words[7], p->nonce, 32);
	hz_keccak256(words, sizeof words, out);
}

static void hash_hmm(const struct hz_statement *st, uint8_t out[32])
{
	uint8_t words[7][32] = { { 0 } };

	memcpy(words[0], known.hmm_type, 32);
	hz_keccak256(st->hmm.job_id.s, st->hmm.job_id.len, words[1]);
	memcpy(words[2] + 12, st->hmm.provider, 20);
	memcpy(words[3] + 12, st->hmm.consumer, 20);
	memcpy(words[4], st->hmm.amount, 32);
	hash_poai(&st->poai, words[5]);
	hz_u256_from_u64(words[6], st->hmm.timestamp);
	hz_keccak256(words, sizeof words, out);
}

void hz_statement_hash(const struct hz_statement *st, uint8_t out[32])
{
	pthread_once(&known_once, know);
	if (st->kind == HZ_HMM)
		hash_hmm(st, out);
	else
		hash_poai(&st->poai, out);
}

void hz_statement_digest(const struct hz_statement *st, const uint8_t separator[32], uint8_t out[32])
{
	uint8_t hash[32];

	hz_statement_hash(st, hash);
	hz_eip712_join(separator, hash, out);
}

void hz_statement_once(const struct hz_statement *st, uint8_t out[32])
{
	if (st->kind == HZ_HMM)
		hz_keccak256(st->hmm.job_id.s, st->hmm.job_id.len, out);
	else
		memcpy(out, st->poai.nonce, 32);
}

const char *hz_poai_time(uint64_t timestamp, uint64_t now, uint64_t ttl)
{
	if (timestamp > now && timestamp - now > HZ_POAI_SKEW)
		return "the timestamp is more than 60 s ahead";
	if (timestamp < now && now - timestamp > ttl)
		return "the timestamp is older than the time to live";
	return NULL;
}
