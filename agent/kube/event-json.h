/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/event-queue.h"
#include "util/buf.h"
#include "util/human.h"

/* Events as the API takes them (events.k8s.io/v1). Pure. */

#define EVENT_CONTROLLER "disk-pressure-agent.io/agent"
/* Where the API wants events about objects of no namespace. */
#define EVENTS_PATH	 "/apis/events.k8s.io/v1/namespaces/default/events"

/* The name of a node is a DNS subdomain. */
#define NODE_NAME_MAX 254 /* with NUL */

/* The event's own name, with the node's, cut where it would be too long, in front. */
void event_name(const struct event_slot *s, const char *node, char ret[NODE_NAME_MAX]);
/* The object to be created: with its series where it happened more than once. */
void event_create_json(const struct event_slot *s, const char *node, struct buf *out);
/* The merge patch that brings its series up to date. */
void event_series_json(const struct event_slot *s, struct buf *out);
/* "2026-01-02T03:04:05.000006Z". Returns ret. */
char *event_time(int64_t wall_usec, char ret[HUMAN_MAX]);
