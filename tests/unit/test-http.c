/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "expose/http-server.h"
#include "util/limits.h"
#include "util/parse.h"
#include "util/usec.h"

/* The real server in a loop of its own, and clients that are plain sockets in the same thread. */

#define REPLY_MAX (16 * 1024 * 1024)

struct fixture {
	sd_event *event;
	struct http_server *server;
	struct http_handlers handlers;
	char directory[32];
	char socket_path[64];
	uint16_t port;
	bool healthy, stuck;
	size_t status_bytes; /* size of /status; 0: "{}" */
	int gc_error;	     /* what the gc handler refuses with */
	bool gc_at_once;
	char gc_body[BUF_MAX_HTTP_BODY + 1];
	unsigned gc_calls;
	struct http_request *held;
};

static usec_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* --- handlers ------------------------------------------------------------------------------- */

static void handle_metrics(void *userdata, bool openmetrics, struct buf *out)
{
	(void)userdata;
	buf_puts(out, openmetrics ? "openmetrics" : "text");
}

static void handle_status(void *userdata, struct buf *out)
{
	const struct fixture *f = userdata;
	for (size_t i = 0; i < f->status_bytes; i += 64)
		buf_append(out, "0123456789012345678901234567890123456789012345678901234567890123",
			   64);
	if (!f->status_bytes)
		buf_puts(out, "{}");
}

static bool handle_health(void *userdata, struct buf *text)
{
	const struct fixture *f = userdata;
	if (f->stuck)
		buf_puts(text, "lane reclaim is stuck\n");
	if (!f->healthy)
		buf_puts(text, "not sampled yet");
	return f->healthy;
}

static int handle_gc(void *userdata, const char *body, size_t len, struct http_request *request,
		     struct err *e)
{
	struct fixture *f = userdata;
	f->gc_calls++;
	assert_int_equal(strlen(body), len);
	(void)snprintf(f->gc_body, sizeof(f->gc_body), "%s", body);
	if (f->gc_error)
		return err_set(e, f->gc_error, "refused");
	if (f->gc_at_once)
		http_request_complete(request, 200, "application/json", "[]", 2);
	else
		f->held = request;
	return 0;
}

/* --- fixture -------------------------------------------------------------------------------- */

static void start(struct fixture *f, const struct http_limits *limits)
{
	struct err e = { 0 };
	char word[128];
	f->server = http_server_new(f->event, &f->handlers, limits);
	assert_int_equal(http_server_listen(f->server, "127.0.0.1:0", &e), 0);
	(void)snprintf(word, sizeof(word), "unix:%s", f->socket_path);
	assert_int_equal(http_server_listen(f->server, word, &e), 0);
	const char *address = http_server_address(f->server, 0);
	int64_t port;
	assert_int_equal(parse_i64(strrchr(address, ':') + 1, &port), 0);
	assert_true(port > 0);
	f->port = (uint16_t)port;
	assert_string_equal(http_server_address(f->server, 1), word);
	assert_null(http_server_address(f->server, 2));
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	f->handlers = (struct http_handlers){ .userdata = f,
					      .metrics = handle_metrics,
					      .status = handle_status,
					      .healthy = handle_health,
					      .ready = handle_health,
					      .gc = handle_gc };
	f->healthy = true;
	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/test-http-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->socket_path, sizeof(f->socket_path), "%s/agent.sock", f->directory);
	assert_true(sd_event_new(&f->event) >= 0);
	start(f, NULL);
	*state = f;
	return 0;
}

