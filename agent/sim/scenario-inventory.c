/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario-inventory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the document can hold. */
#define PAST_MAX      (1000000000 * USEC_PER_SEC)
#define EVENTS_ROOM   4
#define SETTINGS_ROOM 64

static const char *const *copy_strings(struct scenario *s, const char *const *strings, size_t n)
{
	const char **copies = arena_calloc(&s->arena, n + 1, sizeof(*copies));
	for (size_t i = 0; i < n; i++)
		copies[i] = arena_strdup(&s->arena, strings[i]);
	return copies;
}

/* Names that sort as they count: layers are in the order of their IDs. */
static const char *number_name(struct scenario *s, const char *prefix, size_t n)
{
	char name[64];
	(void)snprintf(name, sizeof(name), "%s-%09zu", prefix, n);
	return arena_strdup(&s->arena, name);
}

/* Where layer i of the inventory stands in the scenario; UINT32_MAX: others hold it as well. */
static uint32_t *add_layers(struct scenario *s, const struct inventory *inv)
{
	cleanup_free uint32_t *images = xcalloc(inv->n_layers, sizeof(*images));
	uint32_t *places = xcalloc(inv->n_layers, sizeof(*places));
	for (size_t i = 0; i < inv->n_images; i++)
		for (size_t k = 0; k < inv->images[i].n_layers; k++)
			images[inv->images[i].layers[k]]++;
	for (size_t i = 0; i < inv->n_layers; i++) {
		const struct layer *layer = &inv->layers[i];
		places[i] = UINT32_MAX;
		if (images[i] == 0 || layer->holders > images[i])
			continue;
		places[i] = (uint32_t)s->n_layers;
		s->layers[s->n_layers++] = (struct scenario_layer){
			.id = number_name(s, "layer", i),
			.size = { layer->bytes, layer->inodes },
		};
	}
	return places;
}

static void add_image_layers(struct scenario *s, const struct image *from, const uint32_t *places,
			     struct image *image)
{
	uint32_t *layers = arena_calloc(&s->arena, from->n_layers + 1, sizeof(*layers));
	size_t n = 0;
	for (size_t i = 0; i < from->n_layers; i++)
		if (places[from->layers[i]] != UINT32_MAX)
			layers[n++] = places[from->layers[i]];
	if (n == 0) {
		/* none is known, or none would be freed: without any it would count as its size */
		bool known = from->n_layers > 0;
		layers[n++] = (uint32_t)s->n_layers;
		s->layers[s->n_layers++] = (struct scenario_layer){
			.id = number_name(s, "own", s->n_images),
			.size = { known ? 0 : from->predicted_bytes,
				  known ? 0 : from->predicted_inodes },
		};
	}
	image->layers = layers;
	image->n_layers = n;
}

static usec_t relative(usec_t instant, usec_t now)
{
	if (instant == USEC_NEVER)
		return USEC_NEVER;
	return now - instant > PAST_MAX ? -PAST_MAX : instant - now;
}

static void add_image(struct scenario *s, const struct image *from, const uint32_t *places,
		      const struct usage_entry *usage, usec_t now)
{
	struct scenario_image *image = &s->images[s->n_images];
	image->image = *from;
	image->image.id = arena_strdup(&s->arena, from->id);
	image->image.names = copy_strings(s, from->names, from->n_names);
	image->image.digests = copy_strings(s, from->digests, from->n_digests);
	add_image_layers(s, from, places, &image->image);
	image->first_seen = usage ? relative(usage->first_seen, now) : 0;
	image->last_used = usage ? relative(usage->last_used, now) : USEC_NEVER;
	if (usage) {
		image->uses = usage->uses;
		image->gain_known = usage->gain_known;
		memcpy(image->gain, usage->gain, sizeof(image->gain));
	}
	s->n_present = ++s->n_images;
}

static bool is_image_id(const struct usage_history *history, const char *reference)
{
	return *reference && usage_find(history, reference);
}

