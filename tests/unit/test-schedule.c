/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/schedule.h"

#define SEC  USEC_PER_SEC
#define MSEC USEC_PER_MSEC
#define GB   ((uint64_t)1000 * 1000 * 1000)

/* available, where usage is 80 % of 100 GB */
#define AT_20_GB (21 * GB - 1)

static const struct pressure none = { .begins_at = { AT_20_GB, 0 } };
static const struct pressure bytes = { .wanted = { { true }, { false } },
				       .begins_at = { AT_20_GB, 0 } };
static const struct pressure inodes = { .wanted = { { false }, { true } },
					.begins_at = { AT_20_GB, 0 } };
static const struct pressure both = { .wanted = { { true }, { true } },
				      .begins_at = { AT_20_GB, 0 } };
static const struct pressure hard = { .wanted = { { [PRESSURE_HARD] = true } } };
static const struct pressure soft_inodes = { .wanted = { { false }, { [PRESSURE_SOFT] = true } } };

static void assert_due(const struct schedule *s, const struct pressure *p, usec_t now,
		       enum pass_trigger expected)
{
	enum pass_trigger trigger = _PASS_TRIGGER_INVALID;
	assert_true(schedule_pass_due(s, p, now, &trigger));
	assert_int_equal(trigger, expected);
}

static void assert_not_due(const struct schedule *s, const struct pressure *p, usec_t now)
{
	enum pass_trigger trigger = _PASS_TRIGGER_INVALID;
	assert_false(schedule_pass_due(s, p, now, &trigger));
	assert_int_equal(trigger, _PASS_TRIGGER_INVALID);
}

/* A pass about those resources ended. */
static usec_t ended(struct schedule *s, enum pass_result result, const struct pressure *about,
		    bool dry_run, usec_t now)
{
	struct pass_report report = { .result = result, .request = { .dry_run = dry_run } };
	struct schedule_facts facts = { .reclaimable = { 100, 1 },
					.next_eligible = USEC_INFINITY,
					.next_over_age = USEC_INFINITY };
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int level = 0; level < _PRESSURE_MAX; level++)
			report.goals[r][level][ROLE_NODEFS].target = about->wanted[r][level];
	return schedule_pass_ended(s, &report, &facts, now);
}

static void facts_of_a_plan(void **state)
{
	(void)state;
	struct verdict verdicts[] = {
		{ .predicted = { 1, 10 }, .over_age = true },
		{ .predicted = { 2, 20 }, .over_age = true, .removed = true },
		{ .predicted = { 4, 40 }, .keep = KEEP_IN_USE }, /* came into use on the way */
		{ .predicted = { 8, 80 } },
		{ .predicted = { UINT64_MAX, 160 }, .over_age = true },
		{ .predicted = { 16, 320 }, .keep = KEEP_PINNED },
	};
	struct plan plan = { .verdicts = verdicts,
			     .n_verdicts = 6,
			     .n_candidates = 5,
			     .next_eligible = 77,
			     .next_over_age = 88 };
	struct schedule_facts facts = { .n_over_age = 99, .reclaimable = { 9, 9 } };
	schedule_facts(&plan, &facts);
	assert_int_equal(facts.n_over_age, 2);
	assert_int_equal(facts.reclaimable[RESOURCE_BYTES], UINT64_MAX);
	assert_int_equal(facts.reclaimable[RESOURCE_INODES], 250);
	assert_int_equal(facts.next_eligible, 77);
	assert_int_equal(facts.next_over_age, 88);
}

static void sample_intervals(void **state)
{
	(void)state;
	static const struct {
		const struct pressure *pressure;
		uint64_t available; /* of 100 GB; high is at 20 GB */
		usec_t min, max, interval;
	} rows[] = {
		{ &none, 90 * GB, 50 * MSEC, 10 * SEC, 10 * SEC },
		{ &none, 25 * GB, 50 * MSEC, 10 * SEC, 2 * SEC },
		{ &none, 21 * GB, 50 * MSEC, 10 * SEC, 50 * MSEC },
		/* under pressure: not faster than it is worth */
		{ &bytes, 10 * GB, 50 * MSEC, 10 * SEC, 250 * MSEC },
		{ &inodes, 21 * GB, 50 * MSEC, 10 * SEC, 250 * MSEC },
		{ &inodes, 25 * GB, 50 * MSEC, 10 * SEC, 2 * SEC },
		{ &both, 10 * GB, 50 * MSEC, 100 * MSEC, 100 * MSEC },
		{ &both, 10 * GB, 400 * MSEC, 10 * SEC, 400 * MSEC },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct space space = { .size_bytes = 100 * GB,
				       .avail_bytes = rows[i].available,
				       .inodes = 1000,
				       .inodes_free = 1 };
		struct cadence_limits limits = { rows[i].min, rows[i].max };
		usec_t interval = schedule_sample_interval(&space, rows[i].pressure, 0, &limits);
		/* the threshold is an amount below 21 GB, in which 2 GB/s need a little longer */
		if (interval > rows[i].interval || interval < rows[i].interval * 7 / 10)
			fail_msg("row %zu: %jd", i, (intmax_t)interval);
	}
}

