/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "core/usage.h"

/* What a runtime says about all its images together, and what it means by an image's size. */
struct store_usage {
	/* Sizes are those of compressed layers, which are kept beside the unpacked ones (containerd:
	 * a 100 MB image took 300 MB). False: sizes are what is on the disk (CRI-O, Docker). */
	bool compressed_sizes;
	uint64_t unpacked_bytes;  /* all unpacked layers together; 0: not known */
	uint64_t unpacked_inodes; /* the same in inodes; 0: not known */
};

/*
 * Fills predicted_bytes and predicted_inodes of every image: what removing it alone is expected to
 * free, from its nominal size and its share of the store. Exact integers, no overflow: a result
 * beyond 64 bits is UINT64_MAX.
 *
 * Sizes on disk: the size itself. Compressed sizes: the size (the blobs) plus its share of the unpacked
 * bytes, but never less than twice the size: nothing unpacks to less than it was, and a store
 * that counts every 10 s does not know the newest images yet. What containers wrote counts as
 * unpacked too in containerd and is spread over the images, so with large writable layers the
 * prediction is too high. Inodes: the share of the store's; when those are not known, one
 * for each 16 KiB, the density for which ext4 is laid out.
 *
 * Layers that images share are shared out by size as well; who holds which layer is not known here.
 */
void predict_from_usage(struct image *images, size_t n_images, const struct store_usage *usage);

/*
 * Better predictions for images whose layers are not known, from what was measured: what the image itself
 * freed when it was removed before, else its size by the runtime's ratio of freed to nominal. Where
 * neither is known the prediction stays.
 */
void predict_from_history(struct inventory *inv, const struct usage_history *history);
