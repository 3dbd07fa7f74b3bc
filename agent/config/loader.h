/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * Fills a configuration step by step and remembers where each key came from, so that an error in
 * the end can say so. What a step changed before it failed stays: load into a fresh configuration.
 * All errors are as config_load() describes them.
 */
struct loader {
	struct config *config; /* the caller's */
	struct origin *origins;
	unsigned source; /* counts files, from 1 */
	unsigned step;	 /* counts keys that were set */
};

struct loader loader_for(struct config *config);
void loader_done(struct loader *l);
#define cleanup_loader __attribute__((__cleanup__(loader_done)))

/* One file. Its path is added to the configuration's list. */
must_check int loader_file(struct loader *l, const char *path, struct err *e);
/* The drop-ins that belong to the file of that path. */
must_check int loader_dropins(struct loader *l, const char *path, struct err *e);
/* SECTION.KEY=VALUE. */
must_check int loader_override(struct loader *l, const char *text, struct err *e);
/* One key by its name in whatever section, from a place that where tells. */
must_check int loader_set(struct loader *l, const char *name, const char *value, const char *where,
			  struct err *e);
/* What concerns several keys; the message names the one that was set last. */
must_check int loader_validate(const struct loader *l, struct err *e);
/* The texts of section [eviction] by our own grammar; sets the thresholds that they make. */
must_check int loader_validate_eviction(const struct loader *l, struct err *e);
