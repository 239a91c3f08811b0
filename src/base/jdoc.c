/* SPDX-License-Identifier: Apache-2.0 */
/* The strict JSON reader: one pass over a private copy, strings resolved in place. */
#include "base/jdoc.h"

#include <stdlib.h>
#include <string.h>

#include "base/reader.h"

struct parser {
	struct hz_jdoc *j;
	struct hz_reader r;
	const struct hz_jdoc_limits *lim;
};

static bool value(struct parser *p, uint32_t depth);

static bool refuse(struct parser *p, const char *why)
{
	if (p->j->why == NULL) {
		p->j->why = why;
		p->j->at = p->r.off;
	}
	return false;
}

/* The next byte without consuming it; 0 at the end (a NUL in the text is refused wherever this is used). */
static uint8_t peek(const struct parser *p)
{
	const uint8_t *c = hz_rd_peek(&p->r, 1);

	return c != NULL ? *c : 0;
}

static bool accept(struct parser *p, uint8_t c)
{
	const uint8_t *q = hz_rd_peek(&p->r, 1);

	if (q == NULL || *q != c)
		return false;
	hz_rd_skip(&p->r, 1);
	return true;
}

static void space(struct parser *p)
{
	for (;;) {
		uint8_t c = peek(p);

		if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
			return;
		hz_rd_skip(&p->r, 1);
	}
}

/* A new value at the end of the array; its index, or UINT32_MAX. Earlier pointers may move. */
static uint32_t node_new(struct parser *p, enum hz_jtype type)
{
	struct hz_jdoc *j = p->j;

	if (j->n >= p->lim->nodes) {
		refuse(p, "too many values");
		return UINT32_MAX;
	}
	if (j->n == j->cap) {
		uint32_t cap = j->cap * 4;
		struct hz_jnode *old = j->v == j->small_v ? NULL : j->v, *v = realloc(old, cap * sizeof *v);

		if (v == NULL) {
			refuse(p, "out of memory");
			return UINT32_MAX;
		}
		if (old == NULL)
			memcpy(v, j->small_v, sizeof j->small_v);
		j->v = v;
		j->cap = cap;
	}
	j->v[j->n] = (struct hz_jnode){ .type = type, .end = j->n + 1 };
	return j->n++;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex4(struct parser *p, uint32_t *out)
{
	const uint8_t *q = hz_rd_bytes(&p->r, 4);
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		int d = q != NULL ? hex_digit(q[i]) : -1;

		if (d < 0)
			return refuse(p, "bad \\u escape");
		v = v << 4 | (uint32_t)d;
	}
	*out = v;
	return true;
}

static char *put_utf8(char *w, uint32_t c)
{
	if (c < 0x80) {
		*w++ = (char)c;
	} else if (c < 0x800) {
		*w++ = (char)(0xC0 | c >> 6);
		*w++ = (char)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		*w++ = (char)(0xE0 | c >> 12);
		*w++ = (char)(0x80 | (c >> 6 & 0x3F));
		*w++ = (char)(0x80 | (c & 0x3F));
	} else {
		*w++ = (char)(0xF0 | c >> 18);
		*w++ = (char)(0x80 | (c >> 12 & 0x3F));
		*w++ = (char)(0x80 | (c >> 6 & 0x3F));
		*w++ = (char)(0x80 | (c & 0x3F));
	}
	return w;
}

static bool unicode_escape(struct parser *p, char **w)
{
	uint32_t c, low;

	if (!hex4(p, &c))
		return false;
	if (c >= 0xDC00 && c <= 0xDFFF)
		return refuse(p, "unpaired surrogate");
	if (c >= 0xD800 && c <= 0xDBFF) {
		if (!accept(p, '\\') || !accept(p, 'u') || !hex4(p, &low) || low < 0xDC00 || low > 0xDFFF)
			return refuse(p, "unpaired surrogate");
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	*w = put_utf8(*w, c);
	return true;
}

/* After a backslash. */
static bool escape(struct parser *p, char **w)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint8_t c = hz_rd_u8(&p->r);
	const char *at = c != 0 ? strchr(from, c) : NULL;

	if (c == 'u')
		return unicode_escape(p, w);
	if (at == NULL)
		return refuse(p, "bad escape");
	*(*w)++ = to[at - from];
	return true;
}

