/* SPDX-License-Identifier: Apache-2.0 */
#include "core/findings.h"

#include "core/threshold.h"

/*
 * The kubelet reckons percentages in 32-bit floats, which puts 15 % of 100 GiB off by 640 bytes. What
 * differs by less than a millionth is the same point.
 */
#define SAME_POINT_SHIFT 20

const char *finding_to_string(enum finding_kind k)
{
	static const char *const names[_FINDING_MAX] = {
		[FINDING_KUBELET_EVICTION_UNSET] = "KubeletDiskEvictionUnset",
		[FINDING_KUBELET_ACTS_FIRST] = "KubeletDiskActsFirst",
		[FINDING_KUBELET_ALWAYS_MET] = "KubeletDiskThresholdAlwaysMet",
		[FINDING_KUBELET_TARGET_UNREACHABLE] = "KubeletDiskTargetUnreachable",
		[FINDING_THRESHOLD_NEVER_MET] = "DiskThresholdNeverMet",
		[FINDING_THRESHOLD_ALWAYS_MET] = "DiskThresholdAlwaysMet",
		[FINDING_TARGET_UNREACHABLE] = "DiskTargetUnreachable",
	};
	return names[k];
}

const char *first_actor_to_string(enum first_actor a)
{
	static const char *const names[_FIRST_MAX] = {
		[FIRST_NOBODY] = "nobody",
		[FIRST_AGENT] = "agent",
		[FIRST_KUBELET] = "kubelet",
	};
	return names[a];
}

bool findings_have(const struct findings *f, const struct finding *one)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].kind == one->kind && f->items[i].role == one->role &&
		    f->items[i].resource == one->resource)
			return true;
	return false;
}

static void add(struct findings *f, const struct finding *one)
{
	if (!findings_have(f, one))
		f->items[f->n++] = *one;
}

/* --- the filesystem ------------------------------------------------------------------------ */

/* One resource of one filesystem, with all the roles that it has. */
struct place {
	const struct findings_node *node;
	enum fs_role role;
	enum resource resource;
	const struct space *space;
	uint64_t total;
	bool roles[_ROLE_MAX];
	bool is_first; /* role is the first of them */
};

/* False: there is nothing to measure. */
static bool place_find(const struct findings_node *node, enum fs_role role, enum resource r,
		       struct place *ret)
{
	const struct space *space = node->spaces[role];
	if (!space || !space_has(space, r))
		return false;
	*ret = (struct place){ .node = node,
			       .role = role,
			       .resource = r,
			       .space = space,
			       .total = space_total(space, r),
			       .is_first = true };
	for (int other = 0; other < _ROLE_MAX; other++) {
		ret->roles[other] =
			node->spaces[other] && node->devices[other] == node->devices[role];
		if (ret->roles[other] && other < (int)role)
			ret->is_first = false;
	}
	return true;
}

static struct finding finding_of(const struct place *p, enum finding_kind kind, uint64_t below)
{
	return (struct finding){ .kind = kind,
				 .role = p->role,
				 .resource = p->resource,
				 .images = p->roles[ROLE_IMAGEFS],
				 .below = below,
				 .total = p->total };
}

/* --- who is first -------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The amount below which our hard thresholds of all roles of the filesystem are met; 0: never. */
static uint64_t hard_below(const struct place *p)
{
	const struct eviction_thresholds *ours = p->node->eviction;
	uint64_t below = 0;
	for (size_t i = 0; i < ours->n; i++) {
		const struct eviction_threshold *t = &ours->items[i];
		if (eviction_signal_resource(t->signal) == p->resource &&
		    p->roles[eviction_signal_role(t->signal)] &&
		    eviction_threshold_level(t) == EVICTION_HARD)
			below = larger(below, eviction_amount(t, p->total, false, ours->float32));
	}
	return below;
}

static uint64_t collection_below(const struct place *p)
{
	uint64_t at;
	if (!threshold_trigger_available(p->total, p->node->gc->high_percent[p->resource], &at))
		return 0;
	return at + 1;
}

/* The amount below which the kubelet's hard thresholds are met; 0: never. */
static uint64_t kubelet_hard_below(const struct place *p)
{
	uint64_t below = 0, amount;
	for (int role = 0; role < _ROLE_MAX; role++)
		if (p->roles[role] && kubelet_limits_eviction(p->node->kubelet, role, p->resource,
							      p->space, false, &amount))
			below = larger(below, amount);
	return below;
}

static uint64_t kubelet_below(const struct place *p)
{
	uint64_t at;
	if (!kubelet_limits_first(p->node->kubelet, p->resource, p->space, p->roles, &at))
		return 0;
	return at + 1;
}

static uint64_t agent_below(const struct place *p)
{
	if (!p->roles[ROLE_IMAGEFS])
		return 0;
	return larger(collection_below(p), hard_below(p));
}

static bool is_behind(const struct place *p, uint64_t ours, uint64_t kubelets)
{
	return kubelets > ours && (ours == 0 || kubelets - ours > p->total >> SAME_POINT_SHIFT);
}

enum first_actor findings_first(const struct findings_node *node, enum fs_role role,
				enum resource r)
{
	struct place p;
	if (!place_find(node, role, r, &p))
		return FIRST_NOBODY;
	uint64_t ours = agent_below(&p);
	if (is_behind(&p, ours, kubelet_below(&p)))
		return FIRST_KUBELET;
	return ours ? FIRST_AGENT : FIRST_NOBODY;
}

