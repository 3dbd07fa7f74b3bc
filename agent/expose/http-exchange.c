/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/http-exchange.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expose/accept.h"
#include "util/limits.h"
#include "util/parse.h"

#define TYPE_TEXT	 "text/plain; charset=utf-8"
#define TYPE_METRICS	 "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define TYPE_JSON	 "application/json"

/* libmicrohttpd has renamed its own name for this more than once. */
#define STATUS_TOO_LARGE 413

#define REASON_MAX  4096
/* A body over the limit is still read this far, so that the client sees the answer and not a reset
 * connection; after that it is cut off. */
#define DISCARD_MAX (16 * BUF_MAX_HTTP_BODY)

struct http_answer {
	unsigned status; /* 0: not known yet */
	char content_type[80];
	const char *allow; /* of a 405 */
	struct buf body;
};

struct route {
	const char *path;
	bool post;  /* else GET and HEAD */
	bool local; /* unix sockets only */
	void (*answer)(struct http_exchange *x);
};

/* What the gc handler holds. */
struct http_request {
	struct http_exchange *exchange; /* NULL: nobody waits for the answer any more */
};

struct http_exchange {
	const struct http_handlers *handlers;
	struct http_connection *connection;
	struct MHD_Connection *mhd;
	const struct route *route; /* NULL: the answer is already an error */
	struct buf body;
	size_t received;
	struct http_request *request;
	struct http_answer answer;
};

/* --- answers -------------------------------------------------------------------------------- */

static void answer_set(struct http_exchange *x, unsigned status, const char *content_type)
{
	x->answer.status = status;
	(void)snprintf(x->answer.content_type, sizeof(x->answer.content_type), "%s", content_type);
}

static void answer_text(struct http_exchange *x, unsigned status, const char *text)
{
	answer_set(x, status, TYPE_TEXT);
	buf_done(&x->answer.body);
	x->answer.body.max = REASON_MAX;
	buf_puts(&x->answer.body, text);
	if (!*text || text[strlen(text) - 1] != '\n')
		buf_putc(&x->answer.body, '\n');
}

