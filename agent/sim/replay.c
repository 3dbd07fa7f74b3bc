/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/replay.h"

#include "core/threshold.h"

/* --- levels -------------------------------------------------------------------------------- */

static void watch(struct replay *r, enum fs_role role, enum resource resource,
		  enum pressure_level level, uint64_t available)
{
	r->watches[r->n_watches++] = (struct replay_watch){
		.role = role, .resource = resource, .level = level, .available = available
	};
}

static void watch_all(struct replay *r)
{
	const struct scenario *s = r->scenario;
	for (int resource = 0; resource < _RESOURCE_MAX; resource++) {
		uint64_t capacity = s->devices[s->device_of[ROLE_IMAGEFS]].capacity[resource];
		uint64_t trigger;
		if (threshold_trigger_available(capacity, r->policy->gc.high_percent[resource],
						&trigger))
			watch(r, ROLE_IMAGEFS, resource, PRESSURE_GC, amount_add(trigger, 1));
	}
	for (size_t i = 0; i < r->policy->eviction.thresholds.n; i++) {
		const struct eviction_threshold *t = &r->policy->eviction.thresholds.items[i];
		enum fs_role role = eviction_signal_role(t->signal);
		enum resource resource = eviction_signal_resource(t->signal);
		bool hard = eviction_threshold_level(t) == EVICTION_HARD;
		int device = s->device_of[role];
		uint64_t capacity = device < 0 ? 0 : s->devices[device].capacity[resource];
		if (capacity)
			watch(r, role, resource, hard ? PRESSURE_HARD : PRESSURE_SOFT,
			      eviction_amount(t, capacity, false,
					      r->policy->eviction.thresholds.float32));
	}
}

static bool watch_is_met(const struct replay *r, const struct replay_watch *w, usec_t at)
{
	struct space space;
	node_space_at(&r->node, (size_t)r->scenario->device_of[w->role], at, &space);
	return space_available(&space, w->resource) < w->available;
}

static bool any_changes(const struct replay *r, usec_t at)
{
	for (size_t i = 0; i < r->n_watches; i++)
		if (watch_is_met(r, &r->watches[i], at) != r->watches[i].active)
			return true;
	return false;
}

static void sum_up(struct replay *r, enum pressure_level level)
{
	bool active = false;
	for (size_t i = 0; i < r->n_watches; i++)
		active = active || (r->watches[i].level == level && r->watches[i].active);
	usec_t *since = &r->above_since[level];
	if (active && *since == USEC_NEVER) {
		*since = r->node.now;
	} else if (!active && *since != USEC_NEVER) {
		r->above[level] += r->node.now - *since;
		*since = USEC_NEVER;
	}
}

static struct replay_entry *entry_new(struct replay *r, enum replay_kind kind)
{
	if (r->n_entries == r->entries_room) {
		r->entries_room = 2 * r->entries_room + 64;
		r->entries = xreallocarray(r->entries, r->entries_room, sizeof(*r->entries));
	}
	struct space space;
	node_space(&r->node, node_image_device(&r->node), &space);
	struct replay_entry *entry = &r->entries[r->n_entries++];
	*entry = (struct replay_entry){
		.kind = kind,
		.at = r->node.now,
		.used_percent = space_used_percent(&space, RESOURCE_BYTES),
		.image = "",
		.name = "",
		.reason = "",
	};
	return entry;
}

static void note_level(struct replay *r, enum fs_role role, enum resource resource,
		       enum pressure_level level, bool active)
{
	struct replay_entry *entry = entry_new(r, REPLAY_LEVEL);
	entry->role = role;
	entry->resource = resource;
	entry->level = level;
	entry->active = active;
}

void replay_check_levels(struct replay *r)
{
	for (size_t i = 0; i < r->n_watches; i++) {
		struct replay_watch *w = &r->watches[i];
		bool met = watch_is_met(r, w, r->node.now);
		if (met == w->active)
			continue;
		w->active = met;
		if (w->level == PRESSURE_GC)
			note_level(r, w->role, w->resource, w->level, met);
	}
	for (int level = 0; level < _PRESSURE_MAX; level++)
		sum_up(r, level);
}

void replay_report(struct replay *r, const struct eviction_verdict *verdict)
{
	for (int role = 0; role < _ROLE_MAX; role++)
		for (int resource = 0; resource < _RESOURCE_MAX; resource++)
			for (int level = 0; level < _EVICTION_LEVEL_MAX; level++) {
				bool active = verdict->pressure[role][resource][level].active;
				bool *reported = &r->reported[role][resource][level];
				if (active != *reported)
					note_level(r, role, resource, pressure_level_of(level),
						   active);
				*reported = active;
			}
}

void replay_spaces(const struct replay *r, struct space spaces[_ROLE_MAX],
		   const struct space *ret[_ROLE_MAX])
{
	for (size_t device = 0; device < r->scenario->n_devices; device++)
		node_space(&r->node, device, &spaces[device]);
	for (int role = 0; role < _ROLE_MAX; role++) {
		int device = r->scenario->device_of[role];
		ret[role] = device < 0 ? NULL : &spaces[device];
	}
}

