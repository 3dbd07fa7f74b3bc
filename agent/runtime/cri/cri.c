/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri/cri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/predict.h"
#include "runtime/containerd/containerd.h"
#include "runtime/containerd/containerd-events.h"
#include "runtime/cri/cri-cache.h"
#include "runtime/cri/cri-call.h"
#include "runtime/cri/cri-convert.h"
#include "runtime/cri/cri-events.h"
#include "runtime/cri/cri-flavour.h"
#include "runtime/cri/cri.pb-c.h"
#include "transport/request.h"

struct runtime_cri {
	struct runtime base;
	struct cri_peer peer;
	const struct cri_flavour *flavour;
	struct cri_cache containers; /* CONTAINER_N_REFERENCES references, then image volumes */
	struct cri_cache sandboxes;  /* the image that the sandbox runs */
	struct containerd *containerd;
};

#define cleanup_arena __attribute__((cleanup(arena_done)))

static struct runtime_cri *cri_of(struct runtime *r)
{
	return (struct runtime_cri *)r;
}

/* protobuf-c's requests hold what they send as if it were theirs to change; packing only reads. */
static ProtobufCBinaryData binary(const char *text)
{
	union {
		const char *text;
		uint8_t *data;
	} same = { .text = text };
	return (ProtobufCBinaryData){ .len = strlen(text), .data = same.data };
}

/* Puts the method's name in front of what a conversion found. */
static int converted(int r, enum runtime_operation operation, struct err *e)
{
	if (r < 0)
		(void)err_prefix(e, "%s: ", cri_method_name(operation));
	return r;
}

static int cri_probe(struct runtime *runtime, struct err *e)
{
	struct runtime_cri *c = cri_of(runtime);
	Runtime__V1__VersionRequest request = RUNTIME__V1__VERSION_REQUEST__INIT;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	int r = cri_call(&c->peer, OPERATION_VERSION, &request.base, &answer, e);
	if (r < 0)
		return r;
	r = cri_convert_version((const Runtime__V1__VersionResponse *)answer.message, runtime->name,
				sizeof(runtime->name), runtime->version, sizeof(runtime->version),
				e);
	if (r == 0)
		c->flavour = cri_flavour_find(runtime->name);
	return converted(r, OPERATION_VERSION, e);
}

static int list_images(struct runtime_cri *c, struct inventory *inv, struct err *e)
{
	Runtime__V1__ListImagesRequest request = RUNTIME__V1__LIST_IMAGES_REQUEST__INIT;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	int r = cri_call(&c->peer, OPERATION_LIST_IMAGES, &request.base, &answer, e);
	if (r < 0)
		return r;
	r = cri_convert_images((const Runtime__V1__ListImagesResponse *)answer.message, inv, e);
	return converted(r, OPERATION_LIST_IMAGES, e);
}

static const struct cri_cache_entry *keep_container(struct runtime_cri *c, const char *id,
						    const struct cri_container_facts *facts)
{
	size_t n = CONTAINER_N_REFERENCES + facts->n_volume_images;
	cleanup_free const char **texts = xcalloc(n, sizeof(*texts));
	for (size_t i = 0; i < n; i++)
		texts[i] = i < CONTAINER_N_REFERENCES
				   ? facts->references[i]
				   : facts->volume_images[i - CONTAINER_N_REFERENCES];
	return cri_cache_add(&c->containers, id, texts, n);
}

/* Asks for a container's status. *ret stays NULL when the container has gone meanwhile. */
static int ask_container(struct runtime_cri *c, const char *id, const struct cri_cache_entry **ret,
			 struct err *e)
{
	Runtime__V1__ContainerStatusRequest request = RUNTIME__V1__CONTAINER_STATUS_REQUEST__INIT;
	request.container_id = binary(id);
	cleanup_cri_answer struct cri_answer answer = { 0 };
	cleanup_arena struct arena arena = { 0 };
	struct cri_container_facts facts;
	int r = cri_call(&c->peer, OPERATION_CONTAINER_STATUS, &request.base, &answer, e);
	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return r;
	r = cri_convert_container_status(
		(const Runtime__V1__ContainerStatusResponse *)answer.message, &arena, &facts, e);
	if (r < 0)
		return converted(r, OPERATION_CONTAINER_STATUS, e);
	*ret = keep_container(c, id, &facts);
	return 0;
}

