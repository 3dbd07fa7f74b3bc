/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/engine/engine-call.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/clock.h"
#include "util/limits.h"
#include "util/utf8.h"

#define SAID_MAX 256 /* of what an engine says about a failure */

/* One request and how its answer is taken. */
struct exchange {
	const char *method;
	const char *path;
	struct buf body;	    /* of an answer that is no list; of a list the beginning */
	struct json_stream *stream; /* NULL: it is no list */
	const int *stop_fd;
	usec_t timeout;
	struct engine_ping *ping;
	struct err why; /* what is wrong with the answer */
};

static int take_document(struct exchange *x, const void *data, size_t len)
{
	if (buf_append(&x->body, data, len) == 0)
		return 0;
	return err_set(&x->why, E2BIG, "the answer is larger than %zu bytes", x->body.max);
}

/*
 * Where a list was asked for, a failure is told in an object, and only the status says afterwards which
 * of the two it was: so what is no list is taken until it is too long for a failure as well.
 */
static int take_list(struct exchange *x, const void *data, size_t len)
{
	size_t room = x->body.max - x->body.len;
	(void)buf_append(&x->body, data, len < room ? len : room);
	if (x->why.code)
		return len < room ? 0 : -x->why.code;
	int r = json_stream_feed(x->stream, data, len, &x->why);
	return r == -EBADMSG && !x->stop_fd ? 0 : r;
}

static int on_body(void *ctx, const void *data, size_t len)
{
	struct exchange *x = ctx;
	return x->stream ? take_list(x, data, len) : take_document(x, data, len);
}

static void on_header(void *ctx, const char *name, const char *value)
{
	struct exchange *x = ctx;
	struct engine_ping *ping = x->ping;
	if (!ping)
		return;
	const struct {
		const char *name;
		char *to;
		size_t size;
	} wanted[] = {
		{ "Server", ping->server, sizeof(ping->server) },
		{ "Api-Version", ping->api_version, sizeof(ping->api_version) },
		{ "Libpod-Api-Version", ping->libpod_version, sizeof(ping->libpod_version) },
	};
	for (size_t i = 0; i < ELEMENTS(wanted); i++) {
		if (strcasecmp(name, wanted[i].name) != 0)
			continue;
		(void)snprintf(wanted[i].to, wanted[i].size, "%s", value);
		utf8_make_printable(wanted[i].to);
	}
}

static int status_error(long status)
{
	switch (status) {
	case 401:
	case 403:
		return EPERM;
	case 404:
		return ENODATA;
	case 405:
	case 501:
		return EOPNOTSUPP;
	case 409:
		return EBUSY;
	default:
		return status >= 500 ? EIO : EPROTO;
	}
}

/* The engine's own words: the member "message" of what it answers, else the text itself. */
static void what_it_said(const struct buf *body, char ret[SAID_MAX])
{
	cleanup_json cJSON *json = NULL;
	const char *message = buf_string(body);
	struct err ignored = { 0 };
	if (json_parse(message, body->len, &json, &ignored) == 0)
		(void)!json_get_string(json, "message", &message, &ignored);
	(void)snprintf(ret, SAID_MAX, "%s", message);
	utf8_make_printable(ret);
	for (size_t len = strlen(ret); len > 0 && ret[len - 1] == ' '; len--)
		ret[len - 1] = '\0';
}

/* "GET /images/json": no version in front, no parameters behind, slashes as people write them. */
static int failed(const struct exchange *x, int code, const char *what, struct err *e)
{
	cleanup_buf struct buf call = BUF_INIT(SAID_MAX);
	static const char slash[] = "%2F";
	for (const char *c = x->path; *c && *c != '?'; c++) {
		bool escaped = strncmp(c, slash, strlen(slash)) == 0;
		(void)buf_putc(&call, escaped ? '/' : *c);
		c += escaped ? strlen(slash) - 1 : 0;
	}
	return err_set(e, code, "%s %s: %s", x->method, buf_string(&call), what);
}

static int answered(struct exchange *x, long status, struct err *e)
{
	if (status < 200 || status > 299) {
		char said[SAID_MAX];
		what_it_said(&x->body, said);
		return failed(x, status_error(status), *said ? said : "it does not say why", e);
	}
	if (x->stream && x->why.code == 0)
		(void)!json_stream_end(x->stream, &x->why);
	return x->why.code ? failed(x, x->why.code, x->why.msg, e) : 0;
}

static int exchange(struct engine_peer *peer, struct exchange *x, struct err *e)
{
	static const char *const headers[] = { "Host: localhost", "Accept: application/json",
					       NULL };
	char path[ENGINE_PATH_MAX + sizeof(peer->prefix)];
	(void)snprintf(path, sizeof(path), "%s%s", x->ping ? "" : peer->prefix, x->path);
	const struct request request = {
		.method = x->method,
		.path = path,
		.headers = headers,
		.timeout = x->timeout,
		.stop_fd = x->stop_fd,
		.on_body = on_body,
		.on_header = on_header,
		.ctx = x,
	};
	long status = 0;
	struct err why = { 0 };
	int r = request_perform(peer->client, &request, &status, &why);
	if (r == 0)
		return answered(x, status, e);
	return x->why.code ? failed(x, x->why.code, x->why.msg, e) : failed(x, -r, why.msg, e);
}

