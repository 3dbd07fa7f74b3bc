/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/forecast.h"
#include "random.h"

#define MB ((uint64_t)1000 * 1000)

static void assert_near(int64_t value, int64_t expected, int64_t tolerance)
{
	if (value < expected - tolerance || value > expected + tolerance)
		fail_msg("%jd is not %jd +- %jd", (intmax_t)value, (intmax_t)expected,
			 (intmax_t)tolerance);
}

static void nothing_known(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	assert_int_equal(forecast_fill_rate(&f), 0);
	assert_int_equal(forecast_fastest_rate(&f), 0);
	assert_int_equal(forecast_time_to(&f, 1), USEC_INFINITY);
	/* one sample is no rate */
	forecast_step(&f, 5, 1000 * MB, 0);
	assert_int_equal(forecast_fill_rate(&f), 0);
	assert_int_equal(forecast_fastest_rate(&f), 0);
}

static void flat(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	for (usec_t t = 0; t < 600; t++)
		forecast_step(&f, t * USEC_PER_SEC, 1000 * MB, 0);
	assert_int_equal(forecast_fill_rate(&f), 0);
	assert_int_equal(forecast_time_to(&f, 1), USEC_INFINITY);
}

/* A steady writer is known after some minutes, whatever the interval between samples. */
static void linear(void **state)
{
	(void)state;
	static const usec_t steps[] = { 50 * USEC_PER_MSEC, USEC_PER_SEC, 10 * USEC_PER_SEC };
	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		struct forecast f = { 0 };
		uint64_t available = 1000000 * MB;
		for (usec_t t = -30 * USEC_PER_SEC; t < 600 * USEC_PER_SEC; t += steps[i]) {
			forecast_step(&f, t, available, 0);
			available -= 10 * MB * (uint64_t)steps[i] / (uint64_t)USEC_PER_SEC;
		}
		assert_near(forecast_fill_rate(&f), (int64_t)(10 * MB), (int64_t)MB / 10);
		assert_near(forecast_fastest_rate(&f), (int64_t)(10 * MB), (int64_t)MB / 10);
		assert_near(forecast_time_to(&f, 1000 * MB), 100 * USEC_PER_SEC, USEC_PER_SEC);
	}
}

static void one_step(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	forecast_step(&f, 0, 1000 * MB, 0);
	forecast_step(&f, USEC_PER_SEC, 878 * MB, 0);
	/* 122 MB in a second: a sixty-first of it in the slow one, half of it in the fast one */
	assert_near(forecast_fill_rate(&f), 2 * (int64_t)MB, 1);
	assert_near(forecast_fastest_rate(&f), 61 * (int64_t)MB, 1);
	assert_int_equal(forecast_time_to(&f, 0), 0);
	assert_near(forecast_time_to(&f, 2 * MB), USEC_PER_SEC, 1);
}

/* After a burst the slow rate is the larger one; that is the fastest then. */
static void after_a_burst(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	forecast_step(&f, 0, 10000 * MB, 0);
	forecast_step(&f, 10 * USEC_PER_SEC, 5000 * MB, 0);
	for (usec_t t = 11; t < 30; t++)
		forecast_step(&f, t * USEC_PER_SEC, 5000 * MB, 0);
	assert_true(forecast_fill_rate(&f) > 0);
	assert_int_equal(forecast_fastest_rate(&f), forecast_fill_rate(&f));
}

/* What the agent frees by itself does not look like a disk that empties. */
static void own_removals_do_not_count(void **state)
{
	(void)state;
	struct forecast with = { 0 }, without = { 0 };
	uint64_t a = 100000 * MB, b = a;
	for (usec_t t = 0; t < 300; t++) {
		uint64_t freed = t % 7 ? 0 : 500 * MB;
		a += freed;
		forecast_step(&with, t * USEC_PER_SEC, a, freed);
		forecast_step(&without, t * USEC_PER_SEC, b, 0);
		a -= 20 * MB;
		b -= 20 * MB;
	}
	assert_near(forecast_fill_rate(&with), forecast_fill_rate(&without), 1);
	assert_near(forecast_fastest_rate(&with), forecast_fastest_rate(&without), 1);
}

