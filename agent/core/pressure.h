/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"
#include "core/space.h"

/*
 * Whether image garbage collection has to start, per resource. There is no hysteresis in here: the
 * distance between the high and the low threshold is it, as in the kubelet.
 */
struct pressure {
	bool active[_RESOURCE_MAX];
	uint64_t transitions[_RESOURCE_MAX]; /* changes of active, both ways */
};

/* Takes a sample into account. Returns whether any resource is under pressure now. */
bool pressure_step(struct pressure *p, const struct image_gc_policy *policy,
		   const struct space *space);
