/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "kube/event-queue.h"

#define START	   (3 * USEC_PER_HOUR)
#define WALL	   (1700000000 * USEC_PER_SEC)
#define wall_at(t) (WALL + (t)-START)

static struct event_queue q;
static usec_t now;

static int set_up(void **state)
{
	(void)state;
	q = (struct event_queue){ 0 };
	now = START;
	return 0;
}

static void add_of(enum occurrence reason, enum fs_role filesystem, unsigned variant, bool repeat,
		   const char *note)
{
	const struct event_fact fact = {
		.reason = reason,
		.filesystem = filesystem,
		.variant = variant,
		.repeat = repeat,
		.note = note,
		.wall_usec = wall_at(now),
	};
	event_queue_add(&q, &fact, now, 0);
}

static void add(enum occurrence reason)
{
	add_of(reason, ROLE_IMAGEFS, 0, false, "note");
}

static void repeat(enum occurrence reason)
{
	add_of(reason, ROLE_IMAGEFS, 0, true, "note");
}

/* Sends what is due at the next moment; false: nothing is. */
static bool send_with(enum event_outcome outcome, struct event_slot *ret)
{
	usec_t at = event_queue_next(&q, now);
	if (at == USEC_INFINITY)
		return false;
	assert_true(at >= now);
	now = at;
	const struct event_slot *s = event_queue_begin(&q, now);
	assert_non_null(s);
	*ret = *s;
	event_queue_end(&q, outcome);
	return true;
}

static struct event_slot sent(void)
{
	struct event_slot s;
	assert_true(send_with(EVENT_SENT, &s));
	return s;
}

static void assert_nothing(void)
{
	assert_int_equal(event_queue_next(&q, now), USEC_INFINITY);
	assert_null(event_queue_begin(&q, now));
}

static void one_event(void **state)
{
	(void)state;
	assert_nothing();
	add(OCCURRENCE_RECLAIM_STARTED);
	struct event_slot s = sent();
	assert_int_equal(s.reason, OCCURRENCE_RECLAIM_STARTED);
	assert_int_equal(s.filesystem, ROLE_IMAGEFS);
	assert_string_equal(s.note, "note");
	assert_false(s.posted);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.first_wall_usec, WALL);
	assert_nothing();
	assert_int_equal(q.told[OCCURRENCE_RECLAIM_STARTED], 1);
}

static void in_the_order_they_came(void **state)
{
	(void)state;
	static const enum occurrence order[] = { OCCURRENCE_RECLAIMED, OCCURRENCE_RECLAIM_STARTED,
						 OCCURRENCE_FILESYSTEM_STUCK,
						 OCCURRENCE_RECLAIM_FUTILE };
	for (size_t i = 0; i < ELEMENTS(order); i++)
		add(order[i]);
	/* It comes again, but the first time is still to be told. */
	add(OCCURRENCE_RECLAIMED);
	for (size_t i = 0; i < ELEMENTS(order); i++) {
		usec_t before = now;
		struct event_slot s = sent();
		assert_int_equal(s.reason, order[i]);
		assert_int_equal(s.count, i == 0 ? 2 : 1);
		if (i > 0)
			assert_int_equal(now - before, RATE_PACE);
	}
	assert_nothing();
}

static void the_first_waits_a_moment(void **state)
{
	(void)state;
	struct event_fact fact = { .reason = OCCURRENCE_RECLAIMED, .note = "" };
	event_queue_add(&q, &fact, now, (uint64_t)EVENT_SPREAD);
	assert_int_equal(event_queue_next(&q, now), now + EVENT_SPREAD);
	assert_null(event_queue_begin(&q, now));
	/* What comes meanwhile does not make it wait longer. */
	now += USEC_PER_SEC;
	fact.reason = OCCURRENCE_RECLAIM_FUTILE;
	event_queue_add(&q, &fact, now, (uint64_t)EVENT_SPREAD);
	assert_int_equal(event_queue_next(&q, now), START + EVENT_SPREAD);
	fact.reason = OCCURRENCE_RECLAIM_FAILED;
	event_queue_add(&q, &fact, now, UINT64_MAX);
	assert_in_range(event_queue_next(&q, now), now, START + EVENT_SPREAD);
}

