/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: reference manifests: XML, its canonical form, what a manifest says, and the form of its signature. */

#include "seeds.h"

#include "attest/result.h"
#include "attest/rim.h"

#include <stdlib.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, "attestation/nvidia/rim/NV_GPU_DRIVER_GH100_550.90.07.xml", NULL },
	{ NULL, "attestation/nvidia/rim/bad-root_GB100_97.00.83.00.09.xml", NULL },
	/* A small manifest with all its parts, so that most of the time does not go to long ones. */
	{ NULL, NULL,
	  "<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\""
	  " xmlns:h=\"http://www.w3.org/2001/04/xmlenc#sha384\" name=\"n\"><Meta colloquialVersion=\"550.90.07\" product=\"GH100\""
	  " edition=\"GPU\"/><Payload><Resource type=\"Measurement\" index=\"3\" active=\"True\" alternatives=\"1\" size=\"48\""
	  " h:Hash0=\"000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f\"/>"
	  "<Resource type=\"Measurement\" index=\"4\" active=\"False\"/></Payload>"
	  "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo>"
	  "<CanonicalizationMethod Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/>"
	  "<SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384\"/><Reference URI=\"\"><Transforms>"
	  "<Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"
	  "<Transform Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/></Transforms>"
	  "<DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#sha384\"/>"
	  "<DigestValue>AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8AAQIDBAUGBwgJCgsMDQ4P</DigestValue></Reference></SignedInfo>"
	  "<SignatureValue>AAAA</SignatureValue><KeyInfo><X509Data><X509Certificate>MAA=</X509Certificate></X509Data></KeyInfo>"
	  "</Signature></SoftwareIdentity>" },
	{ NULL, NULL, "<?xml version=\"1.0\"?><a xmlns=\"u\" xmlns:b='v' b:c=\"&lt;&#10;\"><b:d/>t&amp;\r\n<e xmlns=\"w\"></e></a>" },
	{ NULL, NULL, NULL }
};

static hz_attest_verifier *verifier;

/* The canonical form is XML of the same canonical form. */
static void
canonical(struct hz_at_bytes in)
{
	struct hz_xml_doc doc, again;
	char *one, *two;
	size_t n, m;

	if (hz_xml_read(in, &doc)) {
		one = hz_xml_canonical(&doc, &doc.node[0], NULL, &n);
		if (one != NULL && n <= HZ_XML_MAX_INPUT) {
			if (!hz_xml_read((struct hz_at_bytes){ (uint8_t *)one, n }, &again))
				abort();
			two = hz_xml_canonical(&again, &again.node[0], NULL, &m);
			if (two != NULL && (n != m || memcmp(one, two, n) != 0))
				abort();
			free(two);
			hz_xml_free(&again);
		}
		free(one);
	}
	hz_xml_free(&doc);
}

static void
manifest(struct hz_at_run *run, struct hz_at_bytes in)
{
	static const uint8_t digest[HZ_RIM_HASH_LEN];
	struct hz_rim rim;

	if (hz_rim_read(in, &rim)) {
		(void)hz_rim_verify(run, &rim);
		for (unsigned i = 0; i <= HZ_RIM_MAX_INDEX; i++)
			(void)hz_rim_allows(&rim, i, digest);
	}
	hz_rim_free(&rim);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hz_attest_input *in = hz_attest_input_new();
	struct hz_at_run run = { .in = in, .now = 1772000000, .res = hz_at_result_new(), .policy = NULL };
	const struct hz_at_bytes bytes = { data, size };
	static hz_attest_policy *policy;

	if (verifier == NULL) {
		verifier = hz_attest_verifier_new(NULL);
		policy = hz_attest_policy_reference();
	}
	run.libctx = verifier->libctx;
	run.policy = policy;
	canonical(bytes);
	manifest(&run, bytes);
	hz_at_seen_free(run.seen);
	hz_attest_result_free(run.res);
	hz_attest_input_free(in);
	return 0;
}
