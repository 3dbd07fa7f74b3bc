/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/json-read.h"
#include "util/limits.h"

/* Parses a copy without NUL, so that a sanitizer sees a step past the end. */
static int parse(const char *text, size_t len, cJSON **ret, struct err *e)
{
	cleanup_free char *copy = xcalloc(len, 1);
	if (len)
		memcpy(copy, text, len);
	return json_parse(copy, len, ret, e);
}

static void test_good(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"0",
		"-1.5e3",
		"null",
		"true",
		"\"\"",
		"{}",
		"[]",
		" \t\r\n{\"a\" : [1, {\"b\":\"\\u00e9\\ud83d\\udc33\"}]}\n\n",
		"\"\\\\u0000\"",
		"\"{[\\\"]}\"",
		"\"gr\xc3\xb6\xc3\x9f\"",
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_json cJSON *json = NULL;
		struct err e = { 0 };
		int r = parse(rows[i], strlen(rows[i]), &json, &e);
		if (r != 0 || !json)
			fail_msg("'%s': %s", rows[i], e.msg);
	}
}

static void test_bad(void **state)
{
	(void)state;
	static const struct {
		const char *text, *where;
	} rows[] = {
		{ "", "at byte 0 (line 1)" },
		{ "   ", "(line 1)" },
		{ "{", "(line 1)" },
		{ "}", "at byte 0 (line 1)" },
		{ "[1,", "(line 1)" },
		{ "[1,]", "at byte 3 (line 1)" },
		{ "{\"1\":1,", "(line 1)" },
		{ "{\"a\":1,}", "(line 1)" },
		{ "{\"a\" 1}", "(line 1)" },
		{ "{a:1}", "at byte 2 (line 1)" },
		{ "{'a':1}", "at byte 2 (line 1)" },
		{ "{} x", "at byte 3 (line 1)" },
		{ "{}\n{}", "at byte 3 (line 2)" },
		{ "1 2", "at byte 2 (line 1)" },
		{ "{},", "at byte 2 (line 1)" },
		{ "{\n\"a\":\n?}", "at byte 7 (line 3)" },
		{ "nan", "at byte 0 (line 1)" },
		{ "NaN", "at byte 0 (line 1)" },
		{ "Infinity", "at byte 0 (line 1)" },
		{ "0x10", "at byte 1 (line 1)" },
		{ "+1", "at byte 0 (line 1)" },
		{ "TRUE", "at byte 0 (line 1)" },
		{ "truex", "at byte 4 (line 1)" },
		{ "tru", "at byte 0 (line 1)" },
		{ "\"abc", "(line 1)" },
		{ "\"abc\\\"", "(line 1)" },
		{ "\"abc\\", "(line 1)" },
		{ "\"\\u12\"", "(line 1)" },
		{ "\"\\ud800\"", "(line 1)" },
		{ "\"\\x41\"", "(line 1)" },
		{ "\"a\\u0000b\"", "NUL in a string at byte 2 (line 1)" },
		{ "{\"a\\u0000\":1}", "NUL in a string at byte 3 (line 1)" },
		{ "\"a\nb\"", "control character at byte 2 (line 1)" },
		{ "\"a\x1f\"", "control character at byte 2 (line 1)" },
		{ "{\"a\":1}\x01", "at byte 7 (line 1)" },
		{ "\xff", "at byte 0 (line 1)" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cJSON *json = NULL;
		struct err e = { 0 };
		int r = parse(rows[i].text, strlen(rows[i].text), &json, &e);
		if (r != -EBADMSG || e.code != EBADMSG || json || !strstr(e.msg, rows[i].where))
			fail_msg("'%s': %d, %s", rows[i].text, r, e.msg);
	}
}

static void test_nul(void **state)
{
	(void)state;
	cJSON *json = NULL;
	struct err e = { 0 };
	assert_int_equal(parse("{}\0junk", 7, &json, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "at byte 2"));
	assert_int_equal(parse("\"a\0b\"", 5, &json, &e), -EBADMSG);
	assert_int_equal(parse("{}", 3, &json, &e), -EBADMSG);
	assert_int_equal(parse("[1,2]", 4, &json, NULL), -EBADMSG);
	assert_null(json);
}

static int parse_nested(unsigned depth, char open, char close, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT(1024 * 1024);
	for (unsigned i = 0; i < depth; i++) {
		if (open == '{' && i)
			(void)buf_puts(&text, "\"k\":");
		(void)buf_putc(&text, open);
	}
	for (unsigned i = 0; i < depth && close; i++)
		(void)buf_putc(&text, close);
	cleanup_json cJSON *json = NULL;
	return parse(text.data, text.len, &json, e);
}

static void test_depth(void **state)
{
	(void)state;
	struct err e = { 0 };
	assert_int_equal(parse_nested(JSON_MAX_DEPTH, '[', ']', &e), 0);
	assert_int_equal(parse_nested(JSON_MAX_DEPTH, '{', '}', &e), 0);
	assert_int_equal(parse_nested(JSON_MAX_DEPTH + 1, '[', ']', &e), -E2BIG);
	assert_int_equal(e.code, E2BIG);
	assert_non_null(strstr(e.msg, "nested too deep at byte 64"));
	assert_int_equal(parse_nested(JSON_MAX_DEPTH + 1, '{', '}', NULL), -E2BIG);
	assert_int_equal(parse_nested(100000, '[', '\0', &e), -E2BIG);

	/* Side by side is not nested, and brackets in strings do not count. */
	cleanup_buf struct buf wide = BUF_INIT(1024 * 1024);
	(void)buf_puts(&wide, "[\"[[[[\"");
	for (int i = 0; i < 1000; i++)
		(void)buf_puts(&wide, ",[{}],\"{\"");
	(void)buf_puts(&wide, "]");
	cleanup_json cJSON *json = NULL;
	assert_int_equal(parse(wide.data, wide.len, &json, &e), 0);
}

static cJSON *parse_good(const char *text)
{
	cJSON *json = NULL;
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	return json;
}

static void test_getters(void **state)
{
	(void)state;
	cleanup_json cJSON *json = parse_good(
		"{\"s\":\"x\",\"n\":7,\"m\":-7,\"b\":true,\"f\":false,\"a\":[1],\"o\":{\"k\":1}}");
	const char *s = NULL;
	uint64_t n = 0;
	int64_t m = 0;
	bool b = false, f = true;
	const cJSON *a = NULL, *o = NULL;
	struct err e = { 0 };
	assert_int_equal(json_get_string(json, "s", &s, &e), 0);
	assert_string_equal(s, "x");
	assert_int_equal(json_get_u64(json, "n", &n, &e), 0);
	assert_int_equal(n, 7);
	assert_int_equal(json_get_i64(json, "m", &m, &e), 0);
	assert_int_equal(m, -7);
	assert_int_equal(json_get_bool(json, "b", &b, &e), 0);
	assert_int_equal(json_get_bool(json, "f", &f, &e), 0);
	assert_true(b && !f);
	assert_int_equal(json_get_array(json, "a", &a, &e), 0);
	assert_int_equal(cJSON_GetArraySize(a), 1);
	assert_int_equal(json_get_object(json, "o", &o, &e), 0);
	assert_int_equal(json_get_u64(o, "k", &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(e.code, 0);
}

/* Asks for the member by every getter; returns the bits of those that gave one value r. */
static unsigned getters_that_return(int r, const cJSON *json, const char *name)
{
	static const char untouched[] = "untouched";
	const char *s = untouched;
	uint64_t u = 99;
	int64_t i = 99;
	bool b = true;
	const cJSON *a = json, *o = json;
	struct err e[6] = { 0 };
	const int got[] = {
		json_get_string(json, name, &s, &e[0]), json_get_u64(json, name, &u, &e[1]),
		json_get_i64(json, name, &i, &e[2]),	json_get_bool(json, name, &b, &e[3]),
		json_get_array(json, name, &a, &e[4]),	json_get_object(json, name, &o, &e[5]),
	};
	const bool kept[] = { s == untouched, u == 99, i == 99, b, a == json, o == json };
	unsigned bits = 0;
	for (unsigned n = 0; n < ELEMENTS(got); n++) {
		if (got[n] < 0) {
			assert_true(kept[n]);
			assert_int_equal(e[n].code, -got[n]);
			assert_non_null(strstr(e[n].msg, name));
		}
		if (got[n] == r)
			bits |= 1u << n;
	}
	return bits;
}

static void test_wrong_type(void **state)
{
	(void)state;
	enum { STRING = 1, U64 = 2, I64 = 4, BOOL = 8, ARRAY = 16, OBJECT = 32, ALL = 63 };
	static const struct {
		const char *value;
		unsigned good;
	} rows[] = {
		{ "\"7\"", STRING },
		{ "\"\"", STRING },
		{ "7", U64 | I64 },
		{ "-7", I64 },
		{ "7.0", U64 | I64 },
		{ "7.5", 0 },
		{ "1e3", U64 | I64 },
		{ "1e400", 0 },
		{ "-1e400", 0 },
		{ "9007199254740992", U64 | I64 },
		{ "9007199254740994", 0 },
		{ "-9007199254740992", I64 },
		{ "-9007199254740994", 0 },
		{ "18446744073709551616", 0 },
		{ "0.0000000001", 0 },
		{ "false", 0 },
		{ "[]", ARRAY },
		{ "{}", OBJECT },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "{\"field\":%s}", rows[i].value);
		cleanup_json cJSON *json = parse_good(text);
		unsigned bad = getters_that_return(-EINVAL, json, "field");
		/* getters_that_return() starts from true, so false is asked for apart. */
		unsigned good = strcmp(rows[i].value, "false") == 0 ? BOOL : rows[i].good;
		if (bad != (ALL & ~good))
			fail_msg("%s: %x", rows[i].value, bad);
	}
}

static void test_absent(void **state)
{
	(void)state;
	enum { ALL = 63 };
	cleanup_json cJSON *json = parse_good("{\"Field\":1,\"null\":null,\"list\":[]}");
	assert_int_equal(getters_that_return(-ENOENT, json, "field"), ALL);
	assert_int_equal(getters_that_return(-ENOENT, json, "null"), ALL);
	assert_int_equal(getters_that_return(-ENOENT, NULL, "field"), ALL);
	const cJSON *list = NULL;
	assert_int_equal(json_get_array(json, "list", &list, NULL), 0);
	assert_int_equal(getters_that_return(-EINVAL, list, "field"), ALL);
}

static void test_large_number_is_exact(void **state)
{
	(void)state;
	cleanup_json cJSON *json = parse_good("{\"n\":4294967296,\"max\":9007199254740992}");
	uint64_t n = 0;
	assert_int_equal(json_get_u64(json, "n", &n, NULL), 0);
	assert_true(n == UINT64_C(4294967296));
	assert_int_equal(json_get_u64(json, "max", &n, NULL), 0);
	assert_true(n == UINT64_C(9007199254740992));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul),	cmocka_unit_test(test_depth),
		cmocka_unit_test(test_getters), cmocka_unit_test(test_wrong_type),
		cmocka_unit_test(test_absent),	cmocka_unit_test(test_large_number_is_exact),
	};
	return cmocka_run_group_tests_name("json-read", tests, NULL, NULL);
}
