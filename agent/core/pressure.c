/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pressure.h"

#include "core/threshold.h"

bool pressure_step(struct pressure *p, const struct image_gc_policy *policy,
		   const struct space *space)
{
	bool any = false;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		uint64_t trigger;
		bool active = threshold_trigger_available(space_total(space, r),
							  policy->high_percent[r], &trigger) &&
			      space_available(space, r) <= trigger;
		p->transitions[r] += active != p->active[r];
		p->active[r] = active;
		any = any || active;
	}
	return any;
}
