/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Thresholds as absolute amounts available, exact in integers for any 64-bit total. They invert
 * space_used_percent(), so that a comparison of amounts and a comparison of integer percent never
 * disagree.
 */

/* The smallest amount available at which the integer usage is at most percent. */
uint64_t threshold_target_available(uint64_t total, int percent);

/*
 * The largest amount available at which the integer usage is at least percent, i.e. at which
 * garbage collection triggers. percent 0 triggers always (total), percent > 100 never: then 0 is
 * returned and *ret_never, when not NULL, is set.
 */
uint64_t threshold_trigger_available(uint64_t total, int percent);
