/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/inventory.h"
#include "cli/show.h"
#include "cli/sim-policy.h"
#include "cli/table.h"
#include "core/threshold.h"
#include "core/use.h"
#include "kubelet.h"
#include "sim/scenario-inventory.h"
#include "util/json-write.h"
#include "util/limits.h"
#include "util/log.h"

/*
 * plan --as kubelet: what the kubelet of this node would do in this moment, in the form of our plan. Where
 * there is none, its defaults hold.
 */

static void print_image(struct json_writer *w, const struct image *image)
{
	json_string(w, "id", image->id);
	json_array_begin(w, "names");
	for (size_t i = 0; i < image->n_names; i++)
		json_string(w, NULL, image->names[i]);
	json_array_end(w);
	json_u64(w, "sizeBytes", image->size_bytes);
}

static const struct image *image_of(const struct scenario *s, const char *id)
{
	for (size_t i = 0; i < s->n_images; i++)
		if (strcmp(s->images[i].image.id, id) == 0)
			return &s->images[i].image;
	return NULL;
}

static void print_removed(struct json_writer *w, const struct replay *r)
{
	json_array_begin(w, "removed");
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct replay_entry *entry = &r->entries[i];
		if (entry->kind != REPLAY_REMOVAL)
			continue;
		json_object_begin(w, NULL);
		print_image(w, image_of(r->scenario, entry->image));
		json_string(w, "reason", entry->reason);
		json_u64(w, "predictedBytes", entry->amount[RESOURCE_BYTES]);
		json_u64(w, "measuredBytes", 0);
		json_u64(w, "predictedInodes", entry->amount[RESOURCE_INODES]);
		json_u64(w, "measuredInodes", 0);
		json_object_end(w);
	}
	json_array_end(w);
}

/* Why the kubelet leaves an image, as far as it is an image's own doing. */
static enum keep_reason kept_because(const struct replay *r, const struct image *image,
				     const struct image_use *use, usec_t first_seen)
{
	if (use->reason != KEEP_NONE)
		return use->reason;
	if (image->pinned)
		return KEEP_PINNED;
	return -first_seen < r->policy->gc.minimum_age ? KEEP_TOO_YOUNG : KEEP_NOT_NEEDED;
}

static void print_kept(struct json_writer *w, const struct replay *r)
{
	const struct scenario *s = r->scenario;
	json_array_begin(w, "kept");
	for (size_t i = 0; i < s->n_images; i++) {
		const struct image *image = &s->images[i].image;
		struct image_use use;
		if (!node_has(&r->node, i))
			continue;
		use_resolve(image, 1, &r->node.containers, NULL, 0, &use);
		json_object_begin(w, NULL);
		print_image(w, image);
		json_string(w, "reason",
			    keep_reason_to_string(
				    kept_because(r, image, &use, s->images[i].first_seen)));
		json_string(w, "detail", *use.by ? use.by : "");
		json_object_end(w);
	}
	json_array_end(w);
}

static const char *result_of(const struct replay *r, uint64_t target, const struct space *after)
{
	bool triggered = replay_above(r, PRESSURE_GC) > 0 || r->n_removed > 0;
	if (!triggered)
		return pass_result_to_string(RESULT_NOTHING_TO_DO);
	if (after->avail_bytes >= target)
		return pass_result_to_string(RESULT_REACHED);
	return pass_result_to_string(r->n_removed ? RESULT_PARTIAL : RESULT_FUTILE);
}

/* What it goes by, and where that comes from. */
static void print_rules(struct json_writer *w, const struct kubelet_rules *rules)
{
	char age[HUMAN_MAX];
	json_object_begin(w, "kubelet");
	json_string(w, "source", rules->found ? rules->source : NULL);
	/* above 100 is our word for a collection that does not run */
	json_i64(w, "imageGCHighThresholdPercent",
		 rules->gc.high_percent[RESOURCE_BYTES] > 100
			 ? 100
			 : rules->gc.high_percent[RESOURCE_BYTES]);
	json_i64(w, "imageGCLowThresholdPercent", rules->gc.low_percent[RESOURCE_BYTES]);
	json_string(w, "imageMinimumGCAge", human_go_duration(rules->gc.minimum_age, age));
	json_string(w, "imageMaximumGCAge", human_go_duration(rules->gc.maximum_age, age));
	json_object_end(w);
}

/* The signal for which a pod would go after all, or NULL. */
static const char *evicts_for(const struct replay *r)
{
	for (size_t i = 0; i < r->n_entries; i++)
		if (r->entries[i].kind == REPLAY_EVICTION)
			return r->entries[i].reason;
	return NULL;
}

