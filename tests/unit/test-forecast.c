/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/forecast.h"
#include "random.h"

#define MB   ((int64_t)1000 * 1000)
#define GB   (1000 * MB)
#define TB   (1000 * GB)
#define S(n) ((n)*USEC_PER_SEC)

static void assert_near(int64_t value, int64_t expected, int64_t tolerance)
{
	if (value < expected - tolerance || value > expected + tolerance)
		fail_msg("%jd is not %jd +- %jd", (intmax_t)value, (intmax_t)expected,
			 (intmax_t)tolerance);
}

static int64_t filled(int64_t rate, usec_t t)
{
	return (int64_t)((__int128)rate * t / USEC_PER_SEC);
}

/* --- single facts -------------------------------------------------------------------------------- */

static void nothing_known(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	assert_int_equal(forecast_fill_rate(&f), 0);
	assert_int_equal(forecast_fastest_rate(&f), 0);
	assert_int_equal(forecast_time_to(&f, 1), USEC_INFINITY);
	/* one sample is no rate */
	forecast_step(&f, 5, 1000, 0);
	assert_int_equal(forecast_fill_rate(&f), 0);
	assert_int_equal(forecast_fastest_rate(&f), 0);
	/* full is full */
	assert_int_equal(forecast_time_to(&f, 1), USEC_INFINITY);
	assert_int_equal(forecast_time_to(&f, 0), 0);
}

/* The cadence hears of a fast fill with the next sample, and for some seconds afterwards. */
static void fastest(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	usec_t t;
	for (t = 0; t < S(100); t += S(1) / 2)
		forecast_step(&f, t, (uint64_t)TB, 0);
	t -= S(1) / 2;
	assert_int_equal(forecast_fastest_rate(&f), 0);
	/* a third of it in half a second, two thirds after a second */
	forecast_step(&f, t += S(1) / 2, (uint64_t)(TB - 150 * MB), 0);
	assert_near(forecast_fastest_rate(&f), 100 * MB, 1);
	forecast_step(&f, t += S(1) / 2, (uint64_t)(TB - 300 * MB), 0);
	assert_in_range(forecast_fastest_rate(&f), 150 * MB, 300 * MB);
	assert_int_equal(forecast_fill_rate(&f), 0);
	forecast_step(&f, t += S(1), (uint64_t)(TB - 300 * MB), 0);
	assert_in_range(forecast_fastest_rate(&f), 50 * MB, 150 * MB);
	for (int i = 0; i < 20; i++)
		forecast_step(&f, t += S(1), (uint64_t)(TB - 300 * MB), 0);
	assert_in_range(forecast_fastest_rate(&f), 0, 1000);
}

/* When a steady fill pauses for a moment, it is the trend that counts. */
static void fastest_is_the_trend(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	usec_t t;
	for (t = 0; t < S(200); t += S(1))
		forecast_step(&f, t, (uint64_t)(TB - filled(10 * MB, t)), 0);
	for (; t < S(210); t += S(1))
		forecast_step(&f, t, (uint64_t)(TB - 2 * GB), 0);
	assert_in_range(forecast_fill_rate(&f), 8 * MB, 10 * MB);
	assert_int_equal(forecast_fastest_rate(&f), forecast_fill_rate(&f));
}

static void samples_that_are_not_later(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	forecast_step(&f, S(10), 1000, 0);
	forecast_step(&f, S(11), 900, 0);
	struct forecast before = f;
	forecast_step(&f, S(11), 1, 0);
	forecast_step(&f, S(10), 1, 0);
	assert_memory_equal(&f, &before, sizeof(f));
}

/* A writer until a time, a pause, and a sample that often afterwards, with that much used meanwhile. */
static struct forecast after_pause(usec_t step, usec_t pause, int64_t used_meanwhile)
{
	struct forecast f = { 0 };
	usec_t t;
	for (t = 0; t <= S(600); t += step)
		forecast_step(&f, t, (uint64_t)(100 * TB - filled(10 * MB, t)), 0);
	forecast_step(&f, t - step + pause,
		      (uint64_t)(100 * TB - filled(10 * MB, t - step) - used_meanwhile), 0);
	return f;
}

