/* SPDX-License-Identifier: Apache-2.0 */
#include "core/layers.h"

#include "util/alloc.h"

void layers_gain(const struct inventory *inv, const uint32_t *holders, const struct image *image,
		 uint64_t ret[_RESOURCE_MAX])
{
	bool known = image->n_layers > 0;
	ret[RESOURCE_BYTES] = known ? 0 : image->predicted_bytes;
	ret[RESOURCE_INODES] = known ? 0 : image->predicted_inodes;
	for (size_t i = 0; i < image->n_layers; i++) {
		const struct layer *layer = &inv->layers[image->layers[i]];
		if (holders[image->layers[i]] > 1)
			continue;
		ret[RESOURCE_BYTES] = amount_add(ret[RESOURCE_BYTES], layer->bytes);
		ret[RESOURCE_INODES] = amount_add(ret[RESOURCE_INODES], layer->inodes);
	}
}

void layers_release(uint32_t *holders, const struct image *image)
{
	for (size_t i = 0; i < image->n_layers; i++)
		if (holders[image->layers[i]] > 0)
			holders[image->layers[i]]--;
}

uint32_t *layers_holders(const struct inventory *inv)
{
	uint32_t *holders = xcalloc(inv->n_layers, sizeof(*holders));
	for (size_t i = 0; i < inv->n_layers; i++)
		holders[i] = inv->layers[i].holders;
	return holders;
}

void layers_predict(struct inventory *inv)
{
	cleanup_free uint32_t *holders = layers_holders(inv);
	for (size_t i = 0; i < inv->n_images; i++) {
		struct image *image = &inv->images[i];
		uint64_t gain[_RESOURCE_MAX];
		layers_gain(inv, holders, image, gain);
		image->predicted_bytes = gain[RESOURCE_BYTES];
		image->predicted_inodes = gain[RESOURCE_INODES];
	}
}
