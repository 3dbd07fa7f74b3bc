/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reclaim.h"

#include <stdlib.h>
#include <string.h>

#include "core/threshold.h"
#include "core/use.h"
#include "util/alloc.h"

/* After so many removals in a row that freed next to nothing something else holds the space. */
#define EMPTY_REMOVALS_MAX  5
/* After so many refusals in a row the runtime is not in a state to remove anything. */
#define FAILED_REMOVALS_MAX 3

/* A pass in progress. */
struct pass {
	const struct reclaim_ops *ops;
	void *ctx;
	const struct image_gc_policy *policy;
	struct pass_report *report;
	struct space space;	     /* the last measurement */
	uint64_t aim[_RESOURCE_MAX]; /* the targets worth removing images for; 0: none */
	bool crossed[_RESOURCE_MAX]; /* some threshold was */
	unsigned empty_in_a_row;
	unsigned failed_in_a_row[N_MAX_RUNTIMES];
	bool over_age_left; /* the runtime refused to remove one */
};

static bool pass_fail(struct pass *p)
{
	p->report->result = RESULT_ERROR;
	return false;
}

/* Nothing more is removed from a runtime that failed. False when none is left. */
static bool source_fail(struct pass *p, size_t source)
{
	p->report->failed[source] = true;
	for (size_t i = 0; i < p->report->n_inventories; i++)
		if (!p->report->failed[i])
			return true;
	return pass_fail(p);
}

static bool pass_measure(struct pass *p)
{
	if (p->ops->measure(p->ctx, &p->space, &p->report->error) < 0)
		return pass_fail(p);
	p->report->after = p->space;
	return true;
}

/* What the high threshold, or somebody's wish, asks for. */
static struct reclaim_goal goal_of_collection(struct pass *p, enum resource r)
{
	uint64_t total = space_total(&p->space, r), available = space_available(&p->space, r), over;
	uint64_t target = threshold_target_available(total, p->policy->low_percent[r]);
	bool manual = p->report->request.trigger == TRIGGER_MANUAL;
	bool high = threshold_trigger_available(total, p->policy->high_percent[r], &over) &&
		    available <= over;
	if (!high && !(manual && available < target))
		return (struct reclaim_goal){ 0 };
	p->crossed[r] = high;
	return (struct reclaim_goal){
		.clear = high && over < target ? over + 1 : target,
		.target = target,
	};
}

/* What an eviction threshold asks for. Where it is cleared but for its minimum reclaim, this is what is
 * left to clear. */
static struct reclaim_goal goal_of_eviction(struct pass *p, enum resource r,
					    const struct reclaim_goal *asked)
{
	uint64_t available = space_available(&p->space, r);
	struct reclaim_goal goal = *asked;
	if (goal.target <= available)
		return (struct reclaim_goal){ 0 };
	p->crossed[r] = true;
	if (goal.clear <= available)
		goal.clear = goal.target;
	return goal;
}

/* All goals of a resource, one after the other. */
#define N_GOALS (_PRESSURE_MAX * _ROLE_MAX)
static const struct reclaim_goal *goal_at(const struct pass_report *report, enum resource r, int i)
{
	return &report->goals[r][i / _ROLE_MAX][i % _ROLE_MAX];
}

static void goals_sum_up(struct pass_report *report, enum resource r)
{
	for (int i = 0; i < N_GOALS; i++) {
		const struct reclaim_goal *goal = goal_at(report, r, i);
		if (goal->target > report->target[r])
			report->target[r] = goal->target;
		if (goal->clear > report->trigger[r])
			report->trigger[r] = goal->clear;
	}
}

static void goals_set(struct pass *p)
{
	struct pass_report *report = p->report;
	if (report->request.trigger == TRIGGER_MANUAL && report->request.to_percent >= 0) {
		uint64_t total = space_total(&p->space, RESOURCE_BYTES);
		uint64_t wish = threshold_target_available(total, report->request.to_percent);
		report->goals[RESOURCE_BYTES][PRESSURE_GC][ROLE_IMAGEFS] =
			(struct reclaim_goal){ .clear = wish, .target = wish };
		goals_sum_up(report, RESOURCE_BYTES);
		return;
	}
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		report->goals[r][PRESSURE_GC][ROLE_IMAGEFS] = goal_of_collection(p, r);
		for (int level = 0; level < _EVICTION_LEVEL_MAX; level++)
			for (int role = 0; role < _ROLE_MAX; role++)
				report->goals[r][pressure_level_of(level)][role] = goal_of_eviction(
					p, r, &p->policy->eviction[r][level][role]);
		goals_sum_up(report, r);
	}
}