static void repeats_are_a_series(void **state)
{
	(void)state;
	add(OCCURRENCE_RECLAIM_FUTILE);
	struct event_slot first = sent();
	now += 5 * USEC_PER_MINUTE;
	add(OCCURRENCE_RECLAIM_FUTILE);
	struct event_slot second = sent();
	assert_true(second.posted);
	assert_int_equal(second.id, first.id);
	assert_int_equal(second.count, 2);
	assert_int_equal(second.first_wall_usec, WALL);
	assert_int_equal(second.last_wall_usec, wall_at(second.last_at));
	assert_nothing();
	assert_int_equal(q.told[OCCURRENCE_RECLAIM_FUTILE], 2);
}

static void a_series_ends(void **state)
{
	(void)state;
	add(OCCURRENCE_RECLAIMED);
	struct event_slot first = sent();
	now = first.last_at + EVENT_SERIES;
	add(OCCURRENCE_RECLAIMED);
	assert_int_equal(sent().id, first.id);
	now += EVENT_SERIES + 1;
	add(OCCURRENCE_RECLAIMED);
	struct event_slot other = sent();
	assert_int_not_equal(other.id, first.id);
	assert_false(other.posted);
	assert_int_equal(other.count, 1);
}

static void a_state_that_lasts_is_one_event(void **state)
{
	(void)state;
	add(OCCURRENCE_RECLAIM_FUTILE);
	struct event_slot first = sent();
	for (unsigned i = 2; i < 50; i++) {
		now += 3 * USEC_PER_HOUR;
		repeat(OCCURRENCE_RECLAIM_FUTILE);
		struct event_slot s = sent();
		assert_int_equal(s.id, first.id);
		assert_int_equal(s.count, i);
	}
}

/* A state that merely lasts, told every ten seconds for half a day. */
static void a_state_that_lasts_is_told_seldom(void **state)
{
	(void)state;
	unsigned requests = 0;
	struct event_slot s;
	add(OCCURRENCE_RECLAIM_FUTILE);
	(void)sent();
	for (usec_t end = now + 12 * USEC_PER_HOUR; now < end;) {
		usec_t until = now + 10 * USEC_PER_SEC;
		repeat(OCCURRENCE_RECLAIM_FUTILE);
		while (event_queue_next(&q, now) <= until) {
			assert_true(send_with(EVENT_SENT, &s));
			assert_true(s.posted);
			requests++;
		}
		now = until;
	}
	assert_in_range(requests, 47, 48);
	/* A change is told at once, and the next repetition waits again. */
	now += USEC_PER_MINUTE;
	add(OCCURRENCE_RECLAIM_FUTILE);
	usec_t before = now;
	(void)sent();
	assert_int_equal(now, before);
	repeat(OCCURRENCE_RECLAIM_FUTILE);
	(void)sent();
	assert_int_equal(now, before + EVENT_REFRESH);
}

static void what_failed_is_not_put_off(void **state)
{
	(void)state;
	struct event_slot s;
	add(OCCURRENCE_RECLAIM_FUTILE);
	(void)sent();
	add(OCCURRENCE_RECLAIM_FUTILE);
	assert_true(send_with(EVENT_AGAIN, &s));
	repeat(OCCURRENCE_RECLAIM_FUTILE);
	usec_t before = now;
	(void)sent();
	assert_in_range(now - before, 0, RATE_PACE);
}

static void another_text_is_another_event(void **state)
{
	(void)state;
	add_of(OCCURRENCE_RECLAIM_FAILED, ROLE_IMAGEFS, 0, false, "a");
	struct event_slot first = sent();
	add_of(OCCURRENCE_RECLAIM_FAILED, ROLE_IMAGEFS, 0, true, "b");
	struct event_slot second = sent();
	assert_int_not_equal(first.id, second.id);
	assert_string_equal(second.note, "b");
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIM_FAILED], 0);
	/* What was not told in time is lost, and that is counted. */
	add_of(OCCURRENCE_RECLAIM_FAILED, ROLE_IMAGEFS, 0, true, "c");
	add_of(OCCURRENCE_RECLAIM_FAILED, ROLE_IMAGEFS, 0, true, "d");
	assert_string_equal(sent().note, "d");
	assert_nothing();
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIM_FAILED], 1);
	assert_int_equal(q.told[OCCURRENCE_RECLAIM_FAILED], 3);
}

