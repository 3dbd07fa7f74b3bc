/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/eviction-signal.h"
#include "core/percentage.h"
#include "core/quantity.h"
#include "util/usec.h"

/* The key that set a threshold, and the kind of pressure it makes. */
enum eviction_level {
	EVICTION_SOFT,
	EVICTION_HARD,
	_EVICTION_LEVEL_MAX,
};

/* An amount available, or one more of it: "1Gi" or "10%". */
struct eviction_value {
	bool is_percentage;
	struct quantity quantity;
	struct percentage percentage;
};

struct eviction_threshold {
	enum eviction_signal signal;
	enum eviction_level set_by; /* evictionSoft, evictionHard */
	struct eviction_value value;
	usec_t grace;			   /* 0: a hard one, also when evictionSoft has set it */
	struct eviction_value min_reclaim; /* zero: none */
};

#define EVICTION_MAX_THRESHOLDS (_EVICTION_SIGNAL_MAX * _EVICTION_LEVEL_MAX)

/* At most one threshold of each signal and key. */
struct eviction_thresholds {
	struct eviction_threshold items[EVICTION_MAX_THRESHOLDS];
	size_t n;
	bool float32; /* percentages as the kubelet computes them, not exactly: see percentage.h */
};

/* Hard exactly when there is no grace period. */
enum eviction_level eviction_threshold_level(const struct eviction_threshold *t);
/* The threshold of that signal and key, or NULL. */
const struct eviction_threshold *eviction_find(const struct eviction_thresholds *thresholds,
					       enum eviction_signal signal,
					       enum eviction_level set_by);

/*
 * The threshold as an amount available on a filesystem of that size, in bytes or inodes: what is
 * available meets the threshold when it is less. with_min_reclaim adds the minimum reclaim. What
 * has a fraction is rounded up, which is exact: amounts available are whole. UINT64_MAX stands
 * for more.
 */
uint64_t eviction_amount(const struct eviction_threshold *t, uint64_t total, bool with_min_reclaim,
			 bool float32);
/*
 * Whether what a disk threshold observes is less than it. s may be NULL, or of a filesystem without
 * that resource: nothing is observed then, and nothing is less.
 */
bool eviction_met(const struct eviction_threshold *t, const struct space *s, bool with_min_reclaim,
		  bool float32);
