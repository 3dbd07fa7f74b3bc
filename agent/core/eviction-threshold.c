/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eviction-threshold.h"

enum eviction_level eviction_threshold_level(const struct eviction_threshold *t)
{
	return t->grace > 0 ? EVICTION_SOFT : EVICTION_HARD;
}

const struct eviction_threshold *eviction_find(const struct eviction_thresholds *thresholds,
					       enum eviction_signal signal,
					       enum eviction_level set_by)
{
	for (size_t i = 0; i < thresholds->n; i++) {
		const struct eviction_threshold *t = &thresholds->items[i];
		if (t->signal == signal && t->set_by == set_by)
			return t;
	}
	return NULL;
}

static struct quantity value_of(const struct eviction_value *v, uint64_t total, bool float32)
{
	if (!v->is_percentage)
		return v->quantity;
	return quantity_from_amount(percentage_of(&v->percentage, total, float32),
				    QUANTITY_BINARY_SI);
}

/* Rounded up: exact where nothing is added to it. */
static uint64_t amount_of(const struct eviction_value *v, uint64_t total, bool float32)
{
	return v->is_percentage ? percentage_of(&v->percentage, total, float32)
				: quantity_ceil(&v->quantity);
}

static bool is_nothing(const struct eviction_value *v)
{
	return !v->is_percentage && quantity_sign(&v->quantity) == 0;
}

uint64_t eviction_amount(const struct eviction_threshold *t, uint64_t total, bool with_min_reclaim,
			 bool float32)
{
	/* less than nothing: the kubelet has the smallest int64 of it, whatever is added */
	if (t->value.is_percentage && t->value.percentage.kind == PERCENTAGE_NAN)
		return 0;
	if (!with_min_reclaim || is_nothing(&t->min_reclaim))
		return amount_of(&t->value, total, float32);
	struct quantity amount = value_of(&t->value, total, float32);
	struct quantity more = value_of(&t->min_reclaim, total, float32);
	/* the sum is exact: half a byte and half a byte are one */
	if (quantity_add(&amount, &more, &amount) < 0)
		return UINT64_MAX;
	return quantity_ceil(&amount);
}

bool eviction_met(const struct eviction_threshold *t, const struct space *s, bool with_min_reclaim,
		  bool float32)
{
	enum resource r = eviction_signal_resource(t->signal);
	if (!s || !space_has(s, r))
		return false;
	return space_available(s, r) <
	       eviction_amount(t, space_total(s, r), with_min_reclaim, float32);
}
