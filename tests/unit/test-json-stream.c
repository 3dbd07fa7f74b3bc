/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "util/json-stream.h"

#define EACH 32
#define ALL  200

/* The members "n" of all values, added up with their places. */
struct sum {
	uint64_t sum, count;
	int fail_at; /* which value is refused; 0: none */
};

static int on_value(void *ctx, const cJSON *value, struct err *e)
{
	struct sum *sum = ctx;
	uint64_t n = 0;
	sum->count++;
	if ((int)sum->count == sum->fail_at)
		return err_set(e, EDOM, "refused");
	(void)!json_get_u64(value, "n", &n, NULL);
	sum->sum += n * sum->count;
	return 0;
}

/* Feeds text in pieces of that many bytes. */
static int feed(struct json_stream *s, const char *text, size_t len, size_t piece, struct err *e)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < len; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		/* a copy without NUL, so that a sanitizer sees a step past the end */
		cleanup_free char *copy = xcalloc(n, 1);
		memcpy(copy, text + i, n);
		r = json_stream_feed(s, copy, n, e);
	}
	return r < 0 ? r : json_stream_end(s, e);
}

static int run(enum json_stream_kind kind, const char *text, size_t piece, struct sum *ret,
	       struct err *e)
{
	struct json_stream s = JSON_STREAM_INIT(kind, on_value, ret, EACH, ALL);
	int r = feed(&s, text, strlen(text), piece, e);
	json_stream_done(&s);
	return r;
}

static void good(void **state)
{
	(void)state;
	static const struct {
		enum json_stream_kind kind;
		const char *text;
		uint64_t count, sum;
	} rows[] = {
		{ JSON_STREAM_ELEMENTS, "[]", 0, 0 },
		{ JSON_STREAM_ELEMENTS, " [ ] \r\n", 0, 0 },
		{ JSON_STREAM_ELEMENTS, "null", 0, 0 },
		{ JSON_STREAM_ELEMENTS, " null\n", 0, 0 },
		{ JSON_STREAM_ELEMENTS, "[{}]", 1, 0 },
		{ JSON_STREAM_ELEMENTS, "[{\"n\":1},{\"n\":2}\n,\t{\"n\":3}]", 3, 14 },
		{ JSON_STREAM_ELEMENTS, "[{\"s\":\"}]\\\"{\",\"n\":1},{\"n\":2}]", 2, 5 },
		{ JSON_STREAM_ELEMENTS, "[{\"s\":\"\\\\\",\"n\":1},{\"n\":2}]", 2, 5 },
		{ JSON_STREAM_ELEMENTS, "[{\"a\":[{\"b\":[]}],\"n\":4}]", 1, 4 },
		{ JSON_STREAM_VALUES, "", 0, 0 },
		{ JSON_STREAM_VALUES, "{\"n\":1}", 1, 1 },
		{ JSON_STREAM_VALUES, "{\"n\":1}{\"n\":2}\n{\"n\":3}\r\n", 3, 14 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		for (size_t piece = 1; piece < 40; piece++) {
			struct sum sum = { 0 };
			struct err e = { 0 };
			if (run(rows[i].kind, rows[i].text, piece, &sum, &e) != 0)
				fail_msg("'%s' in pieces of %zu: %s", rows[i].text, piece, e.msg);
			assert_int_equal(sum.count, rows[i].count);
			assert_int_equal(sum.sum, rows[i].sum);
		}
	}
}

static void bad(void **state)
{
	(void)state;
	static const struct {
		enum json_stream_kind kind;
		const char *text;
		int r;
	} rows[] = {
		{ JSON_STREAM_ELEMENTS, "", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "{\"message\":\"no\"}", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{}", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{},", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{},]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[,{}]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{}{}]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{}]]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{}] x", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[1]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[\"a\"]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[[{}]]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[null]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "nul", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "nu ll", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "nulll", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "null[]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{]}]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{\"a\" 1}]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{\"a\":\"\n\"}]", -EBADMSG },
		{ JSON_STREAM_ELEMENTS, "[{\"a\":\"0123456789012345678901234\"}]", -E2BIG },
		{ JSON_STREAM_ELEMENTS, "[{\"a\":\"01234567890123456789012345678901234567890",
		  -E2BIG },
		{ JSON_STREAM_VALUES, "[]", -EBADMSG },
		{ JSON_STREAM_VALUES, "{} 1", -EBADMSG },
		{ JSON_STREAM_VALUES, "{\"a\"", -EBADMSG },
		{ JSON_STREAM_VALUES, "{},{}", -EBADMSG },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		for (size_t piece = 1; piece < 60; piece++) {
			struct sum sum = { 0 };
			struct err e = { 0 };
			int r = run(rows[i].kind, rows[i].text, piece, &sum, &e);
			if (r != rows[i].r || e.code != -r || !*e.msg)
				fail_msg("'%s' in pieces of %zu: %d %s", rows[i].text, piece, r,
					 e.msg);
		}
	}
}

static void nul_is_no_white_space(void **state)
{
	(void)state;
	struct sum sum = { 0 };
	struct err e = { 0 };
	struct json_stream s = JSON_STREAM_INIT(JSON_STREAM_ELEMENTS, on_value, &sum, EACH, ALL);
	assert_int_equal(feed(&s, "[{}]\0", 5, 5, &e), -EBADMSG);
	json_stream_done(&s);
}

static void what_the_callee_says(void **state)
{
	(void)state;
	struct sum sum = { .fail_at = 2 };
	struct err e = { 0 };
	assert_int_equal(run(JSON_STREAM_ELEMENTS, "[{},{},{}]", 100, &sum, &e), -EDOM);
	assert_string_equal(e.msg, "refused");
	assert_int_equal(sum.count, 2);
}

/* Exactly so much is taken altogether, however it comes; without a limit anything. */
static void ceiling_of_all(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 2 * ALL; piece += 13) {
		for (size_t len = ALL - 1; len <= ALL + 1; len++) {
			struct sum sum = { 0 };
			struct err e = { 0 };
			struct json_stream s =
				JSON_STREAM_INIT(JSON_STREAM_ELEMENTS, on_value, &sum, EACH, ALL);
			char text[ALL + 1];
			memset(text, ' ', sizeof(text));
			memcpy(text, "[]", 2);
			int r = feed(&s, text, len, piece, &e);
			assert_int_equal(r, len <= ALL ? 0 : -E2BIG);
			json_stream_done(&s);
		}
	}
	struct sum sum = { 0 };
	struct json_stream endless = JSON_STREAM_INIT(JSON_STREAM_VALUES, on_value, &sum, EACH, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(json_stream_feed(&endless, "{\"n\":0}", 7, NULL), 0);
	assert_int_equal(sum.count, 1000);
	json_stream_done(&endless);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(nul_is_no_white_space),
		cmocka_unit_test(what_the_callee_says),
		cmocka_unit_test(ceiling_of_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
