/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "kube/event-note.h"

/* What people read, and what their tools compare. */

static void started(void **state)
{
	(void)state;
	static const struct {
		struct event_start start;
		const char *note;
	} rows[] = {
		{ { ROLE_IMAGEFS, TRIGGER_SPACE, PRESSURE_GC, 80, 75, false },
		  "imagefs: 80% of space used: unused images are removed until it is 75%" },
		{ { ROLE_IMAGEFS, TRIGGER_INODES, PRESSURE_GC, 90, 85, true },
		  "imagefs: 90% of inodes used: unused images are removed until it is 85% (dry run: "
		  "they stay)" },
		{ { ROLE_IMAGEFS, TRIGGER_SPACE, PRESSURE_HARD, 80, 75, false },
		  "imagefs: too little space left by a hard eviction threshold: unused images are removed" },
		{ { ROLE_NODEFS, TRIGGER_INODES, PRESSURE_SOFT, 80, 75, false },
		  "nodefs: too few inodes left by a soft eviction threshold: unused images are removed" },
		{ { ROLE_IMAGEFS, TRIGGER_AGE, PRESSURE_GC, 80, 75, false },
		  "imagefs: images are over the maximum age and are removed" },
	};
	char note[EVENT_NOTE_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_string_equal(event_note_started(&rows[i].start, note), rows[i].note);
}

static void ended(void **state)
{
	(void)state;
	static const struct {
		enum pass_result result;
		bool dry_run;
		const char *note;
	} rows[] = {
		{ RESULT_REACHED, false,
		  "imagefs: unused images were removed, the target is reached" },
		{ RESULT_REACHED, true,
		  "imagefs: removing unused images would reach the target (dry run)" },
		{ RESULT_PARTIAL, false,
		  "imagefs: unused images were removed, but the target is not reached" },
		{ RESULT_PARTIAL, true,
		  "imagefs: removing unused images would help, but not reach the target (dry run)" },
		{ RESULT_FUTILE, false,
		  "imagefs: all images that may be removed together would not relieve it: "
		  "something else fills it" },
		{ RESULT_ERROR, false, "imagefs: removing unused images failed: broken" },
		{ RESULT_NOTHING_TO_DO, false, "imagefs: nothing is to be done" },
	};
	char note[EVENT_NOTE_MAX];
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_string_equal(event_note_ended(ROLE_IMAGEFS, rows[i].result, rows[i].dry_run,
						     "broken", note),
				    rows[i].note);
}

static void others(void **state)
{
	(void)state;
	char note[EVENT_NOTE_MAX];
	assert_string_equal(
		event_note_pressure(ROLE_NODEFS, RESOURCE_BYTES, PRESSURE_HARD, true, false, note),
		"nodefs: hard pressure on bytes by the eviction threshold");
	assert_string_equal(
		event_note_pressure(ROLE_NODEFS, RESOURCE_INODES, PRESSURE_SOFT, true, true, note),
		"nodefs: soft pressure on inodes by the eviction threshold; there are "
		"no images on this filesystem to remove");
	assert_string_equal(
		event_note_pressure(ROLE_NODEFS, RESOURCE_BYTES, PRESSURE_HARD, false, false, note),
		"nodefs: hard pressure on bytes is over");
	assert_string_equal(event_note_stuck(ROLE_NODEFS, "/data", note),
			    "nodefs: statvfs of /data does not answer");
	assert_string_equal(event_note_filling(ROLE_IMAGEFS, 15, note),
			    "imagefs: will be full within 15 minutes even if all that is "
			    "reclaimable were removed");
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	char note[EVENT_NOTE_MAX], path[2 * EVENT_NOTE_MAX];
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(strlen(event_note_stuck(ROLE_NODEFS, path, note)), EVENT_NOTE_MAX - 1);
	assert_int_equal(strlen(event_note_ended(ROLE_NODEFS, RESULT_ERROR, true, path, note)),
			 EVENT_NOTE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(started),
		cmocka_unit_test(ended),
		cmocka_unit_test(others),
		cmocka_unit_test(long_texts_are_cut),
	};
	return cmocka_run_group_tests_name("event-note", tests, NULL, NULL);
}
