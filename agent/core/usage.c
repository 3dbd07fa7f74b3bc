/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage.h"

#include <stdlib.h>
#include <string.h>

#include "core/usage-list.h"
#include "util/alloc.h"

/* Where nobody can tell which container is new, the image's coming into use counts. That another
 * image is built on it is none. */
static bool counts_by_itself(const struct usage_history *h, const struct image *image,
			     const struct image_use *use)
{
	if (image->dependent && use->by == image->dependent)
		return false;
	return !h->containers_known || use->reason == KEEP_SANDBOX;
}

static void note_use(const struct usage_history *h, struct usage_entry *entry,
		     const struct image *image, const struct image_use *use, usec_t now)
{
	bool was_in_use = entry->in_use;
	entry->in_use = use->reason != KEEP_NONE;
	if (!entry->in_use)
		return;
	entry->last_used = now;
	if (!was_in_use && counts_by_itself(h, image, use))
		entry->uses += entry->uses < UINT32_MAX;
}

/*
 * Takes what the old history knew of that image, or starts anew. *guess is where it may be, and becomes
 * where the next one may be: mostly both are in the same order.
 */
static struct usage_entry entry_for(struct usage_history *old, const struct image *image,
				    const struct image_use *use, usec_t now, size_t *guess)
{
	const struct usage_entry *known = usage_find_near(old, image->id, *guess);
	struct usage_entry entry = { .first_seen = now, .last_used = USEC_NEVER };
	if (known)
		entry = *known;
	entry.id = xstrdup(image->id);
	if (known)
		*guess = (size_t)(known - old->entries) + 1;
	else
		usage_gone_recall(old, &entry);
	note_use(old, &entry, image, use, now);
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

/* Returns whether images came or went, or came into use or out of it. */
static bool observe_images(struct usage_history *h, const struct inventory *inv,
			   const struct image_use *use, usec_t now)
{
	struct usage_entry *next = xcalloc(inv->n_images, sizeof(*next));
	bool changed = false;
	size_t guess = 0;
	for (size_t i = 0; i < inv->n_images; i++)
		next[i] = entry_for(h, &inv->images[i], &use[i], now, &guess);
	size_t n_next = usage_entries_sort(next, inv->n_images);
	size_t gone = separate_gone(h->entries, h->n_entries, next, n_next, &changed);
	usage_gone_add(h, h->entries, gone, now);
	usage_entries_free(h->entries, h->n_entries);
	h->entries = next;
	h->n_entries = n_next;
	return changed;
}

/* Nothing came and nothing went, as mostly. */
static bool same_images(const struct usage_history *h, const struct inventory *inv)
{
	if (h->n_entries != inv->n_images)
		return false;
	for (size_t i = 0; i < inv->n_images; i++)
		if (strcmp(h->entries[i].id, inv->images[i].id) != 0)
			return false;
	return true;
}

static bool observe_same_images(struct usage_history *h, const struct image *images,
				const struct image_use *use, usec_t now)
{
	bool changed = false;
	/* time makes those forgotten that went before */
	usage_gone_add(h, NULL, 0, now);
	for (size_t i = 0; i < h->n_entries; i++) {
		bool was_in_use = h->entries[i].in_use;
		note_use(h, &h->entries[i], &images[i], &use[i], now);
		changed = changed || h->entries[i].in_use != was_in_use;
	}
	return changed;
}

bool usage_observe(struct usage_history *h, const struct inventory *inv,
		   const struct image_use *use, const struct container_news *news, usec_t now)
{
	bool changed = same_images(h, inv) ? observe_same_images(h, inv->images, use, now)
					   : observe_images(h, inv, use, now);
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

const struct usage_entry *usage_find_near(const struct usage_history *h, const char *id,
					  size_t guess)
{
	if (guess < h->n_entries && strcmp(h->entries[guess].id, id) == 0)
		return &h->entries[guess];
	return usage_find(h, id);
}

void usage_clear(struct usage_history *h)
{
	usage_entries_free(h->entries, h->n_entries);
	usage_entries_free(h->gone, h->n_gone);
	free(h->containers);
	*h = (struct usage_history){ 0 };
}
