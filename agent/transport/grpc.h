/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "transport/request.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/usec.h"

/* gRPC over HTTP/2, as far as unary calls need it. The pure parts stand here to be tested alone. */

struct grpc_call {
	const char *name;    /* for messages: "ListImages" */
	const char *path;    /* "/runtime.v1.ImageService/ListImages" */
	const void *message; /* packed request */
	size_t message_len;
	usec_t timeout; /* also told to the server */
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

/* What precedes a message on the wire. */
#define GRPC_FRAME_HEADER 5

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
