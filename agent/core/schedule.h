/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cadence.h"
#include "core/pass-gate.h"
#include "core/plan.h"
#include "core/pressure.h"
#include "core/reclaim.h"
#include "core/space.h"
#include "util/usec.h"

/*
 * When the agent looks at the image filesystem, lists what is on it, and acts by itself. Zero-initialised
 * is an agent that has just started: it looks and lists at once.
 */

/* Images and containers are listed this often when nothing happens, to learn what is in use. */
#define SCHEDULE_OBSERVE_INTERVAL     (30 * USEC_PER_SEC)
/* The same when the disk's usage moves by a two-hundredth of its size: something was pulled. */
#define SCHEDULE_OBSERVE_INTERVAL_MIN (250 * USEC_PER_MSEC)

struct schedule {
	struct pass_gate gate;
	/* what the pass that closed it was about */
	bool closed_for[_RESOURCE_MAX][_PRESSURE_MAX];
	usec_t observed_at;
	uint64_t available_when_observed;
	uint64_t reclaimable_when_closed; /* bytes, when the gate was closed last */
	size_t n_over_age;
};

/* What is to be known of a plan afterwards. */
struct schedule_facts {
	uint64_t reclaimable[_RESOURCE_MAX]; /* of the candidates that are still there */
	size_t n_over_age;
	usec_t next_eligible, next_over_age;
};

/* Of a plan that nothing was removed by yet, or that a pass went over. */
void schedule_facts(const struct plan *plan, struct schedule_facts *ret);

/* The time until the next sample; fastest_rate as in cadence_next(). */
usec_t schedule_sample_interval(const struct space *space, const struct pressure *pressure,
				int64_t fastest_rate, const struct cadence_limits *limits);
/* After a sample: whether a pass is to start, and what is its trigger. */
bool schedule_pass_due(const struct schedule *s, const struct pressure *pressure, usec_t now,
		       enum pass_trigger *ret);
/* After a sample, when no pass starts: whether to list images and containers out of turn. */
bool schedule_observation_due(const struct schedule *s, const struct space *space, usec_t now);
/* They are being listed. */
void schedule_observation_begins(struct schedule *s, const struct space *space, usec_t now);
/* They were listed; while dry_run, nothing that appears changes what a pass does. Returns when they are
 * listed next. */
usec_t schedule_observed(struct schedule *s, const struct schedule_facts *facts, bool dry_run,
			 usec_t now);
/* A pass that was due ended. Returns when images and containers are listed next. */
usec_t schedule_pass_ended(struct schedule *s, const struct pass_report *report,
			   const struct schedule_facts *facts, usec_t now);
