/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/filling.h"
#include "core/forecast.h"
#include "random.h"

#define MB     ((int64_t)1000 * 1000)
#define GB     (1000 * MB)
#define S(n)   ((n)*USEC_PER_SEC)
#define M(n)   ((n)*USEC_PER_MINUTE)
#define NEVER  USEC_INFINITY
#define ENOUGH (100 * (uint64_t)GB)

/* --- step by step -------------------------------------------------------------------------------- */

struct look {
	usec_t at;
	int64_t amount; /* MB */
	usec_t left;
	bool changes, fast;
};

static void follow(const char *name, const struct look *looks)
{
	struct filling f = { 0 };
	for (size_t i = 0; i == 0 || looks[i].at; i++) {
		const struct look *l = &looks[i];
		bool changed = filling_step(&f, l->at, (uint64_t)(l->amount * MB), l->left);
		if (changed != l->changes || f.fast != l->fast)
			fail_msg("%s, look %zu: %s, %s", name, i, changed ? "changes" : "does not",
				 f.fast ? "fast" : "not fast");
	}
}

#define FOLLOW(name, ...) follow(name, (const struct look[]){ __VA_ARGS__, { 0 } })

static void begins(void **state)
{
	(void)state;
	FOLLOW("two minutes", { 0, 9000, M(15), 0, 0 }, { S(119), 7800, M(13), 0, 0 },
	       { S(120), 7790, M(13), 1, 1 }, { S(121), 7780, M(13), 0, 1 });
	FOLLOW("not within the horizon", { 0, 9000, M(15) + 1, 0, 0 },
	       { S(300), 1, M(15) + 1, 0, 0 }, { S(301), 1, NEVER, 0, 0 });
	FOLLOW("since the latest time", { 0, 9000, M(14), 0, 0 }, { S(60), 8400, M(16), 0, 0 },
	       { S(61), 8400, M(14), 0, 0 }, { S(180), 7000, M(14), 0, 0 },
	       { S(181), 7000, M(14), 1, 1 });
	FOLLOW("a quarter of what is left", { 0, 9000, S(100), 0, 0 }, { S(19), 7600, S(80), 0, 0 },
	       { S(20), 7200, S(80), 1, 1 });
	FOLLOW("a quarter, as it shrinks", { 0, 9000, M(10), 0, 0 }, { S(20), 2000, S(81), 0, 0 },
	       { S(21), 1900, S(80), 1, 1 });
}

/* What does not become less does not fill, whatever is written. */
static void borne_out(void **state)
{
	(void)state;
	FOLLOW("no less", { 0, 9000, M(10), 0, 0 }, { S(120), 9000, M(10), 0, 0 },
	       { S(240), 9001, M(10), 0, 0 }, { S(360), 9001, M(10), 0, 0 });
	/* 1200 MB in 120 s are 9000 MB in 900 s */
	FOLLOW("not enough", { 0, 10200, M(10), 0, 0 }, { S(120), 9001, M(10), 0, 0 },
	       { S(239), 1000, M(10), 0, 0 }, { S(240), 1000, M(10), 1, 1 });
	FOLLOW("enough", { 0, 10200, M(10), 0, 0 }, { S(120), 9000, M(10), 1, 1 });
	/* full, which is nothing new */
	FOLLOW("full", { 0, 0, 0, 0, 0 }, { S(1), 0, 0, 0, 0 }, { S(1000), 0, 0, 0, 0 });
	FOLLOW("full now", { 0, 1, S(8), 0, 0 }, { S(1), 0, 0, 1, 1 });
}

