/* SPDX-License-Identifier: Apache-2.0 */
#include "reclaim-script.h"

#include <errno.h>
#include <string.h>

#include "util/err.h"

static void note(struct node *n, const char *what, const char *id)
{
	size_t used = strlen(n->log);
	(void)snprintf(n->log + used, sizeof(n->log) - used, "%s%s ", what, id);
}

static int node_measure(void *ctx, struct space *ret, struct err *e)
{
	struct node *n = ctx;
	note(n, "m", "");
	if (n->measures++ < (int)ELEMENTS(n->script->written_at_measure))
		n->space.avail_bytes -= (uint64_t)n->script->written_at_measure[n->measures - 1];
	if (n->measures == n->script->measure_fails_at)
		return err_set(e, EIO, "measure failed");
	*ret = n->space;
	return 0;
}

static int node_measure_after(void *ctx, const struct verdict *victim, const struct space *before,
			      struct space *ret, struct err *e)
{
	struct node *n = ctx;
	(void)before;
	note(n, "a", victim->image->id);
	if (++n->measures_after == n->script->measure_after_fails_at)
		return err_set(e, EIO, "measure after failed");
	*ret = n->space;
	return 0;
}

static int node_containers(void *ctx, const struct verdict *victim,
			   const struct container_list **ret, struct err *e)
{
	struct node *n = ctx;
	const struct script *s = n->script;
	note(n, "l", "");
	if (++n->lists == s->list_fails_at || (int)victim->source + 1 == s->failing_source)
		return err_set(e, ECONNREFUSED, "list failed");
	free(n->container_id);
	n->container_id = xstrdup("late");
	n->container =
		(struct container){ .id = n->container_id, .references = { "", "", "", "" } };
	if (s->user_of && s->user_mounts) {
		n->container.volume_images = &s->user_of;
		n->container.n_volume_images = 1;
	} else if (s->user_of) {
		n->container.references[1] = s->user_of;
	}
	bool there = s->user_appears_at && n->lists >= s->user_appears_at;
	n->list = (struct container_list){ &n->container, there ? 1 : 0 };
	*ret = &n->list;
	return 0;
}

static int node_remove(void *ctx, const struct verdict *victim, struct err *e)
{
	struct node *n = ctx;
	int i = victim->image->id[0] - 'a';
	note(n, "r", victim->image->id);
	n->clock += 1000;
	n->removals++;
	if (n->script->remove_errors[i])
		return err_set(e, n->script->remove_errors[i], "no %s", victim->image->id);
	n->space.avail_bytes += n->script->gain[i];
	n->space.inodes_free += n->script->gain_inodes[i];
	return 0;
}

static bool node_stopping(void *ctx)
{
	const struct node *n = ctx;
	int after = n->script->stops_after;
	return after == NEVER || (after > 0 && n->removals >= after);
}

static usec_t node_now(void *ctx)
{
	struct node *n = ctx;
	return n->clock += 10;
}

static void node_removed(void *ctx, const struct pass_report *report, const struct removal *removal)
{
	struct node *n = ctx;
	n->told++;
	assert_int_equal(report->n_removals, n->told);
	assert_ptr_equal(removal, &report->removals[n->told - 1]);
	assert_true(report->plan.verdicts[removal->verdict].removed);
}

const struct reclaim_ops script_ops = {
	.measure = node_measure,
	.measure_after = node_measure_after,
	.containers = node_containers,
	.remove = node_remove,
	.stopping = node_stopping,
	.now = node_now,
	.removed = node_removed,
};

const struct image_gc_policy script_thresholds = {
	.high_percent = { [RESOURCE_BYTES] = 80, [RESOURCE_INODES] = 90 },
	.low_percent = { [RESOURCE_BYTES] = 60, [RESOURCE_INODES] = 85 },
};

