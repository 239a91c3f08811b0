/* SPDX-License-Identifier: Apache-2.0 */
/* Results: adding claims and refusals, reading them back, and the two dumps. */

#include "attest/result.h"

#include "base/hex.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CLAIMS 4096

struct hz_attest_result *
hz_at_result_new(void)
{
	struct hz_attest_result *res = calloc(1, sizeof *res);

	if (res != NULL)
		res->reason = HZ_ATTEST_R_INTERNAL;
	return res;
}

static void
forget_pin(struct hz_attest_result *res)
{
	if (res->pin != NULL)
		OPENSSL_cleanse(res->pin, strlen(res->pin));
	free(res->pin);
	res->pin = NULL;
}

void
hz_attest_result_free(hz_attest_result *res)
{
	if (res == NULL)
		return;
	for (size_t i = 0; i < res->n_claims; i++) {
		free(res->claim[i].name);
		free(res->claim[i].value);
	}
	free(res->claim);
	free(res->runtime);
	forget_pin(res);
	free(res);
}

void
hz_at_result_close(struct hz_attest_result *res, enum hz_attest_reason rc)
{
	if (res->oom && rc == HZ_ATTEST_OK) {
		rc = HZ_ATTEST_R_INTERNAL;
		snprintf(res->text, sizeof res->text, "out of memory");
	}
	res->reason = rc;
	if (rc == HZ_ATTEST_OK) {
		snprintf(res->text, sizeof res->text, "verified");
		return;
	}
	forget_pin(res);
	free(res->runtime);
	res->runtime = NULL;
	res->runtime_len = 0;
}

enum hz_attest_reason
hz_at_refuse(struct hz_at_run *run, enum hz_attest_reason reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(run->res->text, sizeof run->res->text, fmt, ap);
	va_end(ap);
	/* Names in certificates and bundles are the attester's: nothing in them may reach a terminal or split a line. */
	for (char *c = run->res->text; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7E)
			*c = '?';
	return reason;
}

/* ---- adding claims ---- */

static bool
grow(struct hz_attest_result *res)
{
	size_t cap = res->cap == 0 ? 64 : res->cap * 2;
	struct hz_at_claim *more;

	if (res->n_claims < res->cap)
		return true;
	if (cap > MAX_CLAIMS)
		return false;
	more = realloc(res->claim, cap * sizeof *more);
	if (more == NULL)
		return false;
	res->claim = more;
	res->cap = cap;
	return true;
}

/* Appends a claim and takes the value; a lost claim is remembered. */
static void
add_take(struct hz_at_run *run, const struct hz_at_item *item, const char *name, char *value, enum hz_at_claim_type type)
{
	struct hz_attest_result *res = run->res;
	const char *label = item != NULL ? item->label : "";
	const char *dot = item != NULL ? "." : "";
	size_t n = strlen(label) + strlen(dot) + strlen(name) + 1;
	char *full = malloc(n);

	if (value == NULL || full == NULL || !grow(res)) {
		res->oom = true;
		free(full);
		free(value);
		return;
	}
	snprintf(full, n, "%s%s%s", label, dot, name);
	res->claim[res->n_claims++] = (struct hz_at_claim){ full, value, type };
}

void
hz_at_claim_textn(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const void *p, size_t n)
{
	char *copy = malloc(n + 1);

	/* The text comes from evidence: what could move a terminal or end a line is shown as a question mark. */
	for (size_t i = 0; copy != NULL && i < n; i++) {
		char c = ((const char *)p)[i];

		copy[i] = c >= 0x20 && c < 0x7F ? c : '?';
	}
	if (copy != NULL)
		copy[n] = '\0';
	add_take(run, item, name, copy, HZ_AT_CLAIM_TEXT);
}

void
hz_at_claim_text(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const char *value)
{
	hz_at_claim_textn(run, item, name, value, strlen(value));
}

void
hz_at_claim_hex(struct hz_at_run *run, const struct hz_at_item *item, const char *name, const void *p, size_t n)
{
	char *hex = malloc(2 * n + 1);

	if (hex != NULL)
		hz_hex_encode(p, n, hex);
	add_take(run, item, name, hex, HZ_AT_CLAIM_TEXT);
}

void
hz_at_claim_u64(struct hz_at_run *run, const struct hz_at_item *item, const char *name, uint64_t value)
{
	char *text = malloc(24);

	if (text != NULL)
		snprintf(text, 24, "%" PRIu64, value);
	add_take(run, item, name, text, HZ_AT_CLAIM_NUMBER);
}

void
hz_at_claim_bool(struct hz_at_run *run, const struct hz_at_item *item, const char *name, bool value)
{
	char *text = malloc(6);

	if (text != NULL)
		snprintf(text, 6, "%s", value ? "true" : "false");
	add_take(run, item, name, text, HZ_AT_CLAIM_BOOL);
}

/* ---- reading ---- */

