/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "util/alloc.h"
#include "util/arena.h"
#include "util/json-read.h"

/*
 * From an engine's answers to plain values; Docker's and Podman's are alike here. Everything is
 * checked: 0, -EBADMSG (malformed) or -E2BIG (a cap). Results are allocated in the arena that is
 * given and touch nothing of the answer.
 */

/* An element of the list of images, or what is told of one. parent is the ID of the image that it was
 * built on, "" when there is none. */
must_check int engine_convert_image(const cJSON *json, struct arena *arena, struct image *ret,
				    const char **ret_parent, struct err *e);

/* Images as they come from a list. Zero-initialised is empty. */
struct engine_images {
	struct image *images;
	const char **parents; /* one for each of them */
	size_t n, allocated;
};
/* Takes one; a list of images, where the engine tells that it is one, is left out. */
must_check int engine_images_add(struct engine_images *list, const cJSON *json, struct arena *arena,
				 struct err *e);
void engine_images_done(struct engine_images *list);
#define cleanup_engine_images __attribute__((cleanup(engine_images_done)))
/*
 * Sets inv->images, sorted by ID. With parents_stay an engine keeps an image while others are built on
 * it (Docker): these get dependents, and those of them that have no name are left out, as they go
 * with the last that is built on them.
 */
void engine_images_take(struct engine_images *list, bool parents_stay, struct inventory *inv);

/* An element of the list of containers, without image volumes. *ret_mounts: it has some that may be. */
must_check int engine_convert_container(const cJSON *json, struct arena *arena,
					struct container *ret, bool *ret_mounts, struct err *e);
/* The images that what is told of one container mounts as volumes. */
must_check int engine_convert_volumes(const cJSON *json, struct arena *arena,
				      const char *const **ret, size_t *ret_n, struct err *e);

/* Whether what is told of an image is told of another than was asked for. */
bool engine_is_about_another(const cJSON *json, const char *image_id);
/* The digests of an image's layers, from what is told of it, and from that and its history their sizes. */
must_check int engine_convert_layers(const cJSON *image, struct arena *arena,
				     const char *const **ret, size_t *ret_n, struct err *e);
/* *ret is NULL when they cannot be told apart. */
must_check int engine_convert_sizes(const cJSON *image, const cJSON *history, size_t n_layers,
				    struct arena *arena, uint64_t **ret, struct err *e);

/* Whether an engine's account of what it deleted says that the image itself has gone. */
bool engine_convert_deleted(const cJSON *json, const char *image_id);

/* What happened to a container; false when the event is of something else or makes no sense. */
bool engine_convert_event(const cJSON *json, struct arena *arena, struct container_event *ret);
