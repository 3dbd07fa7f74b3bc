/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/layer-names.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

struct layer_names_entry {
	const char *text;
	uint32_t image;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct layer_names_entry *)a)->text,
		      ((const struct layer_names_entry *)b)->text);
}

void layer_names_init(struct layer_names *names, const struct inventory *inv)
{
	size_t room = 0;
	for (size_t i = 0; i < inv->n_images; i++)
		room += 1 + inv->images[i].n_names + inv->images[i].n_digests;
	names->entries = xcalloc(room, sizeof(*names->entries));
	names->n = 0;
	for (uint32_t i = 0; i < inv->n_images; i++) {
		const struct image *image = &inv->images[i];
		names->entries[names->n++] = (struct layer_names_entry){ image->id, i };
		for (size_t j = 0; j < image->n_names; j++)
			names->entries[names->n++] =
				(struct layer_names_entry){ image->names[j], i };
		for (size_t j = 0; j < image->n_digests; j++)
			names->entries[names->n++] =
				(struct layer_names_entry){ image->digests[j], i };
	}
	qsort(names->entries, names->n, sizeof(*names->entries), compare);
}

void layer_names_done(struct layer_names *names)
{
	free(names->entries);
	*names = (struct layer_names){ 0 };
}

bool layer_names_find(const struct layer_names *names, const char *text, uint32_t *ret)
{
	const struct layer_names_entry key = { .text = text };
	const struct layer_names_entry *found =
		bsearch(&key, names->entries, names->n, sizeof(*names->entries), compare);
	if (found)
		*ret = found->image;
	return found;
}
