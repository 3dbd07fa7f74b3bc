/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "runtime/containerd/layer-tree.h"
#include "util/alloc.h"
#include "util/arena.h"
#include "util/err.h"

/* A snapshot that does not change any more, so that its usage is worth asking for. */
struct containerd_snapshot {
	const char *snapshotter, *name;
	int node;
};

/* What containerd's lists say, gathered message by message. Zero-initialise all but tree and space. */
struct containerd_lists {
	struct layer_tree *tree;
	const char *space; /* the namespace that is asked about */
	struct arena arena;
	const char *namespaces[16]; /* all but the one that is asked about */
	size_t n_namespaces;
	const char *snapshotters[8]; /* that labels refer to */
	size_t n_snapshotters;
	const char *snapshotter; /* whose snapshots are listed just now */
	struct containerd_snapshot *snapshots;
	size_t n_snapshots, room_snapshots;
};

void containerd_lists_done(struct containerd_lists *lists);
#define cleanup_containerd_lists __attribute__((cleanup(containerd_lists_done)))

/* Whether it can be a namespace's name. */
bool containerd_is_namespace(const char *name);

/*
 * Each takes one message of the list that it is named after, as containerd_on_answer; ctx is a
 * struct containerd_lists. 0, -EBADMSG (malformed), -E2BIG (a cap).
 */
must_check int containerd_take_namespaces(void *ctx, const ProtobufCMessage *m, struct err *e);
must_check int containerd_take_content(void *ctx, const ProtobufCMessage *m, struct err *e);
/* Content of another namespace: what both have stays when this one lets go. Comes after the own. */
must_check int containerd_take_foreign_content(void *ctx, const ProtobufCMessage *m, struct err *e);
must_check int containerd_take_snapshots(void *ctx, const ProtobufCMessage *m, struct err *e);
must_check int containerd_take_images(void *ctx, const ProtobufCMessage *m, struct err *e);
