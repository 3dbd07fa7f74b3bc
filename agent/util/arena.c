/* SPDX-License-Identifier: Apache-2.0 */
#include "util/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

#define ARENA_BLOCK_SIZE ((size_t)64 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

static struct arena_block *arena_grow(struct arena *a, size_t need)
{
	size_t size = need > ARENA_BLOCK_SIZE ? need : ARENA_BLOCK_SIZE;
	struct arena_block *block = xcalloc(1, sizeof(*block) + size);
	block->size = size;
	/* An oversized block goes behind the current one, whose room is still good. */
	if (a->blocks && need > ARENA_BLOCK_SIZE) {
		block->next = a->blocks->next;
		a->blocks->next = block;
	} else {
		block->next = a->blocks;
		a->blocks = block;
	}
	return block;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t need;
	if (__builtin_mul_overflow(n, size, &need) || need > SIZE_MAX / 2)
		abort();
	size_t align = alignof(max_align_t);
	need = (need + align - 1) / align * align;
	struct arena_block *block = a->blocks;
	if (!block || block->size - block->used < need)
		block = arena_grow(a, need);
	void *p = block->data + block->used;
	block->used += need;
	a->used += need;
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t len = s ? strlen(s) : 0;
	char *copy = arena_calloc(a, len + 1, 1);
	if (len)
		memcpy(copy, s, len);
	return copy;
}

void arena_take(struct arena *a, struct arena *from)
{
	struct arena_block **end = &a->blocks;
	while (*end)
		end = &(*end)->next;
	*end = from->blocks;
	a->used += from->used;
	*from = (struct arena){ 0 };
}

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}
