/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "config/config.h"
#include "core/inventory.h"
#include "core/usage.h"
#include "core/use.h"
#include "runtime/runtime.h"
#include "util/alloc.h"
#include "util/err.h"

/* One container runtime of the node, and the usage history of its images. Belongs to one thread. */
struct node_runtime {
	char *section;	       /* of the configuration: NAME of [runtime NAME], "" without one */
	char *endpoint, *type; /* as configured there */
	usec_t timeout;
	bool found;		 /* endpoint auto: on a well-known socket, and known from then on */
	struct runtime *runtime; /* NULL while it is not reached */
	/* As it told when it was reached last; "" before. */
	char name[64], version[128], address[PATH_MAX];
	char store
		[PATH_MAX]; /* where its images are, as the host calls it; "" when it does not tell */
	struct err error;   /* why it could not be listed; code 0: it could */
	struct runtime_statistics statistics; /* of a handle that is gone */
	bool elsewhere; /* its images are on another filesystem than those of the first one */

	struct usage_history history;
	struct container_news news; /* heard of, and not in the history yet */
	bool history_loaded, history_changed;
	usec_t history_saved_at;
	struct err history_error; /* why it could not be read or kept; code 0: it could */
};

/* One of that section, not reached yet. */
void node_runtime_init(struct node_runtime *r, const struct runtime_config *section);
void node_runtime_done(struct node_runtime *r);
/* Whether it is what that section still asks for. */
bool node_runtime_matches(const struct node_runtime *r, const struct runtime_config *section);

/* Takes a handle over that was opened for it. */
void node_runtime_reached(struct node_runtime *r, struct runtime *runtime);
/* Reaches a named endpoint, or a found one again, unless it is reached. */
must_check int node_runtime_connect(struct node_runtime *r, const char *root, struct err *e);
/* Takes note of an error: a runtime that cannot be reached is looked for anew, as it may come back as
 * another version. Returns code, a negative errno. */
int node_runtime_failed(struct node_runtime *r, int code);

/* Takes what was heard of its containers, which is empty afterwards: the next inventory resolves it. */
void node_runtime_hear(struct node_runtime *r, struct container_news *news);
/* Notes an inventory and what was heard in the history, which is read from the state directory before
 * that if it was not yet; use has one entry per image. Predictions that the history knows better
 * are corrected in inv. */
void node_runtime_observe(struct node_runtime *r, const char *state_directory,
			  struct inventory *inv, const struct image_use *use);
/* Keeps the history when images came, went or changed their use, and every few minutes; always when now
 * is set. When that fails it lives on in memory, and history_error tells. */
void node_runtime_save(struct node_runtime *r, const char *state_directory, bool now);
