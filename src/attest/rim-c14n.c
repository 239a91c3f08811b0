/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical XML 1.1 (inclusive, without comments) of the plain XML that rim-xml.c reads. */

#include "attest/rim-xml.h"

#include <stdlib.h>

/* Output that grows; failed stays set when memory runs out. */
struct out {
	char *p;
	size_t len, room;
	bool failed;
};

static void
put(struct out *o, const char *p, size_t n)
{
	if (o->failed)
		return;
	if (n > o->room - o->len) {
		size_t room = 2 * o->room + n + 4096;
		char *more = realloc(o->p, room);

		if (more == NULL) {
			o->failed = true;
			return;
		}
		o->p = more;
		o->room = room;
	}
	if (n > 0)
		memcpy(o->p + o->len, p, n);
	o->len += n;
}

static void
put_text(struct out *o, const char *text)
{
	put(o, text, strlen(text));
}

static const char *
escape(char c, bool in_value)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return in_value ? NULL : "&gt;";
	case '"': return in_value ? "&quot;" : NULL;
	case '\t': return in_value ? "&#x9;" : NULL;
	case '\n': return in_value ? "&#xA;" : NULL;
	case '\r': return "&#xD;";
	default: return NULL;
	}
}

static void
put_escaped(struct out *o, struct hz_xml_span s, bool in_value)
{
	size_t from = 0;

	for (size_t i = 0; i < s.len; i++) {
		const char *e = escape(s.p[i], in_value);

		if (e == NULL)
			continue;
		put(o, s.p + from, i - from);
		put_text(o, e);
		from = i + 1;
	}
	put(o, s.p + from, s.len - from);
}

static void
put_name(struct out *o, struct hz_xml_span prefix, struct hz_xml_span local)
{
	put(o, prefix.p, prefix.len);
	if (prefix.len > 0)
		put_text(o, ":");
	put(o, local.p, local.len);
}

static int
compare(struct hz_xml_span a, struct hz_xml_span b)
{
	int c = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* Declarations by prefix; attributes by namespace name, then by local name. */
static int
in_order(const void *x, const void *y)
{
	const struct hz_xml_attribute *a = *(const struct hz_xml_attribute *const *)x, *b = *(const struct hz_xml_attribute *const *)y;
	int c = compare(a->uri, b->uri);

	return c != 0 ? c : compare(a->local, b->local);
}

struct chosen {
	const struct hz_xml_attribute *a[HZ_XML_MAX_ATTRIBUTES * (HZ_XML_MAX_DEPTH + 1)];
	size_t n;
};

static bool
has_prefix(const struct chosen *c, const struct hz_xml_attribute *a)
{
	for (size_t i = 0; i < c->n; i++)
		if (compare(c->a[i]->local, a->local) == 0)
			return true;
	return false;
}

/* True when an ancestor declares the same prefix for the same name: it stands in the output already. */
static bool
in_scope(const struct hz_xml_doc *doc, const struct hz_xml_node *n, const struct hz_xml_attribute *a)
{
	struct hz_xml_span uri;

	return n->parent != NULL && hz_xml_resolve(doc, n->parent, a->local, &uri) && uri.len == a->value.len &&
	       memcmp(uri.p, a->value.p, uri.len) == 0;
}

/* The apex shows every namespace in scope, the elements in it only what they change. */
static void
choose_namespaces(const struct hz_xml_doc *doc, const struct hz_xml_node *n, bool apex, struct chosen *c)
{
	const struct hz_xml_node *at = n;

	c->n = 0;
	do {
		for (size_t i = 0; i < at->attributes; i++) {
			const struct hz_xml_attribute *a = &doc->attribute[at->first_attribute + i];

			if (a->is_namespace && !has_prefix(c, a) && (apex || !in_scope(doc, n, a)))
				c->a[c->n++] = a;
		}
		at = at->parent;
	} while (apex && at != NULL);
	qsort(c->a, c->n, sizeof *c->a, in_order);
}

static void
put_attributes(struct out *o, const struct hz_xml_doc *doc, const struct hz_xml_node *n, struct chosen *c)
{
	c->n = 0;
	for (size_t i = 0; i < n->attributes; i++)
		if (!doc->attribute[n->first_attribute + i].is_namespace)
			c->a[c->n++] = &doc->attribute[n->first_attribute + i];
	qsort(c->a, c->n, sizeof *c->a, in_order);
	for (size_t i = 0; i < c->n; i++) {
		put_text(o, " ");
		put_name(o, c->a[i]->prefix, c->a[i]->local);
		put_text(o, "=\"");
		put_escaped(o, c->a[i]->value, true);
		put_text(o, "\"");
	}
}

static void
put_start(struct out *o, const struct hz_xml_doc *doc, const struct hz_xml_node *n, bool apex, struct chosen *c)
{
	put_text(o, "<");
	put_name(o, n->prefix, n->local);
	choose_namespaces(doc, n, apex, c);
	for (size_t i = 0; i < c->n; i++) {
		put_text(o, c->a[i]->local.len > 0 ? " xmlns:" : " xmlns");
		put(o, c->a[i]->local.p, c->a[i]->local.len);
		put_text(o, "=\"");
		put_escaped(o, c->a[i]->value, true);
		put_text(o, "\"");
	}
	put_attributes(o, doc, n, c);
	put_text(o, ">");
}

static void
put_end(struct out *o, const struct hz_xml_node *n)
{
	put_text(o, "</");
	put_name(o, n->prefix, n->local);
	put_text(o, ">");
}

/* The next node in document order, closing the elements that end on the way; NULL behind the apex. */
static const struct hz_xml_node *
advance(struct out *o, const struct hz_xml_node *n, const struct hz_xml_node *apex)
{
	while (n != apex && n->next == NULL) {
		n = n->parent;
		put_end(o, n);
	}
	return n == apex ? NULL : n->next;
}

char *
hz_xml_canonical(const struct hz_xml_doc *doc, const struct hz_xml_node *apex, const struct hz_xml_node *skip, size_t *len)
{
	struct out o = { NULL, 0, 0, false };
	struct chosen *c = malloc(sizeof *c);
	const struct hz_xml_node *n = c != NULL ? apex : NULL;

	o.failed = c == NULL;
	while (n != NULL && !o.failed) {
		if (n != skip && n->local.len == 0) {
			put_escaped(&o, n->text, false);
		} else if (n != skip) {
			put_start(&o, doc, n, n == apex, c);
			if (n->child != NULL) {
				n = n->child;
				continue;
			}
			put_end(&o, n);
		}
		n = advance(&o, n, apex);
	}
	free(c);
	if (o.failed) {
		free(o.p);
		return NULL;
	}
	*len = o.len;
	return o.p;
}
