/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schedule.h"

/* While a pass that could not help is not repeated yet, nothing happens faster than this. */
#define INTERVAL_UNDER_PRESSURE (250 * USEC_PER_MSEC)
#define OBSERVE_STEP_DIVISOR	200

void schedule_facts(const struct plan *plan, struct schedule_facts *ret)
{
	*ret = (struct schedule_facts){
		.next_eligible = plan->next_eligible,
		.next_over_age = plan->next_over_age,
	};
	for (size_t i = 0; i < plan->n_candidates; i++) {
		const struct verdict *v = &plan->verdicts[i];
		if (v->keep != KEEP_NONE || v->removed)
			continue;
		ret->n_over_age += v->over_age;
		for (int r = 0; r < _RESOURCE_MAX; r++)
			ret->reclaimable[r] = amount_add(ret->reclaimable[r], v->predicted[r]);
	}
}

static bool any_wanted(const struct pressure *pressure, enum resource r)
{
	for (int level = 0; level < _PRESSURE_MAX; level++)
		if (pressure->wanted[r][level])
			return true;
	return false;
}

usec_t schedule_sample_interval(const struct space *space, const struct pressure *pressure,
				int64_t fastest_rate, const struct cadence_limits *limits)
{
	usec_t next = cadence_next(space, pressure->begins_at, fastest_rate, limits);
	bool active = any_wanted(pressure, RESOURCE_BYTES) || any_wanted(pressure, RESOURCE_INODES);
	if (active && next < INTERVAL_UNDER_PRESSURE)
		next = INTERVAL_UNDER_PRESSURE;
	return next < limits->interval_max ? next : limits->interval_max;
}

/* Pressure of a kind that the pass which closed the gate was not about. */
static bool other_pressure(const struct schedule *s, const struct pressure *pressure)
{
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int level = 0; level < _PRESSURE_MAX; level++)
			if (pressure->wanted[r][level] && !s->closed_for[r][level])
				return true;
	return false;
}

bool schedule_pass_due(const struct schedule *s, const struct pressure *pressure, usec_t now,
		       enum pass_trigger *ret)
{
	bool bytes = any_wanted(pressure, RESOURCE_BYTES);
	bool inodes = any_wanted(pressure, RESOURCE_INODES);
	if (!bytes && !inodes && s->n_over_age == 0)
		return false;
	if (!pass_gate_open(&s->gate, now) && !other_pressure(s, pressure))
		return false;
	*ret = bytes ? TRIGGER_SPACE : inodes ? TRIGGER_INODES : TRIGGER_AGE;
	return true;
}

bool schedule_observation_due(const struct schedule *s, const struct space *space, usec_t now)
{
	uint64_t available = space_available(space, RESOURCE_BYTES);
	uint64_t then = s->available_when_observed;
	uint64_t moved = available > then ? available - then : then - available;
	return moved > 0 && moved >= space->size_bytes / OBSERVE_STEP_DIVISOR &&
	       now - s->observed_at >= SCHEDULE_OBSERVE_INTERVAL_MIN;
}

void schedule_observation_begins(struct schedule *s, const struct space *space, usec_t now)
{
	s->observed_at = now;
	s->available_when_observed = space_available(space, RESOURCE_BYTES);
}

/* When the next image gets over age, if that is before the regular time. */
static usec_t next_observation(const struct schedule_facts *facts, usec_t now)
{
	usec_t regular = now + SCHEDULE_OBSERVE_INTERVAL;
	usec_t earliest = now + SCHEDULE_OBSERVE_INTERVAL_MIN;
	if (facts->next_over_age >= regular)
		return regular;
	return facts->next_over_age > earliest ? facts->next_over_age : earliest;
}

usec_t schedule_observed(struct schedule *s, const struct schedule_facts *facts, bool dry_run,
			 usec_t now)
{
	s->n_over_age = facts->n_over_age;
	if (facts->reclaimable[RESOURCE_BYTES] != s->reclaimable_when_closed && !dry_run)
		pass_gate_reset(&s->gate);
	return next_observation(facts, now);
}

static bool was_about(const struct pass_report *report, enum resource r, enum pressure_level level)
{
	for (int role = 0; role < _ROLE_MAX; role++)
		if (report->goals[r][level][role].target > 0)
			return true;
	return false;
}

usec_t schedule_pass_ended(struct schedule *s, const struct pass_report *report,
			   const struct schedule_facts *facts, usec_t now)
{
	enum pass_result result = report->result;
	/* A dry run leaves the disk as it was: the next one would come to the same. */
	if (report->request.dry_run && (result == RESULT_REACHED || result == RESULT_PARTIAL))
		result = RESULT_FUTILE;
	pass_gate_close(&s->gate, result, now, facts->next_eligible);
	s->reclaimable_when_closed = facts->reclaimable[RESOURCE_BYTES];
	/* a pass that failed may not have come to know what it was about */
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int level = 0; level < _PRESSURE_MAX; level++)
			s->closed_for[r][level] =
				result == RESULT_ERROR || was_about(report, r, level);
	/* Those that it could not remove are looked at again with the next observation. */
	s->n_over_age = 0;
	return next_observation(facts, now);
}
