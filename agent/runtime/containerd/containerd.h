/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/inventory.h"
#include "transport/request.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * What containerd's own API, on the socket where it speaks CRI, tells about the disk: which blobs
 * and unpacked layers images hold, what these take, and what several images share. Measured on ext4
 * the sums are what statvfs shows after a removal, to the byte and inode; on xfs and btrfs, where
 * inodes take room of their own, some 500 bytes an inode less.
 *
 * Not counted: leases (a pull in progress holds what it has got so far) and the labels gc.bref.*.
 */
struct containerd;

/* The namespace in which the kubelet's images are. */
#define CONTAINERD_NAMESPACE "k8s.io"

/* client and space, the namespace that the images are in, stay the caller's and have to outlive it. All
 * calls of one inventory together take no longer than timeout. Never NULL. */
struct containerd *containerd_new(struct request_client *client, const char *space, usec_t timeout);
/* Takes NULL, returns NULL. */
struct containerd *containerd_free(struct containerd *c);

/*
 * Sets the layers of an inventory that has its images, and of images whose layers are all known the
 * predictions; those of all others stay. On failure the inventory is as it was; errors are those of
 * containerd_call(). After a call that got no answer in time it is not tried again for some minutes
 * (-EAGAIN). 0 with a message in e: only some snapshots' sizes could be had, the others may come
 * next time. As long as images and containers stay the same, nothing is asked for a minute: with
 * 200 images in the store that is all but half a millisecond of the 10 to 30 that it takes.
 */
must_check int containerd_layers(struct containerd *c, struct inventory *inv, struct err *e);

/* Where a snapshotter has its data, a path that the caller frees. Errors are those of containerd_call(), and
 * -ENOENT when it does not say. */
must_check int containerd_snapshotter_root(struct containerd *c, const char *snapshotter,
					   char **ret, struct err *e);
