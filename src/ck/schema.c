/* SPDX-License-Identifier: Apache-2.0 */
/* New objects: a template, the rules of its class and the defaults become a full set of attributes. */
#include "ck/schema.h"

#include "base/error.h"
#include "ck/names.h"
#include "ck/schema_table.h"
#include "hanzo-pkcs11.h"

#define UNKNOWN ((CK_ULONG)-1)

/* What is being made, for the functions that fill in. */
struct making {
	const struct hz_def *def;
	enum hz_origin origin;
	CK_OBJECT_CLASS cls;
	CK_ULONG sub;
	CK_MECHANISM_TYPE gen_mech;
	bool so;
};

static bool
is_key(CK_OBJECT_CLASS cls)
{
	return cls == CKO_PUBLIC_KEY || cls == CKO_PRIVATE_KEY || cls == CKO_SECRET_KEY;
}

/* What the operation makes and what the template says must agree; `silent` stands in where neither says anything. */
static CK_RV
settle(const struct hz_attrs *tmpl, CK_ATTRIBUTE_TYPE type, CK_ULONG silent, CK_ULONG *v)
{
	const struct hz_attr *at = hz_attrs_find(tmpl, type);
	CK_ULONG said = hz_attrs_ulong(tmpl, type, UNKNOWN);

	if (*v == UNKNOWN && at == NULL && silent == UNKNOWN)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "%s is missing", hz_cka_name(type));
	if (*v != UNKNOWN && at != NULL && said != *v)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "%s is not what the mechanism makes", hz_cka_name(type));
	if (*v == UNKNOWN)
		*v = at != NULL ? said : silent;
	return CKR_OK;
}

/* Which classes an operation can make; the others are shown by the module, or refused. */
static bool
origin_makes(enum hz_origin origin, CK_OBJECT_CLASS cls)
{
	switch (origin) {
	case HZ_CREATE:
		return is_key(cls) || cls == CKO_DATA || cls == CKO_CERTIFICATE;
	case HZ_UNWRAP:
		return cls == CKO_PRIVATE_KEY || cls == CKO_SECRET_KEY;
	case HZ_DERIVE:
		return is_key(cls) || cls == CKO_DATA;
	case HZ_GENERATE:
		break;
	}
	return is_key(cls);
}

static CK_RV
find_definition(struct making *m, const struct hz_attrs *tmpl)
{
	bool derive = m->origin == HZ_DERIVE;
	CK_RV rv = settle(tmpl, CKA_CLASS, derive ? CKO_SECRET_KEY : UNKNOWN, &m->cls);

	if (rv != CKR_OK)
		return rv;
	if (!origin_makes(m->origin, m->cls))
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "objects of class %s cannot be made so", hz_cko_name(m->cls));
	if (m->cls == CKO_CERTIFICATE)
		rv = settle(tmpl, CKA_CERTIFICATE_TYPE, UNKNOWN, &m->sub);
	else if (is_key(m->cls))
		rv = settle(tmpl, CKA_KEY_TYPE, derive ? CKK_GENERIC_SECRET : UNKNOWN, &m->sub);
	if (rv != CKR_OK)
		return rv;
	m->def = hz_def_find(m->cls, m->sub);
	if (m->def == NULL)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "no %s of type 0x%lx here", hz_cko_name(m->cls), m->sub);
	return CKR_OK;
}

static unsigned
forbidding_rule(enum hz_origin origin)
{
	static const unsigned rule[] = { [HZ_CREATE] = HZ_R_NO_CREATE, [HZ_GENERATE] = HZ_R_NO_GEN,
					 [HZ_UNWRAP] = HZ_R_NO_UNWRAP, [HZ_DERIVE] = HZ_R_NO_DERIVE };

	return rule[origin];
}

/* One attribute of the template against its row (3.1 section 4.1.1, cases 1 to 3 and 5). */
static CK_RV
check_given(const struct making *m, const struct hz_attr *at)
{
	const struct hz_row *row = hz_def_row(m->def, at->type);
	const char *name = hz_cka_name(at->type);
	enum hz_kind kind;

	if (row == NULL && !hz_attr_kind(at->type, &kind))
		return hz_fail(CKR_ATTRIBUTE_TYPE_INVALID, "unknown attribute %s", name);
	if (row == NULL)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "%s does not belong to this kind of object", name);
	if (row->rules & forbidding_rule(m->origin))
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "%s cannot be given here", name);
	if ((row->rules & HZ_R_FULL) && at->len == 0)
		return hz_fail(CKR_ATTRIBUTE_VALUE_INVALID, "%s is empty", name);
	if ((row->rules & HZ_R_SO) && !m->so && *(const CK_BBOOL *)at->value != CK_FALSE)
		return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "only the SO sets %s", name);
	return CKR_OK;
}

