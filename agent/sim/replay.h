/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cadence.h"
#include "core/eviction.h"
#include "core/policy.h"
#include "core/reasons.h"
#include "core/status.h"
#include "sim/node-model.h"
#include "sim/scenario.h"
#include "util/buf.h"
#include "util/usec.h"

/*
 * A scenario that takes its course: the node, what somebody who cleans up did to it, and for how long
 * it was beyond which threshold. Thresholds are watched on the node itself, not through the eyes of
 * who cleans up, so that two of them can be compared. Pressure of eviction thresholds is what who
 * cleans up would report: it has grace periods, and lasts for a transition period.
 */

/* How either of them is configured. */
struct sim_policy {
	struct image_gc_policy gc; /* high_percent > 100: never */
	struct cadence_limits cadence;
	struct eviction_policy eviction; /* of filesystems only */
};

enum replay_kind {
	REPLAY_REMOVAL,
	REPLAY_PULL,
	REPLAY_LEVEL,
	REPLAY_PASS,	 /* ended without reaching its target */
	REPLAY_FULL,	 /* writes failed, the filesystem is full */
	REPLAY_EVICTION, /* a pod would be evicted */
	REPLAY_RESTART,
};

/* Something that happened. */
struct replay_entry {
	enum replay_kind kind;
	usec_t at;
	int used_percent;		/* of the image filesystem, afterwards */
	const char *image;		/* ID; "" when none is concerned */
	const char *name;		/* of the image, for people */
	const char *reason;		/* of a removal; result of a pass; signal of an eviction */
	uint64_t amount[_RESOURCE_MAX]; /* freed; of a pull: bytes added */
	bool again;			/* PULL: it had been there before */
	bool failed;			/* PULL: no space */
	enum fs_role role;		/* LEVEL, FULL */
	enum resource resource;		/* LEVEL */
	enum pressure_level level;	/* LEVEL */
	bool active;			/* LEVEL */
};

/* A threshold that is watched. */
struct replay_watch {
	enum fs_role role;
	enum resource resource;
	enum pressure_level level;
	uint64_t available; /* below which it is active */
	bool active;
};

struct replay {
	const struct scenario *scenario;
	const struct sim_policy *policy;
	struct node_model node;
	usec_t end;
	size_t next_event;
	struct replay_watch watches[EVICTION_MAX_THRESHOLDS + _RESOURCE_MAX];
	size_t n_watches;
	bool reported[_ROLE_MAX][_RESOURCE_MAX][_EVICTION_LEVEL_MAX];
	usec_t above_since[_PRESSURE_MAX]; /* USEC_NEVER: it is not */
	usec_t above[_PRESSURE_MAX];	   /* sums of what is over */
	struct replay_entry *entries;
	size_t n_entries, entries_room;
	size_t n_removed;
	uint64_t freed_bytes, repulled_bytes;
};

/* Both arguments must outlive the replay. */
void replay_init(struct replay *r, const struct scenario *scenario,
		 const struct sim_policy *policy);
void replay_done(struct replay *r);

/* Lets time pass. */
void replay_advance(struct replay *r, usec_t at);
/* The event that is next, if it is not after now: what it does to the node is done, the rest (gc,
 * restart) is the caller's. NULL: none. */
const struct scenario_event *replay_next_event(struct replay *r);
/* When the next event is; the end, when there is none before. */
usec_t replay_next_at(const struct replay *r);
/* Removes an image from the node. */
void replay_remove(struct replay *r, const struct image *image, const char *reason);
/* Takes note of something that happened just now. reason is not copied. */
void replay_note(struct replay *r, enum replay_kind kind, const char *reason);
/* Thresholds are compared again, after a change that took no time. */
void replay_check_levels(struct replay *r);
/* What pressure of eviction thresholds is reported from now on. */
void replay_report(struct replay *r, const struct eviction_verdict *verdict);
/* How full the node's filesystems are now, by role, for eviction_step(); spaces is by device. */
void replay_spaces(const struct replay *r, struct space spaces[_ROLE_MAX],
		   const struct space *ret[_ROLE_MAX]);
/* How long the node was beyond a level, in all. */
usec_t replay_above(const struct replay *r, enum pressure_level level);

/* The answer as one JSON object. */
struct json_writer;
void replay_print_json(const struct replay *r, struct json_writer *w, const char *key);

/* Replays with our agent and with the kubelet. -EINVAL: the kubelet would not start so. */
void replay_agent(struct replay *r);
int replay_kubelet(struct replay *r, struct err *e);
