/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 migrate: the objects of one token into another, wrapped where a key must not be seen; nothing is changed at the source. */
#include <getopt.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/p11_load.h"
#include "backend/p11_side.h"
#include "base/hex.h"
#include "ck/names.h"
#include "keyed.h"
#include "move.h"

enum { ID_ROOM = 256 };

struct migrate {
	struct tool tool;
	struct end from, to;
	bool softhsm;
	const char *label, *id; /* which objects; NULL: all */
	CK_ULONG limit;         /* objects moved in this run; 0: all */
	struct put_how how;
	struct carriers carriers;
	struct report report;
};

/* ---- one object ---- */

static bool readable(const struct thing *t)
{
	if (t->cls != CKO_PRIVATE_KEY && t->cls != CKO_SECRET_KEY)
		return true;
	return hz_attrs_bool(&t->a, CKA_EXTRACTABLE, false) && !hz_attrs_bool(&t->a, CKA_SENSITIVE, true);
}

static bool in_the_clear(struct migrate *m, struct thing *t, char why[WHY])
{
	CK_OBJECT_HANDLE h;
	CK_RV rv = t->cls == CKO_PRIVATE_KEY || t->cls == CKO_SECRET_KEY ? thing_read_secret(&m->from, t) : CKR_OK;

	if (rv == CKR_OK)
		rv = put_create(&m->to, t, &m->how, &h);
	if (rv != CKR_OK)
		snprintf(why, WHY, "the target does not take it: %s", end_reason(&m->to, rv));
	return rv == CKR_OK;
}

/* Keys that must not be seen go wrapped; so do the others where that works. */
static bool move(struct migrate *m, struct thing *t, const char **by, char why[WHY])
{
	*by = "";
	if (t->cls != CKO_PRIVATE_KEY && t->cls != CKO_SECRET_KEY)
		return in_the_clear(m, t, why);
	if (!hz_attrs_bool(&t->a, CKA_EXTRACTABLE, false)) {
		snprintf(why, WHY, "CKA_EXTRACTABLE is false: it cannot leave the source");
		return false;
	}
	if (carry(&m->carriers, &m->from, &m->to, t, &m->how, by, why))
		return true;
	if (m->carriers.failed || !readable(t))
		return false;
	*by = "read from the source, which lets it be read";
	return in_the_clear(m, t, why);
}

/* What a slot of ours keeps in its device for itself is of no use elsewhere, and opens what the slot has beside the device. */
static bool side_key(const struct thing *t)
{
	const struct hz_attr *label = hz_attrs_find(&t->a, CKA_LABEL);
	const size_t n = sizeof HZ_P11_SIDE_LABEL - 1;

	return label != NULL && label->len >= n && memcmp(label->value, HZ_P11_SIDE_LABEL, n) == 0;
}

static void one(struct migrate *m, struct thing *t)
{
	const char *by = "";
	char why[WHY] = "";

	if (side_key(t)) {
		report_add(&m->report, FATE_PASSED, t, "belongs to a slot of this module that forwards to the source");
		return;
	}
	switch (same_at(&m->from, &m->to, t)) {
	case SAME_THERE:
		report_add(&m->report, FATE_THERE, t, "");
		break;
	case SAME_OTHER:
		report_add(&m->report, FATE_NOT, t, "another key at the target has this CKA_ID");
		break;
	case SAME_UNKNOWN:
		report_add(&m->report, FATE_NOT, t, "the target has a key of this name, and nothing tells whether it is the same");
		break;
	default:
		if (move(m, t, &by, why))
			report_add(&m->report, FATE_MOVED, t, by);
		else
			report_add(&m->report, FATE_NOT, t, why);
	}
}

/* ---- all objects ---- */

