/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage-list.h"

#include <stdlib.h>
#include <string.h>

int usage_entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct usage_entry *)a)->id, ((const struct usage_entry *)b)->id);
}

struct usage_entry *usage_entry_find(struct usage_entry *entries, size_t n, const char *id)
{
	struct usage_entry key = { .id = (char *)(uintptr_t)id };
	return n ? bsearch(&key, entries, n, sizeof(key), usage_entry_compare) : NULL;
}

static void entry_merge(struct usage_entry *into, struct usage_entry *from)
{
	into->in_use = into->in_use || from->in_use;
	if (from->last_used > into->last_used)
		into->last_used = from->last_used;
	if (from->first_seen > into->first_seen)
		into->first_seen = from->first_seen;
	if (from->uses > into->uses)
		into->uses = from->uses;
	if (from->gain_known && !into->gain_known) {
		into->gain_known = true;
		memcpy(into->gain, from->gain, sizeof(into->gain));
	}
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
		if (usage_entry_compare(&entries[i - 1], &entries[i]) > 0)
			return false;
	return true;
}

size_t usage_entries_sort(struct usage_entry *entries, size_t n)
{
	if (!in_order(entries, n))
		qsort(entries, n, sizeof(*entries), usage_entry_compare);
	return entries_unique(entries, n);
}

void usage_entries_free(struct usage_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(entries[i].id);
	free(entries);
}
