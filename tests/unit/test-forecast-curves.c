/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/forecast.h"
#include "random.h"

#define MB   ((int64_t)1000 * 1000)
#define GB   (1000 * MB)
#define TB   (1000 * GB)
#define S(n) ((n)*USEC_PER_SEC)

/* Between samples: as often as it gets, as seldom as shipped, and what goes badly with five seconds. */
static const usec_t steps[] = {
	50 * USEC_PER_MSEC, USEC_PER_SEC,     4 * USEC_PER_SEC,
	7 * USEC_PER_SEC,   9 * USEC_PER_SEC, 10 * USEC_PER_SEC,
};

static void assert_near(int64_t value, int64_t expected, int64_t tolerance)
{
	if (value < expected - tolerance || value > expected + tolerance)
		fail_msg("%jd is not %jd +- %jd", (intmax_t)value, (intmax_t)expected,
			 (intmax_t)tolerance);
}

/* --- curves: bytes used at a time ---------------------------------------------------------------- */

struct curve;
typedef int64_t (*used_at)(const struct curve *c, usec_t t);

struct curve {
	used_at used;
	int64_t rate; /* bytes per second */
	usec_t from, until, period;
	int64_t drop; /* bytes */
};

static int64_t filled(int64_t rate, usec_t t)
{
	return (int64_t)((__int128)rate * t / USEC_PER_SEC);
}

/* At the rate from one time until another. */
static int64_t ramp(const struct curve *c, usec_t t)
{
	if (t < c->from)
		return 0;
	return filled(c->rate, (t < c->until ? t : c->until) - c->from);
}

/* A ramp that is told once in a period. */
static int64_t stairs(const struct curve *c, usec_t t)
{
	return ramp(c, t - t % c->period);
}

/* A ramp, and something is removed at the end of each period. */
static int64_t teeth(const struct curve *c, usec_t t)
{
	return filled(c->rate, t) - t / c->period * c->drop;
}

/* A ramp, and something is removed once. */
static int64_t with_drop(const struct curve *c, usec_t t)
{
	return filled(c->rate, t) - (t >= c->from ? c->drop : 0);
}

/* A tenth of the ramp is written and removed all the time. */
static int64_t beside_teeth(const struct curve *c, usec_t t)
{
	return ramp(c, t) + filled(c->rate / 10, t % c->period);
}

/* Written in the first half of each period, removed at its end. */
static int64_t churn(const struct curve *c, usec_t t)
{
	usec_t phase = t % c->period;
	return phase < c->period / 2 ? filled(c->rate, phase) : 0;
}

/* --- tables -------------------------------------------------------------------------------------- */

#define S(n) ((n)*USEC_PER_SEC)
#define END  100000

/* Seconds; between the last two times the fill rate is within the bounds all the time. */
static const struct expectation {
	const char *name;
	used_at used;
	int rate, from, until, period, drop, check_from, check_until;
	int low, high;
} expectations[] = {
	/* name, curve, KB/s, from, until, period, MB dropped | from, until, lowest and highest KB/s */
	{ "flat", ramp, 0, 0, 0, 0, 0, 0, 900, 0, 0 },

	{ "not at once", ramp, 10000, 300, END, 0, 0, 0, 325, 0, 0 },
	{ "half a minute", ramp, 10000, 300, END, 0, 0, 325, 350, 0, 10000 },
	{ "most of a minute", ramp, 10000, 300, END, 0, 0, 350, 372, 4000, 10000 },
	{ "steady", ramp, 10000, 300, END, 0, 0, 372, 1500, 9990, 10010 },
	{ "fast", ramp, 2000000, 300, END, 0, 0, 372, 600, 1999000, 2001000 },
	{ "slow", ramp, 100, 300, END, 0, 0, 372, 900, 99, 101 },
	{ "from the start", ramp, 10000, 0, END, 0, 0, 72, 900, 9990, 10010 },
	{ "since half a minute", ramp, 10000, 0, END, 0, 0, 50, 61, 6000, 10000 },
	{ "fades", ramp, 10000, 300, 600, 0, 0, 640, 1500, 0, 8000 },
	{ "is over", ramp, 10000, 300, 600, 0, 0, 705, 1500, 0, 0 },

	{ "burst", ramp, 200000, 300, 310, 0, 0, 0, 900, 0, 0 },
	{ "burst of a second", ramp, 20000000, 300, 301, 0, 0, 0, 900, 0, 0 },
	{ "burst first", ramp, 200000, 0, 10, 0, 0, 0, 900, 0, 0 },
	{ "longer burst", ramp, 100000, 300, 340, 0, 0, 330, 440, 0, 50000 },
	{ "longer burst is over", ramp, 100000, 300, 340, 0, 0, 450, 900, 0, 0 },
	{ "rare bursts", stairs, 1000, 0, END, 180, 0, 60, 1500, 0, 0 },

	{ "every 30 s", stairs, 10000, 300, END, 30, 0, 440, 1500, 4000, 12000 },
	{ "every 60 s", stairs, 10000, 300, END, 60, 0, 500, 1500, 4000, 12000 },

	{ "one removal", with_drop, 10000, 500, 0, 0, 100000, 72, 1500, 8500, 10010 },
	{ "grown", with_drop, 10000, 500, 0, 0, 1000000, 72, 1500, 8500, 10010 },
	{ "removal when idle", with_drop, 0, 500, 0, 0, 100000, 650, 1500, 0, 0 },

	{ "rotated every 10 s", teeth, 1000, 0, 0, 10, 10, 150, 2000, -400, 0 },
	{ "rotated every 20 s", teeth, 1000, 0, 0, 20, 20, 150, 2000, -400, 0 },
	{ "rotated every 45 s", teeth, 1000, 0, 0, 45, 45, 500, 2000, -400, 0 },
	{ "rotated every 60 s", teeth, 1000, 0, 0, 60, 60, 500, 2000, -400, 0 },
	{ "rotated every 90 s", teeth, 1000, 0, 0, 90, 90, 600, 2000, -400, 0 },
	{ "half every 10 s", teeth, 1000, 0, 0, 10, 5, 61, 150, 150, 800 },
	{ "half every 10 s, known", teeth, 1000, 0, 0, 10, 5, 150, 2000, 250, 750 },
	{ "half every 45 s", teeth, 1000, 0, 0, 45, 22, 200, 2000, 250, 750 },
	{ "half every 90 s", teeth, 1000, 0, 0, 90, 45, 200, 2000, 250, 850 },
	{ "half every 180 s", teeth, 1000, 0, 0, 180, 90, 200, 2000, 250, 1000 },
	{ "a quarter is left", teeth, 1000, 0, 0, 20, 15, 300, 2000, 100, 400 },
	{ "beside what is rotated", beside_teeth, 10000, 300, END, 20, 0, 372, 900, 8500, 11500 },
	{ "little off much", teeth, 100000, 0, 0, 60, 60, 80, 2000, 85000, 101000 },
	{ "written and removed", churn, 100000, 0, 0, 60, 0, 300, 2000, -20000, 0 },

	{ "emptying", with_drop, -1000, END, 0, 0, 0, 20, 900, -1001, -999 },
};