static CK_ULONG which(const struct migrate *m, const CK_OBJECT_CLASS *cls, uint8_t id[ID_ROOM], CK_ATTRIBUTE tmpl[4])
{
	static CK_BBOOL yes = CK_TRUE;
	CK_ULONG n = 0;
	size_t len = 0;

	tmpl[n++] = (CK_ATTRIBUTE){ CKA_TOKEN, &yes, sizeof yes };
	if (cls != NULL)
		tmpl[n++] = (CK_ATTRIBUTE){ CKA_CLASS, (void *)(uintptr_t)cls, sizeof *cls };
	if (m->label != NULL)
		tmpl[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)m->label, strlen(m->label) };
	if (m->id != NULL && text_hex(m->id, id, ID_ROOM, &len))
		tmpl[n++] = (CK_ATTRIBUTE){ CKA_ID, id, len };
	return n;
}

static bool enough(const struct migrate *m)
{
	return m->limit != 0 && m->report.n[FATE_MOVED] >= m->limit;
}

/* By CKA_ID, then by label: a device's own order changes from run to run. */
static int by_attribute(const struct thing *x, const struct thing *y, CK_ATTRIBUTE_TYPE type)
{
	const struct hz_attr *a = hz_attrs_find(&x->a, type), *b = hz_attrs_find(&y->a, type);
	size_t n = a != NULL ? a->len : 0, k = b != NULL ? b->len : 0;
	int c = n != 0 && k != 0 ? memcmp(a->value, b->value, n < k ? n : k) : 0;

	return c != 0 ? c : (n > k) - (n < k);
}

static int by_name(const void *x, const void *y)
{
	int c = by_attribute(x, y, CKA_ID);

	return c != 0 ? c : by_attribute(x, y, CKA_LABEL);
}

static void work(struct migrate *m, struct thing *t)
{
	if (t->cls == CK_UNAVAILABLE_INFORMATION)
		report_add(&m->report, FATE_NOT, t, "objects of this class belong to their token");
	else
		one(m, t);
}

static CK_RV each(struct migrate *m, const CK_OBJECT_CLASS *cls, bool (*wanted)(const struct thing *t))
{
	CK_ATTRIBUTE tmpl[4];
	uint8_t id[ID_ROOM];
	CK_OBJECT_HANDLE *v;
	size_t n, k = 0;
	CK_RV rv = end_find(&m->from, tmpl, which(m, cls, id, tmpl), &v, &n);
	struct thing *t = calloc(n + 1, sizeof *t);

	if (t == NULL)
		rv = CKR_HOST_MEMORY;
	for (size_t i = 0; i < n && rv == CKR_OK; i++) {
		rv = thing_read(&m->from, v[i], &t[k]);
		if (rv == CKR_OK && wanted(&t[k]))
			k++;
		else
			thing_free(&t[k]);
	}
	if (rv == CKR_OK && k > 1)
		qsort(t, k, sizeof *t, by_name);
	for (size_t i = 0; i < k; i++) {
		if (rv == CKR_OK && !enough(m))
			work(m, &t[i]);
		thing_free(&t[i]);
	}
	free(t);
	free(v);
	return rv;
}

static bool movable(const struct thing *t)
{
	return t->cls != CK_UNAVAILABLE_INFORMATION;
}

/* What describes the token itself is passed over. */
static bool unmovable(const struct thing *t)
{
	CK_OBJECT_CLASS cls = hz_attrs_ulong(&t->a, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);

	return t->cls == CK_UNAVAILABLE_INFORMATION && cls != CKO_PROFILE && cls != CKO_MECHANISM && cls != CKO_HW_FEATURE &&
	       cls != CKO_VALIDATION;
}

static bool nothing(const struct report *r)
{
	unsigned long n = 0;

	for (size_t i = 0; i < FATES; i++)
		n += r->n[i];
	return n == 0;
}

