/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * The HTTP server, in the caller's event loop and thread: libmicrohttpd through its epoll
 * descriptor, at a lower priority than whatever has the normal one. Idle it wakes nobody up.
 *
 *   GET, HEAD /metrics /healthz /readyz /status    every listener
 *   POST /gc                                       unix sockets only
 *
 * One request a connection. Connections, memory, time without progress and time of a whole request
 * are limited; who comes when all connections are taken waits until one is free.
 */

struct http_server;
struct http_request;

/* Where the answers come from. All run in the loop's thread and write to a capped buffer. */
struct http_handlers {
	void *userdata;
	void (*metrics)(void *userdata, bool openmetrics, struct buf *out);
	void (*status)(void *userdata, struct buf *out);
	/* True: 200. False: 503. What they write to text is told in both cases. */
	bool (*healthy)(void *userdata, struct buf *text);
	bool (*ready)(void *userdata, struct buf *text);
	/*
	 * Takes a POST /gc over: returns 0 and answers with http_request_complete(), now or later,
	 * exactly once; or a negative errno with e filled, and request is gone: -EINVAL is 400, -EBUSY
	 * 409, any other 503. body has a NUL behind it and ends with this call. NULL: no /gc.
	 */
	int (*gc)(void *userdata, const char *body, size_t len, struct http_request *request,
		  struct err *e);
};

struct http_limits {
	unsigned connections;  /* at a time, of each listener */
	unsigned idle_seconds; /* without a byte in either direction */
	unsigned
		request_seconds; /* from connecting to the end of the answer, less the wait for it */
};

/* A server without listeners. limits NULL: those of util/limits.h. event and *handlers are kept. */
struct http_server *http_server_new(sd_event *event, const struct http_handlers *handlers,
				    const struct http_limits *limits);
/* Binds a word as listener_open() describes it, and serves it. -E2BIG: N_MAX_LISTENERS reached. */
must_check int http_server_listen(struct http_server *s, const char *word, struct err *e);
/* The address of listener i as bound, with the real port; NULL when there are not so many. */
const char *http_server_address(const struct http_server *s, size_t i);
/*
 * Answers pending requests with 503, gives answers on their way a second, closes everything.
 * Requests that a handler still holds stay valid until it completes them. Takes NULL, returns NULL.
 */
struct http_server *http_server_free(struct http_server *s);

/*
 * Answers a request that the gc handler took over, and ends it. Everything is copied. When the
 * client or the server is gone meanwhile nothing is sent. The loop's thread only.
 */
void http_request_complete(struct http_request *request, unsigned status, const char *content_type,
			   const char *body, size_t len);
