/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "sim/scenario-parse.h"
#include "util/limits.h"

/* A year: the replay takes a sample every few seconds of it. */
#define AT_MAX (366 * 24 * USEC_PER_HOUR)

/* What one event has; exactly one of the kinds. */
struct event_members {
	struct scenario *s;
	struct scenario_event event;
	bool has_kind;
};

static struct scenario_event *begin_kind(void *into, enum scenario_event_kind kind)
{
	struct event_members *m = into;
	m->has_kind = true;
	m->event.kind = kind;
	return &m->event;
}

static int take_at(const struct json_place *at, void *into)
{
	struct event_members *m = into;
	int r = json_take_seconds(at, &m->event.at);
	if (r == 0 && (m->event.at < 0 || m->event.at > AT_MAX))
		r = json_wrong(at, "expected 0 to %lld seconds",
			       (long long)(AT_MAX / USEC_PER_SEC));
	return r;
}

/* Nothing but the ID: an image that is known from elsewhere in the document. */
static bool is_bare(const cJSON *pull)
{
	return cJSON_IsObject(pull) && pull->child && !pull->child->next &&
	       strcmp(pull->child->string, "id") == 0;
}

static int take_pull(const struct json_place *at, void *into)
{
	struct event_members *m = into;
	struct scenario_event *event = begin_kind(into, EVENT_PULL);
	if (is_bare(at->value)) {
		struct json_place id = json_member_place(at, "id", at->value->child);
		return json_take_string(&id, &event->container.references[0]);
	}
	int r = scenario_parse_image(m->s, at, true);
	if (r < 0)
		return r;
	event->image = m->s->n_images - 1;
	struct image *image = &m->s->images[event->image].image;
	if (image->n_digests == 0) {
		/* What was pulled can be pulled again. */
		const char **digests = arena_calloc(at->arena, 1, sizeof(*digests));
		digests[0] = image->id;
		image->digests = digests;
		image->n_digests = 1;
	}
	return 0;
}

static int take_start(const struct json_place *at, void *into)
{
	return scenario_parse_container(at, &begin_kind(into, EVENT_START)->container);
}

static int take_stop(const struct json_place *at, void *into)
{
	return json_take_string(at, &begin_kind(into, EVENT_STOP)->container.id);
}

static int take_remove(const struct json_place *at, void *into)
{
	return json_take_string(at, &begin_kind(into, EVENT_REMOVE)->container.id);
}

static int take_role(const struct json_place *at, void *into)
{
	struct event_members *m = into;
	for (int role = 0; cJSON_IsString(at->value) && role < _ROLE_MAX; role++) {
		if (strcmp(at->value->valuestring, fs_role_to_string(role)) != 0)
			continue;
		if (m->s->device_of[role] < 0)
			return json_wrong(at, "this node has no %s", fs_role_to_string(role));
		m->event.device = (size_t)m->s->device_of[role];
		return 0;
	}
	return json_wrong(at, "expected imagefs, nodefs or containerfs");
}

static int take_duration(const struct json_place *at, void *into)
{
	struct event_members *m = into;
	int r = json_take_seconds(at, &m->event.duration);
	if (r == 0 && (m->event.duration < 0 || m->event.duration > AT_MAX))
		r = json_wrong(at, "expected 0 to %lld seconds",
			       (long long)(AT_MAX / USEC_PER_SEC));
	return r;
}

#define AMOUNT(resource) offsetof(struct event_members, event.amount[resource])
static const struct json_field write_fields[] = {
	{ "filesystem", true, take_role, 0 },
	{ "bytes", false, json_take_u64, AMOUNT(RESOURCE_BYTES) },
	{ "inodes", false, json_take_u64, AMOUNT(RESOURCE_INODES) },
	{ "seconds", false, take_duration, 0 },
};

static int take_write(const struct json_place *at, void *into)
{
	(void)begin_kind(into, EVENT_WRITE);
	return json_take_object(at, write_fields, ELEMENTS(write_fields), into);
}

static int take_delete(const struct json_place *at, void *into)
{
	/* as those of a write, but for the time it takes: none */
	(void)begin_kind(into, EVENT_DELETE);
	return json_take_object(at, write_fields, ELEMENTS(write_fields) - 1, into);
}

static int take_true(const struct json_place *at)
{
	return cJSON_IsTrue(at->value) ? 0 : json_wrong(at, "expected true");
}

static int take_gc(const struct json_place *at, void *into)
{
	(void)begin_kind(into, EVENT_GC);
	return take_true(at);
}

static int take_restart(const struct json_place *at, void *into)
{
	(void)begin_kind(into, EVENT_RESTART_AGENT);
	return take_true(at);
}

static int take_end(const struct json_place *at, void *into)
{
	(void)begin_kind(into, EVENT_END);
	return take_true(at);
}

