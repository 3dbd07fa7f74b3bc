/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "expose/http-secrets.h"
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
 * are limited; who comes when all connections are taken waits until one is free. The same holds of TLS
 * and its handshakes.
 *
 * Unix sockets are for their owner, and ask nobody who he is. What else may be looked at, and by whom, says
 * http_server_protect(); probes are for everybody.
 */

struct http_server;
struct http_request;

/* Who wants to see something, by one of two ways. */
struct http_caller {
	const char *path;  /* what: "/metrics" */
	const char *token; /* NULL: there is a user instead; no NUL behind it */
	size_t token_len;
	/* Whom a client certificate is for, that one of tls-client-ca signed. */
	const char *user;
	const char *const *groups;
	size_t n_groups;
};

enum http_verdict {
	HTTP_ADMITTED,
	HTTP_UNKNOWN,	/* 401: it is not known who that is */
	HTTP_FORBIDDEN, /* 403: it is, and is not for him */
	HTTP_UNDECIDED, /* 503: who decides that cannot be asked */
};

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
	/*
	 * Decides whether somebody may see something, with http_request_admit(), now or later, exactly
	 * once. What caller points to ends with this call. NULL: http_server_protect() is never told to.
	 */
	void (*authorize)(void *userdata, const struct http_caller *caller,
			  struct http_request *request);
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
/*
 * From now on listeners on the network have the TLS of secrets (one user more; NULL: none), and everything
 * but probes is for those who show its token or a certificate that its client_ca signed. With authorize
 * a handler decides about other tokens, and about all certificates. With nothing of that it is for
 * everybody. Connections that are there go on as they are, and the sockets stay open. When TLS cannot
 * be set up, the one before stays, on that listener: a negative errno with e filled.
 */
must_check int http_server_protect(struct http_server *s, struct http_secrets *secrets,
				   bool authorize, struct err *e);
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
/* Decides about a request that the authorize handler took over. The loop's thread only. */
void http_request_admit(struct http_request *request, enum http_verdict verdict);
