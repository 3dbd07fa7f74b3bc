/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/use.h"
#include "runtime/engine/engine-convert.h"
#include "runtime/engine/engine-text.h"
#include "util/clock.h"
#include "util/limits.h"

/* Predictions are not worth more of an inventory than that; the others' turn comes with the next. */
#define LAYERS_LONGEST (3 * USEC_PER_SEC)
#define STORE_MEMORY   (10 * USEC_PER_MINUTE)

#define cleanup_arena __attribute__((cleanup(arena_done)))

static struct engine *engine_of(struct runtime *r)
{
	return (struct engine *)r;
}

bool engine_parse_version(const char *text, unsigned ret[2])
{
	return sscanf(text, "%4u.%4u", &ret[0], &ret[1]) == 2;
}

void engine_introduce(struct engine *engine, const char *name, const char *version,
		      const char *prefix)
{
	(void)snprintf(engine->base.name, sizeof(engine->base.name), "%s", name);
	(void)snprintf(engine->base.version, sizeof(engine->base.version), "%s%s%s", name,
		       *version ? " " : "", version);
	(void)snprintf(engine->peer.prefix, sizeof(engine->peer.prefix), "%s", prefix);
}

int engine_probe(struct runtime *runtime, struct err *e)
{
	struct engine *engine = engine_of(runtime);
	struct engine_ping ping;
	int r = engine_ping(&engine->peer, &ping, e);
	if (r == 0)
		r = engine->dialect->recognise(engine, &ping, e);
	return r;
}

/* --- images -------------------------------------------------------------------------------------- */

struct listing {
	struct engine_images images;
	struct arena *arena;
};

static int on_image(void *ctx, const cJSON *json, struct err *e)
{
	struct listing *listing = ctx;
	return engine_images_add(&listing->images, json, listing->arena, e);
}

static int list_images(struct engine *engine, struct inventory *inv, struct err *e)
{
	struct listing listing = { .arena = &inv->arena };
	int r = engine_list(&engine->peer, OPERATION_LIST_IMAGES, engine->dialect->images, on_image,
			    &listing, e);
	if (r == 0)
		engine_images_take(&listing.images, engine->dialect->parents_stay, inv);
	engine_images_done(&listing.images);
	return r;
}

/* --- containers ---------------------------------------------------------------------------------- */

struct container_listing {
	const struct engine_dialect *dialect;
	struct arena *arena;
	struct container *containers;
	bool *mounts; /* whether each of them may have image volumes */
	size_t n, allocated;
};

static int on_container(void *ctx, const cJSON *json, struct err *e)
{
	struct container_listing *list = ctx;
	if (list->n == N_MAX_CONTAINERS)
		return err_set(e, E2BIG, "more than %d containers", N_MAX_CONTAINERS);
	if (list->n == list->allocated) {
		list->allocated = list->allocated ? 2 * list->allocated : 64;
		list->containers =
			xreallocarray(list->containers, list->allocated, sizeof(*list->containers));
		list->mounts = xreallocarray(list->mounts, list->allocated, sizeof(*list->mounts));
	}
	struct container *container = &list->containers[list->n];
	int r = engine_convert_container(json, list->arena, container, &list->mounts[list->n], e);
	if (r < 0)
		return r;
	if (*container->references[0] == '\0' && !list->dialect->imageless)
		return err_set(e, EBADMSG, "container %s names no image", container->id);
	list->n++;
	return 0;
}

/* Asks which images a container mounts. *ret stays NULL when the container has gone meanwhile. */
static int ask_volumes(struct engine *engine, const char *id, const struct cri_cache_entry **ret,
		       struct err *e)
{
	char path[ENGINE_PATH_MAX];
	cleanup_json cJSON *json = NULL;
	cleanup_arena struct arena arena = { 0 };
	const char *const *images;
	size_t n;
	int r = engine_path(path, "/containers/", id, "/json", e);
	if (r == 0)
		r = engine_get(&engine->peer, OPERATION_CONTAINER_STATUS, path, &json, e);
	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return r;
	r = engine_convert_volumes(json, &arena, &images, &n, e);
	if (r < 0)
		return err_prefix(e, "GET /containers/%s/json: ", id);
	*ret = cri_cache_add(&engine->volumes, id, images, n);
	return 0;
}

