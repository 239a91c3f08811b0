/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's script: what happens at which call. */
#include "mock_hsm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 64
#define EVERY 0UL /* at every call */

CK_FUNCTION_LIST *mock_real;
static pthread_rwlock_t real_use = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

struct line {
	enum mock_function fn;
	unsigned long at;
	struct mock_hit hit;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t release;
	struct line line[LINES];
	size_t n;
	unsigned long calls[MOCK_FUNCTIONS], bytes, hits, dead; /* dead: calls for which the device stays away; ULONG_MAX: until revived */
	unsigned blocked, generation;
	bool feature[MOCK_FEATURES];
	CK_ATTRIBUTE_TYPE hidden[16], refused[16];
	size_t n_hidden, n_refused;
	char pin[64], path[4096];
} m = { .lock = PTHREAD_MUTEX_INITIALIZER, .release = PTHREAD_COND_INITIALIZER };

#define HZ_FN(since, name, params) "C_" #name,
static const char *const names[MOCK_FUNCTIONS] = {
#include "functions.inc"
};
#undef HZ_FN
static const char *const actions[] = { "", "rv", "done", "block", "long", "short", "stale", "sessions", "login", "die", "dying" };
static const char *const features[MOCK_FEATURES] = { "protected-path", "no-copy", "write-protected", "read-only-objects", "bare-point",
						     "bit-string-point", "one-by-one", "kwp" };

static int index_of(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return (int)i;
	return -1;
}

static bool fault(const char *fn, const char *at, const char *action, const char *value)
{
	int f = index_of(names, MOCK_FUNCTIONS, fn), a = index_of(actions, sizeof actions / sizeof actions[0], action);

	if (f < 0 || a <= 0 || m.n == LINES)
		return false;
	m.line[m.n++] = (struct line){ (enum mock_function)f, strcmp(at, "*") == 0 ? EVERY : strtoul(at, NULL, 0),
				       { (enum mock_action)a, strtoul(value, NULL, 0) } };
	return true;
}

static bool word_line(const char *a, const char *b)
{
	int f;

	if (strcmp(a, "real") == 0)
		return snprintf(m.path, sizeof m.path, "%s", b) > 0;
	if (strcmp(a, "pin") == 0)
		return snprintf(m.pin, sizeof m.pin, "%s", b) > 0;
	if (strcmp(a, "hide") == 0 && m.n_hidden < 16) {
		m.hidden[m.n_hidden++] = strtoul(b, NULL, 0);
		return true;
	}
	if (strcmp(a, "refuse") == 0 && m.n_refused < 16) {
		m.refused[m.n_refused++] = strtoul(b, NULL, 0);
		return true;
	}
	f = strcmp(a, "feature") == 0 ? index_of(features, MOCK_FEATURES, b) : -1;
	if (f >= 0)
		m.feature[f] = true;
	return f >= 0;
}

static bool take(char *line)
{
	char *save = NULL, *a = strtok_r(line, " \t", &save), *b = strtok_r(NULL, " \t", &save);
	const char *c = strtok_r(NULL, " \t", &save), *d = strtok_r(NULL, " \t", &save);

	if (a == NULL || a[0] == '#')
		return true;
	if (b == NULL)
		return false;
	return c == NULL ? word_line(a, b) : fault(a, b, c, d != NULL ? d : "0");
}

static void forget(void)
{
	m.n = m.n_hidden = m.n_refused = 0;
	m.hits = m.bytes = 0;
	m.dead = 0;
	memset(m.calls, 0, sizeof m.calls);
	memset(m.feature, 0, sizeof m.feature);
}

static bool parse(const char *text)
{
	char *copy = strdup(text), *save = NULL;
	bool ok = copy != NULL;

	for (char *l = ok ? strtok_r(copy, "\n", &save) : NULL; l != NULL; l = strtok_r(NULL, "\n", &save))
		ok &= take(l);
	free(copy);
	return ok;
}

