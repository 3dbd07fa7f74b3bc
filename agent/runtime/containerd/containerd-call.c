/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/containerd-call.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "runtime/containerd/containerd.pb-c.h"
#include "runtime/cri/cri-call.h"
#include "transport/grpc.h"

static const struct method {
	const char *name;
	const char *path;
	const ProtobufCMessageDescriptor *answer;
} methods[_CONTAINERD_METHOD_MAX] = {
	[CONTAINERD_LIST_NAMESPACES] = { "Namespaces/List",
					 "/containerd.services.namespaces.v1.Namespaces/List",
					 &containerd__list_namespaces_response__descriptor },
	[CONTAINERD_LIST_CONTENT] = { "Content/List",
				      "/containerd.services.content.v1.Content/List",
				      &containerd__list_content_response__descriptor },
	[CONTAINERD_LIST_IMAGES] = { "Images/List", "/containerd.services.images.v1.Images/List",
				     &containerd__list_images_response__descriptor },
	[CONTAINERD_LIST_SNAPSHOTS] = { "Snapshots/List",
					"/containerd.services.snapshots.v1.Snapshots/List",
					&containerd__list_snapshots_response__descriptor },
	[CONTAINERD_USAGE] = { "Snapshots/Usage",
			       "/containerd.services.snapshots.v1.Snapshots/Usage",
			       &containerd__usage_response__descriptor },
	[CONTAINERD_PLUGINS] = { "Introspection/Plugins",
				 "/containerd.services.introspection.v1.Introspection/Plugins",
				 &containerd__plugins_response__descriptor },
};

struct answering {
	const ProtobufCMessageDescriptor *type;
	containerd_on_answer *on_answer;
	void *ctx;
};

usec_t containerd_now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static int on_message(void *ctx, const struct grpc_message *message, struct err *e)
{
	const struct answering *a = ctx;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	int r = cri_unpack(a->type, message->data, message->len, &answer, e);
	return r < 0 ? r : a->on_answer(a->ctx, answer.message, e);
}

int containerd_call(const struct containerd_peer *peer, enum containerd_method method,
		    const char *space, const ProtobufCMessage *request,
		    containerd_on_answer *on_answer, void *ctx, struct err *e)
{
	usec_t left = peer->deadline - containerd_now();
	if (left <= 0)
		return err_set(e, ETIMEDOUT, "%s: no time left to ask", methods[method].name);
	size_t len = protobuf_c_message_get_packed_size(request);
	cleanup_free uint8_t *packed = xcalloc(len + 1, 1);
	protobuf_c_message_pack(request, packed);
	char header[128];
	(void)snprintf(header, sizeof(header), "containerd-namespace: %s", space);
	const struct grpc_call call = {
		.name = methods[method].name,
		.path = methods[method].path,
		.message = packed,
		.message_len = len,
		.timeout = left,
		.metadata = header,
	};
	struct answering answering = { methods[method].answer, on_answer, ctx };
	return grpc_stream(peer->client, &call, on_message, &answering, e);
}
