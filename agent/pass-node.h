/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "config/config.h"
#include "core/inventory.h"
#include "core/plan.h"
#include "core/schedule.h"
#include "core/use.h"
#include "node-runtime.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/limits.h"

/*
 * What the agent knows about the node beyond one pass: its container runtimes. Those whose images are on
 * one filesystem are looked at together: one plan, one order of removal.
 */

/* Belongs to one thread. */
struct pass_node {
	char *root; /* prefix of host paths, "" for none */
	struct node_runtime runtimes[N_MAX_RUNTIMES];
	size_t n_runtimes;
};

/* What the runtimes list that could be reached, of images on the image filesystem. */
struct node_listing {
	struct inventory *inventories[N_MAX_RUNTIMES];
	struct node_runtime *runtimes[N_MAX_RUNTIMES]; /* whose they are */
	struct image_use *use[N_MAX_RUNTIMES];	       /* one entry per image */
	size_t n;
	char store[PATH_MAX]; /* a directory on that filesystem, as this process can reach it */
	char host_store[PATH_MAX]; /* as the host calls it */
};

/* What is observed without removing anything. */
struct observation {
	char image_store_path[PATH_MAX];   /* as the host calls it */
	uint64_t images[_KEEP_REASON_MAX]; /* by state */
	struct schedule_facts facts;
};

void pass_node_init(struct pass_node *node, const char *root);
void pass_node_done(struct pass_node *node);

/* Takes what was heard of containers of the runtime at that endpoint, which is empty afterwards: the next
 * inventory resolves it. What is of no runtime is dropped. */
void pass_node_hear(struct pass_node *node, const char *endpoint, struct container_news *news);

/*
 * Lists everything, of every runtime that is configured or found, with what is in use noted in the
 * histories. Succeeds when one runtime could be listed; of the others node->runtimes[].error tells.
 * -ENOENT: there is none on this host. Runtimes that share one store protect each other's images,
 * which the first of them lists for all. Release *ret with node_listing_done().
 */
must_check int pass_node_list(struct pass_node *node, const struct config *config,
			      struct node_listing *ret, struct err *e);
void node_listing_done(struct node_listing *listing);
#define cleanup_node_listing __attribute__((__cleanup__(node_listing_done)))
/* One plan of all that is listed. */
void node_listing_plan(const struct node_listing *listing, const struct image_gc_policy *policy,
		       struct plan *ret);
/* Containers in every state, fresh, of a listed runtime and of those that share its store, into an
 * inventory as runtime_containers() takes it. */
must_check int node_listing_containers(const struct node_listing *listing,
				       const struct pass_node *node, size_t index,
				       struct inventory *into, struct err *e);

/* Lists everything, and says what a pass would find. */
must_check int pass_observe(struct pass_node *node, const struct config *config,
			    const struct image_gc_policy *policy, struct observation *ret,
			    struct err *e);
/* node_runtime_save() of each. Returns the first error, code 0: none. */
struct err pass_node_save(struct pass_node *node, const struct config *config, bool now);
