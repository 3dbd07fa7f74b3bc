/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

/*
 * Everything one runtime says about images and who uses them, at one moment. Plain values; all
 * strings are non-NULL and live in the inventory's arena. Filled by runtime/, read by core/.
 */

/* Something on the disk that images hold together: an unpacked layer, a compressed blob. */
struct layer {
	uint64_t bytes;
	uint64_t inodes;
	uint32_t holders; /* images and others, such as containers, that hold it */
};

struct image {
	const char *id;		    /* what the runtime removes it by, e.g. "sha256:0123..." */
	const char *const *names;   /* "docker.io/library/nginx:1" */
	const char *const *digests; /* "docker.io/library/nginx@sha256:..."; none: unrecoverable */
	size_t n_names;
	size_t n_digests;
	uint64_t size_bytes;	  /* nominal size as the runtime reports it; may be compressed */
	uint64_t predicted_bytes; /* what removing it is expected to free on the disk */
	uint64_t predicted_inodes;
	const uint32_t *layers; /* indexes into inventory.layers, each once */
	size_t n_layers;	/* 0: the runtime does not show them */
	bool pinned;
	const char
		*dependent; /* ID of an image built on this one, which the runtime does not remove
				* before; NULL when there is none or it does not mind */
};

enum container_state {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_EXITED,
	CONTAINER_UNKNOWN,
	_CONTAINER_STATE_MAX,
	_CONTAINER_STATE_INVALID = -22,
};

const char *container_state_to_string(enum container_state s);

/* A container in whatever state: it refers to its image by up to four ways of writing it. */
#define CONTAINER_N_REFERENCES 4
struct container {
	const char *id;
	const char *references[CONTAINER_N_REFERENCES]; /* ID, name or digest; "" when absent */
	const char *const *volume_images;		/* images mounted as volumes */
	size_t n_volume_images;
	enum container_state state;
};

/* What was heard of a container between two inventories. Texts are as long-lived as whoever tells. */
enum container_event_kind {
	CONTAINER_EVENT_CREATED, /* there is a new container */
	CONTAINER_EVENT_ALIVE,	 /* one that is there was started, stopped, or is about to go */
};

struct container_event {
	enum container_event_kind kind;
	const char *id;					/* of the container */
	const char *references[CONTAINER_N_REFERENCES]; /* to its image; "" when absent */
};

struct container_list {
	struct container *containers;
	size_t n_containers;
};

struct inventory {
	struct arena arena;
	const char *runtime; /* "containerd 1.6.20" */
	const char
		*image_store_path; /* directory on the image filesystem, as the runtime sees it */
	struct image *images;
	size_t n_images;
	struct layer *layers;
	size_t n_layers;
	struct container_list containers;
	const char *const *sandbox_images; /* references to pause images: configured and in use */
	size_t n_sandbox_images;
	bool local_is_ordinary; /* images without a registry digest are nothing special with this
				 * runtime: people build and load them and expect them to go */
};

/* An empty inventory; never NULL. */
struct inventory *inventory_new(void);
/* Releases it and everything in it. Takes NULL; returns NULL. */
struct inventory *inventory_free(struct inventory *inv);
/* The name people know the image by: first name, else first digest, else the ID. */
const char *image_display_name(const struct image *image);

static inline void cleanup_inventoryp(struct inventory **inv)
{
	*inv = inventory_free(*inv);
}
#define cleanup_inventory __attribute__((cleanup(cleanup_inventoryp)))
