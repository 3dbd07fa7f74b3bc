/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kube/condition.h"
#include "util/limits.h"

#define TYPE  "DiskReclaimFailing"
#define START (3 * USEC_PER_HOUR)
#define WALL  ((int64_t)1767323045000006) /* 2026-01-02T03:04:05 */

static const struct condition_state fine = { CONDITION_FALSE, "ReclaimWorks", "fine" };
static const struct condition_state failing = { CONDITION_TRUE, "ReclaimFutile", "futile" };
static const struct condition_state failing_otherwise = { CONDITION_TRUE, "ReclaimFailed",
							  "failed" };

/* Told once, at START. */
static struct condition told_condition(void)
{
	struct condition c;
	condition_init(&c, TYPE, START, 0);
	condition_want(&c, &fine, WALL);
	assert_int_equal(condition_read(&c, NULL, 0, NULL), 0);
	condition_told(&c, &fine, START, 0);
	return c;
}

static void none(void **state)
{
	(void)state;
	struct condition c;
	condition_init(&c, "no", START, 0);
	condition_want(&c, &fine, WALL);
	assert_int_equal(condition_next(&c, START), USEC_INFINITY);
}

static void nothing_is_said_before_something_is_known(void **state)
{
	(void)state;
	struct condition c;
	condition_init(&c, TYPE, START, (uint64_t)CONDITION_SPREAD);
	assert_int_equal(condition_next(&c, START), USEC_INFINITY);
	condition_want(&c, &fine, WALL);
	assert_int_equal(condition_next(&c, START), START + CONDITION_SPREAD);
	assert_int_equal(condition_next(&c, START + USEC_PER_MINUTE), START + USEC_PER_MINUTE);
}

static void heartbeats(void **state)
{
	(void)state;
	struct condition c = told_condition();
	assert_int_equal(condition_next(&c, START), START + CONDITION_HEARTBEAT - CONDITION_JITTER);
	condition_told(&c, &fine, START, (uint64_t)(2 * CONDITION_JITTER));
	assert_int_equal(condition_next(&c, START), START + CONDITION_HEARTBEAT + CONDITION_JITTER);
	/* The same again changes nothing. */
	condition_want(&c, &fine, WALL + USEC_PER_MINUTE);
	assert_int_equal(condition_next(&c, START), START + CONDITION_HEARTBEAT + CONDITION_JITTER);
	assert_int_equal(c.transition_wall_usec, WALL);
}

static void changes(void **state)
{
	(void)state;
	struct condition c = told_condition();
	/* not at once after the last time */
	condition_want(&c, &failing, WALL + 5 * USEC_PER_SEC);
	assert_int_equal(condition_next(&c, START + 5 * USEC_PER_SEC), START + CONDITION_PAUSE);
	/* and not at all when it is over by then */
	condition_want(&c, &fine, WALL + 6 * USEC_PER_SEC);
	assert_int_equal(condition_next(&c, START + 6 * USEC_PER_SEC),
			 START + CONDITION_HEARTBEAT - CONDITION_JITTER);
	/* later at once */
	usec_t later = START + USEC_PER_MINUTE;
	condition_want(&c, &failing, WALL + USEC_PER_MINUTE);
	assert_int_equal(condition_next(&c, later), later);
	assert_int_equal(c.transition_wall_usec, WALL + USEC_PER_MINUTE);
	condition_told(&c, &failing, later, 0);
	/* Another reason is a change, but no transition. */
	condition_want(&c, &failing_otherwise, WALL + 5 * USEC_PER_MINUTE);
	assert_int_equal(condition_next(&c, later), later + CONDITION_PAUSE);
	assert_int_equal(c.transition_wall_usec, WALL + USEC_PER_MINUTE);
	/* What changed while it was told is told afterwards. */
	condition_told(&c, &failing, later, 0);
	assert_int_equal(condition_next(&c, later), later + CONDITION_PAUSE);
}

static void as_json(void **state)
{
	(void)state;
	struct condition c = told_condition();
	condition_want(&c, &failing, WALL + 60 * USEC_PER_SEC);
	struct buf out = BUF_INIT(BUF_MAX_KUBE_BODY);
	condition_json(&c, WALL + 90 * USEC_PER_SEC, &out);
	assert_string_equal(
		buf_string(&out),
		"{\"status\":{\"conditions\":[{\"type\":\"DiskReclaimFailing\",\"status\":\"True\","
		"\"reason\":\"ReclaimFutile\",\"message\":\"futile\","
		"\"lastHeartbeatTime\":\"2026-01-02T03:05:35Z\","
		"\"lastTransitionTime\":\"2026-01-02T03:05:05Z\"}]}}");
	buf_done(&out);
}