bool mock_script(const char *text)
{
	bool ok;

	pthread_mutex_lock(&m.lock);
	forget();
	ok = parse(text);
	pthread_mutex_unlock(&m.lock);
	return ok;
}

unsigned long mock_calls(const char *function)
{
	int f = index_of(names, MOCK_FUNCTIONS, function);
	unsigned long n = 0;

	pthread_mutex_lock(&m.lock);
	for (int i = 0; i < MOCK_FUNCTIONS; i++)
		n += f < 0 || f == i ? m.calls[i] : 0;
	pthread_mutex_unlock(&m.lock);
	return n;
}

unsigned long mock_bytes(void)
{
	unsigned long n;

	pthread_mutex_lock(&m.lock);
	n = m.bytes;
	pthread_mutex_unlock(&m.lock);
	return n;
}

CK_BYTE *mock_data(CK_BYTE *in, CK_ULONG n)
{
	pthread_mutex_lock(&m.lock);
	m.bytes += n;
	pthread_mutex_unlock(&m.lock);
	return in;
}

unsigned long mock_hits(void)
{
	unsigned long n;

	pthread_mutex_lock(&m.lock);
	n = m.hits;
	pthread_mutex_unlock(&m.lock);
	return n;
}

unsigned mock_blocked(void)
{
	unsigned n;

	pthread_mutex_lock(&m.lock);
	n = m.blocked;
	pthread_mutex_unlock(&m.lock);
	return n;
}

void mock_release(void)
{
	pthread_mutex_lock(&m.lock);
	m.generation++;
	pthread_cond_broadcast(&m.release);
	pthread_mutex_unlock(&m.lock);
}

void mock_revive(void)
{
	pthread_mutex_lock(&m.lock);
	m.dead = 0;
	pthread_mutex_unlock(&m.lock);
}

bool mock_has(enum mock_feature feature)
{
	bool has;

	pthread_mutex_lock(&m.lock);
	has = m.feature[feature];
	pthread_mutex_unlock(&m.lock);
	return has;
}

const char *mock_pin(void)
{
	return m.pin;
}

static bool among(const CK_ATTRIBUTE_TYPE *list, const size_t *n, CK_ATTRIBUTE_TYPE type)
{
	bool found = false;

	pthread_mutex_lock(&m.lock);
	for (size_t i = 0; i < *n; i++)
		found |= list[i] == type;
	pthread_mutex_unlock(&m.lock);
	return found;
}

bool mock_hides(CK_ATTRIBUTE_TYPE type)
{
	return among(m.hidden, &m.n_hidden, type);
}

bool mock_refuses(CK_ATTRIBUTE_TYPE type)
{
	return among(m.refused, &m.n_refused, type);
}

/* ---- faults ---- */

/* The real module's slots that have a token. */
static CK_ULONG real_slots(CK_SLOT_ID *ids, CK_ULONG room)
{
	CK_ULONG n = room;

	return mock_real->C_GetSlotList(CK_TRUE, ids, &n) == CKR_OK ? n : 0;
}

void mock_in(void)
{
	pthread_rwlock_rdlock(&real_use);
}

void mock_out(void)
{
	pthread_rwlock_unlock(&real_use);
}

static void lose_sessions(void)
{
	CK_SLOT_ID ids[64];
	CK_ULONG n;

	pthread_rwlock_wrlock(&real_use);
	n = real_slots(ids, 64);
	for (CK_ULONG i = 0; i < n; i++)
		(void)mock_real->C_CloseAllSessions(ids[i]);
	pthread_rwlock_unlock(&real_use);
}