static void what_makes_a_pass_due(void **state)
{
	(void)state;
	struct schedule s = { 0 };
	assert_not_due(&s, &none, 0);
	assert_due(&s, &bytes, 0, TRIGGER_SPACE);
	assert_due(&s, &inodes, 0, TRIGGER_INODES);
	assert_due(&s, &both, 0, TRIGGER_SPACE);
	assert_due(&s, &hard, 0, TRIGGER_SPACE);
	assert_due(&s, &soft_inodes, 0, TRIGGER_INODES);
	s.n_over_age = 1;
	assert_due(&s, &none, 0, TRIGGER_AGE);
	assert_due(&s, &inodes, 0, TRIGGER_INODES);
}

static void a_futile_pass_is_not_repeated(void **state)
{
	(void)state;
	struct schedule s = { .n_over_age = 3 };
	assert_int_equal(ended(&s, RESULT_FUTILE, &bytes, false, 100 * SEC), 130 * SEC);
	assert_int_equal(s.n_over_age, 0);
	assert_not_due(&s, &bytes, 100 * SEC);
	assert_not_due(&s, &bytes, 101 * SEC - 1);
	assert_due(&s, &bytes, 101 * SEC, TRIGGER_SPACE);
	s.n_over_age = 1;
	assert_not_due(&s, &none, 100 * SEC);
	assert_not_due(&s, &bytes, 100 * SEC);
}

/* Hopeless in one resource: the other one does not wait for that. */
static void the_other_resource_does_not_wait(void **state)
{
	(void)state;
	struct schedule s = { 0 };
	for (int i = 0; i < 12; i++)
		(void)ended(&s, RESULT_FUTILE, &inodes, false, 100 * SEC);
	assert_not_due(&s, &inodes, 200 * SEC);
	assert_due(&s, &bytes, 200 * SEC, TRIGGER_SPACE);
	assert_due(&s, &both, 200 * SEC, TRIGGER_SPACE);
	(void)ended(&s, RESULT_FUTILE, &both, false, 200 * SEC);
	assert_not_due(&s, &both, 201 * SEC);
	assert_not_due(&s, &bytes, 201 * SEC);

	s = (struct schedule){ 0 };
	(void)ended(&s, RESULT_FUTILE, &bytes, false, 100 * SEC);
	assert_not_due(&s, &bytes, 100 * SEC);
	assert_due(&s, &inodes, 100 * SEC, TRIGGER_INODES);

	/* nor another level: what would not bring usage down far enough may clear a hard threshold */
	assert_due(&s, &hard, 100 * SEC, TRIGGER_SPACE);
	(void)ended(&s, RESULT_FUTILE, &hard, false, 150 * SEC);
	assert_not_due(&s, &hard, 150 * SEC);
	assert_due(&s, &soft_inodes, 150 * SEC, TRIGGER_INODES);

	/* nor for a pass about ages */
	(void)ended(&s, RESULT_FUTILE, &none, false, 200 * SEC);
	assert_due(&s, &bytes, 200 * SEC, TRIGGER_SPACE);
}

/* It may have failed before it knew what it was about: everything waits. */
static void a_failed_pass_is_not_repeated(void **state)
{
	(void)state;
	struct schedule s = { 0 };
	(void)ended(&s, RESULT_ERROR, &none, false, 100 * SEC);
	assert_not_due(&s, &bytes, 100 * SEC);
	assert_not_due(&s, &both, 100 * SEC);
	assert_due(&s, &both, 101 * SEC, TRIGGER_SPACE);
}

static void one_that_helped_may_be_followed(void **state)
{
	(void)state;
	struct schedule s = { 0 };
	(void)ended(&s, RESULT_REACHED, &bytes, false, 100 * SEC);
	assert_due(&s, &bytes, 100 * SEC, TRIGGER_SPACE);
	(void)ended(&s, RESULT_NOTHING_TO_DO, &none, false, 100 * SEC);
	assert_due(&s, &bytes, 100 * SEC, TRIGGER_SPACE);
}

