/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/eviction-parse.h"
#include "core/pressure.h"
#include "random.h"

static const struct image_gc_policy policy = {
	.high_percent = { [RESOURCE_BYTES] = 80, [RESOURCE_INODES] = 90 },
	.low_percent = { [RESOURCE_BYTES] = 75, [RESOURCE_INODES] = 85 },
};

static bool step_images(struct pressure *p, const struct image_gc_policy *q,
			const struct space *space)
{
	static const struct eviction_policy none = { .transition_period = 0 };
	const struct pressure_sample sample = { .spaces[ROLE_IMAGEFS] = space,
						.with_images[ROLE_IMAGEFS] = true };
	return pressure_step(p, q, &none, 0, &sample);
}

/* One run through both thresholds, at the exact amounts. */
static void exact_boundaries(void **state)
{
	(void)state;
	static const struct {
		struct space space;
		bool bytes, inodes;
		uint64_t bytes_transitions, inodes_transitions;
	} rows[] = {
		{ { 1000, 1000, 100, 100 }, false, false, 0, 0 },
		{ { 1000, 210, 100, 11 }, false, false, 0, 0 },
		{ { 1000, 209, 100, 11 }, true, false, 1, 0 }, /* 79.1 % counts as 80 */
		{ { 1000, 0, 100, 10 }, true, true, 1, 1 },
		{ { 1000, 209, 100, 0 }, true, true, 1, 1 },
		{ { 1000, 210, 100, 10 }, false, true, 2, 1 },
		{ { 1000, 210, 100, 11 }, false, false, 2, 2 },
		{ { 1000, 0, 0, 0 }, true, false, 3, 2 }, /* no inodes are counted there */
		{ { 0, 0, 0, 0 }, false, false, 4, 2 },
		{ { 0, 0, 100, 0 }, false, true, 4, 3 },
	};
	struct pressure p = { 0 };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		bool any = step_images(&p, &policy, &rows[i].space);
		if (any != (rows[i].bytes || rows[i].inodes) ||
		    p.wanted[RESOURCE_BYTES][PRESSURE_GC] != rows[i].bytes ||
		    p.wanted[RESOURCE_INODES][PRESSURE_GC] != rows[i].inodes ||
		    p.gc_transitions[RESOURCE_BYTES] != rows[i].bytes_transitions ||
		    p.gc_transitions[RESOURCE_INODES] != rows[i].inodes_transitions)
			fail_msg("row %zu", i);
	}
}

static void thresholds_that_never_and_always_trigger(void **state)
{
	(void)state;
	struct image_gc_policy never = { .high_percent = { 101, 101 } };
	struct image_gc_policy always = { .high_percent = { 0, 0 } };
	struct space full = { 100, 0, 100, 0 }, empty = { 100, 100, 100, 100 };
	struct pressure p = { 0 };
	assert_false(step_images(&p, &never, &full));
	assert_true(step_images(&p, &always, &empty));
	assert_true(p.wanted[RESOURCE_BYTES][PRESSURE_GC] &&
		    p.wanted[RESOURCE_INODES][PRESSURE_GC]);
}

/* active is what the integer usage says, and transitions count its changes. */
static void random_walk(void **state)
{
	(void)state;
	struct random r = random_start("pressure");
	struct pressure p = { 0 };
	bool was[_RESOURCE_MAX] = { 0 };
	uint64_t changes[_RESOURCE_MAX] = { 0 };
	struct image_gc_policy q = policy;
	for (int round = 0; round < 50000; round++) {
		if (random_once_in(&r, 100))
			for (int i = 0; i < _RESOURCE_MAX; i++)
				q.high_percent[i] = (int)random_below(&r, 103);
		struct space s = { 1000, random_below(&r, 1002), random_below(&r, 4) * 7,
				   random_below(&r, 30) };
		bool any = step_images(&p, &q, &s), expected_any = false;
		for (int i = 0; i < _RESOURCE_MAX; i++) {
			bool expected =
				space_has(&s, i) && space_used_percent(&s, i) >= q.high_percent[i];
			changes[i] += expected != was[i];
			was[i] = expected;
			expected_any |= expected;
			assert_int_equal(p.wanted[i][PRESSURE_GC], expected);
			assert_int_equal(p.gc_transitions[i], changes[i]);
		}
		assert_int_equal(any, expected_any);
	}
}

