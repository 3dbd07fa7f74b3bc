/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "runtime/cri/cri.pb-c.h"
#include "util/alloc.h"
#include "util/arena.h"
#include "util/err.h"

/*
 * From the runtime's messages to plain values. Everything is checked: texts are UTF-8 without control
 * characters and within BUF_MAX_CRI_TEXT, IDs are not empty, lists within their caps, sizes
 * believable. All return 0, -EBADMSG (malformed) or -E2BIG (a cap); results are allocated in the
 * arena that is given, and touch nothing of the message, which may go afterwards.
 */

/* Name and version of the runtime, cut to the room given. */
must_check int cri_convert_version(const Runtime__V1__VersionResponse *m, char *name,
				   size_t name_size, char *version, size_t version_size,
				   struct err *e);

/*
 * Sets inv->images, sorted by ID. Entries of one ID (a runtime may list an image once for each of its
 * snapshotters) become one: all names, the larger size, pinned when any is.
 */
must_check int cri_convert_images(const Runtime__V1__ListImagesResponse *m, struct inventory *inv,
				  struct err *e);
/* One image as it is now; *ret_there is false, and *ret left alone, when there is none. */
must_check int cri_convert_image_status(const Runtime__V1__ImageStatusResponse *m,
					struct arena *arena, struct image *ret, bool *ret_there,
					struct err *e);

/*
 * Sets inv->containers without volume images: those come from each one's status. A container that
 * names no image at all is an error, as nothing could be protected for it.
 */
must_check int cri_convert_containers(const Runtime__V1__ListContainersResponse *m,
				      struct inventory *inv, struct err *e);

/* What a container's status adds to what the list says. */
struct cri_container_facts {
	const char *references[CONTAINER_N_REFERENCES]; /* "" when absent */
	const char *const *volume_images;
	size_t n_volume_images;
};
must_check int cri_convert_container_status(const Runtime__V1__ContainerStatusResponse *m,
					    struct arena *arena, struct cri_container_facts *ret,
					    struct err *e);
/* Adds references that the container does not have yet, as far as there is room. */
void cri_add_references(struct container *c, const char *const references[CONTAINER_N_REFERENCES]);

/* The IDs of all sandboxes. */
must_check int cri_convert_sandboxes(const Runtime__V1__ListPodSandboxResponse *m,
				     struct arena *arena, const char *const **ret, size_t *ret_n,
				     struct err *e);

/*
 * The image that the sandbox itself runs, from info["info"].image of the verbose status; "" when the
 * runtime does not say (CRI-O without an infra container).
 */
must_check int cri_convert_sandbox_image(const Runtime__V1__PodSandboxStatusResponse *m,
					 struct arena *arena, const char **ret, struct err *e);

/*
 * The image configured for sandboxes, from info["config"].sandboxImage of the verbose status (containerd
 * 1.x, CRI-O); "" when the runtime does not say (containerd 2.x, which pins that image instead).
 */
must_check int cri_convert_configured_sandbox_image(const Runtime__V1__StatusResponse *m,
						    struct arena *arena, const char **ret,
						    struct err *e);

/* The first image filesystem, which is the one the kubelet acts on too. */
struct cri_image_fs {
	const char *path;
	uint64_t used_bytes; /* 0 when not told */
	uint64_t used_inodes;
};
must_check int cri_convert_image_fs(const Runtime__V1__ImageFsInfoResponse *m, struct arena *arena,
				    struct cri_image_fs *ret, struct err *e);
