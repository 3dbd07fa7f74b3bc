/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/eviction.h"
#include "core/policy.h"
#include "core/space.h"
#include "util/usec.h"

/*
 * What pressure the node is under: image garbage collection's own, by the high thresholds of the
 * image filesystem, and that of the eviction thresholds of every filesystem. The first has no
 * hysteresis in here: the distance between the high and the low threshold is it, as in the kubelet.
 */

/* Kinds of pressure. */
enum pressure_level {
	PRESSURE_GC,
	PRESSURE_SOFT,
	PRESSURE_HARD,
	_PRESSURE_MAX,
	_PRESSURE_INVALID = -22,
};
const char *pressure_level_to_string(enum pressure_level l); /* "gc", "soft", "hard" */
/* The pressure that a threshold of that level makes. */
enum pressure_level pressure_level_of(enum eviction_level l);

/* Zero-initialised: nothing was observed yet. */
struct pressure {
	/* Removing images is asked for: for eviction thresholds where they are in force on a
	 * filesystem that images are on. */
	bool wanted[_RESOURCE_MAX][_PRESSURE_MAX];
	/* The largest amount available on the image filesystem at which that begins; 0: never. */
	uint64_t begins_at[_RESOURCE_MAX];
	uint64_t gc_transitions[_RESOURCE_MAX]; /* changes of wanted[][PRESSURE_GC], both ways */
	struct eviction_state eviction;
	struct eviction_verdict verdict; /* of the last step, for every filesystem */
};

/* The samples of one moment. */
struct pressure_sample {
	const struct space *spaces[_ROLE_MAX]; /* NULL: not measured now; what is known stays */
	bool with_images[_ROLE_MAX];	       /* on the device that the images are on */
};

/* Takes samples into account. now is of a monotonic clock. Returns whether removing images is asked
 * for. */
bool pressure_step(struct pressure *p, const struct image_gc_policy *policy,
		   const struct eviction_policy *eviction, usec_t now,
		   const struct pressure_sample *sample);
/* Sets policy's goals to what the eviction thresholds in force ask for. */
void pressure_goals(const struct pressure *p, const bool with_images[_ROLE_MAX],
		    struct image_gc_policy *policy);
