/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_MAX (16 * 1024 * 1024)

static void test_routes(void **state)
{
	static const struct {
		bool local;
		const char *request;
		int status;
		const char *header, *body;
	} rows[] = {
		{ false, "GET /metrics HTTP/1.1\r\n" END, 200,
		  "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", "text" },
		{ false, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n" END,
		  200,
		  "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
		  "openmetrics" },
		{ false, "GET /metrics?name[]=x HTTP/1.1\r\n" END, 200,
		  "Cache-Control: no-store\r\n", "text" },
		{ true, "GET /metrics HTTP/1.1\r\n" END, 200, "Content-Length: 4\r\n", "text" },
		{ false, "HEAD /metrics HTTP/1.1\r\n" END, 200, "Content-Length: 4\r\n", "" },
		{ false, "GET /metrics HTTP/1.0\r\n\r\n", 200, "", "text" },
		{ false, "GET /status HTTP/1.1\r\n" END, 200, "Content-Type: application/json\r\n",
		  "{}" },
		{ false, "GET /healthz HTTP/1.1\r\n" END, 200, "", "ok\n" },
		{ false, "GET /readyz HTTP/1.1\r\n" END, 200, "", "ok\n" },
		{ false, "GET / HTTP/1.1\r\n" END, 404, "", "not found\n" },
		{ false, "GET /metrics/ HTTP/1.1\r\n" END, 404, "", "not found\n" },
		{ false, "GET //metrics HTTP/1.1\r\n" END, 404, "", "not found\n" },
		{ false, "POST / HTTP/1.1\r\nContent-Length: 0\r\n" END, 404, "", "not found\n" },
		{ false, "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n" END, 405,
		  "Allow: GET, HEAD\r\n", "method not allowed\n" },
		{ false, "DELETE /metrics HTTP/1.1\r\n" END, 405, "Allow: GET, HEAD\r\n",
		  "method not allowed\n" },
		{ false, "OPTIONS /status HTTP/1.1\r\n" END, 405, "Allow: GET, HEAD\r\n",
		  "method not allowed\n" },
		{ false, "PUT /status HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405,
		  "Allow: GET, HEAD\r\n", "method not allowed\n" },
		{ false, "BREW /status HTTP/1.1\r\n" END, 405, "Allow: GET, HEAD\r\n",
		  "method not allowed\n" },
		{ false, GC, 404, "", "not found\n" },
		{ true, "GET /gc HTTP/1.1\r\n" END, 405, "Allow: POST\r\n",
		  "method not allowed\n" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		print_message("# row %zu\n", i);
		const char *reply = ask(f, rows[i].local, rows[i].request);
		assert_int_equal(status_of(reply), rows[i].status);
		assert_contains(reply, rows[i].header);
		assert_contains(reply, "Connection: close\r\n");
		assert_string_equal(body_of(reply), rows[i].body);
	}
	assert_int_equal(f->gc_calls, 0);
}

static void test_unhealthy(void **state)
{
	struct fixture *f = *state;
	f->healthy = false;
	const char *reply = ask(f, false, "GET /healthz HTTP/1.1\r\n" END);
	assert_int_equal(status_of(reply), 503);
	assert_string_equal(body_of(reply), "not sampled yet\n");
	assert_int_equal(status_of(ask(f, false, "GET /readyz HTTP/1.1\r\n" END)), 503);
	f->stuck = true;
	reply = ask(f, false, "GET /healthz HTTP/1.1\r\n" END);
	assert_string_equal(body_of(reply), "lane reclaim is stuck\nnot sampled yet\n");
	f->healthy = true;
	reply = ask(f, false, "GET /healthz HTTP/1.1\r\n" END);
	assert_int_equal(status_of(reply), 200);
	assert_string_equal(body_of(reply), "lane reclaim is stuck\n");
}

/* Whatever is sent, the next client is served. */
static void test_garbage(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} rows[] = {
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15 },
		{ "\0\0\0\0\r\n\r\n", 8 },
		{ "\r\n\r\n\r\n\r\n\r\n\r\nx\r\n\r\n", 17 },
		{ "GET\r\n\r\n", 7 },
		{ "GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", 34 },
		{ "GET /metrics HTTP/1.1\r\n: x\r\n\r\n", 30 },
		{ "GET /metrics HTTP/1.1\r\n\r\n", 25 },
		{ "POST /gc HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 50 },
		{ "POST /gc HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", 51 },
		{ "POST /gc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 61 },
	};
	static const struct http_limits limits = { .connections = 4,
						   .idle_seconds = 1,
						   .request_seconds = 2 };
	struct fixture *f = *state;
	fixture_restart(f, &limits);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		int status = status_of(exchange(f, true, rows[i].data, rows[i].len));
		print_message("# row %zu: %d\n", i, status);
		assert_true(status == 0 || (status >= 400 && status < 600));
		assert_int_equal(status_of(ask(f, true, "GET /metrics HTTP/1.1\r\n" END)), 200);
	}
	assert_int_equal(f->gc_calls, 0);
}

