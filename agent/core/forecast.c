/* SPDX-License-Identifier: Apache-2.0 */
#include "core/forecast.h"

#include <string.h>

/* Samples that are nearer to each other are put together to this; it is twice this at most then. */
#define SPACING (5 * USEC_PER_SEC)

/*
 * What is left out: a burst of ten seconds, and the two intervals between samples that it begins and
 * ends in, of ten seconds at most as shipped.
 */
#define STRETCH (30 * USEC_PER_SEC)

#define SHORT_WINDOW  (60 * USEC_PER_SEC)
#define LONG_WINDOW   (120 * USEC_PER_SEC)
#define MIN_INTERVALS 4

#define PAUSE (2 * USEC_PER_MINUTE)

/* Of what is written, this part has to stay in order to be a trend, and that one to remain one. */
#define TREND_BEGINS 3
#define TREND_LASTS  6

#define FAST_SECONDS 1.0

/* Below this a filesystem is idle: logs of a quiet node write some hundred bytes a second. */
#define IDLE_BYTES_PER_SECOND 1024.0

/* The intervals of a window, from the last one back. */
struct window {
	usec_t length;
	double filled; /* by the intervals that fill */
	double net;    /* by all */
	double most;   /* by the stretch that fills the most */
	usec_t most_length;
};

static double seconds(usec_t t)
{
	return (double)t / (double)USEC_PER_SEC;
}

static double filled_by(const struct forecast_interval *i)
{
	return i->used > 0 ? i->used : 0;
}

/* Adds the interval, and looks at the stretches that begin with it. */
static void extend(struct window *w, const struct forecast *f, size_t interval)
{
	usec_t length = 0;
	double filled = 0;
	w->length += f->intervals[interval].length;
	w->filled += filled_by(&f->intervals[interval]);
	w->net += f->intervals[interval].used;
	for (size_t i = interval + 1; i-- > 0;) {
		length += f->intervals[i].length;
		filled += filled_by(&f->intervals[i]);
		/* an interval that is longer is a stretch by itself */
		if (length > STRETCH && i < interval)
			break;
		if (filled > w->most) {
			w->most = filled;
			w->most_length = length;
		}
	}
}

/*
 * Bytes per second beside the stretch that fills the most. Where a window is not whole, as there was
 * no sample before, nothing did then.
 */
static double steady_rate(const struct window *w, usec_t nominal)
{
	usec_t length = (w->length > nominal ? w->length : nominal) - w->most_length;
	if (length < nominal / 2)
		length = nominal / 2;
	return (w->filled - w->most) / seconds(length);
}

/* Bytes per second that others release again and again: without the minute that released the most. */
static double release_rate(const struct forecast *f)
{
	usec_t passed = f->last_at - f->since;
	usec_t kept = (FORECAST_MINUTES - 1) * USEC_PER_MINUTE + passed % USEC_PER_MINUTE;
	double sum = 0, most = 0;
	for (size_t i = 0; i < FORECAST_MINUTES; i++) {
		sum += f->released[i];
		if (f->released[i] > most)
			most = f->released[i];
	}
	usec_t length = (passed < kept ? passed : kept) - USEC_PER_MINUTE;
	if (length < USEC_PER_MINUTE)
		length = USEC_PER_MINUTE;
	return (sum - most) / seconds(length);
}

static int64_t to_rate(double rate)
{
	if (rate < IDLE_BYTES_PER_SECOND && rate > -IDLE_BYTES_PER_SECOND)
		return 0;
	/* beyond 1 EB/s it is no rate but a filesystem that was replaced */
	if (rate > 1e18 || rate < -1e18)
		return 0;
	return (int64_t)rate;
}

static bool is_whole(const struct window *w, size_t n_intervals, usec_t nominal)
{
	return n_intervals >= MIN_INTERVALS && w->length >= nominal &&
	       w->length - w->most_length >= nominal / 2;
}

