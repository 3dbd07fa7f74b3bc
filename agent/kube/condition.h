/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * A condition of the Node: what it is to be, what the server was told, and when to tell it again:
 * when it changed, but not sooner than CONDITION_PAUSE after the last time, and every
 * CONDITION_HEARTBEAT, give or take a tenth, so that a cluster's nodes do not come all at once.
 * Before the first time the Node is read, so that a restart of the agent is no transition. Pure.
 */
#define CONDITION_HEARTBEAT (5 * USEC_PER_MINUTE)
#define CONDITION_JITTER    (CONDITION_HEARTBEAT / 10)
#define CONDITION_PAUSE	    (30 * USEC_PER_SEC)
/* The first look at the Node comes so late at most. */
#define CONDITION_SPREAD    (5 * USEC_PER_SEC)

enum condition_status {
	CONDITION_UNKNOWN,
	CONDITION_FALSE,
	CONDITION_TRUE,
	_CONDITION_MAX,
	_CONDITION_INVALID = -22,
};
const char *condition_status_to_string(enum condition_status s); /* "Unknown", "False", "True" */

#define CONDITION_TYPE_MAX    320
#define CONDITION_REASON_MAX  64
#define CONDITION_MESSAGE_MAX 256

struct condition_state {
	enum condition_status status;
	char reason[CONDITION_REASON_MAX]; /* CamelCase */
	char message[CONDITION_MESSAGE_MAX];
};

struct condition {
	char type[CONDITION_TYPE_MAX]; /* "": there is none */
	bool wanted_known;	       /* wanted means something */
	bool read;		       /* what the server has is known, or cannot be */
	bool told;		       /* the server has what sent says */
	struct condition_state wanted, sent;
	int64_t transition_wall_usec; /* of wanted.status */
	usec_t next_at;		      /* not before: of the first look, or of a heartbeat */
	usec_t pause_until;
};

/* Begins with the condition of that type, or with none ("no"). */
void condition_init(struct condition *c, const char *type, usec_t now, uint64_t random);
/* It is to be this from now on. */
void condition_want(struct condition *c, const struct condition_state *state, int64_t wall_usec);
/* When there is something to ask or to tell; USEC_INFINITY: nothing is. */
usec_t condition_next(const struct condition *c, usec_t now);

/* The server has this Node (a JSON text), or it is not known what it has (NULL). -EBADMSG: that is
 * no Node; counted as not known. */
int condition_read(struct condition *c, const char *node, size_t len, struct err *e);
/* The strategic merge patch of the Node's status that tells it. */
void condition_json(const struct condition *c, int64_t wall_usec, struct buf *out);
/* state, which condition_json() wrote, was taken by the server. */
void condition_told(struct condition *c, const struct condition_state *state, usec_t now,
		    uint64_t random);

/* What the condition is about. */
struct condition_facts {
	bool sampled;  /* it is known how full the image filesystem is */
	bool pressure; /* and it is over a threshold */
	bool pass;     /* there was a pass since that began, which ended with result: */
	bool cleared;  /* it cleared the threshold that set it off */
	bool failed;   /* a fact could not be had, or the runtime failed */
	bool futile;   /* nothing reclaimable would have cleared it */
};
/* True while a filesystem stays under pressure after a pass that was to relieve it. */
void condition_judge(const struct condition_facts *facts, struct condition_state *ret);
