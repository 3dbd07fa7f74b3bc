/* SPDX-License-Identifier: Apache-2.0 */
/* When a pass starts to remove, when it stops, and what it says of that. */
#include "reclaim-script.h"

#include <errno.h>

static void ends_at_the_target(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("not high", "", NOTHING_TO_DO, NODE(210, 50), ALIKE(4, 100)),
		ROW("just high", "ab", REACHED, NODE(209, 50), ALIKE(4, 100)),
		ROW("exactly met", "ab", REACHED, NODE(200, 50), ALIKE(4, 100)),
		ROW("one byte short of it", "abc", REACHED, NODE(199, 50), ALIKE(4, 100)),
		ROW("full", "abcd", REACHED, NODE(0, 50), ALIKE(8, 100)),
		ROW("the last one is needed", "abcd", REACHED, NODE(0, 50), ALIKE(4, 100)),
		ROW("the trigger clears, the target is not met", "abc", PARTIAL, NODE(0, 50),
		    ALIKE(3, 100)),
		ROW("the trigger just clears", "ab", PARTIAL, NODE(10, 50), ALIKE(2, 100)),
		ROW("one byte short of clearing it", "", FUTILE, NODE(9, 50), ALIKE(2, 100)),
		ROW("no candidates", "", FUTILE, NODE(100, 50)),
		ROW("no candidates, no need", "", NOTHING_TO_DO, NODE(500, 50)),
		ROW("nothing to do for one over age alone", "a", REACHED, NODE(500, 50),
		    ALIKE(3, 100), .n_over_age = 1, .trigger = TRIGGER_AGE),
		ROW("more is freed than was predicted", "a", REACHED, NODE(200, 50), .n_images = 3,
		    .predicted = { 100, 100, 100 }, .gain = { 200, 200, 200 }),
		ROW("less is freed than was predicted", "abc", REACHED, NODE(200, 50),
		    .n_images = 3, .predicted = { 100, 100, 100 }, .gain = { 90, 90, 90 }),
		ROW("less than what clears it in the end", "abc", FUTILE, NODE(100, 50),
		    .n_images = 3, .predicted = { 100, 100, 100 }, .gain = { 30, 30, 30 }),
	};
	play_rows(rows, ELEMENTS(rows));
}

static void inodes(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("not high", "", NOTHING_TO_DO, NODE(500, 11), ALIKE(3, 100),
		    .trigger = TRIGGER_INODES),
		ROW("alone", "ab", REACHED, NODE(500, 10), ALIKE(3, 100),
		    .predicted_inodes = { 3, 3, 3 }, .gain_inodes = { 3, 3, 3 },
		    .trigger = TRIGGER_INODES),
		ROW("the trigger clears only", "a", PARTIAL, NODE(500, 8), ALIKE(1, 100),
		    .predicted_inodes = { 3 }, .gain_inodes = { 3 }, .trigger = TRIGGER_INODES),
		ROW("bytes do not help", "", FUTILE, NODE(500, 10), ALIKE(3, 100),
		    .trigger = TRIGGER_INODES),
		ROW("both, bytes first", "abc", REACHED, NODE(200, 10), ALIKE(4, 100),
		    .predicted_inodes = { 2, 2, 2, 2 }, .gain_inodes = { 2, 2, 2, 2 }),
		ROW("both, inodes first", "abc", REACHED, NODE(100, 10), ALIKE(4, 100),
		    .predicted_inodes = { 5, 0, 0, 0 }, .gain_inodes = { 5, 0, 0, 0 }),
		ROW("inodes are hopeless, bytes are not", "abc", PARTIAL, NODE(100, 5),
		    ALIKE(5, 100), .predicted_inodes = { 1, 1, 1, 1, 1 },
		    .gain_inodes = { 1, 1, 1, 1, 1 }),
		ROW("bytes are hopeless, inodes are not", "ab", PARTIAL, NODE(100, 10),
		    ALIKE(4, 10), .predicted_inodes = { 3, 3, 3, 3 },
		    .gain_inodes = { 3, 3, 3, 3 }),
		ROW("both are hopeless", "", FUTILE, NODE(100, 5), ALIKE(4, 10)),
		ROW("no inodes are counted there", "abc", REACHED, .space = { 1000, 100, 0, 0 },
		    ALIKE(4, 100)),
	};
	play_rows(rows, ELEMENTS(rows));
}

