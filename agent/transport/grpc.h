/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/request.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/usec.h"

/* gRPC over HTTP/2, as far as calls with one request need it; the pure parts to be tested alone. */

struct grpc_call {
	const char *name;    /* for messages: "ListImages" */
	const char *path;    /* "/runtime.v1.ImageService/ListImages" */
	const void *message; /* packed request */
	size_t message_len;
	/* Also told to the server. USEC_INFINITY: none, of a stream that never ends by itself; then
	 * single messages are capped (BUF_MAX_GRPC_EVENT), all together are not. */
	usec_t timeout;
	const int *stop_fd;   /* ends the call with -ECANCELED when it becomes readable; or NULL */
	const char *metadata; /* one more header, "containerd-namespace: k8s.io"; or NULL */
};

/* A message of an answer; points into the buffer it came in. */
struct grpc_message {
	const uint8_t *data;
	size_t len;
};

/*
 * One unary call. answer takes the raw answer and must have room for BUF_MAX_GRPC_MESSAGE and the frame
 * around it (BUF_MAX_GRPC_ANSWER). On success *ret is the message in it. On failure the message in e
 * begins with the call's name; errors are those of request_perform() and
 *   what the server's grpc-status means, see grpc_status_errno()
 *   -EBADMSG  the answer is no proper gRPC answer with exactly one uncompressed message
 *   -EPROTO   the server answered with an HTTP error
 */
must_check int grpc_unary(struct request_client *c, const struct grpc_call *call,
			  struct buf *answer, struct grpc_message *ret, struct err *e);

/*
 * Takes a message of a stream; what it points to is valid during the call only. A negative errno,
 * with its reason in e, ends the call.
 */
typedef int grpc_on_message(void *ctx, const struct grpc_message *message, struct err *e);

/*
 * One call that is answered with any number of messages, none included. They are handed out as they
 * come, so what they say counts only after the call has succeeded. Errors are those of
 * grpc_unary(), those of on_message(), and
 *   -E2BIG  a message is larger than BUF_MAX_GRPC_MESSAGE, or all are than BUF_MAX_GRPC_STREAM
 */
must_check int grpc_stream(struct request_client *c, const struct grpc_call *call,
			   grpc_on_message *on_message, void *ctx, struct err *e);

/* What precedes a message on the wire. */
#define GRPC_FRAME_HEADER 5

/* Cuts a stream that comes in pieces of any size into its messages. */
struct grpc_frames {
	struct buf pending;	       /* the beginning of a message */
	size_t taken;		       /* bytes so far */
	size_t max_message, max_taken; /* max_taken SIZE_MAX: not counted */
	bool begun;
	grpc_on_message *on_message;
	void *ctx;
	struct err err; /* the first thing that went wrong; nothing is handed out afterwards */
};

/* Releases it with grpc_frames_done(). */
void grpc_frames_init(struct grpc_frames *f, grpc_on_message *on_message, void *ctx);
void grpc_frames_done(struct grpc_frames *f);
#define cleanup_grpc_frames __attribute__((cleanup(grpc_frames_done)))
/* Takes the next piece. 0, or the negative errno that f->err holds. */
must_check int grpc_frames_take(struct grpc_frames *f, const void *data, size_t len);
/* The stream has ended: -EBADMSG when it did so within a message. */
must_check int grpc_frames_end(const struct grpc_frames *f, struct err *e);

/* Takes the one message out of a complete answer. -EBADMSG, -E2BIG as above. */
must_check int grpc_unframe(const void *data, size_t len, struct grpc_message *ret, struct err *e);

/*
 * The negative errno for a status other than OK: DEADLINE_EXCEEDED -ETIMEDOUT, UNAVAILABLE -ECONNREFUSED,
 * UNIMPLEMENTED -EOPNOTSUPP, PERMISSION_DENIED and UNAUTHENTICATED -EPERM, FAILED_PRECONDITION and
 * ABORTED -EBUSY, RESOURCE_EXHAUSTED -E2BIG (an answer above the server's own limit), NOT_FOUND
 * -ENODATA (not -ENOENT, which is a missing socket), INVALID_ARGUMENT and OUT_OF_RANGE -EPROTO,
 * every other -EIO.
 */
int grpc_status_errno(int status);
/* "NOT_FOUND"; "status 17" is written for what is not defined, hence the buffer. */
#define GRPC_STATUS_NAME_MAX 32
const char *grpc_status_name(int status, char buf[GRPC_STATUS_NAME_MAX]);

/*
 * Undoes the percent-encoding of grpc-message into a NUL-terminated text of at most size - 1 bytes that
 * is safe to print: control characters become spaces, what is not UTF-8 "?".
 */
void grpc_decode_message(const char *encoded, char *ret, size_t size);

/* The value of grpc-timeout: at most eight digits and a unit, rounded up. */
#define GRPC_TIMEOUT_MAX 12
char *grpc_timeout(usec_t timeout, char buf[GRPC_TIMEOUT_MAX]);