static void ends(void **state)
{
	(void)state;
#define BEGINS { 0, 9000, S(40), 0, 0 }, { S(10), 6000, S(20), 1, 1 }
	FOLLOW("after five minutes", BEGINS, { S(20), 6000, NEVER, 0, 1 },
	       { S(319), 6000, NEVER, 0, 1 }, { S(320), 6000, NEVER, 1, 0 },
	       { S(321), 6000, NEVER, 0, 0 });
	FOLLOW("beyond twice the horizon", BEGINS, { S(20), 6000, M(30), 0, 1 },
	       { S(1000), 6000, M(30), 0, 1 }, { S(2000), 6000, M(30) + 1, 0, 1 },
	       { S(2300), 6000, M(30) + 1, 1, 0 });
	FOLLOW("without a break", BEGINS, { S(20), 6000, NEVER, 0, 1 },
	       { S(319), 6000, M(30), 0, 1 }, { S(400), 6000, NEVER, 0, 1 },
	       { S(699), 6000, NEVER, 0, 1 }, { S(700), 6000, NEVER, 1, 0 });
	FOLLOW("stays full", BEGINS, { S(40), 0, 0, 0, 1 }, { S(4000), 0, 0, 0, 1 });
	/* and from the beginning again */
	FOLLOW("again", BEGINS, { S(20), 6000, NEVER, 0, 1 }, { S(320), 6000, NEVER, 1, 0 },
	       { S(321), 9000, M(10), 0, 0 }, { S(440), 7000, M(10), 0, 0 },
	       { S(441), 7000, M(10), 1, 1 }, { S(442), 7000, NEVER, 0, 1 });
}

/* --- with the forecast --------------------------------------------------------------------------- */

/* A filesystem that somebody writes to, and what came of it. */
struct story {
	struct forecast forecast;
	struct filling filling;
	uint64_t available, reclaimable;
	int begun, ended;
	usec_t first_begun;
	usec_t left_when_begun;
};

static void look(struct story *s, usec_t t, uint64_t freed)
{
	uint64_t amount = s->available + s->reclaimable;
	forecast_step(&s->forecast, t, s->available, freed);
	usec_t left = forecast_time_to(&s->forecast, amount);
	if (!filling_step(&s->filling, t, amount, left))
		return;
	if (s->filling.fast && s->begun++ == 0) {
		s->first_begun = t;
		s->left_when_begun = left;
	}
	s->ended += !s->filling.fast;
}

static void take(struct story *s, int64_t bytes)
{
	s->available -= (uint64_t)bytes < s->available ? (uint64_t)bytes : s->available;
}

/* A writer for a time on ENOUGH. */
static struct story writer(usec_t step, int64_t rate, usec_t duration, uint64_t reclaimable)
{
	struct story s = { .available = ENOUGH - reclaimable, .reclaimable = reclaimable };
	for (usec_t t = 0; t < M(60); t += step) {
		if (t >= M(10) && t < M(10) + duration)
			take(&s, rate * step / USEC_PER_SEC);
		look(&s, t, 0);
	}
	return s;
}

static void writers(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int64_t rate;
		usec_t duration;
		uint64_t reclaimable;
		int begun, ended;
		usec_t soonest, latest; /* seconds since the writer began */
	} rows[] = {
		{ "full in ten minutes", 170 * MB, M(60), 0, 1, 0, 120, 200 },
		{ "in two", 850 * MB, M(60), 0, 1, 0, 35, 70 },
		{ "in ten, half is reclaimable", 170 * MB, M(60), ENOUGH / 2, 1, 1, 120, 200 },
		/* it is said as soon as less than a quarter of an hour is left */
		{ "in half an hour", 55 * MB, M(60), 0, 1, 0, 16 * 60, 20 * 60 },
		{ "in a day", MB, M(60), 0, 0, 0, 0, 0 },
		{ "a burst", 2 * GB, S(10), 0, 0, 0, 0, 0 },
		{ "a burst of most of it", 9 * GB, S(10), 0, 0, 0, 0, 0 },
		{ "half a minute", GB, S(30), 0, 0, 0, 0, 0 },
		/* what was written for a minute, and then no more */
		{ "a minute", 200 * MB, S(60), 0, 0, 0, 0, 0 },
		{ "eight minutes", 170 * MB, M(8), 0, 1, 1, 120, 200 },
	};
	for (size_t i = 0; i < 3 * ELEMENTS(rows); i++) {
		static const usec_t steps[] = { 100 * USEC_PER_MSEC, S(1), S(10) };
		struct story s = writer(steps[i % 3], rows[i / 3].rate, rows[i / 3].duration,
					rows[i / 3].reclaimable);
		usec_t after = (s.first_begun - M(10)) / USEC_PER_SEC;
		if (s.begun != rows[i / 3].begun ||
		    (s.begun && (after < rows[i / 3].soonest || after > rows[i / 3].latest)))
			fail_msg("%s, every %jd us: %d times, %jd s after it began",
				 rows[i / 3].name, (intmax_t)steps[i % 3], s.begun,
				 (intmax_t)after);
		if (s.begun)
			assert_in_range(s.left_when_begun, 1, FILLING_HORIZON);
		assert_int_equal(s.ended, rows[i / 3].ended);
	}
}