static void test_too_large(void **state)
{
	struct fixture *f = *state;
	size_t max = 256 * 1024;
	cleanup_free char *request = xcalloc(1, max);

	/* headers */
	int n = snprintf(request, max, "GET /metrics HTTP/1.1\r\nX: ");
	memset(request + n, 'x', 200 * 1024);
	memcpy(request + n + 200 * 1024, "\r\n" END, strlen("\r\n" END));
	int status = status_of(ask(f, true, request));
	assert_true(status == 0 || status == 413 || status == 431);

	/* the request line */
	memset(request, 'x', max - 1);
	memcpy(request, "GET /", 5);
	status = status_of(ask(f, true, request));
	assert_true(status == 0 || status == 413 || status == 414);

	/* a body that is announced is not waited for */
	assert_int_equal(status_of(ask(f, true,
				       "POST /gc HTTP/1.1\r\nHost: x\r\n"
				       "Content-Length: 9223372036854775807\r\n\r\n")),
			 413);

	/* one that comes all the same, and one that is not announced */
	n = snprintf(request, max, "POST /gc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
		     BUF_MAX_HTTP_BODY + 1);
	memset(request + n, ' ', BUF_MAX_HTTP_BODY + 1);
	request[n + BUF_MAX_HTTP_BODY + 1] = '\0';
	assert_int_equal(status_of(ask(f, true, request)), 413);
	n = snprintf(request, max,
		     "POST /gc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
		     BUF_MAX_HTTP_BODY + 1);
	memset(request + n, ' ', BUF_MAX_HTTP_BODY + 1);
	(void)snprintf(request + n + BUF_MAX_HTTP_BODY + 1, 16, "\r\n0\r\n\r\n");
	assert_int_equal(status_of(ask(f, true, request)), 413);

	/* one that does not end is cut off */
	n = snprintf(request, max,
		     "POST /gc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
		     200 * 1024);
	memset(request + n, ' ', 200 * 1024);
	request[n + 200 * 1024] = '\0';
	(void)ask(f, true, request);
	assert_int_equal(f->gc_calls, 0);

	/* as large as allowed */
	n = snprintf(request, max, "POST /gc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
		     BUF_MAX_HTTP_BODY);
	memset(request + n, ' ', BUF_MAX_HTTP_BODY);
	request[n + BUF_MAX_HTTP_BODY] = '\0';
	f->gc_at_once = true;
	assert_int_equal(status_of(ask(f, true, request)), 200);
	assert_int_equal(strlen(f->gc_body), BUF_MAX_HTTP_BODY);
}

/* Half a request and silence, then a byte now and then for ever. */
static void test_slow_clients(void **state)
{
	static const struct http_limits idle = { .connections = 4,
						 .idle_seconds = 1,
						 .request_seconds = 60 };
	static const struct http_limits request = { .connections = 4,
						    .idle_seconds = 60,
						    .request_seconds = 2 };
	struct fixture *f = *state;
	char reply[1024];
	fixture_restart(f, &idle);
	int silent = client_connect(f, false);
	client_send(f, silent, "GET /metr", 9);
	assert_true(wake_ups(f, 2500 * USEC_PER_MSEC) <= 6);
	assert_true(client_receive(f, silent, reply, sizeof(reply), USEC_PER_SEC) >= 0);
	close(silent);

	fixture_restart(f, &request);
	int trickling = client_connect(f, false);
	usec_t start = clock_now();
	ssize_t n = -1;
	while (n < 0 && clock_now() - start < 5 * USEC_PER_SEC) {
		client_send(f, trickling, "x", 1);
		n = client_receive(f, trickling, reply, sizeof(reply), 100 * USEC_PER_MSEC);
	}
	assert_true(n >= 0);
	assert_true(clock_now() - start >= 1500 * USEC_PER_MSEC);
	close(trickling);
}