static struct curve curve_of(const struct expectation *e)
{
	return (struct curve){
		.used = e->used,
		.rate = (int64_t)e->rate * 1000,
		.from = S(e->from),
		.until = S(e->until),
		.period = S(e->period),
		.drop = e->drop * MB,
	};
}

static void check_at(const struct expectation *e, usec_t step, usec_t t, const struct forecast *f)
{
	int64_t rate = forecast_fill_rate(f);
	if (rate < (int64_t)e->low * 1000 || rate > (int64_t)e->high * 1000)
		fail_msg("%s, every %jd us: %jd after %jd us is not %d000 ... %d000", e->name,
			 (intmax_t)step, (intmax_t)rate, (intmax_t)t, e->low, e->high);
	assert_int_equal(forecast_time_to(f, 1) == USEC_INFINITY, rate <= 0);
}

static void curves(void **state)
{
	(void)state;
	/* a scenario has times before its start */
	const usec_t start = -USEC_PER_HOUR;
	for (size_t i = 0; i < ELEMENTS(expectations) * ELEMENTS(steps); i++) {
		const struct expectation *e = &expectations[i / ELEMENTS(steps)];
		const struct curve c = curve_of(e);
		usec_t step = steps[i % ELEMENTS(steps)];
		struct forecast f = { 0 };
		for (usec_t t = 0; t < S(e->check_until); t += step) {
			forecast_step(&f, start + t, (uint64_t)(100 * TB - c.used(&c, t)), 0);
			if (t >= S(e->check_from))
				check_at(e, step, t, &f);
		}
	}
}

/* --- what the agent frees itself ----------------------------------------------------------------- */

/* 500 MB every 70 s, said to the forecast that many samples late. */
static void own_removals(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * (int)ELEMENTS(steps); i++) {
		usec_t step = steps[i / 3];
		int late = i % 3 - 1;
		struct forecast f = { 0 };
		for (usec_t t = 0; t < S(1500); t += step) {
			int64_t freed = t / S(70) * 500 * MB;
			usec_t said_at = t - late * step;
			int64_t said = said_at / S(70) - (said_at - step) / S(70);
			if (said_at < step)
				said = 0;
			forecast_step(&f, t, (uint64_t)(100 * TB + freed - filled(20 * MB, t)),
				      (uint64_t)(said * 500 * MB));
			if (t < S(72))
				continue;
			/* in time it makes no difference at all */
			assert_near(forecast_fill_rate(&f), 20 * MB, late ? 10 * MB : MB / 50);
		}
	}
}

