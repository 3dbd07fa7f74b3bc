/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"

/*
 * The layers of an inventory, kept for the next one: they are the same as long as images and
 * containers are. Zero-initialised is empty.
 */
struct layer_memory {
	uint64_t key; /* of the images and containers that it was made from */
	struct layer *layers;
	size_t n_layers;
	uint32_t *indexes; /* those of all images, one image after the other */
	size_t *counts;	   /* how many of them each image has */
	size_t n_images;
};

/* Remembers the layers of inv instead of what it had. */
void layer_memory_keep(struct layer_memory *m, const struct inventory *inv);
/* If images and containers are those remembered, gives inv their layers; else leaves it alone. */
bool layer_memory_recall(const struct layer_memory *m, struct inventory *inv);
/* Forgets everything. */
void layer_memory_done(struct layer_memory *m);
