/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri/cri-call.h"

#include <errno.h>

#include "runtime/cri/cri.pb-c.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/limits.h"

#define IMAGE_SERVICE(method)	"/runtime.v1.ImageService/" method
#define RUNTIME_SERVICE(method) "/runtime.v1.RuntimeService/" method

static const struct cri_method {
	const char *name;
	const char *path;
	const ProtobufCMessageDescriptor *answer;
} methods[_OPERATION_MAX] = {
	[OPERATION_VERSION] = { "Version", RUNTIME_SERVICE("Version"),
				&runtime__v1__version_response__descriptor },
	[OPERATION_STATUS] = { "Status", RUNTIME_SERVICE("Status"),
			       &runtime__v1__status_response__descriptor },
	[OPERATION_LIST_IMAGES] = { "ListImages", IMAGE_SERVICE("ListImages"),
				    &runtime__v1__list_images_response__descriptor },
	[OPERATION_IMAGE_STATUS] = { "ImageStatus", IMAGE_SERVICE("ImageStatus"),
				     &runtime__v1__image_status_response__descriptor },
	[OPERATION_REMOVE_IMAGE] = { "RemoveImage", IMAGE_SERVICE("RemoveImage"),
				     &runtime__v1__remove_image_response__descriptor },
	[OPERATION_IMAGE_FS_INFO] = { "ImageFsInfo", IMAGE_SERVICE("ImageFsInfo"),
				      &runtime__v1__image_fs_info_response__descriptor },
	[OPERATION_LIST_CONTAINERS] = { "ListContainers", RUNTIME_SERVICE("ListContainers"),
					&runtime__v1__list_containers_response__descriptor },
	[OPERATION_CONTAINER_STATUS] = { "ContainerStatus", RUNTIME_SERVICE("ContainerStatus"),
					 &runtime__v1__container_status_response__descriptor },
	[OPERATION_LIST_SANDBOXES] = { "ListPodSandbox", RUNTIME_SERVICE("ListPodSandbox"),
				       &runtime__v1__list_pod_sandbox_response__descriptor },
	[OPERATION_SANDBOX_STATUS] = { "PodSandboxStatus", RUNTIME_SERVICE("PodSandboxStatus"),
				       &runtime__v1__pod_sandbox_status_response__descriptor },
};

const char *cri_method_name(enum runtime_operation operation)
{
	return methods[operation].name;
}

static void *budget_alloc(void *allocator_data, size_t size)
{
	struct cri_answer *answer = allocator_data;
	if (size > BUF_MAX_GRPC_UNPACKED || answer->arena.used > BUF_MAX_GRPC_UNPACKED - size) {
		answer->over_budget = true;
		return NULL;
	}
	return arena_calloc(&answer->arena, 1, size);
}

/* The arena goes as a whole. */
static void budget_free(void *allocator_data, void *p)
{
	(void)allocator_data;
	(void)p;
}

int cri_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
	       struct cri_answer *ret, struct err *e)
{
	ProtobufCAllocator allocator = { budget_alloc, budget_free, ret };
	ret->message = protobuf_c_message_unpack(type, &allocator, len, data);
	if (ret->message)
		return 0;
	bool over_budget = ret->over_budget;
	cri_answer_done(ret);
	if (over_budget)
		return err_set(e, E2BIG, "the answer takes more than %d bytes of memory",
			       BUF_MAX_GRPC_UNPACKED);
	return err_set(e, EBADMSG, "the answer is not a %s message", type->short_name);
}

void cri_answer_done(struct cri_answer *answer)
{
	arena_done(&answer->arena);
	*answer = (struct cri_answer){ 0 };
}

static int call(struct cri_peer *peer, const struct cri_method *method,
		const ProtobufCMessage *request, struct cri_answer *ret, struct err *e)
{
	size_t len = protobuf_c_message_get_packed_size(request);
	cleanup_free uint8_t *packed = xcalloc(len + 1, 1);
	protobuf_c_message_pack(request, packed);
	const struct grpc_call call = {
		.name = method->name,
		.path = method->path,
		.message = packed,
		.message_len = len,
		.timeout = peer->timeout,
	};
	cleanup_buf struct buf raw = BUF_INIT(GRPC_FRAME_HEADER + BUF_MAX_GRPC_MESSAGE);
	struct grpc_message message;
	int r = grpc_unary(peer->client, &call, &raw, &message, e);
	if (r < 0)
		return r;
	r = cri_unpack(method->answer, message.data, message.len, ret, e);
	if (r < 0)
		(void)err_prefix(e, "%s: ", method->name);
	return r;
}

int cri_call(struct cri_peer *peer, enum runtime_operation operation,
	     const ProtobufCMessage *request, struct cri_answer *ret, struct err *e)
{
	usec_t started = now_monotonic();
	int r = call(peer, &methods[operation], request, ret, e);
	histogram_observe(&peer->statistics->requests[operation], now_monotonic() - started);
	return r;
}

int cri_subscribe(struct request_client *client, const struct grpc_call *call,
		  const ProtobufCMessage *request, grpc_on_message *on_message, void *ctx,
		  struct err *e)
{
	struct grpc_call endless = *call;
	endless.message_len = protobuf_c_message_get_packed_size(request);
	endless.timeout = USEC_INFINITY;
	cleanup_free uint8_t *packed = xcalloc(endless.message_len + 1, 1);
	protobuf_c_message_pack(request, packed);
	endless.message = packed;
	int r = grpc_stream(client, &endless, on_message, ctx, e);
	return r < 0 ? r : err_set(e, ECONNRESET, "%s: the runtime ended it", call->name);
}
