/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/alloc.h"
#include "util/buf.h"

static void test_append(void **state)
{
	(void)state;
	cleanup_buf struct buf b = BUF_INIT(100);
	assert_string_equal(buf_string(&b), "");
	assert_int_equal(buf_append(&b, "", 0), 0);
	assert_string_equal(buf_string(&b), "");
	assert_int_equal(buf_puts(&b, "one"), 0);
	assert_int_equal(buf_putc(&b, ' '), 0);
	assert_int_equal(buf_printf(&b, "%d-%s", 2, "three"), 0);
	assert_string_equal(buf_string(&b), "one 2-three");
	assert_int_equal(b.len, 11);
	assert_int_equal(buf_append(&b, "\0x", 2), 0);
	assert_int_equal(b.len, 13);
	assert_memory_equal(b.data, "one 2-three\0x", 14);
}

static void test_ceiling(void **state)
{
	(void)state;
	cleanup_buf struct buf b = BUF_INIT(8);
	assert_int_equal(buf_puts(&b, "1234567"), 0);
	assert_int_equal(buf_puts(&b, "89"), -E2BIG);
	assert_true(b.overflowed);
	assert_string_equal(buf_string(&b), "1234567");
	/* It would fit, but what came before it is missing. */
	assert_int_equal(buf_putc(&b, '8'), -E2BIG);
	assert_int_equal(buf_printf(&b, "%d", 8), -E2BIG);
	assert_int_equal(buf_append(&b, "", 0), -E2BIG);
	assert_string_equal(buf_string(&b), "1234567");

	buf_clear(&b);
	assert_false(b.overflowed);
	assert_string_equal(buf_string(&b), "");
	assert_int_equal(buf_puts(&b, "12345678"), 0);
	assert_int_equal(buf_putc(&b, '9'), -E2BIG);
	assert_string_equal(buf_string(&b), "12345678");
}

static void test_huge_append(void **state)
{
	(void)state;
	cleanup_buf struct buf b = BUF_INIT(8);
	assert_int_equal(buf_puts(&b, "abc"), 0);
	/* The length is looked at before the data. */
	assert_int_equal(buf_append(&b, "x", SIZE_MAX), -E2BIG);
	assert_int_equal(buf_append(&b, "x", SIZE_MAX - 2), -E2BIG);
	assert_string_equal(buf_string(&b), "abc");
}

static void test_nothing_allowed(void **state)
{
	(void)state;
	cleanup_buf struct buf b = BUF_INIT(0);
	assert_int_equal(buf_puts(&b, ""), 0);
	assert_int_equal(buf_putc(&b, 'x'), -E2BIG);
	assert_string_equal(buf_string(&b), "");
}

static void test_growth(void **state)
{
	(void)state;
	enum { N = 100000 };
	cleanup_buf struct buf b = BUF_INIT(N);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(buf_putc(&b, (char)('a' + i % 26)), 0);
	assert_int_equal(buf_putc(&b, '!'), -E2BIG);
	assert_int_equal(b.len, N);
	assert_true(b.allocated <= N + 1);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	assert_int_equal(b.data[N], '\0');
}

static void test_done(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(4);
	(void)buf_puts(&b, "12345");
	buf_done(&b);
	assert_string_equal(buf_string(&b), "");
	assert_int_equal(buf_puts(&b, "1234"), 0);
	assert_int_equal(buf_puts(&b, "5"), -E2BIG);
	buf_done(&b);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),	    cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_huge_append), cmocka_unit_test(test_nothing_allowed),
		cmocka_unit_test(test_growth),	    cmocka_unit_test(test_done),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
