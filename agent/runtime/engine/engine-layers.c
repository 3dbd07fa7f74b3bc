/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/engine/engine-layers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/layers.h"
#include "core/space.h"
#include "util/limits.h"

#define DIGEST_SIZE	32
#define BYTES_PER_INODE 16384 /* inode_ratio of mke2fs.conf */
#define MIN_SLOTS	256

/* What a node stands on that is no layer. */
#define NOTHING UINT32_MAX	 /* a lowest layer */
#define IMAGES	(UINT32_MAX - 1) /* an image, which is kept as a node too */

struct node {
	uint8_t digest[DIGEST_SIZE];
	uint32_t parent;
	uint32_t top;	/* of an image: its topmost layer, or NOTHING */
	uint32_t index; /* in the inventory; of an image whether it is there */
	bool used;
	uint64_t bytes;
};

struct engine_layers {
	struct node *nodes; /* whatever a node refers to comes before it */
	size_t n, allocated;
	uint32_t *slots; /* hash table: index of a node + 1 */
	size_t n_slots;
};

struct engine_layers *engine_layers_new(void)
{
	return xnew(struct engine_layers);
}

struct engine_layers *engine_layers_free(struct engine_layers *l)
{
	if (!l)
		return NULL;
	free(l->nodes);
	free(l->slots);
	free(l);
	return NULL;
}

/* --- nodes by what they are ------------------------------------------------------------------ */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_digest(const char *text, uint8_t ret[DIGEST_SIZE])
{
	static const char algorithm[] = "sha256:";
	if (strncmp(text, algorithm, sizeof(algorithm) - 1) == 0)
		text += sizeof(algorithm) - 1;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
		if (low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * DIGEST_SIZE] == '\0';
}

/* FNV-1a. */
static size_t hash(const uint8_t digest[DIGEST_SIZE], uint32_t parent)
{
	uint64_t hash = 0xcbf29ce484222325 ^ parent;
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		hash = (hash ^ digest[i]) * 0x100000001b3;
	return (size_t)(hash ^ hash >> 32);
}

/* The slot of that node, or the free one where it belongs. */
static uint32_t *slot_of(const struct engine_layers *l, const uint8_t digest[DIGEST_SIZE],
			 uint32_t parent)
{
	size_t i = hash(digest, parent) & (l->n_slots - 1);
	for (; l->slots[i]; i = (i + 1) & (l->n_slots - 1)) {
		const struct node *node = &l->nodes[l->slots[i] - 1];
		if (node->parent == parent && memcmp(node->digest, digest, DIGEST_SIZE) == 0)
			break;
	}
	return &l->slots[i];
}

/* At most half of the slots are ever taken. */
static void make_slots(struct engine_layers *l)
{
	size_t n = MIN_SLOTS;
	while (n < 4 * l->n)
		n *= 2;
	free(l->slots);
	l->slots = xcalloc(n, sizeof(*l->slots));
	l->n_slots = n;
	for (size_t i = 0; i < l->n; i++)
		*slot_of(l, l->nodes[i].digest, l->nodes[i].parent) = (uint32_t)i + 1;
}

static struct node *find(const struct engine_layers *l, const uint8_t digest[DIGEST_SIZE],
			 uint32_t parent)
{
	uint32_t at = l->n_slots ? *slot_of(l, digest, parent) : 0;
	return at ? &l->nodes[at - 1] : NULL;
}

static uint32_t add(struct engine_layers *l, const uint8_t digest[DIGEST_SIZE], uint32_t parent)
{
	if (l->n == l->allocated) {
		l->allocated = l->allocated ? 2 * l->allocated : 64;
		l->nodes = xreallocarray(l->nodes, l->allocated, sizeof(*l->nodes));
	}
	struct node *node = &l->nodes[l->n++];
	*node = (struct node){ .parent = parent, .top = NOTHING };
	memcpy(node->digest, digest, DIGEST_SIZE);
	if (2 * l->n > l->n_slots)
		make_slots(l);
	else
		*slot_of(l, digest, parent) = (uint32_t)l->n;
	return (uint32_t)l->n - 1;
}

