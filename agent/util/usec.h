/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Time in microseconds. Signed, so that a scenario can place things before its start and so that
 * differences never wrap. Durations and instants of the monotonic clock use it; wall-clock values
 * stand in variables named ..._wall_....
 */
typedef int64_t usec_t;

#define USEC_PER_MSEC	((usec_t)1000)
#define USEC_PER_SEC	((usec_t)1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR	(60 * USEC_PER_MINUTE)

/* "It never happened": earlier than every instant, so that never-used images sort first. */
#define USEC_NEVER    INT64_MIN
/* "No limit" for a deadline or a point in time to wait for. */
#define USEC_INFINITY INT64_MAX
