/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/parse.h"

usec_t clock_now(void)
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

void fixture_listen(struct fixture *f)
{
	struct err e = { 0 };
	char word[128];
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

static void start(struct fixture *f, const struct http_limits *limits)
{
	f->server = http_server_new(f->event, &f->handlers, limits);
	fixture_listen(f);
}

int fixture_setup(void **state)
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

void fixture_restart(struct fixture *f, const struct http_limits *limits)
{
	f->server = http_server_free(f->server);
	start(f, limits);
}

int fixture_teardown(void **state)
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

int client_connect(const struct fixture *f, bool local)
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
void client_send(const struct fixture *f, int fd, const char *data, size_t len)
{
	usec_t end = clock_now() + 5 * USEC_PER_SEC;
	while (len && clock_now() < end) {
		ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		assert_true(sd_event_run(f->event, 0) >= 0);
	}
}

/* Runs the loop until the server closes the connection; -1 when it does not within timeout. */
ssize_t client_receive(const struct fixture *f, int fd, char *reply, size_t size, usec_t timeout)
{
	size_t len = 0;
	usec_t end = clock_now() + timeout;
	while (clock_now() < end) {
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
const char *exchange(const struct fixture *f, bool local, const char *request, size_t len)
{
	static char reply[256 * 1024];
	cleanup_close int fd = client_connect(f, local);
	client_send(f, fd, request, len);
	assert_true(client_receive(f, fd, reply, sizeof(reply), 5 * USEC_PER_SEC) >= 0);
	return reply;
}

const char *ask(const struct fixture *f, bool local, const char *request)
{
	return exchange(f, local, request, strlen(request));
}

int status_of(const char *reply)
{
	int64_t status;
	char digits[4] = { 0 };
	if (strlen(reply) < 13 || strncmp(reply, "HTTP/1.1 ", 9) != 0)
		return 0;
	memcpy(digits, reply + 9, 3);
	return parse_i64(digits, &status) < 0 ? 0 : (int)status;
}

const char *body_of(const char *reply)
{
	const char *end = strstr(reply, "\r\n\r\n");
	return end ? end + 4 : "";
}

/* How often something is dispatched within a time. */
unsigned wake_ups(const struct fixture *f, usec_t time)
{
	unsigned n = 0;
	usec_t end = clock_now() + time;
	while (clock_now() < end) {
		int r = sd_event_run(f->event, (uint64_t)(end - clock_now()));
		assert_true(r >= 0);
		n += r > 0;
	}
	return n;
}
