/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "transport/request.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/usec.h"

enum containerd_method {
	CONTAINERD_LIST_NAMESPACES,
	CONTAINERD_LIST_CONTENT,
	CONTAINERD_LIST_IMAGES,
	CONTAINERD_LIST_SNAPSHOTS,
	CONTAINERD_USAGE,
	CONTAINERD_PLUGINS,
	_CONTAINERD_METHOD_MAX,
};

/* Where calls go, and when all of them together have to be over. */
struct containerd_peer {
	struct request_client *client;
	usec_t deadline;   /* of containerd_now() */
	const char *space; /* namespace of the images that it is about */
};

/* CLOCK_MONOTONIC. */
usec_t containerd_now(void);

/* Takes a message of the answer, which is of the method's type and goes after the call. */
typedef int containerd_on_answer(void *ctx, const ProtobufCMessage *message, struct err *e);

/*
 * Calls a method in a namespace and hands out the messages of its answer: one, or as many as a list
 * has. Errors are those of grpc_stream(), of cri_unpack() and of on_answer(), and -ETIMEDOUT when
 * the deadline has passed already. The message in e begins with the method's name.
 */
must_check int containerd_call(const struct containerd_peer *peer, enum containerd_method method,
			       const char *space, const ProtobufCMessage *request,
			       containerd_on_answer *on_answer, void *ctx, struct err *e);