void plan_script(const struct script *s, struct pass_report *report)
{
	static const char *const ids[N_MAX] = { "a", "b", "c", "d", "e", "f",
						"g", "h", "i", "j", "k", "l" };
	struct inventory *inv = inventory_new();
	struct image_use *use = xcalloc(s->n_images, sizeof(*use));
	struct usage_history nothing = { 0 };
	inv->images = arena_calloc(&inv->arena, s->n_images + 1, sizeof(*inv->images));
	inv->n_images = s->n_images;
	for (size_t i = 0; i < s->n_images; i++) {
		inv->images[i] = (struct image){ .id = ids[i],
						 .predicted_bytes = s->predicted[i],
						 .predicted_inodes = s->predicted_inodes[i] };
		use[i] = (struct image_use){ KEEP_NONE, "" };
	}
	plan_build(inv, use, &nothing, &script_thresholds, 0, &report->plan);
	report->plan.n_over_age = s->n_over_age;
	for (size_t i = 0; i < s->n_over_age; i++)
		report->plan.verdicts[i].over_age = true;
	report->inventories[report->n_inventories++] = inv;
	while (report->n_inventories < s->n_sources)
		report->inventories[report->n_inventories++] = inventory_new();
	for (size_t i = 0; i < report->plan.n_verdicts; i++)
		report->plan.verdicts[i].source = i % report->n_inventories;
	free(use);
}

void play(const struct script *s, struct node *n, struct pass_report *report)
{
	struct image_gc_policy policy = script_thresholds;
	policy.max_removals = s->max_removals;
	policy.proceed_when_futile = s->proceed;
	policy.eviction[RESOURCE_BYTES][EVICTION_SOFT][ROLE_IMAGEFS] = s->soft;
	policy.eviction[RESOURCE_BYTES][EVICTION_HARD][ROLE_IMAGEFS] = s->hard;
	policy.eviction[RESOURCE_BYTES][EVICTION_HARD][ROLE_NODEFS] = s->hard_nodefs;
	policy.eviction[RESOURCE_INODES][EVICTION_HARD][ROLE_IMAGEFS] = s->hard_inodes;
	*n = (struct node){ .script = s, .space = s->space, .clock = 5000 };
	*report = (struct pass_report){
		.request = { .trigger = s->trigger,
			     .to_percent = s->to_percent ? s->to_percent : -1 },
		/* what an earlier use left behind */
		.n_removals = 99,
		.stopped = true,
		.error = { .code = 1, .msg = "stale" },
	};
	plan_script(s, report);
	reclaim_run(&script_ops, n, &policy, report);
	free(n->container_id);
}

void check_report(const struct pass_report *report, const struct node *n)
{
	uint64_t predicted[_RESOURCE_MAX] = { 0 }, measured[_RESOURCE_MAX] = { 0 };
	size_t removed = 0;
	for (size_t i = 0; i < report->n_removals; i++) {
		const struct removal *removal = &report->removals[i];
		assert_int_equal(removal->duration, 1010);
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			predicted[r] += removal->predicted[r];
			measured[r] += removal->measured[r];
		}
	}
	for (size_t i = 0; i < report->plan.n_verdicts; i++)
		removed += report->plan.verdicts[i].removed;
	assert_int_equal(removed, report->n_removals);
	assert_int_equal(n->told, report->n_removals);
	assert_memory_equal(predicted, report->predicted, sizeof(predicted));
	assert_memory_equal(measured, report->measured, sizeof(measured));
	assert_true(report->ended > report->started);
	assert_int_equal(report->plan.n_candidates, report->plan.n_verdicts);
	if (report->result == RESULT_ERROR)
		assert_true(report->error.code > 0 && report->error.msg[0]);
}

static void removed_ids(const struct pass_report *report, char ret[N_MAX + 1])
{
	for (size_t i = 0; i < report->n_removals; i++)
		ret[i] = report->plan.verdicts[report->removals[i].verdict].image->id[0];
	ret[report->n_removals] = '\0';
}

void play_rows(const struct script *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct node n;
		struct pass_report report;
		char removed[N_MAX + 1];
		play(&rows[i], &n, &report);
		check_report(&report, &n);
		removed_ids(&report, removed);
		if (strcmp(removed, rows[i].removed) != 0 || report.result != rows[i].result)
			fail_msg("%s: removed \"%s\", %s (%s)", rows[i].what, removed,
				 pass_result_to_string(report.result), n.log);
		pass_report_done(&report);
	}
}
