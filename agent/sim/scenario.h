/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "core/space.h"
#include "util/alloc.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * A node as it was found or imagined, and what happens to it: disk-pressure-agent-scenario(5).
 * Instants are relative to the start. Plain values; strings live in the scenario's arena or, in one
 * that was made from an inventory, in that.
 */

#define SCENARIO_VERSION 1

/* A filesystem, which may be there in several roles. */
struct scenario_device {
	const char *name;
	uint64_t capacity[_RESOURCE_MAX]; /* inodes 0: not counted */
	/* Used by everything but images. Less than 0 where images are thought to hold more than is
	 * used at all. */
	int64_t other[_RESOURCE_MAX];
};

/* A key of the configuration, as a file has its value. */
struct scenario_setting {
	const char *key, *value;
	bool plain; /* number, true or false: no string in JSON */
};

struct scenario_layer {
	const char *id; /* "": an image's own, which has no layers in the document */
	uint64_t size[_RESOURCE_MAX];
};

/* An image that is there in the beginning, or is pulled later. */
struct scenario_image {
	struct image image; /* layers are indexes into the scenario's; predictions are not set */
	usec_t first_seen;
	usec_t last_used; /* USEC_NEVER: never seen in use */
	uint64_t uses;
	bool gain_known;
	uint64_t gain[_RESOURCE_MAX]; /* what its last removal freed */
};

enum scenario_event_kind {
	EVENT_PULL,
	EVENT_START,
	EVENT_STOP,
	EVENT_REMOVE,
	EVENT_WRITE,
	EVENT_DELETE,
	EVENT_GC,
	EVENT_RESTART_AGENT,
	EVENT_END,
	_EVENT_KIND_MAX,
	_EVENT_KIND_INVALID = -22,
};

struct scenario_event {
	enum scenario_event_kind kind;
	usec_t at;
	size_t image;		    /* PULL: index into images */
	struct container container; /* START; STOP, REMOVE: its ID */
	size_t device;		    /* WRITE, DELETE: index into devices */
	uint64_t amount[_RESOURCE_MAX];
	usec_t duration;
};

struct scenario {
	struct arena arena;
	const char *description; /* for people; "" for none */
	struct scenario_device devices[_ROLE_MAX];
	size_t n_devices;
	int device_of[_ROLE_MAX]; /* index into devices; -1: the node has no such filesystem */
	struct scenario_setting *settings;
	size_t n_settings;
	struct scenario_layer *layers; /* by ID, those without one last */
	size_t n_layers;
	struct scenario_image *images; /* the first n_present are there in the beginning */
	size_t n_images, n_present;
	struct container_list containers;
	const char *const *sandbox_images;
	size_t n_sandbox_images;
	struct scenario_event *events; /* by time, those of one instant in the document's order */
	size_t n_events;
};

/*
 * Reads a whole document. -EBADMSG: not JSON; -EINVAL: not a scenario, the message naming the place
 * in it ("events[3].pull.id: expected a string"); -E2BIG. *ret is the caller's.
 */
must_check int scenario_parse(const char *text, size_t len, struct scenario **ret, struct err *e);
/* Writes the document, from which scenario_parse() makes an equal scenario. */
void scenario_print(const struct scenario *s, struct buf *out);

/* An empty one: no filesystem, nothing on it. */
struct scenario *scenario_new(void);
/* Takes NULL, returns NULL. */
struct scenario *scenario_free(struct scenario *s);
static inline void cleanup_scenariop(struct scenario **s)
{
	*s = scenario_free(*s);
}
#define cleanup_scenario __attribute__((cleanup(cleanup_scenariop)))

/*
 * When the replay ends: at the first "end"; without one with the last event when that is a pass,
 * and fifteen minutes after it (three periods of the kubelet) when it is something else.
 */
usec_t scenario_end(const struct scenario *s);

/* The name of an event in the document: "pull" ... */
const char *scenario_event_to_string(enum scenario_event_kind kind);
