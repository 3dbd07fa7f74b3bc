/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/usage-list.h"
#include "util/alloc.h"

/* FNV-1a. Two containers of one hash would count as one, which does no harm. */
static uint64_t hash_of(const char *id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	return hash;
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static bool contains(const uint64_t *hashes, size_t n, uint64_t hash)
{
	return n && bsearch(&hash, hashes, n, sizeof(hash), compare_hashes);
}

/* What is to be noted about containers: all that are new, and all that were heard of. */
struct tally {
	struct usage_history *h;
	const struct inventory *inv;
	struct container *containers;
	struct note {
		bool counts;
		usec_t at; /* USEC_NEVER: the inventory has noted its use */
	} * notes;
	size_t n;
	size_t *counted_for; /* by entry: the container, from 1, that was counted last */
	bool counted;
};

static void tally_add(struct tally *t, const struct container *container, bool counts, usec_t at)
{
	if (!counts && at == USEC_NEVER)
		return;
	t->containers[t->n] = *container;
	t->notes[t->n++] = (struct note){ counts, at };
}

static void note_use(void *ctx, size_t container, size_t image)
{
	struct tally *t = ctx;
	const struct note *note = &t->notes[container];
	struct usage_entry *entry =
		usage_entry_find(t->h->entries, t->h->n_entries, t->inv->images[image].id);
	size_t *last = &t->counted_for[entry - t->h->entries];
	if (note->at > entry->last_used)
		entry->last_used = note->at;
	if (!note->counts || *last == container + 1)
		return;
	*last = container + 1;
	entry->uses += entry->uses < UINT32_MAX;
	t->counted = true;
}

/* In the first round all that are listed are as good as old. */
static void gather_listed(struct tally *t, const struct container_list *listed, uint64_t *hashes)
{
	const struct usage_history *h = t->h;
	for (size_t i = 0; i < listed->n_containers; i++) {
		hashes[i] = hash_of(listed->containers[i].id);
		bool new =
			h->containers_known && !contains(h->containers, h->n_containers, hashes[i]);
		tally_add(t, &listed->containers[i], new, USEC_NEVER);
	}
}

/* Behind the sorted hashes of n containers that are listed, and have been looked at with them. */
static void gather_news(struct tally *t, const struct container_news *news, uint64_t *hashes,
			size_t n, usec_t now)
{
	const struct usage_history *h = t->h;
	for (size_t i = 0; i < news->n_items; i++) {
		const struct container_news_item *item = &news->items[i];
		uint64_t hash = hash_of(item->container.id);
		bool new = item->created && !contains(h->containers, h->n_containers, hash) &&
			   !contains(hashes, n, hash);
		tally_add(t, &item->container, new, item->at < now ? item->at : now);
		hashes[n + i] = hash;
	}
}

/* From now on these are not new. */
static void learn(struct usage_history *h, uint64_t *hashes, size_t n)
{
	free(h->containers);
	h->containers = hashes;
	h->n_containers = n;
	h->containers_known = true;
}

bool usage_count_containers(struct usage_history *h, const struct inventory *inv,
			    const struct container_news *news, usec_t now)
{
	static const struct container_news none = { 0 };
	news = news ? news : &none;
	size_t n_listed = inv->containers.n_containers, room = n_listed + news->n_items;
	cleanup_free struct container *containers = xcalloc(room, sizeof(*containers));
	cleanup_free struct note *notes = xcalloc(room, sizeof(*notes));
	cleanup_free size_t *counted_for = xcalloc(h->n_entries, sizeof(*counted_for));
	struct tally t = { .h = h,
			   .inv = inv,
			   .containers = containers,
			   .notes = notes,
			   .counted_for = counted_for };
	uint64_t *hashes = xcalloc(room, sizeof(*hashes));
	gather_listed(&t, &inv->containers, hashes);
	qsort(hashes, n_listed, sizeof(*hashes), compare_hashes);
	gather_news(&t, news, hashes, n_listed, now);
	if (news->n_items)
		qsort(hashes, room, sizeof(*hashes), compare_hashes);
	/* mostly there is none, and no reference to be resolved */
	if (t.n)
		use_each(inv->images, inv->n_images, containers, t.n, note_use, &t);
	learn(h, hashes, room);
	return t.counted;
}
