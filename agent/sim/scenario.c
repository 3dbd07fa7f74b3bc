/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario.h"

#define AFTER_LAST_EVENT (15 * USEC_PER_MINUTE)

static const char *const event_names[_EVENT_KIND_MAX] = {
	[EVENT_PULL] = "pull",	 [EVENT_START] = "start",
	[EVENT_STOP] = "stop",	 [EVENT_REMOVE] = "remove",
	[EVENT_WRITE] = "write", [EVENT_DELETE] = "delete",
	[EVENT_GC] = "gc",	 [EVENT_RESTART_AGENT] = "restartAgent",
	[EVENT_END] = "end",
};

const char *scenario_event_to_string(enum scenario_event_kind kind)
{
	return kind >= 0 && kind < _EVENT_KIND_MAX ? event_names[kind] : "";
}

struct scenario *scenario_new(void)
{
	struct scenario *s = xnew(struct scenario);
	s->description = "";
	for (int role = 0; role < _ROLE_MAX; role++)
		s->device_of[role] = -1;
	return s;
}

struct scenario *scenario_free(struct scenario *s)
{
	if (!s)
		return NULL;
	arena_done(&s->arena);
	free(s);
	return NULL;
}

usec_t scenario_end(const struct scenario *s)
{
	usec_t last = 0;
	for (size_t i = 0; i < s->n_events; i++) {
		const struct scenario_event *event = &s->events[i];
		if (event->kind == EVENT_END)
			return event->at;
		usec_t until = event->at + event->duration;
		if (until > last)
			last = until;
	}
	if (s->n_events && s->events[s->n_events - 1].kind == EVENT_GC &&
	    s->events[s->n_events - 1].at == last)
		return last;
	return last + AFTER_LAST_EVENT;
}