static void subjects_have_their_own(void **state)
{
	(void)state;
	add_of(OCCURRENCE_PRESSURE_CLEARED, ROLE_IMAGEFS, 0, false, "a");
	add_of(OCCURRENCE_PRESSURE_CLEARED, ROLE_IMAGEFS, 1, false, "b");
	add_of(OCCURRENCE_PRESSURE_CLEARED, ROLE_NODEFS, 0, false, "c");
	uint64_t ids[3];
	for (int i = 0; i < 3; i++) {
		struct event_slot s = sent();
		assert_int_equal(s.note[0], 'a' + i);
		ids[i] = s.id;
	}
	assert_true(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
	assert_nothing();
}

static void outcomes(void **state)
{
	(void)state;
	struct event_slot first, s;
	add(OCCURRENCE_RECLAIMED);
	assert_true(send_with(EVENT_AGAIN, &first));
	assert_true(send_with(EVENT_AGAIN, &s));
	assert_int_equal(s.id, first.id);
	assert_false(s.posted);
	assert_true(send_with(EVENT_SENT, &s));
	assert_nothing();
	/* The server has forgotten it: made anew, with all that it counted. */
	add(OCCURRENCE_RECLAIMED);
	assert_true(send_with(EVENT_GONE, &s));
	assert_true(s.posted);
	assert_true(send_with(EVENT_SENT, &s));
	assert_false(s.posted);
	assert_int_not_equal(s.id, first.id);
	assert_int_equal(s.count, 2);
	assert_nothing();
	assert_int_equal(q.told[OCCURRENCE_RECLAIMED], 2);
	/* The server does not want it. */
	add(OCCURRENCE_RECLAIMED);
	assert_true(send_with(EVENT_REFUSED, &s));
	assert_nothing();
	add(OCCURRENCE_RECLAIM_FUTILE);
	assert_true(send_with(EVENT_REFUSED, &s));
	assert_nothing();
	assert_int_equal(q.told[OCCURRENCE_RECLAIMED], 2);
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIMED], 1);
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIM_FUTILE], 1);
}

/* It was created by a try that seemed to fail; what happened since then is still to be told. */
static void what_is_there_already(void **state)
{
	(void)state;
	struct event_slot s;
	add(OCCURRENCE_RECLAIMED);
	assert_true(send_with(EVENT_AGAIN, &s));
	assert_true(send_with(EVENT_THERE, &s));
	assert_nothing();
	assert_int_equal(q.told[OCCURRENCE_RECLAIMED], 1);
	add(OCCURRENCE_RECLAIM_FUTILE);
	assert_true(send_with(EVENT_AGAIN, &s));
	add(OCCURRENCE_RECLAIM_FUTILE);
	assert_true(send_with(EVENT_THERE, &s));
	assert_int_equal(q.told[OCCURRENCE_RECLAIM_FUTILE], 0);
	assert_true(send_with(EVENT_SENT, &s));
	assert_true(s.posted);
	assert_int_equal(s.count, 2);
	assert_nothing();
	assert_int_equal(q.told[OCCURRENCE_RECLAIM_FUTILE], 2);
}

static void what_comes_while_one_is_under_way(void **state)
{
	(void)state;
	add(OCCURRENCE_RECLAIMED);
	now = event_queue_next(&q, now);
	const struct event_slot *s = event_queue_begin(&q, now);
	assert_int_equal(s->count, 1);
	add(OCCURRENCE_RECLAIMED);
	assert_null(event_queue_begin(&q, now + USEC_PER_MINUTE));
	event_queue_end(&q, EVENT_SENT);
	assert_int_equal(q.told[OCCURRENCE_RECLAIMED], 1);
	struct event_slot then = sent();
	assert_true(then.posted);
	assert_int_equal(then.count, 2);
	assert_int_equal(q.told[OCCURRENCE_RECLAIMED], 2);
	/* Another text takes the slot of the one under way. */
	add_of(OCCURRENCE_RECLAIMED, ROLE_IMAGEFS, 0, false, "a");
	now = event_queue_next(&q, now);
	assert_non_null(event_queue_begin(&q, now));
	add_of(OCCURRENCE_RECLAIMED, ROLE_IMAGEFS, 0, false, "b");
	event_queue_end(&q, EVENT_SENT);
	then = sent();
	assert_string_equal(then.note, "b");
	assert_false(then.posted);
	assert_nothing();
}

