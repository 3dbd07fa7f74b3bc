/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/space.h"
#include "util/usec.h"

/* How often a filesystem is looked at. */
struct cadence_limits {
	usec_t interval_min, interval_max;
};

/*
 * The time until the next sample: no longer than the fastest credible writer needs from here to the
 * nearest threshold, clamped to the limits (the idea of earlyoom's sleep_time_ms()). trigger[r] is the
 * amount available at which resource r triggers, 0 when nothing does; observed_rate is the fastest
 * fill seen lately in bytes per second (<= 0: none). Beyond the threshold it is interval_min, so that
 * the end of pressure is seen as fast as its beginning.
 */
usec_t cadence_next(const struct space *space, const uint64_t trigger[_RESOURCE_MAX],
		    int64_t observed_rate, const struct cadence_limits *limits);