/* The cache forgets, the inventory stays: everything is copied. */
static int add_volumes(struct engine *engine, struct container *container, struct arena *arena,
		       struct err *e)
{
	const struct cri_cache_entry *known = cri_cache_find(&engine->volumes, container->id);
	int r = known ? 0 : ask_volumes(engine, container->id, &known, e);
	if (r < 0 || !known || known->n_texts == 0)
		return r;
	const char **images = arena_calloc(arena, known->n_texts, sizeof(*images));
	for (size_t i = 0; i < known->n_texts; i++)
		images[i] = arena_strdup(arena, known->texts[i]);
	container->volume_images = images;
	container->n_volume_images = known->n_texts;
	return 0;
}

static int list_containers(struct engine *engine, struct container_listing *list,
			   struct inventory *into, struct err *e)
{
	int r = engine_list(&engine->peer, OPERATION_LIST_CONTAINERS, engine->dialect->containers,
			    on_container, list, e);
	for (size_t i = 0; r == 0 && i < list->n; i++)
		if (list->mounts[i])
			r = add_volumes(engine, &list->containers[i], &into->arena, e);
	if (r < 0)
		return r;
	cri_cache_sweep(&engine->volumes);
	struct container *containers = arena_calloc(&into->arena, list->n + 1, sizeof(*containers));
	if (list->n)
		memcpy(containers, list->containers, list->n * sizeof(*containers));
	into->containers = (struct container_list){ containers, list->n };
	return 0;
}

int engine_containers(struct runtime *runtime, struct inventory *into, struct err *e)
{
	struct engine *engine = engine_of(runtime);
	struct container_listing list = { .dialect = engine->dialect, .arena = &into->arena };
	int r = list_containers(engine, &list, into, e);
	free(list.containers);
	free(list.mounts);
	return r;
}

/* --- layers and the store ------------------------------------------------------------------------ */

static int ask_image(struct engine *engine, const char *id, const char *what, cJSON **ret,
		     struct err *e)
{
	char path[ENGINE_PATH_MAX];
	int r = engine_path(path, "/images/", id, what, e);
	return r < 0 ? r : engine_get(&engine->peer, OPERATION_IMAGE_STATUS, path, ret, e);
}

/*
 * An image may be larger than its history tells: in containerd compressed layers are kept as well. They
 * are shared out by size.
 */
static void stretch(uint64_t *bytes, size_t n, uint64_t together)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += bytes[i];
	for (size_t i = 0; i < n && sum > 0 && together > sum; i++)
		bytes[i] = (uint64_t)((unsigned __int128)bytes[i] * together / sum);
}

static int ask_layers(struct engine *engine, const struct image *image, struct err *e)
{
	cleanup_arena struct arena arena = { 0 };
	cleanup_json cJSON *json = NULL, *history = NULL;
	struct engine_image_layers layers = { .bytes_together = image->size_bytes };
	uint64_t *bytes = NULL;
	int r = ask_image(engine, image->id, "/json", &json, e);
	if (r == 0 && engine_is_about_another(json, image->id)) {
		(void)cri_cache_add(&engine->lists, image->id, NULL, 0);
		return 0;
	}
	if (r == 0)
		r = engine_convert_layers(json, &arena, &layers.digests, &layers.n, e);
	if (r == 0 && layers.n > 0)
		r = ask_image(engine, image->id, "/history", &history, e);
	if (r == 0 && layers.n > 0)
		r = engine_convert_sizes(json, history, layers.n, &arena, &bytes, e);
	if (bytes)
		stretch(bytes, layers.n, image->size_bytes);
	layers.bytes = bytes;
	return r < 0 ? r : engine_layers_add(engine->layers, image->id, &layers, e);
}

/* Asks for the layers of those images that are not known yet, as long as there is time and an answer.
 * Returns how many are left. */
static size_t ask_unknown(struct engine *engine, const struct inventory *inv, struct err *e)
{
	usec_t timeout = engine->peer.timeout, until = now_monotonic() + LAYERS_LONGEST;
	size_t left = 0;
	bool go_on = true;
	for (size_t i = 0; i < inv->n_images; i++) {
		if (engine_layers_knows(engine->layers, inv->images[i].id) ||
		    cri_cache_find(&engine->lists, inv->images[i].id))
			continue;
		struct err why = { 0 };
		usec_t remains = until - now_monotonic();
		go_on = go_on && remains > 0;
		engine->peer.timeout = remains < timeout ? remains : timeout;
		int r = go_on ? ask_layers(engine, &inv->images[i], &why) : -EAGAIN;
		left += r < 0 && r != -ENODATA;
		if (r == 0 || r == -ENODATA || !go_on)
			continue;
		*e = e->code ? *e : why;
		go_on = r == -EBADMSG || r == -EIO;
	}
	engine->peer.timeout = timeout;
	return left;
}

