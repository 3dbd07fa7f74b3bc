/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/forecast.h"
#include "core/plan.h"
#include "core/pressure.h"
#include "core/reclaim.h"
#include "core/schedule.h"
#include "core/usage.h"
#include "core/use.h"
#include "sim/replay.h"

/*
 * What the daemon would find out again in every look, and a replay of months need not: that nothing has
 * changed, and plans that nobody asks about.
 */
struct known {
	uint64_t changes, image_changes; /* of the node, at the last look */
	struct inventory *inventory;	 /* of its images */
	struct image_use *use;
	usec_t same_at;		     /* the last look that was left out; USEC_NEVER: none */
	struct schedule_facts facts; /* of the last plan */
	bool stale;		     /* the next plan would be another one */
	usec_t planned_at;
};

/*
 * Our agent on a scenario's node. What it decides is core/, as in the daemon; what is here stands for
 * the daemon's timers and its calls to the runtime, which take no time.
 */
struct agent_model {
	struct replay *replay;
	struct image_gc_policy policy; /* with the goals of the last sample */
	struct schedule schedule;
	struct pressure pressure;
	struct forecast forecast;
	struct usage_history history; /* survives a restart */
	uint64_t reclaimed;	      /* since the last sample */
	usec_t next_sample, next_observation;
	struct container_list containers; /* as listed last */
	enum pass_result last_told;
	struct known known;
};

/* --- the ops of the closed loop ------------------------------------------------------------- */

static int model_measure(void *ctx, struct space *ret, struct err *e)
{
	(void)e;
	const struct agent_model *a = ctx;
	node_space(&a->replay->node, node_image_device(&a->replay->node), ret);
	return 0;
}

static int model_measure_after(void *ctx, const struct verdict *victim, const struct space *before,
			       struct space *ret, struct err *e)
{
	(void)victim;
	(void)before;
	return model_measure(ctx, ret, e);
}

static int model_containers(void *ctx, const struct verdict *victim,
			    const struct container_list **ret, struct err *e)
{
	(void)victim;
	(void)e;
	struct agent_model *a = ctx;
	a->containers = a->replay->node.containers;
	*ret = &a->containers;
	return 0;
}

static int model_remove(void *ctx, const struct verdict *victim, struct err *e)
{
	(void)e;
	const struct agent_model *a = ctx;
	/* the reason is filled in when the loop tells of the removal */
	replay_remove(a->replay, victim->image, "");
	return 0;
}

static void model_removed(void *ctx, const struct pass_report *report,
			  const struct removal *removal)
{
	(void)report;
	const struct agent_model *a = ctx;
	for (size_t i = a->replay->n_entries; i-- > 0;) {
		struct replay_entry *entry = &a->replay->entries[i];
		if (entry->kind != REPLAY_REMOVAL)
			continue;
		entry->reason = remove_reason_to_string(removal->reason);
		return;
	}
}

static bool model_stopping(void *ctx)
{
	(void)ctx;
	return false;
}

static usec_t model_now(void *ctx)
{
	const struct agent_model *a = ctx;
	return a->replay->node.now;
}

static const struct reclaim_ops model_ops = {
	.measure = model_measure,
	.measure_after = model_measure_after,
	.containers = model_containers,
	.remove = model_remove,
	.stopping = model_stopping,
	.now = model_now,
	.removed = model_removed,
};

/* --- what the daemon does ------------------------------------------------------------------- */

static usec_t earlier(usec_t a, usec_t b)
{
	return a < b ? a : b;
}

/* What looks that were left out would have noted. */
static void catch_up(struct agent_model *a)
{
	for (size_t i = 0; a->known.same_at != USEC_NEVER && i < a->history.n_entries; i++)
		if (a->history.entries[i].in_use)
			a->history.entries[i].last_used = a->known.same_at;
	a->known.same_at = USEC_NEVER;
}

static void forget_images(struct known *k)
{
	k->inventory = inventory_free(k->inventory);
	free(k->use);
	k->use = NULL;
}

/* The daemon hears of containers that go between two looks. */
static void hear_of_uses(struct agent_model *a)
{
	const struct node_model *node = &a->replay->node;
	const struct inventory *inv = a->known.inventory;
	for (size_t i = 0; i < inv->n_images; i++) {
		usec_t at = node->used_at[node->there[i]];
		if (at == USEC_NEVER)
			continue;
		const struct usage_entry *found =
			usage_find_near(&a->history, inv->images[i].id, i);
		struct usage_entry *entry = &a->history.entries[found - a->history.entries];
		if (at <= entry->last_used)
			continue;
		entry->last_used = at;
		a->known.stale = true;
	}
}

