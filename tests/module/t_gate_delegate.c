/* SPDX-License-Identifier: Apache-2.0 */
/* delegate_to_attested: shared secrets and partial results go to the RSA key that the login's evidence vouches for, and to no other. */
#include "gate.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static CK_BBOOL yes = CK_TRUE;
static CK_BYTE k256[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

/* A requester: its key pair outside the module, SubjectPublicKeyInfo, and the public key as an object of the session. */
struct requester {
	EVP_PKEY *pair;
	uint8_t spki[600];
	size_t len;
	CK_OBJECT_HANDLE h;
};

static void requester_new(struct requester *r)
{
	uint8_t *p = r->spki;

	r->pair = EVP_RSA_gen(2048);
	CHECK(r->pair != NULL && i2d_PUBKEY(r->pair, NULL) < (int)sizeof r->spki);
	r->len = (size_t)i2d_PUBKEY(r->pair, &p);
}

static CK_OBJECT_HANDLE public_of(CK_SESSION_HANDLE s, const struct requester *r)
{
	CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
	CK_KEY_TYPE kt = CKK_RSA;
	uint8_t n[256], e[8];
	BIGNUM *bn = NULL, *be = NULL;
	CK_OBJECT_HANDLE h = 0;

	CHECK(EVP_PKEY_get_bn_param(r->pair, OSSL_PKEY_PARAM_RSA_N, &bn) == 1 && EVP_PKEY_get_bn_param(r->pair, OSSL_PKEY_PARAM_RSA_E, &be) == 1);
	{
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_WRAP, &yes, 1 },
				     { CKA_MODULUS, n, (CK_ULONG)BN_bn2bin(bn, n) }, { CKA_PUBLIC_EXPONENT, e, (CK_ULONG)BN_bn2bin(be, e) } };

		OK(p11->C_CreateObject(s, t, 5, &h));
	}
	BN_free(bn);
	BN_free(be);
	return h;
}

static CK_RV ask(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE rsa, CK_OBJECT_HANDLE key)
{
	/* G */
	static CK_BYTE k[33] = { 2, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
				 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98 };
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { k, sizeof k };
	CK_MECHANISM m = { type, &p, sizeof p };
	CK_BYTE out[256];
	CK_ULONG n = sizeof out, need = 0;
	CK_RV query = p11->C_WrapKey(s, &m, rsa, key, NULL, &need), rv = p11->C_WrapKey(s, &m, rsa, key, out, &n);

	CHECK(query == rv && (rv != CKR_OK || (n == 256 && need == 256)));
	return rv;
}

static CK_OBJECT_HANDLE pair(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *pub)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE a[] = { { CKA_EC_PARAMS, k256, sizeof k256 }, { CKA_WRAP, &yes, 1 } };
	CK_ATTRIBUTE b[] = { { CKA_DERIVE, &yes, 1 }, { CKA_UNWRAP, &yes, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_OBJECT_HANDLE priv = 0;

	OK(p11->C_GenerateKeyPair(s, &m, a, 2, b, 3, pub, &priv));
	return priv;
}

static CK_OBJECT_HANDLE share_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	CK_HANZO_SHAMIR_PARAMS p = { 1, 2, 3, { 1 } };
	CK_MECHANISM m = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p }, u = { CKM_HANZO_ECIES, NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_ULONG i = 1, n;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_HANZO_SHARE_INDEX, &i, sizeof i } };
	CK_OBJECT_HANDLE pub, node = pair(s, &pub), h = 0;
	CK_BYTE blob[512];

	n = sizeof blob;
	OK(p11->C_WrapKey(s, &m, pub, key, blob, &n));
	OK(p11->C_UnwrapKey(s, &u, node, blob, n, t, 3, &h));
	return h;
}

static CK_RV log_in_for(CK_SESSION_HANDLE s, const struct requester *r, const char *pin, unsigned gpus)
{
	struct gate_bundle b = { .gpus = gpus, .challenge = gate_challenge(s), .pin = pin };

	if (r != NULL) {
		b.runtime = r->spki;
		b.runtime_len = r->len;
	}
	return p11_login(s, CKU_USER, gate_make(&b));
}

#define REJECTED(call) (RV(call, CKR_FUNCTION_REJECTED), CHECK(gate_said("vouches")))

static struct requester good, other;

