/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/containerd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/layers.h"
#include "runtime/containerd/containerd-call.h"
#include "runtime/containerd/containerd-lists.h"
#include "runtime/containerd/containerd.pb-c.h"
#include "runtime/containerd/layer-memory.h"
#include "runtime/containerd/layer-tree.h"
#include "runtime/containerd/layer-usage.h"
#include "runtime/cri/cri-text.h"

/* Predictions are not worth more of a pass than that. */
#define LONGEST (10 * USEC_PER_SEC)
#define PAUSE	(300 * USEC_PER_SEC)
/* How long what CRI does not show may go unnoticed: other namespaces, snapshots of other tools. */
#define MEMORY	(60 * USEC_PER_SEC)

#define MAX_USAGE	    (INT64_C(1) << 60)
/* Beside fs/, which Usage counts, a snapshot of overlayfs has its folder and work/. */
#define OVERLAY_FOLDERS	    2
#define OVERLAY_FOLDER_SIZE 4096

struct containerd {
	struct request_client *client;
	const char *space;
	usec_t timeout;
	usec_t paused_until; /* 0: not paused */
	struct layer_usage usage;
	struct layer_memory memory;
	usec_t memory_until;
};

struct containerd *containerd_new(struct request_client *client, const char *space, usec_t timeout)
{
	struct containerd *c = xnew(struct containerd);
	c->client = client;
	c->space = space;
	c->timeout = timeout < LONGEST ? timeout : LONGEST;
	return c;
}

