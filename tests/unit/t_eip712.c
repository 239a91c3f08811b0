/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of the EIP-712 encoder: published vectors, what is refused and why, and the limits. */
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/eip712.h"
#include "crypto/ethaddr.h"
#include "crypto/keccak.h"
#include "crypto/u256.h"

static char why[HZ_EIP712_WHY];

static bool digest(const char *text, char hex[65])
{
	struct hz_eip712 out;

	if (!hz_eip712_digest(text, strlen(text), &out, why))
		return false;
	hz_hex_encode(out.digest, 32, hex);
	return true;
}

/* The example of the EIP itself. */
static const char mail[] =
	"{\"types\":{\"EIP712Domain\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"version\",\"type\":\"string\"},"
	"{\"name\":\"chainId\",\"type\":\"uint256\"},{\"name\":\"verifyingContract\",\"type\":\"address\"}],"
	"\"Person\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"wallet\",\"type\":\"address\"}],"
	"\"Mail\":[{\"name\":\"from\",\"type\":\"Person\"},{\"name\":\"to\",\"type\":\"Person\"},{\"name\":\"contents\",\"type\":\"string\"}]},"
	"\"primaryType\":\"Mail\",\"domain\":{\"name\":\"Ether Mail\",\"version\":\"1\",\"chainId\":1,"
	"\"verifyingContract\":\"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC\"},"
	"\"message\":{\"from\":{\"name\":\"Cow\",\"wallet\":\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"},"
	"\"to\":{\"name\":\"Bob\",\"wallet\":\"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB\"},\"contents\":\"Hello, Bob!\"}}";