static void pauses(void **state)
{
	(void)state;
	static const struct {
		usec_t step, pause;
		bool forgotten;
	} rows[] = {
		{ S(1), S(120), false },      { S(1), S(120) + 1, true },
		{ S(10), S(5 * 3600), true }, { S(60), S(240) + 3, false },
		{ S(60), S(240) + 4, true },  { S(60), S(121), false },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct forecast f =
			after_pause(rows[i].step, rows[i].pause, filled(10 * MB, rows[i].pause));
		assert_near(forecast_fill_rate(&f), rows[i].forgotten ? 0 : 10 * MB, MB / 100);
		assert_near(forecast_fastest_rate(&f), rows[i].forgotten ? 0 : 10 * MB, MB / 2);
	}
}

/* Of what others did in a pause there is no trend, neither at once nor when there are samples again. */
static void after_a_pause(void **state)
{
	(void)state;
	struct forecast f = after_pause(S(10), S(3 * 3600), 500 * GB);
	for (usec_t t = S(20000); t < S(20600); t += S(10)) {
		forecast_step(&f, t, (uint64_t)TB, 0);
		assert_int_equal(forecast_fill_rate(&f), 0);
	}
}

/* Looks that are an hour apart by configuration are no pauses, but for the first. */
static void rare_samples(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	for (int i = 0; i < 24; i++) {
		forecast_step(&f, i * USEC_PER_HOUR, (uint64_t)(100 * TB - i * 36 * GB), 0);
		assert_near(forecast_fill_rate(&f), i < 3 ? 0 : 10 * MB, MB / 100);
	}
}

/* Where there is a sample a minute, four minutes are the window: a burst counts little in it. */
static void samples_by_the_minute(void **state)
{
	(void)state;
	struct forecast burst = { 0 }, filling = { 0 };
	int64_t used = 0;
	for (int i = 0; i < 30; i++) {
		usec_t t = i * USEC_PER_MINUTE;
		used += i == 15 || i == 16 ? GB : 0;
		forecast_step(&burst, t, (uint64_t)(TB - used), 0);
		assert_in_range(forecast_fill_rate(&burst), 0, 6 * MB);
		forecast_step(&filling, t, (uint64_t)(TB - (i > 20 ? i - 20 : 0) * 600 * MB), 0);
		if (i >= 24)
			assert_near(forecast_fill_rate(&filling), 10 * MB, MB / 100);
	}
}

/* Of what one sample tells of much more time than the others, the others are the trend, with caution. */
static void one_long_interval(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	forecast_step(&f, 0, (uint64_t)TB, 0);
	forecast_step(&f, S(100), (uint64_t)(TB - filled(10 * MB, S(100))), 0);
	assert_int_equal(forecast_fill_rate(&f), 0);
	for (usec_t t = S(105); t <= S(115); t += S(5))
		forecast_step(&f, t, (uint64_t)(TB - filled(10 * MB, t)), 0);
	assert_near(forecast_fill_rate(&f), 5 * MB, MB / 100);
}

/* What was released counts for ten minutes, and only if nothing was forgotten in between. */
static void releases_are_forgotten(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	usec_t t = 0;
	int64_t available = TB;
	for (int i = 0; i < 120; i++)
		forecast_step(&f, t += S(10), (uint64_t)(available += MB), 0);
	struct forecast before = f;
	for (int i = 0; i < FORECAST_MINUTES; i++)
		assert_true(f.released[i] > 0);
	for (int i = 0; i < 4; i++)
		forecast_step(&f, t += S(90), (uint64_t)available, 0);
	for (int i = 0; i < FORECAST_MINUTES; i++)
		/* minutes 22 to 25 had nothing; the last interval ended in 21 */
		assert_int_equal(f.released[i] > 0, i == 1 || i >= 6);
	forecast_step(&before, t + S(3600), (uint64_t)available, 0);
	for (int i = 0; i < FORECAST_MINUTES; i++)
		assert_true(before.released[i] == 0);
}