/* --- filling it ------------------------------------------------------------------------------- */

static struct node *find_image(struct engine_layers *l, const char *id)
{
	uint8_t digest[DIGEST_SIZE];
	return parse_digest(id, digest) ? find(l, digest, IMAGES) : NULL;
}

bool engine_layers_knows(struct engine_layers *l, const char *image_id)
{
	struct node *image = find_image(l, image_id);
	if (image)
		image->used = true;
	return image != NULL;
}

static int parse_all(const struct engine_image_layers *layers, uint8_t (*ret)[DIGEST_SIZE],
		     struct err *e)
{
	for (size_t i = 0; i < layers->n; i++)
		if (!parse_digest(layers->digests[i], ret[i]))
			return err_set(e, EBADMSG, "\"%.80s\" is no digest of a layer",
				       layers->digests[i]);
	return 0;
}

int engine_layers_add(struct engine_layers *l, const char *image_id,
		      const struct engine_image_layers *layers, struct err *e)
{
	uint8_t image_digest[DIGEST_SIZE];
	if (!parse_digest(image_id, image_digest))
		return err_set(e, EBADMSG, "\"%.80s\" is no ID of an image", image_id);
	if (layers->n >= N_MAX_LAYER_NODES || l->n + layers->n >= N_MAX_LAYER_NODES)
		return err_set(e, E2BIG, "more than %d layers", N_MAX_LAYER_NODES);
	cleanup_free uint8_t(*digests)[DIGEST_SIZE] = xcalloc(layers->n, DIGEST_SIZE);
	int r = parse_all(layers, digests, e);
	if (r < 0)
		return r;
	uint32_t top = NOTHING;
	uint64_t left = layers->bytes_together;
	for (size_t i = 0; i < layers->n; i++) {
		const struct node *known = find(l, digests[i], top);
		if (known) {
			top = (uint32_t)(known - l->nodes);
		} else {
			top = add(l, digests[i], top);
			bool rest = !layers->bytes && i + 1 == layers->n;
			l->nodes[top].bytes = layers->bytes ? layers->bytes[i] : rest ? left : 0;
		}
		left -= l->nodes[top].bytes < left ? l->nodes[top].bytes : left;
	}
	uint32_t image = add(l, image_digest, IMAGES);
	l->nodes[image].top = top;
	l->nodes[image].used = true;
	return 0;
}

/* --- what it comes to -------------------------------------------------------------------------- */

/* Drops what no image that is there has. */
static void forget(struct engine_layers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct node *image = &l->nodes[i];
		if (image->parent != IMAGES || !image->used)
			continue;
		for (uint32_t at = image->top; at != NOTHING && !l->nodes[at].used;
		     at = l->nodes[at].parent)
			l->nodes[at].used = true;
	}
	cleanup_free uint32_t *moved = xcalloc(l->n, sizeof(*moved));
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (!l->nodes[i].used)
			continue;
		struct node node = l->nodes[i];
		node.used = false;
		node.parent = node.parent < IMAGES ? moved[node.parent] : node.parent;
		node.top = node.top != NOTHING ? moved[node.top] : NOTHING;
		moved[i] = (uint32_t)n;
		l->nodes[n++] = node;
	}
	if (n == l->n)
		return;
	l->n = n;
	make_slots(l);
}

/* What the files of a layer take. */
static uint64_t files_of(const struct engine_layers *l, const struct node *node, bool copies)
{
	uint64_t bytes = node->bytes;
	while (copies && node->parent != NOTHING) {
		node = &l->nodes[node->parent];
		bytes = amount_add(bytes, node->bytes);
	}
	return bytes;
}

