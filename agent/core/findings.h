/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/eviction-threshold.h"
#include "core/lead.h"
#include "core/policy.h"
#include "core/space.h"

/*
 * What is wrong with the thresholds of a node, ours and the kubelet's, before anything fills it. It
 * depends on the sizes of the filesystems and on both configurations, not on what is available.
 */

/* Names are label values and reasons of events. */
enum finding_kind {
	FINDING_KUBELET_EVICTION_UNSET, /* the kubelet lets this filesystem run full */
	FINDING_KUBELET_ACTS_FIRST,	/* in spite of our lead */
	FINDING_KUBELET_ALWAYS_MET,	/* a threshold of the kubelet's is met by an empty one */
	FINDING_KUBELET_TARGET_UNREACHABLE, /* or cannot be cleared by anything */
	FINDING_THRESHOLD_NEVER_MET,	    /* the same of ours */
	FINDING_THRESHOLD_ALWAYS_MET,
	FINDING_TARGET_UNREACHABLE,
	_FINDING_MAX,
	_FINDING_INVALID = -22,
};
const char *finding_to_string(enum finding_kind k); /* "KubeletDiskEvictionUnset" ... */

struct finding {
	enum finding_kind kind;
	enum fs_role role; /* the first of those that share the filesystem, where it is about all */
	enum resource resource;
	bool images; /* ACTS_FIRST: images are on it, so the agent acts there */
	bool gc;     /* ALWAYS_MET, UNREACHABLE: a percentage of image garbage collection */
	bool gone;   /* NEVER_MET: there is no such filesystem, as opposed to a threshold of 0 */
	/* Amounts available: below which the kubelet acts, and we do (0: never); of a finding about one
	 * threshold or target, below is that. And what there is in all. */
	uint64_t kubelet_below, below, total;
};

/* One of a kind on each filesystem and resource. */
#define FINDINGS_MAX (_FINDING_MAX * _ROLE_MAX * _RESOURCE_MAX)

struct findings {
	struct finding items[FINDINGS_MAX];
	size_t n;
};

/* Both sides on one node. */
struct findings_node {
	const struct kubelet_limits *kubelet;
	const struct image_gc_policy *gc;	    /* ours as it is in effect, see lead_apply() */
	const struct eviction_thresholds *eviction; /* ours */
	const struct space *spaces[_ROLE_MAX];	    /* NULL: not there, or cannot be measured */
	uint64_t devices[_ROLE_MAX];		    /* equal in roles that share a filesystem */
	bool configured[_ROLE_MAX];		    /* the role exists on this node */
};

void findings_find(const struct findings_node *node, struct findings *ret);
/* Whether there is one like it: of the same kind, on the same filesystem and resource. */
bool findings_have(const struct findings *f, const struct finding *one);

#define FINDING_TEXT_MAX 320
/* What it says, with amounts. Returns ret. */
char *finding_text(const struct finding *f, char ret[FINDING_TEXT_MAX]);

/* Who does something about a filesystem that fills, before the other one. */
enum first_actor {
	FIRST_NOBODY,
	FIRST_AGENT,
	FIRST_KUBELET,
	_FIRST_MAX,
	_FIRST_INVALID = -22,
};
const char *first_actor_to_string(enum first_actor a); /* "nobody", "agent", "kubelet" */

/*
 * The kubelet goes first when its earliest threshold, a soft one included, lies ahead of our earliest,
 * for which soft ones do not count: they wait for their grace period. At the same point it is us, who
 * look more often. Where no images are, the agent does nothing.
 */
enum first_actor findings_first(const struct findings_node *node, enum fs_role role,
				enum resource r);
