/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/containerd/containerd-lists.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/containerd/containerd.pb-c.h"
#include "runtime/cri/cri-text.h"

#define GC_ROOT	     "containerd.io/gc.root"
#define GC_CONTENT   "containerd.io/gc.ref.content"
#define GC_SNAPSHOT  "containerd.io/gc.ref.snapshot."
#define COMMITTED    3
#define BLOCK	     UINT64_C(4096)
#define MAX_SIZE     (INT64_C(1) << 60)
#define NAMESPACE_ID "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

#define cleanup_arena __attribute__((cleanup(arena_done)))

void containerd_lists_done(struct containerd_lists *lists)
{
	arena_done(&lists->arena);
	free(lists->snapshots);
}

static bool begins(const ProtobufCBinaryData *text, const char *prefix)
{
	size_t len = strlen(prefix);
	return text->len >= len && memcmp(text->data, prefix, len) == 0;
}

/* It is going to stand in a header. */
bool containerd_is_namespace(const char *name)
{
	return *name && name[strspn(name, NAMESPACE_ID)] == '\0' && strlen(name) <= 76;
}

int containerd_take_namespaces(void *ctx, const ProtobufCMessage *m, struct err *e)
{
	struct containerd_lists *lists = ctx;
	const Containerd__ListNamespacesResponse *list =
		(const Containerd__ListNamespacesResponse *)m;
	for (size_t i = 0; i < list->n_namespaces; i++) {
		const char *name;
		int r = cri_id(&lists->arena, &list->namespaces[i]->name, "a namespace", &name, e);
		if (r < 0)
			return r;
		if (strcmp(name, lists->space) == 0)
			continue;
		if (!containerd_is_namespace(name))
			return err_set(e, EBADMSG, "a namespace has no proper name");
		if (lists->n_namespaces == ELEMENTS(lists->namespaces))
			return err_set(e, E2BIG, "more than %zu other namespaces",
				       ELEMENTS(lists->namespaces));
		lists->namespaces[lists->n_namespaces++] = name;
	}
	return 0;
}

/* Remembers the snapshotter; false when there are too many. */
static bool note_snapshotter(struct containerd_lists *lists, const char *name)
{
	for (size_t i = 0; i < lists->n_snapshotters; i++)
		if (strcmp(lists->snapshotters[i], name) == 0)
			return true;
	if (lists->n_snapshotters == ELEMENTS(lists->snapshotters))
		return false;
	lists->snapshotters[lists->n_snapshotters++] = arena_strdup(&lists->arena, name);
	return true;
}

/* "containerd.io/gc.ref.snapshot.overlayfs", perhaps with "/anything" behind it. */
static int refer_to_snapshot(struct containerd_lists *lists, int from, const char *label,
			     const char *target, struct err *e)
{
	cleanup_free char *snapshotter = xstrdup(label + strlen(GC_SNAPSHOT));
	snapshotter[strcspn(snapshotter, "/")] = '\0';
	int to = layer_tree_node(lists->tree, snapshotter, target, e);
	if (to < 0)
		return to;
	if (!*snapshotter || !note_snapshotter(lists, snapshotter))
		layer_tree_set_unknown(lists->tree, to);
	return layer_tree_refer(lists->tree, from, to, e);
}

/* "containerd.io/gc.ref.content", alone or with ".l.0" or "/anything" behind it. */
static int refer_to_content(struct containerd_lists *lists, int from, const char *label,
			    const char *target, struct err *e)
{
	char behind = label[strlen(GC_CONTENT)];
	if (behind != '\0' && behind != '.' && behind != '/')
		return 0;
	int to = layer_tree_node(lists->tree, "", target, e);
	return to < 0 ? to : layer_tree_refer(lists->tree, from, to, e);
}

/* The labels that containerd's garbage collection follows; all others are left alone. */
static int take_labels(struct containerd_lists *lists, int node, Containerd__Label *const *labels,
		       size_t n, struct err *e)
{
	cleanup_arena struct arena scratch = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const Containerd__Label *label = labels[i];
		if (begins(&label->key, GC_ROOT) && label->key.len == strlen(GC_ROOT))
			layer_tree_hold(lists->tree, node);
		bool snapshot = begins(&label->key, GC_SNAPSHOT);
		if (!snapshot && !begins(&label->key, GC_CONTENT))
			continue;
		const char *key, *value;
		r = cri_id(&scratch, &label->key, "a label", &key, e);
		if (r == 0)
			r = cri_id(&scratch, &label->value, "a label's value", &value, e);
		if (r == 0)
			r = snapshot ? refer_to_snapshot(lists, node, key, value, e)
				     : refer_to_content(lists, node, key, value, e);
	}
	return r;
}