START_TEST(test_example_of_the_eip)
{
	struct hz_eip712 out;
	char hex[65];

	ck_assert_msg(hz_eip712_digest(mail, sizeof mail - 1, &out, why), "%s", why);
	hz_hex_encode(out.domain_separator, 32, hex);
	ck_assert_str_eq(hex, "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f");
	hz_hex_encode(out.struct_hash, 32, hex);
	ck_assert_str_eq(hex, "c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e");
	hz_hex_encode(out.digest, 32, hex);
	ck_assert_str_eq(hex, "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
	ck_assert(!out.hanzo_domain);
}
END_TEST

/* Replace the first `from` in the example by `to`, and say whether it still has a digest. */
static bool changed(const char *from, const char *to, char hex[65])
{
	const char *at = strstr(mail, from);
	size_t head;
	char *text;
	bool ok;

	ck_assert_msg(at != NULL, "%s", from);
	head = (size_t)(at - mail);
	text = malloc(sizeof mail + strlen(to));
	ck_assert_ptr_nonnull(text);
	memcpy(text, mail, head);
	strcpy(text + head, to);
	strcat(text, at + strlen(from));
	ck_assert(strlen(text) < sizeof mail + strlen(to));
	ok = digest(text, hex);
	free(text);
	return ok;
}

START_TEST(test_same_meaning_same_digest)
{
	static const char *const same[][2] = {
		{ "\"chainId\":1,", "\"chainId\":\"1\"," },
		{ "\"chainId\":1,", "\"chainId\":\"0x1\"," },
		{ "\"chainId\":1,", "\"chainId\":\"0x0001\"," },
		{ "\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "\"0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826\"" },
		{ "\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "\"0xCD2A3D9F938E13CD947EC05ABC7FE734DF8DD826\"" },
		{ "\"Cow\"", "\"\\u0043ow\"" },
		{ "\"primaryType\":\"Mail\",", " \"primaryType\" : \"Ma\\u0069l\" , " },
		{ "\"EIP712Domain\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"version\",\"type\":\"string\"},"
		  "{\"name\":\"chainId\",\"type\":\"uint256\"},{\"name\":\"verifyingContract\",\"type\":\"address\"}],", "" },
		{ "\"Person\":[", "\"Unused\":[],\"Person\":[" },
	};
	char hex[65];

	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		ck_assert_msg(changed(same[i][0], same[i][1], hex), "%s: %s", same[i][1], why);
		ck_assert_str_eq(hex, "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
	}
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[][3] = {
		{ "\"chainId\":1,", "\"chainId\":1.0,", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":1e3,", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":-1,", "negative" },
		{ "\"chainId\":1,", "\"chainId\":\"01\",", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":\" 1\",", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":\"\",", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":\"0x\",", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":\"-0x1\",", "negative" },
		{ "\"chainId\":1,", "\"chainId\":true,", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":null,", "chainId" },
		{ "\"chainId\":1,", "\"chainId\":115792089237316195423570985008687907853269984665640564039457584007913129639936,", "chainId" },
		{ "\"chainId\":1,", "", "missing" },
		{ "\"chainId\":1,", "\"chainId\":1,\"chainId\":1,", "twice" },
		{ "\"chainId\":1,", "\"chainId\":1,\"extra\":1,", "does not declare" },
		{ "\"Cow\"", "\"Cow\",\"extra\":1", "does not declare" },
		{ "\"Cow\"", "7", "name" },
		{ "\"Cow\"", "null", "name" },
		{ "\"Cow\"", "\"\\ud800\"", "surrogate" },
		{ "\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "\"0xcD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "checksum" },
		{ "\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "\"CD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "wallet" },
		{ "\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD8\"", "wallet" },
		{ "\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"", "1", "wallet" },
		{ "\"contents\":\"Hello, Bob!\"", "\"content\":\"Hello, Bob!\"", "contents" },
		{ "{\"name\":\"Cow\",\"wallet\":\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"}", "null", "Person" },
		{ "{\"name\":\"Cow\",\"wallet\":\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"}", "[]", "Person" },
		{ "\"primaryType\":\"Mail\"", "\"primaryType\":\"Male\"", "primaryType" },
		{ "\"primaryType\":\"Mail\"", "\"primaryType\":\"EIP712Domain\"", "primaryType" },
		{ "\"primaryType\":\"Mail\"", "\"primaryType\":1", "primaryType" },
		{ "\"primaryType\":\"Mail\",", "", "primaryType" },
		{ "\"primaryType\":\"Mail\",", "\"primaryType\":\"Mail\",\"more\":0,", "besides" },
		{ "\"type\":\"Person\"", "\"type\":\"Persona\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"uint\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"uint7\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"uint264\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"uint08\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"bytes0\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"bytes33\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"\"", "not declared" },
		{ "\"type\":\"Person\"", "\"type\":\"Person[0]\"", "length" },
		{ "\"type\":\"Person\"", "\"type\":\"Person[01]\"", "length" },
		{ "\"type\":\"Person\"", "\"type\":\"Person[-1]\"", "length" },
		{ "\"type\":\"Person\"", "\"type\":\"Person]\"", "array" },
		{ "\"type\":\"Person\"", "\"type\":\"]\"", "array" },
		{ "\"type\":\"Person\"", "\"type\":\"Person[][][][][][][][][]\"", "dimensions" },
		{ "\"type\":\"Person\"", "\"type\":\"Person[]\"", "not an array" },
		{ "\"type\":\"Person\"", "\"type\":\"Person\",\"x\":1", "field of Mail" },
		{ "{\"name\":\"from\",\"type\":\"Person\"}", "{\"name\":\"to\",\"type\":\"Person\"}", "twice" },
		{ "{\"name\":\"from\",\"type\":\"Person\"}", "{\"name\":\"a b\",\"type\":\"Person\"}", "field name" },
		{ "{\"name\":\"from\",\"type\":\"Person\"}", "\"from\"", "field of Mail" },
		{ "\"Person\":[", "\"uint8\":[],\"Person\":[", "struct name" },
		{ "\"Person\":[", "\"uint\":[],\"Person\":[", "struct name" },
		{ "\"Person\":[", "\"int7\":[],\"Person\":[", "struct name" },
		{ "\"Person\":[", "\"bytes33\":[],\"Person\":[", "struct name" },
		{ "\"Person\":[", "\"a,b\":[],\"Person\":[", "struct name" },
		{ "\"Person\":[", "\"\":[],\"Person\":[", "struct name" },
		{ "\"Person\":[", "\"P\":{},\"Person\":[", "not an array" },
		{ "{\"name\":\"version\",\"type\":\"string\"}", "{\"name\":\"version\",\"type\":\"bytes\"}", "EIP712Domain" },
		{ "{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"version\",\"type\":\"string\"}",
		  "{\"name\":\"version\",\"type\":\"string\"},{\"name\":\"name\",\"type\":\"string\"}", "EIP712Domain" },
		{ "\"message\":", "\"massage\":", "message" },
		{ "{\"types\":", "[{\"types\":", "JSON" },
	};
	char hex[65];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_msg(!changed(bad[i][0], bad[i][1], hex), "%s", bad[i][1]);
		ck_assert_msg(strstr(why, bad[i][2]) != NULL, "%s: %s", bad[i][1], why);
	}
	ck_assert(!digest("[]", hex));
	ck_assert(!digest("{}", hex));
	ck_assert(!digest("", hex));
	ck_assert_msg(strstr(why, "no data") != NULL, "%s", why);
}
END_TEST

/* One field of the given type and value. */
static bool one(const char *type, const char *value, uint8_t hash[32])
{
	struct hz_eip712 out;
	char text[2048];

	snprintf(text, sizeof text, "{\"types\":{\"T\":[{\"name\":\"v\",\"type\":\"%s\"}]},\"primaryType\":\"T\",\"domain\":{},"
		 "\"message\":{\"v\":%s}}", type, value);
	if (!hz_eip712_digest(text, strlen(text), &out, why))
		return false;
	memcpy(hash, out.struct_hash, 32);
	return true;
}

START_TEST(test_ranges)
{
	static const struct { const char *type, *value; bool ok; } cases[] = {
		{ "uint8", "255", true }, { "uint8", "256", false }, { "uint8", "\"0xff\"", true }, { "uint8", "\"0x100\"", false },
		{ "uint64", "18446744073709551615", true }, { "uint64", "18446744073709551616", false },
		{ "uint256", "\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"", true },
		{ "int8", "127", true }, { "int8", "128", false }, { "int8", "-128", true }, { "int8", "-129", false }, { "int8", "-256", false },
		{ "int8", "\"-1\"", true }, { "int8", "-0", false }, { "int8", "\"-\"", false }, { "int8", "\"0x80\"", false },
		{ "int256", "57896044618658097711785492504343953926634992332820282019728792003956564819967", true },
		{ "int256", "57896044618658097711785492504343953926634992332820282019728792003956564819968", false },
		{ "int256", "-57896044618658097711785492504343953926634992332820282019728792003956564819968", true },
		{ "int256", "-57896044618658097711785492504343953926634992332820282019728792003956564819969", false },
		{ "bool", "true", true }, { "bool", "1", false }, { "bool", "\"true\"", false },
		{ "bytes1", "\"0xff\"", true }, { "bytes1", "\"0x\"", false }, { "bytes1", "\"0xffff\"", false }, { "bytes1", "\"ff\"", false },
		{ "bytes", "\"0x\"", true }, { "bytes", "\"0xf\"", false }, { "bytes", "\"0xfg\"", false }, { "bytes", "\"\"", false },
		{ "bytes", "\"0X00\"", false }, { "uint8[2]", "[1,2]", true }, { "uint8[2]", "[1]", false }, { "uint8[2]", "[1,2,3]", false },
		{ "uint8[2][]", "[[1,2],[3,4],[5,6]]", true }, { "uint8[2][]", "[[1,2,3],[4,5,6]]", false },
		{ "uint8[][2]", "[[1,2,3],[4]]", true }, { "uint8[][2]", "[[1,2]]", false }, { "uint8[]", "{}", false },
		{ "T[]", "[{\"v\":[]},{\"v\":[{\"v\":[]}]}]", true }, { "T", "{\"v\":{}}", false },
	};
	uint8_t h[32];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ck_assert_msg(one(cases[i].type, cases[i].value, h) == cases[i].ok, "%s %s: %s", cases[i].type, cases[i].value, why);
}
END_TEST

/* Long dynamic bytes go through the hash in parts; the parts must join. */
START_TEST(test_long_bytes)
{
	char value[2 * 300 + 5];
	uint8_t plain[300], words[64], want[32], got[32];

	memset(plain, 'a', sizeof plain);
	strcpy(value, "\"0x");
	for (size_t i = 0; i < 300; i++)
		memcpy(value + 3 + 2 * i, "61", 2);
	strcpy(value + 603, "\"");
	ck_assert_msg(one("bytes", value, got), "%s", why);
	hz_keccak256("T(bytes v)", 10, words);
	hz_keccak256(plain, sizeof plain, words + 32);
	hz_keccak256(words, sizeof words, want);
	ck_assert_mem_eq(got, want, 32);
}
END_TEST

START_TEST(test_hanzo_domains_are_marked)
{
	static const struct { const char *name; bool marked; } cases[] = {
		{ "Hanzo PoAI", true }, { "Hanzo HMM", true }, { "Hanzo \\u0050oAI", true }, { "Hanzo PoAI ", false }, { "hanzo poai", false },
	};
	struct hz_eip712 out;
	char text[512];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "{\"types\":{\"T\":[]},\"primaryType\":\"T\",\"domain\":{\"name\":\"%s\"},\"message\":{}}", cases[i].name);
		ck_assert_msg(hz_eip712_digest(text, strlen(text), &out, why), "%s", why);
		ck_assert_msg(out.hanzo_domain == cases[i].marked, "%s", cases[i].name);
	}
}
END_TEST

START_TEST(test_struct_limit)
{
	char text[8192];
	char hex[65];

	for (unsigned n = 63; n <= 65; n++) { /* one more is made for the domain */
		size_t at = (size_t)sprintf(text, "{\"types\":{\"T\":[]");

		for (unsigned i = 1; i < n; i++)
			at += (size_t)sprintf(text + at, ",\"T%u\":[{\"name\":\"x\",\"type\":\"T%u[]\"}]", i, i % (n - 1) + 1);
		sprintf(text + at, "},\"primaryType\":\"T%u\",\"domain\":{},\"message\":{\"x\":[]}}", n - 1);
		ck_assert_msg(digest(text, hex) == (n <= 63), "%u: %s", n, why);
	}
}
END_TEST

/* Nesting as deep as JSON may be, in types that refer to themselves. */
START_TEST(test_depth_limit)
{
	char value[256], hex[65], text[1024];

	for (unsigned n = 28; n <= 34; n++) {
		value[0] = '\0';
		for (unsigned i = 0; i < n / 2; i++)
			strcat(value, "[{\"v\":");
		strcat(value, "[]");
		for (unsigned i = 0; i < n / 2; i++)
			strcat(value, "}]");
		snprintf(text, sizeof text, "{\"types\":{\"T\":[{\"name\":\"v\",\"type\":\"T[]\"}]},\"primaryType\":\"T\",\"domain\":{},\"message\":{\"v\":%s}}", value);
		ck_assert_msg(digest(text, hex) == (n / 2 * 2 + 3 <= 32), "%u: %s", n, why);
	}
}
END_TEST

static json_object *vectors(const char *name)
{
	const char *dir = getenv("HANZO_VECTORS");
	char path[4096];

	snprintf(path, sizeof path, "%s/eip712/%s", dir != NULL ? dir : "../shared/vectors", name);
	return json_object_from_file(path);
}

static bool check_file(const char *name)
{
	json_object *root = vectors(name), *cases, *c, *td, *want;

	if (root == NULL)
		return false;
	ck_assert(json_object_object_get_ex(root, "cases", &cases));
	ck_assert(json_object_array_length(cases) > 0);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		char hex[67] = "0x";

		c = json_object_array_get_idx(cases, i);
		ck_assert(json_object_object_get_ex(c, "typed_data", &td) && json_object_object_get_ex(c, "digest", &want));
		ck_assert_msg(digest(json_object_to_json_string_ext(td, JSON_C_TO_STRING_PLAIN), hex + 2), "%s %zu: %s", name, i, why);
		ck_assert_str_eq(hex, json_object_get_string(want));
	}
	json_object_put(root);
	return true;
}

START_TEST(test_vectors)
{
	ck_assert(check_file("generic.json"));
	ck_assert(check_file("poai-hmm.json"));
}
END_TEST

START_TEST(test_address_text)
{
	static const char *const right[] = { /* examples of EIP-55 */
		"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
		"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	};
	uint8_t a[20];
	char text[HZ_ETHADDR_TEXT];

	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		ck_assert(hz_ethaddr_parse(right[i], 42, a));
		hz_ethaddr_text(a, text);
		ck_assert_str_eq(text, right[i]);
	}
	ck_assert(!hz_ethaddr_parse("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", 42, a));
	ck_assert(!hz_ethaddr_parse("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 41, a));
	ck_assert(!hz_ethaddr_parse("0X52908400098527886E0F7030069857D2E4169EE7", 42, a));
}
END_TEST

START_TEST(test_u256)
{
	uint8_t v[32], w[32];
	char hex[65];

	ck_assert(hz_u256_from_dec("115792089237316195423570985008687907853269984665640564039457584007913129639935", 78, v));
	ck_assert_uint_eq(hz_u256_bits(v), 256);
	hz_u256_negate(v);
	ck_assert_uint_eq(hz_u256_low64(v), 1);
	ck_assert_uint_eq(hz_u256_bits(v), 1);
	ck_assert(!hz_u256_from_dec("115792089237316195423570985008687907853269984665640564039457584007913129639936", 78, v));
	ck_assert(hz_u256_from_dec("1000000000000000000000000", 25, v));
	hz_hex_encode(v, 32, hex);
	ck_assert_str_eq(hex, "00000000000000000000000000000000000000000000d3c21bcecceda1000000");
	ck_assert(hz_u256_from_hex("0xd3c21bcecceda1000000", 22, w) && memcmp(v, w, 32) == 0);
	ck_assert(hz_u256_from_hex("0xD", 3, w) && w[31] == 13);
	hz_u256_from_u64(v, 0x0102030405060708u);
	ck_assert(v[24] == 1 && v[31] == 8 && hz_u256_low64(v) == 0x0102030405060708u);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("eip712");
	TCase *tc = tcase_create("all");
	json_object *probe = vectors("generic.json");
	SRunner *r;
	int failed;

	tcase_add_test(tc, test_example_of_the_eip);
	tcase_add_test(tc, test_same_meaning_same_digest);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_ranges);
	tcase_add_test(tc, test_long_bytes);
	tcase_add_test(tc, test_hanzo_domains_are_marked);
	tcase_add_test(tc, test_struct_limit);
	tcase_add_test(tc, test_depth_limit);
	tcase_add_test(tc, test_address_text);
	tcase_add_test(tc, test_u256);
	if (probe != NULL)
		tcase_add_test(tc, test_vectors);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	if (probe == NULL)
		puts("skip: eip712 vectors are not here");
	json_object_put(probe);
	return failed != 0 ? 1 : probe == NULL ? 77 : 0;
}