/* Lists everything and notes what is in use. */
static void look(struct agent_model *a)
{
	const struct node_model *node = &a->replay->node;
	struct known *k = &a->known;
	if (k->inventory && k->changes == node->changes) {
		k->same_at = node->now;
		return;
	}
	catch_up(a);
	if (!k->inventory || k->image_changes != node->image_changes) {
		forget_images(k);
		k->inventory = node_inventory(node);
		/* nothing in a replay depends on how often an image was used */
		k->inventory->containers = (struct container_list){ 0 };
		k->use = xcalloc(k->inventory->n_images, sizeof(*k->use));
	}
	node_use(node, k->use);
	if (usage_observe(&a->history, k->inventory, k->use, NULL, node->now))
		k->stale = true;
	hear_of_uses(a);
	k->changes = node->changes;
	k->image_changes = node->image_changes;
}

static void make_plan(struct agent_model *a, const struct image_gc_policy *policy, struct plan *ret)
{
	struct known *k = &a->known;
	usec_t now = a->replay->node.now;
	catch_up(a);
	plan_build(k->inventory, k->use, &a->history, policy, now, ret);
	schedule_facts(ret, &k->facts);
	k->planned_at = now;
	k->stale = false;
}

/*
 * Whether schedule_observed() could come to something else with a plan of now than with the last one.
 * What can be reclaimed means something after a pass that did not help. As to ages: an image that was
 * in use at the last plan, or came later, is over age a maximum age after that at the earliest.
 */
static bool plan_matters(const struct agent_model *a)
{
	const struct known *k = &a->known;
	const struct pass_gate *gate = &a->schedule.gate;
	usec_t now = a->replay->node.now, maximum_age = a->policy.maximum_age;
	usec_t until = earlier(k->facts.next_eligible, k->facts.next_over_age);
	if (!k->stale && now < until)
		return false;
	if (gate->closed_until || gate->pause || k->facts.n_over_age > 0)
		return true;
	if (maximum_age == 0)
		return false;
	return earlier(k->facts.next_over_age, k->planned_at + maximum_age) <=
	       now + SCHEDULE_OBSERVE_INTERVAL;
}

static void observe(struct agent_model *a)
{
	struct space space;
	usec_t now = a->replay->node.now;
	(void)model_measure(a, &space, NULL);
	schedule_observation_begins(&a->schedule, &space, now);
	look(a);
	if (plan_matters(a)) {
		struct plan plan;
		make_plan(a, &a->replay->policy->gc, &plan);
		plan_done(&plan);
	}
	a->next_observation = schedule_observed(&a->schedule, &a->known.facts, false, now);
}

/* One that could not help is repeated again and again; it is told once. */
static void tell(struct agent_model *a, const struct pass_report *report)
{
	bool news = report->result != a->last_told || report->n_removals > 0;
	a->last_told = report->result;
	if (news && (report->result == RESULT_PARTIAL || report->result == RESULT_FUTILE ||
		     report->result == RESULT_ERROR))
		replay_note(a->replay, REPLAY_PASS, pass_result_to_string(report->result));
}

static void pass(struct agent_model *a, enum pass_trigger trigger)
{
	struct image_gc_policy policy = a->policy;
	struct pass_report report = { .request = { .trigger = trigger, .to_percent = -1 } };
	struct schedule_facts facts;
	usec_t now = a->replay->node.now;
	if (trigger == TRIGGER_INODES)
		policy.scarce = RESOURCE_INODES;
	look(a);
	make_plan(a, &policy, &report.plan);
	report.inventories[report.n_inventories++] = take_ptr(a->known.inventory);
	reclaim_run(&model_ops, a, &policy, &report);
	schedule_facts(&report.plan, &facts);
	a->reclaimed = amount_add(a->reclaimed, report.measured[RESOURCE_BYTES]);
	if (trigger != TRIGGER_MANUAL) {
		usec_t next = schedule_pass_ended(&a->schedule, &report, &facts, now);
		if (next < a->next_observation)
			a->next_observation = next;
	}
	tell(a, &report);
	pass_report_done(&report);
	/* A look follows at once. */
	a->next_sample = now;
}

static void step_pressure(struct agent_model *a, const struct pressure_sample *seen)
{
	const struct sim_policy *policy = a->replay->policy;
	(void)pressure_step(&a->pressure, &policy->gc, &policy->eviction, a->replay->node.now,
			    seen);
	pressure_goals(&a->pressure, seen->with_images, &a->policy);
	replay_report(a->replay, &a->pressure.verdict);
}

