/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a pass on the way, and what is in its report. */
#include "reclaim-script.h"

#include <errno.h>
#include <string.h>

static void containers_appear(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("before the first removal", "bc", REACHED, NODE(200, 50), ALIKE(5, 100),
		    .user_of = "a", .user_appears_at = 1),
		ROW("after it was removed", "ab", REACHED, NODE(200, 50), ALIKE(5, 100),
		    .user_of = "a", .user_appears_at = 2),
		ROW("before the second", "ac", REACHED, NODE(200, 50), ALIKE(5, 100),
		    .user_of = "b", .user_appears_at = 2),
		ROW("an image volume", "ac", REACHED, NODE(200, 50), ALIKE(5, 100), .user_of = "b",
		    .user_mounts = true, .user_appears_at = 1),
		ROW("on the last one, and it is not enough", "ab", FUTILE, NODE(0, 50),
		    ALIKE(3, 100), .user_of = "c", .user_appears_at = 1),
		ROW("that uses something else", "ab", REACHED, NODE(200, 50), ALIKE(5, 100),
		    .user_of = "other", .user_appears_at = 1),
	};
	play_rows(rows, ELEMENTS(rows));

	struct node n;
	struct pass_report report;
	play(&rows[0], &n, &report);
	assert_int_equal(report.plan.verdicts[0].keep, KEEP_IN_USE);
	assert_string_equal(report.plan.verdicts[0].by, "late");
	assert_int_equal(report.plan.verdicts[3].keep, KEEP_NONE);
	pass_report_done(&report);
	play(&rows[3], &n, &report);
	assert_int_equal(report.plan.verdicts[1].keep, KEEP_IMAGE_VOLUME);
	assert_string_equal(report.plan.verdicts[1].by, "late");
	pass_report_done(&report);
}

/* Fail closed: whichever list or measurement fails, nothing is removed after it. */
static void failures_end_the_pass(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("first measurement", "", ERROR, NODE(100, 50), ALIKE(5, 100),
		    .measure_fails_at = 1),
		ROW("before the first removal", "", ERROR, NODE(100, 50), ALIKE(5, 100),
		    .measure_fails_at = 2),
		ROW("before the second", "a", ERROR, NODE(100, 50), ALIKE(5, 100),
		    .measure_fails_at = 3),
		ROW("when it would have been the target", "abc", ERROR, NODE(100, 50),
		    ALIKE(5, 100), .measure_fails_at = 5),
		ROW("last measurement", "abc", ERROR, NODE(100, 50), ALIKE(5, 100),
		    .measure_fails_at = 6),
		ROW("after the last candidate", "abc", ERROR, NODE(100, 50), ALIKE(3, 100),
		    .measure_fails_at = 5),
		ROW("first list", "", ERROR, NODE(100, 50), ALIKE(5, 100), .list_fails_at = 1),
		ROW("second list", "a", ERROR, NODE(100, 50), ALIKE(5, 100), .list_fails_at = 2),
		ROW("third list", "ab", ERROR, NODE(100, 50), ALIKE(5, 100), .list_fails_at = 3),
		ROW("measurement after the first", "a", ERROR, NODE(100, 50), ALIKE(5, 100),
		    .measure_after_fails_at = 1),
		ROW("measurement after the second", "ab", ERROR, NODE(100, 50), ALIKE(5, 100),
		    .measure_after_fails_at = 2),
	};
	play_rows(rows, ELEMENTS(rows));

	struct node n;
	struct pass_report report;
	play(&rows[2], &n, &report);
	assert_int_equal(report.after.avail_bytes, 200); /* after the first removal */
	pass_report_done(&report);
	play(&rows[10], &n, &report);
	assert_int_equal(report.error.code, EIO);
	assert_string_equal(report.error.msg, "measure after failed");
	/* the removal happened, its gain is not known */
	assert_int_equal(report.removals[1].measured[RESOURCE_BYTES], 0);
	assert_int_equal(report.measured[RESOURCE_BYTES], 100);
	assert_int_equal(report.predicted[RESOURCE_BYTES], 200);
	assert_int_equal(report.after.avail_bytes, 200); /* the last measurement that there is */
	pass_report_done(&report);
}

