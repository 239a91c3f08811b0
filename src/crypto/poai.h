/* SPDX-License-Identifier: Apache-2.0 */
/* Proof-of-AI attestations and HMM settlements: strict JSON objects, their EIP-712 digests, and the rules of time. */
#ifndef HZ_CRYPTO_POAI_H
#define HZ_CRYPTO_POAI_H

#include "base/jdoc.h"
#include "crypto/jfields.h"

/*
 * Domain {name "Hanzo PoAI" | "Hanzo HMM", version "1", chainId, verifyingContract where there is one}, and
 *   PoAIAttestation(string modelId,bytes32 inputHash,bytes32 outputHash,uint64 timestamp,uint64 computeTime,string nodeId,bytes32 nonce)
 *   HMMSettlement(string jobId,address provider,address consumer,uint256 amount,PoAIAttestation attestation,uint64 timestamp)
 * The text is the JSON object of the fields: hexadecimal with 0x, integers as JSON integers or decimal strings, in any order, with
 * nothing missing, doubled or added. At most 64 KiB.
 */
enum hz_poai_kind { HZ_POAI, HZ_HMM };

enum { HZ_POAI_SKEW = 60 }; /* seconds that a timestamp may be ahead of the clock */

struct hz_poai {
	struct hz_jtext model_id, node_id;
	uint8_t input_hash[32], output_hash[32], nonce[32];
	uint64_t timestamp;    /* Unix seconds */
	uint64_t compute_time; /* milliseconds */
};

struct hz_hmm {
	struct hz_jtext job_id;
	uint8_t provider[20], consumer[20];
	uint8_t amount[32];
	const struct hz_jnode *attestation_node;
	uint64_t timestamp; /* Unix seconds */
};

/* A statement as parsed. Its texts point into `doc`, so it must not be moved or copied by assignment. */
struct hz_statement {
	enum hz_poai_kind kind;
	struct hz_poai poai; /* of HZ_HMM: the attestation inside */
	struct hz_hmm hmm;   /* HZ_HMM only */
	const char *why;     /* after a failure: the reason, and the field that it is about or "" */
	const char *field;
	struct hz_jdoc doc;
};

/* st need not be initialised. False: st->why and st->field say why, nothing is left to free. */
bool hz_statement_parse(struct hz_statement *st, enum hz_poai_kind kind, const void *json, size_t len);
void hz_statement_free(struct hz_statement *st);

/* The timestamp that the rules of time are about: the settlement's own, else the attestation's. */
uint64_t hz_statement_timestamp(const struct hz_statement *st);

/* The domain separator; contract is 20 bytes or NULL. */
void hz_poai_separator(enum hz_poai_kind kind, uint64_t chain_id, const uint8_t *contract, uint8_t out[32]);

/* hashStruct of the statement, and the digest that is signed. */
void hz_statement_hash(const struct hz_statement *st, uint8_t out[32]);
void hz_statement_digest(const struct hz_statement *st, const uint8_t separator[32], uint8_t out[32]);

/*
 * 32 bytes that must never be signed twice: the nonce of an attestation; keccak256 of the jobId of a settlement.
 */
void hz_statement_once(const struct hz_statement *st, uint8_t out[32]);

/* NULL when timestamp is not older than ttl seconds and at most HZ_POAI_SKEW ahead of now; else the reason. */
const char *hz_poai_time(uint64_t timestamp, uint64_t now, uint64_t ttl);

#endif
