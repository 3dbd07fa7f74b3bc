/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/grpc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/limits.h"
#include "util/parse.h"
#include "util/utf8.h"

#define STATUS_OK      0
#define STATUS_ABSENT  (-1)
#define STATUS_INVALID (-2)

static const struct {
	const char *name;
	int code;
} statuses[] = {
	{ "OK", 0 },
	{ "CANCELLED", EIO },
	{ "UNKNOWN", EIO },
	{ "INVALID_ARGUMENT", EPROTO },
	{ "DEADLINE_EXCEEDED", ETIMEDOUT },
	{ "NOT_FOUND", ENODATA },
	{ "ALREADY_EXISTS", EIO },
	{ "PERMISSION_DENIED", EPERM },
	{ "RESOURCE_EXHAUSTED", E2BIG },
	{ "FAILED_PRECONDITION", EBUSY },
	{ "ABORTED", EBUSY },
	{ "OUT_OF_RANGE", EPROTO },
	{ "UNIMPLEMENTED", EOPNOTSUPP },
	{ "INTERNAL", EIO },
	{ "UNAVAILABLE", ECONNREFUSED },
	{ "DATA_LOSS", EIO },
	{ "UNAUTHENTICATED", EPERM },
};

static bool status_known(int status)
{
	return status >= 0 && (size_t)status < ELEMENTS(statuses);
}

int grpc_status_errno(int status)
{
	return status_known(status) ? -statuses[status].code : -EIO;
}