static void restart(struct fixture *f, const struct http_limits *limits)
{
	f->server = http_server_free(f->server);
	start(f, limits);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->server = http_server_free(f->server);
	assert_int_equal(access(f->socket_path, F_OK), -1);
	assert_int_equal(rmdir(f->directory), 0);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

/* --- client --------------------------------------------------------------------------------- */

static int client_connect(const struct fixture *f, bool local)
{
	int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(f->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, f->socket_path, strlen(f->socket_path));
	assert_int_equal(local ? connect(fd, (struct sockaddr *)&un, sizeof(un))
			       : connect(fd, (struct sockaddr *)&in, sizeof(in)),
			 0);
	return fd;
}

/* Sends everything the server takes, running the loop in between. */
static void client_send(const struct fixture *f, int fd, const char *data, size_t len)
{
	usec_t end = now() + 5 * USEC_PER_SEC;
	while (len && now() < end) {
		ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		assert_true(sd_event_run(f->event, 0) >= 0);
	}
}

/* Runs the loop until the server closes the connection; -1 when it does not within timeout. */
static ssize_t client_receive(const struct fixture *f, int fd, char *reply, size_t size,
			      usec_t timeout)
{
	size_t len = 0;
	usec_t end = now() + timeout;
	while (now() < end) {
		ssize_t n = recv(fd, reply + len, size - 1 - len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			reply[len] = '\0';
			return (ssize_t)len;
		}
		if (n > 0)
			len += (size_t)n;
		else
			assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
	}
	return -1;
}

/* One request, its whole reply in a buffer that the next call overwrites. */
static const char *exchange(const struct fixture *f, bool local, const char *request, size_t len)
{
	static char reply[256 * 1024];
	cleanup_close int fd = client_connect(f, local);
	client_send(f, fd, request, len);
	assert_true(client_receive(f, fd, reply, sizeof(reply), 5 * USEC_PER_SEC) >= 0);
	return reply;
}

static const char *ask(const struct fixture *f, bool local, const char *request)
{
	return exchange(f, local, request, strlen(request));
}

static int status_of(const char *reply)
{
	int64_t status;
	char digits[4] = { 0 };
	if (strlen(reply) < 13 || strncmp(reply, "HTTP/1.1 ", 9) != 0)
		return 0;
	memcpy(digits, reply + 9, 3);
	return parse_i64(digits, &status) < 0 ? 0 : (int)status;
}

static const char *body_of(const char *reply)
{
	const char *end = strstr(reply, "\r\n\r\n");
	return end ? end + 4 : "";
}

#define assert_contains(text, part)                                      \
	do {                                                             \
		if (!strstr(text, part))                                 \
			fail_msg("\"%s\" is not in \"%s\"", part, text); \
	} while (0)

#define END "Host: x\r\n\r\n"
#define GC  "POST /gc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"

/* --- tests ---------------------------------------------------------------------------------- */

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
	restart(f, &limits);
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

/* How often something is dispatched within a time. */
static unsigned wake_ups(const struct fixture *f, usec_t time)
{
	unsigned n = 0;
	usec_t end = now() + time;
	while (now() < end) {
		int r = sd_event_run(f->event, (uint64_t)(end - now()));
		assert_true(r >= 0);
		n += r > 0;
	}
	return n;
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
	restart(f, &idle);
	int silent = client_connect(f, false);
	client_send(f, silent, "GET /metr", 9);
	assert_true(wake_ups(f, 2500 * USEC_PER_MSEC) <= 6);
	assert_true(client_receive(f, silent, reply, sizeof(reply), USEC_PER_SEC) >= 0);
	close(silent);

	restart(f, &request);
	int trickling = client_connect(f, false);
	usec_t start = now();
	ssize_t n = -1;
	while (n < 0 && now() - start < 5 * USEC_PER_SEC) {
		client_send(f, trickling, "x", 1);
		n = client_receive(f, trickling, reply, sizeof(reply), 100 * USEC_PER_MSEC);
	}
	assert_true(n >= 0);
	assert_true(now() - start >= 1500 * USEC_PER_MSEC);
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

/* --- POST /gc ------------------------------------------------------------------------------- */

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
	restart(f, &limits);
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
	usec_t before = now();
	f->server = http_server_free(f->server);
	assert_true(now() - before < USEC_PER_SEC);
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
	usec_t before = now();
	f->server = http_server_free(f->server);
	assert_true(now() - before < 2 * USEC_PER_SEC);
}

static void test_no_gc_handler(void **state)
{
	struct fixture *f = *state;
	f->handlers.gc = NULL;
	assert_int_equal(status_of(ask(f, true, GC)), 404);
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
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_routes),
		TEST(test_unhealthy),
		TEST(test_garbage),
		TEST(test_too_large),
		TEST(test_slow_clients),
		TEST(test_connection_limit),
		TEST(test_idle_loop),
		TEST(test_scrape_wake_ups),
		TEST(test_large_answer),
		TEST(test_gc_at_once),
		TEST(test_gc_refused),
		TEST(test_gc_later),
		TEST(test_gc_client_gone),
		TEST(test_gc_server_gone),
		TEST(test_gc_answered_then_server_gone),
		TEST(test_end_with_stuck_client),
		TEST(test_no_gc_handler),
		TEST(test_too_many_listeners),
		TEST(test_listen_errors),
	};
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
