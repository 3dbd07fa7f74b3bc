/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/parse.h"

#define UNTOUCHED INT64_C(-987654321)

struct row {
	const char *text;
	int r;
	int64_t value;
};

static const struct row integers[] = {
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "007", 0, 7 },
	{ "42", 0, 42 },
	{ "-42", 0, -42 },
	{ "9223372036854775807", 0, INT64_MAX },
	{ "-9223372036854775807", 0, -INT64_MAX },
	{ "-9223372036854775808", 0, INT64_MIN },
	{ "00000000000000000000000000000000001", 0, 1 },
	{ "9223372036854775808", -ERANGE, 0 },
	{ "-9223372036854775809", -ERANGE, 0 },
	{ "18446744073709551615", -ERANGE, 0 },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "18446744073709551658", -ERANGE, 0 },
	{ "184467440737095516160", -ERANGE, 0 },
	{ "99999999999999999999999999999999", -ERANGE, 0 },
	{ "-99999999999999999999999999999999", -ERANGE, 0 },
	{ "99999999999999999999999999999999x", -EINVAL, 0 },
	{ "", -EINVAL, 0 },
	{ "-", -EINVAL, 0 },
	{ "--1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ "nan", -EINVAL, 0 },
	{ "inf", -EINVAL, 0 },
	{ " 5", -EINVAL, 0 },
	{ "5 ", -EINVAL, 0 },
	{ "5\n", -EINVAL, 0 },
	{ "5 %", -EINVAL, 0 },
	{ "5%", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
	{ "1e3", -EINVAL, 0 },
	{ "1.0", -EINVAL, 0 },
	{ "1,000", -EINVAL, 0 },
	{ "1_000", -EINVAL, 0 },
	{ "- 1", -EINVAL, 0 },
	{ "1-", -EINVAL, 0 },
	{ "\xd9\xa1", -EINVAL, 0 }, /* ARABIC-INDIC DIGIT ONE */
	{ "/", -EINVAL, 0 },
	{ ":", -EINVAL, 0 },
};

static const struct row durations[] = {
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "+0", 0, 0 },
	{ "0s", 0, 0 },
	{ "2m", 0, 2 * USEC_PER_MINUTE },
	{ "2m0s", 0, 2 * USEC_PER_MINUTE },
	{ "50ms", 0, 50 * USEC_PER_MSEC },
	{ "1h30m", 0, 90 * USEC_PER_MINUTE },
	{ "30m1h", 0, 90 * USEC_PER_MINUTE },
	{ "1.5h", 0, 90 * USEC_PER_MINUTE },
	{ ".5s", 0, 500 * USEC_PER_MSEC },
	{ "1.s", 0, USEC_PER_SEC },
	{ "0.100000000000000000000h", 0, 6 * USEC_PER_MINUTE },
	{ "0.000001s", 0, 1 },
	{ "0.0000019s", 0, 1 },
	{ "0.0000000000000000001h", 0, 0 },
	{ "3us", 0, 3 },
	{ "3\xc2\xb5s", 0, 3 },
	{ "3\xce\xbcs", 0, 3 },
	{ "1500ns", 0, 1 },
	{ "500ns500ns", 0, 1 },
	{ "-1ns", 0, 0 },
	{ "-1.5h", 0, -90 * USEC_PER_MINUTE },
	{ "+5s", 0, 5 * USEC_PER_SEC },
	{ "336h", 0, 14 * 24 * USEC_PER_HOUR },
	{ "-1s", 0, -USEC_PER_SEC },
	{ "9223372036854775807ns", 0, INT64_C(9223372036854775) },
	{ "-9223372036854775808ns", 0, INT64_C(-9223372036854775) },
	{ "2562047h47m16.854775807s", 0, INT64_C(9223372036854775) },
	{ "9223372036854775808ns", -ERANGE, 0 },
	{ "-9223372036854775809ns", -ERANGE, 0 },
	{ "9223372036854775.808us", -ERANGE, 0 },
	{ "2562048h", -ERANGE, 0 },
	{ "2562047h48m", -ERANGE, 0 },
	{ "18446744073709551616h", -ERANGE, 0 },
	{ "99999999999999999999999999999999999999s", -ERANGE, 0 },
	{ "9223372036854775807ns9223372036854775807ns9223372036854775807ns", -ERANGE, 0 },
	{ "99999999999999999999999999999999999999s?", -EINVAL, 0 },
	{ "", -EINVAL, 0 },
	{ "-", -EINVAL, 0 },
	{ "+", -EINVAL, 0 },
	{ "--1s", -EINVAL, 0 },
	{ "+-1s", -EINVAL, 0 },
	{ "1", -EINVAL, 0 },
	{ "5m30", -EINVAL, 0 },
	{ "00", -EINVAL, 0 },
	{ "s", -EINVAL, 0 },
	{ ".", -EINVAL, 0 },
	{ ".s", -EINVAL, 0 },
	{ "-.s", -EINVAL, 0 },
	{ "1d", -EINVAL, 0 },
	{ "1w", -EINVAL, 0 },
	{ "1M", -EINVAL, 0 },
	{ "1S", -EINVAL, 0 },
	{ "1min", -EINVAL, 0 },
	{ "1sec", -EINVAL, 0 },
	{ "1 s", -EINVAL, 0 },
	{ " 1s", -EINVAL, 0 },
	{ "1s ", -EINVAL, 0 },
	{ "1h 30m", -EINVAL, 0 },
	{ "1s-1s", -EINVAL, 0 },
	{ "1.2.3s", -EINVAL, 0 },
	{ "1,5s", -EINVAL, 0 },
	{ "1e3s", -EINVAL, 0 },
	{ "0x1s", -EINVAL, 0 },
	{ "nan", -EINVAL, 0 },
	{ "inf", -EINVAL, 0 },
	{ "infinity", -EINVAL, 0 },
	{ "1\xc2s", -EINVAL, 0 },
	{ "1\xb5s", -EINVAL, 0 },
};

