/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario.h"

#include <string.h>

#include "util/json-write.h"
#include "util/parse.h"

static void print_strings(struct json_writer *w, const char *key, const char *const *strings,
			  size_t n)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < n; i++)
		json_string(w, NULL, strings[i]);
	json_array_end(w);
}

static void print_filesystems(struct json_writer *w, const struct scenario *s)
{
	static const enum fs_role order[] = { ROLE_IMAGEFS, ROLE_NODEFS, ROLE_CONTAINERFS };
	bool told[_ROLE_MAX] = { false };
	json_object_begin(w, "filesystems");
	for (size_t i = 0; i < ELEMENTS(order); i++) {
		int index = s->device_of[order[i]];
		if (index < 0)
			continue;
		const struct scenario_device *device = &s->devices[index];
		json_object_begin(w, fs_role_to_string(order[i]));
		json_string(w, "device", device->name);
		if (!told[index]) {
			json_u64(w, "capacityBytes", device->capacity[RESOURCE_BYTES]);
			json_u64(w, "capacityInodes", device->capacity[RESOURCE_INODES]);
			json_i64(w, "otherBytes", device->other[RESOURCE_BYTES]);
			json_i64(w, "otherInodes", device->other[RESOURCE_INODES]);
		}
		told[index] = true;
		json_object_end(w);
	}
	json_object_end(w);
}

static void print_policy(struct json_writer *w, const struct scenario *s)
{
	json_object_begin(w, "policy");
	for (size_t i = 0; i < s->n_settings; i++) {
		const struct scenario_setting *setting = &s->settings[i];
		int64_t number;
		if (!setting->plain)
			json_string(w, setting->key, setting->value);
		else if (parse_i64(setting->value, &number) == 0)
			json_i64(w, setting->key, number);
		else
			json_bool(w, setting->key, strcmp(setting->value, "true") == 0);
	}
	json_object_end(w);
}

static void print_layers(struct json_writer *w, const struct scenario *s)
{
	json_object_begin(w, "layers");
	for (size_t i = 0; i < s->n_layers && *s->layers[i].id; i++) {
		json_object_begin(w, s->layers[i].id);
		json_u64(w, "bytes", s->layers[i].size[RESOURCE_BYTES]);
		json_u64(w, "inodes", s->layers[i].size[RESOURCE_INODES]);
		json_object_end(w);
	}
	json_object_end(w);
}

/* The members that a pull has as well. */
static void print_image_members(struct json_writer *w, const struct scenario *s,
				const struct image *image)
{
	json_string(w, "id", image->id);
	print_strings(w, "names", image->names, image->n_names);
	print_strings(w, "digests", image->digests, image->n_digests);
	json_u64(w, "sizeBytes", image->size_bytes);
	json_bool(w, "pinned", image->pinned);
	json_array_begin(w, "layers");
	for (size_t i = 0; i < image->n_layers; i++)
		if (*s->layers[image->layers[i]].id)
			json_string(w, NULL, s->layers[image->layers[i]].id);
	json_array_end(w);
}

/* What is known of its past, as far as there is any. */
static void print_usage(struct json_writer *w, const struct scenario_image *image)
{
	if (image->uses)
		json_u64(w, "uses", image->uses);
	if (!image->gain_known)
		return;
	json_u64(w, "lastMeasuredBytes", image->gain[RESOURCE_BYTES]);
	json_u64(w, "lastMeasuredInodes", image->gain[RESOURCE_INODES]);
}

static void print_images(struct json_writer *w, const struct scenario *s)
{
	json_array_begin(w, "images");
	for (size_t i = 0; i < s->n_present; i++) {
		json_object_begin(w, NULL);
		print_image_members(w, s, &s->images[i].image);
		json_seconds(w, "firstSeen", s->images[i].first_seen);
		json_seconds(w, "lastUsed", s->images[i].last_used);
		print_usage(w, &s->images[i]);
		json_object_end(w);
	}
	json_array_end(w);
}

static void print_container_members(struct json_writer *w, const struct container *c)
{
	const char *others[CONTAINER_N_REFERENCES];
	size_t n = 0;
	for (size_t i = 1; i < CONTAINER_N_REFERENCES; i++)
		if (*c->references[i])
			others[n++] = c->references[i];
	json_string(w, "id", c->id);
	json_string(w, "image", c->references[0]);
	if (n)
		print_strings(w, "references", others, n);
	json_string(w, "state", container_state_to_string(c->state));
	print_strings(w, "imageVolumes", c->volume_images, c->n_volume_images);
}

static void print_containers(struct json_writer *w, const struct scenario *s)
{
	json_array_begin(w, "containers");
	for (size_t i = 0; i < s->containers.n_containers; i++) {
		json_object_begin(w, NULL);
		print_container_members(w, &s->containers.containers[i]);
		json_object_end(w);
	}
	json_array_end(w);
}

static void print_files(struct json_writer *w, const struct scenario *s,
			const struct scenario_event *event)
{
	const char *role = "";
	for (int i = 0; i < _ROLE_MAX; i++)
		if (s->device_of[i] == (int)event->device)
			role = fs_role_to_string(i);
	json_object_begin(w, scenario_event_to_string(event->kind));
	json_string(w, "filesystem", role);
	json_u64(w, "bytes", event->amount[RESOURCE_BYTES]);
	json_u64(w, "inodes", event->amount[RESOURCE_INODES]);
	if (event->kind == EVENT_WRITE)
		json_seconds(w, "seconds", event->duration);
	json_object_end(w);
}

static void print_event(struct json_writer *w, const struct scenario *s,
			const struct scenario_event *event)
{
	const char *name = scenario_event_to_string(event->kind);
	json_object_begin(w, NULL);
	json_seconds(w, "at", event->at);
	if (event->kind == EVENT_PULL) {
		json_object_begin(w, name);
		print_image_members(w, s, &s->images[event->image].image);
		json_object_end(w);
	} else if (event->kind == EVENT_START) {
		json_object_begin(w, name);
		print_container_members(w, &event->container);
		json_object_end(w);
	} else if (event->kind == EVENT_STOP || event->kind == EVENT_REMOVE) {
		json_string(w, name, event->container.id);
	} else if (event->kind == EVENT_WRITE || event->kind == EVENT_DELETE) {
		print_files(w, s, event);
	} else {
		json_bool(w, name, true);
	}
	json_object_end(w);
}

void scenario_print(const struct scenario *s, struct buf *out)
{
	struct json_writer w = { .out = out };
	json_object_begin(&w, NULL);
	json_u64(&w, "version", SCENARIO_VERSION);
	if (*s->description)
		json_string(&w, "description", s->description);
	print_filesystems(&w, s);
	print_policy(&w, s);
	print_layers(&w, s);
	print_images(&w, s);
	print_containers(&w, s);
	print_strings(&w, "sandboxImages", s->sandbox_images, s->n_sandbox_images);
	json_array_begin(&w, "events");
	for (size_t i = 0; i < s->n_events; i++)
		print_event(&w, s, &s->events[i]);
	json_array_end(&w);
	json_object_end(&w);
}
