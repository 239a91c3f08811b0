/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 init: C_InitToken, then C_InitPIN as the SO. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/secmem.h"
#include "tool.h"

#define PIN_ROOM 1024

struct init {
	struct tool tool;
	const char *label, *so_pin_source;
	char *so_pin, *pin; /* secret memory */
	long so_len, pin_len;
};

static int parse(struct init *in, int argc, char **argv)
{
	static const struct option options[] = {
		{ "slot", required_argument, NULL, 's' },     { "label", required_argument, NULL, 'l' },
		{ "so-pin-source", required_argument, NULL, 'o' }, { "pin-source", required_argument, NULL, 'p' },
		{ "module", required_argument, NULL, 'm' },   { "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			if (!tool_number(optarg, &in->tool.slot))
				return tool_fail(TOOL_USAGE, "--slot takes a number");
			in->tool.has_slot = true;
			break;
		case 'l': in->label = optarg; break;
		case 'o':
			if (!tool_source(optarg))
				return TOOL_USAGE;
			in->so_pin_source = optarg;
			break;
		case 'p':
			if (!tool_source(optarg))
				return TOOL_USAGE;
			in->tool.pin_source = optarg;
			break;
		case 'm': in->tool.module = optarg; break;
		case 'j': in->tool.json = true; break;
		default: return TOOL_USAGE;
		}
	}
	if (optind != argc || !in->tool.has_slot)
		return tool_fail(TOOL_USAGE, "init --slot N [--label TEXT] [--so-pin-source SOURCE] [--pin-source SOURCE]");
	if (in->label && strlen(in->label) > 32)
		return tool_fail(TOOL_USAGE, "a label has at most 32 bytes");
	return TOOL_OK;
}

/* The label that C_InitToken gets: the one asked for, else the one that the token has now. */
static CK_RV padded_label(struct init *in, CK_UTF8CHAR label[32])
{
	CK_TOKEN_INFO info;
	CK_RV rv = in->tool.p11->C_GetTokenInfo(in->tool.slot, &info);

	if (rv == CKR_OK)
		memcpy(label, info.label, 32);
	if (in->label) {
		memset(label, ' ', 32);
		memcpy(label, in->label, strlen(in->label));
	}
	return rv;
}

static CK_RV set_user_pin(struct init *in)
{
	CK_FUNCTION_LIST *p11 = in->tool.p11;
	CK_SESSION_HANDLE s;
	CK_RV rv = p11->C_OpenSession(in->tool.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);

	if (rv != CKR_OK)
		return rv;
	rv = p11->C_Login(s, CKU_SO, (CK_UTF8CHAR_PTR)in->so_pin, (CK_ULONG)in->so_len);
	if (rv == CKR_OK)
		rv = p11->C_InitPIN(s, (CK_UTF8CHAR_PTR)in->pin, (CK_ULONG)in->pin_len);
	p11->C_CloseSession(s);
	return rv;
}

static void report(const struct init *in, const CK_UTF8CHAR label[32])
{
	char text[33];
	struct json_object *o;

	tool_field(label, 32, text);
	if (!in->tool.json) {
		printf("Slot %lu (%s) is initialised, its PINs are set.\n", in->tool.slot, text);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "slot", json_object_new_uint64(in->tool.slot));
	json_object_object_add(o, "label", json_object_new_string(text));
	json_object_object_add(o, "initialised", json_object_new_boolean(1));
	tool_print_json(o);
}

static int initialise(struct init *in)
{
	CK_UTF8CHAR label[32];
	CK_RV rv = padded_label(in, label);

	if (rv != CKR_OK)
		return tool_refused("C_GetTokenInfo", rv);
	rv = in->tool.p11->C_InitToken(in->tool.slot, (CK_UTF8CHAR_PTR)in->so_pin, (CK_ULONG)in->so_len, label);
	if (rv != CKR_OK)
		return tool_refused("C_InitToken", rv);
	rv = set_user_pin(in);
	if (rv != CKR_OK)
		return tool_refused("C_InitPIN", rv);
	report(in, label);
	return TOOL_OK;
}

int hz_cmd_init(int argc, char **argv)
{
	struct init in = { .tool.json = false };
	int rc = parse(&in, argc, argv);

	if (rc != TOOL_OK)
		return rc;
	rc = TOOL_REFUSED;
	in.so_pin = hz_secmem_alloc(PIN_ROOM);
	in.pin = hz_secmem_alloc(PIN_ROOM);
	if (in.so_pin && in.pin && (in.so_len = tool_pin(in.so_pin_source, "SO PIN", in.so_pin, PIN_ROOM)) >= 0 &&
	    (in.pin_len = tool_pin(in.tool.pin_source, "user PIN", in.pin, PIN_ROOM)) >= 0 && tool_load(&in.tool))
		rc = initialise(&in);
	tool_unload(&in.tool);
	hz_secmem_free(in.so_pin);
	hz_secmem_free(in.pin);
	return rc;
}