/*
 * Images are pulled as fast as it gets, as many others come of age and are removed: much is written,
 * and nothing fills.
 */
static void pulled_and_removed(void **state)
{
	(void)state;
	const int64_t image = 300 * MB;
	for (int i = 0; i < 2; i++) {
		usec_t step = i ? S(10) : S(1);
		struct story s = { .available = 12 * GB, .reclaimable = 8 * GB };
		int64_t pulled = 0, aged = 0;
		for (usec_t t = 0; t < M(60); t += step) {
			uint64_t freed = 0;
			int64_t now_pulled = 50 * MB * t / USEC_PER_SEC;
			take(&s, now_pulled - pulled);
			pulled = now_pulled;
			/* as many come of age as come, it is so for long */
			for (; aged + image <= pulled; aged += image)
				s.reclaimable += (uint64_t)image;
			/* below 3 GB images go until 6 GB are there */
			while (s.available < (freed ? 6 : 3) * (uint64_t)GB &&
			       s.reclaimable >= (uint64_t)image) {
				s.available += (uint64_t)image;
				s.reclaimable -= (uint64_t)image;
				freed += (uint64_t)image;
			}
			look(&s, t, freed);
		}
		assert_true(forecast_fill_rate(&s.forecast) > 40 * MB);
		assert_int_equal(s.begun, 0);
	}
}

/* Much is written and removed by others, again and again: not told, or once where that takes long. */
static void others_write_and_remove(void **state)
{
	(void)state;
	static const struct {
		usec_t period;
		int begun;
	} rows[] = {
		{ S(10), 0 },  { S(60), 0 },  { S(100), 0 },
		{ S(120), 0 }, { S(240), 1 }, { S(400), 1 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct story s = { .available = 20 * (uint64_t)GB };
		for (usec_t t = 0; t < M(240); t += S(1)) {
			take(&s, 30 * MB);
			if ((t + S(1)) % rows[i].period == 0)
				s.available += (uint64_t)(30 * MB * rows[i].period / USEC_PER_SEC);
			look(&s, t, 0);
		}
		if (s.begun != rows[i].begun)
			fail_msg("every %jd us: %d times, first after %jd us",
				 (intmax_t)rows[i].period, s.begun, (intmax_t)s.first_begun);
	}
}

/* Whatever the looks: it begins only when something is left for less than the horizon, and it ends only
 * after five minutes. */
static void random_looks(void **state)
{
	(void)state;
	struct random r = random_start("filling");
	for (int round = 0; round < 2000; round++) {
		struct filling f = { 0 };
		usec_t now = 0, changed_at = 0;
		for (int i = 0; i < 500; i++) {
			uint64_t amount = random_amount(&r);
			usec_t left = random_once_in(&r, 4)
					      ? NEVER
					      : (usec_t)random_below(&r, (uint64_t)M(20));
			bool fast = f.fast;
			now += (usec_t)random_below(&r, (uint64_t)M(3));
			bool changed = filling_step(&f, now, amount, left);
			assert_int_equal(changed, fast != f.fast);
			if (!changed)
				continue;
			assert_true(f.fast ? left <= FILLING_HORIZON : left > 2 * FILLING_HORIZON);
			assert_true(f.fast || now - changed_at >= M(5));
			changed_at = now;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins),
		cmocka_unit_test(borne_out),
		cmocka_unit_test(ends),
		cmocka_unit_test(writers),
		cmocka_unit_test(pulled_and_removed),
		cmocka_unit_test(others_write_and_remove),
		cmocka_unit_test(random_looks),
	};
	return cmocka_run_group_tests_name("filling", tests, NULL, NULL);
}