static bool goals_met(const struct pass *p, const uint64_t goal[_RESOURCE_MAX])
{
	for (int r = 0; r < _RESOURCE_MAX; r++)
		if (space_available(&p->space, r) < goal[r])
			return false;
	return true;
}

/*
 * Aims for the goals that all candidates together could clear, as far as predictions tell. Where that is
 * hopeless for one of them, the others are still worth it: not the high threshold, but a hard one.
 */
static void aims_set(struct pass *p)
{
	const struct pass_report *report = p->report;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		uint64_t possible =
			amount_add(space_available(&p->space, r), report->plan.reclaimable[r]);
		for (int i = 0; i < N_GOALS; i++) {
			const struct reclaim_goal *goal = goal_at(report, r, i);
			if (goal->target > p->aim[r] &&
			    (possible >= goal->clear || p->policy->proceed_when_futile))
				p->aim[r] = goal->target;
		}
	}
}

static enum remove_reason removal_reason(const struct pass *p, const struct verdict *v)
{
	const struct pass_report *report = p->report;
	if (v->over_age)
		return REMOVE_AGE;
	bool bytes = space_available(&p->space, RESOURCE_BYTES) < p->aim[RESOURCE_BYTES];
	/* Only what no threshold asked for is somebody's wish. */
	if (report->request.trigger == TRIGGER_MANUAL &&
	    !p->crossed[bytes ? RESOURCE_BYTES : RESOURCE_INODES])
		return REMOVE_MANUAL;
	return bytes ? REMOVE_SPACE : REMOVE_INODES;
}

/* Lists the containers again. Returns false when the pass failed by that; *ret_free when nothing uses v
 * now. */
static bool victim_recheck(struct pass *p, struct verdict *v, bool *ret_free)
{
	const struct container_list *containers;
	struct image_use use;
	*ret_free = false;
	if (p->ops->containers(p->ctx, v, &containers, &p->report->error) < 0)
		return source_fail(p, v->source);
	use_resolve(v->image, 1, containers, NULL, 0, &use);
	*ret_free = use.reason == KEEP_NONE;
	if (!*ret_free) {
		v->keep = use.reason;
		/* the list is gone with the next one: copy */
		v->by = arena_strdup(&p->report->plan.arena, use.by);
	}
	return true;
}

static uint64_t growth(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

/*
 * Counts removals in a row that freed less than 1 % of what was predicted, in what was needed. One that
 * was not expected to free anything there is no sign of anything.
 */
static void note_gain(struct pass *p, const struct space *before, const struct removal *removal)
{
	bool promised = false, kept = false;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		if (space_available(before, r) >= p->aim[r])
			continue;
		promised = promised || removal->predicted[r] > 0;
		kept = kept || (removal->measured[r] > 0 &&
				removal->measured[r] >= removal->predicted[r] / 100);
	}
	if (kept)
		p->empty_in_a_row = 0;
	else if (promised)
		p->empty_in_a_row++;
}

static bool removal_record(struct pass *p, size_t index, enum remove_reason reason, usec_t took)
{
	struct pass_report *report = p->report;
	struct verdict *v = &report->plan.verdicts[index];
	struct space before = p->space;
	struct removal *removal = &report->removals[report->n_removals++];
	*removal = (struct removal){ .verdict = index, .reason = reason, .duration = took };
	v->removed = true;
	/* A removal whose gain could not be measured still happened and stays in the report. */
	bool measured = p->ops->measure_after(p->ctx, v, &before, &p->space, &report->error) == 0;
	if (measured)
		report->after = p->space;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		if (measured && !report->request.dry_run)
			removal->measured[r] =
				growth(space_available(&before, r), space_available(&p->space, r));
		removal->predicted[r] = v->predicted[r];
		report->predicted[r] = amount_add(report->predicted[r], removal->predicted[r]);
		report->measured[r] = amount_add(report->measured[r], removal->measured[r]);
	}
	if (!report->request.dry_run)
		note_gain(p, &before, removal);
	if (p->ops->removed)
		p->ops->removed(p->ctx, report, removal);
	if (!measured)
		return pass_fail(p);
	return true;
}

