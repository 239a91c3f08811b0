/* SPDX-License-Identifier: Apache-2.0 */
/* The chain and the tail of an audit log, as bytes. */
#include "gov/audit_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/reader.h"
#include "crypto/hash.h"

#define MAGIC "HZAUDIT1"
#define DOMAIN "hanzo-pkcs11/audit/v1"
enum { SLOT = HZ_AUDIT_TAIL / 2, BODY = 8 + 2 * (8 + 8 + 32) + 32 };

static uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

static uint8_t *put_end(uint8_t *p, const struct hz_audit_end *e)
{
	p = put_u64(put_u64(p, e->seq), e->at);
	memcpy(p, e->hash, sizeof e->hash);
	return p + sizeof e->hash;
}

static void take(struct hz_reader *r, uint8_t *out, size_t n)
{
	const uint8_t *p = hz_rd_bytes(r, n);

	if (p != NULL)
		memcpy(out, p, n);
}

static void take_end(struct hz_reader *r, struct hz_audit_end *e)
{
	e->seq = hz_rd_u64be(r);
	e->at = hz_rd_u64be(r);
	take(r, e->hash, sizeof e->hash);
}

void hz_audit_end_write(const struct hz_audit_end *e, uint8_t out[HZ_AUDIT_END])
{
	(void)put_end(out, e);
}

void hz_audit_end_read(const uint8_t p[HZ_AUDIT_END], struct hz_audit_end *e)
{
	struct hz_reader r = hz_rd(p, HZ_AUDIT_END);

	take_end(&r, e);
}

static bool read_slot(const uint8_t *p, struct hz_audit_tail *out)
{
	struct hz_reader r = hz_rd(p + 8, BODY - 8);
	uint8_t sum[32];

	hz_hash_once(HZ_SHA256, p, BODY, sum);
	if (memcmp(p, MAGIC, 8) != 0 || memcmp(sum, p + BODY, sizeof sum) != 0)
		return false;
	take_end(&r, &out->last);
	take_end(&r, &out->vouched);
	take(&r, out->mac, sizeof out->mac);
	return hz_rd_end(&r);
}

bool hz_audit_tail_read(const uint8_t *p, struct hz_audit_tail *out)
{
	struct hz_audit_tail other;
	bool good = read_slot(p, out);

	if (read_slot(p + SLOT, &other) && (!good || other.last.seq > out->last.seq)) {
		*out = other;
		good = true;
	}
	return good;
}

size_t hz_audit_tail_write(const struct hz_audit_tail *t, uint8_t out[256], uint32_t *offset)
{
	uint8_t *p = out;

	memcpy(p, MAGIC, 8);
	p = put_end(put_end(p + 8, &t->last), &t->vouched);
	memcpy(p, t->mac, sizeof t->mac);
	hz_hash_once(HZ_SHA256, out, BODY, out + BODY);
	*offset = (t->last.seq & 1) != 0 ? SLOT : 0;
	return BODY + 32;
}

size_t hz_audit_vouched(const char *serial, const struct hz_audit_end *e, uint8_t out[256])
{
	size_t n = strnlen(serial, 128);
	uint8_t *p = out;

	memcpy(p, DOMAIN, sizeof DOMAIN);
	p += sizeof DOMAIN;
	memcpy(p, serial, n);
	p[n] = 0;
	p = put_end(p + n + 1, e);
	return (size_t)(p - out);
}

size_t hz_audit_begin(const struct hz_audit_end *e, char out[128])
{
	char prev[65];

	hz_hex_encode(e->hash, sizeof e->hash, prev);
	return (size_t)snprintf(out, 128, "{\"seq\":%llu,\"prev\":\"%s\",", (unsigned long long)e->seq + 1, prev);
}

bool hz_audit_next(struct hz_audit_end *e, const char *line, size_t len)
{
	char begin[128];
	size_t n = hz_audit_begin(e, begin);

	if (len < n + 2 || memcmp(line, begin, n) != 0 || memcmp(line + len - 2, "}\n", 2) != 0)
		return false;
	hz_hash_once(HZ_SHA256, line, len, e->hash);
	e->seq++;
	e->at += len;
	return true;
}