/* The cache forgets, the inventory stays: everything is copied. */
static void add_facts(struct container *container, const struct cri_cache_entry *known,
		      struct arena *arena)
{
	const char *references[CONTAINER_N_REFERENCES];
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		references[i] = arena_strdup(arena, known->texts[i]);
	cri_add_references(container, references);
	size_t n = known->n_texts - CONTAINER_N_REFERENCES;
	if (n == 0)
		return;
	const char **volumes = arena_calloc(arena, n, sizeof(*volumes));
	for (size_t i = 0; i < n; i++)
		volumes[i] = arena_strdup(arena, known->texts[CONTAINER_N_REFERENCES + i]);
	container->volume_images = volumes;
	container->n_volume_images = n;
}

static int cri_containers(struct runtime *runtime, struct inventory *into, struct err *e)
{
	struct runtime_cri *c = cri_of(runtime);
	Runtime__V1__ListContainersRequest request = RUNTIME__V1__LIST_CONTAINERS_REQUEST__INIT;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	int r = cri_call(&c->peer, OPERATION_LIST_CONTAINERS, &request.base, &answer, e);
	if (r < 0)
		return r;
	r = cri_convert_containers((const Runtime__V1__ListContainersResponse *)answer.message,
				   into, e);
	if (r < 0)
		return converted(r, OPERATION_LIST_CONTAINERS, e);
	cri_answer_done(&answer);
	for (size_t i = 0; i < into->containers.n_containers; i++) {
		struct container *container = &into->containers.containers[i];
		const struct cri_cache_entry *known = cri_cache_find(&c->containers, container->id);
		r = known ? 0 : ask_container(c, container->id, &known, e);
		if (r < 0)
			return r;
		if (known)
			add_facts(container, known, &into->arena);
	}
	cri_cache_sweep(&c->containers);
	return 0;
}

/* As ask_container(). */
static int ask_sandbox(struct runtime_cri *c, const char *id, const struct cri_cache_entry **ret,
		       struct err *e)
{
	Runtime__V1__PodSandboxStatusRequest request =
		RUNTIME__V1__POD_SANDBOX_STATUS_REQUEST__INIT;
	request.pod_sandbox_id = binary(id);
	request.verbose = true;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	cleanup_arena struct arena arena = { 0 };
	const char *image;
	int r = cri_call(&c->peer, OPERATION_SANDBOX_STATUS, &request.base, &answer, e);
	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return r;
	r = cri_convert_sandbox_image((const Runtime__V1__PodSandboxStatusResponse *)answer.message,
				      &arena, &image, e);
	if (r < 0)
		return converted(r, OPERATION_SANDBOX_STATUS, e);
	*ret = cri_cache_add(&c->sandboxes, id, &image, 1);
	return 0;
}

static int list_sandboxes(struct runtime_cri *c, struct arena *arena, const char *const **ret,
			  size_t *ret_n, struct err *e)
{
	Runtime__V1__ListPodSandboxRequest request = RUNTIME__V1__LIST_POD_SANDBOX_REQUEST__INIT;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	int r = cri_call(&c->peer, OPERATION_LIST_SANDBOXES, &request.base, &answer, e);
	if (r < 0)
		return r;
	r = cri_convert_sandboxes((const Runtime__V1__ListPodSandboxResponse *)answer.message,
				  arena, ret, ret_n, e);
	return converted(r, OPERATION_LIST_SANDBOXES, e);
}

