/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/container-news.h"
#include "core/gain.h"
#include "core/inventory.h"
#include "core/use.h"
#include "util/usec.h"

/*
 * What was learnt about each image over time. Instants are of the caller's monotonic clock. Entries
 * are sorted by image ID, one per image of the last inventory. Of images that are gone what outlives
 * them is remembered apart, of the N_MAX_GONE_IMAGES that went last and for a month: uses and gain. An
 * image that comes back is first seen anew, and was not used yet.
 */
struct usage_entry {
	char *id;
	usec_t first_seen; /* of one that is gone: when it went */
	usec_t last_used;  /* USEC_NEVER: never seen in use */
	/* How many containers were seen to come that refer to it; not beyond UINT32_MAX. */
	uint32_t uses;
	bool in_use; /* at the last observation */
	bool gain_known;
	uint64_t gain[_RESOURCE_MAX]; /* what removing it freed, the last time that was done */
};

struct usage_history {
	struct usage_entry *entries;
	size_t n_entries;
	struct usage_entry *gone; /* sorted by ID as well */
	size_t n_gone;
	struct gain_ratios ratios;
	/* Hashes of the IDs of containers that were counted, sorted. Of this run alone. */
	uint64_t *containers;
	size_t n_containers;
	bool containers_known; /* an inventory was observed in this run */
};

/*
 * Takes an inventory into account, and what was heard of containers since the one before (may be
 * NULL): new images get first_seen = now, images in use (any reason of use_resolve()) get last_used =
 * now, images of containers that are gone again the time of the last event. use has one entry per
 * image of inv. Returns whether images came or went, or came into use or out of it, or were used
 * once more, i.e. whether it is worth keeping at once.
 *
 * A container counts once as a use of each image that it refers to, when it is heard or seen for the
 * first time. In the first inventory of a run nobody knows which of them are new: an image that was
 * not in use when the history was kept counts as used once. So does an image that comes into use as
 * that of a sandbox.
 */
bool usage_observe(struct usage_history *h, const struct inventory *inv,
		   const struct image_use *use, const struct container_news *news, usec_t now);
/* An image was removed, and that much became free: what a ratio is learnt from, and what is remembered
 * of the image from now on. runtime as inventory.runtime tells it. */
void usage_removed(struct usage_history *h, const char *runtime, const struct image *image,
		   const uint64_t freed[_RESOURCE_MAX], usec_t now);
/* The entry of an image, or NULL when it was never observed. Owned by the history. */
const struct usage_entry *usage_find(const struct usage_history *h, const char *id);
/* The same, looked for at an index first. */
const struct usage_entry *usage_find_near(const struct usage_history *h, const char *id,
					  size_t guess);
/* Brings entries that were filled in by hand into order, gone ones too; those of equal ID become one,
 * with the latest instants of all. */
void usage_sort(struct usage_history *h);
/* Releases all entries; the history is empty and usable. */
void usage_clear(struct usage_history *h);