/* A removal that failed: counted; ends the pass when it is not about this image alone. */
static bool removal_failed(struct pass *p, struct verdict *v, int code)
{
	enum removal_error kind = removal_error_from_errno(code);
	p->report->removal_errors[kind]++;
	p->over_age_left = p->over_age_left || v->over_age;
	v->keep = KEEP_CHANGED;
	p->failed_in_a_row[v->source]++;
	if (kind == REMOVAL_ERROR_TIMEOUT || kind == REMOVAL_ERROR_UNAVAILABLE ||
	    p->failed_in_a_row[v->source] >= FAILED_REMOVALS_MAX)
		return source_fail(p, v->source);
	return true;
}

static bool victim_remove(struct pass *p, size_t index)
{
	struct verdict *v = &p->report->plan.verdicts[index];
	enum remove_reason reason = removal_reason(p, v);
	bool is_free;
	if (!victim_recheck(p, v, &is_free))
		return false;
	if (!is_free)
		return true;
	usec_t start = p->ops->now(p->ctx);
	int r = p->ops->remove(p->ctx, v, &p->report->error);
	if (r < 0)
		return removal_failed(p, v, -r);
	p->failed_in_a_row[v->source] = 0;
	return removal_record(p, index, reason, p->ops->now(p->ctx) - start);
}

static bool limit_reached(const struct pass *p)
{
	uint32_t max = p->policy->max_removals;
	return p->ops->stopping(p->ctx) || (max && p->report->n_removals >= max);
}

/* Whether a candidate that is not over age is still to be removed. */
static bool more_needed(const struct pass *p)
{
	return !goals_met(p, p->aim) && p->empty_in_a_row < EMPTY_REMOVALS_MAX;
}

/* Removes victims in the plan's order until the target is met. False: the pass failed. */
static bool victims_remove(struct pass *p)
{
	struct pass_report *report = p->report;
	for (size_t i = 0; i < report->plan.n_candidates; i++) {
		if (report->failed[report->plan.verdicts[i].source])
			continue;
		if (!pass_measure(p))
			return false;
		if (!report->plan.verdicts[i].over_age && !more_needed(p))
			return true;
		report->stopped = limit_reached(p);
		if (report->stopped)
			return true;
		if (!victim_remove(p, i))
			return false;
	}
	return true;
}

static bool a_goal_cleared(const struct pass *p)
{
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int i = 0; i < N_GOALS; i++) {
			const struct reclaim_goal *goal = goal_at(p->report, r, i);
			if (goal->target && space_available(&p->space, r) >= goal->clear)
				return true;
		}
	return false;
}

static bool any_source_failed(const struct pass *p)
{
	for (size_t i = 0; i < p->report->n_inventories; i++)
		if (p->report->failed[i])
			return true;
	return false;
}

static enum pass_result pass_judge(const struct pass *p)
{
	const struct pass_report *report = p->report;
	if (report->stopped)
		return RESULT_PARTIAL;
	if (!goals_met(p, report->target)) {
		if (any_source_failed(p))
			return RESULT_ERROR;
		return a_goal_cleared(p) ? RESULT_PARTIAL : RESULT_FUTILE;
	}
	if (!p->over_age_left)
		return RESULT_REACHED;
	return report->n_removals ? RESULT_PARTIAL : RESULT_FUTILE;
}

static void pass_run(struct pass *p)
{
	struct pass_report *report = p->report;
	if (!pass_measure(p))
		return;
	report->before = p->space;
	goals_set(p);
	aims_set(p);
	report->result = goals_met(p, report->target) ? RESULT_NOTHING_TO_DO : RESULT_FUTILE;
	if (goals_met(p, p->aim) && report->plan.n_over_age == 0)
		return;
	if (victims_remove(p) && pass_measure(p))
		report->result = pass_judge(p);
}

void reclaim_run(const struct reclaim_ops *ops, void *ctx, const struct image_gc_policy *policy,
		 struct pass_report *report)
{
	struct pass p = { .ops = ops, .ctx = ctx, .policy = policy, .report = report };
	struct pass_report given = *report;
	*report = (struct pass_report){ .n_inventories = given.n_inventories,
					.plan = given.plan,
					.request = given.request,
					.started = ops->now(ctx) };
	memcpy(report->inventories, given.inventories, sizeof(given.inventories));
	report->removals = xcalloc(report->plan.n_candidates, sizeof(*report->removals));
	pass_run(&p);
	report->ended = ops->now(ctx);
}

void pass_report_done(struct pass_report *report)
{
	free(report->removals);
	plan_done(&report->plan);
	for (size_t i = 0; i < report->n_inventories; i++)
		inventory_free(report->inventories[i]);
	*report = (struct pass_report){ 0 };
}
