/* SPDX-License-Identifier: Apache-2.0 */
/* The reporter on a virtual clock, against a server that is a table in here. */
#include "random.h"
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kube/reporter.h"

#define START	   (100 * USEC_PER_HOUR)
#define WALL	   ((int64_t)1767323045000000)
#define wall_of(t) (WALL + (t)-START)

/* What a server would keep, found by the path of its series. */
struct server_event {
	char path[400];
	enum occurrence reason;
	enum fs_role filesystem;
	uint64_t count;
	int64_t last_wall;
};

static struct {
	struct reporter r;
	struct random random;
	usec_t now;
	int result; /* of all requests; 0: the server works */
	bool loses; /* but some of its answers are lost */
	struct server_event events[5000];
	size_t n_events;
	unsigned requests, n_facts;
	usec_t at[20000];
	/* the last fact about each */
	enum occurrence last[_ROLE_MAX];
	int64_t last_wall[_ROLE_MAX];
	bool any[_ROLE_MAX];
} world;

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.random = random_start("reporter");
	world.now = START;
	reporter_init(&world.r, "node-a", "no", START, 0);
	return 0;
}

static void happens(enum occurrence reason, enum fs_role filesystem, bool repeat)
{
	const struct event_fact fact = {
		.reason = reason,
		.filesystem = filesystem,
		.repeat = repeat,
		.note = "note",
		.wall_usec = wall_of(world.now),
	};
	event_queue_add(&world.r.events, &fact, world.now, random_next(&world.random));
	world.n_facts++;
	world.last[filesystem] = reason;
	world.last_wall[filesystem] = fact.wall_usec;
	world.any[filesystem] = true;
}

static const char *text_at(const char *json, const char *key)
{
	const char *at = strstr(json, key);
	assert_non_null(at);
	return at + strlen(key);
}

static uint64_t number_at(const char *json, const char *key)
{
	const char *at = strstr(json, key);
	uint64_t n = 0;
	for (at = at ? at + strlen(key) : ""; *at >= '0' && *at <= '9'; at++)
		n = 10 * n + (uint64_t)(*at - '0');
	return n;
}

static struct server_event *event_of(const char *path)
{
	for (size_t i = 0; i < world.n_events; i++)
		if (strcmp(world.events[i].path, path) == 0)
			return &world.events[i];
	return NULL;
}

static int serve(const struct reporter_request *request)
{
	const struct event_slot *s = world.r.events.flight.slot;
	uint64_t count = number_at(request->call.body, "\"count\":");
	struct server_event *e;
	if (request->kind == REPORTER_EVENT_SERIES) {
		e = event_of(request->path);
		if (!e)
			return -ENOENT;
		assert_in_range(count, e->count, UINT32_MAX);
	} else {
		char path[sizeof(e->path)];
		const char *name = text_at(request->call.body, "\"name\":\"");
		(void)snprintf(path, sizeof(path), EVENTS_PATH "/%.*s", (int)strcspn(name, "\""),
			       name);
		if (event_of(path))
			return -EEXIST;
		assert_in_range(world.n_events, 0, ELEMENTS(world.events) - 1);
		e = &world.events[world.n_events++];
		memcpy(e->path, path, sizeof(path));
		e->reason = s->reason;
		e->filesystem = s->filesystem;
	}
	e->count = count > 0 ? count : 1;
	e->last_wall = s->last_wall_usec;
	return 0;
}

/* Any, where the server answered. */
static long status_of(int result)
{
	return result == -ECONNREFUSED || result == -ECONNRESET || result == -E2BIG ||
			       result == -ETIMEDOUT || result == -ECANCELED
		       ? 0
		       : 999;
}

/* Makes what requests are due until then. */
static void run_until(usec_t until)
{
	usec_t at;
	while ((at = reporter_next(&world.r, world.now)) <= until) {
		world.now = at;
		struct reporter_request *request =
			reporter_begin(&world.r, world.now, wall_of(world.now));
		assert_non_null(request);
		assert_null(reporter_begin(&world.r, world.now, wall_of(world.now)));
		assert_int_equal(reporter_next(&world.r, world.now), USEC_INFINITY);
		int result = world.result ? world.result : serve(request);
		if (world.loses && random_once_in(&world.random, 3))
			result = -ECONNRESET;
		const struct kube_answer answer = { .status = status_of(result) };
		world.at[world.requests++] = world.now;
		reporter_end(&world.r, request, result, &answer, world.now,
			     random_next(&world.random));
		reporter_request_free(request);
	}
	world.now = until;
}