static void print_pass(struct json_writer *w, const struct replay *r, const struct space *before,
		       const struct kubelet_rules *rules, const char *runtime)
{
	struct space after;
	node_space(&r->node, node_image_device(&r->node), &after);
	uint64_t target = threshold_target_available(before->size_bytes,
						     r->policy->gc.low_percent[RESOURCE_BYTES]);
	json_object_begin(w, NULL);
	json_array_begin(w, "passes");
	json_object_begin(w, NULL);
	json_string(w, "runtime", runtime);
	json_string(w, "as", sim_actor_to_string(ACTOR_KUBELET));
	print_rules(w, rules);
	json_string(w, "filesystem", fs_role_to_string(ROLE_IMAGEFS));
	json_string(w, "trigger", pass_trigger_to_string(TRIGGER_SPACE));
	json_bool(w, "dryRun", true);
	json_string(w, "result", result_of(r, target, &after));
	json_u64(w, "targetBytes", target);
	json_u64(w, "availableBytesBefore", before->avail_bytes);
	json_u64(w, "availableBytesAfter", after.avail_bytes);
	json_u64(w, "predictedBytes", r->freed_bytes);
	json_u64(w, "measuredBytes", 0);
	json_u64(w, "reclaimableBytes", r->freed_bytes);
	json_string(w, "evictsForSignal", evicts_for(r));
	print_removed(w, r);
	print_kept(w, r);
	json_object_end(w);
	json_array_end(w);
	json_object_end(w);
}

static void show_rules(const cJSON *pass)
{
	const cJSON *rules = show_member(pass, "kubelet");
	const char *source = show_string(rules, "source"), *signal;
	(void)printf(
		"by %s%s: images are collected at %llu%% down to %llu%%, when they are older than "
		"%s\n",
		*source ? "the kubelet's configuration, " : "the kubelet's defaults",
		*source ? source : ", as no kubelet was found on this node",
		(unsigned long long)show_u64(rules, "imageGCHighThresholdPercent"),
		(unsigned long long)show_u64(rules, "imageGCLowThresholdPercent"),
		show_string(rules, "imageMinimumGCAge"));
	signal = show_string(pass, "evictsForSignal");
	if (*signal)
		(void)printf("%safter that it would still evict pods, for %s%s\n", style(STYLE_BAD),
			     signal, style(STYLE_PLAIN));
}

static int show(const struct cli_options *o, const struct replay *r, const struct space *before,
		const struct kubelet_rules *rules, const char *runtime)
{
	cleanup_document struct document d = DOCUMENT_INIT;
	struct json_writer w = { .out = &d.text };
	struct err e = { 0 };
	print_pass(&w, r, before, rules, runtime);
	(void)buf_putc(&d.text, '\n');
	if (json_parse(buf_string(&d.text), d.text.len, &d.json, &e) < 0) {
		log_error("%s", e.msg);
		return CLI_IMPOSSIBLE;
	}
	if (o->json)
		return show_json(&d);
	show_make_printable(d.json);
	const cJSON *pass;
	cJSON_ArrayForEach(pass, show_member(d.json, "passes"))
	{
		show_pass(pass, true);
		show_rules(pass);
	}
	return CLI_DONE;
}

int cli_kubelet_plan(const struct cli_options *o)
{
	cleanup_config struct config *config = NULL;
	cleanup_scenario struct scenario *s = NULL;
	char runtime[RUNTIME_TEXT_MAX];
	int code = inventory_take(o, &config, &s, runtime);
	if (code != CLI_DONE)
		return code;
	struct kubelet_rules rules;
	struct replay replay;
	struct space before;
	struct err e = { 0 };
	if (kubelet_rules_read(config, o->root, &rules, &e) < 0) {
		log_error("the kubelet's configuration: %s", e.msg);
		return CLI_IMPOSSIBLE;
	}
	struct sim_policy policy = { .gc = rules.gc, .eviction = rules.eviction };
	sim_policy_keep_disks(&policy.eviction.thresholds);
	/* One turn of all its periods. */
	scenario_add_event(s, EVENT_END, 1);
	replay_init(&replay, s, &policy);
	node_space(&replay.node, node_image_device(&replay.node), &before);
	if (sim_replay(&replay, ACTOR_KUBELET, &e) == 0) {
		code = show(o, &replay, &before, &rules, runtime);
	} else {
		log_error("%s", e.msg);
		code = CLI_IMPOSSIBLE;
	}
	replay_done(&replay);
	return code;
}
