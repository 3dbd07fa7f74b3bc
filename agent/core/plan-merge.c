/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/plan.h"
#include "util/alloc.h"

/* Whether a is to be removed before b; each is the first of its plan that is left. */
static bool goes_first(const struct verdict *a, const struct verdict *b,
		       const struct image_gc_policy *policy)
{
	bool by_gain = policy->order == ORDER_FEWEST_REMOVALS && !a->over_age && !b->over_age;
	uint64_t x = a->predicted[policy->scarce], y = b->predicted[policy->scarce];
	if (by_gain && x != y)
		return x > y;
	return verdict_compare(a, b) < 0;
}

/* The plan whose next candidate is to go next; n when none has one. */
static size_t next_source(const struct plan *plans, size_t n, const size_t *taken,
			  const struct image_gc_policy *policy)
{
	size_t best = n;
	for (size_t i = 0; i < n; i++) {
		if (taken[i] == plans[i].n_candidates)
			continue;
		if (best == n || goes_first(&plans[i].verdicts[taken[i]],
					    &plans[best].verdicts[taken[best]], policy))
			best = i;
	}
	return best;
}

static void append(struct plan *p, const struct verdict *v, size_t source)
{
	struct verdict *copy = &p->verdicts[p->n_verdicts++];
	*copy = *v;
	copy->source = source;
}

static usec_t earlier(usec_t a, usec_t b)
{
	return a < b ? a : b;
}

static void add_sums(struct plan *p, const struct plan *from)
{
	p->n_candidates += from->n_candidates;
	p->n_over_age += from->n_over_age;
	p->next_eligible = earlier(p->next_eligible, from->next_eligible);
	p->next_over_age = earlier(p->next_over_age, from->next_over_age);
	for (int r = 0; r < _RESOURCE_MAX; r++)
		p->reclaimable[r] = amount_add(p->reclaimable[r], from->reclaimable[r]);
}

void plan_merge(struct plan *plans, size_t n, const struct image_gc_policy *policy,
		struct plan *ret)
{
	struct plan merged = { .next_eligible = USEC_INFINITY, .next_over_age = USEC_INFINITY };
	cleanup_free size_t *taken = xcalloc(n, sizeof(*taken));
	size_t n_verdicts = 0, i;
	for (i = 0; i < n; i++) {
		n_verdicts += plans[i].n_verdicts;
		add_sums(&merged, &plans[i]);
	}
	merged.verdicts = xcalloc(n_verdicts, sizeof(*merged.verdicts));
	while ((i = next_source(plans, n, taken, policy)) < n)
		append(&merged, &plans[i].verdicts[taken[i]++], i);
	for (i = 0; i < n; i++) {
		for (size_t k = plans[i].n_candidates; k < plans[i].n_verdicts; k++)
			append(&merged, &plans[i].verdicts[k], i);
		arena_take(&merged.arena, &plans[i].arena);
		plan_done(&plans[i]);
	}
	*ret = merged;
}
