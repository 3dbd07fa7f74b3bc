/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

#include <time.h>

static usec_t clock_usec(clockid_t clock)
{
	struct timespec ts;
	(void)clock_gettime(clock, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t now_monotonic(void)
{
	return clock_usec(CLOCK_MONOTONIC);
}

int64_t now_wall(void)
{
	return clock_usec(CLOCK_REALTIME);
}
