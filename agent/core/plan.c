/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/keep.h"
#include "core/layers.h"
#include "core/newest.h"
#include "core/order.h"
#include "util/alloc.h"

static usec_t last_needed(const struct verdict *v)
{
	return v->last_used > v->first_seen ? v->last_used : v->first_seen;
}

/* The first protection that holds, strongest first; KEEP_NONE leaves the image a candidate. */
static void judge(struct verdict *v, const struct image_use *use,
		  const struct image_gc_policy *policy, usec_t now)
{
	const char *pattern;
	v->by = "";
	if (use->reason != KEEP_NONE) {
		v->keep = use->reason;
		v->by = use->by;
	} else if (v->image->pinned) {
		v->keep = KEEP_PINNED;
	} else if ((pattern = keep_match(v->image, policy->keep, policy->n_keep))) {
		v->keep = KEEP_RULE;
		v->by = pattern;
	} else if (policy->keep_unrecoverable && v->image->n_digests == 0) {
		v->keep = KEEP_UNRECOVERABLE;
	} else if (now - v->first_seen < policy->minimum_age) {
		v->keep = KEEP_TOO_YOUNG;
		v->eligible_at = v->first_seen + policy->minimum_age;
	}
}

static struct verdict verdict_make(const struct image *image, const struct image_use *use,
				   const struct usage_entry *usage,
				   const struct image_gc_policy *policy, usec_t now)
{
	struct verdict v = {
		.image = image,
		.first_seen = usage ? usage->first_seen : now,
		.last_used = usage ? usage->last_used : USEC_NEVER,
		.eligible_at = USEC_NEVER,
	};
	if (usage) {
		v.uses = usage->uses;
		v.gain_known = usage->gain_known;
		memcpy(v.gain, usage->gain, sizeof(v.gain));
	}
	judge(&v, use, policy, now);
	v.over_age = v.keep == KEEP_NONE && policy->maximum_age > 0 &&
		     now - last_needed(&v) > policy->maximum_age;
	return v;
}

static int compare_usec(usec_t a, usec_t b)
{
	return (a > b) - (a < b);
}

int verdict_compare(const void *a, const void *b)
{
	const struct verdict *x = a, *y = b;
	if ((x->keep == KEEP_NONE) != (y->keep == KEEP_NONE))
		return x->keep == KEEP_NONE ? -1 : 1;
	if (x->over_age != y->over_age)
		return x->over_age ? -1 : 1;
	int c = compare_usec(x->last_used, y->last_used);
	if (c == 0)
		c = compare_usec(x->first_seen, y->first_seen);
	return c ? c : strcmp(x->image->id, y->image->id);
}

static int id_compare(const void *a, const void *b)
{
	return strcmp(((const struct verdict *)a)->image->id,
		      ((const struct verdict *)b)->image->id);
}

/* Stronger protection is less; none is most. */
static unsigned weakness(const struct verdict *v)
{
	return (unsigned)v->keep - 1;
}

/* As the inventories of the runtimes are. */
static bool in_order(const struct verdict *verdicts, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (id_compare(&verdicts[i - 1], &verdicts[i]) > 0)
			return false;
	return true;
}

/*
 * A runtime removes by ID. Where it lists an ID more than once (CRI may, one entry for each runtime
 * handler), what protects one entry protects them all. verdicts become sorted by ID.
 */
static void share_protection(struct verdict *verdicts, size_t n)
{
	if (!in_order(verdicts, n))
		qsort(verdicts, n, sizeof(*verdicts), id_compare);
	for (size_t i = 0, end; i < n; i = end) {
		struct verdict strongest = verdicts[i];
		for (end = i + 1; end < n && id_compare(&verdicts[i], &verdicts[end]) == 0; end++)
			if (weakness(&verdicts[end]) < weakness(&strongest))
				strongest = verdicts[end];
		for (size_t k = i; k < end; k++) {
			verdicts[k].keep = strongest.keep;
			verdicts[k].by = strongest.by;
			verdicts[k].eligible_at = strongest.eligible_at;
			verdicts[k].over_age = strongest.over_age;
		}
	}
}