/* Public things first: a private key at the target is told by its public half. */
static int run(struct migrate *m)
{
	static const CK_OBJECT_CLASS order[] = { CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY, CKO_DATA };
	CK_RV rv = CKR_OK;
	int rc = TOOL_OK;

	for (size_t i = 0; i < sizeof order / sizeof order[0] && rv == CKR_OK; i++)
		rv = each(m, &order[i], movable);
	if (rv == CKR_OK)
		rv = each(m, NULL, unmovable);
	if (rv != CKR_OK)
		rc = tool_fail(TOOL_REFUSED, "the source: %s", end_reason(&m->from, rv));
	else if (nothing(&m->report) && (m->label != NULL || m->id != NULL))
		rc = tool_fail(TOOL_REFUSED, "the source has nothing by this --label or --id");
	return report_end(&m->report) == TOOL_OK ? rc : TOOL_REFUSED;
}

/* ---- modules ---- */

static const char *softhsm(void)
{
	static const char *const paths[] = {
		"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib64/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so",
	};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	return NULL;
}

static bool same_file(const char *a, const char *b)
{
	char x[PATH_MAX], y[PATH_MAX];

	return realpath(a, x) != NULL && realpath(b, y) != NULL && strcmp(x, y) == 0;
}

static bool load_source(struct migrate *m)
{
	unsigned long rv;

	if (m->softhsm && (m->from.module = softhsm()) == NULL)
		return tool_fail(TOOL_REFUSED, "SoftHSM2 is not where it usually is: give --from-module PATH") == TOOL_OK;
	if (m->from.module == NULL || same_file(m->from.module, m->to.module)) {
		m->from.module = m->to.module;
		m->from.p11 = m->tool.p11;
		return true;
	}
	/* p11-kit counts the users of a module: the target may forward to this very one. */
	m->from.foreign = hz_p11_load(m->from.module);
	if (m->from.foreign == NULL)
		return tool_fail(TOOL_REFUSED, "%s: %s", m->from.module, hz_p11_load_reason()) == TOOL_OK;
	rv = hz_p11_start(m->from.foreign, m->from.init_args);
	if (rv != CKR_OK) {
		hz_p11_unload(m->from.foreign);
		m->from.foreign = NULL;
		return tool_fail(TOOL_REFUSED, "the source: C_Initialize: %s", hz_ckr_name(rv)) == TOOL_OK;
	}
	m->from.p11 = m->from.foreign;
	return true;
}

/* A device does not tell the PIN of a slot in front of it from that of its own application: one token is refused before any login. */
static int open_both(struct migrate *m, const struct hz_config *conf)
{
	if (!tool_load(&m->tool))
		return TOOL_REFUSED;
	m->to.p11 = m->tool.p11;
	if (!load_source(m) || !end_choose(&m->from) || !end_choose(&m->to))
		return TOOL_REFUSED;
	if (end_same(&m->from, &m->to, conf))
		return tool_fail(TOOL_USAGE, "source and target are the same token");
	return end_open(&m->from, false) && end_open(&m->to, true) ? TOOL_OK : TOOL_REFUSED;
}

static int load_and_run(struct migrate *m, const struct hz_config *conf)
{
	int lock = start_lock(conf), rc = open_both(m, conf);

	end_unlock(lock);
	if (rc != TOOL_OK)
		return rc;
	lock = end_lock(&m->to, conf);
	rc = run(m);
	end_unlock(lock);
	return rc;
}

static void close_all(struct migrate *m)
{
	if (m->from.foreign != NULL) {
		(void)m->from.p11->C_CloseSession(m->from.s);
		(void)hz_p11_stop(m->from.foreign);
		hz_p11_unload(m->from.foreign);
	}
	tool_unload(&m->tool);
}

/* ---- options ---- */

enum { O_SLOT = 1, O_TOKEN, O_PIN, O_MODULE, O_JSON, O_FROM_MODULE, O_FROM_SOFTHSM, O_FROM_SLOT, O_FROM_TOKEN, O_FROM_PIN, O_LABEL, O_ID,
       O_WRAPPING, O_LOCK, O_LIMIT, O_FROM_ARGS };

