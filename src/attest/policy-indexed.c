/* SPDX-License-Identifier: Apache-2.0 */
/* Policy members that give digests by a number: measurements of a GPU, registers of a TPM. */

#include "attest/attest-int.h"

#include <stdio.h>
#include <stdlib.h>

/* The number in its only decimal spelling, or -1. */
static int
parse_index(const char *s, unsigned first, unsigned last)
{
	char again[8];
	unsigned v = 0;
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 4 || s[n] != '\0')
		return -1;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(s[i] - '0');
	snprintf(again, sizeof again, "%u", v);
	return v >= first && v <= last && strcmp(again, s) == 0 ? (int)v : -1;
}

/* Reads one member through the table reader, which knows lists of hexadecimal text. */
static bool
read_one(struct hz_at_policy_err *err, const char *where, const char *key, struct json_object *v, size_t size,
         struct hz_at_hexlist *out)
{
	const struct hz_at_field table[] = { { key, HZ_AT_F_HEX, 0, size, true, NULL, NULL, NULL },
		                             { NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL } };
	struct json_object *alone = json_object_new_object();
	bool ok;

	if (alone == NULL)
		return hz_at_policy_bad(err, where, "out of memory");
	json_object_object_add(alone, key, json_object_get(v));
	ok = hz_at_policy_read(err, where, alone, table, out);
	json_object_put(alone);
	return ok;
}

bool
hz_at_policy_indexed(struct hz_at_policy_err *err, const char *name, struct json_object *v, size_t size,
                     struct hz_at_indexed *out)
{
	if (!json_object_is_type(v, json_type_object) || json_object_object_length(v) == 0)
		return hz_at_policy_bad(err, name, "must be an object with a member for each number that is checked");
	out->list = calloc((size_t)out->last + 1, sizeof *out->list);
	if (out->list == NULL)
		return hz_at_policy_bad(err, name, "out of memory");
	json_object_object_foreach(v, key, member) {
		int i = parse_index(key, out->first, out->last);

		if (i < 0)
			return hz_at_policy_bad(err, name, "\"%.16s\" is no number from %u to %u", key, out->first, out->last);
		if (!read_one(err, name, key, member, size, &out->list[i]))
			return false;
	}
	return true;
}

void
hz_at_indexed_release(struct hz_at_indexed *x)
{
	for (unsigned i = 0; x->list != NULL && i <= x->last; i++)
		free(x->list[i].data);
	free(x->list);
	x->list = NULL;
}

bool
hz_at_indexed_given(const struct hz_at_indexed *x, unsigned i)
{
	return x->list != NULL && i <= x->last && hz_at_hexlist_given(&x->list[i]);
}