/* All that differs is when it was freed and that it was said. */
static void own_removals_are_nothing(void **state)
{
	(void)state;
	struct random r = random_start("own removals");
	struct forecast with = { 0 }, without = { 0 };
	int64_t available = 100 * TB, freed_all = 0;
	usec_t now = 0;
	for (int round = 0; round < 50000; round++) {
		int64_t freed = random_once_in(&r, 5) ? (int64_t)random_below(&r, 10 * GB) : 0;
		now += 1 + (usec_t)random_below(&r, S(12));
		available -= (int64_t)random_below(&r, 200 * MB) - 90 * MB;
		freed_all += freed;
		forecast_step(&with, now, (uint64_t)(available + freed_all), (uint64_t)freed);
		forecast_step(&without, now, (uint64_t)available, 0);
		assert_int_equal(forecast_fill_rate(&with), forecast_fill_rate(&without));
		assert_int_equal(forecast_fastest_rate(&with), forecast_fastest_rate(&without));
	}
}

/* --- random rounds ------------------------------------------------------------------------------- */

/* A burst of ten seconds never shows, however it falls between samples of up to ten seconds. */
static void bursts_do_not_count(void **state)
{
	(void)state;
	struct random r = random_start("bursts");
	for (int round = 0; round < 2000; round++) {
		usec_t longest = 1 + (usec_t)random_below(&r, S(10));
		struct curve c = { .used = ramp, .from = (usec_t)random_below(&r, S(300)) };
		c.until = c.from + (usec_t)random_below(&r, S(10)) + 1;
		c.rate = (int64_t)random_below(&r, 10 * GB);
		struct forecast f = { 0 };
		usec_t step = 1;
		for (usec_t t = 0; t < S(500); t += step) {
			forecast_step(&f, t, (uint64_t)(100 * TB - c.used(&c, t)), 0);
			assert_int_equal(forecast_fill_rate(&f), 0);
			step = longest / 2 + 1 +
			       (usec_t)random_below(&r, (uint64_t)longest / 2 + 1);
			if (step < 50 * USEC_PER_MSEC)
				step = 50 * USEC_PER_MSEC;
		}
	}
}

/* A steady fill is known exactly, however it falls between samples of up to a minute. */
static void steady_fills_count(void **state)
{
	(void)state;
	struct random r = random_start("steady fills");
	for (int round = 0; round < 500; round++) {
		usec_t longest = 50 * USEC_PER_MSEC + (usec_t)random_below(&r, S(60));
		struct curve c = { .used = ramp,
				   .rate = MB + (int64_t)random_below(&r, GB),
				   .until = S(END) };
		struct forecast f = { 0 };
		usec_t t = 0;
		while (t < S(500)) {
			forecast_step(&f, t, (uint64_t)(100 * TB - c.used(&c, t)), 0);
			if (t >= S(75) + 5 * longest)
				assert_near(forecast_fill_rate(&f), c.rate, c.rate / 100);
			t += longest / 4 + (usec_t)random_below(&r, (uint64_t)longest);
		}
	}
}

/* Also where two samples put together would be nearly fifteen seconds, and the next one five. */
static void bursts_between_uneven_samples(void **state)
{
	(void)state;
	static const usec_t uneven[] = { S(49) / 10, S(98) / 10, S(5) };
	for (usec_t phase = 0; phase < S(15); phase += S(1) / 5) {
		const struct curve c = { .used = ramp,
					 .rate = 200 * MB,
					 .from = S(150) + phase,
					 .until = S(160) + phase };
		struct forecast f = { 0 };
		usec_t t = 0;
		for (int i = 0; t < S(400); i++) {
			forecast_step(&f, t, (uint64_t)(100 * TB - c.used(&c, t)), 0);
			assert_int_equal(forecast_fill_rate(&f), 0);
			t += uneven[i % (int)ELEMENTS(uneven)];
		}
	}
}

/* Files that come and go beside a steady fill, and by themselves. */
static void noise(void **state)
{
	(void)state;
	struct random r = random_start("noise");
	for (size_t i = 0; i < 2 * ELEMENTS(steps); i++) {
		usec_t step = steps[i / 2];
		int64_t rate = i % 2 ? 10 * MB : 0;
		struct forecast f = { 0 };
		int64_t files = 0;
		int flips = 0;
		for (usec_t t = 0; t < S(3600); t += step) {
			bool fills = forecast_fill_rate(&f) > 0;
			if (t / S(1) != (t - step) / S(1))
				files = (int64_t)random_below(&r, 20 * MB);
			forecast_step(&f, t, (uint64_t)(100 * TB - filled(rate, t) - files), 0);
			if (t < S(300))
				continue;
			flips += fills != (forecast_fill_rate(&f) > 0);
			assert_near(forecast_fill_rate(&f), rate, 6 * MB);
		}
		if (flips > (rate ? 0 : 60))
			fail_msg("every %jd us, %jd: %d flips", (intmax_t)step, (intmax_t)rate,
				 flips);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(curves),
		cmocka_unit_test(own_removals),
		cmocka_unit_test(own_removals_are_nothing),
		cmocka_unit_test(noise),
		cmocka_unit_test(bursts_do_not_count),
		cmocka_unit_test(bursts_between_uneven_samples),
		cmocka_unit_test(steady_fills_count),
	};
	return cmocka_run_group_tests_name("forecast-curves", tests, NULL, NULL);
}
