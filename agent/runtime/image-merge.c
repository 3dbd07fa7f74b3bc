/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/image-merge.h"

#include <stdlib.h>
#include <string.h>

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct image *)a)->id, ((const struct image *)b)->id);
}

static const char *const *concatenate(struct arena *arena, const char *const *a, size_t n_a,
				      const char *const *b, size_t n_b)
{
	const char **all = arena_calloc(arena, n_a + n_b + 1, sizeof(*all));
	for (size_t i = 0; i < n_a + n_b; i++)
		all[i] = i < n_a ? a[i] : b[i - n_a];
	return all;
}

static void merge(struct arena *arena, struct image *into, const struct image *other)
{
	into->names = concatenate(arena, into->names, into->n_names, other->names, other->n_names);
	into->n_names += other->n_names;
	into->digests = concatenate(arena, into->digests, into->n_digests, other->digests,
				    other->n_digests);
	into->n_digests += other->n_digests;
	if (other->size_bytes > into->size_bytes)
		into->size_bytes = other->size_bytes;
	into->pinned |= other->pinned;
	if (!into->dependent)
		into->dependent = other->dependent;
}

void runtime_merge_images(struct inventory *inv)
{
	struct image *images = inv->images;
	size_t last = 0;
	if (inv->n_images == 0)
		return;
	qsort(images, inv->n_images, sizeof(*images), compare_ids);
	for (size_t i = 1; i < inv->n_images; i++) {
		if (strcmp(images[i].id, images[last].id) == 0)
			merge(&inv->arena, &images[last], &images[i]);
		else
			images[++last] = images[i];
	}
	inv->n_images = last + 1;
}
