/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/http-daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "util/limits.h"
#include "util/usec.h"

/* Behind sampling and everything else that has the normal priority. */
#define PRIORITY       (SD_EVENT_PRIORITY_NORMAL + 10)
#define TIMER_ACCURACY 1000 /* µs; a timeout of 0 from libmicrohttpd means there is work left */
#define URGED_MAX      64
#define URGED_PAUSE    (100 * USEC_PER_MSEC)
#define DRAIN_MAX      USEC_PER_SEC
#define DRAIN_POLL_MS  50

/* TLS 1.2 with what is sound of it, and 1.3: forward secrecy and authenticated encryption only. */
#define TLS_PRIORITIES                                                         \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:"  \
	"+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:" \
	"-MAC-ALL:+AEAD"

struct http_daemon {
	sd_event *event;
	const struct http_context *context;
	struct http_limits limits;
	bool local, retired;
	struct http_secrets *secrets;
	void (*drained)(void *userdata);
	void *userdata;
	struct MHD_Daemon *mhd;
	sd_event_source *io, *timer;
	struct http_connection *connections;
	size_t n_connections;
	unsigned urged; /* runs in a row that libmicrohttpd wanted at once, without any news */
};

/* --- connections ---------------------------------------------------------------------------- */

static void connection_started(struct http_daemon *d, struct MHD_Connection *mhd,
			       void **socket_context)
{
	struct http_connection *c = xnew(struct http_connection);
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->timer = d->timer;
	c->next = d->connections;
	c->link = &d->connections;
	if (c->next)
		c->next->link = &c->next;
	d->connections = c;
	d->n_connections++;
	*socket_context = c;
}

