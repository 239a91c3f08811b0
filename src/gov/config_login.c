/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a slot's login: factors, seals, policy, sources of evidence, times. */
#include <stdlib.h>
#include <string.h>

#include "collect/collect.h"
#include "gov/config_int.h"
#include "store/seal.h"

static const struct {
	const char *name;
	unsigned factor; /* 0: one that this version does not have */
} factors[] = {
	{ "pin", HZ_FACTOR_PIN }, { "evidence", HZ_FACTOR_EVIDENCE }, { "cap", 0 }, { "jwt", 0 }, { "siwe", 0 }, { "did", 0 }, { "apikey", 0 },
};

static const char *set_text(char **to, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return "";
	free(*to);
	*to = copy;
	return NULL;
}

/* The next word of a list: letters, digits and underscores. *p moves behind it and the blanks that follow. */
static size_t word(const char **p, const char **at)
{
	size_t n;

	*p += strspn(*p, " \t");
	*at = *p;
	n = strspn(*p, "abcdefghijklmnopqrstuvwxyz0123456789_");
	*p += n;
	*p += strspn(*p, " \t");
	return n;
}

static const char *factor(const char *at, size_t n, unsigned *set)
{
	for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
		if (strlen(factors[i].name) != n || strncmp(factors[i].name, at, n) != 0)
			continue;
		if (factors[i].factor == 0)
			return "names a factor that this version does not have (pin, evidence)";
		if ((*set & factors[i].factor) != 0)
			return "names a factor twice in one alternative";
		*set |= factors[i].factor;
		return NULL;
	}
	return "names an unknown factor";
}

const char *hz_conf_login(struct hz_slot_conf *s, const char *value)
{
	const char *p = value, *at, *wrong;

	s->nlogin = 0;
	for (;;) {
		unsigned set = 0;

		do {
			size_t n = word(&p, &at);

			wrong = factor(at, n, &set);
		} while (wrong == NULL && *p == '+' && p++ != NULL);
		if (wrong != NULL)
			return wrong;
		for (size_t i = 0; i < s->nlogin; i++)
			if (s->login[i] == set)
				return "names an alternative twice";
		if (s->nlogin == HZ_LOGIN_ALTS)
			return "has too many alternatives";
		s->login[s->nlogin++] = set;
		if (*p == '\0')
			return NULL;
		if (*p++ != '|')
			return "is not factors joined by + in alternatives joined by |";
	}
}

const char *hz_conf_source(struct hz_slot_conf *s, const char *name, const char *value)
{
	const char *wrong = hz_collect_wrong(value);
	struct hz_source_conf *to = &s->sources[s->nsources];

	if (wrong != NULL)
		return wrong;
	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name) || strlen(name) > 16)
		return "has a name of more than 16 letters, digits, _ and -";
	if (s->nsources == HZ_SLOT_SOURCES)
		return "is one source too many";
	to->name = strdup(name);
	to->source = strdup(value);
	s->nsources++;
	return to->name != NULL && to->source != NULL ? NULL : "";
}

const char *hz_conf_gpu_source(struct hz_slot_conf *s, const char *value)
{
	const char *wrong = hz_collect_wrong_gpus(value);

	return wrong != NULL ? wrong : set_text(&s->gpu_source, value);
}

const char *hz_conf_gpus(const struct hz_slot_conf *s, const char *source)
{
	if (!hz_collect_takes_gpus(source))
		return NULL;
	return s->gpu_source != NULL ? s->gpu_source : s->tier >= 3 ? "nvml" : NULL;
}

const char *hz_conf_fallback(struct hz_slot_conf *s, const char *value)
{
	s->fallback = 0;
	if (strcmp(value, "no") == 0)
		return NULL;
	if (strlen(value) != 1 || value[0] < '1' || value[0] > '3')
		return "is neither no, 1, 2 nor 3";
	s->fallback = (unsigned)(value[0] - '0');
	return s->fallback < s->tier ? NULL : "is not below the slot's own tier";
}

#define IDLE_TTL 300 /* seconds, of a slot that names no number */

const char *hz_conf_idle_ttl(struct hz_slot_conf *s, const char *value)
{
	s->idle_ttl = strcmp(value, "yes") == 0 ? IDLE_TTL : 0;
	return s->idle_ttl != 0 || strcmp(value, "no") == 0 ? NULL : hz_conf_seconds(value, &s->idle_ttl);
}

/* As in the labels of keyspaces. */
const char *hz_conf_tenant(struct hz_slot_conf *s, const char *value)
{
	size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n == 0 || n > 64 || value[n] != '\0' ? "is not 1 to 64 letters, digits, ., _ and -" : set_text(&s->tenant, value);
}

const char *hz_conf_seconds(const char *value, unsigned long *out)
{
	static const struct {
		char unit;
		unsigned long factor;
	} units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t n = strspn(value, "0123456789");

	if (n == 0 || n > 9)
		return "is not a time (a number, with s, m, h or d behind it)";
	*out = strtoul(value, NULL, 10);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (value[n] != units[i].unit || (value[n] != '\0' && value[n + 1] != '\0'))
			continue;
		*out *= units[i].factor;
		return *out <= 315360000UL ? NULL : "is more than ten years";
	}
	return "is not a time (a number, with s, m, h or d behind it)";
}

