/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/condition.h"

#include <stdio.h>
#include <string.h>

#include "util/human.h"
#include "util/json-read.h"
#include "util/json-write.h"

static const char *const status_names[_CONDITION_MAX] = {
	[CONDITION_UNKNOWN] = "Unknown",
	[CONDITION_FALSE] = "False",
	[CONDITION_TRUE] = "True",
};

const char *condition_status_to_string(enum condition_status s)
{
	return status_names[s];
}

void condition_init(struct condition *c, const char *type, usec_t now, uint64_t random)
{
	*c = (struct condition){
		.next_at = now + (usec_t)(random % (uint64_t)(CONDITION_SPREAD + 1)),
	};
	if (strcmp(type, "no") != 0)
		(void)snprintf(c->type, sizeof(c->type), "%s", type);
}

static bool same(const struct condition_state *a, const struct condition_state *b)
{
	return a->status == b->status && strcmp(a->reason, b->reason) == 0 &&
	       strcmp(a->message, b->message) == 0;
}

void condition_want(struct condition *c, const struct condition_state *state, int64_t wall_usec)
{
	if (!c->wanted_known || c->wanted.status != state->status)
		c->transition_wall_usec = wall_usec;
	c->wanted = *state;
	c->wanted_known = true;
}

usec_t condition_next(const struct condition *c, usec_t now)
{
	usec_t at = c->next_at;
	if (!c->type[0] || !c->wanted_known)
		return USEC_INFINITY;
	if (c->read && c->told && !same(&c->wanted, &c->sent))
		at = c->pause_until;
	return at > now ? at : now;
}

/* A time as the API writes it, in seconds since the epoch; 0: it is none. */
static int64_t parse_time(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return end && !*end ? (int64_t)timegm(&tm) : 0;
}

/* The server's own condition: where its status is the wanted one, it has been so since then. */
static void adopt(struct condition *c, const cJSON *condition)
{
	const char *status, *since;
	if (json_get_string(condition, "status", &status, NULL) < 0 ||
	    json_get_string(condition, "lastTransitionTime", &since, NULL) < 0 ||
	    strcmp(status, status_names[c->wanted.status]) != 0)
		return;
	int64_t seconds = parse_time(since);
	if (seconds > 0 && seconds < c->transition_wall_usec / USEC_PER_SEC)
		c->transition_wall_usec = seconds * USEC_PER_SEC;
}

int condition_read(struct condition *c, const char *node, size_t len, struct err *e)
{
	cleanup_json cJSON *json = NULL;
	const cJSON *status, *conditions = NULL;
	const char *type;
	c->read = true;
	if (!node)
		return 0;
	int r = json_parse(node, len, &json, e);
	if (r < 0)
		return r;
	/* A Node that has not reported yet has none. */
	if (json_get_object(json, "status", &status, NULL) < 0 ||
	    json_get_array(status, "conditions", &conditions, NULL) < 0)
		return 0;
	for (const cJSON *one = conditions->child; one; one = one->next)
		if (json_get_string(one, "type", &type, NULL) == 0 && strcmp(type, c->type) == 0)
			adopt(c, one);
	return 0;
}

void condition_json(const struct condition *c, int64_t wall_usec, struct buf *out)
{
	struct json_writer w = { .out = out };
	char time[HUMAN_MAX];
	json_object_begin(&w, NULL);
	json_object_begin(&w, "status");
	json_array_begin(&w, "conditions");
	json_object_begin(&w, NULL);
	json_string(&w, "type", c->type);
	json_string(&w, "status", status_names[c->wanted.status]);
	json_string(&w, "reason", c->wanted.reason);
	json_string(&w, "message", c->wanted.message);
	json_string(&w, "lastHeartbeatTime", human_wall(wall_usec, time));
	json_string(&w, "lastTransitionTime", human_wall(c->transition_wall_usec, time));
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
	json_object_end(&w);
}

void condition_told(struct condition *c, const struct condition_state *state, usec_t now,
		    uint64_t random)
{
	c->sent = *state;
	c->told = true;
	c->pause_until = now + CONDITION_PAUSE;
	c->next_at = now + CONDITION_HEARTBEAT - CONDITION_JITTER +
		     (usec_t)(random % (uint64_t)(2 * CONDITION_JITTER + 1));
}

static void set(struct condition_state *ret, enum condition_status status, const char *reason,
		const char *message)
{
	ret->status = status;
	(void)snprintf(ret->reason, sizeof(ret->reason), "%s", reason);
	(void)snprintf(ret->message, sizeof(ret->message), "%s", message);
}

void condition_judge(const struct condition_facts *facts, struct condition_state *ret)
{
	if (!facts->sampled)
		set(ret, CONDITION_UNKNOWN, "NotSampled",
		    "it is not known how full the image filesystem is");
	else if (!facts->pressure || !facts->pass || facts->cleared)
		/* One for all of these: a change would be told, and there may be many an hour. */
		set(ret, CONDITION_FALSE, "ReclaimWorks",
		    "the image filesystem is below its thresholds, or images are being removed");
	else if (facts->failed)
		set(ret, CONDITION_TRUE, "ReclaimFailed",
		    "the image filesystem is over a threshold, and removing images failed");
	else if (facts->futile)
		set(ret, CONDITION_TRUE, "ReclaimFutile",
		    "the image filesystem is over a threshold, and all images that may be removed "
		    "would not clear it");
	else
		set(ret, CONDITION_TRUE, "ReclaimPartial",
		    "the image filesystem is over a threshold also after images were removed");
}
