/* SPDX-License-Identifier: Apache-2.0 */
#include "core/histogram.h"

/* From one unary call on a unix socket (0.5 ms) to runtime.timeout's default of two minutes. */
const usec_t histogram_bounds[HISTOGRAM_N_BUCKETS] = {
	1 * USEC_PER_MSEC,   5 * USEC_PER_MSEC,	 25 * USEC_PER_MSEC, 100 * USEC_PER_MSEC,
	500 * USEC_PER_MSEC, 1 * USEC_PER_SEC,	 5 * USEC_PER_SEC,   15 * USEC_PER_SEC,
	60 * USEC_PER_SEC,   120 * USEC_PER_SEC,
};

void histogram_observe(struct histogram *h, usec_t duration)
{
	if (duration < 0)
		duration = 0;
	int i = 0;
	while (i < HISTOGRAM_N_BUCKETS && duration > histogram_bounds[i])
		i++;
	h->buckets[i]++;
	h->sum += duration;
	h->count++;
}