/* The first reference is what people read as the container's image: an image's ID where one is. */
static void order_references(const struct usage_history *history,
			     const char *references[CONTAINER_N_REFERENCES])
{
	for (size_t i = 1; i < CONTAINER_N_REFERENCES; i++) {
		bool better =
			is_image_id(history, references[i]) && !is_image_id(history, references[0]);
		if (!better && (*references[0] || !*references[i]))
			continue;
		const char *first = references[0];
		references[0] = references[i];
		references[i] = first;
	}
}

/* An image that another is built on is held by that as by a container, which a scenario can tell. */
static size_t add_dependents(struct scenario *s, const struct inventory *inv, struct container *to)
{
	size_t n = 0;
	for (size_t i = 0; i < inv->n_images; i++) {
		const struct image *image = &inv->images[i];
		if (!image->dependent)
			continue;
		to[n++] = (struct container){
			.id = arena_strdup(&s->arena, image->dependent),
			.references = { arena_strdup(&s->arena, image->id), "", "", "" },
			.state = CONTAINER_EXITED,
		};
	}
	return n;
}

static void add_containers(struct scenario *s, const struct inventory *inv,
			   const struct usage_history *history)
{
	size_t n = inv->containers.n_containers;
	struct container *copies = arena_calloc(&s->arena, n + inv->n_images + 1, sizeof(*copies));
	for (size_t i = 0; i < n; i++) {
		const struct container *from = &inv->containers.containers[i];
		copies[i] = *from;
		copies[i].id = arena_strdup(&s->arena, from->id);
		for (size_t k = 0; k < CONTAINER_N_REFERENCES; k++)
			copies[i].references[k] = arena_strdup(&s->arena, from->references[k]);
		order_references(history, copies[i].references);
		copies[i].volume_images =
			copy_strings(s, from->volume_images, from->n_volume_images);
	}
	n += add_dependents(s, inv, copies + n);
	s->containers = (struct container_list){ .containers = copies, .n_containers = n };
}

struct scenario *scenario_from_inventory(const struct inventory *inv,
					 const struct usage_history *history, usec_t now)
{
	struct scenario *s = scenario_new();
	s->layers = arena_calloc(&s->arena, inv->n_layers + inv->n_images + 1, sizeof(*s->layers));
	s->images = arena_calloc(&s->arena, inv->n_images + 1, sizeof(*s->images));
	s->settings = arena_calloc(&s->arena, SETTINGS_ROOM, sizeof(*s->settings));
	s->events = arena_calloc(&s->arena, EVENTS_ROOM, sizeof(*s->events));
	cleanup_free uint32_t *places = add_layers(s, inv);
	for (size_t i = 0; i < inv->n_images; i++)
		add_image(s, &inv->images[i], places, usage_find(history, inv->images[i].id), now);
	add_containers(s, inv, history);
	s->sandbox_images = copy_strings(s, inv->sandbox_images, inv->n_sandbox_images);
	s->n_sandbox_images = inv->n_sandbox_images;
	return s;
}

void scenario_add_filesystem(struct scenario *s, enum fs_role role, const char *device,
			     const struct space *space)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (strcmp(s->devices[i].name, device) == 0)
			s->device_of[role] = (int)i;
	if (s->device_of[role] >= 0)
		return;
	s->device_of[role] = (int)s->n_devices;
	struct scenario_device *d = &s->devices[s->n_devices++];
	d->name = arena_strdup(&s->arena, device);
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		d->capacity[r] = space_total(space, r);
		d->other[r] = (int64_t)(d->capacity[r] - space_available(space, r));
		for (size_t i = 0; role == ROLE_IMAGEFS && i < s->n_layers; i++)
			d->other[r] -= (int64_t)s->layers[i].size[r];
	}
}

void scenario_add_setting(struct scenario *s, const char *key, const char *value, bool plain)
{
	if (s->n_settings == SETTINGS_ROOM)
		return;
	s->settings[s->n_settings++] = (struct scenario_setting){
		.key = arena_strdup(&s->arena, key),
		.value = arena_strdup(&s->arena, value),
		.plain = plain,
	};
}

void scenario_add_event(struct scenario *s, enum scenario_event_kind kind, usec_t at)
{
	if (s->n_events < EVENTS_ROOM)
		s->events[s->n_events++] = (struct scenario_event){ .kind = kind, .at = at };
}
