/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage.h"

#include <stdlib.h>
#include <string.h>

#include "core/usage-list.h"
#include "util/alloc.h"

/* Where nobody can tell which container is new, the image's coming into use counts. */
static bool counts_by_itself(const struct usage_history *h, const struct image_use *use)
{
	return !h->containers_known || use->reason == KEEP_SANDBOX;
}

/* Takes what the old history knew of that image, or starts anew. */
static struct usage_entry entry_for(struct usage_history *old, const struct image *image,
				    const struct image_use *use, usec_t now)
{
	const struct usage_entry *known = usage_entry_find(old->entries, old->n_entries, image->id);
	struct usage_entry entry = { .first_seen = now, .last_used = USEC_NEVER };
	if (known)
		entry = *known;
	entry.id = xstrdup(image->id);
	if (!known)
		usage_gone_recall(old, &entry);
	entry.in_use = use->reason != KEEP_NONE;
	if (!entry.in_use)
		return entry;
	entry.last_used = now;
	if (!(known && known->in_use) && counts_by_itself(old, use))
		entry.uses += entry.uses < UINT32_MAX;
	return entry;
}

void usage_sort(struct usage_history *h)
{
	h->n_entries = usage_entries_sort(h->entries, h->n_entries);
	h->n_gone = usage_entries_sort(h->gone, h->n_gone);
}

/*
 * Moves entries of the first that the second does not have to the front, both sorted by ID. Returns
 * how many these are; *ret_differs when the others are not the same, or in use then and not now.
 */
static size_t separate_gone(struct usage_entry *old, size_t n_old, const struct usage_entry *new,
			    size_t n_new, bool *ret_differs)
{
	size_t gone = 0, i = 0;
	for (size_t k = 0; k < n_old; k++) {
		while (i < n_new && usage_entry_compare(&new[i], &old[k]) < 0)
			i++;
		if (i < n_new && usage_entry_compare(&new[i], &old[k]) == 0) {
			*ret_differs = *ret_differs || new[i].in_use != old[k].in_use;
			continue;
		}
		struct usage_entry entry = old[k];
		old[k] = old[gone];
		old[gone++] = entry;
	}
	*ret_differs = *ret_differs || gone > 0 || n_old != n_new;
	return gone;
}

bool usage_observe(struct usage_history *h, const struct inventory *inv,
		   const struct image_use *use, const struct container_news *news, usec_t now)
{
	struct usage_entry *next = xcalloc(inv->n_images, sizeof(*next));
	bool changed = false;
	for (size_t i = 0; i < inv->n_images; i++)
		next[i] = entry_for(h, &inv->images[i], &use[i], now);
	size_t n_next = usage_entries_sort(next, inv->n_images);
	size_t gone = separate_gone(h->entries, h->n_entries, next, n_next, &changed);
	usage_gone_add(h, h->entries, gone, now);
	usage_entries_free(h->entries, h->n_entries);
	h->entries = next;
	h->n_entries = n_next;
	return usage_count_containers(h, inv, news, now) || changed;
}

void usage_removed(struct usage_history *h, const char *runtime, const struct image *image,
		   const uint64_t freed[_RESOURCE_MAX], usec_t now)
{
	struct usage_entry *entry = usage_entry_find(h->entries, h->n_entries, image->id);
	bool believable = gain_believable(image->size_bytes, freed);
	if (believable)
		gain_learn(&h->ratios, runtime, image->size_bytes, freed);
	if (!entry)
		return;
	if (believable) {
		entry->gain_known = true;
		memcpy(entry->gain, freed, sizeof(entry->gain));
	}
	struct usage_entry gone = *entry;
	size_t behind = h->n_entries - (size_t)(entry - h->entries) - 1;
	memmove(entry, entry + 1, behind * sizeof(*entry));
	h->n_entries--;
	usage_gone_add(h, &gone, 1, now);
}

const struct usage_entry *usage_find(const struct usage_history *h, const char *id)
{
	return usage_entry_find(h->entries, h->n_entries, id);
}

void usage_clear(struct usage_history *h)
{
	usage_entries_free(h->entries, h->n_entries);
	usage_entries_free(h->gone, h->n_gone);
	free(h->containers);
	*h = (struct usage_history){ 0 };
}