static const struct server_event *newest(enum fs_role filesystem)
{
	const struct server_event *found = NULL;
	for (size_t i = 0; i < world.n_events; i++)
		if (world.events[i].filesystem == filesystem &&
		    (!found || world.events[i].last_wall > found->last_wall))
			found = &world.events[i];
	return found;
}

static void assert_last_states_are_known(void)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct server_event *e = newest(role);
		if (!world.any[role])
			continue;
		assert_true(e && e->reason == world.last[role] &&
			    e->last_wall == world.last_wall[role]);
	}
}

static uint64_t sum(const uint64_t counts[_OCCURRENCE_MAX])
{
	uint64_t n = 0;
	for (int i = 0; i < _OCCURRENCE_MAX; i++)
		n += counts[i];
	return n;
}

static void idle_is_silent(void **state)
{
	(void)state;
	run_until(START + 1000 * USEC_PER_HOUR);
	assert_int_equal(world.requests, 0);
}

static void a_reclaim_is_two_events(void **state)
{
	(void)state;
	happens(OCCURRENCE_RECLAIM_STARTED, ROLE_IMAGEFS, false);
	run_until(world.now + USEC_PER_SEC);
	happens(OCCURRENCE_RECLAIMED, ROLE_IMAGEFS, false);
	run_until(world.now + 5 * USEC_PER_SEC);
	assert_int_equal(world.n_events, 2);
	assert_int_equal(world.events[0].reason, OCCURRENCE_RECLAIM_STARTED);
	assert_int_equal(world.events[1].reason, OCCURRENCE_RECLAIMED);
	assert_int_equal(world.requests, 2);
}

/* The server is away for an hour while the node has a bad time: the last states are known afterwards,
 * and it takes few requests. */
static void an_outage_of_an_hour(void **state)
{
	(void)state;
	world.result = -ECONNREFUSED;
	for (int minute = 0; minute < 60; minute++) {
		happens(OCCURRENCE_RECLAIM_STARTED, ROLE_IMAGEFS, false);
		happens(minute % 2 ? OCCURRENCE_RECLAIMED : OCCURRENCE_RECLAIM_PARTIAL,
			ROLE_IMAGEFS, false);
		if (minute == 10)
			happens(OCCURRENCE_FILESYSTEM_STUCK, ROLE_NODEFS, false);
		run_until(world.now + USEC_PER_MINUTE);
	}
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	unsigned meanwhile = world.requests;
	/* Full jitter halves the pause on average: no more than twice a steady try each 2.5 minutes. */
	assert_in_range(meanwhile, 5, 70);
	world.result = 0;
	run_until(world.now + 2 * BACKOFF_MAX);
	assert_last_states_are_known();
	const struct server_event *stuck = newest(ROLE_NODEFS);
	assert_true(stuck && stuck->reason == OCCURRENCE_FILESYSTEM_STUCK);
	assert_in_range(world.requests - meanwhile, 5, 6);
	assert_int_equal(sum(world.r.events.told), world.n_facts);
	run_until(world.now + 100 * USEC_PER_HOUR);
	assert_in_range(world.requests - meanwhile, 5, 6);
}

/* After half a day only what still matters is told. */
static void an_outage_of_half_a_day(void **state)
{
	(void)state;
	world.result = -ETIMEDOUT;
	happens(OCCURRENCE_RECLAIM_STARTED, ROLE_IMAGEFS, false);
	happens(OCCURRENCE_RECLAIM_PARTIAL, ROLE_IMAGEFS, false);
	run_until(world.now + 5 * USEC_PER_HOUR);
	happens(OCCURRENCE_RECLAIM_STARTED, ROLE_IMAGEFS, false);
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	run_until(world.now + 7 * USEC_PER_HOUR);
	world.result = 0;
	run_until(world.now + 2 * BACKOFF_MAX);
	assert_last_states_are_known();
	assert_int_equal(world.n_events, 1);
	assert_int_equal(sum(world.r.events.told) + sum(world.r.events.dropped), world.n_facts);
}

/* Each request about events counts, also one that fails. */
static void assert_limit_holds(void)
{
	for (unsigned i = 0; i < world.requests; i++) {
		for (unsigned j = i + 1; j < world.requests && j < i + 400; j++) {
			usec_t period = world.at[j] - world.at[i];
			unsigned most = (unsigned)(RATE_BURST + (_OCCURRENCE_MAX +
								 1) * (period / RATE_INTERVAL + 1));
			assert_in_range(j - i + 1, 1, most);
		}
	}
}

static const int failures[] = { -ECONNREFUSED, -ETIMEDOUT, -EAGAIN, -EREMOTEIO, -EACCES,
				-EPERM,	       -EBADMSG,   -E2BIG,  -ESTALE,	-ENOENT };

