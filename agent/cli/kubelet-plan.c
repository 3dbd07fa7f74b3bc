/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/inventory.h"
#include "cli/show.h"
#include "cli/sim-policy.h"
#include "core/threshold.h"
#include "core/use.h"
#include "sim/scenario-inventory.h"
#include "util/json-write.h"
#include "util/limits.h"
#include "util/log.h"

/*
 * plan --as kubelet: what the kubelet would do in this moment, in the form of our plan. It has its own
 * thresholds where ours are as we ship them.
 */

static int kubelet_thresholds(const struct config *config, struct sim_policy *policy, struct err *e)
{
	cleanup_config struct config *ours = config_defaults();
	bool as_shipped = config->image_gc_high_percent[RESOURCE_BYTES] ==
				  ours->image_gc_high_percent[RESOURCE_BYTES] &&
			  config->image_gc_low_percent[RESOURCE_BYTES] ==
				  ours->image_gc_low_percent[RESOURCE_BYTES];
	int r = sim_policy_from_config(config, ACTOR_KUBELET, policy, e);
	if (r < 0 || !as_shipped)
		return r;
	policy->gc.high_percent[RESOURCE_BYTES] = SIM_KUBELET_HIGH_PERCENT;
	policy->gc.low_percent[RESOURCE_BYTES] = SIM_KUBELET_LOW_PERCENT;
	return 0;
}

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

static void print_pass(struct json_writer *w, const struct replay *r, const struct space *before,
		       const char *runtime)
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
	print_removed(w, r);
	print_kept(w, r);
	json_object_end(w);
	json_array_end(w);
	json_object_end(w);
}

static int show(const struct cli_options *o, const struct replay *r, const struct space *before,
		const char *runtime)
{
	cleanup_document struct document d = DOCUMENT_INIT;
	struct json_writer w = { .out = &d.text };
	struct err e = { 0 };
	print_pass(&w, r, before, runtime);
	(void)buf_putc(&d.text, '\n');
	if (json_parse(buf_string(&d.text), d.text.len, &d.json, &e) < 0) {
		log_error("%s", e.msg);
		return CLI_IMPOSSIBLE;
	}
	if (o->json)
		return show_json(&d);
	const cJSON *pass;
	cJSON_ArrayForEach(pass, show_member(d.json, "passes")) show_pass(pass, true);
	return CLI_DONE;
}

int cli_kubelet_plan(const struct cli_options *o)
{
	cleanup_config struct config *config = NULL;
	cleanup_scenario struct scenario *s = NULL;
	char runtime[128];
	int code = inventory_take(o, &config, &s, runtime);
	if (code != CLI_DONE)
		return code;
	struct sim_policy policy;
	struct replay replay;
	struct space before;
	struct err e = { 0 };
	if (kubelet_thresholds(config, &policy, &e) < 0) {
		log_error("%s", e.msg);
		return CLI_IMPOSSIBLE;
	}
	/* One turn of all its periods. */
	scenario_add_event(s, EVENT_END, 1);
	replay_init(&replay, s, &policy);
	node_space(&replay.node, node_image_device(&replay.node), &before);
	if (sim_replay(&replay, ACTOR_KUBELET, &e) == 0) {
		code = show(o, &replay, &before, runtime);
	} else {
		log_error("%s", e.msg);
		code = CLI_IMPOSSIBLE;
	}
	replay_done(&replay);
	return code;
}