static void a_burst_and_then_a_trickle(void **state)
{
	(void)state;
	unsigned requests = 0;
	struct event_slot s;
	usec_t end = START + USEC_PER_HOUR;
	while (now < end) {
		add(OCCURRENCE_RECLAIM_STARTED);
		add(OCCURRENCE_RECLAIMED);
		usec_t until = now + 10 * USEC_PER_SEC;
		while (event_queue_next(&q, now) <= until) {
			assert_true(send_with(EVENT_SENT, &s));
			requests++;
		}
		now = until;
	}
	assert_in_range(requests, RATE_BURST, RATE_BURST + 3 * 13);
	/* What was held back comes in the end, and nothing is lost. */
	while (send_with(EVENT_SENT, &s))
		;
	assert_int_equal(q.told[OCCURRENCE_RECLAIMED], 360);
	assert_int_equal(q.told[OCCURRENCE_RECLAIM_STARTED], 360);
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIMED], 0);
}

static void what_is_past_is_not_told(void **state)
{
	(void)state;
	add(OCCURRENCE_RECLAIM_STARTED);
	add(OCCURRENCE_RECLAIM_FAILED);
	add_of(OCCURRENCE_PRESSURE_HARD, ROLE_IMAGEFS, 1, false, "hard");
	add_of(OCCURRENCE_PRESSURE_SOFT, ROLE_IMAGEFS, 0, false, "soft");
	now += EVENT_AGE - USEC_PER_MINUTE;
	add(OCCURRENCE_RECLAIM_FUTILE);
	add_of(OCCURRENCE_PRESSURE_CLEARED, ROLE_IMAGEFS, 1, false, "cleared");
	now += 2 * USEC_PER_MINUTE;
	/* Both last states of the pressures, and the last of reclaiming. */
	assert_string_equal(sent().note, "soft");
	assert_int_equal(sent().reason, OCCURRENCE_RECLAIM_FUTILE);
	assert_string_equal(sent().note, "cleared");
	assert_nothing();
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIM_STARTED], 1);
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIM_FAILED], 1);
	assert_int_equal(q.dropped[OCCURRENCE_PRESSURE_HARD], 1);
	assert_int_equal(q.dropped[OCCURRENCE_PRESSURE_SOFT], 0);
}

static void the_last_state_is_told_however_late(void **state)
{
	(void)state;
	add(OCCURRENCE_RECLAIM_STARTED);
	add(OCCURRENCE_RECLAIM_FUTILE);
	now += 1000 * USEC_PER_HOUR;
	assert_int_equal(sent().reason, OCCURRENCE_RECLAIM_FUTILE);
	assert_nothing();
}

static void more_subjects_than_slots(void **state)
{
	(void)state;
	struct event_slot s;
	for (unsigned i = 0; i < 3 * EVENT_SLOTS; i++)
		add_of(OCCURRENCE_FILESYSTEM_STUCK, ROLE_NODEFS, i, false, "x");
	for (unsigned i = 0; i < EVENT_SLOTS; i++) {
		assert_true(send_with(EVENT_SENT, &s));
		assert_int_equal(s.variant, 2 * EVENT_SLOTS + i);
	}
	assert_nothing();
	assert_int_equal(q.dropped[OCCURRENCE_FILESYSTEM_STUCK], 2 * EVENT_SLOTS);
	/* Told ones make room first, whatever their age. */
	add_of(OCCURRENCE_FILESYSTEM_STUCK, ROLE_NODEFS, 3 * EVENT_SLOTS - 1, false, "x");
	for (unsigned i = 0; i + 1 < EVENT_SLOTS; i++)
		add_of(OCCURRENCE_FILESYSTEM_STUCK, ROLE_IMAGEFS, i, false, "y");
	assert_int_equal(q.dropped[OCCURRENCE_FILESYSTEM_STUCK], 2 * EVENT_SLOTS);
	assert_string_equal(sent().note, "x");
}

