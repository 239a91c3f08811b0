/* SPDX-License-Identifier: Apache-2.0 */
/* Wrappers of one piece of evidence: decoded storage, certificates beside it, configfs-tsm records. */

#include "attest/bundle.h"
#include "attest/snp.h"

#include "base/hex.h"
#include "base/jsoncheck.h"

#include <stdlib.h>

bool
hz_at_arena_begin(struct hz_at_arena *a, size_t cap)
{
	a->used = 0;
	a->cap = cap + 16;
	a->p = malloc(a->cap);
	return a->p != NULL;
}

void
hz_at_arena_end(struct hz_at_arena *a)
{
	free(a->p);
	a->p = NULL;
}

struct hz_at_bytes
hz_at_arena_b64(struct hz_at_arena *a, const void *text, size_t n)
{
	struct hz_at_bytes out = { NULL, 0 };
	size_t room = a->cap - a->used;

	if (!hz_b64url_decode(text, n, a->p + a->used, &room))
		return out;
	out.p = a->p + a->used;
	out.len = room;
	a->used += room;
	return out;
}

enum hz_attest_reason
hz_at_item_certs(struct hz_at_run *run, struct hz_at_item *item, struct hz_at_bytes data)
{
	struct hz_reader r = hz_rd(data.p, data.len);
	const uint8_t *first = hz_rd_peek(&r, 1);

	/* DER starts with a SEQUENCE, PEM with a dash or white space; what is left is a table of GUIDs. */
	if (first != NULL && strchr("0-\r\n\t ", *first) == NULL)
		return hz_at_snp_table(run, data.p, data.len, item->certs);
	if (!hz_at_certs_read(run, item->certs, data.p, data.len))
		return hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "a certificate cannot be read, or there are more than %d", HZ_AT_MAX_CERTS);
	return HZ_ATTEST_OK;
}

/* Text members of a record are base64url: the raw characters of a JSON string without escapes, else {NULL, 0}. */
static struct hz_at_bytes
decode_string(struct hz_at_arena *a, const struct hz_json_pair *m)
{
	if (m->len < 2 || m->p[0] != '"')
		return (struct hz_at_bytes){ NULL, 0 };
	return hz_at_arena_b64(a, m->p + 1, m->len - 2);
}

/* The provider as the kernel writes it, with or without its newline. */
static enum hz_attest_kind
provider_kind(const struct hz_json_pair *m)
{
	char name[32];
	size_t len;

	if (!hz_json_text(m->p, m->len, name, sizeof name, &len))
		return HZ_ATTEST_KIND_NONE;
	if (len > 0 && name[len - 1] == '\n')
		name[len - 1] = '\0';
	if (strcmp(name, "sev_guest") == 0)
		return HZ_ATTEST_KIND_SNP;
	return strcmp(name, "tdx_guest") == 0 ? HZ_ATTEST_KIND_TDX : HZ_ATTEST_KIND_NONE;
}

struct tsm {
	enum hz_attest_kind kind;
	struct hz_at_bytes out, aux;
	bool has_aux;
};

/* Reads the members; false for an unknown one or a bad value. */
static bool
read_record(struct hz_at_arena *a, struct hz_at_bytes json, struct tsm *t)
{
	struct hz_reader r = hz_rd(json.p, json.len);
	struct hz_json_pair m;

	while (hz_json_next(&r, &m)) {
		if (hz_json_name_is(&m, "provider")) {
			t->kind = provider_kind(&m);
		} else if (hz_json_name_is(&m, "outblob")) {
			t->out = decode_string(a, &m);
		} else if (hz_json_name_is(&m, "auxblob")) {
			t->aux = decode_string(a, &m);
			t->has_aux = true;
		} else {
			return false;
		}
	}
	return t->kind != HZ_ATTEST_KIND_NONE && t->out.p != NULL && (!t->has_aux || t->aux.p != NULL);
}

enum hz_attest_reason
hz_at_tsm_open(struct hz_at_run *run, struct hz_at_arena *a, struct hz_at_item *item, struct hz_at_bytes json)
{
	struct tsm t = { .kind = HZ_ATTEST_KIND_NONE };

	if (!hz_json_check(json.p, json.len, 1) || !read_record(a, json, &t))
		return hz_at_refuse(run, HZ_ATTEST_R_JSON, "not a configfs-tsm record of a known provider");
	item->kind = t.kind;
	item->evidence = t.out;
	if (t.kind == HZ_ATTEST_KIND_SNP && t.aux.len > 0)
		return hz_at_snp_table(run, t.aux.p, t.aux.len, item->certs);
	if (t.aux.len > 0)
		return hz_at_refuse(run, HZ_ATTEST_R_JSON, "auxblob does not belong to this provider");
	return HZ_ATTEST_OK;
}
