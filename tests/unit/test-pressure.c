/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/pressure.h"
#include "random.h"

static const struct image_gc_policy policy = {
	.high_percent = { [RESOURCE_BYTES] = 80, [RESOURCE_INODES] = 90 },
	.low_percent = { [RESOURCE_BYTES] = 75, [RESOURCE_INODES] = 85 },
};

/* One run through both thresholds, at the exact amounts. */
static void exact_boundaries(void **state)
{
	(void)state;
	static const struct {
		struct space space;
		bool bytes, inodes;
		uint64_t bytes_transitions, inodes_transitions;
	} rows[] = {
		{ { 1000, 1000, 100, 100 }, false, false, 0, 0 },
		{ { 1000, 210, 100, 11 }, false, false, 0, 0 },
		{ { 1000, 209, 100, 11 }, true, false, 1, 0 }, /* 79.1 % counts as 80 */
		{ { 1000, 0, 100, 10 }, true, true, 1, 1 },
		{ { 1000, 209, 100, 0 }, true, true, 1, 1 },
		{ { 1000, 210, 100, 10 }, false, true, 2, 1 },
		{ { 1000, 210, 100, 11 }, false, false, 2, 2 },
		{ { 1000, 0, 0, 0 }, true, false, 3, 2 }, /* no inodes are counted there */
		{ { 0, 0, 0, 0 }, false, false, 4, 2 },
		{ { 0, 0, 100, 0 }, false, true, 4, 3 },
	};
	struct pressure p = { 0 };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		bool any = pressure_step(&p, &policy, &rows[i].space);
		if (any != (rows[i].bytes || rows[i].inodes) ||
		    p.active[RESOURCE_BYTES] != rows[i].bytes ||
		    p.active[RESOURCE_INODES] != rows[i].inodes ||
		    p.transitions[RESOURCE_BYTES] != rows[i].bytes_transitions ||
		    p.transitions[RESOURCE_INODES] != rows[i].inodes_transitions)
			fail_msg("row %zu", i);
	}
}

static void thresholds_that_never_and_always_trigger(void **state)
{
	(void)state;
	struct image_gc_policy never = { .high_percent = { 101, 101 } };
	struct image_gc_policy always = { .high_percent = { 0, 0 } };
	struct space full = { 100, 0, 100, 0 }, empty = { 100, 100, 100, 100 };
	struct pressure p = { 0 };
	assert_false(pressure_step(&p, &never, &full));
	assert_true(pressure_step(&p, &always, &empty));
	assert_true(p.active[RESOURCE_BYTES] && p.active[RESOURCE_INODES]);
}

/* active is what the integer usage says, and transitions count its changes. */
static void random_walk(void **state)
{
	(void)state;
	struct random r = random_start("pressure");
	struct pressure p = { 0 };
	bool was[_RESOURCE_MAX] = { 0 };
	uint64_t changes[_RESOURCE_MAX] = { 0 };
	struct image_gc_policy q = policy;
	for (int round = 0; round < 50000; round++) {
		if (random_once_in(&r, 100))
			for (int i = 0; i < _RESOURCE_MAX; i++)
				q.high_percent[i] = (int)random_below(&r, 103);
		struct space s = { 1000, random_below(&r, 1002), random_below(&r, 4) * 7,
				   random_below(&r, 30) };
		bool any = pressure_step(&p, &q, &s), expected_any = false;
		for (int i = 0; i < _RESOURCE_MAX; i++) {
			bool expected =
				space_has(&s, i) && space_used_percent(&s, i) >= q.high_percent[i];
			changes[i] += expected != was[i];
			was[i] = expected;
			expected_any |= expected;
			assert_int_equal(p.active[i], expected);
			assert_int_equal(p.transitions[i], changes[i]);
		}
		assert_int_equal(any, expected_any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_boundaries),
		cmocka_unit_test(thresholds_that_never_and_always_trigger),
		cmocka_unit_test(random_walk),
	};
	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