static int take_blob(struct containerd_lists *lists, const Containerd__ContentInfo *info,
		     struct err *e)
{
	cleanup_arena struct arena scratch = { 0 };
	const char *digest;
	int r = cri_id(&scratch, &info->digest, "a digest", &digest, e);
	if (r < 0)
		return r;
	if (info->size < 0 || info->size > MAX_SIZE)
		return err_set(e, EBADMSG, "a blob's size is not believable");
	int node = layer_tree_node(lists->tree, "", digest, e);
	if (node < 0)
		return node;
	uint64_t blocks = ((uint64_t)info->size + BLOCK - 1) / BLOCK;
	layer_tree_set_size(lists->tree, node, blocks * BLOCK, 1);
	return take_labels(lists, node, info->labels, info->n_labels, e);
}

int containerd_take_content(void *ctx, const ProtobufCMessage *m, struct err *e)
{
	const Containerd__ListContentResponse *list = (const Containerd__ListContentResponse *)m;
	int r = 0;
	for (size_t i = 0; r == 0 && i < list->n_info; i++)
		r = take_blob(ctx, list->info[i], e);
	return r;
}

int containerd_take_foreign_content(void *ctx, const ProtobufCMessage *m, struct err *e)
{
	struct containerd_lists *lists = ctx;
	const Containerd__ListContentResponse *list = (const Containerd__ListContentResponse *)m;
	cleanup_arena struct arena scratch = { 0 };
	for (size_t i = 0; i < list->n_info; i++) {
		const char *digest;
		int r = cri_id(&scratch, &list->info[i]->digest, "a digest", &digest, e);
		if (r < 0)
			return r;
		layer_tree_hold_blob(lists->tree, digest);
	}
	return 0;
}

static void note_snapshot(struct containerd_lists *lists, const char *name, int node)
{
	if (lists->n_snapshots == lists->room_snapshots) {
		lists->room_snapshots = lists->room_snapshots ? 2 * lists->room_snapshots : 64;
		lists->snapshots = xreallocarray(lists->snapshots, lists->room_snapshots,
						 sizeof(*lists->snapshots));
	}
	lists->snapshots[lists->n_snapshots++] =
		(struct containerd_snapshot){ lists->snapshotter, name, node };
}

static int take_snapshot(struct containerd_lists *lists, const Containerd__SnapshotInfo *info,
			 struct err *e)
{
	const char *name, *parent;
	int r = cri_id(&lists->arena, &info->name, "a snapshot's name", &name, e);
	if (r == 0)
		r = cri_text(&lists->arena, &info->parent, "a snapshot's parent", &parent, e);
	if (r < 0)
		return r;
	int node = layer_tree_node(lists->tree, lists->snapshotter, name, e);
	if (node < 0)
		return node;
	layer_tree_set_unknown(lists->tree, node);
	/* Containers have active ones, and views: they hold what they stand on. */
	if (info->kind == COMMITTED)
		note_snapshot(lists, name, node);
	else
		layer_tree_hold(lists->tree, node);
	if (*parent) {
		int to = layer_tree_node(lists->tree, lists->snapshotter, parent, e);
		r = to < 0 ? to : layer_tree_refer(lists->tree, node, to, e);
	}
	return r < 0 ? r : take_labels(lists, node, info->labels, info->n_labels, e);
}

int containerd_take_snapshots(void *ctx, const ProtobufCMessage *m, struct err *e)
{
	const Containerd__ListSnapshotsResponse *list =
		(const Containerd__ListSnapshotsResponse *)m;
	int r = 0;
	for (size_t i = 0; r == 0 && i < list->n_info; i++)
		r = take_snapshot(ctx, list->info[i], e);
	return r;
}

int containerd_take_images(void *ctx, const ProtobufCMessage *m, struct err *e)
{
	struct containerd_lists *lists = ctx;
	const Containerd__ListImagesResponse *list = (const Containerd__ListImagesResponse *)m;
	cleanup_arena struct arena scratch = { 0 };
	for (size_t i = 0; i < list->n_images; i++) {
		const Containerd__Image *image = list->images[i];
		const char *name, *digest;
		if (!image->target)
			return err_set(e, EBADMSG, "an image has no target");
		int r = cri_id(&scratch, &image->name, "an image's name", &name, e);
		if (r == 0)
			r = cri_id(&scratch, &image->target->digest, "a digest", &digest, e);
		int target = r < 0 ? r : layer_tree_node(lists->tree, "", digest, e);
		r = target < 0 ? target : layer_tree_name(lists->tree, name, target, e);
		if (r < 0)
			return r;
	}
	return 0;
}