static CK_RV
check_template(const struct making *m, const struct hz_attrs *tmpl)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < tmpl->n && rv == CKR_OK; i++)
		rv = check_given(m, &tmpl->v[i]);
	return rv;
}

static bool
usage_default(const struct hz_def *def, CK_ATTRIBUTE_TYPE type)
{
	static const struct { CK_ATTRIBUTE_TYPE type; unsigned bit; } bits[] = {
		{ CKA_ENCRYPT, HZ_U_ENCRYPT }, { CKA_DECRYPT, HZ_U_DECRYPT }, { CKA_SIGN, HZ_U_SIGN }, { CKA_VERIFY, HZ_U_VERIFY },
		{ CKA_SIGN_RECOVER, HZ_U_SIGN_RECOVER }, { CKA_VERIFY_RECOVER, HZ_U_VERIFY_RECOVER }, { CKA_WRAP, HZ_U_WRAP },
		{ CKA_UNWRAP, HZ_U_UNWRAP }, { CKA_ENCAPSULATE, HZ_U_ENCAPSULATE }, { CKA_DECAPSULATE, HZ_U_DECAPSULATE },
	};

	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
		if (bits[i].type == type)
			return (def->usage & bits[i].bit) != 0;
	}
	return false;
}

/* A secret that the caller made for its own session: see "What an object gets" in schema.h. */
static bool
callers_own(const struct making *m, const struct hz_attrs *out)
{
	return m->cls == CKO_SECRET_KEY && m->origin != HZ_GENERATE && !hz_attrs_bool(out, CKA_TOKEN, false);
}

/* CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE (4.9, 4.10): FALSE for what came from outside. */
static bool
always(const struct making *m, bool now)
{
	return (m->origin == HZ_GENERATE || m->origin == HZ_DERIVE) && now;
}

static CK_RV
fill_one(const struct making *m, const struct hz_row *row, struct hz_attrs *out)
{
	CK_ATTRIBUTE_TYPE t = row->type;
	bool sensitive = hz_attrs_bool(out, CKA_SENSITIVE, true);

	switch (row->dflt) {
	case HZ_D_NONE:
		return CKR_OK;
	case HZ_D_EMPTY:
		return hz_attrs_set(out, t, NULL, 0, false);
	case HZ_D_FALSE:
		return hz_attrs_set_bool(out, t, false);
	case HZ_D_TRUE:
		return hz_attrs_set_bool(out, t, true);
	case HZ_D_ZERO:
		return hz_attrs_set_ulong(out, t, 0);
	case HZ_D_SHA1:
		return hz_attrs_set_ulong(out, t, CKM_SHA_1);
	case HZ_D_USAGE:
		return hz_attrs_set_bool(out, t, usage_default(m->def, t));
	case HZ_D_PRIVATE:
		return hz_attrs_set_bool(out, t, m->cls == CKO_PRIVATE_KEY || m->cls == CKO_SECRET_KEY);
	case HZ_D_SENSITIVE:
		return hz_attrs_set_bool(out, t, !callers_own(m, out));
	case HZ_D_EXTRACTABLE:
		return hz_attrs_set_bool(out, t, callers_own(m, out) && !sensitive);
	case HZ_D_LOCAL:
		return hz_attrs_set_bool(out, t, m->origin == HZ_GENERATE);
	case HZ_D_GEN_MECH:
		return hz_attrs_set_ulong(out, t, m->origin == HZ_GENERATE ? m->gen_mech : CK_UNAVAILABLE_INFORMATION);
	case HZ_D_ALWAYS:
		return hz_attrs_set_bool(out, t, always(m, sensitive));
	case HZ_D_NEVER:
		return hz_attrs_set_bool(out, t, always(m, !hz_attrs_bool(out, CKA_EXTRACTABLE, false)));
	}
	return CKR_GENERAL_ERROR;
}

