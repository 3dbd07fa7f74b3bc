/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Memory that is handed out piece by piece and released as a whole. An inventory of 10,000 images
 * is some 40,000 strings; one arena makes their release one call and leaves no fragmented heap.
 * Not thread safe: an arena belongs to whoever holds the object that it is part of.
 */
struct arena {
	struct arena_block *blocks;
	size_t used; /* bytes handed out, for accounting */
};

/* Zeroed memory, aligned for any type, valid until arena_done(). Aborts when memory is exhausted. */
void *arena_calloc(struct arena *a, size_t n, size_t size) __attribute__((warn_unused_result));
/* A copy of s; of NULL an empty string, so that fields of an inventory are never NULL. */
char *arena_strdup(struct arena *a, const char *s) __attribute__((warn_unused_result));
/* Moves everything that from holds into a: what from handed out stays valid as long as a. */
void arena_take(struct arena *a, struct arena *from);
/* Releases everything; the arena is empty and usable again. */
void arena_done(struct arena *a);
