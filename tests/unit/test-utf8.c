/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/alloc.h"
#include "util/utf8.h"

static void test_char_len(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "", 1 },
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xee\x80\x80", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		/* stray and cut */
		{ "\x80", 0 },
		{ "\xbf", 0 },
		{ "\xc3", 0 },
		{ "\xc3(", 0 },
		{ "\xe2\x82", 0 },
		{ "\xe2\x28\xa1", 0 },
		{ "\xe2\x82\x28", 0 },
		{ "\xf0\x9f\x98", 0 },
		{ "\xf0\x9f", 0 },
		{ "\xf0", 0 },
		{ "\xf0\x28\x8c\xbc", 0 },
		{ "\xf0\x9f\x28\xbc", 0 },
		/* overlong, surrogates, beyond the last */
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xed\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		/* On the heap, so that a sanitizer sees a step past the NUL. */
		cleanup_free char *text = xstrdup(rows[i].text);
		if (utf8_char_len(text) != rows[i].len)
			fail_msg("row %zu: %zu", i, utf8_char_len(text));
	}
}

static void test_control(void **state)
{
	(void)state;
	for (char c = 1; c < 0x20; c++)
		assert_true(utf8_is_control(&c, 1));
	assert_true(utf8_is_control("", 1));
	assert_true(utf8_is_control("\x7f", 1));
	assert_true(utf8_is_control("\xc2\x80", 2));
	assert_true(utf8_is_control("\xc2\x9f", 2));
	assert_false(utf8_is_control(" ", 1));
	assert_false(utf8_is_control("~", 1));
	assert_false(utf8_is_control("\xc2\xa0", 2));
	assert_false(utf8_is_control("\xc3\x80", 2));
	assert_false(utf8_is_control("\xe0\xa0\x80", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_char_len),
		cmocka_unit_test(test_control),
	};
	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