static CK_RV
check_needed(const struct making *m, const struct hz_row *row, const struct hz_attrs *out)
{
	unsigned need = m->origin == HZ_CREATE ? HZ_R_NEED_CREATE : m->origin == HZ_GENERATE ? HZ_R_NEED_GEN : 0;

	if ((row->rules & need) && hz_attrs_find(out, row->type) == NULL)
		return hz_fail(CKR_TEMPLATE_INCOMPLETE, "%s is missing", hz_cka_name(row->type));
	return CKR_OK;
}

/* An imported ML-DSA or ML-KEM private key brings its value, its seed or both. */
static CK_RV
check_ml_import(const struct making *m, const struct hz_attrs *out)
{
	if (m->origin != HZ_CREATE || m->def->set_len[0] == 0)
		return CKR_OK;
	if (hz_attrs_find(out, CKA_VALUE) != NULL || hz_attrs_find(out, CKA_SEED) != NULL)
		return CKR_OK;
	return hz_fail(CKR_TEMPLATE_INCOMPLETE, "CKA_VALUE and CKA_SEED are both missing");
}

/* Rows come in an order in which each default finds those that it depends on already there. */
static CK_RV
fill(const struct making *m, struct hz_attrs *out)
{
	CK_RV rv = CKR_OK;

	for (size_t p = 0; p < HZ_DEF_PARTS && m->def->parts[p] != NULL; p++) {
		const struct hz_row *row = m->def->parts[p];

		for (; row->type != (CK_ATTRIBUTE_TYPE)-1 && rv == CKR_OK; row++) {
			rv = check_needed(m, row, out);
			if (rv == CKR_OK && hz_attrs_find(out, row->type) == NULL)
				rv = fill_one(m, row, out);
		}
	}
	return rv;
}

CK_RV
hz_schema_new(struct hz_attrs *out, enum hz_origin origin, const struct hz_attrs *tmpl, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt,
	      CK_MECHANISM_TYPE gen_mech, bool so)
{
	struct making m = { .origin = origin, .cls = cls, .sub = kt, .gen_mech = gen_mech, .so = so };
	CK_RV rv;

	*out = (struct hz_attrs)HZ_ATTRS_INIT;
	rv = find_definition(&m, tmpl);
	if (rv == CKR_OK)
		rv = check_template(&m, tmpl);
	if (rv == CKR_OK)
		rv = hz_attrs_dup(out, tmpl);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(out, CKA_CLASS, m.cls);
	if (rv == CKR_OK && is_key(m.cls))
		rv = hz_attrs_set_ulong(out, CKA_KEY_TYPE, m.sub);
	if (rv == CKR_OK)
		rv = fill(&m, out);
	if (rv == CKR_OK)
		rv = check_ml_import(&m, out);
	if (rv == CKR_OK)
		rv = hz_schema_values(m.def, out);
	if (rv == CKR_OK)
		rv = hz_schema_place(m.def, out);
	if (rv != CKR_OK)
		hz_attrs_free(out);
	return rv;
}

CK_RV
hz_schema_inherit(struct hz_attrs *derived, const struct hz_attrs *base)
{
	bool sensitive = hz_attrs_bool(base, CKA_ALWAYS_SENSITIVE, false) && hz_attrs_bool(derived, CKA_SENSITIVE, false);
	bool never = hz_attrs_bool(base, CKA_NEVER_EXTRACTABLE, false) && !hz_attrs_bool(derived, CKA_EXTRACTABLE, true);
	CK_RV rv;

	if (hz_attrs_find(derived, CKA_ALWAYS_SENSITIVE) == NULL)
		return CKR_OK; /* no secret or private key: nothing to inherit */
	rv = hz_attrs_set_bool(derived, CKA_ALWAYS_SENSITIVE, sensitive);
	return rv != CKR_OK ? rv : hz_attrs_set_bool(derived, CKA_NEVER_EXTRACTABLE, never);
}

CK_RV
hz_schema_force(struct hz_attrs *tmpl, const struct hz_attrs *forced)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < forced->n && rv == CKR_OK; i++) {
		const struct hz_attr *want = &forced->v[i], *have = hz_attrs_find(tmpl, want->type);

		if (have == NULL)
			rv = hz_attrs_set_from(tmpl, want);
		else if (!hz_attr_equal(have, want))
			rv = hz_fail(CKR_TEMPLATE_INCONSISTENT, "the key's own template asks for another %s",
				     hz_cka_name(want->type));
	}
	return rv;
}
