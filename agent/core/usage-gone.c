/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/usage-list.h"
#include "util/alloc.h"
#include "util/limits.h"

/* What is not pulled again within a month is another image by then. */
#define REMEMBERED (30 * 24 * USEC_PER_HOUR)

static int compare_latest_first(const void *a, const void *b)
{
	usec_t x = ((const struct usage_entry *)a)->first_seen;
	usec_t y = ((const struct usage_entry *)b)->first_seen;
	/* by ID among those that went together, so that equal nodes forget alike */
	return x == y ? usage_entry_compare(a, b) : (x < y) - (x > y);
}

/* Drops the last of them until n are left. */
static void truncate_to(struct usage_history *h, size_t n)
{
	while (h->n_gone > n)
		free(h->gone[--h->n_gone].id);
}

static void forget(struct usage_history *h, usec_t now)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->n_gone; i++)
		if (now - h->gone[i].first_seen > REMEMBERED)
			free(h->gone[i].id);
		else
			h->gone[kept++] = h->gone[i];
	h->n_gone = kept;
	if (h->n_gone <= N_MAX_GONE_IMAGES)
		return;
	qsort(h->gone, h->n_gone, sizeof(*h->gone), compare_latest_first);
	truncate_to(h, N_MAX_GONE_IMAGES);
	h->n_gone = usage_entries_sort(h->gone, h->n_gone);
}

void usage_gone_add(struct usage_history *h, struct usage_entry *entries, size_t n, usec_t now)
{
	if (n)
		h->gone = xreallocarray(h->gone, h->n_gone + n, sizeof(*h->gone));
	for (size_t i = 0; i < n; i++) {
		struct usage_entry entry = entries[i];
		entries[i] = (struct usage_entry){ 0 };
		if (entry.uses == 0 && !entry.gain_known) {
			free(entry.id);
			continue;
		}
		entry.first_seen = now;
		entry.in_use = false;
		h->gone[h->n_gone++] = entry;
	}
	h->n_gone = usage_entries_sort(h->gone, h->n_gone);
	forget(h, now);
}

void usage_gone_recall(struct usage_history *h, struct usage_entry *entry)
{
	struct usage_entry *known = usage_entry_find(h->gone, h->n_gone, entry->id);
	if (!known)
		return;
	entry->uses = known->uses;
	entry->gain_known = known->gain_known;
	memcpy(entry->gain, known->gain, sizeof(entry->gain));
	free(known->id);
	size_t behind = h->n_gone - (size_t)(known - h->gone) - 1;
	memmove(known, known + 1, behind * sizeof(*known));
	h->n_gone--;
}
