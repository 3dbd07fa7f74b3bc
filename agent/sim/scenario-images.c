/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario-parse.h"

#include <string.h>

#include "util/limits.h"

/* --- layers -------------------------------------------------------------------------------- */

static int take_layer(const struct json_place *at, struct scenario_layer *ret)
{
	static const struct json_field fields[] = {
		{ "bytes", true, json_take_u64, sizeof(uint64_t) * RESOURCE_BYTES },
		{ "inodes", false, json_take_u64, sizeof(uint64_t) * RESOURCE_INODES },
	};
	ret->id = arena_strdup(at->arena, at->name);
	if (!*ret->id)
		return json_wrong(at, "expected a layer's ID, not an empty name");
	return json_take_object(at, fields, ELEMENTS(fields), ret->size);
}

static int layer_compare(const void *a, const void *b)
{
	return strcmp(((const struct scenario_layer *)a)->id,
		      ((const struct scenario_layer *)b)->id);
}

int scenario_parse_layers(struct scenario *s, const struct json_place *at, size_t room)
{
	size_t n = 0;
	if (at->value) {
		if (!cJSON_IsObject(at->value))
			return json_wrong(at, "expected an object");
		n = (size_t)cJSON_GetArraySize(at->value);
	}
	if (n > N_MAX_SCENARIO_LAYERS)
		return json_wrong(at, "expected at most %d layers", N_MAX_SCENARIO_LAYERS);
	s->layers = arena_calloc(&s->arena, n + room + 1, sizeof(*s->layers));
	for (const cJSON *member = n ? at->value->child : NULL; member; member = member->next) {
		struct json_place place = json_member_place(at, member->string, member);
		int r = take_layer(&place, &s->layers[s->n_layers++]);
		if (r < 0)
			return r;
	}
	qsort(s->layers, s->n_layers, sizeof(*s->layers), layer_compare);
	for (size_t i = 1; i < s->n_layers; i++)
		if (layer_compare(&s->layers[i - 1], &s->layers[i]) == 0)
			return json_wrong(at, "%.80s is there twice", s->layers[i].id);
	return 0;
}

/* --- images -------------------------------------------------------------------------------- */

struct image_members {
	const char *id;
	struct json_strings names, digests, layers;
	uint64_t size_bytes;
	bool pinned;
	usec_t first_seen, last_used;
	uint64_t uses, gain[_RESOURCE_MAX]; /* UINT64_MAX: not given */
};

#define MEMBER(name)  offsetof(struct image_members, name)
/* A pull has those ahead of what the past has left. */
#define N_PULL_FIELDS 6
static const struct json_field image_fields[] = {
	{ "id", true, json_take_string, MEMBER(id) },
	{ "names", false, json_take_strings, MEMBER(names) },
	{ "digests", false, json_take_strings, MEMBER(digests) },
	{ "sizeBytes", true, json_take_u64, MEMBER(size_bytes) },
	{ "pinned", false, json_take_bool, MEMBER(pinned) },
	{ "layers", false, json_take_strings, MEMBER(layers) },
	{ "firstSeen", false, json_take_seconds, MEMBER(first_seen) },
	{ "lastUsed", false, json_take_seconds_or_never, MEMBER(last_used) },
	{ "uses", false, json_take_u64, MEMBER(uses) },
	{ "lastMeasuredBytes", false, json_take_u64, MEMBER(gain[RESOURCE_BYTES]) },
	{ "lastMeasuredInodes", false, json_take_u64, MEMBER(gain[RESOURCE_INODES]) },
};

/* The layer of that ID among the first n, which are sorted. */
static int layer_index(const struct scenario *s, size_t n, const char *id, uint32_t *ret)
{
	struct scenario_layer key = { .id = id };
	const struct scenario_layer *found =
		bsearch(&key, s->layers, n, sizeof(key), layer_compare);
	if (!found)
		return -1;
	*ret = (uint32_t)(found - s->layers);
	return 0;
}

static int index_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Each layer once: an image may have the same one twice, the disk has it once. */
static size_t make_unique(uint32_t *layers, size_t n)
{
	size_t kept = 0;
	qsort(layers, n, sizeof(*layers), index_compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || layers[kept - 1] != layers[i])
			layers[kept++] = layers[i];
	return kept;
}

/* An image that has no layers in the document takes as much as its size tells. */
static void add_own_layer(struct scenario *s, struct image *image)
{
	uint32_t *own = arena_calloc(&s->arena, 1, sizeof(*own));
	*own = (uint32_t)s->n_layers;
	s->layers[s->n_layers++] =
		(struct scenario_layer){ .id = "", .size = { image->size_bytes, 0 } };
	image->layers = own;
	image->n_layers = 1;
}

static size_t named_layers(const struct scenario *s)
{
	size_t n = s->n_layers;
	while (n > 0 && !*s->layers[n - 1].id)
		n--;
	return n;
}

static int add_layers(struct scenario *s, const struct json_place *at,
		      const struct json_strings *list, struct image *image)
{
	if (list->n_strings == 0) {
		add_own_layer(s, image);
		return 0;
	}
	uint32_t *layers = arena_calloc(&s->arena, list->n_strings, sizeof(*layers));
	size_t named = named_layers(s);
	for (size_t i = 0; i < list->n_strings; i++) {
		if (layer_index(s, named, list->strings[i], &layers[i]) == 0)
			continue;
		struct json_place place = json_member_place(at, "layers", at->value);
		struct json_place element = json_member_place(&place, NULL, at->value);
		element.index = i;
		return json_wrong(&element, "there is no %.80s in layers", list->strings[i]);
	}
	image->layers = layers;
	image->n_layers = make_unique(layers, list->n_strings);
	return 0;
}

int scenario_parse_image(struct scenario *s, const struct json_place *at, bool pulled)
{
	struct image_members m = { .last_used = USEC_NEVER, .gain = { UINT64_MAX, UINT64_MAX } };
	int r = json_take_object(at, image_fields, pulled ? N_PULL_FIELDS : ELEMENTS(image_fields),
				 &m);
	if (r < 0)
		return r;
	struct scenario_image *new = &s->images[s->n_images];
	*new = (struct scenario_image){
		.image = {
			.id = m.id,
			.names = m.names.strings,
			.n_names = m.names.n_strings,
			.digests = m.digests.strings,
			.n_digests = m.digests.n_strings,
			.size_bytes = m.size_bytes,
			.pinned = m.pinned,
		},
		.first_seen = m.first_seen,
		.last_used = m.last_used,
		.uses = m.uses,
		.gain_known = m.gain[RESOURCE_BYTES] != UINT64_MAX,
	};
	for (int i = 0; new->gain_known &&i < _RESOURCE_MAX; i++)
		new->gain[i] = m.gain[i] == UINT64_MAX ? 0 : m.gain[i];
	r = add_layers(s, at, &m.layers, &new->image);
	if (r == 0)
		s->n_images++;
	return r;
}
