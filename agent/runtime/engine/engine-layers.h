/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * Which layers images consist of and how large these are. An engine tells that image by image, but
 * neither ever changes, so each image is asked about once and remembered by its ID. Two layers are
 * the same when they have the same content on top of the same layers, as in the stores of Docker
 * and Podman. Some 110 bytes are kept for an image and for a layer each.
 */
struct engine_layers;

/* Nothing is known yet; never NULL. */
struct engine_layers *engine_layers_new(void);
/* Takes NULL, returns NULL. */
struct engine_layers *engine_layers_free(struct engine_layers *l);

/* Whether that image is known; it counts as still there then. */
bool engine_layers_knows(struct engine_layers *l, const char *image_id);

/* An image's layers, the lowest first. */
struct engine_image_layers {
	const char *const *digests; /* of their content: "sha256:0123..." */
	const uint64_t *bytes;	    /* NULL: not known one by one */
	uint64_t bytes_together;    /* for when bytes is NULL */
	size_t n;
};
/*
 * Adds an image that is not known. Where only the sum is known, the topmost layer gets what those
 * below that are known do not make up. -EBADMSG: a digest is none; -E2BIG: more layers than
 * N_MAX_LAYER_NODES altogether.
 */
must_check int engine_layers_add(struct engine_layers *l, const char *image_id,
				 const struct engine_image_layers *layers, struct err *e);

/* What a store needs besides the files of the layers themselves. */
struct engine_overhead {
	struct {
		uint64_t bytes, inodes;
	} lowest, other, image; /* of an image's lowest layer, of each other one, of the image */
	bool copies;		/* a layer has all that is below it once more (the driver vfs) */
};
/*
 * Sets the layers of inv, those of its images that are known, and these images' predictions. How
 * many inodes a layer's files have is not known: one for each 16 KiB is taken. Images that did not
 * count as there since the last call are forgotten.
 */
void engine_layers_apply(struct engine_layers *l, struct inventory *inv,
			 const struct engine_overhead *overhead);

/*
 * Finds out which of the sizes in an image's history are those of its n_layers layers: entries that
 * only changed the configuration have none. The history's entries come oldest first.
 */
struct engine_history_entry {
	uint64_t bytes;
	const char *created_by; /* the instruction; "" when not known */
	bool empty;		/* the engine says that it made no layer */
};
/* True with the sizes in ret, which has room for n_layers; false when that cannot be told. */
must_check bool engine_layers_match(const struct engine_history_entry *entries, size_t n,
				    uint64_t *ret, size_t n_layers);
