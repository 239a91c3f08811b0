/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the text of a configuration file. Whatever is accepted must satisfy what the rest of the module relies on. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gov/config_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

static void check(const struct hz_config *c)
{
	CHECK(c->nslots >= 5 && c->nslots <= 256 && c->store_dir[0] == '/' && c->max_pin_tries >= 1);
	for (size_t i = 0; i < c->nslots; i++) {
		const struct hz_slot_conf *s = &c->slots[i];

		CHECK(i < 5 ? s->id == i && s->tier == i : s->id >= 16 && s->id > c->slots[i - 1].id && s->tier <= 4);
		CHECK(strlen(s->serial) == 16 && strchr(s->serial, '/') == NULL && strchr(s->serial, '.') == NULL);
		CHECK(strlen(s->label) >= 1 && strlen(s->label) <= 32 && strlen(s->description) <= 64);
		/* A slot without a backend says why; tiers 0 and 1 always have one. A sealed slot may have both, until its seals answer. */
		CHECK(s->backend != HZ_BACKEND_NONE || (s->absent_why != NULL && s->tier > 1));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_config *c = NULL;
	CK_RV rv;

	if (size > HZ_CONF_MAX)
		return 0;
	CHECK(hz_conf_new(&c) == CKR_OK);
	c->path = strdup("fuzz.conf");
	free(c->store_dir);
	c->store_dir = strdup("/nonexistent/hanzo-pkcs11");
	CHECK(c->path != NULL && c->store_dir != NULL);
	hz_error_clear();
	rv = hz_conf_text(c, (const char *)data, size);
	if (rv == CKR_OK) {
		rv = hz_conf_serials(c);
		if (rv == CKR_OK)
			check(c);
	}
	/* A refusal names the file. */
	CHECK(rv == CKR_OK || (rv == CKR_GENERAL_ERROR && strncmp(hz_error_text(), "fuzz.conf: ", 11) == 0));
	hz_config_free(c);
	return 0;
}
