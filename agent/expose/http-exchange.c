/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/http-exchange.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expose/accept.h"
#include "expose/http-access.h"
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
	const char *allow;     /* of a 405 */
	const char *challenge; /* of a 401 */
	struct buf body;
};

struct route {
	const char *path;
	bool post;  /* else GET and HEAD */
	bool local; /* unix sockets only */
	bool open;  /* for everybody: who probes has nothing to show */
	void (*answer)(struct http_exchange *x);
};

/* What the gc and authorize handlers hold. */
struct http_request {
	struct http_exchange *exchange; /* NULL: nobody waits for the answer any more */
};

struct http_exchange {
	const struct http_context *context;
	const struct http_handlers *handlers;
	struct http_connection *connection;
	struct MHD_Connection *mhd;
	bool local;
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
	{ "/metrics", .answer = answer_metrics },
	{ "/status", .answer = answer_status },
	{ "/healthz", .open = true, .answer = answer_healthz },
	{ "/readyz", .open = true, .answer = answer_readyz },
	{ "/gc", .post = true, .local = true, .answer = answer_gc },
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

/* --- who may see that ------------------------------------------------------------------------- */

#define CHALLENGE "Bearer realm=\"disk-pressure-agent\""

/* What a token or certificate could have been is not told. */
static void refuse(struct http_exchange *x, bool shown)
{
	const struct http_secrets *s = x->context->secrets;
	if (!x->context->authorize && !(s && s->has_token)) {
		answer_text(x, MHD_HTTP_FORBIDDEN, "this needs a client certificate");
		return;
	}
	answer_text(x, MHD_HTTP_UNAUTHORIZED,
		    shown ? "the token is not accepted" : "this needs a token");
	x->answer.challenge = shown ? CHALLENGE ", error=\"invalid_token\"" : CHALLENGE;
}

static void settle(struct http_exchange *x, enum http_verdict verdict)
{
	switch (verdict) {
	case HTTP_ADMITTED:
		x->route->answer(x);
		return;
	case HTTP_UNKNOWN:
		refuse(x, true);
		return;
	case HTTP_FORBIDDEN:
		answer_text(x, MHD_HTTP_FORBIDDEN, "the cluster does not allow you to see this");
		return;
	case HTTP_UNDECIDED:
		answer_text(x, MHD_HTTP_SERVICE_UNAVAILABLE,
			    "the cluster cannot be asked whether you may see this");
		return;
	}
}

/* The verdict may be known afterwards, or come with http_request_admit(). */
static void ask_handler(struct http_exchange *x, const struct http_caller *caller)
{
	x->request = xnew(struct http_request);
	x->request->exchange = x;
	x->handlers->authorize(x->handlers->userdata, caller, x->request);
}

static void ask_about_client(struct http_exchange *x, const struct http_client *client)
{
	const char *groups[N_MAX_CLIENT_GROUPS];
	for (size_t i = 0; i < client->n_groups; i++)
		groups[i] = client->groups[i];
	const struct http_caller caller = { .path = x->route->path,
					    .user = client->user,
					    .groups = groups,
					    .n_groups = client->n_groups };
	ask_handler(x, &caller);
}

/*
 * A certificate goes first, as it does in the API server: unlike a token it was proven before anything was
 * asked for.
 */
static void admit(struct http_exchange *x)
{
	const struct http_context *c = x->context;
	const struct http_secrets *s = c->secrets;
	struct http_client client;
	size_t len;
	bool trusts = s && s->client_ca, wants = trusts || c->authorize || (s && s->has_token);
	if (x->local || x->route->open || !wants) {
		settle(x, HTTP_ADMITTED);
		return;
	}
	const char *token = http_access_token(
		MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION),
		&len);
	bool certified = trusts && http_access_client(x->mhd, c->authorize ? &client : NULL);
	if ((certified && !c->authorize) || (token && http_secrets_is_token(s, token, len)))
		settle(x, HTTP_ADMITTED);
	else if (certified)
		ask_about_client(x, &client);
	else if (token && c->authorize)
		ask_handler(x, &(struct http_caller){
				       .path = x->route->path, .token = token, .token_len = len });
	else
		refuse(x, token != NULL);
}

void http_request_admit(struct http_request *request, enum http_verdict verdict)
{
	struct http_exchange *x = request->exchange;
	free(request);
	if (!x)
		return;
	x->request = NULL;
	settle(x, verdict);
	if (x->connection->suspended)
		resume(x);
}

/* --- the exchange --------------------------------------------------------------------------- */

struct http_exchange *http_exchange_new(const struct http_context *context,
					struct http_connection *connection,
					struct MHD_Connection *mhd, bool local, const char *url,
					const char *method)
{
	struct http_exchange *x = xnew(struct http_exchange);
	x->context = context;
	x->handlers = context->handlers;
	x->connection = connection;
	x->mhd = mhd;
	x->local = local;
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
	if (x->answer.challenge)
		add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, x->answer.challenge);
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
		admit(x);
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
