/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the strict JSON check. What it accepts, json-c accepts too, and every member is found again. */

#include "seeds.h"

#include "base/jsoncheck.h"
#include "base/reader.h"

#include <json-c/json.h>
#include <stdlib.h>

const struct fuzz_seed fuzz_seeds[] = {
	{ NULL, NULL, "{\"a\":1,\"b\":[true,null,-1.5e+3],\"c\":{\"d\":\"\\u00e9\\ud83d\\ude00\\n\"},\"e\":\"\xc3\xa9\"}" },
	{ NULL, "attestation/tdx/collateral/90c06f-2026-02/qe-identity.json", NULL },
	{ NULL, NULL, NULL }
};

static void
walk(const uint8_t *data, size_t size)
{
	struct hz_reader r = hz_rd(data, size);
	struct hz_json_pair m;
	char text[64];
	size_t n;

	while (hz_json_next(&r, &m)) {
		if (m.len == 0)
			abort();
		(void)hz_json_text(m.p, m.len, text, sizeof text, &n);
	}
	if (!hz_rd_ok(&r))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_tokener *tok;
	struct json_object *o;

	if (size > 65536 || !hz_json_check(data, size, 8))
		return 0;
	walk(data, size);
	tok = json_tokener_new_ex(16);
	o = json_tokener_parse_ex(tok, (const char *)data, (int)size);
	/* A bare number has no end of its own for json-c. */
	if (json_tokener_get_error(tok) != json_tokener_success && json_tokener_get_error(tok) != json_tokener_continue)
		abort();
	json_object_put(o);
	json_tokener_free(tok);
	return 0;
}