/* --- the kubelet --------------------------------------------------------------------------- */

static void find_unset(const struct place *p, struct findings *ret)
{
	uint64_t amount, below = 0;
	for (int role = 0; role < _ROLE_MAX; role++)
		if (p->roles[role] && kubelet_limits_eviction(p->node->kubelet, role, p->resource,
							      p->space, true, &amount))
			below = larger(below, amount);
	if (below > 0)
		return;
	struct finding f = finding_of(p, FINDING_KUBELET_EVICTION_UNSET, 0);
	add(ret, &f);
}

/* Of an always met threshold there is nothing to be ahead of. Without images our hard threshold only
 * tells, which is to be before the kubelet evicts. */
static void find_behind(const struct place *p, struct findings *ret)
{
	bool images = p->roles[ROLE_IMAGEFS];
	uint64_t ours = images ? agent_below(p) : hard_below(p);
	uint64_t kubelets = images ? kubelet_below(p) : kubelet_hard_below(p);
	if (!is_behind(p, ours, kubelets) || kubelets >= p->total || (!images && ours == 0))
		return;
	struct finding f = finding_of(p, FINDING_KUBELET_ACTS_FIRST, ours);
	f.kubelet_below = kubelets;
	add(ret, &f);
}

/* --- thresholds that make no sense --------------------------------------------------------- */

/* What a filesystem that nothing is written to yet would not satisfy, nothing does. target is no less
 * than below. */
static void find_impossible(const struct place *p, bool kubelets, bool gc, uint64_t below,
			    uint64_t target, struct findings *ret)
{
	enum finding_kind always =
		kubelets ? FINDING_KUBELET_ALWAYS_MET : FINDING_THRESHOLD_ALWAYS_MET;
	enum finding_kind unreachable =
		kubelets ? FINDING_KUBELET_TARGET_UNREACHABLE : FINDING_TARGET_UNREACHABLE;
	if (target < p->total)
		return;
	struct finding f = finding_of(p, below >= p->total ? always : unreachable,
				      below >= p->total ? below : target);
	f.gc = gc;
	add(ret, &f);
}

static void find_in_eviction(const struct place *p, const struct eviction_thresholds *thresholds,
			     bool kubelets, struct findings *ret)
{
	for (int by = 0; by < _EVICTION_LEVEL_MAX; by++) {
		const struct eviction_threshold *t =
			eviction_find(thresholds, eviction_signal_of(p->role, p->resource), by);
		if (!t)
			continue;
		uint64_t below = eviction_amount(t, p->total, false, thresholds->float32);
		uint64_t clear = eviction_amount(t, p->total, true, thresholds->float32);
		find_impossible(p, kubelets, false, below, clear, ret);
		if (below > 0 || kubelets)
			continue;
		struct finding f = finding_of(p, FINDING_THRESHOLD_NEVER_MET, 0);
		add(ret, &f);
	}
}

static void find_in_collection(const struct place *p, struct findings *ret)
{
	const struct findings_node *node = p->node;
	uint64_t below = collection_below(p), at;
	if (below > 0)
		find_impossible(
			p, false, true, below,
			threshold_target_available(p->total, node->gc->low_percent[p->resource]),
			ret);
	if (kubelet_limits_gc(node->kubelet, p->resource, p->space, &at))
		find_impossible(p, true, true, at + 1,
				threshold_target_available(p->total, node->kubelet->gc_low_percent),
				ret);
}

/* Ours for a role that the node does not have. That is known once the images were found. */
static void find_gone(const struct findings_node *node, enum fs_role role, enum resource r,
		      struct findings *ret)
{
	enum eviction_signal signal = eviction_signal_of(role, r);
	if (node->configured[role] || !node->spaces[ROLE_IMAGEFS] ||
	    (!eviction_find(node->eviction, signal, EVICTION_HARD) &&
	     !eviction_find(node->eviction, signal, EVICTION_SOFT)))
		return;
	struct finding f = {
		.kind = FINDING_THRESHOLD_NEVER_MET, .role = role, .resource = r, .gone = true
	};
	add(ret, &f);
}

static void find_in_place(const struct place *p, struct findings *ret)
{
	const struct kubelet_limits *kubelet = p->node->kubelet;
	bool images_elsewhere = !p->roles[ROLE_IMAGEFS];
	if (kubelet->known && p->is_first)
		find_unset(p, ret);
	/* told of imagefs, where the agent acts on it */
	if (p->role == ROLE_IMAGEFS || (images_elsewhere && p->is_first))
		find_behind(p, ret);
	if (p->role == ROLE_IMAGEFS)
		find_in_collection(p, ret);
	find_in_eviction(p, p->node->eviction, false, ret);
	/* what it has for containerfs, it overwrites */
	if (kubelet->known && p->role != ROLE_CONTAINERFS)
		find_in_eviction(p, &kubelet->eviction, true, ret);
}

void findings_find(const struct findings_node *node, struct findings *ret)
{
	ret->n = 0;
	for (int role = 0; role < _ROLE_MAX; role++) {
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			struct place p;
			find_gone(node, role, r, ret);
			if (place_find(node, role, r, &p))
				find_in_place(&p, ret);
		}
	}
}
