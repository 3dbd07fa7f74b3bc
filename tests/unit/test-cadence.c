/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/cadence.h"
#include "random.h"

static const struct cadence_limits limits = { 50 * USEC_PER_MSEC, 10 * USEC_PER_SEC };

#define GB ((uint64_t)1000 * 1000 * 1000)

static void exact_intervals(void **state)
{
	(void)state;
	static const struct {
		struct space space;
		uint64_t trigger[_RESOURCE_MAX];
		int64_t rate;
		usec_t next;
	} rows[] = {
		/* 2 GB/s without anything observed: 4 GB of headroom are 2 s */
		{ { 100 * GB, 14 * GB, 0, 0 }, { 10 * GB, 0 }, 0, 2 * USEC_PER_SEC },
		{ { 100 * GB, 14 * GB, 0, 0 }, { 10 * GB, 0 }, -5, 2 * USEC_PER_SEC },
		/* slower than what is credible anyway */
		{ { 100 * GB, 14 * GB, 0, 0 }, { 10 * GB, 0 }, 1, 2 * USEC_PER_SEC },
		{ { 100 * GB, 14 * GB, 0, 0 }, { 10 * GB, 0 }, (int64_t)GB, 2 * USEC_PER_SEC },
		/* twice what was observed */
		{ { 100 * GB, 14 * GB, 0, 0 }, { 10 * GB, 0 }, (int64_t)(2 * GB), USEC_PER_SEC },
		{ { 100 * GB, 14 * GB, 0, 0 }, { 10 * GB, 0 }, INT64_MAX, 50 * USEC_PER_MSEC },
		/* clamped below and above, and not at the limits */
		{ { 100 * GB, 10 * GB + 1, 0, 0 }, { 10 * GB, 0 }, 0, 50 * USEC_PER_MSEC },
		{ { 100 * GB, 10 * GB + 100000000, 0, 0 }, { 10 * GB, 0 }, 0, 50 * USEC_PER_MSEC },
		{ { 100 * GB, 10 * GB + 100002000, 0, 0 }, { 10 * GB, 0 }, 0, 50001 },
		{ { 100 * GB, 30 * GB, 0, 0 }, { 10 * GB, 0 }, 0, 10 * USEC_PER_SEC },
		{ { 100 * GB, 30 * GB - 2000, 0, 0 }, { 10 * GB, 0 }, 0, 10 * USEC_PER_SEC - 1 },
		{ { 100 * GB, 30 * GB + 2000, 0, 0 }, { 10 * GB, 0 }, 0, 10 * USEC_PER_SEC },
		/* at and beyond the threshold */
		{ { 100 * GB, 10 * GB, 0, 0 }, { 10 * GB, 0 }, 0, 50 * USEC_PER_MSEC },
		{ { 100 * GB, 0, 0, 0 }, { 10 * GB, 0 }, 0, 50 * USEC_PER_MSEC },
		/* inodes: 100,000 a second, and the nearer of the two decides */
		{ { 100 * GB, 90 * GB, 1000000, 400000 }, { GB, 100000 }, 0, 3 * USEC_PER_SEC },
		{ { 100 * GB, 5 * GB, 1000000, 400000 }, { GB, 100000 }, 0, 2 * USEC_PER_SEC },
		{ { 100 * GB, 5 * GB, 1000000, 200000 }, { GB, 100000 }, 0, USEC_PER_SEC },
		{ { 100 * GB, 5 * GB, 0, 0 }, { GB, 100000 }, 0, 2 * USEC_PER_SEC },
		/* nothing triggers, or there is nothing */
		{ { 100 * GB, 1, 0, 0 }, { 0, 0 }, 0, 10 * USEC_PER_SEC },
		{ { 0, 0, 0, 0 }, { 1, 1 }, 0, 10 * USEC_PER_SEC },
		{ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
		  { 1, 1 },
		  1,
		  10 * USEC_PER_SEC },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		usec_t next = cadence_next(&rows[i].space, rows[i].trigger, rows[i].rate, &limits);
		if (next != rows[i].next)
			fail_msg("row %zu: %jd, not %jd", i, (intmax_t)next,
				 (intmax_t)rows[i].next);
	}
}

/* Headroom in inodes may last longer than a usec_t can say; the maximum is the answer then. */
static void longer_than_time_itself(void **state)
{
	(void)state;
	struct space s = { .inodes = UINT64_MAX, .inodes_free = UINT64_MAX };
	uint64_t trigger[_RESOURCE_MAX] = { [RESOURCE_INODES] = 1 };
	struct cadence_limits none = { 0, USEC_INFINITY };
	assert_int_equal(cadence_next(&s, trigger, 0, &none), USEC_INFINITY);
}

/* Within the limits; never later when less is available or when it fills faster. */
static void monotone(void **state)
{
	(void)state;
	struct random r = random_start("cadence");
	for (int round = 0; round < 50000; round++) {
		struct space s = { .size_bytes = random_amount(&r),
				   .inodes = random_amount(&r),
				   .avail_bytes = random_amount(&r),
				   .inodes_free = random_amount(&r) };
		uint64_t trigger[_RESOURCE_MAX] = { random_amount(&r), random_amount(&r) };
		int64_t rate = (int64_t)random_amount(&r);
		usec_t next = cadence_next(&s, trigger, rate, &limits);
		assert_in_range(next, limits.interval_min, limits.interval_max);

		struct space less = s;
		less.avail_bytes -= random_below(&r, less.avail_bytes / 2 + 1);
		less.inodes_free -= random_below(&r, less.inodes_free / 2 + 1);
		assert_true(cadence_next(&less, trigger, rate, &limits) <= next);
		int64_t faster = rate < INT64_MAX / 2 ? rate + (int64_t)random_below(&r, GB) : rate;
		assert_true(cadence_next(&s, trigger, faster, &limits) <= next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_intervals),
		cmocka_unit_test(longer_than_time_itself),
		cmocka_unit_test(monotone),
	};
	return cmocka_run_group_tests_name("cadence", tests, NULL, NULL);
}
