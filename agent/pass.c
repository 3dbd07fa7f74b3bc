/* SPDX-License-Identifier: Apache-2.0 */
#include "pass.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "history.h"
#include "node/filesystem.h"
#include "node/pass-lock.h"

/* The last use of what is in use moves on all the time; so much of it may be lost in a crash. */
#define HISTORY_INTERVAL (5 * USEC_PER_MINUTE)

/* The ctx of the reclaim ops. */
struct live {
	struct pass_node *node;
	const struct pass_callbacks *callbacks;
	bool dry_run;
	char store[4096];
	struct inventory *fresh;    /* of the last containers() */
	struct space imagined_gain; /* dry run: what the removals would have freed */
};

static usec_t clock_usec(clockid_t clock)
{
	struct timespec ts;
	(void)clock_gettime(clock, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t now_monotonic(void)
{
	return clock_usec(CLOCK_MONOTONIC);
}

int64_t now_wall(void)
{
	return clock_usec(CLOCK_REALTIME);
}

void pass_node_init(struct pass_node *node, const char *root)
{
	*node = (struct pass_node){ .root = xstrdup(root) };
}

void pass_node_done(struct pass_node *node)
{
	node->runtime = runtime_free(node->runtime);
	usage_clear(&node->history);
	free(node->root);
	free(node->endpoint);
	node->root = node->endpoint = NULL;
}

static bool runtime_is_current(const struct pass_node *node, const struct config *config)
{
	return node->runtime && strcmp(node->endpoint, config->runtime_endpoint) == 0 &&
	       node->timeout == config->runtime_timeout;
}

int pass_node_connect(struct pass_node *node, const struct config *config, struct err *e)
{
	if (runtime_is_current(node, config))
		return 0;
	node->runtime = runtime_free(node->runtime);
	free(node->endpoint);
	node->endpoint = xstrdup(config->runtime_endpoint);
	node->timeout = config->runtime_timeout;
	struct runtime_options options = {
		.endpoint = node->endpoint,
		.root = node->root,
		.timeout = node->timeout,
	};
	return runtime_open(&options, &node->runtime, e);
}

/* A runtime that cannot be reached may come back as another version or on another socket. */
static int runtime_lost(struct pass_node *node, int r)
{
	if (removal_error_from_errno(-r) == REMOVAL_ERROR_UNAVAILABLE)
		node->runtime = runtime_free(node->runtime);
	return r;
}

static void history_begin(struct pass_node *node, const struct config *config)
{
	if (node->history_loaded)
		return;
	node->history_loaded = true;
	node->history_error.code = 0;
	(void)history_load(config->state_directory, &node->history, &node->history_error);
}

void pass_node_save(struct pass_node *node, const struct config *config, bool now)
{
	if (!node->history_loaded)
		return;
	if (!now && !node->history_changed &&
	    now_monotonic() - node->history_saved_at < HISTORY_INTERVAL)
		return;
	node->history_saved_at = now_monotonic();
	node->history_error.code = 0;
	if (history_save(config->state_directory, &node->history, &node->history_error) == 0)
		node->history_changed = false;
}

/* The inventory, with what is in use noted in the history. *ret_use is an array the caller frees. */
static int take_inventory(struct pass_node *node, const struct config *config,
			  struct inventory **ret, struct image_use **ret_use, struct err *e)
{
	cleanup_inventory struct inventory *inv = NULL;
	int r = pass_node_connect(node, config, e);
	if (r < 0)
		return r;
	r = runtime_inventory(node->runtime, &inv, e);
	if (r < 0)
		return runtime_lost(node, r);
	struct image_use *use = xcalloc(inv->n_images, sizeof(*use));
	use_resolve(inv->images, inv->n_images, &inv->containers, inv->sandbox_images,
		    inv->n_sandbox_images, use);
	history_begin(node, config);
	if (usage_observe(&node->history, inv, use, now_monotonic()))
		node->history_changed = true;
	*ret = take_ptr(inv);
	*ret_use = use;
	return 0;
}

/* Where the images live, as this process can reach it: the configuration's word, else the runtime's. */
static int store_path(const struct pass_node *node, const struct config *config,
		      const struct inventory *inv, char ret[4096], struct err *e)
{
	const char *path = config->filesystem_paths[ROLE_IMAGEFS];
	if (strcmp(path, "auto") == 0)
		path = inv->image_store_path;
	if (!*path)
		return err_set(e, ENODATA,
			       "the runtime does not say where its images are; set imagefs in "
			       "[filesystems]");
	if (snprintf(ret, 4096, "%s%s", node->root, path) >= 4096)
		return err_set(e, ENAMETOOLONG, "the image store's path is too long");
	return 0;
}

int pass_observe(struct pass_node *node, const struct config *config, struct observation *ret,
		 struct err *e)
{
	cleanup_inventory struct inventory *inv = NULL;
	cleanup_free struct image_use *use = NULL;
	struct observation o = { 0 };
	struct plan plan;
	int r = take_inventory(node, config, &inv, &use, e);
	if (r < 0)
		return r;
	struct image_gc_policy policy = config_image_gc_policy(config);
	plan_build(inv, use, &node->history, &policy, now_monotonic(), &plan);
	plan_count(&plan, o.images);
	memcpy(o.reclaimable, plan.reclaimable, sizeof(o.reclaimable));
	o.n_over_age = plan.n_over_age;
	o.next_eligible = plan.next_eligible;
	o.next_over_age = plan.next_over_age;
	plan_done(&plan);
	r = store_path(node, config, inv, o.image_store_path, e);
	if (r < 0)
		return r;
	*ret = o;
	return 0;
}

/* --- the ops of core/reclaim.h ----------------------------------------------------------------- */

static void imagine(const struct live *live, struct space *space)
{
	space->avail_bytes += live->imagined_gain.avail_bytes;
	space->inodes_free += live->imagined_gain.inodes_free;
	if (space->avail_bytes > space->size_bytes)
		space->avail_bytes = space->size_bytes;
	if (space->inodes_free > space->inodes)
		space->inodes_free = space->inodes;
}

static int live_measure(void *ctx, struct space *ret, struct err *e)
{
	struct live *live = ctx;
	uint64_t dev;
	int r = filesystem_sample(live->store, ret, &dev, e);
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
	return filesystem_sample_settled(live->store, before, victim->predicted[RESOURCE_BYTES],
					 ret, e);
}

static int live_containers(void *ctx, const struct container_list **ret, struct err *e)
{
	struct live *live = ctx;
	live->fresh = inventory_free(live->fresh);
	live->fresh = inventory_new();
	int r = runtime_containers(live->node->runtime, live->fresh, e);
	if (r == 0)
		*ret = &live->fresh->containers;
	return r;
}

static int live_remove(void *ctx, const struct verdict *victim, struct err *e)
{
	struct live *live = ctx;
	if (!live->dry_run)
		return runtime_remove_image(live->node->runtime, victim->image, e);
	live->imagined_gain.avail_bytes += victim->predicted[RESOURCE_BYTES];
	live->imagined_gain.inodes_free += victim->predicted[RESOURCE_INODES];
	return 0;
}

static bool live_stopping(void *ctx)
{
	const struct live *live = ctx;
	return live->callbacks->stopping && *live->callbacks->stopping;
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
	cleanup_free struct image_use *use = NULL;
	int r = take_inventory(live->node, config, &report->inventory, &use, &report->error);
	if (r < 0)
		return r;
	plan_build(report->inventory, use, &live->node->history, policy, now_monotonic(),
		   &report->plan);
	return store_path(live->node, config, report->inventory, live->store, &report->error);
}

void pass_run(struct pass_node *node, const struct config *config,
	      const struct pass_callbacks *callbacks, struct pass_report *report)
{
	struct live live = { .node = node,
			     .callbacks = callbacks,
			     .dry_run = report->request.dry_run };
	struct image_gc_policy policy = config_image_gc_policy(config);
	cleanup_close int lock = -1;
	report->started = report->ended = now_monotonic();
	report->result = RESULT_ERROR;
	if (!live.dry_run && pass_lock_acquire(config->state_directory, &lock, &report->error) < 0)
		return;
	if (pass_prepare(&live, config, &policy, report) < 0)
		return;
	reclaim_run(&live_ops, &live, &policy, report);
	if (report->result == RESULT_ERROR)
		(void)runtime_lost(node, -report->error.code);
	live.fresh = inventory_free(live.fresh);
}