static void test_connection_limit(void **state)
{
	struct fixture *f = *state;
	int fds[HTTP_MAX_CONNECTIONS];
	char reply[1024];
	for (size_t i = 0; i < ELEMENTS(fds); i++) {
		fds[i] = client_connect(f, false);
		client_send(f, fds[i], "GET ", 4);
	}
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	int late = client_connect(f, false);
	client_send(f, late, "GET /metrics HTTP/1.1\r\n" END,
		    strlen("GET /metrics HTTP/1.1\r\n" END));
	assert_int_equal(client_receive(f, late, reply, sizeof(reply), 200 * USEC_PER_MSEC), -1);
	/* it waits quietly, and the other listener is not concerned */
	assert_true(wake_ups(f, 500 * USEC_PER_MSEC) <= 2);
	assert_int_equal(status_of(ask(f, true, "GET /metrics HTTP/1.1\r\n" END)), 200);
	close(fds[0]);
	assert_true(client_receive(f, late, reply, sizeof(reply), 2 * USEC_PER_SEC) > 0);
	assert_int_equal(status_of(reply), 200);
	close(late);
	for (size_t i = 1; i < ELEMENTS(fds); i++)
		close(fds[i]);
}

static void test_idle_loop(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(wake_ups(f, 300 * USEC_PER_MSEC), 0);
	assert_int_equal(status_of(ask(f, false, "GET /metrics HTTP/1.1\r\n" END)), 200);
	(void)wake_ups(f, 100 * USEC_PER_MSEC);
	assert_int_equal(wake_ups(f, 1500 * USEC_PER_MSEC), 0);
	/* a connected client that says nothing costs nothing either until its time is over */
	cleanup_close int fd = client_connect(f, false);
	(void)wake_ups(f, 100 * USEC_PER_MSEC);
	assert_int_equal(wake_ups(f, 1500 * USEC_PER_MSEC), 0);
}

/* Three scrapes are a handful of wake-ups, not a busy loop. */
static void test_scrape_wake_ups(void **state)
{
	struct fixture *f = *state;
	uint64_t before, after;
	assert_true(sd_event_get_iteration(f->event, &before) >= 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(status_of(ask(f, false, "GET /metrics HTTP/1.1\r\n" END)), 200);
	assert_true(sd_event_get_iteration(f->event, &after) >= 0);
	print_message("# %u iterations\n", (unsigned)(after - before));
	assert_true(after - before <= 30);
}

static void test_large_answer(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *reply = xcalloc(1, REPLY_MAX);
	f->status_bytes = 8 * 1024 * 1024;
	static const char request[] = "GET /status HTTP/1.1\r\n" END;
	for (int local = 0; local <= 1; local++) {
		cleanup_close int fd = client_connect(f, local);
		client_send(f, fd, request, strlen(request));
		ssize_t n = client_receive(f, fd, reply, REPLY_MAX, 20 * USEC_PER_SEC);
		assert_true(n > (ssize_t)f->status_bytes);
		assert_int_equal(strlen(body_of(reply)), f->status_bytes);
	}
	/* and one whose client does not wait for the end */
	cleanup_close int fd = client_connect(f, false);
	client_send(f, fd, request, strlen(request));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	close(take_fd(fd));
	(void)wake_ups(f, 50 * USEC_PER_MSEC);
	f->status_bytes = (size_t)BUF_MAX_STATUS + 64;
	assert_int_equal(status_of(ask(f, false, request)), 500);
}

static void test_too_many_listeners(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	for (int i = 2; i < N_MAX_LISTENERS; i++)
		assert_int_equal(http_server_listen(f->server, "127.0.0.1:0", &e), 0);
	assert_int_equal(http_server_listen(f->server, "127.0.0.1:0", &e), -E2BIG);
	assert_contains(e.msg, "at most 8 addresses");
}

static void test_listen_errors(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	char word[128];
	assert_int_equal(http_server_listen(f->server, "nonsense", &e), -EINVAL);
	(void)snprintf(word, sizeof(word), "127.0.0.1:%u", f->port);
	assert_int_equal(http_server_listen(f->server, word, &e), -EADDRINUSE);
	assert_contains(e.msg, word);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_routes),	  TEST(test_unhealthy),
		TEST(test_garbage),	  TEST(test_too_large),
		TEST(test_slow_clients),  TEST(test_connection_limit),
		TEST(test_idle_loop),	  TEST(test_scrape_wake_ups),
		TEST(test_large_answer),  TEST(test_too_many_listeners),
		TEST(test_listen_errors),
	};
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