static void removals_fail(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("one is refused", "bc", REACHED, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { EBUSY }),
		ROW("two are refused", "cd", REACHED, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { EBUSY, EPERM }),
		ROW("three in a row", "", ERROR, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { EBUSY, EPERM, EIO }),
		ROW("three, not in a row", "ce", REACHED, NODE(200, 50), ALIKE(6, 100),
		    .remove_errors = { EBUSY, EPERM, 0, EIO }),
		ROW("skipped ones between do not break the row", "", ERROR, NODE(100, 50),
		    ALIKE(6, 100), .remove_errors = { EIO, 0, EIO, EIO }, .user_of = "b",
		    .user_appears_at = 1),
		ROW("timeout", "", ERROR, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { ETIMEDOUT }),
		ROW("timeout later on", "a", ERROR, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { 0, ETIMEDOUT }),
		ROW("gone", "", ERROR, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { ECONNREFUSED }),
		ROW("socket gone", "a", ERROR, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { 0, ENOENT }),
		ROW("not allowed", "", ERROR, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { EACCES }),
		ROW("malformed answer", "bc", REACHED, NODE(200, 50), ALIKE(5, 100),
		    .remove_errors = { EBADMSG }),
		ROW("all there are", "", FUTILE, NODE(200, 50), ALIKE(2, 100),
		    .remove_errors = { EBUSY, EBUSY }),
		ROW("two, one removed, two", "cf", REACHED, NODE(200, 50), ALIKE(6, 100),
		    .remove_errors = { EBUSY, EBUSY, 0, EBUSY, EBUSY }),
	};
	play_rows(rows, ELEMENTS(rows));

	struct node n;
	struct pass_report report;
	play(&rows[3], &n, &report);
	assert_int_equal(report.removal_errors[REMOVAL_ERROR_REFUSED], 2);
	assert_int_equal(report.removal_errors[REMOVAL_ERROR_OTHER], 1);
	assert_int_equal(report.removal_errors[REMOVAL_ERROR_TIMEOUT], 0);
	assert_int_equal(report.removal_errors[REMOVAL_ERROR_UNAVAILABLE], 0);
	assert_int_equal(report.plan.verdicts[0].keep, KEEP_CHANGED);
	assert_int_equal(report.plan.verdicts[2].keep, KEEP_NONE);
	assert_int_equal(report.plan.verdicts[3].keep, KEEP_CHANGED);
	/* the last one that failed */
	assert_int_equal(report.error.code, EIO);
	assert_string_equal(report.error.msg, "no d");
	pass_report_done(&report);
	play(&rows[5], &n, &report);
	assert_int_equal(report.removal_errors[REMOVAL_ERROR_TIMEOUT], 1);
	pass_report_done(&report);
	play(&rows[7], &n, &report);
	assert_int_equal(report.removal_errors[REMOVAL_ERROR_UNAVAILABLE], 1);
	pass_report_done(&report);
}

static void others_write_and_free(void **state)
{
	(void)state;
	static const struct script rows[] = {
		/* measurements: the first, then one before each candidate, then the last */
		ROW("it gets worse meanwhile", "abcd", REACHED, NODE(200, 50), ALIKE(8, 100),
		    .written_at_measure = { [2] = 50, [3] = 50, [4] = 50 }),
		ROW("as fast as it is freed", "abcdef", FUTILE, NODE(200, 50), ALIKE(6, 100),
		    .written_at_measure = { [1 ... 8] = 100 }),
		ROW("full again when all is removed", "ab", FUTILE, NODE(200, 50), ALIKE(2, 100),
		    .written_at_measure = { [3] = 400 }),
		ROW("somebody else frees before the first", "", REACHED, NODE(200, 50),
		    ALIKE(8, 100), .written_at_measure = { [1] = -200 }),
		ROW("somebody else frees after the first", "a", REACHED, NODE(100, 50),
		    ALIKE(8, 100), .written_at_measure = { [2] = -200 }),
		ROW("somebody else frees at the end", "ab", REACHED, NODE(100, 50), ALIKE(2, 100),
		    .written_at_measure = { [3] = -300 }),
	};
	play_rows(rows, ELEMENTS(rows));

	/* a measured gain is never negative and is not what others freed between two measurements */
	struct node n;
	struct pass_report report;
	play(&rows[4], &n, &report);
	assert_int_equal(report.measured[RESOURCE_BYTES], 100);
	assert_int_equal(report.before.avail_bytes, 100);
	assert_int_equal(report.after.avail_bytes, 400);
	pass_report_done(&report);
}

