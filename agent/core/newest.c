/* SPDX-License-Identifier: Apache-2.0 */
#include "core/newest.h"

#include <stdlib.h>
#include <string.h>

#include "core/reference.h"
#include "util/alloc.h"

struct membership {
	const char *repository;
	struct verdict *verdict;
};

struct membership_list {
	struct membership *all;
	size_t n, allocated;
};

/* "docker.io/library/nginx:1" and "docker.io/library/nginx@sha256:..." without what is behind. */
static char *repository_of(const char *name, struct arena *arena)
{
	char full[REFERENCE_MAX];
	if (!reference_normalise(name, full))
		return NULL;
	/* a full name has a slash, and a tag only where it has no digest */
	full[strcspn(full, "@")] = '\0';
	char *last_part = strrchr(full, '/');
	last_part[strcspn(last_part, ":")] = '\0';
	return arena_strdup(arena, full);
}

static void add(struct membership_list *list, const char *name, struct verdict *v,
		struct arena *arena)
{
	char *repository = repository_of(name, arena);
	if (!repository)
		return;
	if (list->n == list->allocated) {
		list->allocated = list->allocated ? 2 * list->allocated : 64;
		list->all = xreallocarray(list->all, list->allocated, sizeof(*list->all));
	}
	list->all[list->n++] = (struct membership){ repository, v };
}

static int compare(const void *a, const void *b)
{
	const struct membership *x = a, *y = b;
	const struct verdict *v = x->verdict, *w = y->verdict;
	int c = strcmp(x->repository, y->repository);
	if (c == 0)
		c = (v->first_seen < w->first_seen) - (v->first_seen > w->first_seen);
	if (c == 0)
		c = (v->last_used < w->last_used) - (v->last_used > w->last_used);
	return c ? c : strcmp(v->image->id, w->image->id);
}

/* Several tags of one image in a repository are one image. */
static bool same_image(const struct membership *x, const struct membership *y)
{
	return strcmp(x->verdict->image->id, y->verdict->image->id) == 0;
}

static void protect(const struct membership_list *list, size_t n_newest)
{
	size_t rank = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct membership *m = &list->all[i], *before = i ? m - 1 : NULL;
		if (!before || strcmp(before->repository, m->repository) != 0)
			rank = 0;
		else if (!same_image(before, m))
			rank++;
		if (rank >= n_newest || m->verdict->keep != KEEP_NONE)
			continue;
		m->verdict->keep = KEEP_NEWEST_OF_REPOSITORY;
		m->verdict->by = m->repository;
		m->verdict->over_age = false;
	}
}

void newest_protect(struct verdict *verdicts, size_t n_verdicts, size_t n_newest,
		    struct arena *arena)
{
	struct membership_list list = { 0 };
	if (n_newest == 0)
		return;
	for (size_t i = 0; i < n_verdicts; i++) {
		const struct image *image = verdicts[i].image;
		size_t n = image->n_names ? image->n_names : image->n_digests;
		const char *const *names = image->n_names ? image->names : image->digests;
		for (size_t k = 0; k < n; k++)
			add(&list, names[k], &verdicts[i], arena);
	}
	if (list.n)
		qsort(list.all, list.n, sizeof(*list.all), compare);
	protect(&list, n_newest);
	free(list.all);
}