static void lose_login(void)
{
	CK_SLOT_ID ids[64];
	CK_ULONG n;

	pthread_rwlock_wrlock(&real_use);
	n = real_slots(ids, 64);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_SESSION_HANDLE s;

		if (mock_real->C_OpenSession(ids[i], CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
			continue;
		(void)mock_real->C_Logout(s);
		(void)mock_real->C_CloseSession(s);
	}
	pthread_rwlock_unlock(&real_use);
}

static void block(void)
{
	unsigned now = m.generation;

	m.blocked++;
	while (m.generation == now)
		pthread_cond_wait(&m.release, &m.lock);
	m.blocked--;
}

static void find(enum mock_function fn, struct mock_hit *hit)
{
	unsigned long nth = ++m.calls[fn];

	hit->action = MOCK_NOTHING;
	for (size_t i = 0; i < m.n; i++)
		if (m.line[i].fn == fn && (m.line[i].at == EVERY || m.line[i].at == nth)) {
			*hit = m.line[i].hit;
			m.hits++;
			return;
		}
}

/* What a removed token's module says. */
static CK_RV away(enum mock_function fn)
{
	switch (fn) {
	case MOCK_Initialize:
	case MOCK_Finalize:
	case MOCK_GetInfo:
	case MOCK_GetSlotList:
	case MOCK_GetSlotInfo:
		return CKR_OK;
	case MOCK_GetTokenInfo:
	case MOCK_OpenSession:
	case MOCK_GetMechanismList:
	case MOCK_GetMechanismInfo:
		return CKR_TOKEN_NOT_PRESENT;
	default:
		return CKR_DEVICE_REMOVED;
	}
}

static CK_RV die(const struct mock_hit *hit)
{
	m.dead = hit->value != 0 ? hit->value : (unsigned long)-1;
	return CKR_DEVICE_REMOVED;
}

CK_RV mock_before(enum mock_function fn, struct mock_hit *hit)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&m.lock);
	if (m.dead != 0 && m.dead != (unsigned long)-1)
		m.dead--;
	find(fn, hit);
	if (m.dead != 0) {
		hit->action = MOCK_NOTHING;
		rv = away(fn);
	} else if (hit->action == MOCK_BLOCK) {
		block();
	} else if (hit->action == MOCK_RV) {
		rv = hit->value;
	} else if (hit->action == MOCK_DIE) {
		rv = die(hit);
	}
	pthread_mutex_unlock(&m.lock);
	if (hit->action == MOCK_SESSIONS || hit->action == MOCK_DIE)
		lose_sessions();
	if (hit->action == MOCK_LOGIN)
		lose_login();
	return rv;
}

CK_RV mock_after(const struct mock_hit *hit, CK_RV rv, CK_ULONG *len, CK_OBJECT_HANDLE *first, CK_OBJECT_HANDLE *second)
{
	if (hit->action == MOCK_DONE)
		return hit->value;
	if (hit->action == MOCK_DYING) {
		lose_sessions();
		pthread_mutex_lock(&m.lock);
		rv = die(hit);
		pthread_mutex_unlock(&m.lock);
	}
	if (hit->action == MOCK_LONG && len != NULL)
		*len = (CK_ULONG)1 << 40;
	if (hit->action == MOCK_SHORT && len != NULL && *len > 0)
		--*len;
	if (hit->action == MOCK_STALE && first != NULL)
		*first = 0x7abc0001;
	if (hit->action == MOCK_STALE && second != NULL)
		*second = 0x7abc0002;
	return rv;
}

bool mock_gone(void)
{
	bool gone;

	pthread_mutex_lock(&m.lock);
	gone = m.dead != 0;
	pthread_mutex_unlock(&m.lock);
	return gone;
}

/* ---- the module behind ---- */

static void read_own_script(void)
{
	static char text[8192];
	char path[4200];
	Dl_info own;
	FILE *f;

	if (dladdr(&m, &own) == 0 || own.dli_fname == NULL)
		return;
	(void)snprintf(path, sizeof path, "%s.conf", own.dli_fname);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	(void)fclose(f);
	(void)parse(text);
}

bool mock_load(void)
{
	CK_C_GetFunctionList get;
	void *so;

	if (mock_real != NULL)
		return true;
	if (m.path[0] == '\0')
		read_own_script();
	so = dlopen(m.path[0] != '\0' ? m.path : "/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		return false;
	*(void **)&get = dlsym(so, "C_GetFunctionList");
	return get != NULL && get(&mock_real) == CKR_OK;
}
