/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <microhttpd.h>

#include "expose/http-secrets.h"
#include "expose/http-server.h"
#include "util/usec.h"

/* Inside of http-server: one request from its headers to its answer. */

struct http_exchange;

/* What all exchanges of a server have in common. */
struct http_context {
	const struct http_handlers *handlers;
	struct http_secrets *secrets; /* of now; may be NULL */
	bool authorize;		      /* who is not in there is a case for the handler */
};

/* A client's connection; as only one request is served on it, one exchange at most. */
struct http_connection {
	struct http_connection *next, **link;
	int fd;
	struct http_exchange *exchange;
	sd_event_source *timer; /* of the listener: what makes libmicrohttpd look at it again */
	bool suspended;		/* the handler works; nothing is due */
	usec_t deadline;	/* 0: starts to count now */
};

/* A request whose headers are there. local: it came over a unix socket. */
struct http_exchange *http_exchange_new(const struct http_context *context,
					struct http_connection *connection,
					struct MHD_Connection *mhd, bool local, const char *url,
					const char *method);
/* What libmicrohttpd's access handler does in its first and every later call. */
enum MHD_Result http_exchange_begin(struct http_exchange *x);
enum MHD_Result http_exchange_continue(struct http_exchange *x, const char *data, size_t *size);
/* Whether the answer is known, that is, on its way. */
bool http_exchange_answered(const struct http_exchange *x);
/* Answers a suspended exchange with 503 because the server ends. */
void http_exchange_abort(struct http_exchange *x);
/* Takes NULL, returns NULL. A handler that still holds the request may complete it afterwards. */
struct http_exchange *http_exchange_free(struct http_exchange *x);
