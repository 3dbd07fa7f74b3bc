/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/node-model.h"

#include <errno.h>
#include <string.h>

#include "core/layers.h"

static int id_compare(const struct scenario *s, size_t a, size_t b)
{
	int c = strcmp(s->images[a].image.id, s->images[b].image.id);
	return c ? c : (a > b) - (a < b);
}

static int by_id_compare(const void *a, const void *b, void *scenario)
{
	return id_compare(scenario, *(const size_t *)a, *(const size_t *)b);
}

/* --- images -------------------------------------------------------------------------------- */

/* The first in by_id that is not below id. */
static size_t id_lower_bound(const struct node_model *n, const char *id)
{
	size_t low = 0, high = n->scenario->n_images;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(n->scenario->images[n->by_id[middle]].image.id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool any_with_id(const struct node_model *n, const char *id, const bool *flags)
{
	for (size_t i = id_lower_bound(n, id); i < n->scenario->n_images; i++) {
		if (strcmp(n->scenario->images[n->by_id[i]].image.id, id) != 0)
			return false;
		if (flags[n->by_id[i]])
			return true;
	}
	return false;
}

bool node_has(const struct node_model *n, size_t image)
{
	return any_with_id(n, n->scenario->images[image].image.id, n->present);
}

bool node_had(const struct node_model *n, size_t image)
{
	return any_with_id(n, n->scenario->images[image].image.id, n->was_present);
}

/* The first of those that are there which does not sort before that one. */
static size_t there_lower_bound(const struct node_model *n, size_t index)
{
	size_t low = 0, high = n->n_there;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (n->rank[n->there[middle]] < n->rank[index])
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void note_change(struct node_model *n)
{
	n->changes++;
	n->image_changes++;
}

static void image_add(struct node_model *n, size_t index)
{
	const struct image *image = &n->scenario->images[index].image;
	for (size_t i = 0; i < image->n_layers; i++) {
		uint32_t layer = image->layers[i];
		if (n->holders[layer]++ > 0)
			continue;
		for (int r = 0; r < _RESOURCE_MAX; r++)
			n->held[r] += n->scenario->layers[layer].size[r];
	}
	size_t at = there_lower_bound(n, index);
	memmove(&n->there[at + 1], &n->there[at], (n->n_there++ - at) * sizeof(*n->there));
	n->there[at] = index;
	n->present[index] = n->was_present[index] = true;
	n->used_at[index] = USEC_NEVER;
	note_change(n);
}

static void image_drop(struct node_model *n, size_t index)
{
	const struct image *image = &n->scenario->images[index].image;
	if (!n->present[index])
		return;
	for (size_t i = 0; i < image->n_layers; i++) {
		uint32_t layer = image->layers[i];
		if (--n->holders[layer] > 0)
			continue;
		for (int r = 0; r < _RESOURCE_MAX; r++)
			n->held[r] -= n->scenario->layers[layer].size[r];
	}
	size_t at = there_lower_bound(n, index);
	memmove(&n->there[at], &n->there[at + 1], (--n->n_there - at) * sizeof(*n->there));
	n->present[index] = false;
	note_change(n);
}

void node_remove(struct node_model *n, const char *id)
{
	for (size_t i = id_lower_bound(n, id); i < n->scenario->n_images; i++) {
		if (strcmp(n->scenario->images[n->by_id[i]].image.id, id) != 0)
			return;
		image_drop(n, n->by_id[i]);
	}
}

int node_pull(struct node_model *n, size_t index, uint64_t *ret_bytes)
{
	const struct image *image = &n->scenario->images[index].image;
	uint64_t missing[_RESOURCE_MAX] = { 0 };
	struct space space;
	node_space(n, node_image_device(n), &space);
	for (size_t i = 0; i < image->n_layers; i++) {
		uint32_t layer = image->layers[i];
		for (int r = 0; r < _RESOURCE_MAX && n->holders[layer] == 0; r++)
			missing[r] = amount_add(missing[r], n->scenario->layers[layer].size[r]);
	}
	for (int r = 0; r < _RESOURCE_MAX; r++)
		if (space_has(&space, r) && missing[r] > space_available(&space, r))
			return -ENOSPC;
	image_add(n, index);
	*ret_bytes = missing[RESOURCE_BYTES];
	return 0;
}

/* --- space --------------------------------------------------------------------------------- */

size_t node_image_device(const struct node_model *n)
{
	return (size_t)n->scenario->device_of[ROLE_IMAGEFS];
}

static uint64_t written_at(const struct node_write *w, enum resource r, usec_t at)
{
	if (at >= w->begin + w->duration)
		return w->amount[r];
	if (at <= w->begin)
		return 0;
	return (uint64_t)((unsigned __int128)w->amount[r] * (uint64_t)(at - w->begin) /
			  (uint64_t)w->duration);
}

/* What is written on a device between now and at, if it fits. */
static unsigned __int128 pending_at(const struct node_model *n, size_t device, enum resource r,
				    usec_t at)
{
	unsigned __int128 sum = 0;
	for (size_t i = 0; i < n->n_writes; i++)
		if (n->writes[i].device == device)
			sum += written_at(&n->writes[i], r, at) - n->writes[i].done[r];
	return sum;
}

static uint64_t available_at(const struct node_model *n, size_t device, enum resource r, usec_t at)
{
	uint64_t capacity = n->scenario->devices[device].capacity[r];
	__int128 used = n->other[device][r] + (__int128)pending_at(n, device, r, at);
	if (device == node_image_device(n))
		used += (__int128)n->held[r];
	if (used <= 0)
		return capacity;
	return used >= (__int128)capacity ? 0 : capacity - (uint64_t)used;
}

void node_space_at(const struct node_model *n, size_t device, usec_t at, struct space *ret)
{
	const struct scenario_device *d = &n->scenario->devices[device];
	*ret = (struct space){
		.size_bytes = d->capacity[RESOURCE_BYTES],
		.avail_bytes = available_at(n, device, RESOURCE_BYTES, at),
		.inodes = d->capacity[RESOURCE_INODES],
		.inodes_free = available_at(n, device, RESOURCE_INODES, at),
	};
}

void node_space(const struct node_model *n, size_t device, struct space *ret)
{
	node_space_at(n, device, n->now, ret);
}

/* --- writes -------------------------------------------------------------------------------- */

static bool fits_at(const struct node_model *n, size_t device, enum resource r, usec_t at)
{
	if (n->scenario->devices[device].capacity[r] == 0)
		return true;
	return pending_at(n, device, r, at) <= available_at(n, device, r, n->now);
}

/* The last instant up to at when everything fitted. */
static usec_t last_fit(const struct node_model *n, size_t device, enum resource r, usec_t at)
{
	usec_t low = n->now, high = at;
	while (low < high) {
		usec_t middle = low + (high - low + 1) / 2;
		if (fits_at(n, device, r, middle))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void take_over(struct node_model *n, usec_t at)
{
	for (size_t i = 0; i < n->n_writes; i++) {
		struct node_write *w = &n->writes[i];
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			uint64_t done = written_at(w, r, at);
			n->other[w->device][r] += done - w->done[r];
			w->done[r] = done;
		}
	}
	n->now = at;
}

static void drop_write(struct node_model *n, size_t i)
{
	n->writes[i] = n->writes[--n->n_writes];
}

static void drop_finished(struct node_model *n)
{
	for (size_t i = n->n_writes; i-- > 0;)
		if (n->writes[i].begin + n->writes[i].duration <= n->now)
			drop_write(n, i);
}

/* The filesystem is full of r: whoever writes more of it gets ENOSPC, having filled what was left. */
static size_t fail_writes(struct node_model *n, size_t device, enum resource r)
{
	size_t failed = 0;
	for (size_t i = n->n_writes; i-- > 0;) {
		const struct node_write *w = &n->writes[i];
		if (w->device != device || w->done[r] >= w->amount[r])
			continue;
		drop_write(n, i);
		failed++;
	}
	n->other[device][r] += available_at(n, device, r, n->now);
	return failed;
}

/* The filesystem that is full first, before *at, which becomes that instant. */
static bool next_full(const struct node_model *n, usec_t *at, size_t *ret_device,
		      enum resource *ret_resource)
{
	bool found = false;
	for (size_t d = 0; d < n->scenario->n_devices; d++)
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			if (fits_at(n, d, r, *at))
				continue;
			*at = last_fit(n, d, r, *at);
			*ret_device = d;
			*ret_resource = r;
			found = true;
		}
	return found;
}

size_t node_advance(struct node_model *n, usec_t at, size_t *ret_device)
{
	enum resource r = RESOURCE_BYTES;
	bool full = n->n_writes > 0 && next_full(n, &at, ret_device, &r);
	take_over(n, at);
	size_t failed = full ? fail_writes(n, *ret_device, r) : 0;
	drop_finished(n);
	return failed;
}

/* As much as fits; returns whether that is not all. */
static bool write_at_once(struct node_model *n, const struct scenario_event *event)
{
	bool failed = false;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		uint64_t available = available_at(n, event->device, r, n->now);
		uint64_t amount = event->amount[r];
		if (n->scenario->devices[event->device].capacity[r] && amount > available) {
			failed = true;
			amount = available;
		}
		n->other[event->device][r] += amount;
	}
	return failed;
}

bool node_write(struct node_model *n, const struct scenario_event *event)
{
	if (event->duration == 0)
		return write_at_once(n, event);
	if (n->n_writes == n->writes_room) {
		n->writes_room = 2 * n->writes_room + 16;
		n->writes = xreallocarray(n->writes, n->writes_room, sizeof(*n->writes));
	}
	struct node_write *w = &n->writes[n->n_writes++];
	*w = (struct node_write){ .device = event->device,
				  .begin = n->now,
				  .duration = event->duration };
	memcpy(w->amount, event->amount, sizeof(w->amount));
	return false;
}

void node_delete(struct node_model *n, const struct scenario_event *event)
{
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		__int128 *other = &n->other[event->device][r];
		__int128 most = *other > 0 ? *other : 0;
		*other -= (__int128)event->amount[r] < most ? (__int128)event->amount[r] : most;
	}
}

/* --- the whole ----------------------------------------------------------------------------- */

void node_init(struct node_model *n, const struct scenario *s)
{
	*n = (struct node_model){ .scenario = s };
	n->present = xcalloc(s->n_images + 1, sizeof(*n->present));
	n->was_present = xcalloc(s->n_images + 1, sizeof(*n->was_present));
	n->holders = xcalloc(s->n_layers + 1, sizeof(*n->holders));
	n->by_id = xcalloc(s->n_images + 1, sizeof(*n->by_id));
	n->rank = xcalloc(s->n_images + 1, sizeof(*n->rank));
	n->there = xcalloc(s->n_images + 1, sizeof(*n->there));
	n->used_at = xcalloc(s->n_images + 1, sizeof(*n->used_at));
	for (size_t i = 0; i < s->n_images; i++)
		n->by_id[i] = i;
	qsort_r(n->by_id, s->n_images, sizeof(*n->by_id), by_id_compare, (void *)(uintptr_t)s);
	for (size_t i = 0; i < s->n_images; i++)
		n->rank[n->by_id[i]] = i;
	for (size_t d = 0; d < s->n_devices; d++)
		for (int r = 0; r < _RESOURCE_MAX; r++)
			n->other[d][r] = s->devices[d].other[r];
	for (size_t i = 0; i < s->n_present; i++)
		image_add(n, i);
	node_containers_init(n);
}

void node_done(struct node_model *n)
{
	free(n->present);
	free(n->was_present);
	free(n->holders);
	free(n->by_id);
	free(n->rank);
	free(n->there);
	free(n->used_at);
	free(n->writes);
	node_containers_done(n);
	*n = (struct node_model){ 0 };
}

/*
 * Layers that no image there has are left out, so that what an inventory costs does not grow with what
 * was pulled and removed before. The index of a layer in the inventory is where it is met first.
 */
static void copy_layers(const struct node_model *n, struct inventory *inv)
{
	cleanup_free uint32_t *known = xcalloc(n->scenario->n_layers, sizeof(*known));
	size_t room = 0;
	for (size_t i = 0; i < inv->n_images; i++)
		room += inv->images[i].n_layers;
	inv->layers = arena_calloc(&inv->arena, room + 1, sizeof(*inv->layers));
	uint32_t *indexes = arena_calloc(&inv->arena, room + 1, sizeof(*indexes));
	for (size_t i = 0; i < inv->n_images; i++) {
		struct image *image = &inv->images[i];
		for (size_t k = 0; k < image->n_layers; k++) {
			uint32_t layer = image->layers[k];
			const struct scenario_layer *l = &n->scenario->layers[layer];
			if (known[layer] == 0) {
				inv->layers[inv->n_layers] = (struct layer){
					.bytes = l->size[RESOURCE_BYTES],
					.inodes = l->size[RESOURCE_INODES],
					.holders = n->holders[layer],
				};
				known[layer] = (uint32_t)++inv->n_layers;
			}
			indexes[k] = known[layer] - 1;
		}
		image->layers = indexes;
		indexes += image->n_layers;
	}
}

struct inventory *node_inventory(const struct node_model *n)
{
	const struct scenario *s = n->scenario;
	struct inventory *inv = inventory_new();
	inv->runtime = "scenario";
	inv->image_store_path = "";
	inv->n_images = n->n_there;
	inv->images = arena_calloc(&inv->arena, n->n_there + 1, sizeof(*inv->images));
	for (size_t i = 0; i < n->n_there; i++)
		inv->images[i] = s->images[n->there[i]].image;
	copy_layers(n, inv);
	layers_predict(inv);
	inv->containers = n->containers;
	inv->sandbox_images = s->sandbox_images;
	inv->n_sandbox_images = s->n_sandbox_images;
	return inv;
}