/* A document that was rendered into the answer's body. */
static void answer_document(struct http_exchange *x, const char *content_type)
{
	if (x->answer.body.overflowed)
		answer_text(x, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is larger than allowed");
	else
		answer_set(x, MHD_HTTP_OK, content_type);
}

static void answer_metrics(struct http_exchange *x)
{
	bool openmetrics = accept_prefers_openmetrics(
		MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	x->answer.body.max = BUF_MAX_METRICS;
	x->handlers->metrics(x->handlers->userdata, openmetrics, &x->answer.body);
	answer_document(x, openmetrics ? TYPE_OPENMETRICS : TYPE_METRICS);
}

static void answer_status(struct http_exchange *x)
{
	x->answer.body.max = BUF_MAX_STATUS;
	x->handlers->status(x->handlers->userdata, &x->answer.body);
	answer_document(x, TYPE_JSON);
}

static void answer_probe(struct http_exchange *x, bool (*probe)(void *userdata, struct buf *text))
{
	cleanup_buf struct buf text = BUF_INIT(REASON_MAX - 1);
	bool fine = probe(x->handlers->userdata, &text);
	answer_text(x, fine ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
		    text.len || !fine ? buf_string(&text) : "ok");
}

static void answer_healthz(struct http_exchange *x)
{
	answer_probe(x, x->handlers->healthy);
}

static void answer_readyz(struct http_exchange *x)
{
	answer_probe(x, x->handlers->ready);
}

static unsigned refusal_status(int r)
{
	switch (r) {
	case -EINVAL:
		return MHD_HTTP_BAD_REQUEST;
	case -EBUSY:
		return MHD_HTTP_CONFLICT;
	default:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	}
}

/* Resuming alone wakes nobody up in a loop that is not libmicrohttpd's own. */
static void resume(struct http_exchange *x)
{
	x->connection->suspended = false;
	x->connection->deadline = 0;
	MHD_resume_connection(x->mhd);
	(void)sd_event_source_set_time_relative(x->connection->timer, 0);
	(void)sd_event_source_set_enabled(x->connection->timer, SD_EVENT_ONESHOT);
}

/* The answer may be known afterwards, or come with http_request_complete(). */
static void answer_gc(struct http_exchange *x)
{
	struct err e = { 0 };
	x->request = xnew(struct http_request);
	x->request->exchange = x;
	int r = x->handlers->gc(x->handlers->userdata, buf_string(&x->body), x->body.len,
				x->request, &e);
	if (r == 0)
		return;
	free(take_ptr(x->request));
	answer_text(x, refusal_status(r), e.msg);
}

void http_request_complete(struct http_request *request, unsigned status, const char *content_type,
			   const char *body, size_t len)
{
	struct http_exchange *x = request->exchange;
	free(request);
	if (!x)
		return;
	x->request = NULL;
	answer_set(x, status, content_type);
	x->answer.body.max = len;
	buf_append(&x->answer.body, body, len);
	if (x->connection->suspended)
		resume(x);
}

/* --- routes --------------------------------------------------------------------------------- */

static const struct route routes[] = {
	{ "/metrics", false, false, answer_metrics },
	{ "/status", false, false, answer_status },
	{ "/healthz", false, false, answer_healthz },
	{ "/readyz", false, false, answer_readyz },
	{ "/gc", true, true, answer_gc },
};

static const struct route *find_route(const struct http_exchange *x, bool local, const char *path)
{
	for (size_t i = 0; i < ELEMENTS(routes); i++) {
		const struct route *route = &routes[i];
		if (strcmp(path, route->path) == 0 && (local || !route->local) &&
		    (x->handlers->gc || route->answer != answer_gc))
			return route;
	}
	return NULL;
}

static bool route_takes(const struct route *route, const char *method)
{
	if (route->post)
		return strcmp(method, MHD_HTTP_METHOD_POST) == 0;
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	       strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* --- the exchange --------------------------------------------------------------------------- */

struct http_exchange *http_exchange_new(const struct http_handlers *handlers,
					struct http_connection *connection,
					struct MHD_Connection *mhd, bool local, const char *url,
					const char *method)
{
	struct http_exchange *x = xnew(struct http_exchange);
	x->handlers = handlers;
	x->connection = connection;
	x->mhd = mhd;
	x->body = BUF_INIT(BUF_MAX_HTTP_BODY);
	const struct route *route = find_route(x, local, url);
	if (!route) {
		answer_text(x, MHD_HTTP_NOT_FOUND, "not found");
	} else if (!route_takes(route, method)) {
		x->answer.allow = route->post ? "POST" : "GET, HEAD";
		answer_text(x, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed");
	} else {
		x->route = route;
	}
	return x;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	(void)MHD_add_response_header(response, name, value);
}

/* Hands the answer to libmicrohttpd, which frees the body. */
static enum MHD_Result respond(struct http_exchange *x)
{
	size_t len = x->answer.body.len;
	char *body = take_ptr(x->answer.body.data);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(body);
		return MHD_NO;
	}
	add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, x->answer.content_type);
	add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	add_header(response, "X-Content-Type-Options", "nosniff");
	add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (x->answer.allow)
		add_header(response, MHD_HTTP_HEADER_ALLOW, x->answer.allow);
	enum MHD_Result r = MHD_queue_response(x->mhd, x->answer.status, response);
	MHD_destroy_response(response);
	return r;
}

/* A body that is announced too large is not waited for. */
enum MHD_Result http_exchange_begin(struct http_exchange *x)
{
	const char *length = MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	int64_t n = 0;
	int r = length ? parse_i64(length, &n) : 0;
	if (r == 0 && n <= BUF_MAX_HTTP_BODY)
		return MHD_YES;
	if (x->route)
		answer_text(x, STATUS_TOO_LARGE, "the body is larger than allowed");
	x->route = NULL;
	return respond(x);
}

enum MHD_Result http_exchange_continue(struct http_exchange *x, const char *data, size_t *size)
{
	if (*size) {
		x->received += *size;
		(void)buf_append(&x->body, data, *size);
		*size = 0;
		return x->received <= DISCARD_MAX ? MHD_YES : MHD_NO;
	}
	if (x->route && x->body.overflowed)
		answer_text(x, STATUS_TOO_LARGE, "the body is larger than allowed");
	else if (x->route && !x->answer.status)
		x->route->answer(x);
	if (x->answer.status)
		return respond(x);
	x->connection->suspended = true;
	MHD_suspend_connection(x->mhd);
	return MHD_YES;
}

bool http_exchange_answered(const struct http_exchange *x)
{
	return x->answer.status != 0;
}

void http_exchange_abort(struct http_exchange *x)
{
	x->request->exchange = NULL;
	x->request = NULL;
	answer_text(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the agent is stopping");
	resume(x);
}

struct http_exchange *http_exchange_free(struct http_exchange *x)
{
	if (!x)
		return NULL;
	if (x->request)
		x->request->exchange = NULL;
	x->connection->exchange = NULL;
	buf_done(&x->body);
	buf_done(&x->answer.body);
	free(x);
	return NULL;
}
