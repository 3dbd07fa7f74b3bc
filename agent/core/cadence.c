/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cadence.h"

#include <stdint.h>

/*
 * What a node's disk may take from one moment to the next, before anything was observed: unpacking
 * and dd on local NVMe reach 1 to 2 GB/s, and file creation some 100,000 a second.
 */
#define CREDIBLE_BYTES_PER_SECOND  ((uint64_t)2 * 1000 * 1000 * 1000)
#define CREDIBLE_INODES_PER_SECOND ((uint64_t)100 * 1000)

/* A writer may speed up between two samples; twice the observed rate has been seen in practice. */
#define OBSERVED_RATE_MARGIN 2

static usec_t time_to_use_up(uint64_t headroom, uint64_t per_second)
{
	unsigned __int128 t = (unsigned __int128)headroom * (uint64_t)USEC_PER_SEC / per_second;
	return t > (unsigned __int128)USEC_INFINITY ? USEC_INFINITY : (usec_t)t;
}

static usec_t clamp(usec_t t, const struct cadence_limits *limits)
{
	if (t < limits->interval_min)
		return limits->interval_min;
	return t > limits->interval_max ? limits->interval_max : t;
}

usec_t cadence_next(const struct space *space, const uint64_t trigger[_RESOURCE_MAX],
		    int64_t observed_rate, const struct cadence_limits *limits)
{
	uint64_t rate[_RESOURCE_MAX] = {
		[RESOURCE_BYTES] = CREDIBLE_BYTES_PER_SECOND,
		[RESOURCE_INODES] = CREDIBLE_INODES_PER_SECOND,
	};
	if (observed_rate > 0 &&
	    (uint64_t)observed_rate > rate[RESOURCE_BYTES] / OBSERVED_RATE_MARGIN)
		rate[RESOURCE_BYTES] = (uint64_t)observed_rate * OBSERVED_RATE_MARGIN;
	usec_t next = USEC_INFINITY;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		if (!space_has(space, r) || trigger[r] == 0)
			continue;
		uint64_t available = space_available(space, r);
		uint64_t headroom = available > trigger[r] ? available - trigger[r] : 0;
		usec_t t = time_to_use_up(headroom, rate[r]);
		if (t < next)
			next = t;
	}
	return clamp(next, limits);
}