/* A list of images has nothing on the disk, and cannot be removed by itself: it is left out. */
static void drop_lists(struct engine *engine, struct inventory *inv)
{
	size_t n = 0;
	for (size_t i = 0; i < inv->n_images; i++)
		if (!cri_cache_find(&engine->lists, inv->images[i].id))
			inv->images[n++] = inv->images[i];
	inv->n_images = n;
	cri_cache_sweep(&engine->lists);
}

/* Better predictions where they can be had; no inventory fails for the lack of them. */
static void predict(struct engine *engine, struct inventory *inv)
{
	struct err *e = &engine->base.layers_error;
	for (size_t i = 0; i < inv->n_images; i++)
		inv->images[i].predicted_bytes = inv->images[i].size_bytes;
	*e = (struct err){ 0 };
	if (engine->dialect->layers && engine->dialect->layers(engine, inv, e) == 0)
		return;
	size_t left = ask_unknown(engine, inv, e);
	drop_lists(engine, inv);
	engine_layers_apply(engine->layers, inv, engine->overhead);
	if (left > 0 && e->code == 0)
		(void)err_set(e, EAGAIN, "the layers of %zu images are still to be asked for",
			      left);
}

static int ask_store(struct engine *engine, struct err *e)
{
	cleanup_json cJSON *info = NULL;
	cleanup_arena struct arena arena = { 0 };
	const char *path = "";
	int r = engine_get(&engine->peer, OPERATION_IMAGE_FS_INFO, "/info", &info, e);
	if (r < 0)
		return r;
	r = engine->dialect->store(engine, info, &arena, &path, e);
	if (r < 0)
		return err_prefix(e, "GET /info: ");
	if (*path != '/')
		return err_set(e, EBADMSG, "GET /info: the images' path is not absolute: \"%.80s\"",
			       path);
	free(engine->store_path);
	engine->store_path = xstrdup(path);
	engine->store_until = now_monotonic() + STORE_MEMORY;
	return 0;
}

/* Where the images are. Podman runs other programs before it answers, for 0.2 s: so it is remembered. */
static int find_store(struct engine *engine, struct inventory *inv, struct err *e)
{
	bool known = engine->store_path && now_monotonic() < engine->store_until;
	int r = known ? 0 : ask_store(engine, e);
	if (r == 0)
		inv->image_store_path = arena_strdup(&inv->arena, engine->store_path);
	return r;
}

/* Images before containers: whoever starts to use a listed image meanwhile is seen. */
int engine_inventory(struct runtime *runtime, struct inventory **ret, struct err *e)
{
	struct engine *engine = engine_of(runtime);
	cleanup_inventory struct inventory *inv = inventory_new();
	int r = engine_probe(runtime, e);
	if (r == 0)
		r = list_images(engine, inv, e);
	if (r == 0)
		r = engine_containers(runtime, inv, e);
	if (r == 0)
		r = find_store(engine, inv, e);
	if (r < 0)
		return r;
	predict(engine, inv);
	inv->local_is_ordinary = true;
	inv->runtime = arena_strdup(&inv->arena, runtime->version);
	*ret = take_ptr(inv);
	return 0;
}

/* --- removing ------------------------------------------------------------------------------------ */

static bool contains(const char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return false;
}

/*
 * The image as it is now. -ENODATA: it has gone; -EBUSY: it has a name that it had not when listed, or is
 * a list of images, by whose ID Podman understands the image of this platform (and removes that).
 */
static int look_again(struct engine *engine, const struct image *listed, struct arena *arena,
		      struct image *ret, struct err *e)
{
	cleanup_json cJSON *json = NULL;
	const char *parent;
	int r = ask_image(engine, listed->id, "/json", &json, e);
	if (r == 0)
		r = engine_convert_image(json, arena, ret, &parent, e);
	if (r == 0 && strcmp(ret->id, listed->id) != 0)
		return err_set(e, EBUSY, "its ID stands for another image, %s", ret->id);
	for (size_t i = 0; r == 0 && i < ret->n_names; i++)
		if (!contains(listed->names, listed->n_names, ret->names[i]))
			r = err_set(e, EBUSY, "it got the name %s since it was listed",
				    ret->names[i]);
	return r;
}

/* Whether a container refers to the image. */
static int came_into_use(struct engine *engine, const struct image *image, struct err *e)
{
	cleanup_inventory struct inventory *fresh = inventory_new();
	struct image_use use;
	int r = engine_containers(&engine->base, fresh, e);
	if (r < 0)
		return r;
	use_resolve(image, 1, &fresh->containers, NULL, 0, &use);
	return use.reason == KEEP_NONE
		       ? 0
		       : err_set(e, EBUSY, "container %s uses it since it was listed", use.by);
}