static const struct json_field event_fields[] = {
	{ "at", true, take_at, 0 },
	{ "pull", false, take_pull, 0 },
	{ "start", false, take_start, 0 },
	{ "stop", false, take_stop, 0 },
	{ "remove", false, take_remove, 0 },
	{ "write", false, take_write, 0 },
	{ "delete", false, take_delete, 0 },
	{ "gc", false, take_gc, 0 },
	{ "restartAgent", false, take_restart, 0 },
	{ "end", false, take_end, 0 },
};
/* "at" is the one that is no kind. */
#define N_EVENT_MEMBERS 2

static int take_event(const struct json_place *at, void *into)
{
	struct scenario *s = into;
	struct event_members m = { .s = s };
	int r = json_take_object(at, event_fields, ELEMENTS(event_fields), &m);
	if (r < 0)
		return r;
	if (!m.has_kind || cJSON_GetArraySize(at->value) != N_EVENT_MEMBERS)
		return json_wrong(at,
				  "expected \"at\" and one of pull, start, stop, remove, write, "
				  "delete, gc, restartAgent, end");
	s->events[s->n_events++] = m.event;
	return 0;
}

/* --- what events refer to ------------------------------------------------------------------ */

/* A way to write an image, of all that are in the beginning or are pulled. */
struct known_image {
	const char *reference;
	size_t index;
};

static int known_compare(const void *a, const void *b)
{
	const struct known_image *x = a, *y = b;
	int c = strcmp(x->reference, y->reference);
	return c ? c : (x->index > y->index) - (x->index < y->index);
}

static struct known_image *known_images(const struct scenario *s, size_t *ret_n)
{
	size_t room = 0, n = 0;
	for (size_t i = 0; i < s->n_images; i++)
		room += 1 + s->images[i].image.n_names + s->images[i].image.n_digests;
	struct known_image *known = xcalloc(room, sizeof(*known));
	for (size_t i = 0; i < s->n_images; i++) {
		const struct image *image = &s->images[i].image;
		known[n++] = (struct known_image){ image->id, i };
		for (size_t k = 0; k < image->n_names; k++)
			known[n++] = (struct known_image){ image->names[k], i };
		for (size_t k = 0; k < image->n_digests; k++)
			known[n++] = (struct known_image){ image->digests[k], i };
	}
	if (n)
		qsort(known, n, sizeof(*known), known_compare);
	*ret_n = n;
	return known;
}

/* The first image in the document that is written so; n when there is none. */
static size_t known_find(const struct known_image *known, size_t n, const char *reference,
			 size_t none)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(known[middle].reference, reference) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && strcmp(known[low].reference, reference) == 0 ? known[low].index : none;
}

static int resolve(struct scenario *s, const struct json_place *at, struct scenario_event *event,
		   const struct known_image *known, size_t n)
{
	const char *reference = event->container.references[0];
	if (!reference || (event->kind != EVENT_PULL && event->kind != EVENT_START))
		return 0;
	event->image = known_find(known, n, reference, s->n_images);
	if (event->image < s->n_images)
		return 0;
	bool pull = event->kind == EVENT_PULL;
	struct json_place kind =
		json_member_place(at, scenario_event_to_string(event->kind), at->value);
	struct json_place place = json_member_place(&kind, pull ? "id" : "image", at->value);
	return json_wrong(&place, "%.80s is neither among the images nor pulled%s", reference,
			  pull ? " with its sizeBytes" : "");
}

static int resolve_all(struct scenario *s, const struct json_place *at)
{
	size_t n;
	cleanup_free struct known_image *known = known_images(s, &n);
	for (size_t i = 0; i < s->n_events; i++) {
		struct json_place place = json_member_place(at, NULL, at->value);
		place.index = i;
		int r = resolve(s, &place, &s->events[i], known, n);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- all events ---------------------------------------------------------------------------- */

/* By time; stable, which qsort() alone is not. */
static void sort_events(struct scenario *s)
{
	cleanup_free struct scenario_event *merged = xcalloc(s->n_events, sizeof(*merged));
	for (size_t width = 1; width < s->n_events; width *= 2) {
		for (size_t begin = 0; begin < s->n_events; begin += 2 * width) {
			size_t middle = begin + width < s->n_events ? begin + width : s->n_events;
			size_t end =
				begin + 2 * width < s->n_events ? begin + 2 * width : s->n_events;
			size_t a = begin, b = middle;
			for (size_t i = begin; i < end; i++) {
				bool left = a < middle &&
					    (b >= end || s->events[a].at <= s->events[b].at);
				merged[i] = s->events[left ? a++ : b++];
			}
		}
		memcpy(s->events, merged, s->n_events * sizeof(*merged));
	}
}

int scenario_parse_events(struct scenario *s, const struct json_place *at)
{
	size_t n = (size_t)cJSON_GetArraySize(at->value);
	if (n > N_MAX_SCENARIO_EVENTS)
		return json_wrong(at, "expected at most %d events", N_MAX_SCENARIO_EVENTS);
	s->events = arena_calloc(&s->arena, n + 1, sizeof(*s->events));
	int r = json_take_array(at, n, take_event, s);
	if (r == 0)
		r = resolve_all(s, at);
	if (r == 0)
		sort_events(s);
	return r;
}
