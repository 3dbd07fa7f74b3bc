/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/engine/engine.h"

/*
 * Docker with the image store of containerd: what its own API does not tell of that store (where it is,
 * compressed layers, who shares them) containerd's does, on the socket that GET /info names.
 */
struct docker_containerd;

/*
 * If info says that images are in containerd, a handle for it, else NULL. Nothing is connected yet. Takes
 * the place of *previous, which stays when it is for the same containerd.
 */
struct docker_containerd *docker_containerd_new(const struct engine *engine, const cJSON *info,
						struct docker_containerd *previous);
/* Takes NULL, returns NULL. */
struct docker_containerd *docker_containerd_free(struct docker_containerd *c);

/* Where the snapshots are, in the arena. */
must_check int docker_containerd_path(struct docker_containerd *c, struct arena *arena,
				      const char **ret, struct err *e);
/* See containerd_layers(). */
must_check int docker_containerd_layers(struct docker_containerd *c, struct inventory *inv,
					struct err *e);