/* Any weather: the limit holds, nothing is lost uncounted, and in the end the last states are known. */
static void storms(void **state)
{
	static const enum occurrence reclaim[] = { OCCURRENCE_RECLAIM_STARTED, OCCURRENCE_RECLAIMED,
						   OCCURRENCE_RECLAIM_PARTIAL,
						   OCCURRENCE_RECLAIM_FUTILE,
						   OCCURRENCE_RECLAIM_FAILED };
	for (int round = 0; round < 30; round++) {
		set_up(state);
		uint64_t pace = 1 + random_below(&world.random, 40);
		for (int i = 0; i < 1500; i++) {
			uint64_t what = random_below(&world.random, 100);
			if (what < 70)
				happens(reclaim[random_below(&world.random, ELEMENTS(reclaim))],
					(enum fs_role)random_below(&world.random, _ROLE_MAX),
					random_once_in(&world.random, 3));
			else if (what < 75)
				world.result =
					failures[random_below(&world.random, ELEMENTS(failures))];
			else if (what < 85)
				world.result = 0;
			else if (what < 86)
				world.loses = !world.loses;
			else if (what < 87)
				world.n_events = 0; /* it keeps them for so long only */
			run_until(world.now +
				  (usec_t)random_below(&world.random, pace) * USEC_PER_SEC);
		}
		assert_limit_holds();
		world.result = 0;
		world.loses = false;
		run_until(world.now + USEC_PER_HOUR);
		for (int role = 0; role < _ROLE_MAX; role++)
			happens(OCCURRENCE_RECLAIM_FUTILE, role, false);
		run_until(world.now + USEC_PER_HOUR);
		assert_last_states_are_known();
		assert_int_equal(sum(world.r.events.told) + sum(world.r.events.dropped),
				 world.n_facts);
		assert_int_equal(reporter_next(&world.r, world.now), USEC_INFINITY);
	}
}

static void refused_events_are_not_tried_again(void **state)
{
	(void)state;
	world.result = -EINVAL;
	happens(OCCURRENCE_RECLAIM_STARTED, ROLE_IMAGEFS, false);
	happens(OCCURRENCE_RECLAIMED, ROLE_IMAGEFS, false);
	run_until(world.now + USEC_PER_HOUR);
	assert_int_equal(world.requests, 2);
	assert_int_equal(sum(world.r.events.dropped), 2);
}

static void what_is_forbidden_is_tried_seldom(void **state)
{
	(void)state;
	world.result = -EPERM;
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	run_until(world.now + USEC_PER_HOUR);
	assert_in_range(world.requests, 6, 13);
	world.result = 0;
	run_until(world.now + 2 * BACKOFF_PEOPLE);
	assert_last_states_are_known();
}

static void an_answer_that_was_lost(void **state)
{
	(void)state;
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	usec_t at = reporter_next(&world.r, world.now);
	struct reporter_request *request = reporter_begin(&world.r, at, wall_of(at));
	assert_int_equal(serve(request), 0);
	reporter_end(&world.r, request, -ECONNRESET, &(struct kube_answer){ 0 }, at, 0);
	reporter_request_free(request);
	run_until(at + USEC_PER_MINUTE);
	assert_int_equal(world.n_events, 1);
	assert_int_equal(world.requests, 1);
	assert_int_equal(sum(world.r.events.told), 1);
}

/* The same, and the series began after the try that arrived. */
static void an_answer_that_was_lost_and_more(void **state)
{
	(void)state;
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	usec_t at = reporter_next(&world.r, world.now);
	struct reporter_request *request = reporter_begin(&world.r, at, wall_of(at));
	assert_int_equal(serve(request), 0);
	reporter_end(&world.r, request, -ECONNRESET, &(struct kube_answer){ 0 }, at, 0);
	reporter_request_free(request);
	world.now = at;
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	run_until(at + USEC_PER_MINUTE);
	assert_last_states_are_known();
	assert_int_equal(world.n_events, 1);
	assert_int_equal(world.events[0].count, 2);
	assert_int_equal(world.requests, 2);
	assert_int_equal(sum(world.r.events.told), 2);
}

/* --- the condition ------------------------------------------------------------------------------ */

static const char node_json[] =
	"{\"kind\":\"Node\",\"status\":{\"conditions\":[{\"type\":\"T\",\"status\":\"False\","
	"\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}";

