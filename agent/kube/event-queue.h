/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/occurrences.h"
#include "core/space.h"
#include "kube/rate-limit.h"
#include "util/usec.h"

/*
 * What is to be told to Kubernetes, and what was. Each subject (a reason, a filesystem, a variant) has
 * a slot. The first time it becomes an event; what is the same again within EVENT_SERIES makes the
 * event a series, whose count the server is told now and then; so hours of repetition take
 * one slot and few requests, whether the server is there or not. Pure: time is an argument.
 *
 * While the server is away nothing is lost but what no longer matters: once it is older than
 * EVENT_AGE and a later state of the same subject is known. (A server keeps events for an hour.)
 */
#define EVENT_SERIES   (6 * USEC_PER_MINUTE)
/* A state that merely lasts is brought up to date this often, and with it lives on in the server. */
#define EVENT_REFRESH  (15 * USEC_PER_MINUTE)
#define EVENT_AGE      USEC_PER_HOUR
#define EVENT_SLOTS    48
#define EVENT_NOTE_MAX 512 /* the API takes 1024 bytes */
/* The first event after a silence comes so late at most: one cause often meets many nodes at once. */
#define EVENT_SPREAD   (2 * USEC_PER_SEC)

/* Something that happened. */
struct event_fact {
	enum occurrence reason;
	enum fs_role filesystem;
	unsigned variant; /* tells subjects of one reason and filesystem apart */
	bool repeat;	  /* nothing has changed since the last time: counted, never a new event */
	const char *note; /* no numbers that change, or nothing ever is the same again */
	int64_t wall_usec;
};

struct event_slot {
	enum occurrence reason;
	enum fs_role filesystem;
	unsigned variant;
	char note[EVENT_NOTE_MAX];
	uint64_t id; /* 0: the slot is free; no two events have the same */
	uint32_t count, sent;
	bool posted; /* the server has the event, as it was at told_at */
	bool urgent; /* something changed that it was not told of */
	usec_t told_at;
	int64_t first_wall_usec, last_wall_usec;
	usec_t last_at;
	uint64_t order, pending_order; /* of the last, and of the first occurrence to be told */
};

/* What became of a request. */
enum event_outcome {
	EVENT_SENT,
	EVENT_THERE,   /* an earlier try created it, maybe before all of it had happened */
	EVENT_AGAIN,   /* to be tried again */
	EVENT_GONE,    /* the server has no such event any more: it is made anew */
	EVENT_REFUSED, /* and will be, however often it is tried */
};

struct event_queue {
	struct event_slot slots[EVENT_SLOTS];
	struct rate_limit limit;
	uint64_t order;
	usec_t held_until;
	struct {
		struct event_slot *slot; /* NULL: nothing is under way */
		uint64_t id;
		uint32_t count;
		usec_t at;
	} flight;
	/* Occurrences that the server was told of, and that it never will be. */
	uint64_t told[_OCCURRENCE_MAX], dropped[_OCCURRENCE_MAX];
};

/* Takes fact in, of which the text is copied. random is any number. */
void event_queue_add(struct event_queue *q, const struct event_fact *fact, usec_t now,
		     uint64_t random);
/* When there is something to send: now or later, USEC_INFINITY: nothing is. */
usec_t event_queue_next(struct event_queue *q, usec_t now);
/*
 * The event to be sent now: created when it is not posted, else its series brought up to date. NULL:
 * none is due, or one is under way. It is under way until event_queue_end().
 */
const struct event_slot *event_queue_begin(struct event_queue *q, usec_t now);
void event_queue_end(struct event_queue *q, enum event_outcome outcome);
/* Whether the slot has anything that the server was not told. */
bool event_slot_pending(const struct event_slot *s);
