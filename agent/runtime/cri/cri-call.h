/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "core/status.h"
#include "transport/grpc.h"
#include "transport/request.h"
#include "util/alloc.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/usec.h"

/* Where calls go, and what is counted about them. */
struct cri_peer {
	struct request_client *client;
	usec_t timeout; /* of one call */
	struct runtime_statistics *statistics;
};

/* A decoded answer. Zero-initialise it; release it as soon as it is converted. */
struct cri_answer {
	const ProtobufCMessage *message; /* of the type that the operation answers with */
	struct arena arena;
	bool over_budget;
};

/*
 * Performs one call of the Container Runtime Interface and decodes the answer. Every operation is one
 * method. request is of the operation's request type. Errors are those of grpc_unary() and
 *   -EBADMSG  the answer is no message of the expected type
 *   -E2BIG    decoded it would take more than BUF_MAX_GRPC_UNPACKED bytes of memory
 * The message in e begins with the method's name. The call's duration is counted, failed ones too.
 */
must_check int cri_call(struct cri_peer *peer, enum runtime_operation operation,
			const ProtobufCMessage *request, struct cri_answer *ret, struct err *e);

/*
 * Performs a call whose answer never ends, and hands out its messages. call has name, path, metadata
 * and stop_fd; message and timeout are set here. Errors are those of grpc_stream(); never 0: a
 * runtime that ends the answer is -ECONNRESET.
 */
must_check int cri_subscribe(struct request_client *client, const struct grpc_call *call,
			     const ProtobufCMessage *request, grpc_on_message *on_message,
			     void *ctx, struct err *e);

/* The method's name, as it stands in front of messages: "ListImages". */
const char *cri_method_name(enum runtime_operation operation);

/*
 * Decodes a message within the memory budget; a small hostile message could grow fifty-fold
 * otherwise. ret as above. For cri_call() and tests.
 */
must_check int cri_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
			  struct cri_answer *ret, struct err *e);

/* Releases a decoded answer; everything in it is gone. */
void cri_answer_done(struct cri_answer *answer);
#define cleanup_cri_answer __attribute__((cleanup(cri_answer_done)))