static int64_t estimate(const struct forecast *f)
{
	struct window w = { 0 };
	double brief = -1, rate;
	for (size_t i = 0; i < f->n_intervals && !is_whole(&w, i, LONG_WINDOW); i++) {
		if (brief < 0 && is_whole(&w, i, SHORT_WINDOW))
			brief = steady_rate(&w, SHORT_WINDOW);
		extend(&w, f, i);
	}
	rate = steady_rate(&w, LONG_WINDOW);
	if (brief < 0)
		brief = steady_rate(&w, SHORT_WINDOW);
	if (brief > rate)
		rate = brief;
	if (rate < IDLE_BYTES_PER_SECOND)
		return w.net < 0 ? to_rate(w.net / seconds(w.length)) : 0;
	double trend = rate - release_rate(f);
	return trend < rate / (f->fill_rate > 0 ? TREND_LASTS : TREND_BEGINS) ? 0 : to_rate(trend);
}

/* What was seen up to now is no history of what comes. */
static void begin(struct forecast *f, usec_t now)
{
	f->n_intervals = 0;
	f->since = now;
	f->minute = 0;
	memset(f->released, 0, sizeof(f->released));
	f->fast = 0;
}

/* The minute of now is the current one; those between had nothing released. */
static void turn_minute(struct forecast *f, usec_t now)
{
	int64_t minute = (now - f->since) / USEC_PER_MINUTE;
	for (int i = 0; i < FORECAST_MINUTES && f->minute < minute - i; i++)
		f->released[(minute - i) % FORECAST_MINUTES] = 0;
	f->minute = minute;
}

static void add(struct forecast *f, usec_t length, double used)
{
	struct forecast_interval *i = f->intervals;
	bool over =
		f->n_intervals > 0 && (i->length >= SPACING || i->length + length > 2 * SPACING);
	if (over && i->used < 0)
		f->released[f->minute % FORECAST_MINUTES] -= i->used;
	if (over || f->n_intervals == 0) {
		if (f->n_intervals < FORECAST_INTERVALS)
			f->n_intervals++;
		memmove(i + 1, i, (f->n_intervals - 1) * sizeof(*i));
		*i = (struct forecast_interval){ 0 };
	}
	i->length += length;
	i->used += used;
}

/*
 * Exponential smoothing over uneven intervals, with the weight 1 - e^(-dt/tau) replaced by
 * dt / (tau + dt): no libm, the same for short intervals, and never above 1.
 */
static double smooth(double old, double rate, double dt, double tau)
{
	return old + (rate - old) * (dt / (tau + dt));
}

void forecast_step(struct forecast *f, usec_t now, uint64_t available, uint64_t reclaimed)
{
	if (!f->has_sample) {
		f->has_sample = true;
		begin(f, now);
	} else if (now <= f->last_at) {
		return;
	} else {
		usec_t length = now - f->last_at;
		double used = (double)f->last_available + (double)reclaimed - (double)available;
		bool pause = length > PAUSE && length / 4 > f->last_length;
		f->last_length = length;
		if (pause) {
			begin(f, now);
		} else {
			turn_minute(f, now);
			add(f, length, used);
			f->fast = smooth(f->fast, used / seconds(length), seconds(length),
					 FAST_SECONDS);
		}
	}
	f->last_at = now;
	f->last_available = available;
	f->fill_rate = estimate(f);
}

int64_t forecast_fill_rate(const struct forecast *f)
{
	return f->fill_rate;
}

int64_t forecast_fastest_rate(const struct forecast *f)
{
	int64_t fast = to_rate(f->fast);
	return fast > f->fill_rate ? fast : f->fill_rate;
}

usec_t forecast_time_to(const struct forecast *f, uint64_t amount)
{
	if (amount == 0)
		return 0;
	if (f->fill_rate <= 0)
		return USEC_INFINITY;
	unsigned __int128 t =
		(unsigned __int128)amount * (uint64_t)USEC_PER_SEC / (uint64_t)f->fill_rate;
	return t >= (unsigned __int128)USEC_INFINITY ? USEC_INFINITY : (usec_t)t;
}
