/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/layer-tree.h"

#include <errno.h>
#include <string.h>

#include "runtime/containerd/layer-names.h"
#include "util/arena.h"
#include "util/limits.h"

#define NOBODY	    UINT32_MAX
#define MIN_BUCKETS 1024

struct node {
	const char *kind, *key;
	uint64_t bytes, inodes;
	bool present, unknown;
	bool held, held_alone;
	uint32_t next_in_bucket;
	uint32_t reference; /* first of its references */
	uint32_t seen;	    /* the walk that met it last */
	uint32_t holders;
	uint32_t image; /* whose configuration it is */
	uint32_t layer; /* its place in the inventory */
};

struct reference {
	uint32_t to, next;
};

struct name {
	const char *text;
	uint32_t target;
	uint32_t image, next; /* of the same image */
};

struct layer_tree {
	struct arena texts;
	struct node *nodes;
	size_t n_nodes, room_nodes;
	uint32_t *buckets;
	size_t n_buckets;
	struct reference *references;
	size_t n_references, room_references;
	struct name *names;
	size_t n_names, room_names;

	/* of the walk in progress */
	uint32_t walk;
	uint32_t *met; /* nodes in the order met; those behind are yet to be looked at */
	size_t n_met;
	size_t steps;

	bool incomplete; /* an image is not all there */
};

struct layer_tree *layer_tree_new(void)
{
	return xnew(struct layer_tree);
}

struct layer_tree *layer_tree_free(struct layer_tree *t)
{
	if (!t)
		return NULL;
	arena_done(&t->texts);
	free(t->nodes);
	free(t->buckets);
	free(t->references);
	free(t->names);
	free(t->met);
	free(t);
	return NULL;
}

/* Room for one more element; arrays double. */
static void *grown(void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	*room = *room ? 2 * *room : 64;
	return xreallocarray(array, *room, size);
}

