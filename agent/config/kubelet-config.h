/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/alloc.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * What the kubelet of this node goes by as far as disks are concerned: its configuration file,
 * drop-ins and flags put together and filled up with defaults as the kubelet 1.36 does it. Only the
 * structure, percentages and durations are looked at; signals and their values stay text.
 */

/* evictionHard and the like: signal -> value, in the order in which they were written. */
struct kubelet_pair {
	const char *signal, *value;
};

struct kubelet_map {
	struct kubelet_pair *pairs;
	size_t n_pairs;
	size_t n_allocated;
	const char *origin; /* file or flag that changed it last; NULL: as the defaults have it */
};

enum kubelet_number {
	KUBELET_GC_HIGH_PERCENT,
	KUBELET_GC_LOW_PERCENT,
	KUBELET_GC_MINIMUM_AGE,	   /* usec_t */
	KUBELET_GC_MAXIMUM_AGE,	   /* usec_t; 0: none */
	KUBELET_TRANSITION_PERIOD, /* usec_t */
	_KUBELET_NUMBER_MAX,
};

/* Everything is owned by the arena and immutable once loaded. */
struct kubelet_config {
	int64_t numbers[_KUBELET_NUMBER_MAX];
	const char *origins[_KUBELET_NUMBER_MAX]; /* of the numbers, as in struct kubelet_map */
	struct kubelet_map eviction_hard, eviction_soft;
	struct kubelet_map eviction_soft_grace_period; /* signal -> Go duration */
	struct kubelet_map eviction_minimum_reclaim;
	const char *root_directory; /* --root-dir; NULL: not known */
	pid_t pid;		    /* of the running kubelet whose flags count; 0: none does */
	const char **files;	    /* that were read, in their order; without the root's prefix */
	size_t n_files;
	struct arena arena;
};

struct kubelet_source {
	/*
	 * "auto": what the running kubelet was started with, else files at well-known places.
	 * "no": nothing. Else the absolute path of a file, or of a directory of drop-ins.
	 */
	const char *setting;
	const char *root; /* prefix of host paths; "" or NULL: none */
};

/*
 * Reads it all. Returns 0 and a configuration that the caller releases; -ENOENT when there is no
 * kubelet to know of (auto found nothing, or no), and for nothing else; -EINVAL for content that is
 * wrong or a file that was named and is not there; other negative errnos for files that cannot be
 * read. Messages begin with the file, or the flag, and name line or key. Any thread, but one that
 * may wait for a disk.
 */
must_check int kubelet_config_load(const struct kubelet_source *source, struct kubelet_config **ret,
				   struct err *e);

/* Takes NULL; returns NULL. */
struct kubelet_config *kubelet_config_free(struct kubelet_config *c);

static inline void kubelet_config_freep(struct kubelet_config **c)
{
	(void)kubelet_config_free(*c);
}
#define cleanup_kubelet_config __attribute__((__cleanup__(kubelet_config_freep)))