static void emptying_is_negative(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	for (usec_t t = 0; t < 300; t++)
		forecast_step(&f, t * USEC_PER_SEC, (uint64_t)t * MB, 0);
	assert_true(forecast_fill_rate(&f) < -500000);
	assert_int_equal(forecast_time_to(&f, 1), USEC_INFINITY);
}

/* As much written as freed: no fill worth a word, no alarm. */
static void sawtooth(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	for (usec_t t = 0; t < 1200; t++)
		forecast_step(&f, t * USEC_PER_SEC, 10000 * MB - (uint64_t)(t % 20) * MB, 0);
	assert_near(forecast_fill_rate(&f), 0, (int64_t)MB);
}

static void samples_that_are_not_later(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	forecast_step(&f, 10 * USEC_PER_SEC, 1000 * MB, 0);
	forecast_step(&f, 11 * USEC_PER_SEC, 900 * MB, 0);
	struct forecast before = f;
	forecast_step(&f, 11 * USEC_PER_SEC, 1, 0);
	forecast_step(&f, 10 * USEC_PER_SEC, 1, 0);
	assert_int_equal(f.last_at, before.last_at);
	assert_int_equal(f.last_available, before.last_available);
	assert_int_equal(forecast_fill_rate(&f), forecast_fill_rate(&before));
}

/* The bounds between idle, a rate, and a filesystem that was replaced. */
static void bounds(void **state)
{
	(void)state;
	static const struct {
		double slow, fast;
		int64_t fill, fastest;
	} rows[] = {
		{ 1023.9, 0, 0, 0 },
		{ 1024.0, 0, 1024, 1024 },
		{ -1023.9, 0, 0, 0 },
		{ -1024.0, 0, -1024, 0 },
		{ -2048.0, -1024.0, -2048, -1024 },
		{ -1024.0, -2048.0, -1024, -1024 },
		{ 5000.0, 5000.0, 5000, 5000 },
		{ 5000.0, 6000.0, 5000, 6000 },
		{ 1e18, 2e18, 1000000000000000000, 1000000000000000000 },
		{ -1e18, -2e18, -1000000000000000000, 0 },
		{ 1.1e18, 0, 0, 0 },
		{ -1.1e18, 0, 0, 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct forecast f = { .slow = rows[i].slow, .fast = rows[i].fast };
		if (forecast_fill_rate(&f) != rows[i].fill ||
		    forecast_fastest_rate(&f) != rows[i].fastest)
			fail_msg("row %zu: %jd, %jd", i, (intmax_t)forecast_fill_rate(&f),
				 (intmax_t)forecast_fastest_rate(&f));
	}
	struct forecast slow = { .slow = 1024 };
	/* 2^63 us and more are for ever */
	assert_int_equal(forecast_time_to(&slow, UINT64_MAX), USEC_INFINITY);
	assert_int_equal(forecast_time_to(&slow, 1024 * 1024), 1024 * USEC_PER_SEC);
}

/* Whatever comes in: a number comes out, and a time that is not negative. */
static void random_samples(void **state)
{
	(void)state;
	struct random r = random_start("forecast");
	struct forecast f = { 0 };
	usec_t now = -1000;
	for (int round = 0; round < 100000; round++) {
		now += (usec_t)random_below(&r, 1 + random_amount(&r) % (1000 * USEC_PER_SEC));
		forecast_step(&f, now, random_amount(&r), random_amount(&r));
		assert_true(f.slow == f.slow && f.fast == f.fast); /* not NaN */
		int64_t rate = forecast_fill_rate(&f);
		assert_true(forecast_fastest_rate(&f) >= rate);
		assert_true(rate == 0 || rate >= 1024 || rate <= -1024);
		assert_true(forecast_time_to(&f, random_amount(&r)) >= 0);
		if (random_once_in(&r, 1000))
			f = (struct forecast){ 0 };
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(flat),
		cmocka_unit_test(linear),
		cmocka_unit_test(one_step),
		cmocka_unit_test(after_a_burst),
		cmocka_unit_test(own_removals_do_not_count),
		cmocka_unit_test(emptying_is_negative),
		cmocka_unit_test(sawtooth),
		cmocka_unit_test(samples_that_are_not_later),
		cmocka_unit_test(bounds),
		cmocka_unit_test(random_samples),
	};
	return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}