const char *grpc_status_name(int status, char buf[GRPC_STATUS_NAME_MAX])
{
	if (status_known(status))
		return statuses[status].name;
	(void)snprintf(buf, GRPC_STATUS_NAME_MAX, "status %d", status);
	return buf;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a percent-encoded text; what is no proper escape stands for itself. */
static size_t decode_byte(const char *encoded, char *ret)
{
	if (encoded[0] == '%') {
		int high = hex_digit(encoded[1]);
		int low = high < 0 ? -1 : hex_digit(encoded[2]);
		if (low >= 0) {
			*ret = (char)(high << 4 | low);
			return 3;
		}
	}
	*ret = encoded[0];
	return 1;
}

void grpc_decode_message(const char *encoded, char *ret, size_t size)
{
	size_t n = 0;
	while (*encoded && n + 1 < size) {
		encoded += decode_byte(encoded, &ret[n]);
		/* An escaped NUL must not hide what follows. */
		if (ret[n] == '\0')
			ret[n] = ' ';
		n++;
	}
	ret[n] = '\0';
	utf8_make_printable(ret);
}

char *grpc_timeout(usec_t timeout, char buf[GRPC_TIMEOUT_MAX])
{
	const long long max = 99999999;
	long long ms = timeout <= 0 ? 1 : (timeout - 1) / USEC_PER_MSEC + 1;
	if (ms <= max) {
		(void)snprintf(buf, GRPC_TIMEOUT_MAX, "%lldm", ms);
		return buf;
	}
	long long hours = (timeout - 1) / USEC_PER_HOUR + 1;
	(void)snprintf(buf, GRPC_TIMEOUT_MAX, "%lldH", hours > max ? max : hours);
	return buf;
}

/* Reads what stands in front of a message. data holds GRPC_FRAME_HEADER bytes at least. */
static int announced_size(const void *data, size_t max, size_t *ret, struct err *e)
{
	const uint8_t *p = data;
	if (p[0] != 0)
		return err_set(e, EBADMSG,
			       p[0] == 1 ? "the answer is compressed, which was not asked for"
					 : "the answer is not framed as gRPC");
	size_t announced = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (announced > max)
		return err_set(e, E2BIG,
			       "the answer announces %zu bytes, more than %zu are not taken",
			       announced, max);
	*ret = announced;
	return 0;
}

int grpc_unframe(const void *data, size_t len, struct grpc_message *ret, struct err *e)
{
	if (len < GRPC_FRAME_HEADER)
		return err_set(e, EBADMSG, "the answer has %zu bytes, too few for a message", len);
	size_t announced = 0;
	int r = announced_size(data, BUF_MAX_GRPC_MESSAGE, &announced, e);
	if (r < 0)
		return r;
	if (announced != len - GRPC_FRAME_HEADER)
		return err_set(e, EBADMSG, "the answer announces %zu bytes and has %zu", announced,
			       len - GRPC_FRAME_HEADER);
	*ret = (struct grpc_message){ .data = (const uint8_t *)data + GRPC_FRAME_HEADER,
				      .len = announced };
	return 0;
}

void grpc_frames_init(struct grpc_frames *f, grpc_on_message *on_message, void *ctx)
{
	*f = (struct grpc_frames){
		/* a message, and what came behind it in the same piece */
		.pending = BUF_INIT(GRPC_FRAME_HEADER + 2 * (size_t)BUF_MAX_GRPC_MESSAGE),
		.max_message = BUF_MAX_GRPC_MESSAGE,
		.max_taken = BUF_MAX_GRPC_STREAM,
		.on_message = on_message,
		.ctx = ctx,
	};
}

void grpc_frames_done(struct grpc_frames *f)
{
	buf_done(&f->pending);
}

/* Hands out what is complete. */
static int hand_out(struct grpc_frames *f)
{
	size_t at = 0, left = f->pending.len, announced = 0;
	int r = 0;
	while (r == 0 && left >= GRPC_FRAME_HEADER) {
		const char *p = f->pending.data + at;
		r = announced_size(p, f->max_message, &announced, &f->err);
		if (r < 0 || left - GRPC_FRAME_HEADER < announced)
			break;
		struct grpc_message message = { .data = (const uint8_t *)p + GRPC_FRAME_HEADER,
						.len = announced };
		r = f->on_message(f->ctx, &message, &f->err);
		at += GRPC_FRAME_HEADER + announced;
		left -= GRPC_FRAME_HEADER + announced;
	}
	if (at > 0)
		memmove(f->pending.data, f->pending.data + at, left);
	f->pending.len = left;
	return r;
}

int grpc_frames_take(struct grpc_frames *f, const void *data, size_t len)
{
	if (f->err.code)
		return -f->err.code;
	if (len > f->max_taken - f->taken || buf_append(&f->pending, data, len) < 0)
		return err_set(&f->err, E2BIG, "the answer is larger than %d bytes",
			       BUF_MAX_GRPC_STREAM);
	f->taken += f->max_taken == SIZE_MAX ? 0 : len;
	f->begun = f->begun || len > 0;
	return hand_out(f);
}

int grpc_frames_end(const struct grpc_frames *f, struct err *e)
{
	if (f->pending.len == 0)
		return 0;
	return err_set(e, EBADMSG, "the answer ends within a message");
}

/* What headers and trailers said. */
struct outcome {
	struct buf *answer;	    /* of a unary call */
	struct grpc_frames *frames; /* of a stream */
	int status;
	bool status_after_body;
	bool is_grpc;
	char content_type[64];
	char message[320];
};

static bool body_begun(const struct outcome *o)
{
	return o->frames ? o->frames->begun : o->answer->len > 0;
}

static void take_status(struct outcome *o, const char *value)
{
	int64_t status;
	bool valid = parse_i64(value, &status) == 0 && status >= 0 && status <= 9999;
	o->status = valid ? (int)status : STATUS_INVALID;
	o->status_after_body = body_begun(o);
}

static void take_content_type(struct outcome *o, const char *value)
{
	static const char expected[] = "application/grpc";
	size_t n = sizeof(expected) - 1;
	o->is_grpc = strncasecmp(value, expected, n) == 0 && strchr("+; ", value[n]);
	grpc_decode_message(value, o->content_type, sizeof(o->content_type));
}

static void on_header(void *ctx, const char *name, const char *value)
{
	struct outcome *o = ctx;
	if (strcasecmp(name, "grpc-status") == 0)
		take_status(o, value);
	else if (strcasecmp(name, "grpc-message") == 0)
		grpc_decode_message(value, o->message, sizeof(o->message));
	else if (strcasecmp(name, "content-type") == 0)
		take_content_type(o, value);
}

/* HTTP errors as gRPC defines their meaning; they come from something in front of a server. */
static int http_error(long status, struct err *e)
{
	int code = EPROTO;
	if (status == 401 || status == 403)
		code = EPERM;
	else if (status == 404)
		code = EOPNOTSUPP;
	else if (status == 429 || (status >= 502 && status <= 504))
		code = ECONNREFUSED;
	return err_set(e, code, "HTTP status %ld instead of a gRPC answer", status);
}

static int status_error(const struct outcome *o, struct err *e)
{
	char name[GRPC_STATUS_NAME_MAX];
	return err_set(e, -grpc_status_errno(o->status), "%s (%s)",
		       *o->message ? o->message : "the runtime gives no reason",
		       grpc_status_name(o->status, name));
}

static int judge(const struct outcome *o, long http_status, struct err *e)
{
	if (http_status != 200)
		return http_error(http_status, e);
	if (!o->is_grpc)
		return err_set(e, EBADMSG,
			       "the answer is of type \"%s\" instead of application/grpc",
			       o->content_type);
	if (o->status == STATUS_INVALID)
		return err_set(e, EBADMSG, "the answer's grpc-status is not a number");
	/* A status ahead of the body is none: the stream may have ended anywhere. */
	if (o->status == STATUS_ABSENT || (body_begun(o) && !o->status_after_body))
		return err_set(e, EBADMSG, "the answer ends without a grpc-status");
	return o->status == STATUS_OK ? 0 : status_error(o, e);
}

static void frame(struct buf *out, const void *message, size_t len)
{
	const char header[GRPC_FRAME_HEADER] = { 0, (char)(len >> 24), (char)(len >> 16),
						 (char)(len >> 8), (char)len };
	(void)buf_append(out, header, sizeof(header));
	(void)buf_append(out, message, len);
}

static int on_body(void *ctx, const void *data, size_t len)
{
	struct outcome *o = ctx;
	return grpc_frames_take(o->frames, data, len);
}

static int exchange(struct request_client *c, const struct grpc_call *call, struct outcome *outcome,
		    struct err *e)
{
	cleanup_buf struct buf body = BUF_INIT(GRPC_FRAME_HEADER + BUF_MAX_GRPC_MESSAGE);
	frame(&body, call->message, call->message_len);
	if (body.overflowed)
		return err_set(e, E2BIG, "the request is larger than %d bytes",
			       BUF_MAX_GRPC_MESSAGE);
	char timeout[GRPC_TIMEOUT_MAX], timeout_header[32];
	(void)snprintf(timeout_header, sizeof(timeout_header), "grpc-timeout: %s",
		       grpc_timeout(call->timeout, timeout));
	const char *headers[6] = { "content-type: application/grpc", "te: trailers",
				   "user-agent: disk-pressure-agent" };
	size_t n = 3;
	if (call->timeout != USEC_INFINITY)
		headers[n++] = timeout_header;
	headers[n] = call->metadata;
	const struct request request = {
		.path = call->path,
		.headers = headers,
		.body = body.data,
		.body_len = body.len,
		.timeout = call->timeout,
		.stop_fd = call->stop_fd,
		.response = outcome->answer,
		.on_body = outcome->frames ? on_body : NULL,
		.on_header = on_header,
		.ctx = outcome,
	};
	long http_status = 0;
	int r = request_perform(c, &request, &http_status, e);
	/* A server may refuse and reset the stream: what it said counts more than how it ended. */
	if (r < 0 && outcome->is_grpc && outcome->status > STATUS_OK)
		return status_error(outcome, e);
	return r < 0 ? r : judge(outcome, http_status, e);
}

int grpc_unary(struct request_client *c, const struct grpc_call *call, struct buf *answer,
	       struct grpc_message *ret, struct err *e)
{
	struct outcome outcome = { .answer = answer, .status = STATUS_ABSENT };
	int r = exchange(c, call, &outcome, e);
	if (r == 0)
		r = grpc_unframe(answer->data, answer->len, ret, e);
	if (r < 0)
		(void)err_prefix(e, "%s: ", call->name);
	return r;
}

int grpc_stream(struct request_client *c, const struct grpc_call *call, grpc_on_message *on_message,
		void *ctx, struct err *e)
{
	cleanup_grpc_frames struct grpc_frames frames;
	grpc_frames_init(&frames, on_message, ctx);
	if (call->timeout == USEC_INFINITY) {
		frames.max_message = BUF_MAX_GRPC_EVENT;
		frames.max_taken = SIZE_MAX;
	}
	struct outcome outcome = { .frames = &frames, .status = STATUS_ABSENT };
	int r = exchange(c, call, &outcome, e);
	/* What ended the transfer counts more than how libcurl saw it end. */
	if (frames.err.code)
		r = err_set(e, frames.err.code, "%s", frames.err.msg);
	if (r == 0)
		r = grpc_frames_end(&frames, e);
	if (r < 0)
		(void)err_prefix(e, "%s: ", call->name);
	return r;
}
