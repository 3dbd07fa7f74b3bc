/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>

#include "config/config.h"
#include "core/reclaim.h"
#include "core/usage.h"
#include "runtime/runtime.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * A pass on the real node: the facts of a runtime and of its image filesystem go through core/, what
 * core/ decides goes back to the runtime. The daemon's reclaim lane and the command line share it.
 */

/* What outlives a pass. Belongs to one thread. */
struct pass_node {
	char *root;		 /* prefix of host paths, "" for none */
	struct runtime *runtime; /* NULL until it was reached */
	char *endpoint;		 /* runtime.endpoint and runtime.timeout that it was opened with */
	usec_t timeout;
	struct usage_history history;
	bool history_loaded, history_changed;
	usec_t history_saved_at;
	struct err history_error; /* why it could not be read or kept, code 0: it could */
};

/* What is observed without removing anything. */
struct observation {
	char image_store_path[4096];	   /* on the host, with the root prefix; "" when unknown */
	uint64_t images[_KEEP_REASON_MAX]; /* by state */
	uint64_t reclaimable[_RESOURCE_MAX];
	size_t n_over_age;
	usec_t next_eligible, next_over_age;
};

struct pass_callbacks {
	/* Set from a signal handler or another thread: end after the removal in flight. May be NULL. */
	const volatile sig_atomic_t *stopping;
	/* Called in the pass's thread after each removal. May be NULL. */
	void (*removed)(void *userdata, const struct pass_report *report,
			const struct removal *removal);
	void *userdata;
};

void pass_node_init(struct pass_node *node, const char *root);
void pass_node_done(struct pass_node *node);

/* Reaches the runtime if it is not reached yet, or another is configured now. -ENOENT: there is none
 * on this host. */
must_check int pass_node_connect(struct pass_node *node, const struct config *config,
				 struct err *e);
/* Lists everything, notes what is in use, and says what a pass would find. */
must_check int pass_observe(struct pass_node *node, const struct config *config,
			    struct observation *ret, struct err *e);
/*
 * One whole pass. report->request is the caller's, the rest is filled; failures are RESULT_ERROR in
 * it. A real pass takes the host-wide lock; request.dry_run leaves the last call out, and the disk
 * is then reckoned on as if the predictions came true.
 */
void pass_run(struct pass_node *node, const struct config *config,
	      const struct pass_callbacks *callbacks, struct pass_report *report);

/*
 * Keeps the usage history in the state directory when images came, went or changed their use, and
 * every few minutes; always when now is set. history_error tells whether that worked; when not, the
 * history lives on in memory.
 */
void pass_node_save(struct pass_node *node, const struct config *config, bool now);

/* CLOCK_MONOTONIC and the real-time clock in microseconds. */
usec_t now_monotonic(void);
int64_t now_wall(void);
