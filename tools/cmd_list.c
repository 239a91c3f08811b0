/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 list: slots, and the objects that a session sees in them. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "ck/names.h"
#include "crypto/ethaddr.h"
#include "keyed.h"

#define STEP 256 /* handles a C_FindObjects */

struct list {
	struct tool tool;
	bool login;
	struct json_object *slots; /* with --json */
};

static int parse(struct list *l, int argc, char **argv)
{
	static const struct option options[] = {
		{ "slot", required_argument, NULL, 's' },   { "login", no_argument, NULL, 'l' },
		{ "pin-source", required_argument, NULL, 'p' }, { "module", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },         { NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			if (!tool_number(optarg, &l->tool.slot))
				return tool_fail(TOOL_USAGE, "--slot takes a number");
			l->tool.has_slot = true;
			break;
		case 'l': l->login = true; break;
		case 'p':
			if (!tool_source(optarg))
				return TOOL_USAGE;
			l->tool.pin_source = optarg;
			l->login = true;
			break;
		case 'm': l->tool.module = optarg; break;
		case 'j': l->tool.json = true; break;
		default: return TOOL_USAGE;
		}
	}
	if (optind != argc || (l->login && !l->tool.has_slot))
		return tool_fail(TOOL_USAGE, "list [--slot N [--login] [--pin-source SOURCE]]");
	return TOOL_OK;
}

/* A string attribute of any length, malloc'ed and NUL-ended; NULL when it cannot be read. */
static char *text_attribute(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_ULONG *len)
{
	CK_ATTRIBUTE a = { type, NULL, 0 };
	char *v;

	if (p11->C_GetAttributeValue(s, o, &a, 1) != CKR_OK || a.ulValueLen == CK_UNAVAILABLE_INFORMATION)
		return NULL;
	v = calloc(1, a.ulValueLen + 1);
	if (!v)
		return NULL;
	a.pValue = v;
	if (p11->C_GetAttributeValue(s, o, &a, 1) != CKR_OK) {
		free(v);
		return NULL;
	}
	*len = a.ulValueLen;
	return v;
}

static CK_ULONG ulong_attribute(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG v = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE a = { type, &v, sizeof v };

	return p11->C_GetAttributeValue(s, o, &a, 1) == CKR_OK ? v : CK_UNAVAILABLE_INFORMATION;
}

static void show_object(struct list *l, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, struct json_object *into)
{
	CK_FUNCTION_LIST *p11 = l->tool.p11;
	CK_ULONG cls = ulong_attribute(p11, s, o, CKA_CLASS), kt = ulong_attribute(p11, s, o, CKA_KEY_TYPE), n = 0;
	char *label = text_attribute(p11, s, o, CKA_LABEL, &n), *id, *hex, *address, eip55[HZ_ETHADDR_TEXT] = "";

	id = text_attribute(p11, s, o, CKA_ID, &n);
	hex = id ? calloc(2, n + 1) : NULL;
	if (hex)
		hz_hex_encode(id, n, hex);
	address = text_attribute(p11, s, o, CKA_HANZO_ADDRESS, &n);
	if (address && n == 20)
		hz_ethaddr_text((const uint8_t *)address, eip55);
	if (into) {
		struct json_object *j = json_object_new_object();

		json_object_object_add(j, "class", json_object_new_string(hz_cko_name(cls)));
		if (kt != CK_UNAVAILABLE_INFORMATION)
			json_object_object_add(j, "keyType", json_object_new_string(hz_ckk_name(kt)));
		json_object_object_add(j, "label", json_object_new_string(label ? label : ""));
		json_object_object_add(j, "id", json_object_new_string(hex ? hex : ""));
		if (eip55[0] != '\0')
			json_object_object_add(j, "address", json_object_new_string(eip55));
		json_object_array_add(into, j);
	} else {
		printf("    %-18s %-22s %-24s %s%s%s\n", hz_cko_name(cls), kt == CK_UNAVAILABLE_INFORMATION ? "" : hz_ckk_name(kt),
		       label ? label : "", hex ? hex : "", eip55[0] != '\0' ? "  " : "", eip55);
	}
	free(address);
	free(hex);
	free(id);
	free(label);
}

static CK_RV show_objects(struct list *l, CK_SESSION_HANDLE s, struct json_object *into)
{
	CK_OBJECT_HANDLE found[STEP];
	CK_ULONG n = 0;
	CK_RV rv = l->tool.p11->C_FindObjectsInit(s, NULL, 0);

	if (rv != CKR_OK)
		return rv;
	while ((rv = l->tool.p11->C_FindObjects(s, found, STEP, &n)) == CKR_OK && n > 0)
		for (CK_ULONG i = 0; i < n; i++)
			show_object(l, s, found[i], into);
	l->tool.p11->C_FindObjectsFinal(s);
	return rv;
}

