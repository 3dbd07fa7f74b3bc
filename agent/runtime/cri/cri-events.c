/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri/cri-events.h"

#include <errno.h>
#include <string.h>

#include "runtime/cri/cri-call.h"
#include "runtime/cri/cri-convert.h"
#include "runtime/cri/cri-text.h"
#include "runtime/cri/cri.pb-c.h"
#include "util/clock.h"

#define CREATED 0

/* An answer that ended earlier than that, and told nothing, was none. */
#define AT_ONCE USEC_PER_SEC

#define cleanup_arena __attribute__((cleanup(arena_done)))

struct listener {
	const struct runtime_watch *watch;
	bool heard; /* anything at all */
};

/* The status of the container that it is about, or NULL: of one that was deleted there is none. */
static Runtime__V1__ContainerStatus *own_status(const Runtime__V1__ContainerEventResponse *m)
{
	for (size_t i = 0; i < m->n_containers_statuses; i++) {
		const ProtobufCBinaryData *id = &m->containers_statuses[i]->id;
		if (id->len > 0 && id->len == m->container_id.len &&
		    memcmp(id->data, m->container_id.data, id->len) == 0)
			return m->containers_statuses[i];
	}
	return NULL;
}

static void tell(const struct listener *l, const Runtime__V1__ContainerEventResponse *m)
{
	cleanup_arena struct arena arena = { 0 };
	Runtime__V1__ContainerStatusResponse answer = RUNTIME__V1__CONTAINER_STATUS_RESPONSE__INIT;
	struct cri_container_facts facts;
	struct container_event event = { .kind = CONTAINER_EVENT_ALIVE };
	answer.status = own_status(m);
	if (cri_id(&arena, &m->container_id, "a container's ID", &event.id, NULL) < 0 ||
	    cri_convert_container_status(&answer, &arena, &facts, NULL) < 0)
		return;
	if (m->container_event_type == CREATED)
		event.kind = CONTAINER_EVENT_CREATED;
	memcpy(event.references, facts.references, sizeof(event.references));
	l->watch->on_event(l->watch->ctx, &event);
}

/* What makes no sense is left out: the next one may. */
static int on_message(void *ctx, const struct grpc_message *message, struct err *e)
{
	(void)e;
	struct listener *l = ctx;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	l->heard = true;
	if (cri_unpack(&runtime__v1__container_event_response__descriptor, message->data,
		       message->len, &answer, NULL) == 0)
		tell(l, (const Runtime__V1__ContainerEventResponse *)answer.message);
	return 0;
}

int cri_events(struct request_client *client, const struct runtime_watch *watch, struct err *e)
{
	Runtime__V1__GetEventsRequest request = RUNTIME__V1__GET_EVENTS_REQUEST__INIT;
	const struct grpc_call call = {
		.name = "GetContainerEvents",
		.path = "/runtime.v1.RuntimeService/GetContainerEvents",
		.stop_fd = &watch->stop_fd,
	};
	struct listener listener = { .watch = watch };
	usec_t began = now_monotonic();
	int r = cri_subscribe(client, &call, &request.base, on_message, &listener, e);
	if (r == -ECONNRESET && !listener.heard && now_monotonic() - began < AT_ONCE)
		return err_set(e, EOPNOTSUPP, "%s: ends at once, no events are told", call.name);
	return r;
}
