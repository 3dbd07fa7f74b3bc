/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/eviction-threshold.h"
#include "core/space.h"
#include "util/usec.h"

/* Who goes first. */
enum removal_order {
	ORDER_LRU,	       /* last used, then first seen longest ago, as the kubelet */
	ORDER_FEWEST_REMOVALS, /* who frees the most of what is scarce */
};

/* An amount available that ends a pressure, and the one to reclaim to, which is no smaller. */
struct reclaim_goal {
	uint64_t clear;
	uint64_t target; /* 0: nothing is asked for */
};

/* What image garbage collection may do and when, as the configuration says it. */
struct image_gc_policy {
	int high_percent[_RESOURCE_MAX]; /* usage at or above which a pass starts; > 100: never */
	int low_percent[_RESOURCE_MAX];	 /* usage a pass aims for; below high_percent */
	usec_t minimum_age;		 /* since first seen */
	usec_t maximum_age;		 /* since last use, else first seen; 0: off */
	const char *const *keep;	 /* patterns, see keep.h */
	size_t n_keep;
	uint32_t keep_newest; /* images of each repository, see newest.h; 0: none */
	enum removal_order order;
	enum resource scarce; /* what ORDER_FEWEST_REMOVALS frees the most of */
	bool keep_unrecoverable;
	bool unless_local_is_ordinary; /* but not with a runtime where they are, see inventory.h */
	bool proceed_when_futile;
	uint32_t max_removals; /* per pass; 0: no limit */
	/* Of eviction thresholds that are in force on the image filesystem, by the role that they look at it
	 * in; see pressure.h. */
	struct reclaim_goal eviction[_RESOURCE_MAX][_EVICTION_LEVEL_MAX][_ROLE_MAX];
};
