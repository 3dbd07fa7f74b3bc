/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* What CRI leaves open and runtimes answer differently: all such knowledge stands here. */
struct cri_flavour {
	const char *runtime_name; /* as Version tells it */
	/* Image.size counts compressed layers, which stay on the disk beside the unpacked ones. */
	bool compressed_sizes;
	/* ImageFsInfo's used_bytes and inodes_used count unpacked layers. CRI-O counts its index of
	 * images only: 32,485 bytes and 23 inodes where 800 MB of layers were stored. */
	bool usage_counts_layers;
	/* It has containerd's own API on the same socket, which knows layers, and tells of containers
	 * without taking anything away from the kubelet. */
	bool has_containerd_api;
};

/* What is known of the runtime of that name; never NULL. */
const struct cri_flavour *cri_flavour_find(const char *runtime_name);

/*
 * Whether an error of RemoveImage with status UNKNOWN says that something uses the image. CRI-O
 * has no status of its own for it: "image used by 1776...: image is in use by a container".
 */
bool cri_flavour_says_in_use(const char *message);