/* Less available after a removal than before it: something is written faster. That is no gain. */
static void shrinking_while_removing(void **state)
{
	(void)state;
	static const struct script s = { NODE(200, 50), .n_images = 7,
					 .predicted = { [0 ... 6] = 100 },
					 .gain = { [0 ... 6] = (uint64_t)-10 } };
	struct node n;
	struct pass_report report;
	play(&s, &n, &report);
	check_report(&report, &n);
	assert_int_equal(report.n_removals, 5);
	assert_int_equal(report.measured[RESOURCE_BYTES], 0);
	assert_int_equal(report.result, RESULT_FUTILE);
	pass_report_done(&report);
}

static void limits_and_stops(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("two at most", "ab", PARTIAL, NODE(0, 50), ALIKE(8, 100), .max_removals = 2),
		ROW("as many as are needed", "abcd", REACHED, NODE(0, 50), ALIKE(8, 100),
		    .max_removals = 4),
		ROW("as many as there are", "ab", PARTIAL, NODE(100, 50), ALIKE(2, 100),
		    .max_removals = 2),
		ROW("over age counts as well", "ab", PARTIAL, NODE(500, 50), ALIKE(4, 100),
		    .n_over_age = 3, .trigger = TRIGGER_AGE, .max_removals = 2),
		ROW("refused ones do not count", "bc", PARTIAL, NODE(0, 50), ALIKE(8, 100),
		    .max_removals = 2, .remove_errors = { EBUSY }),
		ROW("stopping from the beginning", "", PARTIAL, NODE(0, 50), ALIKE(8, 100),
		    .stops_after = NEVER),
		ROW("stopping after the first", "a", PARTIAL, NODE(0, 50), ALIKE(8, 100),
		    .stops_after = 1),
		ROW("stopping when it is done", "ab", REACHED, NODE(200, 50), ALIKE(8, 100),
		    .stops_after = 2),
		ROW("stopping with nothing to do", "", NOTHING_TO_DO, NODE(500, 50), ALIKE(8, 100),
		    .stops_after = NEVER),
	};
	play_rows(rows, ELEMENTS(rows));

	struct node n;
	struct pass_report report;
	play(&rows[0], &n, &report);
	assert_true(report.stopped);
	pass_report_done(&report);
	play(&rows[1], &n, &report);
	assert_false(report.stopped);
	pass_report_done(&report);
}

/* --- the report ------------------------------------------------------------------------------------ */

/* measure, list the containers, remove, measure: in this order, for each removal. */
static void order_of_calls(void **state)
{
	(void)state;
	static const struct script s = { NODE(200, 50), ALIKE(4, 100) };
	struct node n;
	struct pass_report report;
	play(&s, &n, &report);
	assert_string_equal(n.log, "m m l ra aa m l rb ab m m ");
	pass_report_done(&report);
}

