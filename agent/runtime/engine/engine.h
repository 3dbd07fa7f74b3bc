/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/cri/cri-cache.h"
#include "runtime/engine/engine-call.h"
#include "runtime/engine/engine-layers.h"
#include "runtime/runtime.h"

/*
 * What Docker and Podman have in common, which is nearly all: images with tags, containers, and an
 * API of HTTP and JSON. Where they differ is in a dialect.
 */

struct engine;

struct engine_dialect {
	const struct runtime_ops *ops;
	/* From what answered GET /_ping: name and version of the runtime and the prefix of all paths;
	 * or an error when this is another engine, or one too old. */
	int (*recognise)(struct engine *engine, const struct engine_ping *ping, struct err *e);
	/* From GET /info: where the images are, in the arena, and engine->overhead. */
	int (*store)(struct engine *engine, const cJSON *info, struct arena *arena,
		     const char **ret_path, struct err *e);
	/* May be NULL: sets the layers of inv from elsewhere, which is better. Fails when it cannot. */
	int (*layers)(struct engine *engine, struct inventory *inv, struct err *e);
	void (*done)(struct engine *engine); /* may be NULL: releases what is the dialect's own */
	const char *images;		     /* path of the list of images */
	const char *containers;		     /* path of the list of containers, of all there are */
	const char *events;		     /* path of the stream of what happens to containers */
	bool parents_stay;		     /* see engine_images_take() */
	bool imageless;			     /* there are containers without an image */
};

struct engine {
	struct runtime base;
	const struct engine_dialect *dialect;
	struct engine_peer peer;
	char server[128]; /* whom the rest was learned from */
	struct engine_layers *layers;
	struct cri_cache volumes; /* image volumes of containers */
	struct cri_cache lists;	  /* of images (manifest lists), found out by asking */
	char *store_path;	  /* NULL: not asked for yet */
	usec_t store_until;	  /* when to ask again */
	const struct engine_overhead *overhead;
	void *own; /* the dialect's */
};

/* The operations, but for probing what they need. The handle was made by engine_new(). */
struct runtime *engine_new(const struct engine_dialect *dialect, const char *socket_path,
			   usec_t timeout);
struct runtime *engine_free(struct runtime *runtime);
must_check int engine_probe(struct runtime *runtime, struct err *e);
must_check int engine_inventory(struct runtime *runtime, struct inventory **ret, struct err *e);
must_check int engine_containers(struct runtime *runtime, struct inventory *into, struct err *e);
/*
 * Removes name by name, none by force, and what is left without one by its ID. Looks at the image and at
 * the containers again in between: an image that got a name since it was listed, or came into use,
 * keeps what it still has (-EBUSY).
 */
must_check int engine_remove_image(struct runtime *runtime, const struct image *image,
				   struct err *e);
must_check int engine_remove_container(struct runtime *runtime, const char *id, struct err *e);
must_check int engine_watch(struct runtime *runtime, const struct runtime_watch *watch,
			    struct err *e);

/* Name, version and path prefix of an engine, for recognise(). */
void engine_introduce(struct engine *engine, const char *name, const char *version,
		      const char *prefix);
/* Parses "MAJOR.MINOR" and whatever is behind; false when it does not begin so. */
bool engine_parse_version(const char *text, unsigned ret[2]);
