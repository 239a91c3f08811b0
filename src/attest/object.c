/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of several pieces as one JSON object, values base64url: how bundles carry what has no registered media type. */

#include "attest/bundle.h"

#include "base/jsoncheck.h"

static bool
among(const struct hz_json_pair *m, const char *const *names, const char **name)
{
	for (; *names != NULL; names++)
		if (hz_json_name_is(m, *names)) {
			*name = *names;
			return true;
		}
	return false;
}

/* The member `main` becomes the evidence, the others parts. */
static enum hz_attest_reason
open_object(struct hz_at_run *run, struct hz_at_arena *a, struct hz_at_item *item, const char *main, const char *const *parts)
{
	struct hz_reader r = hz_rd(item->evidence.p, item->evidence.len);
	struct hz_at_bytes found = { NULL, 0 };
	struct hz_json_pair m;
	const char *name;
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	if (!hz_json_check(item->evidence.p, item->evidence.len, 1))
		return hz_at_refuse(run, HZ_ATTEST_R_JSON, "the evidence is not strict JSON");
	while (rc == HZ_ATTEST_OK && hz_json_next(&r, &m)) {
		struct hz_at_bytes v = { NULL, 0 };

		if (m.len >= 2 && m.p[0] == '"')
			v = hz_at_arena_b64(a, m.p + 1, m.len - 2);
		if (v.p == NULL)
			rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "a member of the evidence is not base64url");
		else if (hz_json_name_is(&m, main))
			found = v;
		else if (among(&m, parts, &name))
			rc = hz_at_item_add_part(run, item, name, v);
		else
			rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "the evidence has an unknown member");
	}
	if (rc == HZ_ATTEST_OK && found.p == NULL)
		rc = hz_at_refuse(run, HZ_ATTEST_R_MISSING, "the evidence has no \"%s\"", main);
	item->evidence = found;
	return rc;
}

enum hz_attest_reason
hz_at_object_verify(struct hz_at_run *run, struct hz_at_item *item, const char *main, const char *const *parts,
                    enum hz_attest_reason (*check)(struct hz_at_run *run, struct hz_at_item *item))
{
	struct hz_reader r = hz_rd(item->evidence.p, item->evidence.len);
	const uint8_t *first = hz_rd_peek(&r, 1);
	struct hz_at_arena arena;
	enum hz_attest_reason rc;

	if (first == NULL || *first != '{')
		return check(run, item);
	if (!hz_at_arena_begin(&arena, item->evidence.len))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	rc = open_object(run, &arena, item, main, parts);
	if (rc == HZ_ATTEST_OK)
		rc = check(run, item);
	item->parts = 0;
	hz_at_arena_end(&arena);
	return rc;
}