/* Until when nothing happens but samples. */
static usec_t quiet_until(const struct agent_model *a, usec_t now)
{
	const struct pass_gate *gate = &a->schedule.gate;
	usec_t until = earlier(replay_next_at(a->replay), a->next_observation);
	until = earlier(until, eviction_changes_at(&a->pressure.eviction,
						   &a->replay->policy->eviction, now));
	return gate->closed_until > now ? earlier(until, gate->closed_until) : until;
}

/*
 * The next sample that may come to something. While nothing is written the ones before it would be alike,
 * which near a threshold are twenty a second; only the last of them is taken, so that what it tells is
 * known as of then. How fast the disk fills must have been forgotten before, as what comes then depends
 * on that otherwise.
 */
static usec_t next_sample(const struct agent_model *a, const struct space *space)
{
	const struct cadence_limits *limits = &a->replay->policy->cadence;
	const struct forecast *f = &a->forecast;
	usec_t now = a->replay->node.now, until = quiet_until(a, now);
	usec_t idle = schedule_sample_interval(space, &a->pressure, 0, limits);
	usec_t interval =
		schedule_sample_interval(space, &a->pressure, forecast_fastest_rate(f), limits);
	bool moves = f->fast <= -1 || f->fast >= 1 || interval != idle;
	if (moves || a->replay->node.n_writes > 0 || until <= now + interval ||
	    schedule_observation_due(&a->schedule, space, until))
		return now + interval;
	return now + (until - now - 1) / interval * interval;
}

/* Filesystems without images are looked at as often: the daemon does so seldom, as nothing that it
 * does depends on them. */
static void sample(struct agent_model *a)
{
	const struct node_model *node = &a->replay->node;
	struct space spaces[_ROLE_MAX];
	struct pressure_sample seen;
	enum pass_trigger trigger;
	replay_spaces(a->replay, spaces, seen.spaces);
	const struct space *space = seen.spaces[ROLE_IMAGEFS];
	for (int role = 0; role < _ROLE_MAX; role++)
		seen.with_images[role] = seen.spaces[role] == space;
	forecast_step(&a->forecast, node->now, space->avail_bytes, a->reclaimed);
	a->reclaimed = 0;
	step_pressure(a, &seen);
	a->next_sample = next_sample(a, space);
	if (schedule_pass_due(&a->schedule, &a->pressure, node->now, &trigger))
		pass(a, trigger);
	else if (schedule_observation_due(&a->schedule, space, node->now))
		observe(a);
}

static void restart(struct agent_model *a)
{
	a->schedule = (struct schedule){ 0 };
	a->pressure = (struct pressure){ 0 };
	a->forecast = (struct forecast){ 0 };
	a->reclaimed = 0;
	a->next_sample = a->next_observation = a->replay->node.now;
}

/* What the agent knew from before the start. */
static void remember(struct agent_model *a)
{
	const struct scenario *s = a->replay->scenario;
	struct usage_history *h = &a->history;
	h->entries = xcalloc(s->n_present + 1, sizeof(*h->entries));
	for (size_t i = 0; i < s->n_present; i++)
		h->entries[h->n_entries++] = (struct usage_entry){
			.id = xstrdup(s->images[i].image.id),
			.first_seen = s->images[i].first_seen,
			.last_used = s->images[i].last_used,
			.uses = (uint32_t)s->images[i].uses,
			.gain_known = s->images[i].gain_known,
			.gain = { s->images[i].gain[RESOURCE_BYTES],
				  s->images[i].gain[RESOURCE_INODES] },
		};
	usage_sort(h);
}

static void events(struct agent_model *a)
{
	const struct scenario_event *event;
	while ((event = replay_next_event(a->replay))) {
		if (event->kind == EVENT_GC)
			pass(a, TRIGGER_MANUAL);
		else if (event->kind == EVENT_RESTART_AGENT)
			restart(a);
	}
}

void replay_agent(struct replay *r)
{
	struct agent_model a = {
		.replay = r,
		.policy = r->policy->gc,
		.last_told = RESULT_REACHED,
		.known = {
			.same_at = USEC_NEVER,
			.facts = { .next_eligible = USEC_INFINITY, .next_over_age = USEC_INFINITY },
			.stale = true,
			.planned_at = USEC_NEVER,
		},
	};
	remember(&a);
	restart(&a);
	for (;;) {
		usec_t at = earlier(replay_next_at(r), earlier(a.next_sample, a.next_observation));
		replay_advance(r, earlier(at, r->end));
		events(&a);
		if (r->node.now >= r->end)
			break;
		if (a.next_observation <= r->node.now)
			observe(&a);
		if (a.next_sample <= r->node.now)
			sample(&a);
	}
	forget_images(&a.known);
	usage_clear(&a.history);
}