/* Full: nothing more can be written, so nothing fills; but it is full. */
static void full(void **state)
{
	(void)state;
	struct forecast f = { 0 };
	for (usec_t t = 0; t < S(400); t += S(1)) {
		int64_t available = 2 * GB - filled(10 * MB, t);
		forecast_step(&f, t, available > 0 ? (uint64_t)available : 0, 0);
		if (t == S(199))
			assert_near(forecast_time_to(&f, (uint64_t)available), S(1), S(1) / 100);
	}
	assert_int_equal(forecast_fill_rate(&f), 0);
	assert_int_equal(forecast_time_to(&f, 0), 0);
	assert_int_equal(forecast_time_to(&f, 4096), USEC_INFINITY);
}

/* The bounds between idle, a rate, and a filesystem that was replaced. */
static void bounds(void **state)
{
	(void)state;
	static const struct {
		int64_t used; /* in ten seconds; may be more than there is, as the agent frees */
		int64_t rate;
	} rows[] = {
		{ 10239, 0 },
		{ 10240, 1024 },
		{ 10249, 1024 },
		{ 50000, 5000 },
		{ -10239, 0 },
		{ -10240, -1024 },
		{ INT64_MAX, INT64_MAX / 10 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct forecast f = { 0 };
		uint64_t available = 1000 * 1000;
		for (int t = 0; t < 30; t++) {
			if (rows[i].used < 0)
				available += (uint64_t)-rows[i].used;
			forecast_step(&f, t * S(10), available,
				      rows[i].used < 0 ? 0 : (uint64_t)rows[i].used);
		}
		/* a double has 53 bits */
		assert_near(forecast_fill_rate(&f), rows[i].rate, rows[i].rate > TB ? 100 : 0);
	}
}

static void replaced(void **state)
{
	(void)state;
	struct forecast filled_up = { 0 }, emptied = { 0 };
	for (int t = 0; t < 300; t++)
		forecast_step(&filled_up, t * S(1), 0, UINT64_MAX);
	assert_int_equal(forecast_fill_rate(&filled_up), 0);
	assert_int_equal(forecast_fastest_rate(&filled_up), 0);
	forecast_step(&emptied, 0, 0, 0);
	forecast_step(&emptied, S(1), UINT64_MAX, 0);
	assert_int_equal(forecast_fill_rate(&emptied), 0);
	assert_int_equal(forecast_fastest_rate(&emptied), 0);
	/* in two seconds it is a rate */
	emptied = (struct forecast){ 0 };
	forecast_step(&emptied, 0, 0, 0);
	forecast_step(&emptied, S(20), UINT64_MAX, 0);
	assert_int_equal(forecast_fill_rate(&emptied), -922337203685477632);
}

static void times(void **state)
{
	(void)state;
	const struct forecast slow = { .fill_rate = 1024 }, emptying = { .fill_rate = -1024 };
	/* 2^63 us and more are for ever */
	assert_int_equal(forecast_time_to(&slow, UINT64_MAX), USEC_INFINITY);
	assert_int_equal(forecast_time_to(&slow, 1024 * 1024), 1024 * USEC_PER_SEC);
	assert_int_equal(forecast_time_to(&slow, 1), 976);
	assert_int_equal(forecast_time_to(&slow, 0), 0);
	assert_int_equal(forecast_time_to(&emptying, 1), USEC_INFINITY);
	assert_int_equal(forecast_time_to(&emptying, 0), 0);
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
		assert_true(f.fast == f.fast); /* not NaN */
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
		cmocka_unit_test(fastest),
		cmocka_unit_test(fastest_is_the_trend),
		cmocka_unit_test(samples_that_are_not_later),
		cmocka_unit_test(pauses),
		cmocka_unit_test(after_a_pause),
		cmocka_unit_test(rare_samples),
		cmocka_unit_test(samples_by_the_minute),
		cmocka_unit_test(one_long_interval),
		cmocka_unit_test(releases_are_forgotten),
		cmocka_unit_test(full),
		cmocka_unit_test(bounds),
		cmocka_unit_test(replaced),
		cmocka_unit_test(times),
		cmocka_unit_test(random_samples),
	};
	return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}
