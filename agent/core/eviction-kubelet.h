/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/eviction-threshold.h"
#include "core/space.h"
#include "util/err.h"

/* What the kubelet does with its thresholds and we do not: for reading its configuration, and to
 * show what it would do. */

/* How the kubelet sees the node's filesystems; it finds out once, when it starts. */
struct eviction_layout {
	bool dedicated_imagefs; /* images are not on nodefs */
	bool split;		/* containers are not where images are */
};

/*
 * Sets the thresholds of containerfs to those of the filesystem that it is (nodefs, or a
 * dedicated imagefs that is not split), from the kubelet's second pass on; of a layout that is
 * split without a dedicated imagefs nothing changes. Returns true and the kubelet's message in e
 * when thresholds of containerfs were given and are lost by that. e may be NULL.
 */
bool eviction_derive_containerfs(struct eviction_thresholds *thresholds,
				 struct eviction_layout layout, struct err *e);

/* What the kubelet reclaims under pressure of that filesystem before it evicts pods: all unused
 * containers, then all unused images. */
struct eviction_reclaim {
	bool containers, images;
};
struct eviction_reclaim eviction_reclaims(enum fs_role role, struct eviction_layout layout);

/*
 * Whether reclaiming was enough for the kubelet, so that no pod is evicted: nothing is below any
 * threshold plus its minimum reclaim, also where nothing was in force or a grace period runs.
 * spaces[role] NULL: not observed.
 */
bool eviction_satisfied(const struct eviction_thresholds *thresholds,
			const struct space *const spaces[_ROLE_MAX]);
