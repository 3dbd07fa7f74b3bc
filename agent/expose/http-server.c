/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/http-server.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <microhttpd.h>

#include "expose/http-exchange.h"
#include "expose/listen.h"
#include "util/limits.h"
#include "util/usec.h"

/* Behind sampling and everything else that has the normal priority. */
#define PRIORITY       (SD_EVENT_PRIORITY_NORMAL + 10)
#define TIMER_ACCURACY 1000 /* µs; a timeout of 0 from libmicrohttpd means there is work left */
#define DRAIN_MAX      USEC_PER_SEC
#define DRAIN_POLL_MS  50

struct http_listener {
	struct http_server *server;
	struct listener socket;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
	struct http_connection *connections;
	size_t n_connections;
};

struct http_server {
	sd_event *event;
	const struct http_handlers *handlers;
	struct http_limits limits;
	struct http_listener *listeners[N_MAX_LISTENERS];
	size_t n_listeners;
};

/* --- connections ---------------------------------------------------------------------------- */

static void connection_started(struct http_listener *l, struct MHD_Connection *mhd,
			       void **socket_context)
{
	struct http_connection *c = xnew(struct http_connection);
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->timer = l->timer;
	c->next = l->connections;
	c->link = &l->connections;
	if (c->next)
		c->next->link = &c->next;
	l->connections = c;
	l->n_connections++;
	*socket_context = c;
}

static void connection_closed(struct http_listener *l, struct http_connection *c)
{
	l->n_connections--;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		connection_started(cls, mhd, socket_context);
	else if (*socket_context)
		connection_closed(cls, *socket_context);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **exchange)
{
	const struct http_listener *l = cls;
	(void)version;
	if (*exchange)
		return http_exchange_continue(*exchange, data, size);
	struct http_connection *c =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	c->exchange = http_exchange_new(l->server->handlers, c, mhd, l->socket.local, url, method);
	*exchange = c->exchange;
	return http_exchange_begin(c->exchange);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **exchange,
			 enum MHD_RequestTerminationCode code)
{
	(void)cls;
	(void)mhd;
	(void)code;
	*exchange = http_exchange_free(*exchange);
}

/* Shuts connections down whose request takes too long, however busily bytes trickle in, and returns
 * the time until the next one does. libmicrohttpd notices and closes them. */
static uint64_t connections_expire(struct http_listener *l, usec_t now)
{
	usec_t limit = l->server->limits.request_seconds * USEC_PER_SEC;
	usec_t next = USEC_INFINITY;
	for (struct http_connection *c = l->connections; c; c = c->next) {
		if (c->suspended)
			continue;
		if (c->deadline == 0)
			c->deadline = now + limit;
		if (c->deadline <= now) {
			(void)shutdown(c->fd, SHUT_RDWR);
			c->deadline = USEC_INFINITY;
		}
		if (c->deadline < next)
			next = c->deadline;
	}
	return next == USEC_INFINITY ? UINT64_MAX : (uint64_t)(next - now);
}

/* --- the loop ------------------------------------------------------------------------------- */

static usec_t loop_now(const struct http_listener *l)
{
	uint64_t now = 0;
	(void)sd_event_now(l->server->event, CLOCK_MONOTONIC, &now);
	return (usec_t)now;
}

/* At its limit of connections libmicrohttpd stops to listen, and it looks at the limit again only at
 * the beginning of a run: whenever connections went, one more run is due. */
static void daemon_run(struct http_listener *l)
{
	size_t before;
	do {
		before = l->n_connections;
		(void)MHD_run(l->daemon);
	} while (l->n_connections < before);
}

/* libmicrohttpd's epoll is edge-triggered, so its timeout has to be honoured after every run. It
 * is relative and in milliseconds. */