/* The disk is as full as before, whatever a dry run came to: the pauses grow to five minutes. */
static void dry_runs(void **state)
{
	(void)state;
	static const enum pass_result results[] = { RESULT_REACHED, RESULT_PARTIAL, RESULT_FUTILE };
	for (size_t i = 0; i < ELEMENTS(results); i++) {
		struct schedule s = { 0 };
		for (int n = 0; n < 12; n++)
			(void)ended(&s, results[i], &bytes, true, 0);
		assert_not_due(&s, &bytes, 300 * SEC - 1);
		assert_due(&s, &bytes, 300 * SEC, TRIGGER_SPACE);
	}
	struct schedule s = { 0 };
	(void)ended(&s, RESULT_NOTHING_TO_DO, &none, true, 0);
	assert_due(&s, &bytes, 0, TRIGGER_SPACE);
	for (int n = 0; n < 12; n++)
		(void)ended(&s, RESULT_ERROR, &bytes, true, 0);
	assert_due(&s, &bytes, 10 * SEC, TRIGGER_SPACE);
}

static void observations_out_of_turn(void **state)
{
	(void)state;
	struct schedule s = { 0 };
	struct space space = { .size_bytes = 2000, .avail_bytes = 1000 };
	/* at the start */
	assert_true(schedule_observation_due(&s, &space, SEC));
	schedule_observation_begins(&s, &space, SEC);
	assert_false(schedule_observation_due(&s, &space, 2 * SEC));
	static const struct {
		uint64_t available;
		usec_t now;
		bool due;
	} rows[] = {
		{ 991, 2 * SEC, false },       { 990, 2 * SEC, true },
		{ 1009, 2 * SEC, false },      { 1010, 2 * SEC, true },
		{ 0, SEC + 250 * MSEC, true }, { 0, SEC + 250 * MSEC - 1, false },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		space.avail_bytes = rows[i].available;
		assert_int_equal(schedule_observation_due(&s, &space, rows[i].now), rows[i].due);
	}
	/* nothing moves where there is nothing */
	struct space nothing = { 0 };
	schedule_observation_begins(&s, &nothing, 0);
	assert_false(schedule_observation_due(&s, &nothing, 100 * SEC));
}

static void next_observations(void **state)
{
	(void)state;
	static const struct {
		usec_t over_age, next;
	} rows[] = {
		{ USEC_INFINITY, 130 * SEC },
		{ 130 * SEC, 130 * SEC },
		{ 130 * SEC - 1, 130 * SEC - 1 },
		{ 110 * SEC, 110 * SEC },
		{ 100 * SEC + 251 * MSEC, 100 * SEC + 251 * MSEC },
		{ 100 * SEC + 250 * MSEC, 100 * SEC + 250 * MSEC },
		{ 100 * SEC, 100 * SEC + 250 * MSEC },
		{ 0, 100 * SEC + 250 * MSEC },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct schedule s = { 0 };
		struct schedule_facts facts = { .next_over_age = rows[i].over_age,
						.n_over_age = i };
		assert_int_equal(schedule_observed(&s, &facts, false, 100 * SEC), rows[i].next);
		assert_int_equal(s.n_over_age, i);
	}
}

/* Images that appear or go open the gate; in a dry run the answer would be the same. */
static void something_else_to_reclaim(void **state)
{
	(void)state;
	struct schedule s = { 0 };
	struct schedule_facts same = { .reclaimable = { 100, 1 }, .next_over_age = USEC_INFINITY };
	struct schedule_facts more = { .reclaimable = { 101, 1 }, .next_over_age = USEC_INFINITY };
	(void)ended(&s, RESULT_FUTILE, &bytes, false, 100 * SEC);
	(void)schedule_observed(&s, &same, false, 100 * SEC);
	assert_not_due(&s, &bytes, 100 * SEC);
	(void)schedule_observed(&s, &more, true, 100 * SEC);
	assert_not_due(&s, &bytes, 100 * SEC);
	(void)schedule_observed(&s, &more, false, 100 * SEC);
	assert_due(&s, &bytes, 100 * SEC, TRIGGER_SPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_a_plan),
		cmocka_unit_test(sample_intervals),
		cmocka_unit_test(what_makes_a_pass_due),
		cmocka_unit_test(a_futile_pass_is_not_repeated),
		cmocka_unit_test(the_other_resource_does_not_wait),
		cmocka_unit_test(a_failed_pass_is_not_repeated),
		cmocka_unit_test(one_that_helped_may_be_followed),
		cmocka_unit_test(dry_runs),
		cmocka_unit_test(observations_out_of_turn),
		cmocka_unit_test(next_observations),
		cmocka_unit_test(something_else_to_reclaim),
	};
	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