/* The rest of a sequence that began with the byte c >= 0x80 (RFC 3629 section 4: shortest form, no surrogates, at most U+10FFFF). */
static bool utf8_tail(struct parser *p, uint8_t c, char **w)
{
	size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
	const uint8_t *q = hz_rd_bytes(&p->r, more);

	if (c < 0xC2 || c > 0xF4 || q == NULL)
		return refuse(p, "invalid UTF-8");
	for (size_t i = 0; i < more; i++)
		if ((q[i] & 0xC0) != 0x80)
			return refuse(p, "invalid UTF-8");
	if ((c == 0xE0 && q[0] < 0xA0) || (c == 0xED && q[0] > 0x9F) || (c == 0xF0 && q[0] < 0x90) || (c == 0xF4 && q[0] > 0x8F))
		return refuse(p, "invalid UTF-8");
	*(*w)++ = (char)c;
	memmove(*w, q, more);
	*w += more;
	return true;
}

/* After the opening quote. The text is resolved into its own place, which it never outgrows. */
static bool string(struct parser *p, const char **s, uint32_t *len)
{
	char *start = p->j->text + p->r.off, *w = start;

	for (;;) {
		const uint8_t *q = hz_rd_bytes(&p->r, 1);

		if (q == NULL)
			return refuse(p, "unterminated string");
		if (*q == '"')
			break;
		if (*q < 0x20)
			return refuse(p, "control character in a string");
		if (*q == '\\') {
			if (!escape(p, &w))
				return false;
		} else if (*q >= 0x80) {
			if (!utf8_tail(p, *q, &w))
				return false;
		} else {
			*w++ = (char)*q;
		}
	}
	*s = start;
	*len = (uint32_t)(w - start);
	return true;
}

static bool digits(struct parser *p)
{
	if (peek(p) < '0' || peek(p) > '9')
		return refuse(p, "bad number");
	while (peek(p) >= '0' && peek(p) <= '9')
		hz_rd_skip(&p->r, 1);
	return true;
}

static bool number(struct parser *p)
{
	size_t from = p->r.off;
	uint32_t at = node_new(p, HZ_J_NUMBER);

	if (at == UINT32_MAX)
		return false;
	(void)accept(p, '-');
	if (!accept(p, '0') && !digits(p))
		return false;
	if (accept(p, '.') && !digits(p))
		return false;
	if (peek(p) == 'e' || peek(p) == 'E') {
		hz_rd_skip(&p->r, 1);
		if (!accept(p, '+'))
			(void)accept(p, '-');
		if (!digits(p))
			return false;
	}
	p->j->v[at].s = p->j->text + from;
	p->j->v[at].len = (uint32_t)(p->r.off - from);
	return true;
}

static bool word(struct parser *p, const char *text, enum hz_jtype type)
{
	size_t n = strlen(text);
	const uint8_t *q = hz_rd_bytes(&p->r, n);

	if (q == NULL || memcmp(q, text, n) != 0)
		return refuse(p, "unknown word");
	return node_new(p, type) != UINT32_MAX;
}

/* FNV-1a: only ever decides that two names differ. */
static uint32_t name_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

static bool name_equal(const struct hz_jnode *c, const char *name, size_t n, uint32_t hash)
{
	return c->key_hash == hash && c->key_len == n && memcmp(c->key, name, n) == 0;
}

static const struct hz_jnode *find(const struct hz_jdoc *j, const struct hz_jnode *obj, const char *name, size_t n)
{
	uint32_t hash = name_hash(name, n);
	const struct hz_jnode *c = hz_jdoc_first(obj);

	for (uint32_t i = 0; i < obj->len; i++, c = hz_jdoc_next(j, c))
		if (name_equal(c, name, n, hash))
			return c;
	return NULL;
}

/* `"name" : value` as the next member of the object at index `at`. */
static bool member(struct parser *p, uint32_t at, uint32_t depth)
{
	const char *key = NULL;
	uint32_t key_len = 0, child;

	if (!accept(p, '"'))
		return refuse(p, "a member name is missing");
	if (!string(p, &key, &key_len))
		return false;
	if (find(p->j, p->j->v + at, key, key_len) != NULL)
		return refuse(p, "a member name occurs twice");
	if (p->j->v[at].len >= p->lim->members)
		return refuse(p, "too many members");
	space(p);
	if (!accept(p, ':'))
		return refuse(p, "':' is missing");
	child = p->j->n;
	if (!value(p, depth))
		return false;
	p->j->v[child].key = key;
	p->j->v[child].key_len = key_len;
	p->j->v[child].key_hash = name_hash(key, key_len);
	return true;
}