/* *ret_gone: the engine says that the image has gone with this reference. */
static int delete_reference(struct engine *engine, const char *id, const char *reference,
			    bool *ret_gone, struct err *e)
{
	char path[ENGINE_PATH_MAX];
	cleanup_json cJSON *json = NULL;
	int r = engine_path(path, "/images/", reference, "", e);
	if (r == 0)
		r = engine_delete(&engine->peer, OPERATION_REMOVE_IMAGE, path, &json, e);
	*ret_gone = r == 0 && engine_convert_deleted(json, id);
	return r == -ENODATA ? 0 : r;
}

/* How far the removal of an image has got. */
struct removing {
	const struct image *listed;
	size_t left; /* references that it had before the last one was deleted */
	bool begun, by_id;
	bool gone;
};

/* Deletes one more reference: a name, else a digest by which it was pulled, else the ID. */
static int remove_next(struct engine *engine, struct removing *removing, struct err *e)
{
	cleanup_arena struct arena arena = { 0 };
	struct image now;
	int r = look_again(engine, removing->listed, &arena, &now, e);
	if (r < 0)
		return r;
	size_t left = now.n_names + now.n_digests;
	bool stuck = removing->begun && left >= removing->left;
	if (removing->by_id || (stuck && now.n_names > 0))
		return err_set(e, EBUSY, "it is still there as %s", image_display_name(&now));
	removing->by_id = left == 0 || stuck;
	removing->begun = true;
	removing->left = left;
	const char *reference = removing->by_id ? now.id : image_display_name(&now);
	return delete_reference(engine, now.id, reference, &removing->gone, e);
}

int engine_remove_image(struct runtime *runtime, const struct image *image, struct err *e)
{
	struct engine *engine = engine_of(runtime);
	struct removing removing = { .listed = image };
	int r = 0;
	/* The caller has just looked at the containers ahead of the first. */
	while (r == 0 && !removing.gone) {
		if (removing.begun)
			r = came_into_use(engine, image, e);
		if (r == 0)
			r = remove_next(engine, &removing, e);
	}
	return r == -ENODATA ? 0 : r;
}

int engine_remove_container(struct runtime *runtime, const char *id, struct err *e)
{
	char path[ENGINE_PATH_MAX];
	cleanup_json cJSON *json = NULL;
	struct err why = { 0 };
	int r = engine_path(path, "/containers/", id, "", &why);
	if (r == 0)
		r = engine_delete(&engine_of(runtime)->peer, OPERATION_REMOVE_CONTAINER, path,
				  &json, &why);
	if (r == 0 || r == -ENODATA)
		return 0;
	/* So Podman says, with status 500, that it runs. */
	bool runs = r == -EIO && strstr(why.msg, "container state improper");
	return err_set(e, runs ? EBUSY : -r, "%s", why.msg);
}

/* --- watching ------------------------------------------------------------------------------------ */

static int on_event(void *ctx, const cJSON *json, struct err *e)
{
	(void)e;
	const struct runtime_watch *watch = ctx;
	cleanup_arena struct arena arena = { 0 };
	struct container_event event;
	if (engine_convert_event(json, &arena, &event))
		watch->on_event(watch->ctx, &event);
	return 0;
}

int engine_watch(struct runtime *runtime, const struct runtime_watch *watch, struct err *e)
{
	struct engine *engine = engine_of(runtime);
	/* on_event() takes it as it is */
	struct runtime_watch copy = *watch;
	return engine_follow(&engine->peer, engine->dialect->events, &watch->stop_fd, on_event,
			     &copy, e);
}

/* --- the handle ---------------------------------------------------------------------------------- */

struct runtime *engine_new(const struct engine_dialect *dialect, const char *socket_path,
			   usec_t timeout)
{
	struct engine *engine = xnew(struct engine);
	engine->base.ops = dialect->ops;
	engine->dialect = dialect;
	engine->peer = (struct engine_peer){
		.client = request_client_new(socket_path, REQUEST_HTTP1),
		.timeout = timeout,
		.statistics = &engine->base.statistics,
	};
	engine->layers = engine_layers_new();
	return &engine->base;
}

struct runtime *engine_free(struct runtime *runtime)
{
	if (!runtime)
		return NULL;
	struct engine *engine = engine_of(runtime);
	if (engine->dialect->done)
		engine->dialect->done(engine);
	engine->peer.client = request_client_free(engine->peer.client);
	engine->layers = engine_layers_free(engine->layers);
	cri_cache_done(&engine->volumes);
	cri_cache_done(&engine->lists);
	free(engine->store_path);
	free(runtime->endpoint);
	free(engine);
	return NULL;
}
