/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a slot's seals. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gov/config_int.h"
#include "store/seal.h"

_Static_assert(sizeof ((struct hz_slot_conf *)0)->seals / sizeof(unsigned) == HZ_SEALS_MAX - 1, "the SO's may be one more");

static bool has(const struct hz_slot_conf *slot, unsigned kind)
{
	for (size_t i = 0; i < slot->n_seals; i++)
		if (slot->seals[i] == kind)
			return true;
	return false;
}

/* "pin, tpm2": the order is that of the secrets in the key's derivation. */
const char *hz_conf_seal(struct hz_slot_conf *slot, const char *value)
{
	char name[16];

	for (const char *p = value + strspn(value, " \t,"); *p != '\0'; p += strspn(p, " \t,")) {
		size_t n = strcspn(p, " \t,");
		const struct hz_seal_kind *kind;

		memcpy(name, p, n < sizeof name ? n : 0);
		name[n < sizeof name ? n : 0] = '\0';
		p += n;
		kind = hz_seal_by_name(name);
		if (kind == NULL)
			return "not a list of seals that this version has (pin, tpm2, snp, sim)";
		if (has(slot, kind->id))
			return "a seal is given twice";
		slot->seals[slot->n_seals++] = kind->id; /* distinct kinds: fewer than there is room for */
	}
	return slot->n_seals != 0 ? NULL : "an empty list";
}

static const char *set_path(char *to, size_t room, const char *value)
{
	if (value[0] != '/' || strlen(value) >= room)
		return "not an absolute path of at most 127 bytes";
	memcpy(to, value, strlen(value) + 1);
	return NULL;
}

const char *hz_conf_tpm2_tcti(struct hz_slot_conf *slot, const char *value)
{
	if (!hz_tpm2_tcti_ok(value) || strlen(value) >= sizeof slot->seal.tpm2_tcti)
		return "neither device:PATH, swtpm:path=PATH nor swtpm:host=ADDRESS,port=N";
	memcpy(slot->seal.tpm2_tcti, value, strlen(value) + 1);
	return NULL;
}

const char *hz_conf_tpm2_pcrs(struct hz_slot_conf *slot, const char *value)
{
	const char *why = NULL;

	return hz_pcrs_parse(value, &slot->seal.tpm2_pcrs, &why) ? NULL : why;
}

const char *hz_conf_snp_device(struct hz_slot_conf *slot, const char *value)
{
	return set_path(slot->seal.snp_device, sizeof slot->seal.snp_device, value);
}

const char *hz_conf_snp_key(struct hz_slot_conf *slot, const char *value)
{
	slot->seal.snp_key = strcmp(value, "vmrk") == 0 ? HZ_SNP_VMRK : HZ_SNP_VCEK;
	return slot->seal.snp_key == HZ_SNP_VMRK || strcmp(value, "vcek") == 0 ? NULL : "neither vcek nor vmrk";
}

const char *hz_conf_snp_vmpl(struct hz_slot_conf *slot, const char *value)
{
	if (value[0] < '0' || value[0] > '3' || value[1] != '\0')
		return "not 0, 1, 2 or 3";
	slot->seal.snp_vmpl = (unsigned)(value[0] - '0');
	return NULL;
}

const char *hz_conf_seals_ok(const struct hz_slot_conf *slot)
{
	if (slot->n_seals == 0)
		return NULL;
	if (slot->backend != HZ_BACKEND_SOFT)
		return "seals are for software keys (backend = soft)";
	return slot->tier == 0 ? "tier 0 keeps nothing secret" : NULL;
}

CK_RV hz_conf_seals_present(struct hz_slot_conf *slot)
{
	char *why;

	for (size_t i = 0; slot->backend == HZ_BACKEND_SOFT && i < slot->n_seals; i++) {
		if (hz_seal_present(slot->seals[i], &slot->seal) == CKR_OK)
			continue;
		why = strdup(hz_error_text());
		if (why == NULL)
			return hz_fail(CKR_HOST_MEMORY, "no memory for the configuration");
		free(slot->absent_why);
		slot->absent_why = why;
		slot->backend = HZ_BACKEND_NONE;
	}
	return CKR_OK;
}