static void reasons(void **state)
{
	(void)state;
	static const struct {
		struct script script;
		enum remove_reason reasons[4];
	} rows[] = {
		{ { NODE(200, 50), ALIKE(2, 100) }, { REMOVE_SPACE, REMOVE_SPACE } },
		{ { NODE(300, 10), ALIKE(2, 100), .predicted_inodes = { 3, 3 },
		    .gain_inodes = { 3, 3 }, .trigger = TRIGGER_INODES },
		  { REMOVE_INODES, REMOVE_INODES } },
		{ { NODE(200, 10), ALIKE(3, 100), .predicted_inodes = { 2, 2, 2 },
		    .gain_inodes = { 2, 2, 2 } },
		  { REMOVE_SPACE, REMOVE_SPACE, REMOVE_INODES } },
		/* bytes are hopeless: removing is for the inodes */
		{ { NODE(100, 10), ALIKE(2, 10), .predicted_inodes = { 5, 5 },
		    .gain_inodes = { 5, 5 } },
		  { REMOVE_INODES } },
		{ { NODE(300, 50), ALIKE(2, 100), .trigger = TRIGGER_MANUAL }, { REMOVE_MANUAL } },
		/* a threshold is crossed, so it is not only for the asking */
		{ { NODE(200, 50), ALIKE(2, 100), .trigger = TRIGGER_MANUAL },
		  { REMOVE_SPACE, REMOVE_SPACE } },
		{ { NODE(300, 50), ALIKE(2, 50), .trigger = TRIGGER_MANUAL, .n_over_age = 1 },
		  { REMOVE_AGE, REMOVE_MANUAL } },
		{ { NODE(200, 50), ALIKE(2, 100), .n_over_age = 1 }, { REMOVE_AGE, REMOVE_SPACE } },
	};
	static const size_t n_removals[] = { 2, 2, 3, 1, 1, 2, 2, 2 };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct node n;
		struct pass_report report;
		play(&rows[i].script, &n, &report);
		assert_int_equal(report.n_removals, n_removals[i]);
		for (size_t k = 0; k < report.n_removals; k++)
			assert_int_equal(report.removals[k].reason, rows[i].reasons[k]);
		pass_report_done(&report);
	}
}

static void goals_in_the_report(void **state)
{
	(void)state;
	static const struct {
		struct script script;
		uint64_t target[_RESOURCE_MAX], trigger[_RESOURCE_MAX];
	} rows[] = {
		{ { NODE(209, 11), ALIKE(4, 100) }, { 400, 0 }, { 210, 0 } },
		{ { NODE(210, 10), ALIKE(4, 100) }, { 0, 15 }, { 0, 11 } },
		{ { NODE(0, 0), ALIKE(4, 100) }, { 400, 15 }, { 210, 11 } },
		{ { NODE(500, 50), ALIKE(4, 100) }, { 0, 0 }, { 0, 0 } },
		{ { NODE(300, 50), ALIKE(4, 100), .trigger = TRIGGER_MANUAL },
		  { 400, 0 },
		  { 400, 0 } },
		{ { NODE(209, 50), ALIKE(4, 100), .trigger = TRIGGER_MANUAL },
		  { 400, 0 },
		  { 210, 0 } },
		{ { NODE(209, 14), ALIKE(4, 100), .trigger = TRIGGER_MANUAL },
		  { 400, 15 },
		  { 210, 15 } },
		{ { NODE(209, 0), ALIKE(4, 100), .trigger = TRIGGER_MANUAL, .to_percent = 50 },
		  { 500, 0 },
		  { 500, 0 } },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct node n;
		struct pass_report report;
		play(&rows[i].script, &n, &report);
		assert_memory_equal(report.target, rows[i].target, sizeof(report.target));
		assert_memory_equal(report.trigger, rows[i].trigger, sizeof(report.trigger));
		pass_report_done(&report);
	}
}

/* Triggers at any amount available: that can never be cleared, but the target can be met. */
static void high_threshold_of_nothing(void **state)
{
	(void)state;
	static const struct script s = { NODE(900, 50), ALIKE(2, 100) };
	struct node n = { .script = &s, .space = { UINT64_MAX, UINT64_MAX - 150, 0, 0 } };
	struct image_gc_policy policy = { .high_percent = { 0, 101 }, .low_percent = { 0, 0 } };
	struct pass_report report = { .request = { .to_percent = -1 } };
	plan_script(&s, &report);
	reclaim_run(&script_ops, &n, &policy, &report);
	free(n.container_id);
	assert_int_equal(report.target[RESOURCE_BYTES], UINT64_MAX);
	assert_int_equal(report.trigger[RESOURCE_BYTES], UINT64_MAX);
	assert_int_equal(report.n_removals, 2);
	pass_report_done(&report);
}

/* The same code path: the ops leave the last call out, and nothing counts as measured. */
static void dry_run(void **state)
{
	(void)state;
	static const struct script s = { NODE(100, 50), ALIKE(9, 100) };
	struct node n = { .script = &s, .space = s.space };
	struct pass_report report = { .request = { .dry_run = true, .to_percent = -1 } };
	plan_script(&s, &report);
	reclaim_run(&script_ops, &n, &script_thresholds, &report);
	free(n.container_id);
	assert_true(report.request.dry_run);
	assert_int_equal(report.result, RESULT_REACHED);
	assert_int_equal(report.n_removals, 3);
	assert_int_equal(report.predicted[RESOURCE_BYTES], 300);
	assert_int_equal(report.measured[RESOURCE_BYTES], 0);
	assert_int_equal(report.removals[0].measured[RESOURCE_BYTES], 0);
	assert_true(report.plan.verdicts[0].removed);
	pass_report_done(&report);
}

