/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inventory.h"

#include <stdlib.h>

#include "util/alloc.h"

static const char *const container_state_table[_CONTAINER_STATE_MAX] = {
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_EXITED] = "exited",
	[CONTAINER_UNKNOWN] = "unknown",
};

const char *container_state_to_string(enum container_state s)
{
	return container_state_table[s];
}

struct inventory *inventory_new(void)
{
	struct inventory *inv = xnew(struct inventory);
	inv->runtime = inv->image_store_path = "";
	return inv;
}

struct inventory *inventory_free(struct inventory *inv)
{
	if (inv)
		arena_done(&inv->arena);
	free(inv);
	return NULL;
}

const char *image_display_name(const struct image *image)
{
	if (image->n_names > 0)
		return image->names[0];
	return image->n_digests > 0 ? image->digests[0] : image->id;
}
