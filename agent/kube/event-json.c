/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/event-json.h"

#include <stdio.h>
#include <string.h>

#include "util/json-write.h"

#define INSTANCE_MAX 129 /* with NUL */

char *event_time(int64_t wall_usec, char ret[HUMAN_MAX])
{
	int64_t fraction = wall_usec % USEC_PER_SEC;
	if (fraction < 0)
		fraction += USEC_PER_SEC;
	/* human_wall() drops what is below a second and ends with "Z" */
	(void)human_wall(wall_usec - fraction, ret);
	size_t n = strlen(ret) - 1;
	(void)snprintf(ret + n, HUMAN_MAX - n, ".%06dZ", (int)fraction);
	return ret;
}

void event_name(const struct event_slot *s, const char *node, char ret[NODE_NAME_MAX])
{
	char id[20];
	int id_len = snprintf(id, sizeof(id), "%llx", (unsigned long long)s->id);
	size_t room = (size_t)(NODE_NAME_MAX - 2 - id_len), len = strlen(node);
	if (len > room)
		len = room;
	/* what is cut must end as a subdomain does */
	while (len > 0 && (node[len - 1] == '.' || node[len - 1] == '-'))
		len--;
	(void)snprintf(ret, NODE_NAME_MAX, "%.*s.%s", (int)len, node, id);
}

static void series(struct json_writer *w, const struct event_slot *s)
{
	char time[HUMAN_MAX];
	json_object_begin(w, "series");
	json_u64(w, "count", s->count);
	json_string(w, "lastObservedTime", event_time(s->last_wall_usec, time));
	json_object_end(w);
}

static void regarding(struct json_writer *w, const char *node)
{
	json_object_begin(w, "regarding");
	json_string(w, "apiVersion", "v1");
	json_string(w, "kind", "Node");
	json_string(w, "name", node);
	/* As the kubelet has it; "kubectl describe node" looks for events with either. */
	json_string(w, "uid", node);
	json_object_end(w);
}

void event_create_json(const struct event_slot *s, const char *node, struct buf *out)
{
	struct json_writer w = { .out = out };
	const struct occurrence_info *info = occurrence_info(s->reason);
	char name[NODE_NAME_MAX], instance[INSTANCE_MAX], time[HUMAN_MAX];
	event_name(s, node, name);
	(void)snprintf(instance, sizeof(instance), "%s", node);
	json_object_begin(&w, NULL);
	json_string(&w, "apiVersion", "events.k8s.io/v1");
	json_string(&w, "kind", "Event");
	json_object_begin(&w, "metadata");
	json_string(&w, "name", name);
	json_string(&w, "namespace", "default");
	json_object_end(&w);
	json_string(&w, "eventTime", event_time(s->first_wall_usec, time));
	json_string(&w, "reportingController", EVENT_CONTROLLER);
	json_string(&w, "reportingInstance", instance);
	json_string(&w, "action", info->action);
	json_string(&w, "reason", info->reason);
	regarding(&w, node);
	json_string(&w, "note", s->note);
	json_string(&w, "type", info->type);
	if (s->count > 1)
		series(&w, s);
	json_object_end(&w);
}

void event_series_json(const struct event_slot *s, struct buf *out)
{
	struct json_writer w = { .out = out };
	json_object_begin(&w, NULL);
	series(&w, s);
	json_object_end(&w);
}
