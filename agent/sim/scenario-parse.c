/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario-parse.h"

#include <errno.h>
#include <string.h>

#include "util/json-read.h"
#include "util/limits.h"

/* --- containers ---------------------------------------------------------------------------- */

struct container_members {
	const char *id, *image;
	struct json_strings references, volumes;
	enum container_state state;
};

static int take_state(const struct json_place *at, void *into)
{
	for (int state = 0; cJSON_IsString(at->value) && state < _CONTAINER_STATE_MAX; state++) {
		if (strcmp(at->value->valuestring, container_state_to_string(state)) != 0)
			continue;
		*(enum container_state *)into = state;
		return 0;
	}
	return json_wrong(at, "expected created, running, exited or unknown");
}

#define MEMBER(name) offsetof(struct container_members, name)
static const struct json_field container_fields[] = {
	{ "id", true, json_take_string, MEMBER(id) },
	{ "image", true, json_take_string, MEMBER(image) },
	{ "references", false, json_take_strings, MEMBER(references) },
	{ "imageVolumes", false, json_take_strings, MEMBER(volumes) },
	{ "state", false, take_state, MEMBER(state) },
};

int scenario_parse_container(const struct json_place *at, struct container *ret)
{
	struct container_members m = { .state = CONTAINER_RUNNING };
	int r = json_take_object(at, container_fields, ELEMENTS(container_fields), &m);
	if (r < 0)
		return r;
	if (m.references.n_strings > CONTAINER_N_REFERENCES - 1) {
		struct json_place place = json_member_place(at, "references", at->value);
		return json_wrong(&place, "expected at most %d elements",
				  CONTAINER_N_REFERENCES - 1);
	}
	*ret = (struct container){
		.id = m.id,
		.references = { m.image, "", "", "" },
		.volume_images = m.volumes.strings,
		.n_volume_images = m.volumes.n_strings,
		.state = m.state,
	};
	for (size_t i = 0; i < m.references.n_strings; i++)
		ret->references[i + 1] = m.references.strings[i];
	return 0;
}

static int take_container(const struct json_place *at, void *into)
{
	struct container_list *list = into;
	int r = scenario_parse_container(at, &list->containers[list->n_containers]);
	if (r == 0)
		list->n_containers++;
	return r;
}

static int take_containers(struct scenario *s, const struct json_place *at)
{
	size_t n = (size_t)cJSON_GetArraySize(at->value);
	if (n > N_MAX_CONTAINERS)
		return json_wrong(at, "expected at most %d containers", N_MAX_CONTAINERS);
	s->containers.containers =
		arena_calloc(&s->arena, n + 1, sizeof(*s->containers.containers));
	return json_take_array(at, n, take_container, &s->containers);
}

/* --- the document -------------------------------------------------------------------------- */

/* Members are read in an order of ours: images name layers, events name both. */
struct document {
	const char *description;
	const cJSON *version, *filesystems, *policy, *layers, *images, *containers, *sandboxes,
		*events;
};

static int take_value(const struct json_place *at, void *into)
{
	*(const cJSON **)into = at->value;
	return 0;
}

#undef MEMBER
#define MEMBER(name) offsetof(struct document, name)
static const struct json_field document_fields[] = {
	{ "version", true, take_value, MEMBER(version) },
	{ "description", false, json_take_string, MEMBER(description) },
	{ "filesystems", true, take_value, MEMBER(filesystems) },
	{ "policy", false, take_value, MEMBER(policy) },
	{ "layers", false, take_value, MEMBER(layers) },
	{ "images", false, take_value, MEMBER(images) },
	{ "containers", false, take_value, MEMBER(containers) },
	{ "sandboxImages", false, take_value, MEMBER(sandboxes) },
	{ "events", false, take_value, MEMBER(events) },
};

static int check_version(const struct json_place *at)
{
	uint64_t version = 0;
	int r = json_take_u64(at, &version);
	if (r == 0 && version != SCENARIO_VERSION)
		r = json_wrong(at, "this program reads version %d", SCENARIO_VERSION);
	return r;
}

static int take_image(const struct json_place *at, void *into)
{
	return scenario_parse_image(into, at, false);
}

static int take_images(struct scenario *s, const struct json_place *at, size_t room)
{
	s->images = arena_calloc(&s->arena, room + 1, sizeof(*s->images));
	int r = at->value ? json_take_array(at, N_MAX_IMAGES, take_image, s) : 0;
	s->n_present = s->n_images;
	return r;
}

static int take_sandboxes(struct scenario *s, const struct json_place *at)
{
	struct json_strings list;
	int r = json_take_strings(at, &list);
	if (r < 0)
		return r;
	s->sandbox_images = list.strings;
	s->n_sandbox_images = list.n_strings;
	return 0;
}

static int take_document(struct scenario *s, const struct json_place *root)
{
	struct document d = { 0 };
	int r = json_take_object(root, document_fields, ELEMENTS(document_fields), &d);
	if (r < 0)
		return r;
	struct json_place version = json_member_place(root, "version", d.version);
	struct json_place filesystems = json_member_place(root, "filesystems", d.filesystems);
	struct json_place policy = json_member_place(root, "policy", d.policy);
	struct json_place layers = json_member_place(root, "layers", d.layers);
	struct json_place images = json_member_place(root, "images", d.images);
	struct json_place containers = json_member_place(root, "containers", d.containers);
	struct json_place sandboxes = json_member_place(root, "sandboxImages", d.sandboxes);
	struct json_place events = json_member_place(root, "events", d.events);
	/* every event may be a pull of one more image, every image may have a layer of its own */
	size_t room = (size_t)cJSON_GetArraySize(d.images) + (size_t)cJSON_GetArraySize(d.events);
	if (room > N_MAX_IMAGES + N_MAX_SCENARIO_EVENTS)
		return json_wrong(root, "there are more than %d images and events",
				  N_MAX_IMAGES + N_MAX_SCENARIO_EVENTS);
	if (d.description)
		s->description = d.description;
	r = check_version(&version);
	if (r == 0)
		r = scenario_parse_filesystems(s, &filesystems);
	if (r == 0 && d.policy)
		r = scenario_parse_policy(s, &policy);
	if (r == 0)
		r = scenario_parse_layers(s, &layers, room);
	if (r == 0)
		r = take_images(s, &images, room);
	if (r == 0 && d.containers)
		r = take_containers(s, &containers);
	if (r == 0 && d.sandboxes)
		r = take_sandboxes(s, &sandboxes);
	if (r == 0 && d.events)
		r = scenario_parse_events(s, &events);
	return r;
}

int scenario_parse(const char *text, size_t len, struct scenario **ret, struct err *e)
{
	struct err local = { 0 };
	cleanup_json cJSON *json = NULL;
	cleanup_scenario struct scenario *s = scenario_new();
	if (!e)
		e = &local;
	if (len > BUF_MAX_SCENARIO)
		return err_set(e, E2BIG, "larger than %d bytes", BUF_MAX_SCENARIO);
	int r = json_parse(text, len, &json, e);
	if (r < 0)
		return r;
	struct json_place root = { .value = json, .arena = &s->arena, .e = e };
	r = take_document(s, &root);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}