static usec_t over_age_at(const struct verdict *v, const struct image_gc_policy *policy)
{
	return policy->maximum_age > 0 ? last_needed(v) + policy->maximum_age + 1 : USEC_INFINITY;
}

/* Predicts each candidate after those before it, the others alone. */
static void plan_predict(struct plan *p, const struct inventory *inv)
{
	cleanup_free uint32_t *holders = layers_holders(inv);
	for (size_t i = 0; i < p->n_verdicts; i++) {
		struct verdict *v = &p->verdicts[i];
		if (v->keep != KEEP_NONE) {
			v->predicted[RESOURCE_BYTES] = v->image->predicted_bytes;
			v->predicted[RESOURCE_INODES] = v->image->predicted_inodes;
			continue;
		}
		layers_gain(inv, holders, v->image, v->predicted);
		layers_release(holders, v->image);
		for (int r = 0; r < _RESOURCE_MAX; r++)
			p->reclaimable[r] = amount_add(p->reclaimable[r], v->predicted[r]);
	}
}

static void plan_sum(struct plan *p, const struct image_gc_policy *policy)
{
	p->next_eligible = p->next_over_age = USEC_INFINITY;
	for (size_t i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		/* a too-young image is a candidate by then: the maximum age is above the minimum */
		bool ages = v->keep == KEEP_NONE || v->keep == KEEP_TOO_YOUNG;
		if (ages && !v->over_age && over_age_at(v, policy) < p->next_over_age)
			p->next_over_age = over_age_at(v, policy);
		if (v->keep == KEEP_NONE) {
			p->n_candidates++;
			p->n_over_age += v->over_age;
		} else if (v->keep == KEEP_TOO_YOUNG && v->eligible_at < p->next_eligible) {
			p->next_eligible = v->eligible_at;
		}
	}
}

void plan_build(const struct inventory *inv, const struct image_use *use,
		const struct usage_history *history, const struct image_gc_policy *policy,
		usec_t now, struct plan *ret)
{
	struct image_gc_policy effective = *policy;
	if (policy->unless_local_is_ordinary && inv->local_is_ordinary)
		effective.keep_unrecoverable = false;
	*ret = (struct plan){ .n_verdicts = inv->n_images };
	ret->verdicts = xcalloc(inv->n_images, sizeof(*ret->verdicts));
	for (size_t i = 0; i < inv->n_images; i++) {
		const struct image *image = &inv->images[i];
		/* of the same images, as mostly, the history is in the same order */
		const struct usage_entry *usage = usage_find_near(history, image->id, i);
		ret->verdicts[i] = verdict_make(image, &use[i], usage, &effective, now);
	}
	newest_protect(ret->verdicts, ret->n_verdicts, policy->keep_newest, &ret->arena);
	share_protection(ret->verdicts, ret->n_verdicts);
	qsort(ret->verdicts, ret->n_verdicts, sizeof(*ret->verdicts), verdict_compare);
	plan_sum(ret, policy);
	if (policy->order == ORDER_FEWEST_REMOVALS)
		order_by_gain(ret->verdicts + ret->n_over_age, ret->n_candidates - ret->n_over_age,
			      inv, policy->scarce);
	plan_predict(ret, inv);
}

void plan_done(struct plan *p)
{
	free(p->verdicts);
	arena_done(&p->arena);
	*p = (struct plan){ 0 };
}

void plan_count(const struct plan *p, uint64_t ret[_KEEP_REASON_MAX])
{
	memset(ret, 0, _KEEP_REASON_MAX * sizeof(*ret));
	for (size_t i = 0; i < p->n_verdicts; i++)
		if (!p->verdicts[i].removed)
			ret[p->verdicts[i].keep]++;
}
