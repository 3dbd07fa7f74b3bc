/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/inventory.h"
#include "core/use.h"
#include "util/usec.h"

/*
 * What was learnt about each image over time: when it was first seen and last seen in use. Instants
 * are of the caller's monotonic clock. Entries are sorted by image ID, one per image of the last
 * inventory; images that are gone are forgotten.
 */
struct usage_entry {
	char *id;
	usec_t first_seen;
	usec_t last_used; /* USEC_NEVER: never seen in use */
	bool in_use;	  /* at the last observation */
};

struct usage_history {
	struct usage_entry *entries;
	size_t n_entries;
};

/*
 * Takes an inventory into account: new images get first_seen = now, images in use (any reason of
 * use_resolve()) get last_used = now. use has one entry per image of inv. Returns whether images came
 * or went, or came into use or out of it, i.e. whether it is worth keeping at once.
 */
bool usage_observe(struct usage_history *h, const struct inventory *inv,
		   const struct image_use *use, usec_t now);
/* The entry of an image, or NULL when it was never observed. Owned by the history. */
const struct usage_entry *usage_find(const struct usage_history *h, const char *id);
/* Brings entries that were filled in by hand into order; those of equal ID become one, with the latest
 * instants of all. */
void usage_sort(struct usage_history *h);
/* Releases all entries; the history is empty and usable. */
void usage_clear(struct usage_history *h);
