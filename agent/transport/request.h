/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * One blocking HTTP request at a time to one peer, behind a unix socket or on the network with TLS.
 * The client keeps its connection: measured against containerd a call then takes 0.16 ms, 0.35 ms
 * with a connection each. It belongs to one thread at a time.
 */

struct request_client;

enum request_protocol {
	REQUEST_HTTP2, /* with prior knowledge, as gRPC servers speak it */
	REQUEST_HTTP1,
};

/* Only builds; nothing is connected before the first request. Never NULL. */
struct request_client *request_client_new(const char *socket_path, enum request_protocol protocol);

/* A peer on the network, which is spoken to with HTTP/1.1 over TLS 1.2 or later. */
struct request_server {
	const char *
		url; /* as request_url_check() wants it; its path goes in front of each request's */
	const char
		*name; /* what the peer's certificate is for, if not the host of url; may be NULL */
	const char *ca; /* PEM: who alone may have signed that; NULL: whom the system trusts */
	const char *certificate, *key; /* PEM, to show to the peer; both or none */
	const char *proxy; /* http://HOST:PORT; NULL: none, whatever the environment says */
	bool insecure;	   /* the certificate is not looked at: whoever answers is the peer */
};

/* Whether url is https://HOST[:PORT][/PATH] and nothing else: 0, or -EINVAL. IPv6 in brackets. */
must_check int request_url_check(const char *url, struct err *e);
/* Only builds, as above; url was checked. Everything is copied. Never NULL. */
struct request_client *request_client_new_tls(const struct request_server *server);
/* Closes the connection. Takes NULL, returns NULL. */
struct request_client *request_client_free(struct request_client *c);

static inline void cleanup_request_clientp(struct request_client **c)
{
	*c = request_client_free(*c);
}
#define cleanup_request_client __attribute__((cleanup(cleanup_request_clientp)))

struct request {
	const char *method;	    /* NULL: GET, and POST with a body */
	const char *path;	    /* "/runtime.v1.RuntimeService/Version" */
	const char *const *headers; /* "name: value", NULL-terminated */
	const void *body;	    /* NULL: none */
	size_t body_len;
	/* Of the whole exchange, connecting included; at least 1 ms is taken. USEC_INFINITY: as
	 * long as it lasts, for answers that come piece by piece whenever something happens. */
	usec_t timeout;
	/* If set, the exchange ends when this descriptor becomes readable, which nobody here makes
	 * unreadable again. */
	const int *stop_fd;
	/* Where the body of the answer goes; its ceiling is how much is accepted. Cleared first. */
	struct buf *response;
	/* If set, the body goes there piece by piece instead. A negative errno ends the exchange,
	 * which then fails with some error: the callee knows better. */
	int (*on_body)(void *ctx, const void *data, size_t len);
	/* Called for every header and, after the body, every trailer. The strings are valid during
	 * the call only. May be NULL. */
	void (*on_header)(void *ctx, const char *name, const char *value);
	void *ctx;
};

/*
 * Performs the request. Returns 0 with the HTTP status in *ret_status, whatever it is, or
 *   -ENOENT, -EACCES, -ECONNREFUSED  the socket is not there, not allowed, nobody listens
 *   -EHOSTUNREACH, -ENETUNREACH      there is no way to the host, or its name has no address
 *   -EKEYREJECTED                    the peer's certificate is not to be trusted, or ours cannot be used
 *   -EPROTO                          no TLS connection comes about
 *   -ECONNRESET                      the connection broke before the answer was complete
 *   -ETIMEDOUT                       no complete answer within the timeout, wherever it stopped
 *   -E2BIG                           the answer's body or its headers are larger than accepted
 *   -EBADMSG                         the peer does not speak HTTP as it should
 *   -EPROTONOSUPPORT                 this libcurl lacks HTTP/2, unix sockets or TLS from memory
 *   -ENAMETOOLONG                    the path is too long
 *   -ECANCELED                       stop_fd ended it
 * A request on a kept connection that proves dead before anything of an answer arrived is repeated
 * once on a new one within the same timeout: requests have to be such that twice does no harm. Not
 * so a request without a timeout.
 */
must_check int request_perform(struct request_client *c, const struct request *request,
			       long *ret_status, struct err *e);
