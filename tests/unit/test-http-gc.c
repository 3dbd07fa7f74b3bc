/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* POST /gc: a request whose answer comes later, and what may happen until then. */

static void test_gc_at_once(void **state)
{
	struct fixture *f = *state;
	f->gc_at_once = true;
	const char *reply = ask(f, true, GC);
	assert_int_equal(status_of(reply), 200);
	assert_contains(reply, "Content-Type: application/json\r\n");
	assert_string_equal(body_of(reply), "[]");
	assert_string_equal(f->gc_body, "{}");
}

static void test_gc_refused(void **state)
{
	static const struct {
		int error, status;
	} rows[] = { { EINVAL, 400 }, { EBUSY, 409 }, { EIO, 503 }, { ENOENT, 503 } };
	struct fixture *f = *state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		f->gc_error = rows[i].error;
		const char *reply = ask(f, true, GC);
		assert_int_equal(status_of(reply), rows[i].status);
		assert_string_equal(body_of(reply), "refused\n");
	}
}

static int gc_start(struct fixture *f)
{
	int fd = client_connect(f, true);
	client_send(f, fd, GC, strlen(GC));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	assert_non_null(f->held);
	return fd;
}

/* A pass may take longer than any limit of the server. */
static void test_gc_later(void **state)
{
	static const struct http_limits limits = { .connections = 4,
						   .idle_seconds = 1,
						   .request_seconds = 1 };
	struct fixture *f = *state;
	char reply[1024];
	fixture_restart(f, &limits);
	cleanup_close int fd = gc_start(f);
	assert_true(wake_ups(f, 2500 * USEC_PER_MSEC) <= 3);
	assert_int_equal(recv(fd, reply, sizeof(reply), MSG_DONTWAIT), -1);
	/* others are served meanwhile */
	assert_int_equal(status_of(ask(f, true, "GET /metrics HTTP/1.1\r\n" END)), 200);
	http_request_complete(take_ptr(f->held), 200, "application/json", "{\"passes\":[]}", 13);
	assert_true(client_receive(f, fd, reply, sizeof(reply), USEC_PER_SEC) > 0);
	assert_int_equal(status_of(reply), 200);
	assert_string_equal(body_of(reply), "{\"passes\":[]}");
}

static void test_gc_client_gone(void **state)
{
	struct fixture *f = *state;
	close(gc_start(f));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	http_request_complete(take_ptr(f->held), 200, "application/json", "{}", 2);
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	assert_int_equal(status_of(ask(f, true, "GET /metrics HTTP/1.1\r\n" END)), 200);
	assert_int_equal(wake_ups(f, 300 * USEC_PER_MSEC), 0);
}

static void test_gc_server_gone(void **state)
{
	struct fixture *f = *state;
	char reply[1024];
	cleanup_close int fd = gc_start(f);
	usec_t before = clock_now();
	f->server = http_server_free(f->server);
	assert_true(clock_now() - before < USEC_PER_SEC);
	assert_true(client_receive(f, fd, reply, sizeof(reply), USEC_PER_SEC) > 0);
	assert_int_equal(status_of(reply), 503);
	assert_string_equal(body_of(reply), "the agent is stopping\n");
	http_request_complete(take_ptr(f->held), 200, "application/json", "{}", 2);
}

/* An answer that was given right before the end still goes out. */
static void test_gc_answered_then_server_gone(void **state)
{
	struct fixture *f = *state;
	char reply[1024];
	cleanup_close int fd = gc_start(f);
	http_request_complete(take_ptr(f->held), 200, "application/json", "{}", 2);
	f->server = http_server_free(f->server);
	assert_true(client_receive(f, fd, reply, sizeof(reply), USEC_PER_SEC) > 0);
	assert_int_equal(status_of(reply), 200);
}

/* A client that reads nothing holds the end up for a second at most. */
static void test_end_with_stuck_client(void **state)
{
	struct fixture *f = *state;
	f->status_bytes = 8 * 1024 * 1024;
	cleanup_close int fd = client_connect(f, true);
	client_send(f, fd, "GET /status HTTP/1.1\r\n" END, strlen("GET /status HTTP/1.1\r\n" END));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	usec_t before = clock_now();
	f->server = http_server_free(f->server);
	assert_true(clock_now() - before < 2 * USEC_PER_SEC);
}

static void test_no_gc_handler(void **state)
{
	struct fixture *f = *state;
	f->handlers.gc = NULL;
	assert_int_equal(status_of(ask(f, true, GC)), 404);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_gc_at_once),
		TEST(test_gc_refused),
		TEST(test_gc_later),
		TEST(test_gc_client_gone),
		TEST(test_gc_server_gone),
		TEST(test_gc_answered_then_server_gone),
		TEST(test_end_with_stuck_client),
		TEST(test_no_gc_handler),
	};
	return cmocka_run_group_tests_name("http-gc", tests, NULL, NULL);
}
