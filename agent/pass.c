/* SPDX-License-Identifier: Apache-2.0 */
#include "pass.h"

#include <string.h>

#include "node/filesystem.h"
#include "node/pass-lock.h"
#include "util/clock.h"

/* The ctx of the reclaim ops. */
struct live {
	struct pass_node *node;
	const struct pass_callbacks *callbacks;
	bool dry_run;
	struct node_listing listing;
	struct inventory *fresh;    /* of the last containers() */
	struct space imagined_gain; /* dry run: what the removals would have freed */
};

static void imagine(const struct live *live, struct space *space)
{
	space->avail_bytes = amount_add(space->avail_bytes, live->imagined_gain.avail_bytes);
	space->inodes_free = amount_add(space->inodes_free, live->imagined_gain.inodes_free);
	if (space->avail_bytes > space->size_bytes)
		space->avail_bytes = space->size_bytes;
	if (space->inodes_free > space->inodes)
		space->inodes_free = space->inodes;
}

static int live_measure(void *ctx, struct space *ret, struct err *e)
{
	struct live *live = ctx;
	uint64_t dev;
	int r = filesystem_sample(live->listing.store, ret, &dev, e);
	if (r == 0)
		imagine(live, ret);
	return r;
}

static int live_measure_after(void *ctx, const struct verdict *victim, const struct space *before,
			      struct space *ret, struct err *e)
{
	struct live *live = ctx;
	if (live->dry_run)
		return live_measure(ctx, ret, e);
	return filesystem_sample_settled(live->listing.store, before,
					 victim->predicted[RESOURCE_BYTES], ret, e);
}

static int live_containers(void *ctx, const struct verdict *victim,
			   const struct container_list **ret, struct err *e)
{
	struct live *live = ctx;
	live->fresh = inventory_free(live->fresh);
	live->fresh = inventory_new();
	int r = node_listing_containers(&live->listing, live->node, victim->source, live->fresh, e);
	if (r == 0)
		*ret = &live->fresh->containers;
	return r;
}

static int live_remove(void *ctx, const struct verdict *victim, struct err *e)
{
	struct live *live = ctx;
	if (!live->dry_run)
		return runtime_remove_image(live->listing.runtimes[victim->source]->runtime,
					    victim->image, e);
	struct space *gain = &live->imagined_gain;
	gain->avail_bytes = amount_add(gain->avail_bytes, victim->predicted[RESOURCE_BYTES]);
	gain->inodes_free = amount_add(gain->inodes_free, victim->predicted[RESOURCE_INODES]);
	return 0;
}

static bool live_stopping(void *ctx)
{
	const struct live *live = ctx;
	return live->callbacks->stopping && atomic_load(live->callbacks->stopping);
}

static usec_t live_now(void *ctx)
{
	(void)ctx;
	return now_monotonic();
}

static void live_removed(void *ctx, const struct pass_report *report, const struct removal *removal)
{
	const struct live *live = ctx;
	if (live->callbacks->removed)
		live->callbacks->removed(live->callbacks->userdata, report, removal);
}

static const struct reclaim_ops live_ops = {
	.measure = live_measure,
	.measure_after = live_measure_after,
	.containers = live_containers,
	.remove = live_remove,
	.stopping = live_stopping,
	.now = live_now,
	.removed = live_removed,
};

static int pass_prepare(struct live *live, const struct config *config,
			const struct image_gc_policy *policy, struct pass_report *report)
{
	int r = pass_node_list(live->node, config, &live->listing, &report->error);
	if (r < 0)
		return r;
	node_listing_plan(&live->listing, policy, &report->plan);
	/* the report outlives the pass, and the plan points into them */
	for (size_t i = 0; i < live->listing.n; i++)
		report->inventories[i] = take_ptr(live->listing.inventories[i]);
	report->n_inventories = live->listing.n;
	return 0;
}

/* What the removals brought, for the next time. */
static void learn(const struct node_listing *listing, const struct pass_report *report)
{
	for (size_t i = 0; i < report->n_removals; i++) {
		const struct removal *removal = &report->removals[i];
		const struct verdict *v = &report->plan.verdicts[removal->verdict];
		struct node_runtime *r = listing->runtimes[v->source];
		usage_removed(&r->history, report->inventories[v->source]->runtime, v->image,
			      removal->measured, now_monotonic());
		r->history_changed = true;
	}
}

static void note_failures(const struct node_listing *listing, const struct pass_report *report)
{
	for (size_t i = 0; i < listing->n; i++) {
		if (!report->failed[i])
			continue;
		listing->runtimes[i]->error = report->error;
		(void)node_runtime_failed(listing->runtimes[i], -report->error.code);
	}
}

void pass_run(struct pass_node *node, const struct config *config,
	      const struct image_gc_policy *effective, const struct pass_callbacks *callbacks,
	      struct pass_report *report)
{
	struct live live = { .node = node,
			     .callbacks = callbacks,
			     .dry_run = report->request.dry_run };
	struct image_gc_policy policy = *effective;
	cleanup_close int lock = -1;
	if (report->request.trigger == TRIGGER_INODES)
		policy.scarce = RESOURCE_INODES;
	report->started = report->ended = now_monotonic();
	report->result = RESULT_ERROR;
	if (!live.dry_run && pass_lock_acquire(config->state_directory, &lock, &report->error) < 0)
		return;
	if (pass_prepare(&live, config, &policy, report) < 0)
		return;
	reclaim_run(&live_ops, &live, &policy, report);
	if (!live.dry_run)
		learn(&live.listing, report);
	note_failures(&live.listing, report);
	live.fresh = inventory_free(live.fresh);
	node_listing_done(&live.listing);
}
