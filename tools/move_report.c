/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each object, as lines for people or as JSON. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "ck/names.h"
#include "move.h"

static const char *const fates[FATES] = { "moved", "there", "not moved", "passed over" };

/* A label as text: what a terminal might take for a command becomes '?', and so does what is no UTF-8 for JSON's sake. */
static char *text_of(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *v = hz_attrs_find(a, type);
	size_t n = v != NULL ? v->len : 0;
	char *s = calloc(1, n + 1);

	for (size_t i = 0; s != NULL && i < n; i++) {
		unsigned char ch = ((const unsigned char *)v->value)[i];

		s[i] = ch < 0x20 || ch > 0x7e ? '?' : (char)ch;
	}
	return s;
}

static char *hex_of(const struct hz_attrs *a, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *v = hz_attrs_find(a, type);
	char *s = calloc(2, (v != NULL ? v->len : 0) + 1);

	if (s != NULL && v != NULL && v->len != 0)
		hz_hex_encode(v->value, v->len, s);
	return s;
}

static void add_json(struct report *r, enum fate fate, const char *cls, const char *kt, const char *label, const char *id, const char *text)
{
	struct json_object *j = json_object_new_object();

	json_object_object_add(j, "result", json_object_new_string(fates[fate]));
	json_object_object_add(j, "class", json_object_new_string(cls));
	if (kt[0] != '\0')
		json_object_object_add(j, "keyType", json_object_new_string(kt));
	json_object_object_add(j, "label", json_object_new_string(label));
	json_object_object_add(j, "id", json_object_new_string(id));
	if (text[0] != '\0')
		json_object_object_add(j, fate == FATE_NOT || fate == FATE_PASSED ? "reason" : "by", json_object_new_string(text));
	json_object_array_add(r->objects, j);
}

void report_add(struct report *r, enum fate fate, const struct thing *t, const char *text)
{
	char *label = text_of(&t->a, CKA_LABEL), *id = hex_of(&t->a, CKA_ID);
	const char *cls = hz_cko_name(hz_attrs_ulong(&t->a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION));
	const char *kt = t->kt != CK_UNAVAILABLE_INFORMATION ? hz_ckk_name(t->kt) : "";

	r->n[fate]++;
	if (r->objects != NULL)
		add_json(r, fate, cls, kt, label != NULL ? label : "", id != NULL ? id : "", text);
	else
		printf("%-11s  %-15s %-18s %-24s %s%s%s\n", fates[fate], cls, kt, label != NULL && label[0] != '\0' ? label : "-",
		       id != NULL && id[0] != '\0' ? id : "-", text[0] != '\0' ? "  " : "", text);
	fflush(stdout);
	free(label);
	free(id);
}

void report_refused(struct report *r, const char *what, const char *why)
{
	char text[WHY];

	snprintf(text, sizeof text, "%s: %s", what, why);
	r->n[FATE_NOT]++;
	if (r->objects != NULL)
		add_json(r, FATE_NOT, "", "", "", "", text);
	else
		printf("%-11s  %s\n", fates[FATE_NOT], text);
}

int report_end(struct report *r)
{
	struct json_object *j;

	if (r->objects == NULL) {
		printf("%lu moved, %lu there already, %lu not moved", r->n[FATE_MOVED], r->n[FATE_THERE], r->n[FATE_NOT]);
		if (r->n[FATE_PASSED] != 0)
			printf(", %lu passed over", r->n[FATE_PASSED]);
		putchar('\n');
	} else {
		j = json_object_new_object();
		json_object_object_add(j, "moved", json_object_new_uint64(r->n[FATE_MOVED]));
		json_object_object_add(j, "there", json_object_new_uint64(r->n[FATE_THERE]));
		json_object_object_add(j, "notMoved", json_object_new_uint64(r->n[FATE_NOT]));
		json_object_object_add(j, "passedOver", json_object_new_uint64(r->n[FATE_PASSED]));
		json_object_object_add(j, "objects", r->objects);
		tool_print_json(j);
		r->objects = NULL;
	}
	return r->n[FATE_NOT] == 0 ? TOOL_OK : TOOL_REFUSED;
}