static const struct image_gc_policy off = { .high_percent = { 101, 101 } };

static struct eviction_policy eviction_of(const char *hard, const char *soft, const char *grace,
					  const char *reclaim)
{
	struct eviction_policy ret = { .transition_period = 60 * USEC_PER_SEC };
	struct eviction_texts texts = { hard, soft, grace, reclaim };
	struct err e = { 0 };
	if (eviction_parse_texts(&texts, EVICTION_OURS, &ret.thresholds, &e) < 0)
		fail_msg("%s", e.msg);
	return ret;
}

/* nodefs with 1000 bytes, with the images or apart from them. */
static bool step_nodefs(struct pressure *p, const struct eviction_policy *e, uint64_t available,
			bool with_images, usec_t now)
{
	const struct space space = { 1000, available, 0, 0 };
	const struct pressure_sample sample = { .spaces[ROLE_NODEFS] = &space,
						.with_images[ROLE_NODEFS] = with_images };
	return pressure_step(p, &off, e, now, &sample);
}

/* Images are to go only where that helps the filesystem that is short. */
static void a_filesystem_without_images_wants_none_removed(void **state)
{
	(void)state;
	struct eviction_policy e = eviction_of("nodefs.available<100", NULL, NULL, NULL);
	struct pressure apart = { 0 }, together = { 0 };
	assert_false(step_nodefs(&apart, &e, 99, false, 0));
	assert_true(step_nodefs(&together, &e, 99, true, 0));
	assert_true(together.wanted[RESOURCE_BYTES][PRESSURE_HARD]);
	assert_false(together.wanted[RESOURCE_BYTES][PRESSURE_SOFT]);
	for (int i = 0; i < 2; i++) {
		const struct eviction_pressure *known =
			&(i ? &apart : &together)
				 ->verdict.pressure[ROLE_NODEFS][RESOURCE_BYTES][EVICTION_HARD];
		assert_true(known->in_force && known->active);
	}
	assert_int_equal(apart.begins_at[RESOURCE_BYTES], 0);
	assert_int_equal(together.begins_at[RESOURCE_BYTES], 99);
}

static void nothing_is_less_than_a_threshold_of_zero(void **state)
{
	(void)state;
	struct eviction_policy e = eviction_of("nodefs.available<0.0%", NULL, NULL, NULL);
	struct pressure p = { 0 };
	assert_false(step_nodefs(&p, &e, 0, true, 0));
	assert_int_equal(p.begins_at[RESOURCE_BYTES], 0);
}

/* A soft threshold wants nothing before its grace period is over, and what it wants is its minimum
 * reclaim, too; pressure is reported for longer than that. */
