/* SPDX-License-Identifier: Apache-2.0 */
#include "core/order.h"

#include <stdlib.h>
#include <string.h>

#include "core/layers.h"
#include "util/alloc.h"

/* A candidate with the gain it had when it was pushed; an older entry of a candidate is stale. */
struct entry {
	uint64_t gain;
	size_t candidate;
};

struct ordering {
	const struct inventory *inv;
	enum resource resource;
	struct verdict *candidates;
	uint64_t *gains; /* of each candidate, now */
	bool *taken;
	uint32_t *holders; /* of each layer, now */
	size_t *sum; /* of each layer: sum of the candidates that hold it; of the last one it is its index */
	uint32_t *within; /* of each layer: how many candidates hold it */
	struct entry *heap;
	size_t n_heap;
};

/* Whether a is to be taken before b. */
static bool before(const struct entry *a, const struct entry *b)
{
	return a->gain != b->gain ? a->gain > b->gain : a->candidate < b->candidate;
}

static void swap(struct entry *a, struct entry *b)
{
	struct entry t = *a;
	*a = *b;
	*b = t;
}

static void push(struct ordering *o, size_t candidate)
{
	size_t i = o->n_heap++;
	o->heap[i] = (struct entry){ o->gains[candidate], candidate };
	for (; i > 0 && before(&o->heap[i], &o->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&o->heap[i], &o->heap[(i - 1) / 2]);
}

static struct entry pop(struct ordering *o)
{
	struct entry top = o->heap[0];
	o->heap[0] = o->heap[--o->n_heap];
	for (size_t i = 0;;) {
		size_t best = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < o->n_heap && before(&o->heap[child], &o->heap[best]))
				best = child;
		if (best == i)
			return top;
		swap(&o->heap[i], &o->heap[best]);
		i = best;
	}
}

static uint64_t layer_amount(const struct layer *layer, enum resource r)
{
	return r == RESOURCE_BYTES ? layer->bytes : layer->inodes;
}

/* The candidate is gone: what only one candidate holds now is that one's gain. */
static void take(struct ordering *o, size_t candidate)
{
	const struct image *image = o->candidates[candidate].image;
	o->taken[candidate] = true;
	for (size_t i = 0; i < image->n_layers; i++) {
		uint32_t layer = image->layers[i];
		o->sum[layer] -= candidate;
		o->within[layer]--;
		if (o->holders[layer] > 0)
			o->holders[layer]--;
		size_t last = o->sum[layer];
		if (o->holders[layer] != 1 || o->within[layer] != 1)
			continue;
		o->gains[last] = amount_add(o->gains[last],
					    layer_amount(&o->inv->layers[layer], o->resource));
		push(o, last);
	}
}

static void ordering_init(struct ordering *o, size_t n)
{
	size_t n_layers = o->inv->n_layers;
	o->gains = xcalloc(n, sizeof(*o->gains));
	o->taken = xcalloc(n, sizeof(*o->taken));
	o->holders = layers_holders(o->inv);
	o->sum = xcalloc(n_layers, sizeof(*o->sum));
	o->within = xcalloc(n_layers, sizeof(*o->within));
	/* each layer renews its last holder's entry once */
	o->heap = xcalloc(n + n_layers, sizeof(*o->heap));
	for (size_t i = 0; i < n; i++) {
		const struct image *image = o->candidates[i].image;
		uint64_t gain[_RESOURCE_MAX];
		layers_gain(o->inv, o->holders, image, gain);
		o->gains[i] = gain[o->resource];
		for (size_t k = 0; k < image->n_layers; k++) {
			o->sum[image->layers[k]] += i;
			o->within[image->layers[k]]++;
		}
		push(o, i);
	}
}

static void ordering_done(struct ordering *o)
{
	free(o->gains);
	free(o->taken);
	free(o->holders);
	free(o->sum);
	free(o->within);
	free(o->heap);
}

void order_by_gain(struct verdict *candidates, size_t n, const struct inventory *inv,
		   enum resource resource)
{
	struct ordering o = { .inv = inv, .resource = resource, .candidates = candidates };
	cleanup_free struct verdict *ordered = xcalloc(n, sizeof(*ordered));
	ordering_init(&o, n);
	for (size_t done = 0; done < n;) {
		struct entry e = pop(&o);
		/* an older entry: the one with the gain as it is now came first */
		if (o.taken[e.candidate])
			continue;
		ordered[done++] = candidates[e.candidate];
		take(&o, e.candidate);
	}
	if (n)
		memcpy(candidates, ordered, n * sizeof(*candidates));
	ordering_done(&o);
}
