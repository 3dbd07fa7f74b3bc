/* SPDX-License-Identifier: Apache-2.0 */
#include "core/use.h"

#include <stdlib.h>
#include <string.h>

#include "core/reference.h"
#include "util/alloc.h"

/* Docker prints 12 digits; fewer would be a guess. */
#define MIN_ID_PREFIX 12

struct key {
	const char *text;
	size_t image;
};

struct key_list {
	struct key *keys;
	size_t n, allocated;
};

/* Every way an image may be written, sorted, and the hex digits of its ID and digests, sorted apart
 * for prefixes. */
struct use_index {
	struct key_list texts;
	struct key_list hexes;
	struct arena arena;
};

static void key_add(struct key_list *list, const char *text, size_t image)
{
	if (list->n == list->allocated) {
		list->allocated = list->allocated ? 2 * list->allocated : 64;
		list->keys = xreallocarray(list->keys, list->allocated, sizeof(*list->keys));
	}
	list->keys[list->n++] = (struct key){ .text = text, .image = image };
}

static void key_add_hex(struct use_index *index, const char *text, size_t image)
{
	const char *hex;
	if (reference_hex(text, &hex) > 0)
		key_add(&index->hexes, hex, image);
}

static void key_add_name(struct use_index *index, const char *name, size_t image)
{
	char full[REFERENCE_MAX];
	key_add(&index->texts, name, image);
	if (reference_normalise(name, full) && strcmp(full, name) != 0)
		key_add(&index->texts, arena_strdup(&index->arena, full), image);
}

static int key_compare(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

static void key_sort(struct key_list *list)
{
	if (list->n)
		qsort(list->keys, list->n, sizeof(*list->keys), key_compare);
}

static void index_image(struct use_index *index, const struct image *image, size_t i)
{
	key_add(&index->texts, image->id, i);
	key_add_hex(index, image->id, i);
	for (size_t n = 0; n < image->n_names; n++)
		key_add_name(index, image->names[n], i);
	for (size_t n = 0; n < image->n_digests; n++) {
		key_add_name(index, image->digests[n], i);
		const char *digest = reference_digest(image->digests[n]);
		if (!digest)
			continue;
		key_add(&index->texts, digest, i);
		key_add_hex(index, digest, i);
	}
}

struct use_index *use_index_new(const struct image *images, size_t n)
{
	struct use_index *index = xnew(struct use_index);
	for (size_t i = 0; i < n; i++)
		index_image(index, &images[i], i);
	key_sort(&index->texts);
	key_sort(&index->hexes);
	return index;
}

struct use_index *use_index_free(struct use_index *index)
{
	if (!index)
		return NULL;
	free(index->texts.keys);
	free(index->hexes.keys);
	arena_done(&index->arena);
	free(index);
	return NULL;
}

/* The first key that does not sort before text. */
static size_t key_lower_bound(const struct key_list *list, const char *text)
{
	size_t low = 0, high = list->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(list->keys[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What a reference is, and who wants to know the images that it fits. */
struct reference {
	enum keep_reason reason;
	const char *by;
	const struct use_mark *mark;
};

static void tell(const struct reference *ref, size_t image)
{
	ref->mark->image(ref->mark->ctx, image, ref->reason, ref->by);
}

static void mark_equal(const struct key_list *list, const char *text, const struct reference *as)
{
	for (size_t i = key_lower_bound(list, text);
	     i < list->n && strcmp(list->keys[i].text, text) == 0; i++)
		tell(as, list->keys[i].image);
}

static void mark_prefix(const struct key_list *list, const char *hex, size_t len,
			const struct reference *as)
{
	for (size_t i = key_lower_bound(list, hex);
	     i < list->n && strncmp(list->keys[i].text, hex, len) == 0; i++)
		tell(as, list->keys[i].image);
}

/* An ID or a digest, or the beginning of one. */
static void mark_hex(const struct use_index *index, const char *ref, const struct reference *as)
{
	const char *hex;
	size_t len = reference_hex(ref, &hex);
	if (len >= MIN_ID_PREFIX)
		mark_prefix(&index->hexes, hex, len, as);
	else if (len > 0)
		mark_equal(&index->hexes, hex, as);
}

static void mark_reference(const struct use_index *index, const char *ref,
			   const struct reference *as)
{
	char full[REFERENCE_MAX];
	if (!*ref)
		return;
	mark_equal(&index->texts, ref, as);
	if (reference_normalise(ref, full))
		mark_equal(&index->texts, full, as);
	const char *digest = reference_digest(ref);
	if (digest)
		mark_equal(&index->texts, digest, as);
	mark_hex(index, digest ? digest : ref, as);
}

void use_index_container(const struct use_index *index, const struct container *container,
			 const struct use_mark *mark)
{
	struct reference as = { .reason = KEEP_IN_USE, .by = container->id, .mark = mark };
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		mark_reference(index, container->references[i], &as);
	as.reason = KEEP_IMAGE_VOLUME;
	for (size_t i = 0; i < container->n_volume_images; i++)
		mark_reference(index, container->volume_images[i], &as);
}

void use_index_sandbox(const struct use_index *index, const char *reference,
		       const struct use_mark *mark)
{
	struct reference as = { .reason = KEEP_SANDBOX, .by = reference, .mark = mark };
	mark_reference(index, reference, &as);
}

static void mark_use(void *ctx, size_t image, enum keep_reason reason, const char *by)
{
	struct image_use *use = (struct image_use *)ctx + image;
	/* the reasons are declared in the order of their precedence */
	if (use->reason == KEEP_NONE || reason < use->reason)
		*use = (struct image_use){ .reason = reason, .by = by };
}

/* The images that others are built on. */
static void mark_dependents(const struct image *images, size_t n_images, struct image_use *ret)
{
	for (size_t i = 0; i < n_images; i++)
		if (images[i].dependent)
			mark_use(ret, i, KEEP_IN_USE, images[i].dependent);
}

void use_resolve(const struct image *images, size_t n_images,
		 const struct container_list *containers, const char *const *sandbox_images,
		 size_t n_sandbox_images, struct image_use *ret)
{
	struct use_index *index = use_index_new(images, n_images);
	struct use_mark mark = { .image = mark_use, .ctx = ret };
	for (size_t i = 0; i < n_images; i++)
		ret[i] = (struct image_use){ .reason = KEEP_NONE, .by = "" };
	for (size_t i = 0; i < containers->n_containers; i++)
		use_index_container(index, &containers->containers[i], &mark);
	mark_dependents(images, n_images, ret);
	for (size_t i = 0; i < n_sandbox_images; i++)
		use_index_sandbox(index, sandbox_images[i], &mark);
	(void)use_index_free(index);
}

/* Whoever wants to know of which container it is. */
struct each {
	void (*found)(void *ctx, size_t container, size_t image);
	void *ctx;
	size_t container;
};

static void tell_each(void *ctx, size_t image, enum keep_reason reason, const char *by)
{
	(void)reason;
	(void)by;
	const struct each *each = ctx;
	each->found(each->ctx, each->container, image);
}

void use_each(const struct image *images, size_t n_images, const struct container *containers,
	      size_t n_containers, void (*found)(void *ctx, size_t container, size_t image),
	      void *ctx)
{
	struct use_index *index = use_index_new(images, n_images);
	struct each each = { .found = found, .ctx = ctx };
	struct use_mark mark = { .image = tell_each, .ctx = &each };
	for (each.container = 0; each.container < n_containers; each.container++)
		use_index_container(index, &containers[each.container], &mark);
	(void)use_index_free(index);
}
