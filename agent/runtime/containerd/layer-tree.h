/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inventory.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * Who holds what in a store like containerd's: images name a blob, blobs refer to blobs and to
 * snapshots, snapshots stand on a parent. What an image reaches it holds, as the store's own
 * garbage collection sees it. Pure: filled from lists, in any order, then applied to an inventory.
 * References to what is not there (a platform that was never fetched) and cycles are allowed.
 *
 * Whatever adds returns 0 or a node, or -E2BIG when there is more than N_MAX_LAYER_NODES of them or
 * N_MAX_LAYER_REFERENCES between them. Texts are copied.
 */
struct layer_tree;

/* An empty tree; never NULL. */
struct layer_tree *layer_tree_new(void);
/* Takes NULL, returns NULL. */
struct layer_tree *layer_tree_free(struct layer_tree *t);

static inline void cleanup_layer_treep(struct layer_tree **t)
{
	*t = layer_tree_free(*t);
}
#define cleanup_layer_tree __attribute__((cleanup(cleanup_layer_treep)))

/* The node of a blob or of a snapshot, which need not be there yet. kind is "" for blobs, for
 * snapshots the name of their snapshotter. */
must_check int layer_tree_node(struct layer_tree *t, const char *kind, const char *key,
			       struct err *e);
/* It is there, and takes that much on the disk by itself. */
void layer_tree_set_size(struct layer_tree *t, int node, uint64_t bytes, uint64_t inodes);
/* It is there, but how much it takes is not known (yet): images that hold it get no layers. */
void layer_tree_set_unknown(struct layer_tree *t, int node);
/* Who holds from holds to as well. */
must_check int layer_tree_refer(struct layer_tree *t, int from, int to, struct err *e);
/* Something that is no image holds it, and what it refers to. */
void layer_tree_hold(struct layer_tree *t, int node);
/* Another namespace has that blob too: it alone is held, if it is known here at all. */
void layer_tree_hold_blob(struct layer_tree *t, const char *digest);
/* An image of that name consists of that blob and what it refers to. */
must_check int layer_tree_name(struct layer_tree *t, const char *name, int target, struct err *e);

/*
 * Sets the layers of inv and of those images whose parts are all known. A name belongs to the
 * image that has it as a name, digest or ID; any other to the one image whose ID (its
 * configuration's digest) it reaches. Names of no image hold as all others do, that is as one
 * holder. -E2BIG: it would take too long; inv is untouched then.
 */
must_check int layer_tree_apply(struct layer_tree *t, struct inventory *inv, struct err *e);

/* After layer_tree_apply(): whether all images got layers, and all are unpacked. Those that are not
 * are about to be. */
bool layer_tree_complete(const struct layer_tree *t);