static struct layer layer_make(const struct engine_layers *l, const struct node *node,
			       const struct engine_overhead *overhead)
{
	if (node->parent == IMAGES)
		return (struct layer){ overhead->image.bytes, overhead->image.inodes, 1 };
	bool lowest = node->parent == NOTHING;
	uint64_t bytes = files_of(l, node, overhead->copies);
	uint64_t inodes = bytes / BYTES_PER_INODE + (bytes % BYTES_PER_INODE > 0);
	return (struct layer){
		.bytes = amount_add(bytes, lowest ? overhead->lowest.bytes : overhead->other.bytes),
		.inodes = inodes + (lowest ? overhead->lowest.inodes : overhead->other.inodes),
	};
}

static void apply_to_image(const struct engine_layers *l, const struct node *node,
			   struct inventory *inv, struct image *image)
{
	size_t n = 1;
	for (uint32_t at = node->top; at != NOTHING; at = l->nodes[at].parent)
		n++;
	uint32_t *layers = arena_calloc(&inv->arena, n, sizeof(*layers));
	image->layers = layers;
	image->n_layers = n;
	*layers++ = (uint32_t)(node - l->nodes);
	for (uint32_t at = node->top; at != NOTHING; at = l->nodes[at].parent) {
		inv->layers[at].holders++;
		*layers++ = at;
	}
}

void engine_layers_apply(struct engine_layers *l, struct inventory *inv,
			 const struct engine_overhead *overhead)
{
	forget(l);
	inv->layers = arena_calloc(&inv->arena, l->n + 1, sizeof(*inv->layers));
	inv->n_layers = l->n;
	for (size_t i = 0; i < l->n; i++)
		inv->layers[i] = layer_make(l, &l->nodes[i], overhead);
	for (size_t i = 0; i < inv->n_images; i++) {
		const struct node *node = find_image(l, inv->images[i].id);
		if (node)
			apply_to_image(l, node, inv, &inv->images[i]);
	}
	layers_predict(inv);
}

/* --- an image's history ------------------------------------------------------------------------- */

static bool begins_with_any(const char *text, const char *const *beginnings)
{
	for (; *beginnings; beginnings++)
		if (strncmp(text, *beginnings, strlen(*beginnings)) == 0)
			return true;
	return false;
}

/* Whether an instruction may have made a layer, though one without any file. */
static bool may_make_layer(const char *created_by)
{
	static const char nop[] = "#(nop)";
	static const char *const without[] = { "ARG",	  "CMD",	 "ENTRYPOINT", "ENV",
					       "EXPOSE",  "HEALTHCHECK", "LABEL",      "MAINTAINER",
					       "ONBUILD", "SHELL",	 "STOPSIGNAL", "USER",
					       "VOLUME",  NULL };
	static const char *const with[] = { "ADD", "COPY", "WORKDIR", NULL };
	const char *instruction = strstr(created_by, nop);
	if (!instruction)
		return !begins_with_any(created_by, without);
	instruction += strlen(nop);
	return begins_with_any(instruction + strspn(instruction, " "), with);
}

/* The ways to tell which entries made layers, the surest first. */
enum guess {
	GUESS_TOLD,
	GUESS_NOT_ZERO,
	GUESS_INSTRUCTION,
	_GUESS_MAX,
};

static bool made_layer(const struct engine_history_entry *entry, enum guess guess)
{
	switch (guess) {
	case GUESS_TOLD:
		return !entry->empty;
	case GUESS_NOT_ZERO:
		return entry->bytes > 0;
	default:
		return entry->bytes > 0 || may_make_layer(entry->created_by);
	}
}

static bool match(const struct engine_history_entry *entries, size_t n, enum guess guess,
		  uint64_t *ret, size_t n_layers)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		if (!made_layer(&entries[i], guess))
			continue;
		if (count == n_layers)
			return false;
		ret[count++] = entries[i].bytes;
	}
	return count == n_layers;
}

bool engine_layers_match(const struct engine_history_entry *entries, size_t n, uint64_t *ret,
			 size_t n_layers)
{
	for (int guess = 0; guess < _GUESS_MAX; guess++)
		if (match(entries, n, guess, ret, n_layers))
			return true;
	return false;
}
