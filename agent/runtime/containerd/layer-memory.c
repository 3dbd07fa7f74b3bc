/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/layer-memory.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/* FNV-1a over the text and the NUL behind it, which keeps neighbours apart. */
static uint64_t add_text(uint64_t key, const char *text)
{
	size_t len = strlen(text) + 1;
	for (size_t i = 0; i < len; i++)
		key = (key ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return key;
}

/* Images are sorted, containers come as they are listed. */
static uint64_t key_of(const struct inventory *inv)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < inv->n_images; i++) {
		const struct image *image = &inv->images[i];
		key = add_text(key, image->id);
		for (size_t j = 0; j < image->n_names; j++)
			key = add_text(key, image->names[j]);
		for (size_t j = 0; j < image->n_digests; j++)
			key = add_text(key, image->digests[j]);
		key = add_text(key, "");
	}
	for (size_t i = 0; i < inv->containers.n_containers; i++)
		key = add_text(key, inv->containers.containers[i].id);
	return key;
}

void layer_memory_keep(struct layer_memory *m, const struct inventory *inv)
{
	size_t n = 0;
	for (size_t i = 0; i < inv->n_images; i++)
		n += inv->images[i].n_layers;
	layer_memory_done(m);
	m->key = key_of(inv);
	m->layers = xcalloc(inv->n_layers, sizeof(*m->layers));
	m->n_layers = inv->n_layers;
	m->indexes = xcalloc(n, sizeof(*m->indexes));
	m->counts = xcalloc(inv->n_images, sizeof(*m->counts));
	m->n_images = inv->n_images;
	if (inv->n_layers)
		memcpy(m->layers, inv->layers, inv->n_layers * sizeof(*m->layers));
	uint32_t *to = m->indexes;
	for (size_t i = 0; i < inv->n_images; i++) {
		const struct image *image = &inv->images[i];
		m->counts[i] = image->n_layers;
		if (image->n_layers)
			memcpy(to, image->layers, image->n_layers * sizeof(*to));
		to += image->n_layers;
	}
}

bool layer_memory_recall(const struct layer_memory *m, struct inventory *inv)
{
	if (!m->counts || m->n_images != inv->n_images || m->key != key_of(inv))
		return false;
	inv->layers = arena_calloc(&inv->arena, m->n_layers + 1, sizeof(*inv->layers));
	inv->n_layers = m->n_layers;
	if (m->n_layers)
		memcpy(inv->layers, m->layers, m->n_layers * sizeof(*inv->layers));
	const uint32_t *from = m->indexes;
	for (size_t i = 0; i < inv->n_images; i++) {
		size_t n = m->counts[i];
		uint32_t *layers = arena_calloc(&inv->arena, n + 1, sizeof(*layers));
		if (n)
			memcpy(layers, from, n * sizeof(*layers));
		inv->images[i].layers = layers;
		inv->images[i].n_layers = n;
		from += n;
	}
	return true;
}

void layer_memory_done(struct layer_memory *m)
{
	free(m->layers);
	free(m->indexes);
	free(m->counts);
	*m = (struct layer_memory){ 0 };
}
