/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/pass-gate.h"
#include "random.h"

#define SEC USEC_PER_SEC

static void open_at_first(void **state)
{
	(void)state;
	struct pass_gate g = { 0 };
	assert_true(pass_gate_open(&g, 0));
	assert_true(pass_gate_open(&g, 1));
}

static void open_after_success(void **state)
{
	(void)state;
	struct pass_gate g = { 0 };
	pass_gate_close(&g, RESULT_REACHED, 10 * SEC, USEC_INFINITY);
	assert_true(pass_gate_open(&g, 10 * SEC));
	pass_gate_close(&g, RESULT_NOTHING_TO_DO, 10 * SEC, USEC_INFINITY);
	assert_true(pass_gate_open(&g, 10 * SEC));
	/* and the next pause begins small again */
	pass_gate_close(&g, RESULT_FUTILE, 10 * SEC, USEC_INFINITY);
	pass_gate_close(&g, RESULT_FUTILE, 11 * SEC, USEC_INFINITY);
	pass_gate_close(&g, RESULT_REACHED, 13 * SEC, USEC_INFINITY);
	assert_true(pass_gate_open(&g, 13 * SEC));
	pass_gate_close(&g, RESULT_FUTILE, 13 * SEC, USEC_INFINITY);
	assert_false(pass_gate_open(&g, 14 * SEC - 1));
	assert_true(pass_gate_open(&g, 14 * SEC));
}

/* The pauses after the same result again and again, with the exact end of each. */
static void growing_pauses(void **state)
{
	(void)state;
	static const struct {
		enum pass_result result;
		usec_t pauses[12]; /* seconds */
	} rows[] = {
		{ RESULT_FUTILE, { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 } },
		/* a pass that helped, and a runtime that is away, are not kept waiting for long */
		{ RESULT_PARTIAL, { 1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10, 10 } },
		{ RESULT_ERROR, { 1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10, 10 } },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct pass_gate g = { 0 };
		usec_t now = 1000 * SEC;
		for (size_t n = 0; n < ELEMENTS(rows[i].pauses); n++) {
			pass_gate_close(&g, rows[i].result, now, USEC_INFINITY);
			usec_t end = now + rows[i].pauses[n] * SEC;
			assert_false(pass_gate_open(&g, now));
			assert_false(pass_gate_open(&g, end - 1));
			assert_true(pass_gate_open(&g, end));
			now = end;
		}
	}
}

/* Nothing doing for long, then a pass that helps: the pause is short again. */
static void short_pause_after_long_ones(void **state)
{
	(void)state;
	struct pass_gate g = { 0 };
	for (int i = 0; i < 20; i++)
		pass_gate_close(&g, RESULT_FUTILE, 0, USEC_INFINITY);
	assert_false(pass_gate_open(&g, 300 * SEC - 1));
	pass_gate_close(&g, RESULT_PARTIAL, 0, USEC_INFINITY);
	assert_true(pass_gate_open(&g, 10 * SEC));
}

static void opens_when_an_image_comes_of_age(void **state)
{
	(void)state;
	struct pass_gate g = { 0 };
	pass_gate_close(&g, RESULT_FUTILE, 10 * SEC, 10 * SEC + 5);
	assert_false(pass_gate_open(&g, 10 * SEC + 4));
	assert_true(pass_gate_open(&g, 10 * SEC + 5));
	/* later than the pause, or in the past: the pause counts */
	pass_gate_close(&g, RESULT_FUTILE, 20 * SEC, 22 * SEC + 1);
	assert_false(pass_gate_open(&g, 22 * SEC - 1));
	assert_true(pass_gate_open(&g, 22 * SEC));
	pass_gate_close(&g, RESULT_FUTILE, 30 * SEC, 30 * SEC);
	assert_false(pass_gate_open(&g, 34 * SEC - 1));
	assert_true(pass_gate_open(&g, 34 * SEC));
}

static void reset_opens(void **state)
{
	(void)state;
	struct pass_gate g = { 0 };
	for (int i = 0; i < 5; i++)
		pass_gate_close(&g, RESULT_FUTILE, 0, USEC_INFINITY);
	pass_gate_reset(&g);
	assert_true(pass_gate_open(&g, 0));
	pass_gate_close(&g, RESULT_ERROR, 0, USEC_INFINITY);
	assert_true(pass_gate_open(&g, SEC));
}

/* Never closed for longer than five minutes, and never closed at all after success. */
static void random_results(void **state)
{
	(void)state;
	struct random r = random_start("pass gate");
	struct pass_gate g = { 0 };
	usec_t now = 0;
	for (int round = 0; round < 50000; round++) {
		enum pass_result result = (enum pass_result)random_below(&r, _PASS_RESULT_MAX);
		usec_t eligible = random_once_in(&r, 2)
					  ? USEC_INFINITY
					  : now + (usec_t)random_below(&r, 600) * SEC - SEC;
		pass_gate_close(&g, result, now, eligible);
		bool success = result == RESULT_REACHED || result == RESULT_NOTHING_TO_DO;
		assert_int_equal(pass_gate_open(&g, now), success);
		assert_true(pass_gate_open(&g, now + 300 * SEC));
		if (!success && eligible > now && eligible != USEC_INFINITY)
			assert_true(pass_gate_open(&g, eligible));
		now += (usec_t)random_below(&r, 400) * SEC;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_at_first),
		cmocka_unit_test(open_after_success),
		cmocka_unit_test(growing_pauses),
		cmocka_unit_test(short_pause_after_long_ones),
		cmocka_unit_test(opens_when_an_image_comes_of_age),
		cmocka_unit_test(reset_opens),
		cmocka_unit_test(random_results),
	};
	return cmocka_run_group_tests_name("pass-gate", tests, NULL, NULL);
}
