/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "core/inventory.h"
#include "core/space.h"

/*
 * What removing images frees where they share layers: a layer goes with the last that holds it.
 * holders is an array of inv->n_layers counts that begins as a copy of the layers' own and follows
 * the removals one after the other.
 */

/*
 * The gain of removing image now: the layers that it alone still holds. Of an image whose layers are
 * not known, its predicted_bytes and predicted_inodes.
 */
void layers_gain(const struct inventory *inv, const uint32_t *holders, const struct image *image,
		 uint64_t ret[_RESOURCE_MAX]);
/* The image is gone: what it held is held by one less. */
void layers_release(uint32_t *holders, const struct image *image);
/* A copy of the layers' holders, owned by the caller. Never NULL. */
uint32_t *layers_holders(const struct inventory *inv);
/* Sets predicted_bytes and predicted_inodes of every image with known layers to its gain alone. */
void layers_predict(struct inventory *inv);
