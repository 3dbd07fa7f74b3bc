/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/usec.h"

/* A Prometheus histogram of durations with fixed upper bounds. Zero-initialised is empty. */
#define HISTOGRAM_N_BUCKETS 10

struct histogram {
	uint64_t buckets[HISTOGRAM_N_BUCKETS + 1]; /* not cumulative; the last one is +Inf */
	usec_t sum;
	uint64_t count;
};

/* Upper bounds (inclusive) of the buckets. */
extern const usec_t histogram_bounds[HISTOGRAM_N_BUCKETS];

/* Counts one duration; negative ones count as 0. */
void histogram_observe(struct histogram *h, usec_t duration);