/* A state that was ended gives way to last ones. */
static void what_is_past_makes_room_first(void **state)
{
	(void)state;
	add(OCCURRENCE_RECLAIM_FUTILE);
	add_of(OCCURRENCE_PRESSURE_HARD, ROLE_IMAGEFS, 9, false, "past");
	add_of(OCCURRENCE_PRESSURE_CLEARED, ROLE_IMAGEFS, 9, false, "last");
	for (unsigned i = 0; i < EVENT_SLOTS - 3; i++)
		add_of(OCCURRENCE_FILESYSTEM_STUCK, ROLE_NODEFS, i, false, "x");
	add_of(OCCURRENCE_FILESYSTEM_STUCK, ROLE_NODEFS, 1000, false, "x");
	assert_int_equal(q.dropped[OCCURRENCE_PRESSURE_HARD], 1);
	assert_int_equal(q.dropped[OCCURRENCE_RECLAIM_FUTILE], 0);
	assert_int_equal(sent().reason, OCCURRENCE_RECLAIM_FUTILE);
}

static void notes_fit(void **state)
{
	(void)state;
	char text[2000], expected[EVENT_NOTE_MAX];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	add_of(OCCURRENCE_RECLAIMED, ROLE_IMAGEFS, 0, false, text);
	assert_int_equal(strlen(sent().note), EVENT_NOTE_MAX - 1);
	/* The last character is not cut. */
	memcpy(text + EVENT_NOTE_MAX - 3, "\xe2\x82\xac", 3);
	add_of(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, 0, false, text);
	memset(expected, 'a', sizeof(expected));
	expected[EVENT_NOTE_MAX - 3] = '\0';
	assert_string_equal(sent().note, expected);
	add_of(OCCURRENCE_RECLAIM_FAILED, ROLE_IMAGEFS, 0, false,
	       "a\nb\x80\x1b[0m\xc2\x85 \xc3\xa4");
	assert_string_equal(sent().note, "a?b??[0m? \xc3\xa4");
}

static void clocks_that_are_odd(void **state)
{
	(void)state;
	struct event_fact fact = { .reason = OCCURRENCE_RECLAIMED, .note = "", .wall_usec = -5 };
	event_queue_add(&q, &fact, now, 0);
	uint64_t first = sent().id;
	assert_int_not_equal(first, 0);
	/* The same moment, twice. */
	fact.reason = OCCURRENCE_RECLAIM_FUTILE;
	event_queue_add(&q, &fact, now, 0);
	assert_int_not_equal(sent().id, first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_event, set_up),
		cmocka_unit_test_setup(in_the_order_they_came, set_up),
		cmocka_unit_test_setup(the_first_waits_a_moment, set_up),
		cmocka_unit_test_setup(repeats_are_a_series, set_up),
		cmocka_unit_test_setup(a_series_ends, set_up),
		cmocka_unit_test_setup(a_state_that_lasts_is_one_event, set_up),
		cmocka_unit_test_setup(a_state_that_lasts_is_told_seldom, set_up),
		cmocka_unit_test_setup(what_failed_is_not_put_off, set_up),
		cmocka_unit_test_setup(another_text_is_another_event, set_up),
		cmocka_unit_test_setup(subjects_have_their_own, set_up),
		cmocka_unit_test_setup(outcomes, set_up),
		cmocka_unit_test_setup(what_is_there_already, set_up),
		cmocka_unit_test_setup(what_comes_while_one_is_under_way, set_up),
		cmocka_unit_test_setup(a_burst_and_then_a_trickle, set_up),
		cmocka_unit_test_setup(what_is_past_is_not_told, set_up),
		cmocka_unit_test_setup(the_last_state_is_told_however_late, set_up),
		cmocka_unit_test_setup(more_subjects_than_slots, set_up),
		cmocka_unit_test_setup(what_is_past_makes_room_first, set_up),
		cmocka_unit_test_setup(notes_fit, set_up),
		cmocka_unit_test_setup(clocks_that_are_odd, set_up),
	};
	return cmocka_run_group_tests_name("event-queue", tests, NULL, NULL);
}
