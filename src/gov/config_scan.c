/* SPDX-License-Identifier: Apache-2.0 */
/* A look at the configuration's lines before libcrypto parses them: it lets the last of two equal keys win and follows includes. */
#include "gov/config_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* One key where it stands; all point into the text. */
struct seen {
	const char *section, *key;
	size_t section_len, key_len;
	unsigned line;
};

struct scan {
	const char *path;
	struct seen *seen;
	size_t n, cap;
	const char *section;
	size_t section_len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **p, size_t *n)
{
	for (; *n > 0 && is_blank(**p); (*p)++)
		(*n)--;
	for (; *n > 0 && is_blank((*p)[*n - 1]);)
		(*n)--;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int c = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

static int compare_seen(const void *x, const void *y)
{
	const struct seen *a = x, *b = y;
	int c = compare(a->section, a->section_len, b->section, b->section_len);

	if (c == 0)
		c = compare(a->key, a->key_len, b->key, b->key_len);
	return c != 0 ? c : (a->line > b->line) - (a->line < b->line);
}

/* "name = value" or "section::name = value". */
static CK_RV note_key(struct scan *s, const char *p, size_t n, unsigned line)
{
	const char *eq = memchr(p, '=', n), *colons;
	struct seen k = { s->section, p, s->section_len, 0, line };

	if (eq == NULL)
		return CKR_OK; /* the parser will say so */
	k.key_len = (size_t)(eq - p);
	trim(&k.key, &k.key_len);
	colons = memmem(k.key, k.key_len, "::", 2);
	if (colons != NULL) {
		k.section = k.key;
		k.section_len = (size_t)(colons - k.key);
		k.key_len -= k.section_len + 2;
		k.key = colons + 2;
	}
	if (s->n == s->cap) {
		size_t cap = s->cap != 0 ? s->cap * 2 : 32;
		struct seen *grown = reallocarray(s->seen, cap, sizeof *grown);

		if (grown == NULL)
			return hz_fail(CKR_HOST_MEMORY, "no memory for %s", s->path);
		s->seen = grown;
		s->cap = cap;
	}
	s->seen[s->n++] = k;
	return CKR_OK;
}

static CK_RV scan_line(struct scan *s, const char *p, size_t n, unsigned line)
{
	const char *end;

	trim(&p, &n);
	if (n == 0 || *p == '#')
		return CKR_OK;
	if (*p == '.')
		return hz_fail(CKR_GENERAL_ERROR, "%s: line %u: directives such as .include are not allowed", s->path, line);
	if (*p != '[')
		return note_key(s, p, n, line);
	end = memchr(p, ']', n);
	s->section = p + 1;
	s->section_len = end != NULL ? (size_t)(end - p - 1) : n - 1;
	trim(&s->section, &s->section_len);
	return CKR_OK;
}

static CK_RV find_twice(const struct scan *s)
{
	for (size_t i = 1; i < s->n; i++) {
		const struct seen *a = &s->seen[i - 1], *b = &s->seen[i];

		if (compare(a->section, a->section_len, b->section, b->section_len) == 0 &&
		    compare(a->key, a->key_len, b->key, b->key_len) == 0)
			return hz_fail(CKR_GENERAL_ERROR, "%s: line %u: [%.*s] %.*s: given twice", s->path, b->line,
				       (int)b->section_len, b->section, (int)b->key_len, b->key);
	}
	return CKR_OK;
}

CK_RV hz_conf_scan(const char *path, const char *text, size_t len)
{
	struct scan s = { .path = path, .section = "default", .section_len = 7 };
	const char *p = text, *end = text + len;
	bool continued = false;
	CK_RV rv = CKR_OK;

	if (memchr(text, '\0', len) != NULL)
		return hz_fail(CKR_GENERAL_ERROR, "%s: contains a NUL byte", path);
	for (unsigned line = 1; rv == CKR_OK && p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl != NULL ? nl : end) - p);

		if (!continued)
			rv = scan_line(&s, p, n, line);
		while (n > 0 && p[n - 1] == '\r')
			n--;
		continued = n > 0 && p[n - 1] == '\\';
		p = nl != NULL ? nl + 1 : end;
	}
	if (rv == CKR_OK && s.n > 1) {
		qsort(s.seen, s.n, sizeof *s.seen, compare_seen);
		rv = find_twice(&s);
	}
	free(s.seen);
	return rv;
}