usec_t replay_above(const struct replay *r, enum pressure_level level)
{
	usec_t since = r->above_since[level];
	return r->above[level] + (since == USEC_NEVER ? 0 : r->node.now - since);
}

/* --- time ---------------------------------------------------------------------------------- */

static enum fs_role role_of_device(const struct replay *r, size_t device)
{
	static const enum fs_role order[] = { ROLE_IMAGEFS, ROLE_NODEFS, ROLE_CONTAINERFS };
	for (size_t i = 0; i < ELEMENTS(order); i++)
		if (r->scenario->device_of[order[i]] == (int)device)
			return order[i];
	return ROLE_IMAGEFS;
}

static void note_full(struct replay *r, size_t device)
{
	entry_new(r, REPLAY_FULL)->role = role_of_device(r, device);
}

static void pass_time(struct replay *r, usec_t at)
{
	while (r->node.now < at) {
		size_t device = 0;
		if (node_advance(&r->node, at, &device) > 0)
			note_full(r, device);
	}
}

/* The first instant up to at with another state of some threshold than now. As long as only time
 * passes, space only shrinks. */
static usec_t first_change(const struct replay *r, usec_t at)
{
	usec_t low = r->node.now, high = at;
	while (high - low > 1) {
		usec_t middle = low + (high - low) / 2;
		if (any_changes(r, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

void replay_advance(struct replay *r, usec_t at)
{
	while (r->node.now < at && r->node.n_writes > 0 && any_changes(r, at)) {
		pass_time(r, first_change(r, at));
		replay_check_levels(r);
	}
	pass_time(r, at);
}

/* --- events -------------------------------------------------------------------------------- */

static int pull(struct replay *r, size_t index)
{
	const struct image *image = &r->scenario->images[index].image;
	uint64_t bytes = 0;
	bool again = node_had(&r->node, index);
	if (node_has(&r->node, index))
		return 0;
	int e = node_pull(&r->node, index, &bytes);
	struct replay_entry *entry = entry_new(r, REPLAY_PULL);
	entry->image = image->id;
	entry->name = image_display_name(image);
	entry->again = again;
	entry->failed = e < 0;
	entry->amount[RESOURCE_BYTES] = bytes;
	if (again)
		r->repulled_bytes = amount_add(r->repulled_bytes, bytes);
	return e;
}

static void take_place(struct replay *r, const struct scenario_event *event)
{
	switch (event->kind) {
	case EVENT_PULL:
		(void)pull(r, event->image);
		break;
	case EVENT_START:
		/* whoever starts a container has its image pulled when it is not there */
		if (pull(r, event->image) == 0)
			node_start(&r->node, &event->container);
		break;
	case EVENT_STOP:
		node_stop(&r->node, event->container.id);
		break;
	case EVENT_REMOVE:
		node_remove_container(&r->node, event->container.id);
		break;
	case EVENT_WRITE:
		if (node_write(&r->node, event))
			note_full(r, event->device);
		break;
	case EVENT_DELETE:
		node_delete(&r->node, event);
		break;
	case EVENT_RESTART_AGENT:
		(void)entry_new(r, REPLAY_RESTART);
		break;
	default:
		break;
	}
	replay_check_levels(r);
}

usec_t replay_next_at(const struct replay *r)
{
	if (r->next_event == r->scenario->n_events)
		return r->end;
	usec_t at = r->scenario->events[r->next_event].at;
	return at < r->end ? at : r->end;
}

const struct scenario_event *replay_next_event(struct replay *r)
{
	if (r->next_event == r->scenario->n_events)
		return NULL;
	const struct scenario_event *event = &r->scenario->events[r->next_event];
	if (event->at > r->node.now || event->kind == EVENT_END)
		return NULL;
	r->next_event++;
	take_place(r, event);
	return event;
}

void replay_remove(struct replay *r, const struct image *image, const char *reason)
{
	struct space before, after;
	node_space(&r->node, node_image_device(&r->node), &before);
	node_remove(&r->node, image->id);
	node_space(&r->node, node_image_device(&r->node), &after);
	struct replay_entry *entry = entry_new(r, REPLAY_REMOVAL);
	entry->image = image->id;
	entry->name = image_display_name(image);
	entry->reason = reason;
	for (int i = 0; i < _RESOURCE_MAX; i++)
		entry->amount[i] = space_available(&after, i) - space_available(&before, i);
	r->n_removed++;
	r->freed_bytes = amount_add(r->freed_bytes, entry->amount[RESOURCE_BYTES]);
	replay_check_levels(r);
}

void replay_note(struct replay *r, enum replay_kind kind, const char *reason)
{
	entry_new(r, kind)->reason = reason;
}

/* --- life ---------------------------------------------------------------------------------- */

void replay_init(struct replay *r, const struct scenario *scenario, const struct sim_policy *policy)
{
	*r = (struct replay){ .scenario = scenario,
			      .policy = policy,
			      .end = scenario_end(scenario) };
	for (int level = 0; level < _PRESSURE_MAX; level++)
		r->above_since[level] = USEC_NEVER;
	node_init(&r->node, scenario);
	watch_all(r);
	replay_check_levels(r);
}

void replay_done(struct replay *r)
{
	node_done(&r->node);
	free(r->entries);
	*r = (struct replay){ 0 };
}