/* An array or object after its opening bracket. */
static bool container(struct parser *p, enum hz_jtype type, uint8_t close, uint32_t depth)
{
	uint32_t at = node_new(p, type);

	if (at == UINT32_MAX)
		return false;
	if (depth >= p->lim->depth)
		return refuse(p, "nested too deep");
	space(p);
	if (accept(p, close))
		return true;
	for (;;) {
		space(p);
		if (!(type == HZ_J_OBJECT ? member(p, at, depth + 1) : value(p, depth + 1)))
			return false;
		p->j->v[at].len++;
		p->j->v[at].end = p->j->n;
		space(p);
		if (accept(p, close))
			return true;
		if (!accept(p, ','))
			return refuse(p, "',' or a closing bracket is missing");
	}
}

static bool string_value(struct parser *p)
{
	uint32_t at = node_new(p, HZ_J_STRING);

	return at != UINT32_MAX && string(p, &p->j->v[at].s, &p->j->v[at].len);
}

static bool value(struct parser *p, uint32_t depth)
{
	space(p);
	switch (peek(p)) {
	case '{':
		hz_rd_skip(&p->r, 1);
		return container(p, HZ_J_OBJECT, '}', depth);
	case '[':
		hz_rd_skip(&p->r, 1);
		return container(p, HZ_J_ARRAY, ']', depth);
	case '"':
		hz_rd_skip(&p->r, 1);
		return string_value(p);
	case 't':
		return word(p, "true", HZ_J_TRUE);
	case 'f':
		return word(p, "false", HZ_J_FALSE);
	case 'n':
		return word(p, "null", HZ_J_NULL);
	default:
		return hz_rd_end(&p->r) ? refuse(p, depth == 0 ? "no data" : "the text ends early") : number(p);
	}
}

static bool copy_text(struct hz_jdoc *j, const void *text, size_t len)
{
	j->text = len <= sizeof j->small_text ? j->small_text : malloc(len);
	if (j->text == NULL) {
		j->why = "out of memory";
		return false;
	}
	if (len != 0)
		memcpy(j->text, text, len);
	return true;
}

bool hz_jdoc_parse(struct hz_jdoc *j, const void *text, size_t len, const struct hz_jdoc_limits *limits)
{
	struct parser p = { .j = j, .lim = limits };
	bool ok;

	j->v = j->small_v;
	j->n = 0;
	j->cap = HZ_JDOC_SMALL_NODES;
	j->why = NULL;
	j->at = 0;
	j->text = NULL;
	if (len > limits->text) {
		j->why = "the text is too long";
		j->v = NULL;
		return false;
	}
	if (!copy_text(j, text, len)) {
		j->v = NULL;
		return false;
	}
	p.r = hz_rd(j->text, len);
	ok = value(&p, 0);
	space(&p);
	if (ok && !hz_rd_end(&p.r))
		ok = refuse(&p, "something follows the value");
	if (!ok)
		hz_jdoc_free(j);
	return ok;
}

void hz_jdoc_free(struct hz_jdoc *j)
{
	if (j->v != j->small_v)
		free(j->v);
	if (j->text != j->small_text)
		free(j->text);
	j->v = NULL;
	j->text = NULL;
	j->n = 0;
}

const struct hz_jnode *hz_jdoc_get_n(const struct hz_jdoc *j, const struct hz_jnode *obj, const char *name, size_t n)
{
	return obj != NULL && obj->type == HZ_J_OBJECT ? find(j, obj, name, n) : NULL;
}

const struct hz_jnode *hz_jdoc_get(const struct hz_jdoc *j, const struct hz_jnode *obj, const char *name)
{
	return hz_jdoc_get_n(j, obj, name, strlen(name));
}

bool hz_jdoc_is(const struct hz_jnode *node, const char *text)
{
	return node != NULL && node->type == HZ_J_STRING && node->len == strlen(text) && memcmp(node->s, text, node->len) == 0;
}

bool hz_jdoc_key_is(const struct hz_jnode *node, const char *name)
{
	return node->key != NULL && node->key_len == strlen(name) && memcmp(node->key, name, node->key_len) == 0;
}
