/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "expose/http-exchange.h"
#include "expose/http-secrets.h"

/*
 * Inside of http-server: libmicrohttpd on one listening socket, in the caller's event loop. Another one
 * can take the socket over, so that certificates are replaced without anybody being turned away.
 */

struct http_daemon;

struct http_daemon_options {
	sd_event *event;
	const struct http_context *context; /* kept */
	const struct http_limits *limits;
	int fd;			      /* listens; stays the caller's */
	bool local;		      /* a unix socket: no TLS, no questions */
	struct http_secrets *secrets; /* their TLS; NULL, or without a certificate: plain HTTP */
	/* Called when the last connection of a retired daemon is gone, which may be freed then. */
	void (*drained)(void *userdata);
	void *userdata;
};

/* NULL with e filled when it cannot be. */
struct http_daemon *http_daemon_start(const struct http_daemon_options *options, struct err *e);
/* The secrets that its TLS is made of; NULL: none. */
const struct http_secrets *http_daemon_secrets(const struct http_daemon *d);
/* Takes no more connections, and serves those it has. Whether there are any. */
bool http_daemon_retire(struct http_daemon *d);
/* Answers what is pending with 503, gives answers on their way a second. Takes NULL, returns NULL. */
struct http_daemon *http_daemon_free(struct http_daemon *d);