static int measured(struct engine_peer *peer, enum runtime_operation operation, struct exchange *x,
		    struct err *e)
{
	usec_t started = now_monotonic();
	int r = exchange(peer, x, e);
	histogram_observe(&peer->statistics->requests[operation], now_monotonic() - started);
	return r;
}

int engine_ping(struct engine_peer *peer, struct engine_ping *ret, struct err *e)
{
	*ret = (struct engine_ping){ 0 };
	struct exchange x = {
		.method = "GET",
		.path = "/_ping",
		.body = BUF_INIT(BUF_MAX_ENGINE_FAILURE),
		.timeout = peer->timeout,
		.ping = ret,
	};
	int r = measured(peer, OPERATION_VERSION, &x, e);
	buf_done(&x.body);
	return r;
}

int engine_get(struct engine_peer *peer, enum runtime_operation operation, const char *path,
	       cJSON **ret, struct err *e)
{
	struct exchange x = {
		.method = "GET",
		.path = path,
		.body = BUF_INIT(BUF_MAX_ENGINE_ANSWER),
		.timeout = peer->timeout,
	};
	int r = measured(peer, operation, &x, e);
	struct err why = { 0 };
	if (r == 0 && json_parse(buf_string(&x.body), x.body.len, ret, &why) < 0)
		r = failed(&x, why.code, why.msg, e);
	buf_done(&x.body);
	return r;
}

int engine_list(struct engine_peer *peer, enum runtime_operation operation, const char *path,
		int (*on_value)(void *ctx, const cJSON *value, struct err *e), void *ctx,
		struct err *e)
{
	struct json_stream stream = JSON_STREAM_INIT(JSON_STREAM_ELEMENTS, on_value, ctx,
						     BUF_MAX_ENGINE_OBJECT, BUF_MAX_ENGINE_LIST);
	struct exchange x = {
		.method = "GET",
		.path = path,
		.body = BUF_INIT(BUF_MAX_ENGINE_FAILURE),
		.stream = &stream,
		.timeout = peer->timeout,
	};
	int r = measured(peer, operation, &x, e);
	json_stream_done(&stream);
	buf_done(&x.body);
	return r;
}

static int change(struct engine_peer *peer, enum runtime_operation operation, const char *method,
		  const char *path, cJSON **ret, struct err *e)
{
	*ret = NULL;
	struct exchange x = {
		.method = method,
		.path = path,
		.body = BUF_INIT(BUF_MAX_ENGINE_ANSWER),
		.timeout = peer->timeout,
	};
	int r = measured(peer, operation, &x, e);
	if (r == 0)
		(void)!json_parse(buf_string(&x.body), x.body.len, ret, NULL);
	buf_done(&x.body);
	return r;
}

int engine_delete(struct engine_peer *peer, enum runtime_operation operation, const char *path,
		  cJSON **ret, struct err *e)
{
	return change(peer, operation, "DELETE", path, ret, e);
}

int engine_post(struct engine_peer *peer, enum runtime_operation operation, const char *path,
		cJSON **ret, struct err *e)
{
	return change(peer, operation, "POST", path, ret, e);
}

int engine_follow(struct engine_peer *peer, const char *path, const int *stop_fd,
		  int (*on_value)(void *ctx, const cJSON *value, struct err *e), void *ctx,
		  struct err *e)
{
	struct json_stream stream =
		JSON_STREAM_INIT(JSON_STREAM_VALUES, on_value, ctx, BUF_MAX_ENGINE_OBJECT, 0);
	struct exchange x = {
		.method = "GET",
		.path = path,
		.body = BUF_INIT(BUF_MAX_ENGINE_FAILURE),
		.stream = &stream,
		.timeout = USEC_INFINITY,
		.stop_fd = stop_fd,
	};
	int r = exchange(peer, &x, e);
	if (r == 0)
		r = failed(&x, ECONNRESET, "the engine ended the stream", e);
	json_stream_done(&stream);
	buf_done(&x.body);
	return r;
}

/* As distribution/reference has them: letters, digits and separators, none of these in front. */
static bool may_stand_in_a_path(const char *what)
{
	if (!isascii(what[0]) || !isalnum((unsigned char)what[0]))
		return false;
	for (const char *c = what; *c; c++)
		if (!isascii(*c) || (!isalnum((unsigned char)*c) && !strchr("._-:/@+", *c)))
			return false;
	return true;
}

int engine_path(char ret[ENGINE_PATH_MAX], const char *before, const char *what, const char *after,
		struct err *e)
{
	if (!may_stand_in_a_path(what))
		return err_set(e, EBADMSG, "\"%.80s\" is no name of an image or a container", what);
	cleanup_buf struct buf path = BUF_INIT(ENGINE_PATH_MAX - 1);
	(void)buf_puts(&path, before);
	for (const char *c = what; *c; c++)
		(void)(*c == '/' || *c == '+' ? buf_printf(&path, "%%%02X", (unsigned)*c)
					      : buf_putc(&path, *c));
	if (buf_puts(&path, after) < 0)
		return err_set(e, E2BIG, "\"%.80s...\" is too long for a name", what);
	memcpy(ret, path.data, path.len + 1);
	return 0;
}
