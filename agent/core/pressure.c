/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pressure.h"

#include <string.h>

#include "core/threshold.h"

const char *pressure_level_to_string(enum pressure_level l)
{
	static const char *const names[_PRESSURE_MAX] = {
		[PRESSURE_GC] = "gc",
		[PRESSURE_SOFT] = "soft",
		[PRESSURE_HARD] = "hard",
	};
	return names[l];
}

enum pressure_level pressure_level_of(enum eviction_level l)
{
	return l == EVICTION_HARD ? PRESSURE_HARD : PRESSURE_SOFT;
}

static void step_gc(struct pressure *p, const struct image_gc_policy *policy,
		    const struct space *space)
{
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		uint64_t trigger = 0;
		bool active = threshold_trigger_available(space_total(space, r),
							  policy->high_percent[r], &trigger) &&
			      space_available(space, r) <= trigger;
		p->gc_transitions[r] += active != p->wanted[r][PRESSURE_GC];
		p->wanted[r][PRESSURE_GC] = active;
		p->begins_at[r] = trigger;
	}
}

/* What the thresholds of one level on one filesystem ask of a pass over the images there. */
static void want_eviction(struct pressure *p, enum resource r, enum eviction_level level,
			  const struct eviction_pressure *e)
{
	if (!e->known || e->amount == 0)
		return;
	if (e->amount - 1 > p->begins_at[r])
		p->begins_at[r] = e->amount - 1;
	if (e->in_force)
		p->wanted[r][pressure_level_of(level)] = true;
}

static void step_eviction(struct pressure *p, const bool with_images[_ROLE_MAX])
{
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		for (int level = 0; level < _EVICTION_LEVEL_MAX; level++) {
			p->wanted[r][pressure_level_of(level)] = false;
			for (int role = 0; role < _ROLE_MAX; role++)
				if (with_images[role])
					want_eviction(p, r, level,
						      &p->verdict.pressure[role][r][level]);
		}
	}
}

bool pressure_step(struct pressure *p, const struct image_gc_policy *policy,
		   const struct eviction_policy *eviction, usec_t now,
		   const struct pressure_sample *sample)
{
	bool any = false;
	if (sample->spaces[ROLE_IMAGEFS])
		step_gc(p, policy, sample->spaces[ROLE_IMAGEFS]);
	eviction_step(&p->eviction, eviction, now, sample->spaces, &p->verdict);
	step_eviction(p, sample->with_images);
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int level = 0; level < _PRESSURE_MAX; level++)
			any = any || p->wanted[r][level];
	return any;
}

static struct reclaim_goal goal_of(const struct eviction_pressure *e)
{
	struct reclaim_goal goal = { 0 };
	if (e->in_force)
		goal = (struct reclaim_goal){ .clear = e->amount, .target = e->clear_amount };
	return goal;
}

void pressure_goals(const struct pressure *p, const bool with_images[_ROLE_MAX],
		    struct image_gc_policy *policy)
{
	memset(policy->eviction, 0, sizeof(policy->eviction));
	for (int role = 0; role < _ROLE_MAX; role++)
		for (int r = 0; with_images[role] && r < _RESOURCE_MAX; r++)
			for (int level = 0; level < _EVICTION_LEVEL_MAX; level++)
				policy->eviction[r][level][role] =
					goal_of(&p->verdict.pressure[role][r][level]);
}
