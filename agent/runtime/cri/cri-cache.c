/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri/cri-cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

#define MIN_BUCKETS 64

/* FNV-1a; IDs are random hex digits that no outsider chooses. */
static size_t hash_id(const char *id)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 0x100000001b3;
	return (size_t)hash;
}

static const char *entry_id(const struct cri_cache_entry *entry)
{
	return entry->texts[entry->n_texts];
}

const struct cri_cache_entry *cri_cache_find(struct cri_cache *c, const char *id)
{
	if (c->n_buckets == 0)
		return NULL;
	size_t hash = hash_id(id);
	struct cri_cache_entry *entry = c->buckets[hash % c->n_buckets];
	while (entry && (entry->hash != hash || strcmp(entry_id(entry), id) != 0))
		entry = entry->next;
	if (entry)
		entry->round = c->round;
	return entry;
}

static void resize(struct cri_cache *c, size_t n_buckets)
{
	struct cri_cache_entry **buckets = xcalloc(n_buckets, sizeof(struct cri_cache_entry *));
	for (size_t i = 0; i < c->n_buckets; i++) {
		while (c->buckets[i]) {
			struct cri_cache_entry *entry = c->buckets[i];
			c->buckets[i] = entry->next;
			entry->next = buckets[entry->hash % n_buckets];
			buckets[entry->hash % n_buckets] = entry;
		}
	}
	free(c->buckets);
	c->buckets = buckets;
	c->n_buckets = n_buckets;
}

/* The entry, its texts and its ID are one allocation. */
static struct cri_cache_entry *entry_new(const char *id, const char *const *texts, size_t n_texts)
{
	size_t size = sizeof(struct cri_cache_entry) + (n_texts + 1) * sizeof(char *);
	size_t at = size;
	for (size_t i = 0; i <= n_texts; i++)
		size += strlen(i < n_texts ? texts[i] : id) + 1;
	struct cri_cache_entry *entry = xcalloc(1, size);
	entry->n_texts = n_texts;
	for (size_t i = 0; i <= n_texts; i++) {
		const char *text = i < n_texts ? texts[i] : id;
		size_t len = strlen(text) + 1;
		entry->texts[i] = memcpy((char *)entry + at, text, len);
		at += len;
	}
	return entry;
}

const struct cri_cache_entry *cri_cache_add(struct cri_cache *c, const char *id,
					    const char *const *texts, size_t n_texts)
{
	if (c->n_entries >= c->n_buckets)
		resize(c, c->n_buckets ? 2 * c->n_buckets : MIN_BUCKETS);
	struct cri_cache_entry *entry = entry_new(id, texts, n_texts);
	entry->hash = hash_id(id);
	entry->round = c->round;
	struct cri_cache_entry **bucket = &c->buckets[entry->hash % c->n_buckets];
	entry->next = *bucket;
	*bucket = entry;
	c->n_entries++;
	return entry;
}

static void sweep_bucket(struct cri_cache *c, struct cri_cache_entry **at)
{
	while (*at) {
		struct cri_cache_entry *entry = *at;
		if (entry->round == c->round) {
			at = &entry->next;
			continue;
		}
		*at = entry->next;
		free(entry);
		c->n_entries--;
	}
}

void cri_cache_sweep(struct cri_cache *c)
{
	for (size_t i = 0; i < c->n_buckets; i++)
		sweep_bucket(c, &c->buckets[i]);
	/* What stays is of this round, and so of the other one from now on. */
	c->round = !c->round;
}

void cri_cache_done(struct cri_cache *c)
{
	for (size_t i = 0; i < c->n_buckets; i++) {
		while (c->buckets[i]) {
			struct cri_cache_entry *entry = c->buckets[i];
			c->buckets[i] = entry->next;
			free(entry);
		}
	}
	free(c->buckets);
	*c = (struct cri_cache){ 0 };
}
