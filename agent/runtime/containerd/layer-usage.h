/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What committed snapshots take, which never changes, so that each is asked about once. Rounds keep
 * it bounded: what is not added again in a round is forgotten at its end. Zero-initialised is
 * empty.
 */
struct layer_usage {
	struct layer_usage_entry *known; /* sorted */
	size_t n_known;
	struct layer_usage_entry *fresh; /* of the round in progress */
	size_t n_fresh, room;
};

struct layer_usage_entry {
	char *kind, *key; /* as in layer-tree.h */
	uint64_t bytes, inodes;
};

/* What the rounds before found out, or NULL. Valid until the round ends. */
const struct layer_usage_entry *layer_usage_find(const struct layer_usage *u, const char *kind,
						 const char *key);
/* Adds to this round; texts are copied. */
void layer_usage_add(struct layer_usage *u, const char *kind, const char *key, uint64_t bytes,
		     uint64_t inodes);
/* Ends the round: what was added is known, nothing else is. */
void layer_usage_turn(struct layer_usage *u);
/* Drops everything. */
void layer_usage_done(struct layer_usage *u);
