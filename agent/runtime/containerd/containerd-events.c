/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/containerd-events.h"

#include <string.h>

#include "runtime/containerd/containerd.h"
#include "runtime/containerd/containerd-lists.h"
#include "runtime/containerd/containerd.pb-c.h"
#include "runtime/cri/cri-call.h"
#include "runtime/cri/cri-text.h"

#define TOPIC "/containers/create"

#define cleanup_arena __attribute__((cleanup(arena_done)))

static void tell(const struct runtime_watch *watch, const Containerd__ContainerCreate *created)
{
	cleanup_arena struct arena arena = { 0 };
	struct container_event event = {
		.kind = CONTAINER_EVENT_CREATED,
		.references = { "", "", "", "" },
	};
	if (cri_id(&arena, &created->id, "a container's ID", &event.id, NULL) == 0 &&
	    cri_id(&arena, &created->image, "its image", &event.references[0], NULL) == 0)
		watch->on_event(watch->ctx, &event);
}

/* What is asked for is filtered by containerd; what makes no sense is left out. */
static int on_message(void *ctx, const struct grpc_message *message, struct err *e)
{
	(void)e;
	const struct runtime_watch *watch = ctx;
	cleanup_cri_answer struct cri_answer answer = { 0 }, inner = { 0 };
	if (cri_unpack(&containerd__envelope__descriptor, message->data, message->len, &answer,
		       NULL) < 0)
		return 0;
	const Containerd__Envelope *envelope = (const Containerd__Envelope *)answer.message;
	if (!envelope->event || envelope->topic.len != strlen(TOPIC) ||
	    memcmp(envelope->topic.data, TOPIC, envelope->topic.len) != 0)
		return 0;
	const ProtobufCBinaryData *event = &envelope->event->value;
	if (cri_unpack(&containerd__container_create__descriptor, event->data, event->len, &inner,
		       NULL) == 0)
		tell(watch, (const Containerd__ContainerCreate *)inner.message);
	return 0;
}

int containerd_events(struct request_client *client, const struct runtime_watch *watch,
		      struct err *e)
{
	static char filter[] = "namespace==" CONTAINERD_NAMESPACE ",topic==\"" TOPIC "\"";
	ProtobufCBinaryData filters = { sizeof(filter) - 1, (uint8_t *)filter };
	Containerd__SubscribeRequest request = CONTAINERD__SUBSCRIBE_REQUEST__INIT;
	request.n_filters = 1;
	request.filters = &filters;
	const struct grpc_call call = {
		.name = "Events/Subscribe",
		.path = "/containerd.services.events.v1.Events/Subscribe",
		.stop_fd = &watch->stop_fd,
		.metadata = "containerd-namespace: " CONTAINERD_NAMESPACE,
	};
	union {
		const struct runtime_watch *watch;
		void *ctx;
	} same = { .watch = watch };
	return cri_subscribe(client, &call, &request.base, on_message, same.ctx, e);
}