/* FNV-1a; keys are digests, and the number of nodes is capped. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT32_C(0x01000193);
	return hash;
}

static uint32_t *bucket_of(const struct layer_tree *t, const char *kind, const char *key)
{
	uint32_t hash = hash_text(hash_text(UINT32_C(0x811c9dc5), kind), key);
	return &t->buckets[hash % t->n_buckets];
}

static void rehash(struct layer_tree *t)
{
	t->n_buckets = t->n_buckets ? 2 * t->n_buckets : MIN_BUCKETS;
	t->buckets = xreallocarray(t->buckets, t->n_buckets, sizeof(*t->buckets));
	memset(t->buckets, 0xff, t->n_buckets * sizeof(*t->buckets));
	for (size_t i = 0; i < t->n_nodes; i++) {
		uint32_t *bucket = bucket_of(t, t->nodes[i].kind, t->nodes[i].key);
		t->nodes[i].next_in_bucket = *bucket;
		*bucket = (uint32_t)i;
	}
}

static uint32_t find(const struct layer_tree *t, const char *kind, const char *key)
{
	if (t->n_buckets == 0)
		return NOBODY;
	uint32_t at = *bucket_of(t, kind, key);
	while (at != NOBODY &&
	       (strcmp(t->nodes[at].key, key) != 0 || strcmp(t->nodes[at].kind, kind) != 0))
		at = t->nodes[at].next_in_bucket;
	return at;
}

int layer_tree_node(struct layer_tree *t, const char *kind, const char *key, struct err *e)
{
	uint32_t found = find(t, kind, key);
	if (found != NOBODY)
		return (int)found;
	if (t->n_nodes >= N_MAX_LAYER_NODES)
		return err_set(e, E2BIG, "more than %d blobs and snapshots", N_MAX_LAYER_NODES);
	if (t->n_nodes >= t->n_buckets)
		rehash(t);
	t->nodes = grown(t->nodes, t->n_nodes, &t->room_nodes, sizeof(*t->nodes));
	uint32_t *bucket = bucket_of(t, kind, key);
	t->nodes[t->n_nodes] = (struct node){
		.kind = arena_strdup(&t->texts, kind),
		.key = arena_strdup(&t->texts, key),
		.next_in_bucket = *bucket,
		.reference = NOBODY,
		.image = NOBODY,
		.layer = NOBODY,
	};
	*bucket = (uint32_t)t->n_nodes;
	return (int)t->n_nodes++;
}

void layer_tree_set_size(struct layer_tree *t, int node, uint64_t bytes, uint64_t inodes)
{
	t->nodes[node].present = true;
	t->nodes[node].unknown = false;
	t->nodes[node].bytes = bytes;
	t->nodes[node].inodes = inodes;
}

void layer_tree_set_unknown(struct layer_tree *t, int node)
{
	t->nodes[node].present = t->nodes[node].unknown = true;
}

int layer_tree_refer(struct layer_tree *t, int from, int to, struct err *e)
{
	if (t->n_references >= N_MAX_LAYER_REFERENCES)
		return err_set(e, E2BIG, "more than %d references between blobs and snapshots",
			       N_MAX_LAYER_REFERENCES);
	t->references =
		grown(t->references, t->n_references, &t->room_references, sizeof(*t->references));
	struct node *node = &t->nodes[from];
	t->references[t->n_references] = (struct reference){ (uint32_t)to, node->reference };
	node->reference = (uint32_t)t->n_references++;
	return 0;
}

void layer_tree_hold(struct layer_tree *t, int node)
{
	t->nodes[node].held = true;
}

void layer_tree_hold_blob(struct layer_tree *t, const char *digest)
{
	uint32_t node = find(t, "", digest);
	if (node != NOBODY)
		t->nodes[node].held_alone = true;
}

int layer_tree_name(struct layer_tree *t, const char *name, int target, struct err *e)
{
	if (t->n_names >= N_MAX_LAYER_REFERENCES)
		return err_set(e, E2BIG, "more than %d names of images", N_MAX_LAYER_REFERENCES);
	t->names = grown(t->names, t->n_names, &t->room_names, sizeof(*t->names));
	t->names[t->n_names++] = (struct name){ .text = arena_strdup(&t->texts, name),
						.target = (uint32_t)target,
						.image = NOBODY,
						.next = NOBODY };
	return 0;
}

static void walk_begin(struct layer_tree *t)
{
	t->walk++;
	t->n_met = 0;
}

static void walk_meet(struct layer_tree *t, uint32_t node)
{
	t->steps++;
	if (t->nodes[node].seen == t->walk)
		return;
	t->nodes[node].seen = t->walk;
	t->met[t->n_met++] = node;
}

/* Follows all references from what was met. */
static int walk_on(struct layer_tree *t, struct err *e)
{
	for (size_t i = 0; i < t->n_met; i++) {
		if (t->steps > N_MAX_LAYER_STEPS)
			return err_set(e, E2BIG, "images refer to blobs more than %d times",
				       N_MAX_LAYER_STEPS);
		for (uint32_t at = t->nodes[t->met[i]].reference; at != NOBODY;
		     at = t->references[at].next)
			walk_meet(t, t->references[at].to);
	}
	return 0;
}

/* The one image whose configuration a name reaches, or nobody. */
static int image_by_configuration(struct layer_tree *t, const struct name *name, uint32_t *ret,
				  struct err *e)
{
	walk_begin(t);
	walk_meet(t, name->target);
	int r = walk_on(t, e);
	uint32_t found = NOBODY;
	for (size_t i = 0; r == 0 && i < t->n_met; i++) {
		uint32_t image = t->nodes[t->met[i]].image;
		if (image == NOBODY)
			continue;
		if (found != NOBODY) {
			found = NOBODY;
			break;
		}
		found = image;
	}
	*ret = found;
	return r;
}

/* first[i] becomes the first name of image i. */
static int give_names(struct layer_tree *t, const struct inventory *inv, uint32_t *first,
		      struct err *e)
{
	cleanup_layer_names struct layer_names names;
	layer_names_init(&names, inv);
	int r = 0;
	for (size_t i = 0; r == 0 && i < t->n_names; i++) {
		struct name *name = &t->names[i];
		if (!layer_names_find(&names, name->text, &name->image))
			r = image_by_configuration(t, name, &name->image, e);
		if (name->image == NOBODY)
			continue;
		name->next = first[name->image];
		first[name->image] = (uint32_t)i;
	}
	return r;
}

static void find_configurations(struct layer_tree *t, const struct inventory *inv)
{
	for (size_t i = 0; i < inv->n_images; i++) {
		uint32_t node = find(t, "", inv->images[i].id);
		if (node != NOBODY)
			t->nodes[node].image = (uint32_t)i;
	}
}

