/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "core/lead.h"
#include "core/status.h"
#include "util/alloc.h"
#include "util/err.h"

/* What the node's kubelet goes by, and what that makes of our own thresholds. */

/*
 * Reads the kubelet's configuration as [kubelet] config says. 0 with *ret, also when there is no
 * kubelet (known is false then); negative when it is there and cannot be read or understood. Waits
 * for the disk: not in the main thread of the daemon.
 */
must_check int kubelet_limits_read(const struct config *config, const char *root,
				   struct kubelet_limits *ret, struct err *e);
/* All that the kubelet goes by where disks are concerned. */
struct kubelet_rules {
	bool found; /* false: there is no kubelet on this node, these are its defaults */
	char source
		[STATUS_TEXT_MAX]; /* the files, and the process whose flags count; "" for none */
	struct image_gc_policy gc;
	struct eviction_policy eviction;
};
/* As kubelet_limits_read(), but the kubelet's defaults when there is none. */
must_check int kubelet_rules_read(const struct config *config, const char *root,
				  struct kubelet_rules *ret, struct err *e);
/* The configured policy, kept ahead of the kubelet on the image filesystem as it was sampled last. Points
 * into config. */
struct image_gc_policy effective_policy(const struct config *config,
					const struct kubelet_limits *kubelet,
					const struct status_filesystem filesystems[_ROLE_MAX]);
