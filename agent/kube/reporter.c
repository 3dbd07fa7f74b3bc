/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/reporter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NODES_PATH "/api/v1/nodes/"

void reporter_init(struct reporter *r, const char *node, const char *condition, usec_t now,
		   uint64_t random)
{
	*r = (struct reporter){ 0 };
	reporter_configure(r, node, condition, now, random);
}

void reporter_configure(struct reporter *r, const char *node, const char *condition, usec_t now,
			uint64_t random)
{
	const char *type = strcmp(condition, "no") == 0 ? "" : condition;
	bool same = strcmp(r->node, node) == 0 && strcmp(r->condition.type, type) == 0;
	(void)snprintf(r->node, sizeof(r->node), "%s", node);
	if (!same)
		condition_init(&r->condition, condition, now, random);
	/* What was wrong may have been put right. */
	r->about_events.not_before = r->about_condition.not_before = 0;
}

static usec_t later(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

static usec_t next_event(struct reporter *r, usec_t now)
{
	return later(event_queue_next(&r->events, now), r->about_events.not_before);
}

static usec_t next_condition(const struct reporter *r, usec_t now)
{
	return later(condition_next(&r->condition, now), r->about_condition.not_before);
}

usec_t reporter_next(struct reporter *r, usec_t now)
{
	usec_t event = next_event(r, now), condition = next_condition(r, now);
	if (r->flight)
		return USEC_INFINITY;
	return event < condition ? event : condition;
}

static struct reporter_request *request_new(enum reporter_kind kind, const char *method)
{
	struct reporter_request *request = xnew(struct reporter_request);
	request->kind = kind;
	request->body = BUF_INIT(BUF_MAX_KUBE_BODY);
	request->call.method = method;
	request->call.path = request->path;
	request->call.right = request->right;
	return request;
}

struct reporter_request *reporter_request_free(struct reporter_request *request)
{
	if (request)
		buf_done(&request->body);
	free(request);
	return NULL;
}

static void take_body(struct reporter_request *request, const char *content_type)
{
	request->call.content_type = content_type;
	request->call.body = buf_string(&request->body);
	request->call.body_len = request->body.len;
}

static struct reporter_request *event_request(const struct event_slot *s, const char *node)
{
	struct reporter_request *request;
	if (s->posted) {
		char name[NODE_NAME_MAX];
		event_name(s, node, name);
		request = request_new(REPORTER_EVENT_SERIES, "PATCH");
		(void)snprintf(request->path, sizeof(request->path), EVENTS_PATH "/%s", name);
		event_series_json(s, &request->body);
		take_body(request, "application/merge-patch+json");
	} else {
		request = request_new(REPORTER_EVENT_CREATE, "POST");
		(void)snprintf(request->path, sizeof(request->path), EVENTS_PATH);
		event_create_json(s, node, &request->body);
		take_body(request, "application/json");
	}
	(void)snprintf(request->right, sizeof(request->right),
		       "%s events of events.k8s.io in the namespace default",
		       s->posted ? "patch" : "create");
	return request;
}

static struct reporter_request *condition_request(struct reporter *r, int64_t wall_usec)
{
	const struct condition *c = &r->condition;
	struct reporter_request *request;
	if (!c->read) {
		request = request_new(REPORTER_NODE_READ, "GET");
		(void)snprintf(request->path, sizeof(request->path), NODES_PATH "%s", r->node);
		(void)snprintf(request->right, sizeof(request->right), "get the Node %s", r->node);
	} else {
		request = request_new(REPORTER_NODE_CONDITION, "PATCH");
		(void)snprintf(request->path, sizeof(request->path), NODES_PATH "%s/status",
			       r->node);
		(void)snprintf(request->right, sizeof(request->right),
			       "patch the status of the Node %s (nodes/status)", r->node);
		condition_json(c, wall_usec, &request->body);
		take_body(request, "application/strategic-merge-patch+json");
		request->state = c->wanted;
	}
	(void)snprintf(request->missing, sizeof(request->missing),
		       "is %s the name of this Node? kubernetes.node-name sets it", r->node);
	request->call.missing = request->missing;
	return request;
}

struct reporter_request *reporter_begin(struct reporter *r, usec_t now, int64_t wall_usec)
{
	struct reporter_request *request = NULL;
	const struct event_slot *s;
	if (r->flight)
		return NULL;
	/* The condition first: it has few requests, and is worth more than any event. */
	if (next_condition(r, now) <= now)
		request = condition_request(r, wall_usec);
	else if (next_event(r, now) <= now && (s = event_queue_begin(&r->events, now)))
		request = event_request(s, r->node);
	r->flight = request;
	return request;
}

enum reporter_verdict reporter_judge(enum reporter_kind kind, int result, bool answered)
{
	bool event = kind == REPORTER_EVENT_CREATE || kind == REPORTER_EVENT_SERIES;
	/* A Node too large to be read is one that may not be: see there. */
	if (kind == REPORTER_NODE_READ && result == -E2BIG)
		return REPORTER_DONE;
	/* A file that is missing, or may not be read, is no object of the server's. */
	if (!answered)
		return REPORTER_AGAIN;
	switch (result) {
	case 0:
		return REPORTER_DONE;
	case -EEXIST:
		/* Of a patch: two at once. */
		return kind == REPORTER_EVENT_CREATE ? REPORTER_THERE : REPORTER_AGAIN;
	case -ENOENT:
		return kind == REPORTER_EVENT_SERIES ? REPORTER_GONE : REPORTER_PEOPLE;
	case -ESTALE:
		return kind == REPORTER_EVENT_SERIES ? REPORTER_GONE : REPORTER_AGAIN;
	case -EINVAL:
		return event ? REPORTER_NEVER : REPORTER_PEOPLE;
	case -EPERM:
		/* Without having read the Node it only looks as if the condition were new. */
		return kind == REPORTER_NODE_READ ? REPORTER_DONE : REPORTER_PEOPLE;
	default:
		return REPORTER_AGAIN;
	}
}

static usec_t pause_after(enum reporter_verdict verdict, struct backoff *b, usec_t retry_after,
			  uint64_t random)
{
	if (verdict == REPORTER_AGAIN)
		return backoff_failed(b, retry_after, random);
	if (verdict == REPORTER_PEOPLE)
		return backoff_people(random);
	b->failures = 0;
	return retry_after;
}

static enum event_outcome outcome(enum reporter_verdict verdict)
{
	switch (verdict) {
	case REPORTER_DONE:
		return EVENT_SENT;
	case REPORTER_THERE:
		return EVENT_THERE;
	case REPORTER_GONE:
		return EVENT_GONE;
	case REPORTER_NEVER:
		return EVENT_REFUSED;
	default:
		return EVENT_AGAIN;
	}
}

static void condition_end(struct reporter *r, const struct reporter_request *request, int result,
			  const struct kube_answer *answer, usec_t now, uint64_t random)
{
	if (request->kind == REPORTER_NODE_CONDITION) {
		condition_told(&r->condition, &request->state, now, random);
		return;
	}
	/* What cannot be read is not known; the condition is told nevertheless. */
	(void)condition_read(&r->condition, result == 0 ? buf_string(&answer->body) : NULL,
			     answer->body.len, NULL);
}

void reporter_end(struct reporter *r, const struct reporter_request *request, int result,
		  const struct kube_answer *answer, usec_t now, uint64_t random)
{
	bool event =
		request->kind == REPORTER_EVENT_CREATE || request->kind == REPORTER_EVENT_SERIES;
	enum reporter_verdict verdict = reporter_judge(request->kind, result, answer->status != 0);
	r->flight = NULL;
	if (result != -ECANCELED && event)
		r->about_events.not_before = now + pause_after(verdict, &r->about_events.backoff,
							       answer->retry_after, random);
	else if (result != -ECANCELED)
		r->about_condition.not_before =
			now + pause_after(verdict, &r->about_condition.backoff, answer->retry_after,
					  random);
	if (event)
		event_queue_end(&r->events, outcome(verdict));
	else if (verdict == REPORTER_DONE)
		condition_end(r, request, result, answer, now, random);
}
