/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/event-queue.h"

#include <string.h>

#include "util/alloc.h"
#include "util/utf8.h"

bool event_slot_pending(const struct event_slot *s)
{
	return s->id != 0 && (!s->posted || s->sent < s->count);
}

/* Reasons of which each ends the state that another one told. */
static int group(enum occurrence reason)
{
	switch (reason) {
	case OCCURRENCE_RECLAIM_STARTED:
	case OCCURRENCE_RECLAIMED:
	case OCCURRENCE_RECLAIM_PARTIAL:
	case OCCURRENCE_RECLAIM_FUTILE:
	case OCCURRENCE_RECLAIM_FAILED:
		return OCCURRENCE_RECLAIMED;
	case OCCURRENCE_PRESSURE_SOFT:
	case OCCURRENCE_PRESSURE_HARD:
	case OCCURRENCE_PRESSURE_CLEARED:
		return OCCURRENCE_PRESSURE_CLEARED;
	default:
		return reason;
	}
}

/* Whether nothing is known that came after it. */
static bool is_last_state(const struct event_queue *q, const struct event_slot *s)
{
	for (size_t i = 0; i < EVENT_SLOTS; i++) {
		const struct event_slot *other = &q->slots[i];
		if (other->id != 0 && other->order > s->order &&
		    group(other->reason) == group(s->reason) &&
		    other->filesystem == s->filesystem && other->variant == s->variant)
			return false;
	}
	return true;
}

/* The server is not told of what it was not told of yet. */
static void drop(struct event_queue *q, struct event_slot *s)
{
	q->dropped[s->reason] += s->count - s->sent;
	s->sent = s->count;
	if (!s->posted)
		s->id = 0;
}

static void drop_what_is_past(struct event_queue *q, usec_t now)
{
	for (size_t i = 0; i < EVENT_SLOTS; i++) {
		struct event_slot *s = &q->slots[i];
		if (event_slot_pending(s) && now - s->last_at > EVENT_AGE && !is_last_state(q, s))
			drop(q, s);
	}
}

/* How little a slot is missed: what is told, what is past, what is left; the older the less. */
static int worth(const struct event_queue *q, const struct event_slot *s)
{
	if (s->id == 0)
		return 0;
	if (!event_slot_pending(s))
		return 1;
	return is_last_state(q, s) ? 3 : 2;
}

static struct event_slot *slot_to_use(struct event_queue *q)
{
	struct event_slot *least = NULL;
	int least_worth = 0;
	for (size_t i = 0; i < EVENT_SLOTS; i++) {
		struct event_slot *s = &q->slots[i];
		int its = worth(q, s);
		if (!least || its < least_worth ||
		    (its == least_worth && s->order < least->order)) {
			least = s;
			least_worth = its;
		}
	}
	if (event_slot_pending(least))
		drop(q, least);
	return least;
}

static struct event_slot *find(struct event_queue *q, const struct event_fact *fact)
{
	for (size_t i = 0; i < EVENT_SLOTS; i++) {
		struct event_slot *s = &q->slots[i];
		if (s->id != 0 && s->reason == fact->reason && s->filesystem == fact->filesystem &&
		    s->variant == fact->variant)
			return s;
	}
	return NULL;
}

/* One printable line of UTF-8; what does not fit is cut between characters. */
static void copy_note(char ret[EVENT_NOTE_MAX], const char *note)
{
	size_t n = 0;
	while (*note) {
		size_t len = utf8_char_len(note);
		bool printable = len > 0 && !utf8_is_control(note, len);
		size_t out = printable ? len : 1;
		if (n + out >= EVENT_NOTE_MAX)
			break;
		memcpy(ret + n, printable ? note : "?", out);
		n += out;
		note += len > 0 ? len : 1;
	}
	ret[n] = '\0';
}

/* Unique among this agent's events: a microsecond, and a thousandth of it for each occurrence. */
static uint64_t make_id(const struct event_queue *q, int64_t wall_usec)
{
	return (uint64_t)(wall_usec > 0 ? wall_usec : 1) * 1000 + q->order % 1000;
}

static bool goes_on(const struct event_slot *s, const struct event_fact *fact, const char *note,
		    usec_t now)
{
	if (strcmp(s->note, note) != 0)
		return false;
	return fact->repeat || event_slot_pending(s) || now - s->last_at <= EVENT_SERIES;
}

