/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/usage.h"

/* Arrays of usage entries, sorted by ID: what usage.c and its neighbours share. */

/* Negative, 0, positive, as strcmp() of the IDs. */
int usage_entry_compare(const void *a, const void *b);
/* The entry of that ID in a sorted array, or NULL. */
struct usage_entry *usage_entry_find(struct usage_entry *entries, size_t n, const char *id);
/* Sorts; entries of equal ID become one, with the latest instants of all. Returns how many are left. */
size_t usage_entries_sort(struct usage_entry *entries, size_t n);
/* Releases the array and what it holds. */
void usage_entries_free(struct usage_entry *entries, size_t n);

/*
 * Remembers n entries, which are emptied, as gone: those that were ever used, or whose gain is known.
 * Forgets those that went too long ago, or are too many.
 */
void usage_gone_add(struct usage_history *h, struct usage_entry *entries, size_t n, usec_t now);
/* Takes what is remembered of an image that came back over into its new entry. */
void usage_gone_recall(struct usage_history *h, struct usage_entry *entry);

/* Counts the containers that are new, and notes when those that were heard of were there. Returns
 * whether any was counted. Entries are those of inv's images. */
bool usage_count_containers(struct usage_history *h, const struct inventory *inv,
			    const struct container_news *news, usec_t now);
