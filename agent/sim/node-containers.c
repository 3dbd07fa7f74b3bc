/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/node-model.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/*
 * Containers on the node, and which images they refer to. What a reference fits is found out once, as a
 * container begins, against all images of the scenario, whether they are there or not: a replay of
 * months asks who uses what some hundred thousand times.
 */

/* --- by ID --------------------------------------------------------------------------------- */

static int id_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect_ids(struct node_model *n)
{
	const struct scenario *s = n->scenario;
	const char **ids = xcalloc(s->containers.n_containers + s->n_events + 1, sizeof(*ids));
	size_t n_ids = 0;
	for (size_t i = 0; i < s->containers.n_containers; i++)
		ids[n_ids++] = s->containers.containers[i].id;
	for (size_t i = 0; i < s->n_events; i++)
		if (s->events[i].kind == EVENT_START)
			ids[n_ids++] = s->events[i].container.id;
	qsort(ids, n_ids, sizeof(*ids), id_compare);
	n->container_ids = ids;
	for (size_t i = 0; i < n_ids; i++)
		if (i == 0 || strcmp(ids[i], ids[n->n_container_ids - 1]) != 0)
			ids[n->n_container_ids++] = ids[i];
	n->container_at = xcalloc(n->n_container_ids + 1, sizeof(*n->container_at));
	for (size_t i = 0; i < n->n_container_ids; i++)
		n->container_at[i] = SIZE_MAX;
}

/* Index into container_ids; SIZE_MAX when there is no such container, ever. */
static size_t name_find(const struct node_model *n, const char *id)
{
	const char *const *found = bsearch(&id, n->container_ids, n->n_container_ids,
					   sizeof(*n->container_ids), id_compare);
	return found ? (size_t)(found - n->container_ids) : SIZE_MAX;
}

/* Index into the list; SIZE_MAX when it is not there. */
static size_t container_find(const struct node_model *n, const char *id)
{
	size_t name = name_find(n, id);
	return name == SIZE_MAX ? SIZE_MAX : n->container_at[name];
}

/* --- what they refer to -------------------------------------------------------------------- */

static void note_use(void *ctx, size_t image, enum keep_reason reason, const char *by)
{
	(void)by;
	struct node_container *c = ctx;
	c->uses = xreallocarray(c->uses, c->n_uses + 1, sizeof(*c->uses));
	c->uses[c->n_uses++] = (struct node_use){ image, reason };
}

static void use_begins(struct node_model *n, const struct container *container,
		       struct node_container *c)
{
	struct use_mark mark = { .image = note_use, .ctx = c };
	use_index_container(n->index, container, &mark);
	for (size_t i = 0; i < c->n_uses; i++)
		n->users[c->uses[i].reason][c->uses[i].image]++;
}

static void use_ends(struct node_model *n, struct node_container *c)
{
	for (size_t i = 0; i < c->n_uses; i++) {
		n->users[c->uses[i].reason][c->uses[i].image]--;
		n->used_at[c->uses[i].image] = n->now;
	}
	free(c->uses);
	c->uses = NULL;
	c->n_uses = 0;
}

static void use_sandbox(void *ctx, size_t image, enum keep_reason reason, const char *by)
{
	(void)by;
	struct node_model *n = ctx;
	n->users[reason][image]++;
}

void node_use(const struct node_model *n, struct image_use *ret)
{
	/* in the order of their precedence */
	static const enum keep_reason reasons[] = { KEEP_IN_USE, KEEP_IMAGE_VOLUME, KEEP_SANDBOX };
	for (size_t i = 0; i < n->n_there; i++) {
		ret[i] = (struct image_use){ .reason = KEEP_NONE, .by = "" };
		for (size_t k = ELEMENTS(reasons); k-- > 0;)
			if (n->users[reasons[k]][n->there[i]] > 0)
				ret[i].reason = reasons[k];
	}
}

/* --- life ---------------------------------------------------------------------------------- */

static size_t list_add(struct node_model *n, size_t name)
{
	struct container_list *list = &n->containers;
	if (list->n_containers == n->containers_room) {
		n->containers_room = 2 * n->containers_room + 16;
		list->containers = xreallocarray(list->containers, n->containers_room,
						 sizeof(*list->containers));
		n->more = xreallocarray(n->more, n->containers_room, sizeof(*n->more));
	}
	n->more[list->n_containers] = (struct node_container){ .name = name };
	n->container_at[name] = list->n_containers;
	return list->n_containers++;
}

void node_start(struct node_model *n, const struct container *container)
{
	size_t name = name_find(n, container->id);
	size_t at = n->container_at[name];
	n->changes++;
	if (at == SIZE_MAX)
		at = list_add(n, name);
	else
		use_ends(n, &n->more[at]);
	n->containers.containers[at] = *container;
	use_begins(n, container, &n->more[at]);
}

void node_stop(struct node_model *n, const char *id)
{
	size_t at = container_find(n, id);
	if (at == SIZE_MAX)
		return;
	n->containers.containers[at].state = CONTAINER_EXITED;
	n->changes++;
}

void node_remove_container(struct node_model *n, const char *id)
{
	size_t at = container_find(n, id);
	if (at == SIZE_MAX)
		return;
	n->changes++;
	use_ends(n, &n->more[at]);
	n->container_at[n->more[at].name] = SIZE_MAX;
	size_t last = --n->containers.n_containers;
	if (at == last)
		return;
	n->containers.containers[at] = n->containers.containers[last];
	n->more[at] = n->more[last];
	n->container_at[n->more[at].name] = at;
}

void node_containers_init(struct node_model *n)
{
	const struct scenario *s = n->scenario;
	cleanup_free struct image *images = xcalloc(s->n_images + 1, sizeof(*images));
	for (size_t i = 0; i < s->n_images; i++)
		images[i] = s->images[i].image;
	n->index = use_index_new(images, s->n_images);
	for (size_t reason = 0; reason < ELEMENTS(n->users); reason++)
		n->users[reason] = xcalloc(s->n_images + 1, sizeof(*n->users[reason]));
	struct use_mark mark = { .image = use_sandbox, .ctx = n };
	for (size_t i = 0; i < s->n_sandbox_images; i++)
		use_index_sandbox(n->index, s->sandbox_images[i], &mark);
	collect_ids(n);
	for (size_t i = 0; i < s->containers.n_containers; i++)
		node_start(n, &s->containers.containers[i]);
}

void node_containers_done(struct node_model *n)
{
	for (size_t i = 0; i < n->containers.n_containers; i++)
		free(n->more[i].uses);
	for (size_t reason = 0; reason < ELEMENTS(n->users); reason++)
		free(n->users[reason]);
	free(n->containers.containers);
	free(n->more);
	free(n->container_ids);
	free(n->container_at);
	n->index = use_index_free(n->index);
}
