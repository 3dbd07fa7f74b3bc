/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
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
 * garbage collection triggers. Returns false, and leaves *ret alone, when no amount does: percent
 * above 100, or a filesystem without that resource (total 0). percent 0 triggers at any amount.
 */
bool threshold_trigger_available(uint64_t total, int percent, uint64_t *ret);
