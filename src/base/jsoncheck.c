/* SPDX-License-Identifier: Apache-2.0 */
/* Strict check of untrusted JSON text: a recursive descent over the bounds-checked reader that builds nothing. */

#include "base/jsoncheck.h"

#include "base/reader.h"

#define MAX_MEMBERS 256
#define MAX_VALUES 65536
#define MAX_DEPTH 32

struct span {
	const uint8_t *p;
	size_t len;
};

/* What one check carries along: the values that may still come, and the name that an object had twice. */
struct walk {
	size_t budget;
	struct span twice;
};

static bool check_value(struct hz_reader *r, unsigned depth, struct walk *w);

static int
peek(const struct hz_reader *r)
{
	const uint8_t *c = hz_rd_peek(r, 1);

	return c == NULL ? -1 : *c;
}

static void
skip_space(struct hz_reader *r)
{
	int c;

	while ((c = peek(r)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		hz_rd_skip(r, 1);
}

static bool
take(struct hz_reader *r, char c)
{
	if (peek(r) != c)
		return false;
	hz_rd_skip(r, 1);
	return true;
}

/* The rest of a UTF-8 sequence that starts with lead (>= 0x80): shortest form, no surrogate, at most U+10FFFF. */
static bool
check_utf8(struct hz_reader *r, uint8_t lead)
{
	size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
	uint32_t v = lead & (0x3Fu >> more);
	static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };

	if (lead < 0xC2 || lead > 0xF4)
		return false;
	for (size_t i = 0; i < more; i++) {
		uint8_t c = hz_rd_u8(r);

		if (!hz_rd_ok(r) || (c & 0xC0) != 0x80)
			return false;
		v = v << 6 | (c & 0x3Fu);
	}
	return v >= least[more] && v <= 0x10FFFF && (v < 0xD800 || v > 0xDFFF);
}

/* Four hexadecimal digits; -1 if they are not. */
static long
hex4(struct hz_reader *r)
{
	long v = 0;

	for (int i = 0; i < 4; i++) {
		uint8_t c = hz_rd_u8(r);

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static bool
check_escape(struct hz_reader *r)
{
	uint8_t c = hz_rd_u8(r);
	long v;

	if (c != 'u')
		return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
	v = hex4(r);
	if (v < 0 || (v >= 0xDC00 && v <= 0xDFFF))
		return false;
	if (v < 0xD800 || v > 0xDBFF)
		return true;
	if (!take(r, '\\') || !take(r, 'u'))
		return false;
	v = hex4(r);
	return v >= 0xDC00 && v <= 0xDFFF;
}

/* A string; *out (if wanted) is what stands between the quotes. Escapes are refused where they are not allowed. */
static bool
check_string(struct hz_reader *r, bool escapes, struct span *out)
{
	struct hz_reader start;

	if (!take(r, '"'))
		return false;
	start = *r;
	for (;;) {
		uint8_t c = hz_rd_u8(r);

		if (!hz_rd_ok(r) || c < 0x20 || (c == '\\' && !escapes))
			return false;
		if (c == '"')
			break;
		if ((c == '\\' && !check_escape(r)) || (c >= 0x80 && !check_utf8(r, c)))
			return false;
	}
	if (out != NULL)
		*out = (struct span){ start.p, r->off - start.off - 1 };
	return true;
}

static bool
take_digits(struct hz_reader *r)
{
	size_t n = 0;
	int c;

	for (; (c = peek(r)) >= '0' && c <= '9'; n++)
		hz_rd_skip(r, 1);
	return n > 0;
}

static bool
check_number(struct hz_reader *r)
{
	(void)take(r, '-');
	if (!take(r, '0') && !take_digits(r))
		return false;
	if (take(r, '.') && !take_digits(r))
		return false;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			(void)take(r, '-');
		return take_digits(r);
	}
	return true;
}

static bool
check_word(struct hz_reader *r, const char *word)
{
	const uint8_t *p = hz_rd_bytes(r, strlen(word));

	return p != NULL && memcmp(p, word, strlen(word)) == 0;
}

/* Adds a name to the list of its object; false for a duplicate or too many. */
static bool
add_name(struct span *names, size_t *n, struct span name, struct walk *w)
{
	for (size_t i = 0; i < *n; i++)
		if (names[i].len == name.len && memcmp(names[i].p, name.p, name.len) == 0) {
			w->twice = name;
			return false;
		}
	if (*n == MAX_MEMBERS)
		return false;
	names[(*n)++] = name;
	return true;
}

static bool
check_object(struct hz_reader *r, unsigned depth, struct walk *w)
{
	struct span names[MAX_MEMBERS], name;
	size_t n = 0;

	if (take(r, '}'))
		return true;
	do {
		skip_space(r);
		if (!check_string(r, false, &name) || !add_name(names, &n, name, w))
			return false;
		skip_space(r);
		if (!take(r, ':') || !check_value(r, depth, w))
			return false;
	} while (take(r, ','));
	return take(r, '}');
}

static bool
check_array(struct hz_reader *r, unsigned depth, struct walk *w)
{
	if (take(r, ']'))
		return true;
	do {
		if (!check_value(r, depth, w))
			return false;
	} while (take(r, ','));
	return take(r, ']');
}

/* A value with the white space around it. */
static bool
check_value(struct hz_reader *r, unsigned depth, struct walk *w)
{
	bool ok;

	if (w->budget == 0)
		return false;
	w->budget--;
	skip_space(r);
	switch (peek(r)) {
	case '{':
	case '[':
		if (depth == 0)
			return false;
		ok = hz_rd_u8(r) == '{';
		skip_space(r);
		ok = ok ? check_object(r, depth - 1, w) : check_array(r, depth - 1, w);
		break;
	case '"': ok = check_string(r, true, NULL); break;
	case 't': ok = check_word(r, "true"); break;
	case 'f': ok = check_word(r, "false"); break;
	case 'n': ok = check_word(r, "null"); break;
	default:  ok = check_number(r); break;
	}
	skip_space(r);
	return ok;
}

bool
hz_json_check(const void *p, size_t n, unsigned depth)
{
	struct hz_reader r = hz_rd(p, n);
	struct walk w = { .budget = MAX_VALUES };

	return depth <= MAX_DEPTH && check_value(&r, depth, &w) && hz_rd_end(&r);
}

const uint8_t *
hz_json_twice(const void *p, size_t n, unsigned depth, size_t *len)
{
	struct hz_reader r = hz_rd(p, n);
	struct walk w = { .budget = MAX_VALUES };

	if (depth <= MAX_DEPTH)
		(void)check_value(&r, depth, &w);
	*len = w.twice.len;
	return w.twice.p;
}

bool
hz_json_next(struct hz_reader *r, struct hz_json_pair *out)
{
	struct hz_reader start;
	struct span name;
	struct walk w = { .budget = MAX_VALUES };

	skip_space(r);
	if (!take(r, '{') && !take(r, ','))
		return false;
	skip_space(r);
	if (!check_string(r, false, &name))
		return false;
	skip_space(r);
	if (!take(r, ':'))
		return false;
	skip_space(r);
	start = *r;
	if (!check_value(r, MAX_DEPTH, &w))
		return false;
	*out = (struct hz_json_pair){ name.p, name.len, start.p, r->off - start.off };
	while (out->len > 0 && memchr(" \t\r\n", out->p[out->len - 1], 4) != NULL)
		out->len--;
	return true;
}

bool
hz_json_name_is(const struct hz_json_pair *pair, const char *name)
{
	return pair->name_len == strlen(name) && memcmp(pair->name, name, pair->name_len) == 0;
}

const uint8_t *
hz_json_member(const void *p, size_t n, const char *name, size_t *len)
{
	struct hz_reader r = hz_rd(p, n);
	struct hz_json_pair pair;

	*len = 0;
	while (hz_json_next(&r, &pair)) {
		if (!hz_json_name_is(&pair, name))
			continue;
		*len = pair.len;
		return pair.p;
	}
	return NULL;
}

/* Appends the code point v in UTF-8; false when there is no room. */
static bool
put_utf8(uint32_t v, uint8_t *out, size_t room, size_t *n)
{
	size_t len = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
	static const uint8_t lead[5] = { 0, 0, 0xC0, 0xE0, 0xF0 };

	if (room - *n < len)
		return false;
	for (size_t i = len; i > 1; i--) {
		out[*n + i - 1] = (uint8_t)(0x80 | (v & 0x3F));
		v >>= 6;
	}
	out[*n] = (uint8_t)(lead[len] | v);
	*n += len;
	return true;
}

/* The code point of an escape whose backslash has been read. */
static uint32_t
read_escape(struct hz_reader *r)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	uint8_t c = hz_rd_u8(r);
	const char *at = c == 0 ? NULL : strchr(names, c);
	long v;

	if (at != NULL)
		return (uint8_t)values[at - names];
	v = hex4(r);
	if (v < 0xD800 || v > 0xDBFF)
		return (uint32_t)v;
	hz_rd_skip(r, 2);
	return 0x10000u + ((uint32_t)(v & 0x3FF) << 10) + (uint32_t)(hex4(r) & 0x3FF);
}

bool
hz_json_text(const void *p, size_t n, char *out, size_t room, size_t *len)
{
	struct hz_reader r = hz_rd(p, n);
	uint8_t c;

	*len = 0;
	if (n < 2 || !check_string(&r, true, NULL) || !hz_rd_end(&r) || room == 0)
		return false;
	r = hz_rd((const uint8_t *)p + 1, n - 2);
	while (hz_rd_left(&r) > 0) {
		c = hz_rd_u8(&r);
		if (c == '\\') {
			if (!put_utf8(read_escape(&r), (uint8_t *)out, room - 1, len))
				return false;
		} else if (*len < room - 1) {
			out[(*len)++] = (char)c;
		} else {
			return false;
		}
	}
	out[*len] = '\0';
	return true;
}
