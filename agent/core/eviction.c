/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eviction.h"

/* One threshold against a new sample of its filesystem. */
static void observe(struct eviction_track *track, const struct eviction_threshold *t,
		    const struct space *space, bool float32, usec_t now)
{
	enum resource r = eviction_signal_resource(t->signal);
	uint64_t total = space_total(space, r);
	bool was_met = track->met;
	track->known = space_has(space, r);
	track->amount = eviction_amount(t, total, false, float32);
	track->clear_amount = eviction_amount(t, total, true, float32);
	track->met =
		track->known &&
		space_available(space, r) < (track->in_force ? track->clear_amount : track->amount);
	if (track->met && !was_met)
		track->first_met = now;
	track->in_force = track->met && now - track->first_met >= t->grace;
}

/*
 * Adds what one threshold says to its level; two may, when evictionSoft has set one without
 * grace.
 */
static void add_track(struct eviction_pressure *p, const struct eviction_track *track,
		      usec_t transition_period, usec_t now)
{
	if (!track->known)
		return;
	bool lately = track->was_in_force && now - track->last_in_force < transition_period;
	p->known = true;
	p->met = p->met || track->met;
	p->in_force = p->in_force || track->in_force;
	p->active = p->active || track->in_force || lately;
	if (p->amount < track->amount)
		p->amount = track->amount;
	if (p->clear_amount < track->clear_amount)
		p->clear_amount = track->clear_amount;
}

static void step_threshold(struct eviction_state *state, const struct eviction_policy *policy,
			   const struct eviction_threshold *t, const struct space *space,
			   usec_t now, struct eviction_verdict *ret)
{
	struct eviction_track *track = &state->tracks[t->signal][t->set_by];
	enum fs_role role = eviction_signal_role(t->signal);
	enum resource r = eviction_signal_resource(t->signal);
	if (space)
		observe(track, t, space, policy->thresholds.float32, now);
	if (track->in_force) {
		track->was_in_force = true;
		track->last_in_force = now;
	}
	if (track->met) {
		state->was_met = true;
		state->last_met = now;
	}
	add_track(&ret->pressure[role][r][eviction_threshold_level(t)], track,
		  policy->transition_period, now);
}

static void count_transitions(struct eviction_state *state, enum eviction_signal signal,
			      const struct eviction_verdict *verdict)
{
	enum fs_role role = eviction_signal_role(signal);
	enum resource r = eviction_signal_resource(signal);
	for (int level = 0; level < _EVICTION_LEVEL_MAX; level++) {
		bool active = verdict->pressure[role][r][level].active;
		state->transitions[role][r][level] += active != state->active[role][r][level];
		state->active[role][r][level] = active;
	}
}

void eviction_step(struct eviction_state *state, const struct eviction_policy *policy, usec_t now,
		   const struct space *const spaces[_ROLE_MAX], struct eviction_verdict *ret)
{
	bool there[_EVICTION_DISK_MAX][_EVICTION_LEVEL_MAX] = { { false } };
	*ret = (struct eviction_verdict){ 0 };
	for (size_t i = 0; i < policy->thresholds.n; i++) {
		const struct eviction_threshold *t = &policy->thresholds.items[i];
		if (!eviction_signal_is_disk(t->signal))
			continue;
		step_threshold(state, policy, t, spaces[eviction_signal_role(t->signal)], now, ret);
		there[t->signal][t->set_by] = true;
	}
	for (int signal = 0; signal < _EVICTION_DISK_MAX; signal++) {
		for (int key = 0; key < _EVICTION_LEVEL_MAX; key++)
			if (!there[signal][key])
				state->tracks[signal][key] = (struct eviction_track){ 0 };
		count_transitions(state, signal, ret);
	}
	/* strictly less: with a period of 0 the kubelet never reports pressure */
	ret->kubelet_disk_pressure =
		state->was_met && now - state->last_met < policy->transition_period;
}

static usec_t next_of(usec_t next, usec_t at, usec_t now)
{
	return at > now && at < next ? at : next;
}

usec_t eviction_changes_at(const struct eviction_state *state, const struct eviction_policy *policy,
			   usec_t now)
{
	usec_t next = USEC_INFINITY;
	for (size_t i = 0; i < policy->thresholds.n; i++) {
		const struct eviction_threshold *t = &policy->thresholds.items[i];
		if (!eviction_signal_is_disk(t->signal))
			continue;
		const struct eviction_track *track = &state->tracks[t->signal][t->set_by];
		if (track->in_force)
			continue;
		if (track->met)
			next = next_of(next, track->first_met + t->grace, now);
		if (track->was_in_force)
			next = next_of(next, track->last_in_force + policy->transition_period, now);
	}
	return next;
}
