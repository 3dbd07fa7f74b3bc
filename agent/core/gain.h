/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/space.h"

/*
 * What removals really freed, set against the images' nominal sizes, for each kind of runtime: what to
 * expect of an image about which nothing better is known. Plain values, kept between runs.
 */
#define GAIN_RUNTIME_MAX 32
#define GAIN_N_RATIOS	 8

struct gain_ratio {
	char runtime[GAIN_RUNTIME_MAX]; /* "containerd": the version's first word, cut if longer */
	uint64_t nominal_bytes;		/* of removed images, together */
	uint64_t freed[_RESOURCE_MAX];	/* by removing them */
	uint32_t removals;
};

/* Those that were learnt from last stand last. */
struct gain_ratios {
	struct gain_ratio ratios[GAIN_N_RATIOS];
	size_t n_ratios;
};

/*
 * Whether a measured gain can be the image's own. Others write and delete meanwhile: one of nothing
 * is left out, and one far beyond what its size can unpack to.
 */
bool gain_believable(uint64_t nominal_bytes, const uint64_t freed[_RESOURCE_MAX]);
/* Learns from a removal that gain_believable() believes. runtime as inventory.runtime tells it. Older
 * removals count for less and less; of more than GAIN_N_RATIOS runtimes the one not seen for
 * longest is forgotten. */
void gain_learn(struct gain_ratios *g, const char *runtime, uint64_t nominal_bytes,
		const uint64_t freed[_RESOURCE_MAX]);
/* What removing an image of that size is expected to free, by the runtime's ratio. False, and ret
 * left alone, while too little was removed to tell. */
bool gain_expected(const struct gain_ratios *g, const char *runtime, uint64_t nominal_bytes,
		   uint64_t ret[_RESOURCE_MAX]);
