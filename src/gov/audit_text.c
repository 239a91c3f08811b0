/* SPDX-License-Identifier: Apache-2.0 */
/* The members of an audit record, as JSON. */
#include "gov/audit_text.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/hex.h"
#include "ck/names.h"

static void add(struct hz_audit_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct hz_audit_text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->p + t->n, sizeof t->p - t->n, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof t->p - t->n)
		t->n += (size_t)n;
	else
		t->p[t->n] = '\0'; /* a member that does not fit is left out: only a reason could be that long */
}

/* A text of any origin, as JSON. */
static void add_text(struct hz_audit_text *t, const char *name, const char *value)
{
	struct json_object *o = json_object_new_string(value);
	const char *quoted = o != NULL ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;

	if (quoted != NULL)
		add(t, ",\"%s\":%s", name, quoted);
	json_object_put(o);
}

static void add_hex(struct hz_audit_text *t, const char *name, const uint8_t *p, size_t n)
{
	char hex[129];

	if (n > 64)
		n = 64;
	hz_hex_encode(p, n, hex);
	add(t, ",\"%s\":\"%s\"", name, hex);
}

static void add_time(struct hz_audit_text *t)
{
	struct timespec now;
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	add(t, "\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, now.tv_nsec / 1000);
}

/* CKA_UNIQUE_ID is text of ours; a device's may be anything. */
static bool plain(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '"' || p[i] == '\\')
			return false;
	return n <= 128;
}

static void add_key(struct hz_audit_text *t, const char *name, struct hz_blob id)
{
	if (id.p != NULL && plain(id.p, id.n))
		add(t, ",\"%s\":\"%.*s\"", name, (int)id.n, (const char *)id.p);
	else if (id.p != NULL)
		add_hex(t, name, id.p, id.n);
}

void hz_audit_describe(struct hz_audit_text *t, unsigned tier, CK_SLOT_ID slot, const struct hz_audit_record *r)
{
	t->n = 0;
	add_time(t);
	add(t, ",\"process\":%ld", (long)getpid());
	if (r->tenant != NULL)
		add(t, ",\"tenant\":\"%s\"", r->tenant);
	add(t, ",\"tier\":%u,\"slot\":%lu,\"function\":\"%s\"", tier, slot, r->function);
	if (r->user != NULL)
		add(t, ",\"user\":\"%s\"", r->user);
	if (r->mechanism != NULL)
		add(t, ",\"mechanism\":\"%s\"", r->mechanism);
	add_key(t, "key", r->key);
	add_key(t, "by", r->by);
	if (r->digest != NULL)
		add_hex(t, "sha256", r->digest, 32);
	if (r->has_length)
		add(t, ",\"length\":%llu", (unsigned long long)r->length);
	if (r->module != 0)
		add(t, ",\"module\":%u", r->module);
	add(t, ",\"result\":\"%s\"", hz_ckr_name(r->result));
	if (r->reason != NULL && r->reason[0] != '\0')
		add_text(t, "reason", r->reason);
}