/* The code's name, with the module's own reason where it has one. */
static int refused(const struct list *l, const char *what, CK_RV rv)
{
	const struct keyed k = { .why = keyed_find_why(&l->tool) };

	return keyed_refused(&k, what, rv);
}

static int log_in(struct list *l, CK_SESSION_HANDLE s, CK_FLAGS token)
{
	CK_RV rv;

	if (!tool_login(l->tool.p11, s, token, l->tool.pin_source, "user PIN", &rv))
		return TOOL_REFUSED;
	return rv == CKR_OK ? TOOL_OK : refused(l, "C_Login", rv);
}

static int list_objects(struct list *l, CK_SLOT_ID slot, CK_FLAGS token, struct json_object *into)
{
	CK_SESSION_HANDLE s;
	CK_RV rv = l->tool.p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s);
	int rc;

	if (rv != CKR_OK)
		return refused(l, "C_OpenSession", rv);
	rc = l->login ? log_in(l, s, token) : TOOL_OK;
	if (rc == TOOL_OK && (rv = show_objects(l, s, into)) != CKR_OK)
		rc = refused(l, "C_FindObjects", rv);
	l->tool.p11->C_CloseSession(s);
	return rc;
}

static struct json_object *json_slot(CK_SLOT_ID slot, const char *label, const char *serial, const char *model, bool present)
{
	struct json_object *j = json_object_new_object();

	json_object_object_add(j, "slot", json_object_new_uint64(slot));
	json_object_object_add(j, "present", json_object_new_boolean(present));
	if (present) {
		json_object_object_add(j, "label", json_object_new_string(label));
		json_object_object_add(j, "serial", json_object_new_string(serial));
		json_object_object_add(j, "model", json_object_new_string(model));
	}
	return j;
}

static int list_slot(struct list *l, CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;
	char label[33] = "", serial[17] = "", model[17] = "";
	CK_RV rv = l->tool.p11->C_GetTokenInfo(slot, &info);
	bool present = rv == CKR_OK, ready = present && (info.flags & CKF_TOKEN_INITIALIZED) != 0;
	struct json_object *j = NULL, *objects = NULL;
	int rc = TOOL_OK;

	if (!present && l->tool.has_slot) /* this very one was asked for */
		rc = refused(l, "C_GetTokenInfo", rv);
	if (present) {
		tool_field(info.label, sizeof info.label, label);
		tool_field(info.serialNumber, sizeof info.serialNumber, serial);
		tool_field(info.model, sizeof info.model, model);
	}
	if (l->tool.json)
		j = json_slot(slot, label, serial, model, present);
	else if (present)
		printf("slot %-3lu %-24s serial %s  %s%s\n", slot, label, serial, model, ready ? "" : "  (not initialised)");
	else
		printf("slot %-3lu no token\n", slot);
	if (j && ready)
		json_object_object_add(j, "objects", objects = json_object_new_array());
	if (ready)
		rc = list_objects(l, slot, info.flags, objects);
	if (j)
		json_object_array_add(l->slots, j);
	return rc;
}

static int list_all(struct list *l)
{
	CK_SLOT_ID *slots;
	CK_ULONG n = 0;
	int rc = TOOL_OK;

	if (l->tool.has_slot)
		return list_slot(l, l->tool.slot);
	l->tool.p11->C_GetSlotList(CK_FALSE, NULL, &n);
	slots = calloc(n, sizeof *slots);
	if (!slots || l->tool.p11->C_GetSlotList(CK_FALSE, slots, &n) != CKR_OK)
		rc = tool_fail(TOOL_REFUSED, "cannot read the list of slots");
	for (CK_ULONG i = 0; rc == TOOL_OK && i < n; i++)
		rc = list_slot(l, slots[i]);
	free(slots);
	return rc;
}

int hz_cmd_list(int argc, char **argv)
{
	struct list l = { .login = false };
	int rc = parse(&l, argc, argv);

	if (rc != TOOL_OK)
		return rc;
	if (!tool_load(&l.tool))
		return TOOL_REFUSED;
	l.slots = l.tool.json ? json_object_new_array() : NULL;
	rc = list_all(&l);
	if (l.slots)
		tool_print_json(l.slots);
	tool_unload(&l.tool);
	return rc;
}
