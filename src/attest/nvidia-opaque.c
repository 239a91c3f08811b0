/* SPDX-License-Identifier: Apache-2.0 */
/* The opaque data of an NVIDIA measurement response: fields {type u16, length u16, value}, signed with the measurements. */

#include "attest/nvidia.h"

#include <stdio.h>

enum {
	F_DRIVER = 3,
	F_VBIOS = 6,
	F_NVDEC0 = 11,
	F_CHIP_SKU = 15,
	F_CHIP_SKU_MOD = 16,
	F_PROJECT = 17,
	F_PROJECT_SKU = 18,
	F_FWID = 20,
	F_PPCIE = 21,
	F_CHIP_INFO = 35,
	F_FEATURE_FLAG = 36,
	N_FIELDS = 256
};

#define FLAG_ON 0xAA
#define FLAG_OFF 0x55

struct fields {
	struct hz_at_bytes f[N_FIELDS];
};

static bool
split(struct hz_at_bytes opaque, struct fields *out)
{
	struct hz_reader r = hz_rd(opaque.p, opaque.len);

	memset(out, 0, sizeof *out);
	while (hz_rd_left(&r) > 0) {
		uint16_t type = hz_rd_u16le(&r), n = hz_rd_u16le(&r);
		const uint8_t *p = hz_rd_bytes(&r, n);

		/* The order of the fields is not fixed, so two of one type would leave a choice. */
		if (p == NULL || type >= N_FIELDS || out->f[type].p != NULL)
			return false;
		out->f[type] = (struct hz_at_bytes){ p, n };
	}
	return hz_rd_end(&r);
}

/* Printable text without spaces, then only NULs. An absent field is an empty text. */
static bool
get_text(const struct fields *all, int type, char *out, size_t room)
{
	const struct hz_at_bytes *f = &all->f[type];
	size_t n = 0;

	while (n < f->len && f->p[n] > ' ' && f->p[n] < 0x7F)
		n++;
	if (n >= room || (f->len > n && !hz_at_zero(f->p + n, f->len - n)))
		return false;
	if (n > 0)
		memcpy(out, f->p, n);
	out[n] = '\0';
	return true;
}

static bool
get_flag(const struct fields *all, int type, int *out)
{
	const struct hz_at_bytes *f = &all->f[type];

	*out = -1;
	if (f->p == NULL)
		return true;
	if (f->len != 1 || (f->p[0] != FLAG_ON && f->p[0] != FLAG_OFF))
		return false;
	*out = f->p[0] == FLAG_ON;
	return true;
}

/* A u32 whose bytes are printed from the top, then the fifth byte: 00 9f 00 96 01 is 96.00.9F.00.01. Switches have text. */
static bool
get_vbios(const struct fields *all, char *out, size_t room)
{
	const struct hz_at_bytes *f = &all->f[F_VBIOS];
	const uint8_t *v = f->p;

	if (f->len != 8)
		return get_text(all, F_VBIOS, out, room);
	snprintf(out, room, "%02X.%02X.%02X.%02X.%02X", v[3], v[2], v[1], v[0], v[4]);
	return hz_at_zero(v + 5, 3);
}

/* Old drivers state only whether protected PCIe is on; where both are stated they must agree. */
static enum hz_attest_reason
get_mode(struct hz_at_run *run, const struct fields *all, struct hz_nv_info *out)
{
	const struct hz_at_bytes *f = &all->f[F_FEATURE_FLAG];

	out->mode = out->ppcie == 1 ? HZ_NV_PPCIE : -1;
	if (f->p == NULL)
		return HZ_ATTEST_OK;
	if (f->len != 2)
		return hz_at_refuse(run, HZ_ATTEST_R_OPAQUE_FIELD, "opaque field %d is malformed", F_FEATURE_FLAG);
	out->mode = f->p[0] | f->p[1] << 8;
	if (hz_nv_mode_name(out->mode) == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_GPU_MODE, "feature flag %d is no mode of confidential computing", out->mode);
	if (out->ppcie >= 0 && out->ppcie != (out->mode == HZ_NV_PPCIE))
		return hz_at_refuse(run, HZ_ATTEST_R_GPU_MODE, "feature flag and protected-PCIe status contradict each other");
	return HZ_ATTEST_OK;
}

const char *
hz_nv_mode_name(int mode)
{
	static const char *const names[] = { [HZ_NV_SPT] = "SPT", [HZ_NV_MPT] = "MPT", [HZ_NV_PPCIE] = "PPCIE" };

	return mode >= 0 && mode < (int)(sizeof names / sizeof *names) ? names[mode] : NULL;
}

enum hz_attest_reason
hz_nv_info_read(struct hz_at_run *run, struct hz_at_bytes opaque, struct hz_nv_info *out)
{
	struct fields all;
	bool ok;

	memset(out, 0, sizeof *out);
	out->mode = -1;
	if (!split(opaque, &all))
		return hz_at_refuse(run, HZ_ATTEST_R_OPAQUE_FIELD, "an opaque field overruns its data or is there twice");
	ok = get_text(&all, F_DRIVER, out->driver, sizeof out->driver) && get_vbios(&all, out->vbios, sizeof out->vbios) &&
	     get_text(&all, F_PROJECT, out->project, sizeof out->project) &&
	     get_text(&all, F_PROJECT_SKU, out->project_sku, sizeof out->project_sku) &&
	     get_text(&all, F_CHIP_SKU, out->chip_sku, sizeof out->chip_sku) &&
	     get_text(&all, F_CHIP_SKU_MOD, out->chip_sku_mod, sizeof out->chip_sku_mod) &&
	     get_text(&all, F_CHIP_INFO, out->chip, sizeof out->chip) && get_flag(&all, F_NVDEC0, &out->nvdec0) &&
	     get_flag(&all, F_PPCIE, &out->ppcie);
	out->fwid = all.f[F_FWID];
	if (!ok || (out->fwid.p != NULL && out->fwid.len != HZ_SPDM_HASH_LEN))
		return hz_at_refuse(run, HZ_ATTEST_R_OPAQUE_FIELD, "an opaque field is malformed");
	return get_mode(run, &all, out);
}