/* The image configured for new sandboxes; "" when the runtime does not say. */
static int configured_image(struct runtime_cri *c, struct arena *arena, const char **ret,
			    struct err *e)
{
	Runtime__V1__StatusRequest request = RUNTIME__V1__STATUS_REQUEST__INIT;
	request.verbose = true;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	int r = cri_call(&c->peer, OPERATION_STATUS, &request.base, &answer, e);
	if (r < 0)
		return r;
	r = cri_convert_configured_sandbox_image(
		(const Runtime__V1__StatusResponse *)answer.message, arena, ret, e);
	return converted(r, OPERATION_STATUS, e);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts, drops doubles and empty ones; returns how many are left. */
static size_t make_unique(const char **texts, size_t n)
{
	size_t count = 0;
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (*texts[i] && (count == 0 || strcmp(texts[count - 1], texts[i]) != 0))
			texts[count++] = texts[i];
	return count;
}

static int sandbox_images(struct runtime_cri *c, struct inventory *inv, struct err *e)
{
	cleanup_arena struct arena scratch = { 0 };
	const char *const *ids;
	size_t n;
	int r = list_sandboxes(c, &scratch, &ids, &n, e);
	if (r < 0)
		return r;
	const char **images = arena_calloc(&scratch, n + 1, sizeof(*images));
	for (size_t i = 0; i < n; i++) {
		const struct cri_cache_entry *known = cri_cache_find(&c->sandboxes, ids[i]);
		r = known ? 0 : ask_sandbox(c, ids[i], &known, e);
		if (r < 0)
			return r;
		images[i] = known ? known->texts[0] : "";
	}
	r = configured_image(c, &scratch, &images[n], e);
	if (r < 0)
		return r;
	inv->n_sandbox_images = make_unique(images, n + 1);
	const char **copies = arena_calloc(&inv->arena, inv->n_sandbox_images + 1, sizeof(*copies));
	for (size_t i = 0; i < inv->n_sandbox_images; i++)
		copies[i] = arena_strdup(&inv->arena, images[i]);
	inv->sandbox_images = copies;
	cri_cache_sweep(&c->sandboxes);
	return 0;
}

static int image_store(struct runtime_cri *c, struct inventory *inv, struct err *e)
{
	Runtime__V1__ImageFsInfoRequest request = RUNTIME__V1__IMAGE_FS_INFO_REQUEST__INIT;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	struct cri_image_fs fs;
	int r = cri_call(&c->peer, OPERATION_IMAGE_FS_INFO, &request.base, &answer, e);
	if (r < 0)
		return r;
	r = cri_convert_image_fs((const Runtime__V1__ImageFsInfoResponse *)answer.message,
				 &inv->arena, &fs, e);
	if (r < 0)
		return converted(r, OPERATION_IMAGE_FS_INFO, e);
	inv->image_store_path = fs.path;
	struct store_usage usage = { .compressed_sizes = c->flavour->compressed_sizes };
	if (c->flavour->usage_counts_layers) {
		usage.unpacked_bytes = fs.used_bytes;
		usage.unpacked_inodes = fs.used_inodes;
	}
	predict_from_usage(inv->images, inv->n_images, &usage);
	return 0;
}

/* Better predictions where they can be had; no inventory fails for the lack of them. */
static void layers(struct runtime_cri *c, struct inventory *inv)
{
	c->base.layers_error = (struct err){ 0 };
	if (c->flavour->has_containerd_api)
		(void)!containerd_layers(c->containerd, inv, &c->base.layers_error);
}

/* Images before containers: whoever starts to use a listed image meanwhile is seen. */
static int cri_inventory(struct runtime *runtime, struct inventory **ret, struct err *e)
{
	struct runtime_cri *c = cri_of(runtime);
	cleanup_inventory struct inventory *inv = inventory_new();
	int r = cri_probe(runtime, e);
	if (r == 0)
		r = list_images(c, inv, e);
	if (r == 0)
		r = cri_containers(runtime, inv, e);
	if (r == 0)
		r = sandbox_images(c, inv, e);
	if (r == 0)
		r = image_store(c, inv, e);
	if (r < 0)
		return r;
	layers(c, inv);
	inv->runtime = arena_strdup(&inv->arena, runtime->version);
	*ret = take_ptr(inv);
	return 0;
}

static bool contains(const char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return false;
}

/* A name that the image did not have when it was listed, or NULL. */
static const char *new_name(const struct image *listed, const struct image *now)
{
	for (size_t i = 0; i < now->n_names; i++)
		if (!contains(listed->names, listed->n_names, now->names[i]))
			return now->names[i];
	for (size_t i = 0; i < now->n_digests; i++)
		if (!contains(listed->digests, listed->n_digests, now->digests[i]))
			return now->digests[i];
	return NULL;
}

/*
 * Looks at the image once more: one that was pinned or got a name since it was listed may be kept by
 * rules that nobody has asked about it. -EBUSY then; *ret_there is false when it is gone already.
 */
static int look_again(struct runtime_cri *c, const struct image *listed, bool *ret_there,
		      struct err *e)
{
	Runtime__V1__ImageSpec spec = RUNTIME__V1__IMAGE_SPEC__INIT;
	spec.image = binary(listed->id);
	Runtime__V1__ImageStatusRequest request = RUNTIME__V1__IMAGE_STATUS_REQUEST__INIT;
	request.image = &spec;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	cleanup_arena struct arena arena = { 0 };
	struct image now = { 0 };
	int r = cri_call(&c->peer, OPERATION_IMAGE_STATUS, &request.base, &answer, e);
	if (r < 0)
		return r;
	r = cri_convert_image_status((const Runtime__V1__ImageStatusResponse *)answer.message,
				     &arena, &now, ret_there, e);
	if (r < 0)
		return converted(r, OPERATION_IMAGE_STATUS, e);
	if (!*ret_there)
		return 0;
	if (now.pinned && !listed->pinned)
		return err_set(e, EBUSY, "ImageStatus: pinned since it was listed");
	const char *name = new_name(listed, &now);
	return name ? err_set(e, EBUSY, "ImageStatus: got the name %s since it was listed", name)
		    : 0;
}

static int cri_remove_image(struct runtime *runtime, const struct image *image, struct err *e)
{
	bool there;
	int look = look_again(cri_of(runtime), image, &there, e);
	if (look < 0)
		return look == -ENODATA ? 0 : look;
	if (!there)
		return 0;
	Runtime__V1__ImageSpec spec = RUNTIME__V1__IMAGE_SPEC__INIT;
	spec.image = binary(image->id);
	Runtime__V1__RemoveImageRequest request = RUNTIME__V1__REMOVE_IMAGE_REQUEST__INIT;
	request.image = &spec;
	cleanup_cri_answer struct cri_answer answer = { 0 };
	struct err why = { 0 };
	int r = cri_call(&cri_of(runtime)->peer, OPERATION_REMOVE_IMAGE, &request.base, &answer,
			 &why);
	if (r == 0 || r == -ENODATA)
		return 0;
	bool in_use = r == -EIO && cri_flavour_says_in_use(why.msg);
	return err_set(e, in_use ? EBUSY : -r, "%s", why.msg);
}

static int cri_watch(struct runtime *runtime, const struct runtime_watch *watch, struct err *e)
{
	struct runtime_cri *c = cri_of(runtime);
	return c->flavour->has_containerd_api ? containerd_events(c->peer.client, watch, e)
					      : cri_events(c->peer.client, watch, e);
}

static struct runtime *cri_new(const char *socket_path, usec_t timeout)
{
	struct runtime_cri *c = xnew(struct runtime_cri);
	c->base.ops = &runtime_cri_ops;
	c->flavour = cri_flavour_find("");
	c->peer = (struct cri_peer){
		.client = request_client_new(socket_path, REQUEST_HTTP2),
		.timeout = timeout,
		.statistics = &c->base.statistics,
	};
	c->containerd = containerd_new(c->peer.client, CONTAINERD_NAMESPACE, timeout);
	return &c->base;
}

static struct runtime *cri_free(struct runtime *runtime)
{
	if (!runtime)
		return NULL;
	struct runtime_cri *c = cri_of(runtime);
	c->containerd = containerd_free(c->containerd);
	c->peer.client = request_client_free(c->peer.client);
	cri_cache_done(&c->containers);
	cri_cache_done(&c->sandboxes);
	free(runtime->endpoint);
	free(c);
	return NULL;
}

static const char *const endpoints[] = {
	"/run/containerd/containerd.sock",
	"/run/crio/crio.sock",
	"/run/k3s/containerd/containerd.sock", /* k3s, RKE2 */
	"/run/k0s/containerd.sock",
	"/var/snap/microk8s/common/run/containerd.sock",
	NULL,
};

const struct runtime_ops runtime_cri_ops = {
	.type = "cri",
	.endpoints = endpoints,
	.new = cri_new,
	.free = cri_free,
	.probe = cri_probe,
	.inventory = cri_inventory,
	.containers = cri_containers,
	.remove_image = cri_remove_image,
	.watch = cri_watch,
};
