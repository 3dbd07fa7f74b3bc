/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "config/config.h"
#include "core/reclaim.h"
#include "pass-node.h"

/*
 * A pass on the real node: the facts of a runtime and of its image filesystem go through core/, what
 * core/ decides goes back to the runtime. The daemon's reclaim lane and the command line share it.
 */

struct pass_callbacks {
	/* Set from another thread: end after the removal in flight. May be NULL. */
	const atomic_bool *stopping;
	/* Called in the pass's thread after each removal. May be NULL. */
	void (*removed)(void *userdata, const struct pass_report *report,
			const struct removal *removal);
	void *userdata;
};

/*
 * One whole pass. report->request is the caller's, the rest is filled; failures are RESULT_ERROR in
 * it. A real pass takes the host-wide lock; request.dry_run leaves the last call out, and the disk
 * is then reckoned on as if the predictions came true.
 */
void pass_run(struct pass_node *node, const struct config *config,
	      const struct image_gc_policy *policy, const struct pass_callbacks *callbacks,
	      struct pass_report *report);
