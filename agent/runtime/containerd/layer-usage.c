/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/layer-usage.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static int compare(const void *a, const void *b)
{
	const struct layer_usage_entry *one = a, *other = b;
	int r = strcmp(one->key, other->key);
	return r ? r : strcmp(one->kind, other->kind);
}

const struct layer_usage_entry *layer_usage_find(const struct layer_usage *u, const char *kind,
						 const char *key)
{
	union {
		const char *text;
		char *same;
	} wanted_kind = { .text = kind }, wanted_key = { .text = key };
	const struct layer_usage_entry wanted = { .kind = wanted_kind.same,
						  .key = wanted_key.same };
	return u->n_known ? bsearch(&wanted, u->known, u->n_known, sizeof(*u->known), compare)
			  : NULL;
}

void layer_usage_add(struct layer_usage *u, const char *kind, const char *key, uint64_t bytes,
		     uint64_t inodes)
{
	if (u->n_fresh == u->room) {
		u->room = u->room ? 2 * u->room : 64;
		u->fresh = xreallocarray(u->fresh, u->room, sizeof(*u->fresh));
	}
	u->fresh[u->n_fresh++] =
		(struct layer_usage_entry){ xstrdup(kind), xstrdup(key), bytes, inodes };
}

static void release(struct layer_usage_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(entries[i].kind);
		free(entries[i].key);
	}
	free(entries);
}

void layer_usage_turn(struct layer_usage *u)
{
	release(u->known, u->n_known);
	if (u->n_fresh)
		qsort(u->fresh, u->n_fresh, sizeof(*u->fresh), compare);
	*u = (struct layer_usage){ .known = u->fresh, .n_known = u->n_fresh };
}

void layer_usage_done(struct layer_usage *u)
{
	release(u->known, u->n_known);
	release(u->fresh, u->n_fresh);
	*u = (struct layer_usage){ 0 };
}
