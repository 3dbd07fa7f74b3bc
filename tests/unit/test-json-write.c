/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/json-read.h"
#include "util/json-write.h"
#include "util/usec.h"
#include "util/utf8.h"

static void test_document(void **state)
{
	(void)state;
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct json_writer w = { .out = &out };
	json_object_begin(&w, NULL);
	json_string(&w, "a", "x");
	json_array_begin(&w, "empty");
	json_array_end(&w);
	json_object_begin(&w, "none");
	json_object_end(&w);
	json_array_begin(&w, "list");
	json_u64(&w, NULL, UINT64_MAX);
	json_i64(&w, NULL, INT64_MIN);
	json_object_begin(&w, NULL);
	json_bool(&w, "yes", true);
	json_bool(&w, "no", false);
	json_object_end(&w);
	json_array_begin(&w, NULL);
	json_null(&w, NULL);
	json_array_end(&w);
	json_string(&w, NULL, NULL);
	json_array_end(&w);
	json_string(&w, "key \"quoted\"", "");
	json_object_end(&w);
	assert_string_equal(buf_string(&out), "{\"a\":\"x\",\"empty\":[],\"none\":{},\"list\":"
					      "[18446744073709551615,-9223372036854775808,"
					      "{\"yes\":true,\"no\":false},[null],null],"
					      "\"key \\\"quoted\\\"\":\"\"}");
	assert_int_equal(w.depth, 0);
	assert_false(out.overflowed);
}

static void test_escape(void **state)
{
	(void)state;
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ "", "\"\"" },
		{ "docker.io/lab/app:1", "\"docker.io/lab/app:1\"" },
		{ "\"\\/", "\"\\\"\\\\/\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "\x1b[31m", "\"\\u001b[31m\"" },
		{ "\xc2\x9b", "\"\\u009b\"" },
		{ "gr\xc3\xb6\xc3\x9f\x65", "\"gr\xc3\xb6\xc3\x9f\x65\"" },
		{ "\xf0\x9f\x90\xb3", "\"\xf0\x9f\x90\xb3\"" },
		{ "a\xff\x62", "\"a\xef\xbf\xbd\x62\"" },
		{ "\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "cut\xe2\x82", "\"cut\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xc3\"", "\"\xef\xbf\xbd\\\"\"" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_buf struct buf out = BUF_INIT(4096);
		json_escape(&out, rows[i].text);
		assert_string_equal(buf_string(&out), rows[i].json);
	}
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* Whatever bytes go in: it parses, is UTF-8, and what was good comes back. */
static void test_random_strings(void **state)
{
	(void)state;
	uint64_t random = 88172645463325252;
	for (int round = 0; round < 20000; round++) {
		char text[24];
		size_t len = next_random(&random) % sizeof(text);
		bool valid = true;
		for (size_t i = 0; i < len; i++)
			text[i] = (char)(1 + next_random(&random) % (round % 2 ? 255 : 127));
		text[len] = '\0';
		for (const char *s = text; *s; s += valid ? utf8_char_len(s) : 1)
			valid = valid && utf8_char_len(s);

		cleanup_buf struct buf out = BUF_INIT(4096);
		json_escape(&out, text);
		cleanup_json cJSON *json = NULL;
		assert_int_equal(json_parse(out.data, out.len, &json, NULL), 0);
		assert_true(cJSON_IsString(json));
		if (valid)
			assert_string_equal(json->valuestring, text);
		for (const char *s = out.data; *s; s += utf8_char_len(s))
			assert_true(utf8_char_len(s) > 0);
	}
}

static void test_seconds(void **state)
{
	(void)state;
	static const struct {
		int64_t usec;
		const char *json;
	} rows[] = {
		{ 0, "0" },
		{ 1, "0.000001" },
		{ 1500000, "1.5" },
		{ 1000000, "1" },
		{ 10000000, "10" },
		{ 1000010, "1.00001" },
		{ -1, "-0.000001" },
		{ -600 * USEC_PER_SEC, "-600" },
		{ -1500000, "-1.5" },
		{ INT64_MAX - 1, "9223372036854.775806" },
		{ INT64_MIN + 1, "-9223372036854.775807" },
		{ USEC_NEVER, "null" },
		{ USEC_INFINITY, "null" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_buf struct buf out = BUF_INIT(100);
		struct json_writer w = { .out = &out };
		json_seconds(&w, NULL, rows[i].usec);
		assert_string_equal(buf_string(&out), rows[i].json);
	}
}

static void test_overflow(void **state)
{
	(void)state;
	cleanup_buf struct buf out = BUF_INIT(10);
	struct json_writer w = { .out = &out };
	json_array_begin(&w, NULL);
	for (int i = 0; i < 100; i++)
		json_string(&w, NULL, "long enough");
	json_array_end(&w);
	assert_true(out.overflowed);
	assert_true(out.len <= 10);
	assert_int_equal(w.depth, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),       cmocka_unit_test(test_escape),
		cmocka_unit_test(test_random_strings), cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_overflow),
	};
	return cmocka_run_group_tests_name("json-write", tests, NULL, NULL);
}
