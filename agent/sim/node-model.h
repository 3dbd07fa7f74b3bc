/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "core/space.h"
#include "core/use.h"
#include "sim/scenario.h"
#include "util/usec.h"

/*
 * A node on a virtual clock. A layer takes room on the image filesystem as long as an image there has
 * it; files are written at a steady rate; what does not fit fails. Time only passes in
 * node_advance().
 */

/* Files that are being written. */
struct node_write {
	size_t device;
	usec_t begin, duration;
	uint64_t amount[_RESOURCE_MAX];
	uint64_t done[_RESOURCE_MAX];
};

/* An image that a container refers to. */
struct node_use {
	size_t image;
	enum keep_reason reason;
};

/* What is known of a container beside what a runtime tells. */
struct node_container {
	size_t name; /* index into container_ids */
	struct node_use *uses;
	size_t n_uses;
};

struct node_model {
	const struct scenario *scenario; /* must outlive the model */
	usec_t now;
	uint64_t changes;	/* of images and containers, so far */
	uint64_t image_changes; /* of images alone */
	/* of the scenario's images */
	bool *present, *was_present;
	size_t *by_id; /* their indexes, sorted by ID */
	size_t *rank;  /* where they are in by_id */
	size_t *there; /* the indexes of those that are present, sorted by ID */
	size_t n_there;
	uint32_t *users[KEEP_SANDBOX + 1]; /* how often something refers to them, by reason */
	usec_t *used_at; /* when a container with them was removed last; USEC_NEVER: not since they came */
	struct use_index *index;
	uint32_t *holders; /* of the scenario's layers: images that are there */
	unsigned __int128 held[_RESOURCE_MAX];
	__int128 other[_ROLE_MAX][_RESOURCE_MAX]; /* by device */
	struct container_list containers;
	struct node_container *more; /* one of each container in the list */
	size_t containers_room;
	const char **container_ids; /* of all that there may be, sorted */
	size_t n_container_ids;
	size_t *container_at; /* by ID: index into the list; SIZE_MAX: it is not there */
	struct node_write *writes;
	size_t n_writes, writes_room;
};

void node_init(struct node_model *n, const struct scenario *scenario);
void node_done(struct node_model *n);

/* How full a device is at an instant that is not before now, if nothing but the writes under way
 * happens until then. */
void node_space_at(const struct node_model *n, size_t device, usec_t at, struct space *ret);
/* How full it is now. */
void node_space(const struct node_model *n, size_t device, struct space *ret);
size_t node_image_device(const struct node_model *n);

/*
 * Lets time pass until at, or until a filesystem is full before: returns how many writes ended for
 * that, with the device in *ret_device.
 */
size_t node_advance(struct node_model *n, usec_t at, size_t *ret_device);
/* Begins to write files, or writes them at once when that takes no time: returns whether not all of
 * these fitted. */
bool node_write(struct node_model *n, const struct scenario_event *event);
/* Deletes files, at most what is written beside images. */
void node_delete(struct node_model *n, const struct scenario_event *event);

/* Whether an image with that one's ID is there. */
bool node_has(const struct node_model *n, size_t image);
/* Whether one was there before. */
bool node_had(const struct node_model *n, size_t image);
/* Fetches an image: *ret_bytes is what is added to the disk. -ENOSPC: it does not fit, nothing is
 * there of it. */
int node_pull(struct node_model *n, size_t image, uint64_t *ret_bytes);
/* Removes all images of that ID. Nothing happens when there is none. */
void node_remove(struct node_model *n, const char *id);
/* Containers; of an unknown ID nothing happens. Starting one that is there lets it run again. */
void node_start(struct node_model *n, const struct container *container);
void node_stop(struct node_model *n, const char *id);
void node_remove_container(struct node_model *n, const char *id);

/* Everything as a runtime would report it, with predictions. Valid until the model is done or changes;
 * owned by the caller. */
struct inventory *node_inventory(const struct node_model *n);
/* Who uses the images of that inventory, as use_resolve() would find; by is "" in all of them. */
void node_use(const struct node_model *n, struct image_use *ret);

/* Parts of node_init() and node_done(). */
void node_containers_init(struct node_model *n);
void node_containers_done(struct node_model *n);
