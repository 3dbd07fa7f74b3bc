/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "core/policy.h"
#include "core/reasons.h"
#include "core/usage.h"
#include "core/use.h"

/* What is decided about one image. Points into the inventory it was made from. */
struct verdict {
	const struct image *image;
	size_t source;	       /* index of the inventory that it is of, where several were merged */
	enum keep_reason keep; /* KEEP_NONE: candidate, or removed when removed is set */
	const char *by;	       /* container ID, pattern or reference behind keep; "" when none */
	usec_t first_seen;
	usec_t last_used; /* USEC_NEVER: never seen in use */
	uint32_t uses;	  /* containers that were seen to come with it */
	bool gain_known;
	uint64_t gain[_RESOURCE_MAX]; /* what removing it freed, the last time that was done */
	usec_t eligible_at;	      /* KEEP_TOO_YOUNG: when that ends; else USEC_NEVER */
	/* What its removal is expected to free: of a candidate, after those before it in the plan
	 * are gone; of others, alone. */
	uint64_t predicted[_RESOURCE_MAX];
	bool over_age; /* candidate that imageMaximumGCAge wants gone whatever the usage */
	bool removed;
};

/* Candidates before the others; over age before within; then byLastUsedAndDetected, then the ID. For
 * qsort(). */
int verdict_compare(const void *a, const void *b);

/* All images of an inventory: candidates first, in the order of removal, then those that stay. */
struct plan {
	struct verdict *verdicts;
	size_t n_verdicts;
	size_t n_candidates; /* verdicts[0 .. n_candidates - 1] may be removed */
	size_t n_over_age;   /* verdicts[0 .. n_over_age - 1] are removed whatever the usage */
	uint64_t reclaimable[_RESOURCE_MAX]; /* predicted gain of all candidates together */
	usec_t next_eligible; /* when the next too-young image becomes a candidate; USEC_INFINITY */
	usec_t next_over_age; /* when the next image gets over the maximum age; USEC_INFINITY */
	struct arena arena;   /* of texts that the verdicts refer to */
};

/*
 * Decides about every image. Order of removal: those over the maximum age, then by last use (never
 * used first), then by first seen, as the kubelet (byLastUsedAndDetected), then by ID so that equal
 * nodes make equal plans; with ORDER_FEWEST_REMOVALS those not over age by what they free. Entries
 * that share an ID share what protects them. use has one entry per image of inv; an image without
 * an entry in history counts as first seen now. Instants are within 2^62 us of 0. Returned verdicts
 * point into inv, which must outlive the plan.
 */
void plan_build(const struct inventory *inv, const struct image_use *use,
		const struct usage_history *history, const struct image_gc_policy *policy,
		usec_t now, struct plan *ret);
/*
 * Makes one plan of several, made with the same policy at the same moment; source becomes the index of the
 * plan that a verdict came from. Candidates of all of them are in one order, each plan's own order kept:
 * by age, or with ORDER_FEWEST_REMOVALS by what they free. Takes over what the plans hold; they are
 * empty afterwards.
 */
void plan_merge(struct plan *plans, size_t n, const struct image_gc_policy *policy,
		struct plan *ret);
/* Releases the verdicts; the inventory stays. */
void plan_done(struct plan *p);
/* Counts images by state: ret[KEEP_NONE] is reclaimable, the others by keep reason. */
void plan_count(const struct plan *p, uint64_t ret[_KEEP_REASON_MAX]);
