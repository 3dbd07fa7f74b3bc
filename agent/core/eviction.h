/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/eviction-threshold.h"
#include "core/space.h"
#include "util/usec.h"

/*
 * Pressure by the kubelet's eviction thresholds: which are met, whose grace period is over, and
 * what pressure is to be reported. A threshold is met when less than it is available. It is in
 * force once it has been met for its grace period without a break (a hard one at once), and stays
 * so until its minimum reclaim is available as well. Pressure is active while a threshold of the
 * level is in force and for the transition period after that.
 *
 * Where the kubelet differs: its DiskPressure condition is true as soon as a soft threshold is
 * touched, and never with a transition period of 0; and a failed measurement stops it for all
 * filesystems. What it would report is verdict.kubelet_disk_pressure.
 */

struct eviction_policy {
	struct eviction_thresholds thresholds; /* others than those of filesystems are ignored */
	usec_t transition_period;	       /* evictionPressureTransitionPeriod */
};

/* What is known of one threshold. */
struct eviction_track {
	bool known;	   /* it exists, and the filesystem has that resource */
	bool met;	   /* since first_met, minimum reclaim included while in force */
	bool in_force;	   /* met for the grace period */
	bool was_in_force; /* last_in_force means something */
	usec_t first_met;  /* valid when met */
	usec_t last_in_force;
	uint64_t amount;       /* available below this meets it */
	uint64_t clear_amount; /* available from this on clears it, minimum reclaim included */
};

/* Zero-initialised: nothing was ever observed. Survives changes of the policy. */
struct eviction_state {
	struct eviction_track tracks[_EVICTION_DISK_MAX][_EVICTION_LEVEL_MAX]; /* by set_by */
	bool active[_ROLE_MAX][_RESOURCE_MAX][_EVICTION_LEVEL_MAX];
	uint64_t transitions[_ROLE_MAX][_RESOURCE_MAX]
			    [_EVICTION_LEVEL_MAX]; /* of active, both ways */
	/* the kubelet's condition: some threshold met at last_met */
	bool was_met;
	usec_t last_met;
};

/* One level of pressure on one resource of a filesystem. */
struct eviction_pressure {
	bool known;	       /* there is a threshold; the rest means something */
	bool met;	       /* less is available than it wants, or it is still in force */
	bool in_force;	       /* the grace period is over: time to reclaim */
	bool active;	       /* to be reported: in force, or not for long enough out of it */
	uint64_t amount;       /* bytes or inodes: available below this meets it */
	uint64_t clear_amount; /* available from this on clears it: what reclaim has to reach */
};

struct eviction_verdict {
	struct eviction_pressure pressure[_ROLE_MAX][_RESOURCE_MAX][_EVICTION_LEVEL_MAX];
	bool kubelet_disk_pressure;
};

/*
 * Takes the samples of one moment into account. spaces[role] NULL: not measured this time, as when
 * statvfs hangs; its thresholds stay as they are, and no grace period begins or ends. now is of a
 * monotonic clock.
 */
void eviction_step(struct eviction_state *state, const struct eviction_policy *policy, usec_t now,
		   const struct space *const spaces[_ROLE_MAX], struct eviction_verdict *ret);
/* When after now a step comes to something else, if the filesystems stay as they are: a grace or a
 * transition period is over then. USEC_INFINITY: never. */
usec_t eviction_changes_at(const struct eviction_state *state, const struct eviction_policy *policy,
			   usec_t now);
