/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/eviction-threshold.h"
#include "core/policy.h"
#include "core/space.h"

/*
 * Staying ahead of the kubelet: where it would act by itself, the agent acts earlier, so that the
 * kubelet, which does not look at the disk while it removes, has nothing to do.
 */

/* What the node's kubelet goes by. Zero-initialised: there is none. */
struct kubelet_limits {
	bool known;
	int gc_high_percent; /* its imageGCHighThresholdPercent; above 100: its collection is off */
	int gc_low_percent;
	struct eviction_thresholds eviction;
};

/*
 * The largest amount of r available at which the kubelet's image garbage collection runs. False when it
 * never does: off, not bytes, or no kubelet.
 */
bool kubelet_limits_gc(const struct kubelet_limits *k, enum resource r, const struct space *space,
		       uint64_t *ret);
/* The amount of r available below which the kubelet evicts, on that filesystem in that role, by its
 * hard thresholds, or by any when soft is set. False when it never does. */
bool kubelet_limits_eviction(const struct kubelet_limits *k, enum fs_role role, enum resource r,
			     const struct space *space, bool soft, uint64_t *ret);

/* The largest amount of r available at which the kubelet acts on a filesystem, whatever makes it do so.
 * roles are those that are on it; its image garbage collection looks at ROLE_IMAGEFS. False: never. */
bool kubelet_limits_first(const struct kubelet_limits *k, enum resource r,
			  const struct space *space, const bool roles[_ROLE_MAX], uint64_t *ret);

/*
 * Lowers policy's high percentages so that they are reached while at least lead_percent of the total
 * more is available than where the kubelet acts first, and the low ones with them. space is of the
 * image filesystem, shared[role] tells which roles are on it. What policy has switched off stays off.
 */
void lead_apply(struct image_gc_policy *policy, const struct kubelet_limits *k,
		const struct space *space, const bool shared[_ROLE_MAX], int lead_percent);