static void connection_closed(struct http_daemon *d, struct http_connection *c)
{
	d->n_connections--;
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
	const struct http_daemon *d = cls;
	(void)version;
	if (*exchange)
		return http_exchange_continue(*exchange, data, size);
	struct http_connection *c =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	c->exchange = http_exchange_new(d->context, c, mhd, d->local, url, method);
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
static uint64_t connections_expire(struct http_daemon *d, usec_t now)
{
	usec_t limit = d->limits.request_seconds * USEC_PER_SEC;
	usec_t next = USEC_INFINITY;
	for (struct http_connection *c = d->connections; c; c = c->next) {
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

static usec_t loop_now(const struct http_daemon *d)
{
	uint64_t now = 0;
	(void)sd_event_now(d->event, CLOCK_MONOTONIC, &now);
	return (usec_t)now;
}

/* At its limit of connections libmicrohttpd stops to listen, and it looks at the limit again only at
 * the beginning of a run: whenever connections went, one more run is due. */
static void daemon_run(struct http_daemon *d)
{
	size_t before;
	do {
		before = d->n_connections;
		(void)MHD_run(d->mhd);
	} while (d->n_connections < before);
}

/* Whether an answer is being written: that takes as many runs at once as it has pieces. */
static bool is_answering(const struct http_daemon *d)
{
	for (const struct http_connection *c = d->connections; c; c = c->next)
		if (c->exchange && !c->suspended)
			return true;
	return false;
}

/*
 * How long libmicrohttpd may be left alone; UINT64_MAX: until something comes. A timeout of 0 means that
 * there is work left. 0.9.75 says so as well of each TLS handshake that waits for its client, and would be
 * run 900 times a second for that.
 */
static uint64_t time_to_next(struct http_daemon *d)
{
	MHD_UNSIGNED_LONG_LONG ms;
	if (MHD_get_timeout(d->mhd, &ms) != MHD_YES)
		return UINT64_MAX;
	d->urged = ms > 0 || is_answering(d) ? 0 : d->urged + 1;
	return d->urged > URGED_MAX ? URGED_PAUSE : ms * USEC_PER_MSEC;
}

/* libmicrohttpd's epoll is edge-triggered, so its timeout has to be honoured after every run. It
 * is relative and in milliseconds. */
static void run(struct http_daemon *d)
{
	usec_t now = loop_now(d);
	(void)connections_expire(d, now);
	daemon_run(d);
	uint64_t next = connections_expire(d, now), wanted = time_to_next(d);
	if (wanted < next)
		next = wanted;
	if (next != UINT64_MAX)
		(void)sd_event_source_set_time_relative(d->timer, next);
	(void)sd_event_source_set_enabled(d->timer,
					  next == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	if (d->retired && !d->connections)
		d->drained(d->userdata);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	struct http_daemon *d = userdata;
	d->urged = 0;
	run(d);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	run(userdata);
	return 0;
}

static int daemon_fd(const struct http_daemon *d)
{
	return MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

static int attach(struct http_daemon *d)
{
	sd_event *event = d->event;
	int r = sd_event_add_io(event, &d->io, daemon_fd(d), EPOLLIN, on_io, d);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &d->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY,
					       on_timer, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(d->io, PRIORITY);
	if (r >= 0)
		r = sd_event_source_set_priority(d->timer, PRIORITY);
	if (r >= 0) {
		(void)sd_event_source_set_description(d->io, "http");
		(void)sd_event_source_set_description(d->timer, "http-timer");
	}
	return r;
}

/* --- start and stop ------------------------------------------------------------------------- */

static struct MHD_OptionItem option(enum MHD_OPTION which, const char *text)
{
	return (struct MHD_OptionItem){ .option = which, .ptr_value = (void *)(uintptr_t)text };
}

/* fd belongs to the daemon from here on: libmicrohttpd 0.9.75 was seen to close it when it fails, too. */
static struct MHD_Daemon *start(struct http_daemon *d, int fd)
{
	const struct http_secrets *s = d->secrets;
	struct MHD_OptionItem tls[5];
	size_t n = 0;
	if (s) {
		tls[n++] = option(MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES);
		tls[n++] = option(MHD_OPTION_HTTPS_MEM_CERT, s->certificate);
		tls[n++] = option(MHD_OPTION_HTTPS_MEM_KEY, s->key);
		if (s->client_ca)
			tls[n++] = option(MHD_OPTION_HTTPS_MEM_TRUST, s->client_ca);
	}
	tls[n] = option(MHD_OPTION_END, NULL);
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (s ? MHD_USE_TLS : 0), 0,
				NULL, NULL, on_request, d, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, d->limits.connections,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY,
				MHD_OPTION_CONNECTION_TIMEOUT, d->limits.idle_seconds,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
				on_completed, d, MHD_OPTION_NOTIFY_CONNECTION, on_connection, d,
				MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static int start_attached(struct http_daemon *d, int listening, struct err *e)
{
	int fd = fcntl(listening, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "no descriptor: %s", strerror(errno));
	d->mhd = start(d, fd);
	if (!d->mhd)
		return err_set(e, EIO, "libmicrohttpd failed%s",
			       d->secrets && MHD_is_feature_supported(MHD_FEATURE_SSL) != MHD_YES
				       ? ": it was built without TLS"
				       : "");
	int r = attach(d);
	return r < 0 ? err_set(e, -r, "the event loop refused it: %s", strerror(-r)) : 0;
}

struct http_daemon *http_daemon_start(const struct http_daemon_options *o, struct err *e)
{
	struct http_daemon *d = xnew(struct http_daemon);
	bool tls = !o->local && o->secrets && o->secrets->certificate;
	d->event = sd_event_ref(o->event);
	d->context = o->context;
	d->limits = *o->limits;
	d->local = o->local;
	d->secrets = tls ? http_secrets_ref(o->secrets) : NULL;
	d->drained = o->drained;
	d->userdata = o->userdata;
	return start_attached(d, o->fd, e) < 0 ? http_daemon_free(d) : d;
}

const struct http_secrets *http_daemon_secrets(const struct http_daemon *d)
{
	return d->secrets;
}

/* Takes the socket back, which the daemon would close when it ends. */
static void quiesce(struct http_daemon *d)
{
	int fd = MHD_quiesce_daemon(d->mhd);
	if (fd >= 0)
		close(fd);
}

bool http_daemon_retire(struct http_daemon *d)
{
	d->retired = true;
	quiesce(d);
	return d->connections != NULL;
}

static bool has_answers(const struct http_daemon *d)
{
	for (const struct http_connection *c = d->connections; c; c = c->next)
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
static void drain(struct http_daemon *d)
{
	struct pollfd p = { .fd = daemon_fd(d), .events = POLLIN };
	usec_t end = clock_now() + DRAIN_MAX;
	(void)MHD_run(d->mhd);
	while (has_answers(d) && clock_now() < end) {
		(void)poll(&p, 1, DRAIN_POLL_MS);
		(void)MHD_run(d->mhd);
	}
}

static void stop(struct http_daemon *d)
{
	if (!d->retired)
		quiesce(d);
	for (struct http_connection *c = d->connections; c; c = c->next)
		if (c->suspended)
			http_exchange_abort(c->exchange);
	drain(d);
	MHD_stop_daemon(d->mhd);
}

struct http_daemon *http_daemon_free(struct http_daemon *d)
{
	if (!d)
		return NULL;
	sd_event_source_disable_unref(d->io);
	if (d->mhd)
		stop(d);
	sd_event_source_disable_unref(d->timer);
	http_secrets_unref(d->secrets);
	sd_event_unref(d->event);
	free(d);
	return NULL;
}
