/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "core/forecast.h"
#include "core/lead.h"
#include "core/pressure.h"
#include "core/reclaim.h"
#include "core/status.h"
#include "node/mountinfo.h"
#include "pass-node.h"

/*
 * Writes facts into the status snapshot. The daemon and the command line, when no daemon answers,
 * fill it with the same functions. Main thread only.
 */

/* Version, start time, mode and reload state. */
void node_status_init(struct status *s, const struct config *config);

/* Where role lives, as the host calls it: "" when it has no path (yet), or one that does not fit. root is
 * where the host's root directory is in this process, see util/rooted.h. */
void node_status_path(const struct config *config, const char *root, enum fs_role role,
		      const char *image_store_path, char *ret, size_t size);

/* A good sample: space, mount (NULL: unchanged). */
void node_status_sampled(struct status_filesystem *f, const struct space *space,
			 const struct mount *mount, int64_t wall);
/* The thresholds of image garbage collection as amounts of that filesystem. */
void node_status_thresholds(struct status_filesystem *f, const struct image_gc_policy *policy);
/* The thresholds of eviction as amounts of that filesystem, and every pressure on it. */
void node_status_pressure(struct status_filesystem *f, enum fs_role role,
			  const struct pressure *pressure);
/* Which roles are on the device of the images, as they were sampled last. */
void node_status_with_images(const struct status_filesystem filesystems[_ROLE_MAX],
			     bool ret[_ROLE_MAX]);
/* Where the kubelet acts on that filesystem in that role, for comparison. */
void node_status_kubelet(struct status_filesystem *f, enum fs_role role,
			 const struct kubelet_limits *kubelet);
/*
 * What is wrong with the thresholds of both sides, and who goes first; gc is our policy as it is in
 * effect. Nothing changes while a filesystem was not looked at yet: what it shares is not known then.
 */
void node_status_findings(struct status *s, const struct config *config,
			  const struct image_gc_policy *gc, const struct kubelet_limits *kubelet);
/* How it fills; reclaimable is what could be freed on it, in whatever role. */
void node_status_forecast(struct status_filesystem *f, const struct forecast *forecast,
			  uint64_t reclaimable);
/* The runtimes as they were listed last, with that result; e: why none was. */
void node_status_runtimes(struct status_runtimes *ret, const struct pass_node *node,
			  const struct config *config, int result, const struct err *e);
void node_status_observation(struct status *s, const struct observation *o);
/* Counts a finished pass. A dry run only becomes the last pass: it removed nothing. */
void node_status_pass(struct status *s, enum fs_role role, const struct pass_report *report,
		      int64_t wall);

/* Copies text, cut between two characters where it does not fit. */
void node_status_text(char ret[STATUS_TEXT_MAX], const char *text);
