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

/* The IDs of all containers of this round, sorted; from now on they are not new. */
static void learn(struct usage_history *h, const struct container_list *listed,
		  const struct container_news *news)
{
	size_t n = 0;
	free(h->containers);
	h->containers = xcalloc(listed->n_containers + news->n_items + 1, sizeof(*h->containers));
	for (size_t i = 0; i < listed->n_containers; i++)
		h->containers[n++] = hash_of(listed->containers[i].id);
	for (size_t i = 0; i < news->n_items; i++)
		h->containers[n++] = hash_of(news->items[i].container.id);
	qsort(h->containers, n, sizeof(*h->containers), compare_hashes);
	h->n_containers = n;
	h->containers_known = true;
}

/* In the first round all that are listed are as good as old. */
static void gather(struct tally *t, const struct container_list *listed,
		   const struct container_news *news, usec_t now)
{
	const struct usage_history *h = t->h;
	size_t n = listed->n_containers;
	cleanup_free uint64_t *hashes = xcalloc(n + 1, sizeof(*hashes));
	for (size_t i = 0; i < n; i++) {
		hashes[i] = hash_of(listed->containers[i].id);
		tally_add(t, &listed->containers[i],
			  h->containers_known &&
				  !contains(h->containers, h->n_containers, hashes[i]),
			  USEC_NEVER);
	}
	qsort(hashes, n, sizeof(*hashes), compare_hashes);
	for (size_t i = 0; i < news->n_items; i++) {
		const struct container_news_item *item = &news->items[i];
		uint64_t hash = hash_of(item->container.id);
		bool known = contains(h->containers, h->n_containers, hash);
		tally_add(t, &item->container,
			  item->created && !known && !contains(hashes, n, hash),
			  item->at < now ? item->at : now);
	}
}

bool usage_count_containers(struct usage_history *h, const struct inventory *inv,
			    const struct container_news *news, usec_t now)
{
	static const struct container_news none = { 0 };
	news = news ? news : &none;
	size_t room = inv->containers.n_containers + news->n_items;
	cleanup_free struct container *containers = xcalloc(room, sizeof(*containers));
	cleanup_free struct note *notes = xcalloc(room, sizeof(*notes));
	cleanup_free size_t *counted_for = xcalloc(h->n_entries, sizeof(*counted_for));
	struct tally t = { .h = h,
			   .inv = inv,
			   .containers = containers,
			   .notes = notes,
			   .counted_for = counted_for };
	gather(&t, &inv->containers, news, now);
	/* mostly there is none, and no reference to be resolved */
	if (t.n)
		use_each(inv->images, inv->n_images, containers, t.n, note_use, &t);
	learn(h, &inv->containers, news);
	return t.counted;
}
