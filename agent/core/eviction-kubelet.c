/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eviction-kubelet.h"

#include <errno.h>

static struct eviction_threshold *find_level(struct eviction_thresholds *thresholds,
					     enum eviction_signal signal, enum eviction_level level)
{
	struct eviction_threshold *found = NULL;
	for (size_t i = 0; i < thresholds->n; i++) {
		struct eviction_threshold *t = &thresholds->items[i];
		if (t->signal == signal && eviction_threshold_level(t) == level)
			found = t;
	}
	return found;
}

static bool is_containerfs(const struct eviction_threshold *t)
{
	return t->signal == EVICTION_CONTAINERFS_AVAILABLE ||
	       t->signal == EVICTION_CONTAINERFS_INODES_FREE;
}

static bool drop_containerfs(struct eviction_thresholds *thresholds, struct err *e)
{
	size_t n = 0;
	bool found = false;
	for (size_t i = 0; i < thresholds->n; i++) {
		struct eviction_threshold *t = &thresholds->items[i];
		if (!is_containerfs(t)) {
			thresholds->items[n++] = *t;
			continue;
		}
		/* of several messages the last one survives, as in the kubelet */
		found = true;
		(void)err_set(e, EEXIST, "found %s for %s eviction. ignoring",
			      eviction_signal_to_string(t->signal),
			      eviction_threshold_level(t) == EVICTION_HARD ? "hard" : "soft");
	}
	thresholds->n = n;
	return found;
}

bool eviction_derive_containerfs(struct eviction_thresholds *thresholds,
				 struct eviction_layout layout, struct err *e)
{
	if (layout.split && !layout.dedicated_imagefs)
		return false;
	enum fs_role role = layout.dedicated_imagefs && !layout.split ? ROLE_IMAGEFS : ROLE_NODEFS;
	bool found = drop_containerfs(thresholds, e);
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		for (int level = 0; level < _EVICTION_LEVEL_MAX; level++) {
			const struct eviction_threshold *source =
				find_level(thresholds, eviction_signal_of(role, r), level);
			if (!source)
				continue;
			struct eviction_threshold t = *source;
			t.signal = eviction_signal_of(ROLE_CONTAINERFS, r);
			thresholds->items[thresholds->n++] = t;
		}
	}
	return found;
}

struct eviction_reclaim eviction_reclaims(enum fs_role role, struct eviction_layout layout)
{
	struct eviction_reclaim both = { .containers = true, .images = true };
	if (!layout.dedicated_imagefs)
		return both;
	if (layout.split)
		return (struct eviction_reclaim){ .containers = role != ROLE_IMAGEFS,
						  .images = role == ROLE_IMAGEFS };
	return role == ROLE_NODEFS ? (struct eviction_reclaim){ 0 } : both;
}

bool eviction_satisfied(const struct eviction_thresholds *thresholds,
			const struct space *const spaces[_ROLE_MAX])
{
	for (size_t i = 0; i < thresholds->n; i++) {
		const struct eviction_threshold *t = &thresholds->items[i];
		if (eviction_signal_is_disk(t->signal) &&
		    eviction_met(t, spaces[eviction_signal_role(t->signal)], true,
				 thresholds->float32))
			return false;
	}
	return true;
}
