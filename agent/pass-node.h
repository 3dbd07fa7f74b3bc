/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "config/config.h"
#include "core/inventory.h"
#include "core/plan.h"
#include "core/schedule.h"
#include "core/usage.h"
#include "core/use.h"
#include "runtime/runtime.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * What the agent knows about the node beyond one pass: the runtime's handle and the usage history.
 */

/* Belongs to one thread. */
struct pass_node {
	char *root;		 /* prefix of host paths, "" for none */
	struct runtime *runtime; /* NULL until it was reached */
	char *endpoint, *type;	 /* of [runtime], and its timeout, that it was opened with */
	usec_t timeout;
	struct usage_history history;
	struct container_news news; /* heard of, and not in the history yet */
	bool history_loaded, history_changed;
	usec_t history_saved_at;
	struct err history_error; /* why it could not be read or kept, code 0: it could */
};

/* What is observed without removing anything. */
struct observation {
	char image_store_path[4096];	   /* as the host calls it */
	uint64_t images[_KEEP_REASON_MAX]; /* by state */
	struct schedule_facts facts;
};

void pass_node_init(struct pass_node *node, const char *root);
void pass_node_done(struct pass_node *node);

/* Reaches the runtime if it is not reached yet, or another is configured now. -ENOENT: there is none
 * on this host. */
must_check int pass_node_connect(struct pass_node *node, const struct config *config,
				 struct err *e);
/* Takes note of an error of the runtime: one that cannot be reached is looked for anew, as it may come
 * back as another version or on another socket. Returns r. */
int pass_node_failed(struct pass_node *node, int r);
/* Takes what was heard of containers, which is empty afterwards: the next inventory resolves it. */
void pass_node_hear(struct pass_node *node, struct container_news *news);
/* Lists everything, with what is in use and what was heard of noted in the history. *ret is an
 * inventory and *ret_use an array with one entry per image, both the caller's to free. */
must_check int pass_node_inventory(struct pass_node *node, const struct config *config,
				   struct inventory **ret, struct image_use **ret_use,
				   struct err *e);
/* Where the images live, as this process can reach it: the configuration's word, else the runtime's. */
must_check int pass_node_store(const struct pass_node *node, const struct config *config,
			       const struct inventory *inv, char ret[PATH_MAX], struct err *e);
/* Lists everything, and says what a pass would find. */
must_check int pass_observe(struct pass_node *node, const struct config *config,
			    const struct image_gc_policy *policy, struct observation *ret,
			    struct err *e);
/*
 * Keeps the usage history in the state directory when images came, went or changed their use, and
 * every few minutes; always when now is set. history_error tells whether that worked; when not, the
 * history lives on in memory.
 */
void pass_node_save(struct pass_node *node, const struct config *config, bool now);
