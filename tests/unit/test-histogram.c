/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/histogram.h"
#include "random.h"

/* Dashboards depend on them: they stand here once more so that nobody changes one in passing. */
static void bounds_are_these(void **state)
{
	(void)state;
	static const usec_t msec[] = { 1, 5, 25, 100, 500, 1000, 5000, 15000, 60000, 120000 };
	assert_int_equal(ELEMENTS(msec), HISTOGRAM_N_BUCKETS);
	for (int i = 0; i < HISTOGRAM_N_BUCKETS; i++)
		assert_int_equal(histogram_bounds[i], msec[i] * USEC_PER_MSEC);
}

static void bounds_ascend(void **state)
{
	(void)state;
	assert_true(histogram_bounds[0] > 0);
	for (int i = 1; i < HISTOGRAM_N_BUCKETS; i++)
		assert_true(histogram_bounds[i] > histogram_bounds[i - 1]);
}

static int bucket_of(usec_t duration)
{
	struct histogram h = { 0 };
	int bucket = -1;
	histogram_observe(&h, duration);
	assert_int_equal(h.count, 1);
	for (int i = 0; i <= HISTOGRAM_N_BUCKETS; i++)
		if (h.buckets[i]) {
			assert_int_equal(h.buckets[i], 1);
			assert_int_equal(bucket, -1);
			bucket = i;
		}
	return bucket;
}

/* le: the bound itself belongs to its bucket. */
static void exact_boundaries(void **state)
{
	(void)state;
	for (int i = 0; i < HISTOGRAM_N_BUCKETS; i++) {
		assert_int_equal(bucket_of(histogram_bounds[i] - 1), i);
		assert_int_equal(bucket_of(histogram_bounds[i]), i);
		assert_int_equal(bucket_of(histogram_bounds[i] + 1), i + 1);
	}
	assert_int_equal(bucket_of(0), 0);
	assert_int_equal(bucket_of(USEC_INFINITY), HISTOGRAM_N_BUCKETS);
}

static void negative_durations_are_zero(void **state)
{
	(void)state;
	struct histogram h = { 0 };
	histogram_observe(&h, -1);
	histogram_observe(&h, USEC_NEVER);
	assert_int_equal(h.buckets[0], 2);
	assert_int_equal(h.sum, 0);
	assert_int_equal(h.count, 2);
}

static void sums(void **state)
{
	(void)state;
	struct random r = random_start("histogram");
	struct histogram h = { 0 };
	usec_t sum = 0;
	uint64_t in_buckets = 0;
	for (int i = 0; i < 10000; i++) {
		usec_t duration =
			(usec_t)random_below(&r, 1 + random_amount(&r) % (200 * USEC_PER_SEC));
		histogram_observe(&h, duration);
		sum += duration;
	}
	for (int i = 0; i <= HISTOGRAM_N_BUCKETS; i++)
		in_buckets += h.buckets[i];
	assert_int_equal(in_buckets, 10000);
	assert_int_equal(h.count, 10000);
	assert_int_equal(h.sum, sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_are_these),
		cmocka_unit_test(bounds_ascend),
		cmocka_unit_test(exact_boundaries),
		cmocka_unit_test(negative_durations_are_zero),
		cmocka_unit_test(sums),
	};
	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
