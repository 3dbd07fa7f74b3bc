/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "util/usec.h"

/*
 * The clocks, for those who own time: the daemon, the command line and their lanes. Everything in
 * core/ gets time as an argument, and its purity check would find a call of these.
 */

/* CLOCK_MONOTONIC, for durations and instants within one boot. */
usec_t now_monotonic(void);
/* Microseconds since the epoch, for what people and APIs read. */
int64_t now_wall(void);
