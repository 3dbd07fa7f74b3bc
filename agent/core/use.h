/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/inventory.h"
#include "core/reasons.h"

/* Who uses an image. reason is KEEP_NONE, KEEP_IN_USE, KEEP_IMAGE_VOLUME or KEEP_SANDBOX. */
struct image_use {
	enum keep_reason reason;
	const char *by; /* container ID, dependent image or sandbox image; "" for KEEP_NONE */
};

/*
 * Resolves every reference of containers (image, volumes) and of sandboxes to images and writes
 * who uses image i to ret[i] (n_images entries, caller's). A reference may be an ID with or without
 * "sha256:", a digest alone or with any repository, the beginning of either (12 hex digits or more), or
 * a name in any of the short forms Docker allows ("nginx" is docker.io/library/nginx:latest). When
 * in doubt it counts: a reference that fits several images protects them all. A container's own
 * image wins over a volume, a volume over a sandbox. An image with a dependent is in use by that.
 * containers and sandbox_images may be empty.
 */
void use_resolve(const struct image *images, size_t n_images,
		 const struct container_list *containers, const char *const *sandbox_images,
		 size_t n_sandbox_images, struct image_use *ret);

/*
 * Resolves the same way, container by container: calls found for each image that one refers to, with
 * both indexes; more than once where several of its references mean the image.
 */
void use_each(const struct image *images, size_t n_images, const struct container *containers,
	      size_t n_containers, void (*found)(void *ctx, size_t container, size_t image),
	      void *ctx);

/*
 * The same reference by reference, for whoever resolves many over the same images. The index points
 * to the images' strings. Which images a reference fits does not depend on what other images there are.
 */
struct use_index;
struct use_index *use_index_new(const struct image *images, size_t n_images);
/* Takes NULL, returns NULL. */
struct use_index *use_index_free(struct use_index *index);

/* An image that a reference fits; may be told more than once. */
struct use_mark {
	void (*image)(void *ctx, size_t image, enum keep_reason reason, const char *by);
	void *ctx;
};
/* Tells of every image that a container refers to, as KEEP_IN_USE or KEEP_IMAGE_VOLUME. */
void use_index_container(const struct use_index *index, const struct container *container,
			 const struct use_mark *mark);
/* The same of one reference to a sandbox image, as KEEP_SANDBOX. */
void use_index_sandbox(const struct use_index *index, const char *reference,
		       const struct use_mark *mark);
