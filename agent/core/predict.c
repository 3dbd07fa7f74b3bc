/* SPDX-License-Identifier: Apache-2.0 */
#include "core/predict.h"

#include <string.h>

#define BYTES_PER_INODE 16384 /* inode_ratio of mke2fs.conf */

/* Wide enough for the product of any two 64-bit amounts and for the sum of any number of sizes. */
typedef unsigned __int128 wide;

static uint64_t saturate(wide amount)
{
	return amount > UINT64_MAX ? UINT64_MAX : (uint64_t)amount;
}

/* What the image takes up unpacked, given what all images take up together. */
static wide unpacked_share(uint64_t size, wide sizes_total, const struct store_usage *usage)
{
	if (!usage->compressed_sizes)
		return size;
	wide share = (wide)usage->unpacked_bytes * size / sizes_total;
	return share > size ? share : size;
}

/*
 * Inodes in proportion to unpacked bytes rather than to sizes: where the store's count is behind and the
 * floor above lifts the bytes, it lifts the inodes alike.
 */
static wide inodes_of(wide unpacked, wide sizes_total, const struct store_usage *usage)
{
	if (usage->unpacked_inodes == 0)
		return (unpacked + BYTES_PER_INODE - 1) / BYTES_PER_INODE;
	wide all = usage->compressed_sizes ? usage->unpacked_bytes : sizes_total;
	if (all == 0)
		all = sizes_total;
	return (wide)usage->unpacked_inodes * saturate(unpacked) / all;
}

void predict_from_usage(struct image *images, size_t n_images, const struct store_usage *usage)
{
	wide sizes_total = 0;
	for (size_t i = 0; i < n_images; i++)
		sizes_total += images[i].size_bytes;
	for (size_t i = 0; i < n_images; i++) {
		struct image *image = &images[i];
		image->predicted_bytes = image->predicted_inodes = 0;
		if (image->size_bytes == 0)
			continue;
		wide unpacked = unpacked_share(image->size_bytes, sizes_total, usage);
		wide blobs = usage->compressed_sizes ? image->size_bytes : 0;
		image->predicted_bytes = saturate(blobs + unpacked);
		image->predicted_inodes = saturate(inodes_of(unpacked, sizes_total, usage));
	}
}

void predict_from_history(struct inventory *inv, const struct usage_history *history)
{
	for (size_t i = 0; i < inv->n_images; i++) {
		struct image *image = &inv->images[i];
		uint64_t gain[_RESOURCE_MAX] = { image->predicted_bytes, image->predicted_inodes };
		if (image->n_layers > 0)
			continue;
		const struct usage_entry *entry = usage_find(history, image->id);
		if (entry && entry->gain_known)
			memcpy(gain, entry->gain, sizeof(gain));
		else
			(void)gain_expected(&history->ratios, inv->runtime, image->size_bytes,
					    gain);
		image->predicted_bytes = gain[RESOURCE_BYTES];
		image->predicted_inodes = gain[RESOURCE_INODES];
	}
}
