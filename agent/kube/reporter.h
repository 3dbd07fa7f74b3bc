/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/backoff.h"
#include "kube/condition.h"
#include "kube/event-json.h"
#include "kube/event-queue.h"
#include "kube/kube-client.h"

/*
 * Decides what the API server is asked or told next, and what an answer means for that. One request
 * at a time is under way. Nothing is listed or watched; with no condition configured there is no
 * request at all while nothing happens. Pure: the requests are made by somebody else.
 */

struct reporter {
	char node[NODE_NAME_MAX];
	struct event_queue events;
	struct condition condition;
	/* Each of the two fails and waits by itself: their rights are different ones. */
	struct {
		struct backoff backoff;
		usec_t not_before;
	} about_events, about_condition;
	const struct reporter_request *flight;
};

enum reporter_kind {
	REPORTER_EVENT_CREATE,
	REPORTER_EVENT_SERIES,
	REPORTER_NODE_READ,
	REPORTER_NODE_CONDITION,
};

/* A request with all that belongs to it. */
struct reporter_request {
	enum reporter_kind kind;
	struct kube_call call; /* without timeout; points to what follows */
	char path[sizeof(EVENTS_PATH) + NODE_NAME_MAX + 32];
	char right[NODE_NAME_MAX + 64], missing[NODE_NAME_MAX + 96];
	struct buf body;
	struct condition_state state; /* REPORTER_NODE_CONDITION */
};

/* condition: a type, or "no". */
void reporter_init(struct reporter *r, const char *node, const char *condition, usec_t now,
		   uint64_t random);
/* The same while it is in use: what is to be told stays. Not while a request is under way. */
void reporter_configure(struct reporter *r, const char *node, const char *condition, usec_t now,
			uint64_t random);
/* When reporter_begin() has something to do: now or later, USEC_INFINITY: nothing is to be done. */
usec_t reporter_next(struct reporter *r, usec_t now);
/*
 * The request to be made now, or NULL. It belongs to the caller and is under way until
 * reporter_end(), which is to be called before it is released.
 */
struct reporter_request *reporter_begin(struct reporter *r, usec_t now, int64_t wall_usec);
/* What came of it: result and answer are those of kube_request(). -ECANCELED: it is made again. */
void reporter_end(struct reporter *r, const struct reporter_request *request, int result,
		  const struct kube_answer *answer, usec_t now, uint64_t random);
/* Takes NULL, returns NULL. */
struct reporter_request *reporter_request_free(struct reporter_request *request);

/* What a result means for a request. */
enum reporter_verdict {
	REPORTER_DONE,
	REPORTER_THERE,	 /* the event was created by an earlier try, whose answer was lost */
	REPORTER_AGAIN,	 /* after a while */
	REPORTER_PEOPLE, /* nothing will change until somebody does something */
	REPORTER_GONE,	 /* there is no such event any more */
	REPORTER_NEVER,	 /* the server does not want it */
};
/* answered: it is the server's word, and not that there was none. */
enum reporter_verdict reporter_judge(enum reporter_kind kind, int result, bool answered);
