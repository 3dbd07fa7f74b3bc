/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/alloc.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * The kubelet's image garbage collection, after pkg/kubelet/images/image_gc_manager.go of Kubernetes
 * 1.36: what it would remove by its own rules. Times are nanoseconds, as there.
 */

/* Go's zero time: never, unknown; earlier than every other. */
#define KUBELET_NEVER INT64_MIN

struct kubelet_policy {
	int64_t high_percent, low_percent;
	int64_t minimum_age, maximum_age; /* maximum 0: off */
	bool handler_keys;		  /* the feature gate RuntimeClassInImageCriAPI */
};

/* What it asks the runtime for. */
struct kubelet_image {
	const char *id;
	const char *handler; /* of the runtime, "" when not told */
	uint64_t size;
	bool pinned;
};

struct kubelet_container {
	const char *image_id;
	const char *handler;
	const char *const *mounts; /* IDs of images mounted as volumes */
	size_t n_mounts;
};

struct kubelet_facts {
	const struct kubelet_image *images;
	size_t n_images;
	const struct kubelet_container *containers;
	size_t n_containers;
};

struct kubelet_ops {
	/* Lists both. Valid until the next call. */
	int (*list)(void *ctx, struct kubelet_facts *ret);
	int (*remove)(void *ctx, const char *id, const char *reason);
	/* The image filesystem. */
	int (*stats)(void *ctx, int64_t *ret_capacity, int64_t *ret_available);
};

/* What it remembers of an image. */
struct kubelet_record {
	char *key; /* the ID, or "ID,HANDLER" */
	char *id;
	char *handler;
	int64_t first_detected, last_used;
	int64_t size;
	bool pinned;
	bool in_use, listed; /* at the last detection */
};

/* Zero-initialised, but for the pointers, is a kubelet that has just started. */
struct kubelet {
	const struct kubelet_policy *policy;
	const struct kubelet_ops *ops;
	void *ctx;
	struct kubelet_record *records; /* sorted by key */
	size_t n_records;
	char event[512]; /* the last Warning, "" for none: "FreeDiskSpaceFailed ..." */
};

/* Images that may go, in order: copies of records, the keys being the kubelet's own. */
struct kubelet_candidates {
	struct kubelet_record *records;
	size_t n_records;
	struct arena arena; /* of their texts */
};

/* Forgets everything, as a restart does. */
void kubelet_forget(struct kubelet *k);

/* All return 0, or -EIO after a call of the ops failed or too little was freed. */
int kubelet_detect(struct kubelet *k, int64_t detect_time, int64_t now);
/* What it knows of an image that it has detected, from before. */
void kubelet_remember(struct kubelet *k, const char *key, int64_t first_detected,
		      int64_t last_used);
/* *ret is the caller's, with kubelet_candidates_done(). */
int kubelet_eviction_order(struct kubelet *k, int64_t free_time, int64_t now,
			   struct kubelet_candidates *ret);
void kubelet_candidates_done(struct kubelet_candidates *c);
/* Removes those unused for longer than the maximum age from the node and from c. */
int kubelet_free_old(struct kubelet *k, struct kubelet_candidates *c, int64_t free_time,
		     int64_t began);
/* Frees so much, going by nominal sizes. */
int kubelet_free_space(struct kubelet *k, struct kubelet_candidates *c, int64_t bytes,
		       int64_t free_time, int64_t *ret_freed);
/* What eviction does. */
int kubelet_delete_unused(struct kubelet *k, int64_t now);
/* A whole cycle; began: when the first one began. */
int kubelet_garbage_collect(struct kubelet *k, int64_t now, int64_t began);

/* Whether usage calls for space to be freed, and how much. */
bool kubelet_needs_space(const struct kubelet_policy *p, int64_t capacity, int64_t available,
			 int64_t *ret_usage, int64_t *ret_amount);

/* The checks of the manager, and those of the configuration: -EINVAL with the kubelet's words. */
must_check int kubelet_policy_check(const struct kubelet_policy *p, struct err *e);
must_check int kubelet_config_check(const struct kubelet_policy *p, struct err *e);
