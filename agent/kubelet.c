/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet.h"

#include <errno.h>

#include "config/kubelet-config.h"
#include "config/kubelet-values.h"
#include "core/eviction-parse.h"
#include "node-status.h"
#include "util/json-read.h"
#include "util/limits.h"

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

static void describe_source(const struct kubelet_config *c, char ret[STATUS_TEXT_MAX])
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_CONFIG_FILE);
	for (size_t i = 0; i < c->n_files; i++)
		(void)buf_printf(&text, "%s%s", i ? ", " : "", c->files[i]);
	if (c->pid)
		(void)buf_printf(&text, "%sthe flags of process %d", text.len ? ", " : "",
				 (int)c->pid);
	node_status_text(ret, buf_string(&text));
}

static struct image_gc_policy collection_of(const struct kubelet_config *c)
{
	struct image_gc_policy gc = {
		.high_percent = { [RESOURCE_INODES] = 101 },
		.minimum_age = (usec_t)c->numbers[KUBELET_GC_MINIMUM_AGE],
		.maximum_age = (usec_t)c->numbers[KUBELET_GC_MAXIMUM_AGE],
	};
	int high = (int)c->numbers[KUBELET_GC_HIGH_PERCENT];
	/* 100 without a maximum age: the kubelet's loop does not even start */
	gc.high_percent[RESOURCE_BYTES] = high == 100 && gc.maximum_age == 0 ? 101 : high;
	gc.low_percent[RESOURCE_BYTES] = (int)c->numbers[KUBELET_GC_LOW_PERCENT];
	return gc;
}

static int rules_of(const struct kubelet_config *c, bool found, struct kubelet_rules *ret,
		    struct err *e)
{
	struct kubelet_rules rules = { .found = found, .gc = collection_of(c) };
	int r = parse(c, &rules.eviction.thresholds, e);
	if (r < 0)
		return r;
	rules.eviction.transition_period = (usec_t)c->numbers[KUBELET_TRANSITION_PERIOD];
	if (found)
		describe_source(c, rules.source);
	*ret = rules;
	return 0;
}

/* What holds with an empty configuration file. */
static int default_rules(struct kubelet_rules *ret, struct err *e)
{
	cleanup_json cJSON *empty = cJSON_CreateObject();
	cleanup_kubelet_config struct kubelet_config *c = kubelet_values_new();
	int r = kubelet_values_file(c, empty, "the kubelet's defaults", e);
	return r < 0 ? r : rules_of(c, false, ret, e);
}

int kubelet_rules_read(const struct config *config, const char *root, struct kubelet_rules *ret,
		       struct err *e)
{
	struct kubelet_source source = { .setting = config->kubelet_config, .root = root };
	cleanup_kubelet_config struct kubelet_config *c = NULL;
	int r = kubelet_config_load(&source, &c, e);
	if (r == -ENOENT)
		return default_rules(ret, e);
	return r < 0 ? r : rules_of(c, true, ret, e);
}

int kubelet_limits_read(const struct config *config, const char *root, struct kubelet_limits *ret,
			struct err *e)
{
	struct kubelet_rules rules;
	int r = kubelet_rules_read(config, root, &rules, e);
	if (r < 0)
		return r;
	*ret = (struct kubelet_limits){ .known = rules.found };
	if (!rules.found)
		return 0;
	ret->gc_high_percent = rules.gc.high_percent[RESOURCE_BYTES];
	ret->gc_low_percent = rules.gc.low_percent[RESOURCE_BYTES];
	ret->eviction = rules.eviction.thresholds;
	return 0;
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
