/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate table of an extended SNP report (GHCB, AMD 56421): written by the host, trusted in nothing. */

#include "attest/snp.h"

#define ENTRY_LEN 24
#define MAX_ENTRIES 16

struct entry {
	const uint8_t *guid;
	uint32_t offset, length;
};

/* GUIDs as they stand in the table, in the order in which they are printed. */
static const uint8_t guids[][16] = {
	{ 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd }, /* VCEK */
	{ 0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1 }, /* VLEK */
	{ 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 }, /* ASK */
	{ 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae }, /* ARK */
};

static bool
is_certificate(const struct entry *e)
{
	for (size_t i = 0; i < sizeof guids / sizeof *guids; i++)
		if (memcmp(guids[i], e->guid, 16) == 0)
			return true;
	return false;
}

/* Reads the header; *n entries before the terminator. */
static enum hz_attest_reason
read_header(struct hz_at_run *run, struct hz_reader *r, struct entry *e, size_t *n)
{
	for (*n = 0; *n <= MAX_ENTRIES; (*n)++) {
		struct entry cur;

		cur.guid = hz_rd_bytes(r, 16);
		cur.offset = hz_rd_u32le(r);
		cur.length = hz_rd_u32le(r);
		if (!hz_rd_ok(r))
			return hz_at_refuse(run, HZ_ATTEST_R_TABLE_NO_TERMINATOR, "certificate table has no terminator");
		if (hz_at_zero(cur.guid, 16)) {
			if (cur.offset != 0 || cur.length != 0)
				return hz_at_refuse(run, HZ_ATTEST_R_TABLE_TERMINATOR, "certificate table's terminator is not zero");
			return HZ_ATTEST_OK;
		}
		for (size_t i = 0; i < *n; i++)
			if (memcmp(e[i].guid, cur.guid, 16) == 0)
				return hz_at_refuse(run, HZ_ATTEST_R_TABLE_DUPLICATE, "certificate table names one GUID twice");
		if (*n < MAX_ENTRIES)
			e[*n] = cur;
	}
	return hz_at_refuse(run, HZ_ATTEST_R_TABLE_NO_TERMINATOR, "certificate table has more than %d entries", MAX_ENTRIES);
}

enum hz_attest_reason
hz_at_snp_table(struct hz_at_run *run, const void *p, size_t n, STACK_OF(X509) *certs)
{
	struct hz_reader r = hz_rd(p, n), data;
	struct entry e[MAX_ENTRIES];
	const uint8_t *bytes;
	size_t entries;
	enum hz_attest_reason rc = read_header(run, &r, e, &entries);

	for (size_t i = 0; rc == HZ_ATTEST_OK && i < entries; i++) {
		if (e[i].offset < r.off)
			return hz_at_refuse(run, HZ_ATTEST_R_TABLE_OFFSET, "certificate table: entry %zu points into the header", i);
		data = hz_rd(p, n);
		hz_rd_skip(&data, e[i].offset);
		bytes = hz_rd_bytes(&data, e[i].length);
		if (bytes == NULL || e[i].length == 0)
			return hz_at_refuse(run, HZ_ATTEST_R_TABLE_OVERRUN, "certificate table: entry %zu is empty or outside", i);
		if (is_certificate(&e[i]) && !hz_at_certs_read(run, certs, bytes, e[i].length))
			return hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "certificate table: entry %zu is no certificate", i);
	}
	return rc;
}