static const struct option options[] = {
	{ "slot", required_argument, NULL, O_SLOT },
	{ "token", required_argument, NULL, O_TOKEN },
	{ "pin-source", required_argument, NULL, O_PIN },
	{ "module", required_argument, NULL, O_MODULE },
	{ "json", no_argument, NULL, O_JSON },
	{ "from-module", required_argument, NULL, O_FROM_MODULE },
	{ "from-softhsm", no_argument, NULL, O_FROM_SOFTHSM },
	{ "from-slot", required_argument, NULL, O_FROM_SLOT },
	{ "from-token", required_argument, NULL, O_FROM_TOKEN },
	{ "from-pin-source", required_argument, NULL, O_FROM_PIN },
	{ "from-init-args", required_argument, NULL, O_FROM_ARGS },
	{ "label", required_argument, NULL, O_LABEL },
	{ "id", required_argument, NULL, O_ID },
	{ "wrapping-key", required_argument, NULL, O_WRAPPING },
	{ "lock", no_argument, NULL, O_LOCK },
	{ "limit", required_argument, NULL, O_LIMIT },
	{ NULL, 0, NULL, 0 },
};

static bool option(struct migrate *m, int o)
{
	switch (o) {
	case O_SLOT: return m->to.has_slot = tool_number(optarg, &m->to.slot);
	case O_TOKEN: m->to.token = optarg; return true;
	case O_PIN: m->to.pin_source = optarg; return tool_source(optarg);
	case O_MODULE: m->tool.module = optarg; return true;
	case O_JSON: return m->tool.json = true;
	case O_FROM_MODULE: m->from.module = optarg; return true;
	case O_FROM_SOFTHSM: return m->softhsm = true;
	case O_FROM_SLOT: return m->from.has_slot = tool_number(optarg, &m->from.slot);
	case O_FROM_TOKEN: m->from.token = optarg; return true;
	case O_FROM_PIN: m->from.pin_source = optarg; return tool_source(optarg);
	case O_FROM_ARGS: m->from.init_args = optarg; return true;
	case O_LABEL: m->label = optarg; return true;
	case O_ID: m->id = optarg; return true;
	case O_WRAPPING: m->carriers.shared = optarg; return true;
	case O_LOCK: return m->how.lock = true;
	case O_LIMIT: return tool_number(optarg, &m->limit) && m->limit != 0;
	default: return false;
	}
}

static int parse(struct migrate *m, int argc, char **argv)
{
	uint8_t id[ID_ROOM];
	size_t len;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!option(m, o))
			return tool_fail(TOOL_USAGE, "see hanzo-p11 migrate --help");
	if (optind != argc || (!m->to.has_slot && m->to.token == NULL) || (!m->from.has_slot && m->from.token == NULL) ||
	    (m->softhsm && m->from.module != NULL))
		return tool_fail(TOOL_USAGE, "migrate [--from-module PATH | --from-softhsm] --from-token LABEL | --from-slot N "
					     "--slot N | --token LABEL");
	if (m->id != NULL && !text_hex(m->id, id, sizeof id, &len))
		return tool_fail(TOOL_USAGE, "--id takes hexadecimal digits");
	return TOOL_OK;
}

int hz_cmd_migrate(int argc, char **argv)
{
	struct migrate m = { .from.what = "source", .to.what = "target" };
	struct hz_config *conf = NULL;
	int rc = parse(&m, argc, argv);

	if (rc != TOOL_OK)
		return rc;
	(void)hz_config_load(&conf, NULL); /* where it is refused, so is the module */
	m.to.module = m.tool.module != NULL ? m.tool.module : HZ_MODULE_PATH;
	m.report.objects = m.tool.json ? json_object_new_array() : NULL;
	rc = load_and_run(&m, conf);
	json_object_put(m.report.objects);
	hz_config_free(conf);
	close_all(&m);
	return rc;
}