/* What the evidence names, and only that; a login without it names nobody. */
static void test_slot(CK_SLOT_ID slot, const char *pin, unsigned gpus)
{
	CK_SESSION_HANDLE s = p11_open(slot, CKF_RW_SESSION);
	CK_OBJECT_HANDLE key, share, pub;
	struct requester cut = good;
	struct gate_bundle b = { .gpus = gpus };

	OK(log_in_for(s, &good, pin, gpus));
	key = pair(s, &pub);
	share = share_of(s, key);
	good.h = public_of(s, &good);
	other.h = public_of(s, &other);
	OK(ask(s, CKM_HANZO_ECIES_DELEGATE, good.h, key));
	OK(ask(s, CKM_HANZO_ECIES_PARTIAL, good.h, share));
	REJECTED(ask(s, CKM_HANZO_ECIES_DELEGATE, other.h, key));
	REJECTED(ask(s, CKM_HANZO_ECIES_PARTIAL, other.h, share));
	RV(ask(s, CKM_HANZO_ECIES_DELEGATE, pub, key), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);

	/* A renewal with other evidence speaks of another key; a refused one changes nothing. */
	b.challenge = gate_challenge(s);
	b.runtime = other.spki;
	b.runtime_len = other.len;
	b.other_measurement = true;
	gate_stage(s, gate_make(&b));
	REFUSED(gate_vendor->HZ_Renew(s), "policy_measurement");
	OK(ask(s, CKM_HANZO_ECIES_DELEGATE, good.h, key));
	b.other_measurement = false;
	b.challenge = gate_challenge(s);
	gate_stage(s, gate_make(&b));
	OK(gate_vendor->HZ_Renew(s));
	OK(ask(s, CKM_HANZO_ECIES_DELEGATE, other.h, key));
	REJECTED(ask(s, CKM_HANZO_ECIES_DELEGATE, good.h, key));
	OK(gate_vendor->HZ_Renew(s)); /* the machine's own source speaks of none */
	REJECTED(ask(s, CKM_HANZO_ECIES_DELEGATE, other.h, key));
	OK(p11->C_Logout(s));

	/* No runtime data, an empty one, and what is not the whole SubjectPublicKeyInfo. */
	cut.len--;
	for (int i = 0; i < 3; i++) {
		struct requester none = { .len = 0 };

		OK(log_in_for(s, i == 0 ? NULL : i == 1 ? &none : &cut, pin, gpus));
		key = pair(s, &pub);
		good.h = public_of(s, &good);
		REJECTED(ask(s, CKM_HANZO_ECIES_DELEGATE, good.h, key));
		OK(p11->C_Logout(s));
	}
	/* Runtime data that the evidence was not made for. */
	b = (struct gate_bundle){ .gpus = gpus, .pin = pin, .challenge = gate_challenge(s), .wrong_report_data = true, .runtime = good.spki,
				  .runtime_len = good.len };
	REFUSED(p11_login(s, CKU_USER, gate_make(&b)), "report_data");
	OK(p11->C_CloseSession(s));
}

/* A login by PIN alone names nobody either. */
static void test_pin_alone(void)
{
	CK_SESSION_HANDLE s = p11_open(2, CKF_RW_SESSION);
	CK_OBJECT_HANDLE key, pub;

	OK(p11_login(s, CKU_USER, USER_PIN));
	key = pair(s, &pub);
	good.h = public_of(s, &good);
	REJECTED(ask(s, CKM_HANZO_ECIES_DELEGATE, good.h, key));
	OK(p11->C_CloseSession(s));
}

/* The slot next to it, which does not ask for it, delegates to anybody. */
static void test_not_asked(void)
{
	CK_SESSION_HANDLE s = p11_open(3, CKF_RW_SESSION);
	CK_OBJECT_HANDLE key, pub;

	OK(p11_login(s, CKU_USER, "attest:"));
	key = pair(s, &pub);
	other.h = public_of(s, &other);
	OK(ask(s, CKM_HANZO_ECIES_DELEGATE, other.h, key));
	OK(p11->C_CloseSession(s));
}

static void configure(bool platform)
{
	gate_write("conf", "[hanzo]\nevidence_cache = 60\n"
		   "[tier2]\nbackend = soft\nlogin = pin+evidence | pin\nseal = pin, sim\npolicy = %s\nevidence_source = sim:%s\n%s"
		   "[tier3]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\n"
		   "[tier4]\nbackend = soft\nseal = sim\npolicy = %s\nevidence_source = sim:%s\nfallback = 2\ndelegate_to_attested = yes\n",
		   gate_path("policy.json"), gate_path("sim.json"), platform ? "delegate_to_attested = yes\n" : "", gate_path("policy.json"),
		   gate_path(platform ? "sim.json" : "none.json"), gate_path("policy.json"), gate_path(platform ? "sim.json" : "none.json"));
	OK(p11->C_Initialize(NULL));
}

/* A slot that fell back still asks, though the one that stands in does not. */
static void test_fallen_back(void)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key, pub;
	CK_TOKEN_INFO ti;

	configure(false);
	OK(p11->C_GetTokenInfo(4, &ti));
	s = p11_open(4, CKF_RW_SESSION);
	OK(log_in_for(s, &good, USER_PIN, 0));
	key = pair(s, &pub);
	good.h = public_of(s, &good);
	other.h = public_of(s, &other);
	OK(ask(s, CKM_HANZO_ECIES_DELEGATE, good.h, key));
	REJECTED(ask(s, CKM_HANZO_ECIES_DELEGATE, other.h, key));
	OK(p11->C_CloseSession(s));
	s = p11_open(2, CKF_RW_SESSION);
	OK(p11_login(s, CKU_USER, USER_PIN));
	key = pair(s, &pub);
	other.h = public_of(s, &other);
	OK(ask(s, CKM_HANZO_ECIES_DELEGATE, other.h, key));
	OK(p11->C_Finalize(NULL));
}

int main(void)
{
	gate_environment();
	gate_load_vendor();
	requester_new(&good);
	requester_new(&other);
	configure(true);
	p11_make_token(2, "both");
	test_slot(2, USER_PIN, 0);
	test_slot(4, NULL, 1);
	test_pin_alone();
	test_not_asked();
	OK(p11->C_Finalize(NULL));
	test_fallen_back();
	EVP_PKEY_free(good.pair);
	EVP_PKEY_free(other.pair);
	return gate_end();
}