/* The next request, answered so. */
static void answered_then(enum reporter_kind kind, int result, const char *contains,
			  uint64_t jitter)
{
	struct kube_answer answer = { .status = status_of(result),
				      .body = BUF_INIT(BUF_MAX_KUBE_ANSWER) };
	world.now = reporter_next(&world.r, world.now);
	struct reporter_request *request = reporter_begin(&world.r, world.now, wall_of(world.now));
	assert_non_null(request);
	assert_int_equal(request->kind, kind);
	assert_non_null(
		strstr(request->call.body ? request->call.body : request->call.path, contains));
	(void)buf_puts(&answer.body, node_json);
	reporter_end(&world.r, request, result, &answer, world.now, jitter);
	reporter_request_free(request);
	buf_done(&answer.body);
}

static void answered(enum reporter_kind kind, int result, const char *contains)
{
	answered_then(kind, result, contains, 0);
}

static const struct condition_state fine = { CONDITION_FALSE, "Fine", "fine" };
static const struct condition_state failing = { CONDITION_TRUE, "Bad", "bad" };

static void with_condition(void)
{
	reporter_init(&world.r, "node-a", "T", world.now, 0);
	condition_want(&world.r.condition, &fine, wall_of(world.now));
}

static void the_node_is_read_then_patched(void **state)
{
	(void)state;
	with_condition();
	answered(REPORTER_NODE_READ, 0, "/api/v1/nodes/node-a");
	answered(REPORTER_NODE_CONDITION, 0, "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"");
	/* nothing but heartbeats then */
	usec_t told = world.now;
	assert_int_equal(reporter_next(&world.r, world.now),
			 told + CONDITION_HEARTBEAT - CONDITION_JITTER);
	condition_want(&world.r.condition, &failing, wall_of(told));
	answered(REPORTER_NODE_CONDITION, 0, "\"status\":\"True\"");
	assert_int_equal(world.now, told + CONDITION_PAUSE);
}

static void a_node_that_may_not_be_read(void **state)
{
	(void)state;
	with_condition();
	answered(REPORTER_NODE_READ, -EPERM, "node-a");
	answered(REPORTER_NODE_CONDITION, 0, "\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"");
}

static void a_node_that_is_too_large(void **state)
{
	(void)state;
	with_condition();
	answered(REPORTER_NODE_READ, -E2BIG, "node-a");
	answered(REPORTER_NODE_CONDITION, 0, "\"T\"");
}

static void a_node_that_is_not_there(void **state)
{
	(void)state;
	with_condition();
	answered(REPORTER_NODE_READ, -ENOENT, "node-a");
	usec_t begun = world.now;
	answered(REPORTER_NODE_READ, 0, "node-a");
	assert_in_range(world.now - begun, BACKOFF_PEOPLE, 2 * BACKOFF_PEOPLE);
	answered(REPORTER_NODE_CONDITION, -ENOENT, "\"T\"");
	begun = world.now;
	answered(REPORTER_NODE_CONDITION, 0, "\"T\"");
	assert_in_range(world.now - begun, BACKOFF_PEOPLE, 2 * BACKOFF_PEOPLE);
}

/* What fails with the one does not hold up the other. */
static void rights_are_their_own(void **state)
{
	(void)state;
	with_condition();
	answered(REPORTER_NODE_READ, 0, "node-a");
	answered(REPORTER_NODE_CONDITION, -EPERM, "\"T\"");
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	usec_t begun = world.now;
	answered(REPORTER_EVENT_CREATE, -EPERM, "DiskReclaimFutile");
	assert_in_range(world.now - begun, 0, EVENT_SPREAD);
	assert_in_range(reporter_next(&world.r, world.now), begun + BACKOFF_PEOPLE,
			begun + 2 * BACKOFF_PEOPLE);
}

static void cancelled_is_no_failure(void **state)
{
	(void)state;
	with_condition();
	answered_then(REPORTER_NODE_READ, -ECANCELED, "node-a", 12345);
	usec_t begun = world.now;
	answered(REPORTER_NODE_READ, 0, "node-a");
	assert_int_equal(world.now, begun);
}

/* Once it works, the next failure is the first one again. */
static void success_ends_the_backoff(void **state)
{
	(void)state;
	const uint64_t whole_pause = (uint64_t)BACKOFF_FIRST;
	with_condition();
	for (int i = 0; i < 5; i++)
		answered(REPORTER_NODE_READ, -EAGAIN, "node-a");
	answered(REPORTER_NODE_READ, 0, "node-a");
	/* one more than the longest pause is the shortest */
	answered_then(REPORTER_NODE_CONDITION, -EAGAIN, "\"T\"", whole_pause + 1);
	usec_t begun = world.now;
	answered_then(REPORTER_NODE_CONDITION, -EAGAIN, "\"T\"", whole_pause + 1);
	assert_int_equal(world.now, begun);
	answered(REPORTER_NODE_CONDITION, 0, "\"T\"");
	assert_int_equal(world.now - begun, BACKOFF_FIRST + 1);
}

static void verdicts(void **state)
{
	(void)state;
	enum { CREATE, SERIES, READ, CONDITION };
	static const struct {
		int result;
		enum reporter_verdict verdict[4];
	} rows[] = {
		{ 0, { REPORTER_DONE, REPORTER_DONE, REPORTER_DONE, REPORTER_DONE } },
		{ -EEXIST, { REPORTER_THERE, REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN } },
		{ -ENOENT, { REPORTER_PEOPLE, REPORTER_GONE, REPORTER_PEOPLE, REPORTER_PEOPLE } },
		{ -ESTALE, { REPORTER_AGAIN, REPORTER_GONE, REPORTER_AGAIN, REPORTER_AGAIN } },
		{ -EINVAL, { REPORTER_NEVER, REPORTER_NEVER, REPORTER_PEOPLE, REPORTER_PEOPLE } },
		{ -EPERM, { REPORTER_PEOPLE, REPORTER_PEOPLE, REPORTER_DONE, REPORTER_PEOPLE } },
		{ -EACCES, { REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN } },
		{ -EAGAIN, { REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN } },
		{ -EREMOTEIO, { REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN } },
		{ -ECONNREFUSED,
		  { REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN } },
		{ -EKEYREJECTED,
		  { REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN } },
		{ -EBADMSG, { REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN, REPORTER_AGAIN } },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		for (int kind = CREATE; kind <= CONDITION; kind++)
			if (reporter_judge((enum reporter_kind)kind, rows[i].result, true) !=
			    rows[i].verdict[kind])
				fail_msg("kind %d, %s", kind, strerror(-rows[i].result));
	/* what a file of ours came to says nothing about the server's objects */
	for (int kind = CREATE; kind <= CONDITION; kind++)
		for (size_t i = 1; i < ELEMENTS(rows); i++)
			assert_int_equal(
				reporter_judge((enum reporter_kind)kind, rows[i].result, false),
				REPORTER_AGAIN);
}

static void the_longest_names_fit(void **state)
{
	(void)state;
	char node[NODE_NAME_MAX];
	memset(node, 'n', sizeof(node) - 1);
	node[sizeof(node) - 1] = '\0';
	reporter_init(&world.r, node, "T", world.now, 0);
	condition_want(&world.r.condition, &fine, wall_of(world.now));
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	answered(REPORTER_NODE_READ, 0, node);
	answered(REPORTER_NODE_CONDITION, 0, "\"T\"");
	answered(REPORTER_EVENT_CREATE, 0, node);
	happens(OCCURRENCE_RECLAIM_FUTILE, ROLE_IMAGEFS, false);
	world.now = reporter_next(&world.r, world.now);
	struct reporter_request *request = reporter_begin(&world.r, world.now, wall_of(world.now));
	assert_int_equal(strlen(request->path), strlen(EVENTS_PATH) + 1 + 253);
	reporter_request_free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(idle_is_silent, set_up),
		cmocka_unit_test_setup(a_reclaim_is_two_events, set_up),
		cmocka_unit_test_setup(an_outage_of_an_hour, set_up),
		cmocka_unit_test_setup(an_outage_of_half_a_day, set_up),
		cmocka_unit_test_setup(storms, set_up),
		cmocka_unit_test_setup(refused_events_are_not_tried_again, set_up),
		cmocka_unit_test_setup(what_is_forbidden_is_tried_seldom, set_up),
		cmocka_unit_test_setup(an_answer_that_was_lost, set_up),
		cmocka_unit_test_setup(an_answer_that_was_lost_and_more, set_up),
		cmocka_unit_test_setup(the_node_is_read_then_patched, set_up),
		cmocka_unit_test_setup(a_node_that_may_not_be_read, set_up),
		cmocka_unit_test_setup(a_node_that_is_too_large, set_up),
		cmocka_unit_test_setup(a_node_that_is_not_there, set_up),
		cmocka_unit_test_setup(rights_are_their_own, set_up),
		cmocka_unit_test_setup(cancelled_is_no_failure, set_up),
		cmocka_unit_test_setup(success_ends_the_backoff, set_up),
		cmocka_unit_test_setup(verdicts, set_up),
		cmocka_unit_test_setup(the_longest_names_fit, set_up),
	};
	return cmocka_run_group_tests_name("reporter", tests, NULL, NULL);
}