/* ---- looking through ---- */

struct look {
	void (*report)(void *arg, const char *text);
	void *arg;
	unsigned wrong;
	struct hz_audit_end here;    /* the chain so far */
	const struct hz_audit_tail *tail;
	bool met_last, met_vouched;
};

static void say(struct look *l, const char *what)
{
	char text[200];

	(void)snprintf(text, sizeof text, "after record %llu, byte %llu: %s", (unsigned long long)l->here.seq,
		       (unsigned long long)l->here.at, what);
	l->report(l->arg, text);
	l->wrong++;
}

static bool same_end(const struct hz_audit_end *a, const struct hz_audit_end *b)
{
	return a->seq == b->seq && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

/* The number and hash that a line claims to follow, where it has the form of one at all. */
static bool claims(const char *line, size_t len, struct hz_audit_end *e)
{
	static const char seq[] = "{\"seq\":", prev[] = ",\"prev\":\"";
	char *rest;
	unsigned long long n;

	if (len < sizeof seq || memcmp(line, seq, sizeof seq - 1) != 0)
		return false;
	n = strtoull(line + sizeof seq - 1, &rest, 10);
	if (n == 0 || (size_t)(rest - line) + sizeof prev + 64 > len || memcmp(rest, prev, sizeof prev - 1) != 0)
		return false;
	e->seq = n - 1;
	return hz_hex_decode(rest + sizeof prev - 1, 64, e->hash, sizeof e->hash);
}

/* A line that does not follow: say in which way, and go on behind it as it says of itself. */
static void stray(struct look *l, const char *line, size_t len)
{
	struct hz_audit_end e = { .at = l->here.at };

	if (!claims(line, len, &e)) {
		say(l, "a line that is no record");
		l->here.at += len;
		return;
	}
	if (e.seq < l->here.seq)
		say(l, "the next one has a lower number: a record was repeated, or the order changed");
	else if (e.seq > l->here.seq)
		say(l, "records are missing");
	else
		say(l, "the record before the next one was changed");
	if (!hz_audit_next(&e, line, len)) {
		say(l, "a record without its end");
		e.at += len;
	}
	l->here = e;
}

/* A record that the module wrote about the log itself. */
static void finding(struct look *l, const char *line)
{
	static const char mark[] = ",\"reason\":\"";
	const char *why = strstr(line, mark);
	char text[160];

	if (strstr(line, ",\"function\":\"audit\",") == NULL)
		return;
	(void)snprintf(text, sizeof text, "it says: %s", why != NULL ? why + sizeof mark - 1 : "damage");
	text[strcspn(text, "\"\n")] = '\0';
	say(l, text);
}

static void one_line(struct look *l, const char *line, size_t len)
{
	if (!hz_audit_next(&l->here, line, len))
		stray(l, line, len);
	finding(l, line);
	if (l->tail == NULL)
		return;
	l->met_last |= same_end(&l->here, &l->tail->last);
	l->met_vouched |= same_end(&l->here, &l->tail->vouched);
}

static void compare_end(struct look *l)
{
	const struct hz_audit_tail *t = l->tail;

	if (t == NULL) {
		if (l->here.seq != 0)
			say(l, "there is no good tail: it cannot be told whether records are missing at the end");
		return;
	}
	if (t->last.seq > l->here.seq)
		say(l, "the log ends here, and the tail knows of later records");
	else if (t->last.seq != 0 && !l->met_last)
		say(l, "the last record that the tail knows of is not in the log");
	if (t->vouched.seq != 0 && !l->met_vouched)
		say(l, "the last record made under a login is not in the log");
}

unsigned hz_audit_look_through(FILE *log, const struct hz_audit_tail *tail, uint64_t *n, void (*report)(void *arg, const char *text), void *arg)
{
	struct look l = { .report = report, .arg = arg, .tail = tail };
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	*n = 0;
	while ((len = getline(&line, &room, log)) > 0) {
		one_line(&l, line, (size_t)len);
		++*n;
	}
	free(line);
	compare_end(&l);
	return l.wrong;
}
