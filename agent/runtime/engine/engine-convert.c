/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/engine/engine-convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/engine/engine-layers.h"
#include "runtime/engine/engine-text.h"
#include "runtime/image-merge.h"
#include "util/limits.h"

/* -1 is how some sizes say that nobody asked for them. */
static int size_member(const cJSON *json, const char *name, uint64_t *ret, struct err *e)
{
	int64_t size = 0;
	struct err why = { 0 };
	int r = json_get_i64(json, name, &size, &why);
	if (r < 0 && r != -ENOENT)
		return err_set(e, EBADMSG, "%s", why.msg);
	*ret = size > 0 ? (uint64_t)size : 0;
	return 0;
}

int engine_convert_image(const cJSON *json, struct arena *arena, struct image *ret,
			 const char **ret_parent, struct err *e)
{
	*ret = (struct image){ 0 };
	int r = engine_id(arena, json, "Id", &ret->id, e);
	if (r == 0)
		r = engine_texts(arena, json, "RepoTags", &ret->names, &ret->n_names, e);
	if (r == 0)
		r = engine_texts(arena, json, "RepoDigests", &ret->digests, &ret->n_digests, e);
	if (r == 0)
		r = engine_text(arena, json, "ParentId", ret_parent, e);
	return r < 0 ? r : size_member(json, "Size", &ret->size_bytes, e);
}

int engine_images_add(struct engine_images *list, const cJSON *json, struct arena *arena,
		      struct err *e)
{
	bool is_list = false;
	if (json_get_bool(json, "IsManifestList", &is_list, NULL) == 0 && is_list)
		return 0;
	if (list->n == N_MAX_IMAGES)
		return err_set(e, E2BIG, "more than %d images", N_MAX_IMAGES);
	if (list->n == list->allocated) {
		size_t n = list->allocated ? 2 * list->allocated : 64;
		list->images = xreallocarray(list->images, n, sizeof(*list->images));
		list->parents = xreallocarray(list->parents, n, sizeof(*list->parents));
		list->allocated = n;
	}
	int r = engine_convert_image(json, arena, &list->images[list->n], &list->parents[list->n],
				     e);
	if (r == 0)
		list->n++;
	return r;
}

void engine_images_done(struct engine_images *list)
{
	free(list->images);
	free(list->parents);
	*list = (struct engine_images){ 0 };
}

/* --- who is built on whom ------------------------------------------------------------------------ */

struct node {
	const struct image *image;
	const char *parent;
	const char *dependent; /* an image that is built on this one; NULL: none */
};

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->image->id, ((const struct node *)b)->image->id);
}

static struct node *find_node(struct node *nodes, size_t n, const char *id)
{
	const struct image key = { .id = id };
	const struct node wanted = { .image = &key };
	return n ? bsearch(&wanted, nodes, n, sizeof(*nodes), compare_nodes) : NULL;
}

static bool is_nameless(const struct image *image)
{
	return image->n_names == 0 && image->n_digests == 0;
}

/*
 * The nearest ancestor that people know gets this image as its dependent; so do the nameless ones on
 * the way, where a cycle, which a hostile answer may have, ends as well.
 */
static void mark_ancestors(struct node *nodes, size_t n, const struct node *node)
{
	struct node *ancestor = find_node(nodes, n, node->parent);
	while (ancestor && ancestor != node && !ancestor->dependent) {
		ancestor->dependent = node->image->id;
		if (!is_nameless(ancestor->image))
			return;
		ancestor = find_node(nodes, n, ancestor->parent);
	}
}

static bool is_listed(const struct node *node)
{
	return !node->dependent || !is_nameless(node->image);
}

static void set_dependents(struct node *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_nameless(nodes[i].image))
			mark_ancestors(nodes, n, &nodes[i]);
	/* Those without a name that nothing is built on are images of their own: dangling. */
	for (size_t i = 0; i < n; i++)
		if (is_nameless(nodes[i].image) && !nodes[i].dependent)
			mark_ancestors(nodes, n, &nodes[i]);
}

void engine_images_take(struct engine_images *list, bool parents_stay, struct inventory *inv)
{
	cleanup_free struct node *nodes = xcalloc(list->n, sizeof(*nodes));
	for (size_t i = 0; i < list->n; i++)
		nodes[i] = (struct node){ &list->images[i], list->parents[i], NULL };
	if (list->n)
		qsort(nodes, list->n, sizeof(*nodes), compare_nodes);
	if (parents_stay)
		set_dependents(nodes, list->n);
	inv->images = arena_calloc(&inv->arena, list->n + 1, sizeof(*inv->images));
	for (size_t i = 0; i < list->n; i++) {
		if (!is_listed(&nodes[i]))
			continue;
		struct image *image = &inv->images[inv->n_images++];
		*image = *nodes[i].image;
		image->dependent = nodes[i].dependent;
	}
	runtime_merge_images(inv);
	engine_images_done(list);
}

