/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What is known about containers or sandboxes that never changes in their life (their images, their
 * mounts), by ID, so that each is asked about once. Bounded by what is listed: sweeping drops
 * all that were not looked up or added since the sweep before. Zero-initialised is empty.
 */
struct cri_cache {
	struct cri_cache_entry **buckets;
	size_t n_buckets, n_entries;
	bool round; /* flips with every sweep; entries carry that of their last use */
};

struct cri_cache_entry {
	struct cri_cache_entry *next;
	size_t hash;
	bool round;
	size_t n_texts;
	const char *texts[]; /* the ID itself stands behind the texts */
};

/* The entry of that ID, which counts as used, or NULL. Valid until it is swept. */
const struct cri_cache_entry *cri_cache_find(struct cri_cache *c, const char *id);
/* Adds an entry with copies of the texts; the ID must not be in the cache. */
const struct cri_cache_entry *cri_cache_add(struct cri_cache *c, const char *id,
					    const char *const *texts, size_t n_texts);
/* Drops what was not used since the last sweep: call it after a complete listing. */
void cri_cache_sweep(struct cri_cache *c);
/* Drops everything. */
void cri_cache_done(struct cri_cache *c);