/* Removals that show nothing are the rule then: no reason to give up after five. */
static void dry_run_does_not_give_up(void **state)
{
	(void)state;
	static const struct script s = { NODE(100, 50), .n_images = 9,
					 .predicted = { [0 ... 8] = 100 } };
	struct node n = { .script = &s, .space = s.space };
	struct pass_report report = { .request = { .dry_run = true, .to_percent = -1 } };
	plan_script(&s, &report);
	reclaim_run(&script_ops, &n, &script_thresholds, &report);
	free(n.container_id);
	assert_int_equal(report.n_removals, 9);
	pass_report_done(&report);
}

static void nobody_is_told(void **state)
{
	(void)state;
	static const struct script s = { NODE(200, 50), ALIKE(4, 100) };
	struct reclaim_ops quiet = script_ops;
	struct node n = { .script = &s, .space = s.space };
	struct pass_report report = { .request = { .to_percent = -1 } };
	quiet.removed = NULL;
	plan_script(&s, &report);
	reclaim_run(&quiet, &n, &script_thresholds, &report);
	free(n.container_id);
	assert_int_equal(report.n_removals, 2);
	assert_int_equal(n.told, 0);
	pass_report_done(&report);
	assert_null(report.removals);
	assert_int_equal(report.n_inventories, 0);
}

/* What fails is left alone; the others go on, and it is an error unless they were enough. */
static void runtimes_fail_by_themselves(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("both are there", "ab", REACHED, NODE(200, 50), ALIKE(5, 100), .n_sources = 2),
		ROW("the other is enough", "bd", REACHED, NODE(200, 50), ALIKE(6, 100),
		    .n_sources = 2, .failing_source = 1),
		ROW("the other is not", "bd", ERROR, NODE(100, 50), ALIKE(5, 100), .n_sources = 2,
		    .failing_source = 1),
		ROW("each fails", "", ERROR, NODE(100, 50), ALIKE(1, 200), .n_sources = 1,
		    .failing_source = 1),
		ROW("refusals of one do not count for the other", "bdf", ERROR, NODE(0, 50),
		    ALIKE(9, 100), .n_sources = 2,
		    .remove_errors = { EPERM, 0, EPERM, 0, EPERM, 0, 0, ECONNREFUSED, 0 }),
		ROW("a refusal in between does not end it", "bdfh", REACHED, NODE(0, 50),
		    ALIKE(9, 100), .n_sources = 2,
		    .remove_errors = { EPERM, 0, EPERM, 0, EPERM, 0, 0, 0, 0 }),
	};
	play_rows(rows, ELEMENTS(rows));

	struct node n;
	struct pass_report report;
	play(&rows[1], &n, &report);
	assert_int_equal(report.error.code, ECONNREFUSED);
	/* of the one that failed nothing is known, and it is asked once */
	assert_int_equal(report.plan.verdicts[0].keep, KEEP_NONE);
	assert_int_equal(n.lists, 3);
	pass_report_done(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runtimes_fail_by_themselves),
		cmocka_unit_test(containers_appear),
		cmocka_unit_test(failures_end_the_pass),
		cmocka_unit_test(removals_fail),
		cmocka_unit_test(others_write_and_free),
		cmocka_unit_test(shrinking_while_removing),
		cmocka_unit_test(limits_and_stops),
		cmocka_unit_test(order_of_calls),
		cmocka_unit_test(reasons),
		cmocka_unit_test(goals_in_the_report),
		cmocka_unit_test(high_threshold_of_nothing),
		cmocka_unit_test(dry_run),
		cmocka_unit_test(dry_run_does_not_give_up),
		cmocka_unit_test(nobody_is_told),
	};
	return cmocka_run_group_tests_name("reclaim-events", tests, NULL, NULL);
}
