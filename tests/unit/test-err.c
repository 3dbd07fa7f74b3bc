/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/err.h"

static void test_set(void **state)
{
	(void)state;
	struct err e = { 0 };
	assert_int_equal(err_set(&e, EBUSY, "image %s is used by %d", "a", 3), -EBUSY);
	assert_int_equal(e.code, EBUSY);
	assert_string_equal(e.msg, "image a is used by 3");
	assert_int_equal(err_set(NULL, EINVAL, "nobody listens"), -EINVAL);
}

static void test_set_from_itself(void **state)
{
	(void)state;
	struct err e = { 0 };
	(void)err_set(&e, EIO, "inner");
	(void)err_set(&e, EPERM, "outer (%s)", e.msg);
	assert_string_equal(e.msg, "outer (inner)");
	assert_int_equal(e.code, EPERM);
}

static void test_prefix(void **state)
{
	(void)state;
	struct err e = { 0 };
	(void)err_set(&e, ENOENT, "no such file");
	assert_int_equal(err_prefix(&e, "loading %s: ", "agent.conf"), -ENOENT);
	assert_string_equal(e.msg, "loading agent.conf: no such file");
	assert_int_equal(err_prefix(NULL, "x: "), -EIO);

	struct err none = { 0 };
	assert_int_equal(err_prefix(&none, "x: "), -EIO);
}

static void test_too_long(void **state)
{
	(void)state;
	struct err e = { 0 };
	char text[2 * sizeof(e.msg)];
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	(void)err_set(&e, EINVAL, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(err_prefix(&e, "%s", "before: "), -EINVAL);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_memory_equal(e.msg, "before: aaa", 11);
	(void)err_prefix(&e, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_null(strchr(e.msg, 'b'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_from_itself),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_too_long),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
