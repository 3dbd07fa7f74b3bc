/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "core/plan.h"
#include "core/policy.h"
#include "core/pressure.h"
#include "core/reasons.h"
#include "core/space.h"
#include "util/err.h"
#include "util/limits.h"
#include "util/usec.h"

/*
 * The closed loop: measure -> still needed? -> list containers again -> remove -> measure. It
 * touches the world only through struct reclaim_ops, so the daemon, gc, plan, simulate and the tests
 * run this very code. All ops return 0 or a negative errno with e filled.
 */
struct pass_report;
struct removal;

struct reclaim_ops {
	/* How full the filesystem is now. */
	int (*measure)(void *ctx, struct space *ret, struct err *e);
	/* The same after victim was removed from a filesystem that had before: waits, where the
	 * filesystem needs that, until the space shows. */
	int (*measure_after)(void *ctx, const struct verdict *victim, const struct space *before,
			     struct space *ret, struct err *e);
	/* All containers in every state of the runtime that victim is of, fresh. Owned by ctx, valid
	 * until the next call. */
	int (*containers)(void *ctx, const struct verdict *victim,
			  const struct container_list **ret, struct err *e);
	/* Removes one image. Success also when it is already gone. */
	int (*remove)(void *ctx, const struct verdict *victim, struct err *e);
	/* Whether to end after the removal in flight. */
	bool (*stopping)(void *ctx);
	usec_t (*now)(void *ctx);
	/* Tells of each removal as it is done, for logs and progress. May be NULL. */
	void (*removed)(void *ctx, const struct pass_report *report, const struct removal *removal);
};

/* What a pass is to achieve. */
struct pass_request {
	enum pass_trigger trigger;
	bool dry_run;	/* recorded in the report only: the ops leave the last call out */
	int to_percent; /* manual passes only: usage in bytes to reach; -1: the low thresholds */
};

struct removal {
	size_t verdict; /* index into the plan's verdicts */
	enum remove_reason reason;
	uint64_t predicted[_RESOURCE_MAX];
	uint64_t measured[_RESOURCE_MAX]; /* growth of what is available; 0 when it shrank */
	usec_t duration;		  /* of the removal call */
};

/* What a pass did, and what about every image. Owns the plan's arrays and the inventories. */
struct pass_report {
	struct inventory *inventories[N_MAX_RUNTIMES]; /* by the source of verdicts */
	size_t n_inventories;			       /* 0 when there is none to be had */
	bool failed[N_MAX_RUNTIMES];		       /* nothing more was removed from those */
	struct plan plan;
	struct pass_request request;
	enum pass_result result;
	struct err error; /* RESULT_ERROR: why; else the last removal that failed, if any */
	struct space before, after;
	/* What was asked for, as amounts available, by the role that a threshold looks at the filesystem in.
	 * Image collection, and a manual pass, ask at PRESSURE_GC and ROLE_IMAGEFS. */
	struct reclaim_goal goals[_RESOURCE_MAX][_PRESSURE_MAX][_ROLE_MAX];
	uint64_t target[_RESOURCE_MAX];	 /* the largest of the goals' targets; 0: not concerned */
	uint64_t trigger[_RESOURCE_MAX]; /* amount available that clears them all, <= target */
	struct removal *removals;
	size_t n_removals;
	uint64_t predicted[_RESOURCE_MAX], measured[_RESOURCE_MAX]; /* sums over removals */
	uint64_t removal_errors[_REMOVAL_ERROR_MAX];
	bool stopped; /* ended early because the caller asked, or by max_removals */
	usec_t started, ended;
};

/*
 * Runs one pass over report->plan and completes report; request, inventories (one at least) and plan
 * are set by the caller, everything else is written here. Never fails as such: a failing measurement
 * ends the pass with RESULT_ERROR and report->error, and nothing is removed after it. So does a
 * failing list, for the runtime that failed; others go on, and the result is RESULT_ERROR unless they
 * met the targets. A victim that came into use is skipped (KEEP_IN_USE, KEEP_IMAGE_VOLUME); a removal
 * that the runtime refuses is counted and skipped (KEEP_CHANGED); three in a row, or no answer, are
 * a runtime's failure. Candidates that nothing was decided about keep KEEP_NONE.
 *
 * Images over the maximum age are removed in any case. Others only for goals that can be met: one that
 * all candidates together would not clear is left alone (proceed_when_futile: is not), and the pass
 * gives up when removals free next to nothing.
 */
void reclaim_run(const struct reclaim_ops *ops, void *ctx, const struct image_gc_policy *policy,
		 struct pass_report *report);
/* Releases what the report owns. */
void pass_report_done(struct pass_report *report);
