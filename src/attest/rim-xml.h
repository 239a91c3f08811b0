/* SPDX-License-Identifier: Apache-2.0 */
/* The plain XML of reference manifests: a strict tree of it, and its canonical form. */

#ifndef HZ_ATTEST_RIM_XML_H
#define HZ_ATTEST_RIM_XML_H

#include "attest/attest-int.h"

/*
 * What is read is a subset of XML 1.0 in which the canonical form (Canonical XML 1.1, W3C 2 May 2008, inclusive, without
 * comments) has no choices left: ASCII; elements, attributes, namespace declarations, text, the five named references and
 * numeric ones.  Refused: document type declarations, comments, processing instructions, CDATA sections, attributes of the
 * xml: namespace, undeclared prefixes, empty namespace names.
 */
#define HZ_XML_MAX_INPUT ((size_t)256 << 10)
#define HZ_XML_MAX_DEPTH 16
#define HZ_XML_MAX_ATTRIBUTES 64 /* of one element, namespace declarations included */
#define HZ_XML_MAX_NODES 8192    /* a manifest of today has 150 */
#define HZ_XML_ALL_ATTRIBUTES 16384

struct hz_xml_span {
	const char *p;
	size_t len;
};

struct hz_xml_attribute {
	struct hz_xml_span prefix, local, value;  /* value is decoded */
	struct hz_xml_span uri;                   /* empty without a prefix */
	bool is_namespace;                        /* a declaration: local is the prefix that it declares, value the name */
};

struct hz_xml_node {
	struct hz_xml_span prefix, local, uri;    /* of an element; local.len == 0: text */
	struct hz_xml_span text;                  /* decoded */
	size_t first_attribute, attributes;       /* in doc->attribute; first_attribute counts declarations as well */
	const struct hz_xml_node *parent, *child, *next;
};

struct hz_xml_doc {
	struct hz_xml_node *node;
	size_t nodes, max_nodes;
	struct hz_xml_attribute *attribute;
	size_t attributes, max_attributes;
	char *text;                               /* decoded values */
	size_t text_len, text_room;
};

/* Reads the document; node[0] is its root. False where it is anything else. Always end with hz_xml_free(). */
bool hz_xml_read(struct hz_at_bytes in, struct hz_xml_doc *doc);
void hz_xml_free(struct hz_xml_doc *doc);

bool hz_xml_is(struct hz_xml_span s, const char *text);
/* True for an element of this name. */
bool hz_xml_named(const struct hz_xml_node *n, const char *uri, const char *local);
/* Value of an attribute without a prefix (uri "") or of a namespace; {NULL, 0} if absent. */
struct hz_xml_span hz_xml_attribute(const struct hz_xml_doc *doc, const struct hz_xml_node *n, const char *uri, const char *local);
/* True when a prefix ("" for the default) is declared for n; the name is put to *uri. */
bool hz_xml_resolve(const struct hz_xml_doc *doc, const struct hz_xml_node *n, struct hz_xml_span prefix, struct hz_xml_span *uri);

/*
 * The canonical form of the subtree at apex, without the subtree at skip (may be NULL): malloc'd, *len bytes; NULL when
 * memory runs out.
 */
char *hz_xml_canonical(const struct hz_xml_doc *doc, const struct hz_xml_node *apex, const struct hz_xml_node *skip, size_t *len);

#endif