static bool is_idle(const struct event_queue *q)
{
	for (size_t i = 0; i < EVENT_SLOTS; i++)
		if (q->slots[i].urgent && event_slot_pending(&q->slots[i]))
			return false;
	return true;
}

void event_queue_add(struct event_queue *q, const struct event_fact *fact, usec_t now,
		     uint64_t random)
{
	char note[EVENT_NOTE_MAX];
	copy_note(note, fact->note);
	drop_what_is_past(q, now);
	if (is_idle(q))
		q->held_until = now + (usec_t)(random % (uint64_t)(EVENT_SPREAD + 1));
	struct event_slot *s = find(q, fact);
	q->order++;
	if (!s || !goes_on(s, fact, note, now)) {
		if (s && event_slot_pending(s))
			drop(q, s);
		if (!s)
			s = slot_to_use(q);
		*s = (struct event_slot){
			.reason = fact->reason,
			.filesystem = fact->filesystem,
			.variant = fact->variant,
			.id = make_id(q, fact->wall_usec),
			.first_wall_usec = fact->wall_usec,
		};
		memcpy(s->note, note, sizeof(note));
	}
	if (s->sent == s->count)
		s->pending_order = q->order;
	if (s->count < INT32_MAX)
		s->count++;
	s->order = q->order;
	s->last_at = now;
	s->last_wall_usec = fact->wall_usec;
	s->urgent = s->urgent || !s->posted || !fact->repeat;
}

static usec_t slot_at(const struct event_queue *q, const struct event_slot *s, usec_t now)
{
	usec_t at = rate_limit_at(&q->limit, s->reason, now), refresh = s->told_at + EVENT_REFRESH;
	return !s->urgent && refresh > at ? refresh : at;
}

/* The slot that can be sent first, and when; among those of the same time the one waiting longest. */
static struct event_slot *first(struct event_queue *q, usec_t now, usec_t *ret_at)
{
	struct event_slot *best = NULL;
	usec_t best_at = USEC_INFINITY;
	for (size_t i = 0; i < EVENT_SLOTS; i++) {
		struct event_slot *s = &q->slots[i];
		if (!event_slot_pending(s))
			continue;
		usec_t at = slot_at(q, s, now);
		if (at < best_at || (at == best_at && s->pending_order < best->pending_order)) {
			best = s;
			best_at = at;
		}
	}
	*ret_at = best && best_at < q->held_until ? q->held_until : best_at;
	return best;
}

usec_t event_queue_next(struct event_queue *q, usec_t now)
{
	usec_t at;
	drop_what_is_past(q, now);
	(void)first(q, now, &at);
	return at;
}

const struct event_slot *event_queue_begin(struct event_queue *q, usec_t now)
{
	usec_t at;
	drop_what_is_past(q, now);
	struct event_slot *s = first(q, now, &at);
	if (!s || at > now || q->flight.slot)
		return NULL;
	rate_limit_take(&q->limit, s->reason, now);
	q->flight.slot = s;
	q->flight.id = s->id;
	q->flight.count = s->count;
	q->flight.at = now;
	s->urgent = false;
	return s;
}

static void sent(struct event_queue *q, struct event_slot *s)
{
	q->told[s->reason] += q->flight.count - s->sent;
	s->sent = q->flight.count;
	s->posted = true;
	s->told_at = q->flight.at;
	if (s->sent < s->count)
		s->pending_order = s->order;
}

/* The event is made anew, with all that happened since the first time. */
static void make_anew(struct event_queue *q, struct event_slot *s)
{
	q->order++;
	s->id = make_id(q, s->last_wall_usec);
	s->posted = false;
	s->urgent = true;
}

void event_queue_end(struct event_queue *q, enum event_outcome outcome)
{
	struct event_slot *s = q->flight.slot;
	q->flight.slot = NULL;
	/* Meanwhile another event may have taken its place. */
	if (!s || s->id != q->flight.id)
		return;
	switch (outcome) {
	case EVENT_SENT:
		sent(q, s);
		break;
	case EVENT_THERE:
		/* What it says of a series is known only when there is none. */
		if (q->flight.count == 1)
			sent(q, s);
		s->posted = true;
		s->urgent = true;
		break;
	case EVENT_GONE:
		make_anew(q, s);
		break;
	case EVENT_REFUSED:
		drop(q, s);
		break;
	case EVENT_AGAIN:
		s->urgent = true;
		break;
	}
}
