/* SPDX-License-Identifier: Apache-2.0 */
/* Reference integrity manifests of NVIDIA: signed SWID tags (ISO/IEC 19770-2) with the measurements of one driver or VBIOS. */

#ifndef HZ_ATTEST_RIM_H
#define HZ_ATTEST_RIM_H

#include "attest/rim-xml.h"

#define HZ_RIM_MAX_INDEX 127 /* of a resource, 0-based: one less than the index of the measurement block */
#define HZ_RIM_HASH_LEN 48

struct hz_rim {
	struct hz_xml_doc doc;
	const struct hz_xml_node *signature;             /* of the document */
	struct hz_xml_span version, product;
	const struct hz_xml_node *active[HZ_RIM_MAX_INDEX + 1];  /* resource by index, NULL where none is active */
};

/* Reads the document and what it says; false where it is no manifest of this form. Nothing is verified. End with hz_rim_free(). */
bool hz_rim_read(struct hz_at_bytes in, struct hz_rim *out);
void hz_rim_free(struct hz_rim *rim);

/* Enveloped XML signature (W3C XML Signature 1.1, ecdsa-sha384, Canonical XML 1.1) and chain to the pinned signing root. */
enum hz_attest_reason hz_rim_verify(struct hz_at_run *run, const struct hz_rim *rim);

/* True when one of the alternatives of active resource i is this digest. */
bool hz_rim_allows(const struct hz_rim *rim, unsigned i, const uint8_t digest[HZ_RIM_HASH_LEN]);

#endif