/* Everything but the inventory's images: together they count as one. */
static int count_others(struct layer_tree *t, struct err *e)
{
	walk_begin(t);
	for (size_t i = 0; i < t->n_names; i++)
		if (t->names[i].image == NOBODY)
			walk_meet(t, t->names[i].target);
	for (size_t i = 0; i < t->n_nodes; i++)
		if (t->nodes[i].held)
			walk_meet(t, (uint32_t)i);
	int r = walk_on(t, e);
	for (size_t i = 0; i < t->n_nodes; i++)
		t->nodes[i].holders = t->nodes[i].seen == t->walk || t->nodes[i].held_alone;
	return r;
}

/* What one image holds, before it is known where its layers will stand. */
struct holding {
	uint32_t *nodes;
	size_t n;
};

/*
 * Counts the image as a holder. Its layers are known when its configuration was reached and every
 * part that is there has a size.
 */
static int count_image(struct layer_tree *t, const char *id, uint32_t first_name,
		       struct arena *arena, struct holding *ret, struct err *e)
{
	walk_begin(t);
	for (uint32_t at = first_name; at != NOBODY; at = t->names[at].next)
		walk_meet(t, t->names[at].target);
	int r = walk_on(t, e);
	if (r < 0)
		return r;
	bool unknown = false, unpacked = false;
	size_t n = 0;
	for (size_t i = 0; i < t->n_met; i++) {
		struct node *node = &t->nodes[t->met[i]];
		if (!node->present)
			continue;
		node->holders++;
		unknown |= node->unknown;
		unpacked |= *node->kind != '\0';
		t->met[n++] = t->met[i];
	}
	uint32_t configuration = find(t, "", id);
	bool known = !unknown && configuration != NOBODY && t->nodes[configuration].present &&
		     t->nodes[configuration].seen == t->walk;
	t->incomplete |= !known || !unpacked;
	if (!known)
		return 0;
	ret->nodes = arena_calloc(arena, n, sizeof(*ret->nodes));
	memcpy(ret->nodes, t->met, n * sizeof(*ret->nodes));
	ret->n = n;
	return 0;
}

/* Nodes become layers when the first image with known layers holds them. */
static void place(struct layer_tree *t, struct inventory *inv, const struct holding *holdings)
{
	size_t n = 0;
	for (size_t i = 0; i < inv->n_images; i++)
		for (size_t j = 0; j < holdings[i].n; j++) {
			struct node *node = &t->nodes[holdings[i].nodes[j]];
			if (node->layer == NOBODY)
				node->layer = (uint32_t)n++;
			/* The list stays, as places now. */
			holdings[i].nodes[j] = node->layer;
		}
	inv->layers = arena_calloc(&inv->arena, n + 1, sizeof(*inv->layers));
	inv->n_layers = n;
	for (size_t i = 0; i < t->n_nodes; i++) {
		const struct node *node = &t->nodes[i];
		if (node->layer != NOBODY)
			inv->layers[node->layer] =
				(struct layer){ node->bytes, node->inodes, node->holders };
	}
	for (size_t i = 0; i < inv->n_images; i++) {
		inv->images[i].layers = holdings[i].nodes;
		inv->images[i].n_layers = holdings[i].n;
	}
}

bool layer_tree_complete(const struct layer_tree *t)
{
	return !t->incomplete;
}

int layer_tree_apply(struct layer_tree *t, struct inventory *inv, struct err *e)
{
	cleanup_free uint32_t *first = xcalloc(inv->n_images, sizeof(*first));
	cleanup_free struct holding *holdings = xcalloc(inv->n_images, sizeof(*holdings));
	memset(first, 0xff, inv->n_images * sizeof(*first));
	free(t->met);
	t->met = xcalloc(t->n_nodes, sizeof(*t->met));
	find_configurations(t, inv);
	int r = give_names(t, inv, first, e);
	if (r == 0)
		r = count_others(t, e);
	for (size_t i = 0; r == 0 && i < inv->n_images; i++)
		r = count_image(t, inv->images[i].id, first[i], &inv->arena, &holdings[i], e);
	if (r == 0)
		place(t, inv, holdings);
	return r;
}
