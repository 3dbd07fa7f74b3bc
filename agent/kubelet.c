/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet.h"

#include <errno.h>

#include "config/kubelet-config.h"
#include "core/eviction-parse.h"
#include "node-status.h"

static struct eviction_map map_of(const struct kubelet_map *map, struct eviction_entry *entries)
{
	size_t n = 0;
	for (; n < map->n_pairs && n < EVICTION_MAX_ENTRIES; n++)
		entries[n] = (struct eviction_entry){ map->pairs[n].signal, map->pairs[n].value };
	return (struct eviction_map){ .entries = entries, .n = n };
}

static int parse(const struct kubelet_config *c, struct eviction_thresholds *ret, struct err *e)
{
	struct eviction_entry hard[EVICTION_MAX_ENTRIES], soft[EVICTION_MAX_ENTRIES];
	struct eviction_entry grace[EVICTION_MAX_ENTRIES], reclaim[EVICTION_MAX_ENTRIES];
	struct eviction_settings settings = {
		.hard = map_of(&c->eviction_hard, hard),
		.soft = map_of(&c->eviction_soft, soft),
		.soft_grace_period = map_of(&c->eviction_soft_grace_period, grace),
		.minimum_reclaim = map_of(&c->eviction_minimum_reclaim, reclaim),
	};
	int r = eviction_parse(&settings, EVICTION_KUBELET, ret, e);
	if (r < 0)
		(void)err_prefix(e, "%s: ", c->n_files ? c->files[0] : "the kubelet's flags");
	return r;
}

int kubelet_limits_read(const struct config *config, const char *root, struct kubelet_limits *ret,
			struct err *e)
{
	struct kubelet_source source = { .setting = config->kubelet_config, .root = root };
	cleanup_kubelet_config struct kubelet_config *c = NULL;
	struct kubelet_limits limits = { .known = true };
	int r = kubelet_config_load(&source, &c, e);
	if (r == -ENOENT) {
		*ret = (struct kubelet_limits){ 0 };
		return 0;
	}
	if (r < 0)
		return r;
	/* 100 without a maximum age: the kubelet's loop does not even start */
	limits.gc_high_percent = (int)c->numbers[KUBELET_GC_HIGH_PERCENT];
	limits.gc_low_percent = (int)c->numbers[KUBELET_GC_LOW_PERCENT];
	if (limits.gc_high_percent == 100 && c->numbers[KUBELET_GC_MAXIMUM_AGE] == 0)
		limits.gc_high_percent = 101;
	r = parse(c, &limits.eviction, e);
	if (r == 0)
		*ret = limits;
	return r;
}

struct image_gc_policy effective_policy(const struct config *config,
					const struct kubelet_limits *kubelet,
					const struct status_filesystem filesystems[_ROLE_MAX])
{
	struct image_gc_policy policy = config_image_gc_policy(config);
	const struct status_filesystem *images = &filesystems[ROLE_IMAGEFS];
	bool shared[_ROLE_MAX];
	if (!images->sampled)
		return policy;
	node_status_with_images(filesystems, shared);
	lead_apply(&policy, kubelet, &images->space, shared, (int)config->kubelet_lead_percent);
	return policy;
}
