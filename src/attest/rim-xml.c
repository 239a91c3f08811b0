/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the plain XML of reference manifests into a tree; whatever could be read in two ways is refused. */

#include "attest/rim-xml.h"

#include <stdlib.h>

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_name(uint8_t c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '-' || c == '.');
}

static uint8_t
peek(const struct hz_reader *r)
{
	const uint8_t *p = hz_rd_peek(r, 1);

	return p != NULL ? *p : 0;
}

static bool
skip_space(struct hz_reader *r)
{
	bool any = false;

	for (; is_space(peek(r)); any = true)
		hz_rd_skip(r, 1);
	return any;
}

static bool
take(struct hz_reader *r, const char *s)
{
	const uint8_t *p = hz_rd_peek(r, strlen(s));

	if (p == NULL || memcmp(p, s, strlen(s)) != 0)
		return false;
	hz_rd_skip(r, strlen(s));
	return true;
}

bool
hz_xml_is(struct hz_xml_span s, const char *text)
{
	return s.p != NULL && s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool
same(struct hz_xml_span a, struct hz_xml_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ---- names ---- */

static bool
read_ncname(struct hz_reader *r, struct hz_xml_span *out)
{
	const uint8_t *p = hz_rd_peek(r, 1);

	out->p = (const char *)p;
	out->len = 0;
	if (p == NULL || !is_name(*p, true))
		return false;
	for (; is_name(peek(r), false); out->len++)
		hz_rd_skip(r, 1);
	return true;
}

static bool
read_qname(struct hz_reader *r, struct hz_xml_span *prefix, struct hz_xml_span *local)
{
	*prefix = (struct hz_xml_span){ "", 0 };
	if (!read_ncname(r, local))
		return false;
	if (peek(r) != ':')
		return true;
	hz_rd_skip(r, 1);
	*prefix = *local;
	return read_ncname(r, local);
}

/* ---- text ---- */

static bool
put(struct hz_xml_doc *doc, uint32_t c)
{
	if (doc->text_len == doc->text_room)
		return false;
	doc->text[doc->text_len++] = (char)c;
	return true;
}

/* &#10; &#xA; &amp; and so on; the ampersand has been taken. */
static bool
read_reference(struct hz_reader *r, struct hz_xml_doc *doc)
{
	static const struct {
		const char *name;
		char c;
	} named[] = { { "amp;", '&' }, { "lt;", '<' }, { "gt;", '>' }, { "quot;", '"' }, { "apos;", '\'' } };
	bool hex;
	uint32_t v = 0;
	unsigned digits = 0;

	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (take(r, named[i].name))
			return put(doc, (uint32_t)named[i].c);
	if (!take(r, "#"))
		return false;
	hex = take(r, "x");
	for (; digits < 4 && peek(r) != ';'; digits++) {
		uint8_t c = hz_rd_u8(r);

		if (c >= '0' && c <= '9')
			v = v * (hex ? 16 : 10) + (uint32_t)(c - '0');
		else if (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			v = v * 16 + (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	if (digits == 0 || !take(r, ";") || v >= 0x7F || (v < 0x20 && !is_space((uint8_t)v)))
		return false;
	return put(doc, v);
}

/* One character of text or of a value; the line ends of XML 1.0, 2.11 become LF, in values every blank becomes a space (3.3.3). */
static bool
read_char(struct hz_reader *r, struct hz_xml_doc *doc, bool in_value)
{
	uint8_t c = hz_rd_u8(r);

	if (c == '&')
		return read_reference(r, doc);
	if (c == '\r') {
		if (peek(r) == '\n')
			hz_rd_skip(r, 1);
		c = '\n';
	}
	if (c == '<' || c >= 0x7F || (c < 0x20 && !is_space(c)))
		return false;
	return put(doc, in_value && is_space(c) ? ' ' : c);
}

static bool
read_value(struct hz_reader *r, struct hz_xml_doc *doc, struct hz_xml_span *out)
{
	uint8_t quote = hz_rd_u8(r);

	out->p = doc->text + doc->text_len;
	if (quote != '"' && quote != '\'')
		return false;
	while (hz_rd_left(r) > 0 && peek(r) != quote)
		if (!read_char(r, doc, true))
			return false;
	out->len = (size_t)(doc->text + doc->text_len - out->p);
	hz_rd_skip(r, 1);
	return hz_rd_ok(r);
}

static bool
read_text(struct hz_reader *r, struct hz_xml_doc *doc, struct hz_xml_span *out)
{
	out->p = doc->text + doc->text_len;
	while (hz_rd_left(r) > 0 && peek(r) != '<')
		if (take(r, "]]>") || !read_char(r, doc, false))
			return false;
	out->len = (size_t)(doc->text + doc->text_len - out->p);
	return hz_rd_ok(r) && out->len > 0;
}

/* ---- elements ---- */

static struct hz_xml_node *
new_node(struct hz_xml_doc *doc, struct hz_xml_node *parent, struct hz_xml_node **last)
{
	struct hz_xml_node *n;

	if (doc->nodes == doc->max_nodes)
		return NULL;
	n = &doc->node[doc->nodes++];
	n->parent = parent;
	if (*last != NULL)
		(*last)->next = n;
	else if (parent != NULL)
		parent->child = n;
	*last = n;
	return n;
}

/* name = "value", or xmlns or xmlns:prefix = "name" */
static bool
read_attribute(struct hz_reader *r, struct hz_xml_doc *doc, struct hz_xml_node *n)
{
	struct hz_xml_attribute *a;

	if (doc->attributes == doc->max_attributes)
		return false;
	a = &doc->attribute[doc->attributes++];
	n->attributes++;
	if (!read_qname(r, &a->prefix, &a->local))
		return false;
	skip_space(r);
	if (!take(r, "="))
		return false;
	skip_space(r);
	if (!read_value(r, doc, &a->value))
		return false;
	a->is_namespace = hz_xml_is(a->prefix, "xmlns") || (a->prefix.len == 0 && hz_xml_is(a->local, "xmlns"));
	if (!a->is_namespace)
		return !hz_xml_is(a->prefix, "xml");
	if (a->prefix.len == 0)
		a->local = (struct hz_xml_span){ "", 0 };
	return a->value.len > 0 && !hz_xml_is(a->local, "xml") && !hz_xml_is(a->local, "xmlns");
}

bool
hz_xml_resolve(const struct hz_xml_doc *doc, const struct hz_xml_node *n, struct hz_xml_span prefix, struct hz_xml_span *uri)
{
	*uri = (struct hz_xml_span){ "", 0 };
	for (; n != NULL; n = n->parent)
		for (size_t i = 0; i < n->attributes; i++) {
			const struct hz_xml_attribute *a = &doc->attribute[n->first_attribute + i];

			if (a->is_namespace && same(a->local, prefix)) {
				*uri = a->value;
				return true;
			}
		}
	return prefix.len == 0;
}

/* Prefixes to namespace names; no two attributes of one name. */
static bool
resolve_names(struct hz_xml_doc *doc, struct hz_xml_node *n)
{
	struct hz_xml_attribute *a = doc->attribute + n->first_attribute;

	if (n->attributes > HZ_XML_MAX_ATTRIBUTES || !hz_xml_resolve(doc, n, n->prefix, &n->uri))
		return false;
	for (size_t i = 0; i < n->attributes; i++) {
		a[i].uri = (struct hz_xml_span){ "", 0 };
		/* The default namespace is not that of attributes. */
		if (!a[i].is_namespace && a[i].prefix.len > 0 && !hz_xml_resolve(doc, n, a[i].prefix, &a[i].uri))
			return false;
		for (size_t k = 0; k < i; k++)
			if (a[i].is_namespace == a[k].is_namespace && same(a[i].local, a[k].local) && same(a[i].uri, a[k].uri))
				return false;
	}
	return true;
}

/* From behind '<'; *open is false for an empty-element tag. */
static bool
read_start(struct hz_reader *r, struct hz_xml_doc *doc, struct hz_xml_node *n, bool *open)
{
	n->first_attribute = doc->attributes;
	if (!read_qname(r, &n->prefix, &n->local))
		return false;
	for (;;) {
		bool spaced = skip_space(r);

		*open = take(r, ">");
		if (*open || take(r, "/>"))
			return resolve_names(doc, n);
		if (!spaced || !read_attribute(r, doc, n))
			return false;
	}
}

/* From behind "</". */
static bool
read_end(struct hz_reader *r, const struct hz_xml_node *n)
{
	struct hz_xml_span prefix, local;

	if (!read_qname(r, &prefix, &local) || !same(prefix, n->prefix) || !same(local, n->local))
		return false;
	skip_space(r);
	return take(r, ">");
}

static bool
read_element(struct hz_reader *r, struct hz_xml_doc *doc)
{
	struct hz_xml_node *at = NULL, *last[HZ_XML_MAX_DEPTH + 1] = { NULL }, *n;
	size_t depth = 0;
	bool open;

	do {
		if (at != NULL && peek(r) != '<') {
			n = new_node(doc, at, &last[depth]);
			if (n == NULL || !read_text(r, doc, &n->text))
				return false;
		} else if (at != NULL && take(r, "</")) {
			if (!read_end(r, at))
				return false;
			at = (struct hz_xml_node *)at->parent;
			depth--;
		} else {
			n = take(r, "<") ? new_node(doc, at, &last[depth]) : NULL;
			if (n == NULL || !read_start(r, doc, n, &open))
				return false;
			if (open && depth == HZ_XML_MAX_DEPTH)
				return false;
			if (open) {
				at = n;
				last[++depth] = NULL;
			}
		}
	} while (at != NULL);
	return hz_rd_ok(r);
}

/* <?xml version="1.0" encoding="UTF-8" standalone="no"?> with nothing else said. */
static bool
read_declaration(struct hz_reader *r)
{
	static const char *const known[] = { "version=\"1.0\"", "version='1.0'", "encoding=\"UTF-8\"", "encoding='UTF-8'",
		                             "encoding=\"utf-8\"", "encoding='utf-8'", "standalone=\"no\"", "standalone='no'",
		                             "standalone=\"yes\"", "standalone='yes'" };

	if (!take(r, "<?xml"))
		return true;
	while (skip_space(r)) {
		size_t i = 0;

		while (i < sizeof known / sizeof *known && !take(r, known[i]))
			i++;
		if (i == sizeof known / sizeof *known)
			break;
	}
	return take(r, "?>");
}

static size_t
count(struct hz_at_bytes in, uint8_t c)
{
	struct hz_reader r = hz_rd(in.p, in.len);
	size_t n = 0;

	while (hz_rd_left(&r) > 0)
		n += hz_rd_u8(&r) == c;
	return n;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool
hz_xml_read(struct hz_at_bytes in, struct hz_xml_doc *doc)
{
	struct hz_reader r = hz_rd(in.p, in.len);

	memset(doc, 0, sizeof *doc);
	if (in.len > HZ_XML_MAX_INPUT)
		return false;
	/* Each tag makes at most one element and one text behind it; nothing grows when it is decoded. */
	doc->max_nodes = least(2 * count(in, '<') + 1, HZ_XML_MAX_NODES);
	doc->max_attributes = least(count(in, '=') + 1, HZ_XML_ALL_ATTRIBUTES);
	doc->text_room = in.len + 1;
	doc->node = calloc(doc->max_nodes, sizeof *doc->node);
	doc->attribute = calloc(doc->max_attributes, sizeof *doc->attribute);
	doc->text = malloc(doc->text_room);
	if (doc->node == NULL || doc->attribute == NULL || doc->text == NULL || !read_declaration(&r))
		return false;
	skip_space(&r);
	if (!read_element(&r, doc))
		return false;
	skip_space(&r);
	return hz_rd_end(&r);
}

void
hz_xml_free(struct hz_xml_doc *doc)
{
	free(doc->node);
	free(doc->attribute);
	free(doc->text);
	memset(doc, 0, sizeof *doc);
}

/* ---- asking ---- */

bool
hz_xml_named(const struct hz_xml_node *n, const char *uri, const char *local)
{
	return n != NULL && n->local.len > 0 && hz_xml_is(n->uri, uri) && hz_xml_is(n->local, local);
}

struct hz_xml_span
hz_xml_attribute(const struct hz_xml_doc *doc, const struct hz_xml_node *n, const char *uri, const char *local)
{
	for (size_t i = 0; i < n->attributes; i++) {
		const struct hz_xml_attribute *a = &doc->attribute[n->first_attribute + i];

		if (!a->is_namespace && hz_xml_is(a->uri, uri) && hz_xml_is(a->local, local))
			return a->value;
	}
	return (struct hz_xml_span){ NULL, 0 };
}