static void grace_reclaim_and_transition(void **state)
{
	(void)state;
	static const struct {
		unsigned now; /* seconds */
		uint64_t available;
		bool wanted, active;
	} rows[] = {
		{ 0, 199, false, false },  { 29, 0, false, false },   { 30, 199, true, true },
		{ 31, 200, true, true },   { 32, 249, true, true },   { 33, 250, false, true },
		{ 90, 1000, false, true }, { 92, 500, false, false }, { 93, 199, false, false },
		{ 94, 200, false, false }, { 95, 199, false, false }, { 124, 199, false, false },
		{ 125, 199, true, true },
	};
	struct eviction_policy e = eviction_of(NULL, "nodefs.available<20%", "nodefs.available=30s",
					       "nodefs.available=50");
	struct pressure p = { 0 };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct image_gc_policy goals = off;
		const bool with_images[_ROLE_MAX] = { [ROLE_NODEFS] = true };
		bool any = step_nodefs(&p, &e, rows[i].available, true, rows[i].now * USEC_PER_SEC);
		pressure_goals(&p, with_images, &goals);
		const struct reclaim_goal *goal =
			&goals.eviction[RESOURCE_BYTES][EVICTION_SOFT][ROLE_NODEFS];
		if (any != rows[i].wanted ||
		    p.wanted[RESOURCE_BYTES][PRESSURE_SOFT] != rows[i].wanted ||
		    p.eviction.active[ROLE_NODEFS][RESOURCE_BYTES][EVICTION_SOFT] !=
			    rows[i].active ||
		    goal->clear != (rows[i].wanted ? 200 : 0) ||
		    goal->target != (rows[i].wanted ? 250 : 0))
			fail_msg("row %zu", i);
	}
	/* where no images are, no pass has a goal */
	struct image_gc_policy goals = off;
	const bool nowhere[_ROLE_MAX] = { false };
	pressure_goals(&p, nowhere, &goals);
	assert_int_equal(goals.eviction[RESOURCE_BYTES][EVICTION_SOFT][ROLE_NODEFS].target, 0);
}

/* Two roles of one device: each has its goal. */
static void two_roles_of_one_device(void **state)
{
	(void)state;
	struct eviction_policy e =
		eviction_of("nodefs.available<100,imagefs.available<15%,imagefs.inodesFree<3", NULL,
			    NULL, "nodefs.available=200");
	struct pressure p = { 0 };
	const struct space space = { 1000, 90, 100, 2 };
	const struct pressure_sample sample = {
		.spaces = { [ROLE_NODEFS] = &space, [ROLE_IMAGEFS] = &space },
		.with_images = { [ROLE_NODEFS] = true, [ROLE_IMAGEFS] = true },
	};
	struct image_gc_policy goals = policy;
	assert_true(pressure_step(&p, &policy, &e, 0, &sample));
	pressure_goals(&p, sample.with_images, &goals);
	const struct reclaim_goal *bytes = goals.eviction[RESOURCE_BYTES][EVICTION_HARD];
	const struct reclaim_goal *inodes = goals.eviction[RESOURCE_INODES][EVICTION_HARD];
	assert_int_equal(bytes[ROLE_NODEFS].clear, 100);
	assert_int_equal(bytes[ROLE_NODEFS].target, 300);
	assert_int_equal(bytes[ROLE_IMAGEFS].clear, 150);
	assert_int_equal(bytes[ROLE_IMAGEFS].target, 150);
	assert_int_equal(inodes[ROLE_IMAGEFS].clear, 3);
	assert_int_equal(inodes[ROLE_IMAGEFS].target, 3);
	assert_int_equal(inodes[ROLE_NODEFS].target, 0);
	assert_int_equal(goals.eviction[RESOURCE_BYTES][EVICTION_SOFT][ROLE_IMAGEFS].target, 0);
	/* the high threshold comes before all of them */
	assert_int_equal(p.begins_at[RESOURCE_BYTES], 209);
	assert_int_equal(p.begins_at[RESOURCE_INODES], 10);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(pressure_level_to_string(PRESSURE_GC), "gc");
	assert_string_equal(pressure_level_to_string(pressure_level_of(EVICTION_SOFT)), "soft");
	assert_string_equal(pressure_level_to_string(pressure_level_of(EVICTION_HARD)), "hard");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_boundaries),
		cmocka_unit_test(thresholds_that_never_and_always_trigger),
		cmocka_unit_test(random_walk),
		cmocka_unit_test(a_filesystem_without_images_wants_none_removed),
		cmocka_unit_test(nothing_is_less_than_a_threshold_of_zero),
		cmocka_unit_test(grace_reclaim_and_transition),
		cmocka_unit_test(two_roles_of_one_device),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
