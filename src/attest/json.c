/* SPDX-License-Identifier: Apache-2.0 */
/* Untrusted JSON: checked strictly first, then built by json-c. */

#include "attest/attest-int.h"

#include "base/jsoncheck.h"

struct json_object *
hz_at_json_parse(const void *p, size_t n, unsigned depth)
{
	struct json_tokener *tok;
	struct json_object *o;

	if (p == NULL || n > HZ_ATTEST_MAX_INPUT || !hz_json_check(p, n, depth))
		return NULL;
	tok = json_tokener_new_ex((int)depth + 2);
	if (tok == NULL)
		return NULL;
	/* Not its strict mode: nothing is left for that to refuse, and json-c 0.18 takes every byte above 0x7f for a control character. */
	o = json_tokener_parse_ex(tok, p, (int)n);
	if (json_tokener_get_error(tok) != json_tokener_success) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

struct hz_at_bytes
hz_at_json_twice(const void *p, size_t n, unsigned depth)
{
	struct hz_at_bytes out = { NULL, 0 };

	if (p != NULL && n <= HZ_ATTEST_MAX_INPUT)
		out.p = hz_json_twice(p, n, depth, &out.len);
	return out;
}

struct hz_at_bytes
hz_at_json_span(const void *p, size_t n, const char *name)
{
	struct hz_at_bytes out;

	out.p = hz_json_member(p, n, name, &out.len);
	return out;
}

const char *
hz_at_json_text(struct json_object *o, const char *name)
{
	struct json_object *v;
	const char *s;

	if (!json_object_object_get_ex(o, name, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	s = json_object_get_string(v);
	return strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}
