/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/usec.h"

/*
 * How fast a filesystem fills and when it would be full. It informs people and the cadence; it never
 * makes anything be removed. Zero-initialised is "nothing known".
 */
struct forecast {
	bool has_sample;
	usec_t last_at;
	uint64_t last_available;
	double slow; /* bytes per second, smoothed over SLOW_SECONDS: what people are told */
	double fast; /* the same over FAST_SECONDS: what the cadence reckons with */
};

/*
 * Takes a sample of the bytes available into account. reclaimed is what the agent itself freed since
 * the last sample, so that its own removals do not look like a disk that empties. Samples that are
 * not later than the last one are ignored.
 */
void forecast_step(struct forecast *f, usec_t now, uint64_t available, uint64_t reclaimed);

/* Bytes per second; 0 or less when it is not filling. */
int64_t forecast_fill_rate(const struct forecast *f);
int64_t forecast_fastest_rate(const struct forecast *f);

/* Time until amount more bytes are written at the fill rate; USEC_INFINITY when not filling. */
usec_t forecast_time_to(const struct forecast *f, uint64_t amount);