enum hz_attest_reason
hz_attest_result_reason(const hz_attest_result *res)
{
	return res == NULL ? HZ_ATTEST_R_INTERNAL : res->reason;
}

const char *
hz_attest_result_text(const hz_attest_result *res)
{
	return res == NULL ? "out of memory" : res->text;
}

const char *
hz_attest_result_claim(const hz_attest_result *res, const char *name)
{
	if (res == NULL || name == NULL || res->reason != HZ_ATTEST_OK)
		return NULL;
	for (size_t i = 0; i < res->n_claims; i++)
		if (strcmp(res->claim[i].name, name) == 0)
			return res->claim[i].value;
	return NULL;
}

void
hz_attest_result_each(const hz_attest_result *res, hz_attest_claim_fn *fn, void *arg)
{
	for (size_t i = 0; res != NULL && i < res->n_claims; i++)
		if (!fn(arg, res->claim[i].name, res->claim[i].value))
			return;
}

const uint8_t *
hz_attest_result_runtime(const hz_attest_result *res, size_t *len)
{
	*len = res == NULL ? 0 : res->runtime_len;
	return res == NULL ? NULL : res->runtime;
}

const char *
hz_attest_result_pin(const hz_attest_result *res)
{
	return res == NULL ? NULL : res->pin;
}

/* ---- dumps ---- */

/* Writes the lines, at most room bytes with the NUL, and returns the bytes that all of them need, as snprintf() does. */
static size_t
write_text(const hz_attest_result *res, int width, char *out, size_t room)
{
	bool ok = res->reason == HZ_ATTEST_OK;
	size_t n = 0;

	for (size_t i = 0; i <= res->n_claims; i++) {
		char *at = n < room ? out + n : NULL;
		size_t left = n < room ? room - n : 0;
		int len;

		if (i < res->n_claims)
			len = snprintf(at, left, "%-*s  %s\n", width, res->claim[i].name, res->claim[i].value);
		else
			len = snprintf(at, left, "result: %s%s%s%s\n", ok ? "" : "refused (",
			               ok ? "" : hz_attest_reason_name(res->reason), ok ? "" : "): ", res->text);
		if (len < 0)
			return 0;
		n += (size_t)len;
	}
	return n;
}

char *
hz_attest_result_dump_text(const hz_attest_result *res)
{
	size_t width = 0, n;
	char *out;

	if (res == NULL)
		return NULL;
	for (size_t i = 0; i < res->n_claims; i++)
		if (strlen(res->claim[i].name) > width)
			width = strlen(res->claim[i].name);
	n = write_text(res, (int)width, NULL, 0);
	out = n == 0 ? NULL : malloc(n + 1);
	if (out != NULL)
		(void)write_text(res, (int)width, out, n + 1);
	return out;
}

/* The value as JSON; NULL when memory runs out. */
static struct json_object *
claim_json(const struct hz_at_claim *c)
{
	if (c->type == HZ_AT_CLAIM_BOOL)
		return json_object_new_boolean(c->value[0] == 't');
	if (c->type == HZ_AT_CLAIM_NUMBER)
		return json_object_new_uint64(strtoull(c->value, NULL, 10));
	return json_object_new_string(c->value);
}

/* Puts "a.b" into object a as member b, any number of levels. */
static bool
put_claim(struct json_object *root, const struct hz_at_claim *c)
{
	struct json_object *at = root, *next;
	const char *name = c->name, *dot;
	char part[64];

	while ((dot = strchr(name, '.')) != NULL && (size_t)(dot - name) < sizeof part) {
		memcpy(part, name, (size_t)(dot - name));
		part[dot - name] = '\0';
		if (!json_object_object_get_ex(at, part, &next) || !json_object_is_type(next, json_type_object)) {
			next = json_object_new_object();
			if (json_object_object_add(at, part, next) != 0)
				return false;
		}
		at = next;
		name = dot + 1;
	}
	return json_object_object_add(at, name, claim_json(c)) == 0;
}

char *
hz_attest_result_dump_json(const hz_attest_result *res)
{
	struct json_object *root = json_object_new_object(), *claims = json_object_new_object();
	const char *text;
	size_t n = 0;
	char *out = NULL;
	bool ok = res != NULL && root != NULL && claims != NULL;

	for (size_t i = 0; ok && i < res->n_claims; i++)
		ok = put_claim(claims, &res->claim[i]);
	if (ok) {
		json_object_object_add(root, "verified", json_object_new_boolean(res->reason == HZ_ATTEST_OK));
		json_object_object_add(root, "reason", json_object_new_string(hz_attest_reason_name(res->reason)));
		json_object_object_add(root, "text", json_object_new_string(res->text));
		json_object_object_add(root, "claims", json_object_get(claims));
		text = json_object_to_json_string_length(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
		out = text == NULL ? NULL : malloc(n + 2);
		if (out != NULL) {
			memcpy(out, text, n);
			memcpy(out + n, "\n", 2);
		}
	}
	json_object_put(claims);
	json_object_put(root);
	return out;
}
