/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static int entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct usage_entry *)a)->id, ((const struct usage_entry *)b)->id);
}

/* Takes what the old history knew of that image, or starts anew. */
static struct usage_entry entry_for(struct usage_history *old, const struct image *image,
				    const struct image_use *use, usec_t now)
{
	struct usage_entry key = { .id = (char *)(uintptr_t)image->id };
	struct usage_entry *known = NULL;
	if (old->n_entries)
		known = bsearch(&key, old->entries, old->n_entries, sizeof(key), entry_compare);
	struct usage_entry entry = {
		.id = xstrdup(image->id),
		.first_seen = known ? known->first_seen : now,
		.last_used = known ? known->last_used : USEC_NEVER,
	};
	entry.in_use = use->reason != KEEP_NONE;
	if (entry.in_use)
		entry.last_used = now;
	return entry;
}

static void entry_merge(struct usage_entry *into, struct usage_entry *from)
{
	into->in_use = into->in_use || from->in_use;
	if (from->last_used > into->last_used)
		into->last_used = from->last_used;
	if (from->first_seen > into->first_seen)
		into->first_seen = from->first_seen;
	free(from->id);
}

/* Two images with one ID would be two entries; the later ones are merged into the first. */
static size_t entries_unique(struct usage_entry *entries, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (kept && strcmp(entries[kept - 1].id, entries[i].id) == 0)
			entry_merge(&entries[kept - 1], &entries[i]);
		else
			entries[kept++] = entries[i];
	return kept;
}

/* Runtimes list images by ID: mostly there is nothing to sort. */
static bool in_order(const struct usage_entry *entries, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (entry_compare(&entries[i - 1], &entries[i]) > 0)
			return false;
	return true;
}

void usage_sort(struct usage_history *h)
{
	if (!in_order(h->entries, h->n_entries))
		qsort(h->entries, h->n_entries, sizeof(*h->entries), entry_compare);
	h->n_entries = entries_unique(h->entries, h->n_entries);
}

/* Both are sorted by ID. */
static bool differs(const struct usage_history *a, const struct usage_history *b)
{
	if (a->n_entries != b->n_entries)
		return true;
	for (size_t i = 0; i < a->n_entries; i++)
		if (a->entries[i].in_use != b->entries[i].in_use ||
		    strcmp(a->entries[i].id, b->entries[i].id) != 0)
			return true;
	return false;
}

bool usage_observe(struct usage_history *h, const struct inventory *inv,
		   const struct image_use *use, usec_t now)
{
	struct usage_history next = { .n_entries = inv->n_images };
	next.entries = xcalloc(inv->n_images, sizeof(*next.entries));
	for (size_t i = 0; i < inv->n_images; i++)
		next.entries[i] = entry_for(h, &inv->images[i], &use[i], now);
	usage_sort(&next);
	bool changed = differs(h, &next);
	usage_clear(h);
	*h = next;
	return changed;
}

const struct usage_entry *usage_find(const struct usage_history *h, const char *id)
{
	struct usage_entry key = { .id = (char *)(uintptr_t)id };
	if (h->n_entries == 0)
		return NULL;
	return bsearch(&key, h->entries, h->n_entries, sizeof(key), entry_compare);
}

void usage_clear(struct usage_history *h)
{
	for (size_t i = 0; i < h->n_entries; i++)
		free(h->entries[i].id);
	free(h->entries);
	*h = (struct usage_history){ 0 };
}