static void manual(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("below high, above low", "a", REACHED, NODE(300, 50), ALIKE(3, 100),
		    .trigger = TRIGGER_MANUAL),
		ROW("below low", "", NOTHING_TO_DO, NODE(400, 50), ALIKE(3, 100),
		    .trigger = TRIGGER_MANUAL),
		ROW("low cannot be met", "", FUTILE, NODE(300, 50), ALIKE(3, 10),
		    .trigger = TRIGGER_MANUAL),
		ROW("above high: clearing that is worth it", "ab", PARTIAL, NODE(100, 50),
		    ALIKE(2, 100), .trigger = TRIGGER_MANUAL),
		ROW("inodes above low", "a", REACHED, NODE(500, 14), ALIKE(3, 100),
		    .predicted_inodes = { 1, 1, 1 }, .gain_inodes = { 1, 1, 1 },
		    .trigger = TRIGGER_MANUAL),
		ROW("to 30 %", "ab", REACHED, NODE(500, 50), ALIKE(5, 100),
		    .trigger = TRIGGER_MANUAL, .to_percent = 30),
		ROW("to 30 %, which it is", "", NOTHING_TO_DO, NODE(700, 50), ALIKE(5, 100),
		    .trigger = TRIGGER_MANUAL, .to_percent = 30),
		ROW("to 90 %, although high", "", NOTHING_TO_DO, NODE(100, 50), ALIKE(5, 100),
		    .trigger = TRIGGER_MANUAL, .to_percent = 90),
		ROW("to 30 %, inodes are not looked at", "", NOTHING_TO_DO, NODE(700, 0),
		    ALIKE(5, 100), .trigger = TRIGGER_MANUAL, .to_percent = 30),
		ROW("to 10 %, impossible", "", FUTILE, NODE(500, 50), ALIKE(3, 100),
		    .trigger = TRIGGER_MANUAL, .to_percent = 10),
		ROW("to 10 %, whatever there is", "abc", FUTILE, NODE(500, 50), ALIKE(3, 100),
		    .trigger = TRIGGER_MANUAL, .to_percent = 10, .proceed = true),
		ROW("a percentage is for manual passes", "ab", REACHED, NODE(200, 50),
		    ALIKE(5, 100), .trigger = TRIGGER_SPACE, .to_percent = 10),
	};
	play_rows(rows, ELEMENTS(rows));
}

/* gc --to 0: everything that can go. 0 is the script's default, hence by hand. */
static void manual_to_nothing(void **state)
{
	(void)state;
	static const struct script s = { NODE(500, 50), ALIKE(3, 100), .trigger = TRIGGER_MANUAL };
	struct node n = { .script = &s, .space = s.space };
	struct image_gc_policy policy = script_thresholds;
	struct pass_report report = { .request = { .trigger = TRIGGER_MANUAL, .to_percent = 0 } };
	policy.proceed_when_futile = true;
	plan_script(&s, &report);
	reclaim_run(&script_ops, &n, &policy, &report);
	free(n.container_id);
	assert_int_equal(report.n_removals, 3);
	assert_int_equal(report.target[RESOURCE_BYTES], 1000);
	assert_int_equal(report.target[RESOURCE_INODES], 0);
	pass_report_done(&report);
}