#define NODE(conditions) "{\"kind\":\"Node\",\"status\":{\"conditions\":[" conditions "]}}"
#define OTHERS                                           \
	"5,{},{\"type\":\"Ready\",\"status\":\"False\"," \
	"\"lastTransitionTime\":\"2020-01-01T00:00:00Z\"}"
#define OURS(status, time)                                                                        \
	"{\"type\":\"DiskReclaimFailing\",\"status\":\"" status "\",\"lastTransitionTime\":" time \
	"}"

/* A restart of the agent is no transition. */
static void what_the_server_has(void **state)
{
	(void)state;
	static const struct {
		const char *node;
		int result;
		int64_t transition; /* in seconds; 0: now */
	} rows[] = {
		{ NODE(OTHERS "," OURS("False", "\"2026-01-01T00:00:00Z\"")), 0, 1767225600 },
		{ NODE(OURS("True", "\"2026-01-01T00:00:00Z\"")), 0, 0 },
		{ NODE(OURS("False", "\"2027-01-01T00:00:00Z\"")), 0, 0 }, /* a clock is wrong */
		{ NODE(OURS("False", "\"yesterday\"")), 0, 0 },
		{ NODE(OURS("False", "\"2026-01-01T00:00:00Z and more\"")), 0, 0 },
		{ NODE(OURS("False", "null")), 0, 0 },
		{ NODE(OURS("False", "7")), 0, 0 },
		{ NODE(OTHERS), 0, 0 },
		{ NODE(""), 0, 0 },
		{ "{\"kind\":\"Node\"}", 0, 0 },
		{ "{\"status\":{\"conditions\":{}}}", 0, 0 },
		{ "[]", 0, 0 },
		{ "", -EBADMSG, 0 },
		{ "<html>", -EBADMSG, 0 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct condition c;
		struct err e = { 0 };
		condition_init(&c, TYPE, START, 0);
		condition_want(&c, &fine, WALL);
		int r = condition_read(&c, rows[i].node, strlen(rows[i].node), &e);
		int64_t expected = rows[i].transition ? rows[i].transition * USEC_PER_SEC : WALL;
		if (r != rows[i].result || c.transition_wall_usec != expected)
			fail_msg("%s: %d, %lld", rows[i].node, r,
				 (long long)c.transition_wall_usec);
		assert_true(c.read);
	}
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	struct condition c;
	char type[400];
	memset(type, 'a', sizeof(type) - 1);
	type[sizeof(type) - 1] = '\0';
	condition_init(&c, type, START, 0);
	assert_int_equal(strlen(c.type), CONDITION_TYPE_MAX - 1);
}

static void judged(void **state)
{
	(void)state;
	static const struct {
		struct condition_facts facts;
		enum condition_status status;
		const char *reason;
	} rows[] = {
		{ { .sampled = false }, CONDITION_UNKNOWN, "NotSampled" },
		{ { .pressure = true, .pass = true, .futile = true },
		  CONDITION_UNKNOWN,
		  "NotSampled" },
		{ { .sampled = true }, CONDITION_FALSE, "ReclaimWorks" },
		{ { .sampled = true, .pressure = true }, CONDITION_FALSE, "ReclaimWorks" },
		{ { .sampled = true, .pass = true, .futile = true },
		  CONDITION_FALSE,
		  "ReclaimWorks" },
		{ { .sampled = true, .pressure = true, .pass = true, .cleared = true },
		  CONDITION_FALSE,
		  "ReclaimWorks" },
		{ { .sampled = true, .pressure = true, .pass = true, .failed = true },
		  CONDITION_TRUE,
		  "ReclaimFailed" },
		{ { .sampled = true, .pressure = true, .pass = true, .futile = true },
		  CONDITION_TRUE,
		  "ReclaimFutile" },
		{ { .sampled = true, .pressure = true, .pass = true },
		  CONDITION_TRUE,
		  "ReclaimPartial" },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct condition_state s = { 0 };
		condition_judge(&rows[i].facts, &s);
		if (s.status != rows[i].status || strcmp(s.reason, rows[i].reason) != 0)
			fail_msg("row %zu: %s %s", i, condition_status_to_string(s.status),
				 s.reason);
		assert_true(strlen(s.message) > 20 &&
			    strlen(s.message) < CONDITION_MESSAGE_MAX - 1);
	}
	assert_string_equal(condition_status_to_string(CONDITION_UNKNOWN), "Unknown");
	assert_string_equal(condition_status_to_string(CONDITION_FALSE), "False");
	assert_string_equal(condition_status_to_string(CONDITION_TRUE), "True");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(nothing_is_said_before_something_is_known),
		cmocka_unit_test(heartbeats),
		cmocka_unit_test(changes),
		cmocka_unit_test(as_json),
		cmocka_unit_test(what_the_server_has),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(judged),
	};
	return cmocka_run_group_tests_name("condition", tests, NULL, NULL);
}