/* --- containers ---------------------------------------------------------------------------------- */

static enum container_state convert_state(const char *text)
{
	static const struct {
		const char *text;
		enum container_state state;
	} states[] = {
		{ "created", CONTAINER_CREATED },     { "configured", CONTAINER_CREATED },
		{ "initialized", CONTAINER_CREATED }, { "running", CONTAINER_RUNNING },
		{ "paused", CONTAINER_RUNNING },      { "restarting", CONTAINER_RUNNING },
		{ "stopping", CONTAINER_RUNNING },    { "exited", CONTAINER_EXITED },
		{ "stopped", CONTAINER_EXITED },      { "dead", CONTAINER_EXITED },
	};
	for (size_t i = 0; i < ELEMENTS(states); i++)
		if (strcmp(text, states[i].text) == 0)
			return states[i].state;
	return CONTAINER_UNKNOWN;
}

static void add_reference(const char *references[CONTAINER_N_REFERENCES], const char *reference)
{
	for (size_t i = 0; *reference && i < CONTAINER_N_REFERENCES; i++) {
		if (references[i] && strcmp(references[i], reference) == 0)
			return;
		if (!references[i] || *references[i] == '\0') {
			references[i] = reference;
			return;
		}
	}
}

/* Docker tells the kind of each mount, Podman only where it is. */
static int may_mount_images(const cJSON *json, bool *ret, struct err *e)
{
	const cJSON *mounts = NULL, *mount;
	struct err why = { 0 };
	int r = json_get_array(json, "Mounts", &mounts, &why);
	if (r < 0 && r != -ENOENT)
		return err_set(e, EBADMSG, "%s", why.msg);
	*ret = false;
	cJSON_ArrayForEach(mount, mounts)
	{
		const char *type = "image";
		r = cJSON_IsObject(mount) ? json_get_string(mount, "Type", &type, &why) : 0;
		if (r < 0 && r != -ENOENT)
			return err_set(e, EBADMSG, "a mount: %s", why.msg);
		*ret = *ret || strcmp(type, "image") == 0;
	}
	return 0;
}

int engine_convert_container(const cJSON *json, struct arena *arena, struct container *ret,
			     bool *ret_mounts, struct err *e)
{
	static const char *const names[] = { "ImageID", "Image" };
	*ret = (struct container){ .references = { "", "", "", "" } };
	const char *state = "", *text = "";
	int r = engine_id(arena, json, "Id", &ret->id, e);
	if (r == 0)
		r = engine_text(arena, json, "State", &state, e);
	for (size_t i = 0; r == 0 && i < ELEMENTS(names); i++) {
		r = engine_text(arena, json, names[i], &text, e);
		if (r == 0)
			add_reference(ret->references, text);
	}
	if (r == 0)
		r = may_mount_images(json, ret_mounts, e);
	ret->state = convert_state(state);
	return r;
}

struct texts {
	struct arena *arena;
	const char **texts;
	size_t n, allocated;
};

/* Where Docker says by which name an image was mounted, Podman has it in Source, and Docker the path. */
static int volume_name(struct texts *volumes, const cJSON *mount, const char *name, struct err *e)
{
	const char *text = "";
	int r = engine_text(volumes->arena, mount, name, &text, e);
	if (r < 0 || *text == '\0' || *text == '/')
		return r;
	if (volumes->n == volumes->allocated)
		return err_set(e, E2BIG, "more than %d mounts", N_MAX_CONTAINER_MOUNTS);
	volumes->texts[volumes->n++] = text;
	return 0;
}