static void age(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("only those", "ab", REACHED, NODE(500, 50), ALIKE(4, 100), .n_over_age = 2,
		    .trigger = TRIGGER_AGE),
		ROW("and what is needed besides", "abc", REACHED, NODE(100, 50), ALIKE(6, 100),
		    .n_over_age = 1),
		ROW("more than is needed", "abcd", REACHED, NODE(200, 50), ALIKE(6, 100),
		    .n_over_age = 4),
		ROW("though the rest is futile", "ab", FUTILE, NODE(0, 50), ALIKE(4, 10),
		    .n_over_age = 2),
		ROW("which turns out to be not futile", "a", PARTIAL, NODE(0, 50), .n_images = 3,
		    .predicted = { 10, 10, 10 }, .gain = { 300, 10, 10 }, .n_over_age = 1),
		ROW("free nothing: removed all the same", "abcdefgh", REACHED, NODE(500, 50),
		    .n_images = 8, .predicted = { [0 ... 7] = 100 }, .n_over_age = 8,
		    .trigger = TRIGGER_AGE),
		ROW("free nothing, the rest is given up", "abcdef", FUTILE, NODE(100, 50),
		    .n_images = 8, .predicted = { [0 ... 7] = 100 }, .n_over_age = 6),
		ROW("one is refused", "b", PARTIAL, NODE(500, 50), ALIKE(2, 100), .n_over_age = 2,
		    .trigger = TRIGGER_AGE, .remove_errors = { EBUSY }),
		ROW("the only one is refused", "", FUTILE, NODE(500, 50), ALIKE(2, 100),
		    .n_over_age = 1, .trigger = TRIGGER_AGE, .remove_errors = { EBUSY }),
		ROW("two are refused", "c", PARTIAL, NODE(500, 50), ALIKE(3, 100), .n_over_age = 3,
		    .trigger = TRIGGER_AGE, .remove_errors = { EBUSY, EBUSY }),
		ROW("one is refused that is not over age", "acd", REACHED, NODE(100, 50),
		    ALIKE(5, 100), .n_over_age = 1, .remove_errors = { 0, EBUSY }),
		ROW("the only one came into use", "", REACHED, NODE(500, 50), ALIKE(1, 100),
		    .n_over_age = 1, .trigger = TRIGGER_AGE, .user_of = "a", .user_appears_at = 1),
	};
	play_rows(rows, ELEMENTS(rows));
}

static void futility(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("proceed: whatever there is", "abc", FUTILE, NODE(0, 50), ALIKE(3, 10),
		    .proceed = true),
		ROW("predictions beyond 64 bits", "a", REACHED, NODE(100, 50), .n_images = 2,
		    .predicted = { UINT64_MAX, UINT64_MAX }, .gain = { 500, 500 }),
		ROW("five removals that free nothing", "abcde", FUTILE, NODE(100, 50),
		    .n_images = 9, .predicted = { [0 ... 8] = 100 }),
		ROW("five that free less than 1 %", "abcde", FUTILE, NODE(100, 50), .n_images = 9,
		    .predicted = { [0 ... 8] = 1000 }, .gain = { [0 ... 8] = 9 }),
		ROW("1 % is something", "abcdefghi", FUTILE, NODE(100, 50), .n_images = 9,
		    .predicted = { [0 ... 8] = 1000 }, .gain = { [0 ... 8] = 10 }),
		ROW("the fifth frees", "abcdefghi", FUTILE, NODE(100, 50), .n_images = 9,
		    .predicted = { [0 ... 8] = 100 }, .gain = { [4] = 50 }),
		ROW("five in a row later on", "abcdefgh", FUTILE, NODE(100, 50), .n_images = 9,
		    .predicted = { [0 ... 8] = 100 }, .gain = { [2] = 50 }),
		ROW("given up after the trigger cleared", "abcdef", PARTIAL, NODE(100, 50),
		    .n_images = 9, .predicted = { [0 ... 8] = 100 }, .gain = { [0] = 150 }),
		ROW("nothing was expected of five shared ones", "abcdefghi", REACHED, NODE(100, 50),
		    .n_images = 9, .predicted = { [6 ... 8] = 100 }, .gain = { [6 ... 8] = 100 }),
		ROW("what was not expected counts", "abcdefghi", PARTIAL, NODE(100, 50),
		    .n_images = 9, .predicted = { 100, 100, 0, 100, 100, 100, 100, 100, 100 },
		    .gain = { [2] = 20, [6 ... 8] = 50 }),
		ROW("bytes that nobody needs are no gain", "abcde", FUTILE, NODE(500, 10),
		    .n_images = 9, .predicted = { [0 ... 8] = 50 }, .gain = { [0 ... 8] = 50 },
		    .predicted_inodes = { [0 ... 8] = 5 }, .trigger = TRIGGER_INODES),
		ROW("one inode was promised", "abcde", FUTILE, NODE(500, 5), .n_images = 9,
		    .predicted_inodes = { [0 ... 8] = 1 }, .trigger = TRIGGER_INODES),
		ROW("one inode is something", "abcdefghi", PARTIAL, NODE(500, 5), .n_images = 9,
		    .predicted_inodes = { [0 ... 8] = 5 }, .gain_inodes = { [0 ... 8] = 1 },
		    .trigger = TRIGGER_INODES),
		ROW("bytes are met, then inodes free nothing", "abcdefg", PARTIAL, NODE(200, 10),
		    .n_images = 9, .predicted = { [0 ... 8] = 100 }, .gain = { [0 ... 8] = 100 },
		    .predicted_inodes = { [0 ... 8] = 5 }),
	};
	play_rows(rows, ELEMENTS(rows));
}

