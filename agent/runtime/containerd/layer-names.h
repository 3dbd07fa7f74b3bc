/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"

/* Finds images of an inventory by everything they are called. */
struct layer_names {
	struct layer_names_entry *entries;
	size_t n;
};

/* Points into the inventory, which has to stay. Release it with layer_names_done(). */
void layer_names_init(struct layer_names *names, const struct inventory *inv);
void layer_names_done(struct layer_names *names);
#define cleanup_layer_names __attribute__((cleanup(layer_names_done)))

/* Whether an image has that name, digest or ID; then *ret is its index. */
bool layer_names_find(const struct layer_names *names, const char *text, uint32_t *ret);