/* Those of a list of mounts that are of images. */
static int collect_volumes(struct texts *volumes, const cJSON *object, const char *name,
			   struct err *e)
{
	const cJSON *mounts = NULL, *mount;
	struct err why = { 0 };
	int r = json_get_array(object, name, &mounts, &why);
	if (r < 0 && r != -ENOENT)
		return err_set(e, EBADMSG, "%s", why.msg);
	cJSON_ArrayForEach(mount, mounts)
	{
		const char *type = "";
		r = engine_text(volumes->arena, mount, "Type", &type, e);
		if (r == 0 && strcmp(type, "image") == 0)
			r = volume_name(volumes, mount, "Name", e);
		if (r == 0 && strcmp(type, "image") == 0)
			r = volume_name(volumes, mount, "Source", e);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t count(const cJSON *object, const char *name)
{
	const cJSON *list = NULL;
	return json_get_array(object, name, &list, NULL) == 0 ? (size_t)cJSON_GetArraySize(list)
							      : 0;
}

int engine_convert_volumes(const cJSON *json, struct arena *arena, const char *const **ret,
			   size_t *ret_n, struct err *e)
{
	const cJSON *host = NULL;
	(void)!json_get_object(json, "HostConfig", &host, NULL);
	size_t n = 2 * (count(json, "Mounts") + count(host, "Mounts"));
	if (n > N_MAX_CONTAINER_MOUNTS)
		n = N_MAX_CONTAINER_MOUNTS;
	struct texts volumes = { arena, arena_calloc(arena, n + 1, sizeof(char *)), 0, n };
	int r = collect_volumes(&volumes, json, "Mounts", e);
	if (r == 0)
		r = collect_volumes(&volumes, host, "Mounts", e);
	*ret = volumes.texts;
	*ret_n = volumes.n;
	return r;
}

/* --- what was deleted ---------------------------------------------------------------------------- */

static bool is_text(const cJSON *json, const char *text)
{
	return cJSON_IsString(json) && strcmp(json->valuestring, text) == 0;
}

/* Docker: [{"Untagged":"a:1"},{"Deleted":ID}]; Podman: {"Untagged":["a:1"],"Deleted":[ID]}. */
bool engine_convert_deleted(const cJSON *json, const char *image_id)
{
	const cJSON *list = json, *item;
	if (cJSON_IsObject(json) && json_get_array(json, "Deleted", &list, NULL) < 0)
		return false;
	cJSON_ArrayForEach(item, list)
	{
		if (is_text(item, image_id) ||
		    is_text(cJSON_GetObjectItemCaseSensitive(item, "Deleted"), image_id))
			return true;
	}
	return false;
}

bool engine_is_about_another(const cJSON *json, const char *image_id)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "Id");
	return cJSON_IsString(id) && !is_text(id, image_id);
}

/* --- layers -------------------------------------------------------------------------------------- */

int engine_convert_layers(const cJSON *image, struct arena *arena, const char *const **ret,
			  size_t *ret_n, struct err *e)
{
	const cJSON *rootfs = NULL;
	struct err why = { 0 };
	*ret_n = 0;
	int r = json_get_object(image, "RootFS", &rootfs, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, EBADMSG, "%s", why.msg);
	return engine_texts(arena, rootfs, "Layers", ret, ret_n, e);
}

/* Podman's image has its history as well, oldest first, and says there which entries are empty. */
static bool is_empty_layer(const cJSON *own_history, size_t n, size_t i)
{
	bool empty = false;
	if (!own_history || (size_t)cJSON_GetArraySize(own_history) != n)
		return false;
	return json_get_bool(cJSON_GetArrayItem(own_history, (int)i), "empty_layer", &empty,
			     NULL) == 0 &&
	       empty;
}

int engine_convert_sizes(const cJSON *image, const cJSON *history, size_t n_layers,
			 struct arena *arena, uint64_t **ret, struct err *e)
{
	*ret = NULL;
	if (!cJSON_IsArray(history))
		return err_set(e, EBADMSG, "a history must be an array");
	size_t n = (size_t)cJSON_GetArraySize(history);
	if (n > N_MAX_IMAGE_HISTORY)
		return err_set(e, E2BIG, "a history of %zu entries, more than %d are not taken", n,
			       N_MAX_IMAGE_HISTORY);
	const cJSON *own = NULL, *item;
	(void)!json_get_array(image, "History", &own, NULL);
	struct engine_history_entry *entries = arena_calloc(arena, n + 1, sizeof(*entries));
	size_t at = n;
	cJSON_ArrayForEach(item, history)
	{
		struct engine_history_entry *entry = &entries[--at];
		int r = size_member(item, "Size", &entry->bytes, e);
		entry->created_by = "";
		if (r < 0)
			return r;
		(void)!json_get_string(item, "CreatedBy", &entry->created_by, NULL);
		entry->empty = is_empty_layer(own, n, at);
	}
	uint64_t *bytes = arena_calloc(arena, n_layers + 1, sizeof(*bytes));
	if (engine_layers_match(entries, n, bytes, n_layers))
		*ret = bytes;
	return 0;
}

/* --- events -------------------------------------------------------------------------------------- */

bool engine_convert_event(const cJSON *json, struct arena *arena, struct container_event *ret)
{
	const cJSON *actor = NULL, *attributes = NULL;
	const char *type = "", *action = "", *image = "", *from = "";
	if (engine_text(arena, json, "Type", &type, NULL) < 0 || strcmp(type, "container") != 0 ||
	    engine_text(arena, json, "Action", &action, NULL) < 0 ||
	    json_get_object(json, "Actor", &actor, NULL) < 0)
		return false;
	*ret = (struct container_event){ .references = { "", "", "", "" } };
	if (engine_id(arena, actor, "ID", &ret->id, NULL) < 0)
		return false;
	(void)!json_get_object(actor, "Attributes", &attributes, NULL);
	if (engine_text(arena, attributes, "image", &image, NULL) < 0 ||
	    engine_text(arena, json, "from", &from, NULL) < 0)
		return false;
	add_reference(ret->references, image);
	add_reference(ret->references, from);
	bool created = strcmp(action, "create") == 0;
	ret->kind = created ? CONTAINER_EVENT_CREATED : CONTAINER_EVENT_ALIVE;
	return true;
}
