/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/usec.h"

/*
 * How fast a filesystem fills and when it would be full. It informs people and the cadence; it never
 * makes anything be removed. Zero-initialised is "nothing known".
 *
 * The fill rate is what is written steadily, less what others release again and again:
 *
 *  - Samples are thinned to intervals of five seconds, or of the time between two samples where that
 *    is longer. The rate is the mean of a window without the stretch of up to 30 s in it that wrote
 *    the most (a trimmed mean [1] that trims a stretch of time instead of single values, as what
 *    makes outliers here is bursts). So a burst of ten seconds does not show at all, whenever it is
 *    looked at and be it every ten seconds only; a steady fill shows after 30 s and in full after 60.
 *  - There are two windows, the larger rate counts (as in alerts on several windows [2]): 60 s finds
 *    a fill soon, and 120 s those that come in steps, as on btrfs, which tells what was written every
 *    30 s. They are longer where samples are so rare that there would be less than four intervals,
 *    or where one interval is most of them.
 *  - Intervals in which more was released than written do not count as writing less. What they
 *    release is summed up by the minute, and the mean of ten minutes without the largest one is taken
 *    off: one great removal does not hide that the filesystem fills, while logs that are rotated every
 *    minute are no fill. Less than a quarter of what is written is no trend but noise.
 *
 * [1] J. W. Tukey, A survey of sampling from contaminated distributions (1960).
 * [2] The Site Reliability Workbook (O'Reilly 2018), chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
 */

#define FORECAST_INTERVALS 25 /* of five seconds: the longer window, and the one that is not over */
#define FORECAST_MINUTES   10

struct forecast_interval {
	usec_t length;
	double used; /* bytes; negative: released */
};

struct forecast {
	bool has_sample;
	usec_t last_at;
	usec_t last_length; /* between the last two samples */
	uint64_t last_available;
	struct forecast_interval intervals[FORECAST_INTERVALS]; /* the last one first */
	size_t n_intervals;
	usec_t since; /* the sample that all this begins with */
	int64_t minute;
	double released[FORECAST_MINUTES]; /* bytes; that of a minute is at its number modulo 10 */
	double fast; /* bytes per second, smoothed over a second: what the cadence reckons with */
	int64_t fill_rate; /* as forecast_fill_rate() tells it */
};

/*
 * Takes a sample of the bytes available into account. reclaimed is what the agent itself freed since
 * the last sample, so that its own removals do not look like a disk that empties; it may come a sample
 * early or late. Samples that are not later than the last one are ignored. After a pause of more than
 * two minutes that is longer than four times the interval before it, everything before it is forgotten.
 * Takes some 0.3 us.
 */
void forecast_step(struct forecast *f, usec_t now, uint64_t available, uint64_t reclaimed);

/* Bytes per second; 0 or less when it is not filling. */
int64_t forecast_fill_rate(const struct forecast *f);
/* The larger one of that and of the rate of this moment. */
int64_t forecast_fastest_rate(const struct forecast *f);

/*
 * Time until amount more bytes are written at the fill rate; USEC_INFINITY when not filling, and 0 for
 * an amount of 0, as what is full is so whatever the rate.
 */
usec_t forecast_time_to(const struct forecast *f, uint64_t amount);
