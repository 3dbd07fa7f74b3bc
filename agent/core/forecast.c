/* SPDX-License-Identifier: Apache-2.0 */
#include "core/forecast.h"

/* A burst of some seconds shall not predict the end of the world, a steady minute shall. */
#define SLOW_SECONDS 60.0
#define FAST_SECONDS 1.0

/* Below this a filesystem is idle: logs of a quiet node write some hundred bytes a second. */
#define IDLE_BYTES_PER_SECOND 1024.0

/*
 * Exponential smoothing over uneven intervals, with the weight 1 - e^(-dt/tau) replaced by
 * dt / (tau + dt): no libm, the same for short intervals, and never above 1.
 */
static double smooth(double old, double rate, double seconds, double tau)
{
	return old + (rate - old) * (seconds / (tau + seconds));
}

void forecast_step(struct forecast *f, usec_t now, uint64_t available, uint64_t reclaimed)
{
	if (f->has_sample && now <= f->last_at)
		return;
	if (f->has_sample) {
		double seconds = (double)(now - f->last_at) / (double)USEC_PER_SEC;
		double used = (double)f->last_available + (double)reclaimed - (double)available;
		f->slow = smooth(f->slow, used / seconds, seconds, SLOW_SECONDS);
		f->fast = smooth(f->fast, used / seconds, seconds, FAST_SECONDS);
	}
	f->has_sample = true;
	f->last_at = now;
	f->last_available = available;
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

int64_t forecast_fill_rate(const struct forecast *f)
{
	return to_rate(f->slow);
}

int64_t forecast_fastest_rate(const struct forecast *f)
{
	int64_t slow = to_rate(f->slow), fast = to_rate(f->fast);
	return fast > slow ? fast : slow;
}

usec_t forecast_time_to(const struct forecast *f, uint64_t amount)
{
	int64_t rate = forecast_fill_rate(f);
	if (rate <= 0)
		return USEC_INFINITY;
	unsigned __int128 t = (unsigned __int128)amount * (uint64_t)USEC_PER_SEC / (uint64_t)rate;
	return t >= (unsigned __int128)USEC_INFINITY ? USEC_INFINITY : (usec_t)t;
}