static void listener_run(struct http_listener *l)
{
	usec_t now = loop_now(l);
	MHD_UNSIGNED_LONG_LONG ms;
	(void)connections_expire(l, now);
	daemon_run(l);
	uint64_t next = connections_expire(l, now);
	if (MHD_get_timeout(l->daemon, &ms) == MHD_YES && ms * USEC_PER_MSEC < next)
		next = ms * USEC_PER_MSEC;
	if (next != UINT64_MAX)
		(void)sd_event_source_set_time_relative(l->timer, next);
	(void)sd_event_source_set_enabled(l->timer,
					  next == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	listener_run(userdata);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	listener_run(userdata);
	return 0;
}

static int daemon_fd(const struct http_listener *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

static int listener_attach(struct http_listener *l)
{
	sd_event *event = l->server->event;
	int r = sd_event_add_io(event, &l->io, daemon_fd(l), EPOLLIN, on_io, l);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &l->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY,
					       on_timer, l);
	if (r >= 0)
		r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(l->io, PRIORITY);
	if (r >= 0)
		r = sd_event_source_set_priority(l->timer, PRIORITY);
	if (r >= 0) {
		(void)sd_event_source_set_description(l->io, "http");
		(void)sd_event_source_set_description(l->timer, "http-timer");
	}
	return r;
}

/* --- start and stop ------------------------------------------------------------------------- */

static struct MHD_Daemon *daemon_start(struct http_listener *l)
{
	const struct http_limits *limits = &l->server->limits;
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, l,
		MHD_OPTION_LISTEN_SOCKET, l->socket.fd, MHD_OPTION_CONNECTION_LIMIT,
		limits->connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HTTP_CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, limits->idle_seconds,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_END);
}

static bool has_answers(const struct http_listener *l)
{
	for (const struct http_connection *c = l->connections; c; c = c->next)
		if (c->exchange && http_exchange_answered(c->exchange))
			return true;
	return false;
}

static usec_t clock_now(void)
{
	struct timespec ts = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* Lets answers that are on their way out. */
static void listener_drain(struct http_listener *l)
{
	struct pollfd p = { .fd = daemon_fd(l), .events = POLLIN };
	usec_t end = clock_now() + DRAIN_MAX;
	(void)MHD_run(l->daemon);
	while (has_answers(l) && clock_now() < end) {
		(void)poll(&p, 1, DRAIN_POLL_MS);
		(void)MHD_run(l->daemon);
	}
}

static void daemon_stop(struct http_listener *l)
{
	/* takes the socket back, which the daemon would close */
	(void)MHD_quiesce_daemon(l->daemon);
	for (struct http_connection *c = l->connections; c; c = c->next)
		if (c->suspended)
			http_exchange_abort(c->exchange);
	listener_drain(l);
	MHD_stop_daemon(l->daemon);
	l->daemon = NULL;
}

static struct http_listener *http_listener_free(struct http_listener *l)
{
	sd_event_source_disable_unref(l->io);
	if (l->daemon)
		daemon_stop(l);
	sd_event_source_disable_unref(l->timer);
	listener_close(&l->socket);
	free(l);
	return NULL;
}

struct http_server *http_server_new(sd_event *event, const struct http_handlers *handlers,
				    const struct http_limits *limits)
{
	struct http_server *s = xnew(struct http_server);
	s->event = sd_event_ref(event);
	s->handlers = handlers;
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
	l->server = s;
	l->socket = (struct listener)LISTENER_INIT;
	int r = listener_open(word, &l->socket, e);
	if (r == 0) {
		l->daemon = daemon_start(l);
		r = l->daemon ? listener_attach(l) : -EIO;
		if (r < 0)
			err_set(e, -r, "cannot serve HTTP on %s: %s", word,
				l->daemon ? "the event loop refused it" : "libmicrohttpd failed");
	}
	if (r < 0) {
		http_listener_free(l);
		return r;
	}
	s->listeners[s->n_listeners++] = l;
	return 0;
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
	sd_event_unref(s->event);
	free(s);
	return NULL;
}