bool hz_conf_login_all(const struct hz_slot_conf *s, unsigned f)
{
	for (size_t i = 0; i < s->nlogin; i++)
		if ((s->login[i] & f) == 0)
			return false;
	return s->nlogin != 0;
}

bool hz_conf_login_any(const struct hz_slot_conf *s, unsigned f)
{
	for (size_t i = 0; i < s->nlogin; i++)
		if ((s->login[i] & f) != 0)
			return true;
	return false;
}

bool hz_conf_two_ways(const struct hz_slot_conf *s)
{
	return hz_conf_login_any(s, HZ_FACTOR_PIN) && !hz_conf_login_all(s, HZ_FACTOR_PIN);
}

static bool sealed_by(const struct hz_slot_conf *s, unsigned kind)
{
	for (size_t i = 0; i < s->n_seals; i++)
		if (s->seals[i] == kind)
			return true;
	return false;
}

/* Every way in must open the keys at rest: with a PIN all seals do, without one all but the PIN's. */
static const char *check_factors(const struct hz_slot_conf *s, const char **key)
{
	bool pin = hz_conf_login_any(s, HZ_FACTOR_PIN);

	*key = "seal";
	if (sealed_by(s, HZ_SEAL_PIN) && !pin)
		return "has pin, and the login is by evidence alone";
	if (s->n_seals != 0 && !sealed_by(s, HZ_SEAL_PIN) && pin)
		return "the login has a PIN, so that pin must be one of the seals";
	if (s->backend == HZ_BACKEND_SOFT && hz_conf_two_ways(s) && s->n_seals < 2)
		return "one way in has no PIN: besides pin, the list needs a seal that the platform releases";
	/* Evidence is no substitute: the store and the PIN would open the keys anywhere. */
	if (s->backend == HZ_BACKEND_SOFT && s->tier >= 2 && pin && (s->n_seals == 0 || (s->n_seals == 1 && sealed_by(s, HZ_SEAL_PIN))))
		return "software keys at tier 2 and above need a seal to hardware (tpm2, snp)";
	*key = "login";
	if (s->backend == HZ_BACKEND_PKCS11 && hz_conf_two_ways(s) && s->device.at[0].pin_source == NULL)
		return "one way in has no PIN: pin_source must say where the device's is";
	*key = "policy";
	if (s->policy == NULL && hz_conf_login_any(s, HZ_FACTOR_EVIDENCE))
		return "missing: it says which evidence is accepted";
	return NULL;
}

/* Nothing to open the data key with: the slot has no token, and says why. */
static const char *refuse_unsealed(struct hz_slot_conf *s)
{
	s->backend = HZ_BACKEND_NONE;
	return set_text(&s->absent_why, "a login of evidence alone needs a seal that the platform releases (seal = ...), and none is configured");
}

const char *hz_conf_login_finish(const struct hz_config *c, struct hz_slot_conf *s, const char **key)
{
	static const unsigned long ttl[] = { 86400, 43200, 14400, 7200, 3600 };
	const char *wrong;

	if (s->evidence_cache == (unsigned long)-1)
		s->evidence_cache = c->evidence_cache;
	if (!s->session_ttl_set)
		s->session_ttl = c->session_ttl != 0 ? c->session_ttl : ttl[s->tier];
	*key = "delegate_to_attested";
	if (s->delegate_to_attested && !hz_conf_login_any(s, HZ_FACTOR_EVIDENCE) && (s->nlogin != 0 || s->tier <= 2))
		return "no login of the slot brings evidence, so that no key would ever do";
	*key = "login";
	if (s->tier == 0 && s->nlogin != 0)
		return "tier 0 has no login";
	*key = "tenant";
	if (s->tier == 0)
		return s->tenant != NULL ? "tier 0 has no login that could carry it" : NULL;
	*key = "login";
	if (s->nlogin == 0)
		s->login[s->nlogin++] = s->tier <= 2 ? HZ_FACTOR_PIN : HZ_FACTOR_EVIDENCE;
	if (s->tier >= 3 && !hz_conf_login_all(s, HZ_FACTOR_EVIDENCE))
		return "every alternative of tiers 3 and 4 needs evidence";
	if (s->backend == HZ_BACKEND_NONE)
		return NULL;
	wrong = check_factors(s, key);
	if (s->backend != HZ_BACKEND_SOFT)
		return wrong; /* seals are for software keys */
	if (s->n_seals == 0 && hz_conf_login_all(s, HZ_FACTOR_PIN))
		s->seals[s->n_seals++] = HZ_SEAL_PIN;
	return wrong == NULL && s->n_seals == 0 ? refuse_unsealed(s) : wrong;
}

void hz_conf_login_free(struct hz_slot_conf *s)
{
	for (size_t i = 0; i < s->nsources; i++) {
		free(s->sources[i].name);
		free(s->sources[i].source);
	}
	free(s->gpu_source);
	free(s->tenant);
	free(s->policy);
	free(s->collateral);
}