struct containerd *containerd_free(struct containerd *c)
{
	if (!c)
		return NULL;
	layer_usage_done(&c->usage);
	layer_memory_done(&c->memory);
	free(c);
	return NULL;
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

static int list_content(const struct containerd_peer *peer, struct containerd_lists *lists,
			struct err *e)
{
	Containerd__ListContentRequest request = CONTAINERD__LIST_CONTENT_REQUEST__INIT;
	int r = containerd_call(peer, CONTAINERD_LIST_CONTENT, peer->space, &request.base,
				containerd_take_content, lists, e);
	for (size_t i = 0; r == 0 && i < lists->n_namespaces; i++)
		r = containerd_call(peer, CONTAINERD_LIST_CONTENT, lists->namespaces[i],
				    &request.base, containerd_take_foreign_content, lists, e);
	return r;
}

static int list_snapshots(const struct containerd_peer *peer, struct containerd_lists *lists,
			  struct err *e)
{
	int r = 0;
	/* Labels of snapshots may name further snapshotters. */
	for (size_t i = 0; r == 0 && i < lists->n_snapshotters; i++) {
		Containerd__ListSnapshotsRequest request = CONTAINERD__LIST_SNAPSHOTS_REQUEST__INIT;
		lists->snapshotter = lists->snapshotters[i];
		request.snapshotter = binary(lists->snapshotter);
		r = containerd_call(peer, CONTAINERD_LIST_SNAPSHOTS, peer->space, &request.base,
				    containerd_take_snapshots, lists, e);
	}
	return r;
}

/* Images come last: what a newer image would share is then listed already. */
static int list_all(const struct containerd_peer *peer, struct containerd_lists *lists,
		    struct err *e)
{
	Containerd__ListNamespacesRequest namespaces = CONTAINERD__LIST_NAMESPACES_REQUEST__INIT;
	Containerd__ListImagesRequest images = CONTAINERD__LIST_IMAGES_REQUEST__INIT;
	int r = containerd_call(peer, CONTAINERD_LIST_NAMESPACES, peer->space, &namespaces.base,
				containerd_take_namespaces, lists, e);
	if (r == 0)
		r = list_content(peer, lists, e);
	if (r == 0)
		r = list_snapshots(peer, lists, e);
	if (r == 0)
		r = containerd_call(peer, CONTAINERD_LIST_IMAGES, peer->space, &images.base,
				    containerd_take_images, lists, e);
	return r;
}

struct usage {
	uint64_t bytes, inodes;
	bool known;
};

static int take_usage(void *ctx, const ProtobufCMessage *m, struct err *e)
{
	const Containerd__UsageResponse *answer = (const Containerd__UsageResponse *)m;
	if (answer->size < 0 || answer->size > MAX_USAGE || answer->inodes < 0 ||
	    answer->inodes > MAX_USAGE)
		return err_set(e, EBADMSG, "a snapshot's usage is not believable");
	*(struct usage *)ctx =
		(struct usage){ (uint64_t)answer->size, (uint64_t)answer->inodes, true };
	return 0;
}

/* -ENODATA: the snapshot has gone meanwhile. */
static int ask_usage(const struct containerd_peer *peer, const struct containerd_snapshot *snapshot,
		     struct usage *ret, struct err *e)
{
	Containerd__UsageRequest request = CONTAINERD__USAGE_REQUEST__INIT;
	request.snapshotter = binary(snapshot->snapshotter);
	request.key = binary(snapshot->name);
	int r = containerd_call(peer, CONTAINERD_USAGE, peer->space, &request.base, take_usage, ret,
				e);
	if (r < 0 || !ret->known)
		return r < 0 ? r : -ENODATA;
	if (strstr(snapshot->snapshotter, "overlay")) {
		ret->bytes += OVERLAY_FOLDERS * OVERLAY_FOLDER_SIZE;
		ret->inodes += OVERLAY_FOLDERS;
	}
	return 0;
}

/* The sizes of all snapshots. After a failure only those that are known already. */
static int measure_snapshots(struct containerd *c, const struct containerd_peer *peer,
			     struct containerd_lists *lists, struct err *e)
{
	int failed = 0;
	for (size_t i = 0; i < lists->n_snapshots; i++) {
		const struct containerd_snapshot *s = &lists->snapshots[i];
		const struct layer_usage_entry *known =
			layer_usage_find(&c->usage, s->snapshotter, s->name);
		struct usage usage = { 0 };
		if (known)
			usage = (struct usage){ known->bytes, known->inodes, true };
		int r = known || failed ? 0 : ask_usage(peer, s, &usage, e);
		if (r < 0 && r != -ENODATA)
			failed = r;
		if (r < 0 || !usage.known)
			continue;
		layer_tree_set_size(lists->tree, s->node, usage.bytes, usage.inodes);
		layer_usage_add(&c->usage, s->snapshotter, s->name, usage.bytes, usage.inodes);
	}
	layer_usage_turn(&c->usage);
	return failed;
}

static struct containerd_peer peer_at(const struct containerd *c, usec_t now)
{
	return (struct containerd_peer){
		.client = c->client,
		.deadline = now + c->timeout,
		.space = c->space,
	};
}

static int gather(struct containerd *c, struct containerd_lists *lists, struct inventory *inv,
		  usec_t now, struct err *e)
{
	const struct containerd_peer peer = peer_at(c, now);
	int r = list_all(&peer, lists, e);
	if (r < 0)
		return r;
	struct err incomplete = { 0 };
	int measured = measure_snapshots(c, &peer, lists, &incomplete);
	r = layer_tree_apply(lists->tree, inv, e);
	if (r < 0)
		return r;
	layer_memory_done(&c->memory);
	if (layer_tree_complete(lists->tree)) {
		layer_memory_keep(&c->memory, inv);
		c->memory_until = now + MEMORY;
	}
	layers_predict(inv);
	if (measured < 0 && e)
		*e = incomplete;
	return 0;
}

int containerd_layers(struct containerd *c, struct inventory *inv, struct err *e)
{
	usec_t now = containerd_now();
	if (now < c->memory_until && layer_memory_recall(&c->memory, inv)) {
		layers_predict(inv);
		return 0;
	}
	if (now < c->paused_until)
		return err_set(e, EAGAIN, "containerd's own API did not answer in time before");
	cleanup_layer_tree struct layer_tree *tree = layer_tree_new();
	cleanup_containerd_lists struct containerd_lists lists = { .tree = tree,
								   .space = c->space };
	int r = gather(c, &lists, inv, now, e);
	if (r == -ETIMEDOUT)
		c->paused_until = containerd_now() + PAUSE;
	return r;
}

/* --- where a snapshotter has its data -------------------------------------------------------------- */

struct wanted_export {
	const char *plugin, *name;
	char *value;
};

static bool is_text(const ProtobufCBinaryData *data, const char *text)
{
	return data->len == strlen(text) && memcmp(data->data, text, data->len) == 0;
}

static int take_plugins(void *ctx, const ProtobufCMessage *m, struct err *e)
{
	struct wanted_export *wanted = ctx;
	const Containerd__PluginsResponse *answer = (const Containerd__PluginsResponse *)m;
	for (size_t i = 0; i < answer->n_plugins; i++) {
		const Containerd__Plugin *plugin = answer->plugins[i];
		for (size_t k = 0; is_text(&plugin->id, wanted->plugin) && k < plugin->n_exports;
		     k++) {
			__attribute__((cleanup(arena_done))) struct arena arena = { 0 };
			const char *value;
			if (!is_text(&plugin->exports[k]->key, wanted->name))
				continue;
			int r = cri_id(&arena, &plugin->exports[k]->value, wanted->name, &value, e);
			if (r < 0)
				return r;
			free(wanted->value);
			wanted->value = xstrdup(value);
		}
	}
	return 0;
}

int containerd_snapshotter_root(struct containerd *c, const char *snapshotter, char **ret,
				struct err *e)
{
	ProtobufCBinaryData filters[] = { binary("type==io.containerd.snapshotter.v1") };
	Containerd__PluginsRequest request = CONTAINERD__PLUGINS_REQUEST__INIT;
	request.filters = filters;
	request.n_filters = ELEMENTS(filters);
	struct wanted_export wanted = { .plugin = snapshotter, .name = "root" };
	const struct containerd_peer peer = peer_at(c, containerd_now());
	int r = containerd_call(&peer, CONTAINERD_PLUGINS, peer.space, &request.base, take_plugins,
				&wanted, e);
	if (r == 0 && !wanted.value)
		r = err_set(e, ENOENT,
			    "containerd does not say where the snapshotter %.80s has its data",
			    snapshotter);
	if (r < 0)
		free(wanted.value);
	else
		*ret = wanted.value;
	return r;
}
