/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/human.h"
#include "util/parse.h"

#define KIB ((uint64_t)1024)

static void test_bytes(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 KiB" },
		{ 1023, "1.0 KiB" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 99 * 1024 + 972, "99.9 KiB" },
		{ 99 * 1024 + 973, "100 KiB" },
		{ 100 * 1024, "100 KiB" },
		{ 999 * 1024 + 511, "999 KiB" },
		{ 999 * 1024 + 512, "1.0 MiB" },
		{ 1023 * 1024, "1.0 MiB" },
		{ 13207024435, "12.3 GiB" },
		{ KIB * KIB * KIB * KIB, "1.0 TiB" },
		{ KIB * KIB * KIB * KIB * KIB, "1.0 PiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};
	char buf[HUMAN_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_string_equal(human_bytes(rows[i].bytes, buf), rows[i].text);
}

static void test_rate(void **state)
{
	(void)state;
	char buf[HUMAN_MAX];
	assert_string_equal(human_rate(0, buf), "0 B/s");
	assert_string_equal(human_rate(12897485, buf), "+12.3 MiB/s");
	assert_string_equal(human_rate(-1024, buf), "-1.0 KiB/s");
	assert_string_equal(human_rate(INT64_MAX, buf), "+8.0 EiB/s");
	assert_string_equal(human_rate(INT64_MIN, buf), "-8.0 EiB/s");
}

static void test_count(void **state)
{
	(void)state;
	char buf[HUMAN_MAX];
	assert_string_equal(human_count(0, buf), "0");
	assert_string_equal(human_count(999, buf), "999");
	assert_string_equal(human_count(1000, buf), "1,000");
	assert_string_equal(human_count(12345, buf), "12,345");
	assert_string_equal(human_count(1000000, buf), "1,000,000");
	assert_string_equal(human_count(UINT64_MAX, buf), "18,446,744,073,709,551,615");
}

static void test_duration(void **state)
{
	(void)state;
	static const struct {
		usec_t d;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ -1, "0s" },
		{ USEC_NEVER + 1, "0s" },
		{ 1, "1us" },
		{ 999, "999us" },
		{ 350 * USEC_PER_MSEC, "350ms" },
		{ USEC_PER_SEC - 1, "999ms" },
		{ USEC_PER_SEC, "1s" },
		{ 1999 * USEC_PER_MSEC, "1.9s" },
		{ 4 * USEC_PER_SEC, "4s" },
		{ 9999 * USEC_PER_MSEC, "9.9s" },
		{ 10500 * USEC_PER_MSEC, "10s" },
		{ USEC_PER_MINUTE - 1, "59s" },
		{ USEC_PER_MINUTE, "1m" },
		{ 125 * USEC_PER_SEC, "2m 5s" },
		{ USEC_PER_HOUR - 1, "59m 59s" },
		{ USEC_PER_HOUR, "1h" },
		{ 190 * USEC_PER_MINUTE, "3h 10m" },
		{ 24 * USEC_PER_HOUR - 1, "23h 59m" },
		{ 24 * USEC_PER_HOUR, "1d" },
		{ 292 * USEC_PER_HOUR, "12d 4h" },
		{ USEC_INFINITY - 1, "106751991d 4h" },
		{ USEC_NEVER, "never" },
		{ USEC_INFINITY, "-" },
	};
	char buf[HUMAN_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_string_equal(human_duration(rows[i].d, buf), rows[i].text);
}

static void test_go_duration(void **state)
{
	(void)state;
	static const struct {
		usec_t d;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "1us" },
		{ 1500, "1.5ms" },
		{ 1010, "1.01ms" },
		{ 500 * USEC_PER_MSEC, "500ms" },
		{ 1500 * USEC_PER_MSEC, "1.5s" },
		{ USEC_PER_SEC + 1, "1.000001s" },
		{ 10 * USEC_PER_SEC, "10s" },
		{ 2 * USEC_PER_MINUTE, "2m0s" },
		{ USEC_PER_HOUR, "1h0m0s" },
		{ 336 * USEC_PER_HOUR, "336h0m0s" },
		{ -90 * USEC_PER_SEC, "-1m30s" },
		{ -1, "-1us" },
		{ INT64_MAX, "2562047788h0m54.775807s" },
		{ INT64_MIN, "-2562047788h0m54.775808s" },
	};
	char buf[HUMAN_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_string_equal(human_go_duration(rows[i].d, buf), rows[i].text);
}

static void test_go_duration_reads_back(void **state)
{
	(void)state;
	uint64_t random = 88172645463325252; /* xorshift */
	for (int i = 0; i < 100000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		/* Every magnitude up to the 292 years that Go knows. */
		usec_t d = (usec_t)(random >> (11 + i % 52)) * (i % 2 ? 1 : -1), back = 0;
		char buf[HUMAN_MAX];
		assert_int_equal(parse_duration(human_go_duration(d, buf), &back), 0);
		assert_int_equal(back, d);
	}
}

static void test_wall(void **state)
{
	(void)state;
	char buf[HUMAN_MAX];
	assert_string_equal(human_wall(0, buf), "1970-01-01T00:00:00Z");
	assert_string_equal(human_wall(-1, buf), "1969-12-31T23:59:59Z");
	assert_string_equal(human_wall(INT64_C(1767323045999999), buf), "2026-01-02T03:04:05Z");
	assert_string_equal(human_wall(INT64_C(951782400000000), buf), "2000-02-29T00:00:00Z");
	assert_string_equal(human_wall(USEC_NEVER, buf), "never");
	assert_string_equal(human_wall(USEC_INFINITY, buf), "-");
	assert_string_equal(human_wall(USEC_INFINITY - 1, buf), "294247-01-10T04:00:54Z");
	assert_true(strlen(human_wall(USEC_NEVER + 1, buf)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	    cmocka_unit_test(test_rate),
		cmocka_unit_test(test_count),	    cmocka_unit_test(test_duration),
		cmocka_unit_test(test_go_duration), cmocka_unit_test(test_go_duration_reads_back),
		cmocka_unit_test(test_wall),
	};
	return cmocka_run_group_tests_name("human", tests, NULL, NULL);
}
