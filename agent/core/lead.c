/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lead.h"

#include "core/threshold.h"

bool kubelet_limits_gc(const struct kubelet_limits *k, enum resource r, const struct space *space,
		       uint64_t *ret)
{
	return k->known && r == RESOURCE_BYTES &&
	       threshold_trigger_available(space_total(space, r), k->gc_high_percent, ret);
}

bool kubelet_limits_eviction(const struct kubelet_limits *k, enum fs_role role, enum resource r,
			     const struct space *space, bool soft, uint64_t *ret)
{
	uint64_t total = space_total(space, r);
	bool found = false;
	if (!k->known || total == 0)
		return false;
	for (int by = soft ? EVICTION_SOFT : EVICTION_HARD; by < _EVICTION_LEVEL_MAX; by++) {
		const struct eviction_threshold *t =
			eviction_find(&k->eviction, eviction_signal_of(role, r), by);
		if (!t)
			continue;
		uint64_t amount = eviction_amount(t, total, false, k->eviction.float32);
		*ret = found && *ret > amount ? *ret : amount;
		found = true;
	}
	return found;
}

bool kubelet_limits_first(const struct kubelet_limits *k, enum resource r,
			  const struct space *space, const bool roles[_ROLE_MAX], uint64_t *ret)
{
	bool found = roles[ROLE_IMAGEFS] && kubelet_limits_gc(k, r, space, ret);
	for (int role = 0; role < _ROLE_MAX; role++) {
		uint64_t amount = 0;
		if (!roles[role] || !kubelet_limits_eviction(k, role, r, space, true, &amount) ||
		    amount == 0)
			continue;
		if (!found || amount - 1 > *ret)
			*ret = amount - 1;
		found = true;
	}
	return found;
}

/* usage at which this much is still available; the agent then acts there or earlier */
static int percent_at(uint64_t available, uint64_t total)
{
	if (available >= total)
		return 0;
	return 100 - (int)((unsigned __int128)available * 100 / total);
}

static void stay_ahead(struct image_gc_policy *policy, enum resource r, int percent)
{
	/* 0 would start a pass at any usage */
	int high = percent > 1 ? percent : 1;
	int gap = policy->high_percent[r] - policy->low_percent[r];
	if (policy->high_percent[r] > 100 || high >= policy->high_percent[r])
		return;
	policy->high_percent[r] = high;
	policy->low_percent[r] = high > gap ? high - gap : 0;
}

void lead_apply(struct image_gc_policy *policy, const struct kubelet_limits *k,
		const struct space *space, const bool shared[_ROLE_MAX], int lead_percent)
{
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		uint64_t total = space_total(space, r), available;
		if (!kubelet_limits_first(k, r, space, shared, &available))
			continue;
		uint64_t lead = (uint64_t)((unsigned __int128)total * (unsigned)lead_percent / 100);
		stay_ahead(policy, r, percent_at(amount_add(available, lead), total));
	}
}