static void check(const struct row *rows, size_t n, int (*parse)(const char *, int64_t *))
{
	for (size_t i = 0; i < n; i++) {
		int64_t value = UNTOUCHED;
		int r = parse(rows[i].text, &value);
		int64_t expected = rows[i].r == 0 ? rows[i].value : UNTOUCHED;
		if (r != rows[i].r || value != expected)
			fail_msg("'%s': %d and %jd instead of %d and %jd", rows[i].text, r,
				 (intmax_t)value, rows[i].r, (intmax_t)expected);
	}
}

static const struct row nanoseconds[] = {
	{ "0", 0, 0 },
	{ "1ns", 0, 1 },
	{ "-1ns", 0, -1 },
	{ "0.9ns", 0, 0 },
	{ "-0.9ns", 0, 0 },
	{ "1.5us", 0, 1500 },
	{ "1m0.000000001s", 0, INT64_C(60000000001) },
	{ "9223372036854775807ns", 0, INT64_MAX },
	{ "9223372036854775808ns", -ERANGE, 0 },
	{ "1", -EINVAL, 0 },
};

static void test_i64(void **state)
{
	(void)state;
	check(integers, ELEMENTS(integers), parse_i64);
}

static void test_duration(void **state)
{
	(void)state;
	check(durations, ELEMENTS(durations), parse_duration);
	check(nanoseconds, ELEMENTS(nanoseconds), parse_duration_nsec);
}

static void test_bool(void **state)
{
	(void)state;
	static const char *const good[2][4] = { { "no", "false", "off", "0" },
						{ "yes", "true", "on", "1" } };
	static const char *const bad[] = { "",	  "y",	   "n", "YES", "True", " yes",
					   "no ", "yesno", "2", "-1",  "00",   "nan" };
	for (size_t i = 0; i < ELEMENTS(good[0]); i++) {
		bool no = true, yes = false;
		assert_int_equal(parse_bool(good[0][i], &no), 0);
		assert_int_equal(parse_bool(good[1][i], &yes), 0);
		assert_true(yes && !no);
	}
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		bool value = true;
		assert_int_equal(parse_bool(bad[i], &value), -EINVAL);
		assert_true(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_bool),
	};
	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
