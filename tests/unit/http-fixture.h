/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit.h"

#include <sys/types.h>

#include <systemd/sd-event.h>

#include "expose/http-server.h"
#include "util/limits.h"
#include "util/usec.h"

/* The real server in a loop of its own, and clients that are plain sockets in the same thread. */

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

/* A server with the usual limits on a TCP port and a unix socket; its end. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* The same with other limits. */
void fixture_restart(struct fixture *f, const struct http_limits *limits);
/* What both of them end with: the addresses, of a server that has none yet. */
void fixture_listen(struct fixture *f);
/* How often something is dispatched within a time. */
unsigned wake_ups(const struct fixture *f, usec_t time);
usec_t clock_now(void);

int client_connect(const struct fixture *f, bool local);
/* Sends everything the server takes, running the loop in between. */
void client_send(const struct fixture *f, int fd, const char *data, size_t len);
/* Runs the loop until the server closes the connection; -1 when it does not within timeout. */
ssize_t client_receive(const struct fixture *f, int fd, char *reply, size_t size, usec_t timeout);
/* One request, its whole reply in a buffer that the next call overwrites. */
const char *exchange(const struct fixture *f, bool local, const char *request, size_t len);
const char *ask(const struct fixture *f, bool local, const char *request);
/* The parts of a reply; status 0: it is none. */
int status_of(const char *reply);
const char *body_of(const char *reply);

#define assert_contains(text, part)                                      \
	do {                                                             \
		if (!strstr(text, part))                                 \
			fail_msg("\"%s\" is not in \"%s\"", part, text); \
	} while (0)

#define END "Host: x\r\n\r\n"
#define GC  "POST /gc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
