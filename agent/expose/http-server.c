/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/http-server.h"

#include <errno.h>
#include <stdlib.h>

#include "expose/http-daemon.h"
#include "expose/listen.h"
#include "util/limits.h"

struct http_listener {
	struct http_server *server;
	struct listener socket;
	struct http_daemon *daemon;
	/* The one before it, while it still has connections: no longer than requests may last. */
	struct http_daemon *retired;
};

struct http_server {
	sd_event *event;
	struct http_context context;
	struct http_limits limits;
	struct http_listener *listeners[N_MAX_LISTENERS];
	size_t n_listeners;
};

/* --- listeners -------------------------------------------------------------------------------- */

static void on_drained(void *userdata);

static struct http_daemon *start(struct http_listener *l, struct err *e)
{
	const struct http_server *s = l->server;
	const struct http_daemon_options options = {
		.event = s->event,
		.context = &s->context,
		.limits = &s->limits,
		.fd = l->socket.fd,
		.local = l->socket.local,
		.secrets = s->context.secrets,
		.drained = on_drained,
		.userdata = l,
	};
	struct http_daemon *d = http_daemon_start(&options, e);
	if (!d)
		(void)err_prefix(e, "cannot serve HTTP on %s: ", l->socket.address);
	return d;
}

/*
 * Brings TLS to what it should be now. Another daemon takes the socket over, so nobody is turned away.
 * At most one goes out of service at a time, which bounds connections; the rest waits for its end.
 */
static int renew(struct http_listener *l, struct err *e)
{
	if (l->socket.local || l->retired ||
	    http_secrets_same_tls(http_daemon_secrets(l->daemon), l->server->context.secrets))
		return 0;
	struct http_daemon *d = start(l, e);
	if (!d)
		return -e->code;
	l->retired = l->daemon;
	l->daemon = d;
	if (!http_daemon_retire(l->retired))
		l->retired = http_daemon_free(l->retired);
	return 0;
}

static void on_drained(void *userdata)
{
	struct http_listener *l = userdata;
	struct err ignored = { 0 };
	l->retired = http_daemon_free(l->retired);
	/* What it has stays in force, as after any failure. */
	(void)renew(l, &ignored);
}

static struct http_listener *http_listener_free(struct http_listener *l)
{
	l->retired = http_daemon_free(l->retired);
	l->daemon = http_daemon_free(l->daemon);
	listener_close(&l->socket);
	free(l);
	return NULL;
}

/* --- the server ------------------------------------------------------------------------------- */

struct http_server *http_server_new(sd_event *event, const struct http_handlers *handlers,
				    const struct http_limits *limits)
{
	struct http_server *s = xnew(struct http_server);
	s->event = sd_event_ref(event);
	s->context.handlers = handlers;
	s->limits = limits ? *limits
			   : (struct http_limits){ .connections = HTTP_MAX_CONNECTIONS,
						   .idle_seconds = HTTP_TIMEOUT_SECONDS,
						   .request_seconds = HTTP_REQUEST_SECONDS };
	return s;
}

int http_server_listen(struct http_server *s, const char *word, struct err *e)
{
	if (s->n_listeners == N_MAX_LISTENERS)
		return err_set(e, E2BIG, "cannot listen on %s: at most %d addresses are allowed",
			       word, N_MAX_LISTENERS);
	struct http_listener *l = xnew(struct http_listener);
	struct err why = { 0 };
	l->server = s;
	l->socket = (struct listener)LISTENER_INIT;
	int r = listener_open(word, &l->socket, &why);
	if (r == 0) {
		l->daemon = start(l, &why);
		r = l->daemon ? 0 : -why.code;
	}
	if (r < 0) {
		http_listener_free(l);
		return err_set(e, why.code, "%s", why.msg);
	}
	s->listeners[s->n_listeners++] = l;
	return 0;
}

int http_server_protect(struct http_server *s, struct http_secrets *secrets, bool authorize,
			struct err *e)
{
	struct err why = { 0 };
	http_secrets_unref(s->context.secrets);
	s->context.secrets = http_secrets_ref(secrets);
	s->context.authorize = authorize;
	for (size_t i = 0; i < s->n_listeners; i++)
		(void)renew(s->listeners[i], &why);
	return why.code ? err_set(e, why.code, "%s", why.msg) : 0;
}

const char *http_server_address(const struct http_server *s, size_t i)
{
	return i < s->n_listeners ? s->listeners[i]->socket.address : NULL;
}

struct http_server *http_server_free(struct http_server *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_listeners; i++)
		http_listener_free(s->listeners[i]);
	http_secrets_unref(s->context.secrets);
	sd_event_unref(s->event);
	free(s);
	return NULL;
}