/* Goals of eviction thresholds, each worth it or not by itself. */
static void eviction(void **state)
{
	(void)state;
	static const struct script rows[] = {
		ROW("not high, but a threshold is in force", "ab", REACHED, NODE(300, 50),
		    ALIKE(9, 100), .hard = { 400, 500 }),
		ROW("a soft one alike", "ab", REACHED, NODE(300, 50), ALIKE(9, 100),
		    .soft = { 400, 500 }),
		ROW("its minimum reclaim goes further than the low threshold", "abcd", REACHED,
		    NODE(100, 50), ALIKE(9, 100), .hard = { 150, 500 }),
		ROW("the low threshold goes further", "abc", REACHED, NODE(100, 50), ALIKE(9, 100),
		    .hard = { 150, 200 }),
		ROW("it was cleared since", "", NOTHING_TO_DO, NODE(500, 50), ALIKE(9, 100),
		    .hard = { 400, 500 }),
		ROW("its minimum reclaim is still missing", "a", REACHED, NODE(499, 50),
		    ALIKE(9, 100), .hard = { 400, 500 }),
		ROW("the high one is hopeless, the hard one is not", "a", PARTIAL, NODE(90, 50),
		    ALIKE(2, 50), .hard = { 110, 110 }),
		ROW("and to its minimum reclaim, as far as there is something", "ab", PARTIAL,
		    NODE(90, 50), ALIKE(2, 50), .hard = { 110, 200 }),
		ROW("all are hopeless", "", FUTILE, NODE(90, 50), ALIKE(2, 50),
		    .soft = { 200, 200 }, .hard = { 191, 191 }),
		ROW("only the minimum reclaim is hopeless, and all that is missing", "", FUTILE,
		    NODE(300, 50), ALIKE(2, 50), .hard = { 250, 450 }),
		ROW("hopeless, but proceed", "ab", FUTILE, NODE(90, 50), ALIKE(2, 50),
		    .hard = { 200, 200 }, .proceed = true),
		ROW("soft is hopeless, hard is not", "a", PARTIAL, NODE(90, 50), ALIKE(2, 50),
		    .soft = { 200, 200 }, .hard = { 100, 120 }),
		ROW("a hard one is hopeless, that of another role is not", "a", PARTIAL,
		    NODE(90, 50), ALIKE(2, 50), .hard = { 200, 200 }, .hard_nodefs = { 100, 120 }),
		ROW("both can be cleared", "ab", REACHED, NODE(500, 50), ALIKE(9, 50),
		    .hard = { 550, 600 }, .hard_nodefs = { 520, 530 }),
		ROW("inodes", "ab", REACHED, NODE(500, 20), ALIKE(5, 10),
		    .predicted_inodes = { 3, 3, 3, 3, 3 }, .gain_inodes = { 3, 3, 3, 3, 3 },
		    .hard_inodes = { 21, 26 }, .trigger = TRIGGER_INODES),
		ROW("a wish is for itself", "a", REACHED, NODE(300, 50), ALIKE(9, 100),
		    .hard = { 600, 600 }, .trigger = TRIGGER_MANUAL, .to_percent = 60),
		ROW("a manual pass meets them, too", "abc", REACHED, NODE(300, 50), ALIKE(9, 100),
		    .hard = { 600, 600 }, .trigger = TRIGGER_MANUAL),
	};
	play_rows(rows, ELEMENTS(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_the_target),
		cmocka_unit_test(inodes),
		cmocka_unit_test(manual),
		cmocka_unit_test(manual_to_nothing),
		cmocka_unit_test(age),
		cmocka_unit_test(futility),
		cmocka_unit_test(eviction),
	};
	return cmocka_run_group_tests_name("reclaim", tests, NULL, NULL);
}
