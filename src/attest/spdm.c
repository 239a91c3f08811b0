/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an SPDM 1.1 GET_MEASUREMENTS request followed by its MEASUREMENTS response. */

#include "attest/nvidia.h"

#define VERSION_1_1 0x11
#define GET_MEASUREMENTS 0xE0
#define MEASUREMENTS 0x60
#define HEADERS_LEN 45   /* request with nonce and slot (37), response up to its record length (8) */
#define SPEC_DMTF 1

/* DSP0274 table "Measurement block", with the DMTF value inside. */
static enum hz_attest_reason
read_block(struct hz_at_run *run, struct hz_reader *record, struct hz_spdm_report *out)
{
	uint8_t index = hz_rd_u8(record), spec = hz_rd_u8(record);
	uint16_t size = hz_rd_u16le(record), value_size;
	const uint8_t *value;

	if (!hz_rd_ok(record))
		return hz_at_refuse(run, HZ_ATTEST_R_BLOCK_OVERRUN, "a measurement block does not fit in its record");
	if (index == 0 || out->value[index] != NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_BLOCK_INDEX, "measurement index %u is zero or there twice", index);
	if (spec != SPEC_DMTF)
		return hz_at_refuse(run, HZ_ATTEST_R_BLOCK_SPEC, "measurement %u: specification %u", index, spec);
	hz_rd_skip(record, 1);
	value_size = hz_rd_u16le(record);
	if (size != 3 + HZ_SPDM_HASH_LEN || value_size != HZ_SPDM_HASH_LEN)
		return hz_at_refuse(run, HZ_ATTEST_R_BLOCK_SIZE, "measurement %u: %u bytes", index, value_size);
	value = hz_rd_bytes(record, HZ_SPDM_HASH_LEN);
	if (value == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_BLOCK_OVERRUN, "a measurement block does not fit in its record");
	out->value[index] = value;
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
read_record(struct hz_at_run *run, struct hz_reader *r, uint32_t length, struct hz_spdm_report *out)
{
	struct hz_reader record;

	if (length > hz_rd_left(r))
		return hz_at_refuse(run, HZ_ATTEST_R_RECORD_LEN, "a measurement record of %u bytes does not fit", (unsigned)length);
	record = hz_rd_sub(r, length);
	for (unsigned i = 0; i < out->blocks; i++) {
		enum hz_attest_reason rc = read_block(run, &record, out);

		if (rc != HZ_ATTEST_OK)
			return rc;
	}
	if (!hz_rd_end(&record))
		return hz_at_refuse(run, HZ_ATTEST_R_RECORD_LEN, "the measurement record is longer than its blocks");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
read_headers(struct hz_at_run *run, struct hz_reader *r, struct hz_spdm_report *out)
{
	uint8_t version = hz_rd_u8(r), code = hz_rd_u8(r), param1 = hz_rd_u8(r);

	if (version != VERSION_1_1 || code != GET_MEASUREMENTS)
		return hz_at_refuse(run, HZ_ATTEST_R_REQUEST_HEADER, "not an SPDM 1.1 GET_MEASUREMENTS request");
	if ((param1 & 1) == 0)
		return hz_at_refuse(run, HZ_ATTEST_R_NO_SIGNATURE_ASKED, "the request asks for no signature");
	hz_rd_skip(r, 1);
	out->request_nonce = hz_rd_bytes(r, HZ_ATTEST_NONCE_LEN);
	hz_rd_skip(r, 1);
	version = hz_rd_u8(r);
	code = hz_rd_u8(r);
	hz_rd_skip(r, 2);
	if (version != VERSION_1_1 || code != MEASUREMENTS)
		return hz_at_refuse(run, HZ_ATTEST_R_RESPONSE_HEADER, "not an SPDM 1.1 MEASUREMENTS response");
	out->blocks = hz_rd_u8(r);
	if (out->blocks == 0)
		return hz_at_refuse(run, HZ_ATTEST_R_NO_BLOCKS, "the response has no measurements");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_spdm_read(struct hz_at_run *run, struct hz_at_bytes in, struct hz_spdm_report *out)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	enum hz_attest_reason rc;
	size_t n;

	memset(out, 0, sizeof *out);
	if (in.len < HEADERS_LEN)
		return hz_at_refuse(run, HZ_ATTEST_R_TOO_SHORT, "%zu bytes are no SPDM request and response", in.len);
	rc = read_headers(run, &r, out);
	if (rc == HZ_ATTEST_OK)
		rc = read_record(run, &r, hz_rd_u24le(&r), out);
	if (rc != HZ_ATTEST_OK)
		return rc;
	out->response_nonce = hz_rd_bytes(&r, HZ_ATTEST_NONCE_LEN);
	n = hz_rd_u16le(&r);
	out->opaque = (struct hz_at_bytes){ hz_rd_bytes(&r, n), n };
	out->signed_part = (struct hz_at_bytes){ in.p, r.off };
	out->signature = hz_rd_bytes(&r, HZ_SPDM_SIGNATURE_LEN);
	if (!hz_rd_ok(&r))
		return hz_at_refuse(run, HZ_ATTEST_R_OPAQUE_LEN, "opaque data of %zu bytes leave no room for a signature", n);
	if (!hz_rd_end(&r))
		return hz_at_refuse(run, HZ_ATTEST_R_TRAILING, "%zu bytes follow the signature", hz_rd_left(&r));
	return HZ_ATTEST_OK;
}
