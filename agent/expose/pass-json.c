/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/pass-json.h"

#include <stdio.h>

#include "util/human.h"
#include "util/json-write.h"

/* A candidate that was not removed: what ended the pass before it. */
static const char *not_needed_detail(const struct pass_report *report)
{
	switch (report->result) {
	case RESULT_ERROR:
		return "the pass failed before it";
	case RESULT_FUTILE:
		return "removing it would not be enough";
	case RESULT_PARTIAL:
		return report->stopped ? "the pass was stopped before it"
				       : "the pass ended before it";
	default:
		return "the target is met without it";
	}
}

/* Texts for a reason, in front of who or what is behind it, and for when that is not known. */
static const struct {
	const char *with, *without;
} detail_table[_KEEP_REASON_MAX] = {
	[KEEP_IN_USE] = { "container ", "a container uses it" },
	[KEEP_IMAGE_VOLUME] = { "volume of container ", "a container mounts it" },
	[KEEP_SANDBOX] = { "sandbox image ", "sandbox image" },
	[KEEP_PINNED] = { "pinned by the runtime: ", "pinned by the runtime" },
	[KEEP_RULE] = { "keep rule ", "a keep rule matches it" },
	[KEEP_UNRECOVERABLE] = { "no registry digest: ", "has no registry digest to pull it by" },
	[KEEP_NEWEST_OF_REPOSITORY] = { "among the newest of ",
					"among the newest of its repository" },
	[KEEP_CHANGED] = { "came into use during the pass: container ",
			   "the runtime did not remove it" },
};

static void too_young_detail(const struct verdict *v, const struct pass_json_context *ctx,
			     char buf[PASS_DETAIL_MAX])
{
	char ago[HUMAN_MAX], minimum[HUMAN_MAX];
	usec_t age;
	if (__builtin_sub_overflow(ctx->now, v->first_seen, &age))
		age = 0;
	(void)snprintf(buf, PASS_DETAIL_MAX, "first seen %s ago, minimum age %s",
		       human_duration(age, ago), human_go_duration(ctx->minimum_age, minimum));
}

char *pass_keep_detail(const struct pass_report *report, const struct verdict *v,
		       const struct pass_json_context *ctx, char buf[PASS_DETAIL_MAX])
{
	if (v->keep == KEEP_TOO_YOUNG)
		too_young_detail(v, ctx, buf);
	else if (v->keep == KEEP_NONE || v->keep == KEEP_NOT_NEEDED)
		(void)snprintf(buf, PASS_DETAIL_MAX, "%s", not_needed_detail(report));
	else if (v->keep == KEEP_IN_USE && strncmp(v->by, "sha256:", strlen("sha256:")) == 0)
		(void)snprintf(buf, PASS_DETAIL_MAX, "image %s is built on it", v->by);
	else if (*v->by)
		(void)snprintf(buf, PASS_DETAIL_MAX, "%s%s", detail_table[v->keep].with, v->by);
	else
		(void)snprintf(buf, PASS_DETAIL_MAX, "%s", detail_table[v->keep].without);
	return buf;
}

static void write_texts(struct json_writer *w, const char *key, const char *const *texts, size_t n)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < n; i++)
		json_string(w, NULL, texts[i]);
	json_array_end(w);
}

/* An instant of the monotonic clock as a date; null when it never happened. */
static void write_instant(struct json_writer *w, const char *key, usec_t instant,
			  const struct pass_json_context *ctx)
{
	char text[HUMAN_MAX];
	int64_t wall;
	if (instant == USEC_NEVER || __builtin_add_overflow(instant, ctx->wall_offset_usec, &wall))
		json_null(w, key);
	else
		json_string(w, key, human_wall(wall, text));
}

/* What the image's last removal freed; null when it never was removed. */
static void write_gain(struct json_writer *w, const char *key, const struct verdict *v,
		       enum resource r)
{
	if (v->gain_known)
		json_u64(w, key, v->gain[r]);
	else
		json_null(w, key);
}

static void write_image(struct json_writer *w, const struct pass_report *report,
			const struct verdict *v, const struct pass_json_context *ctx)
{
	const struct image *image = v->image;
	json_string(w, "id", image->id);
	if (image->n_names)
		write_texts(w, "names", image->names, image->n_names);
	else
		write_texts(w, "names", image->digests, image->n_digests);
	json_u64(w, "sizeBytes", image->size_bytes);
	write_instant(w, "firstSeen", v->first_seen, ctx);
	write_instant(w, "lastUsed", v->last_used, ctx);
	json_u64(w, "uses", v->uses);
	write_gain(w, "lastMeasuredBytes", v, RESOURCE_BYTES);
	write_gain(w, "lastMeasuredInodes", v, RESOURCE_INODES);
	if (report->n_inventories > 1)
		json_string(w, "runtime", report->inventories[v->source]->runtime);
}

static void write_removed(struct json_writer *w, const struct pass_report *report,
			  const struct pass_json_context *ctx)
{
	json_array_begin(w, "removed");
	for (size_t i = 0; i < report->n_removals; i++) {
		const struct removal *r = &report->removals[i];
		json_object_begin(w, NULL);
		write_image(w, report, &report->plan.verdicts[r->verdict], ctx);
		json_string(w, "reason", remove_reason_to_string(r->reason));
		json_u64(w, "predictedBytes", r->predicted[RESOURCE_BYTES]);
		json_u64(w, "measuredBytes", r->measured[RESOURCE_BYTES]);
		json_u64(w, "predictedInodes", r->predicted[RESOURCE_INODES]);
		json_u64(w, "measuredInodes", r->measured[RESOURCE_INODES]);
		json_seconds(w, "durationSeconds", r->duration);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_kept(struct json_writer *w, const struct pass_report *report,
		       const struct pass_json_context *ctx)
{
	char detail[PASS_DETAIL_MAX];
	json_array_begin(w, "kept");
	for (size_t i = 0; i < report->plan.n_verdicts; i++) {
		const struct verdict *v = &report->plan.verdicts[i];
		enum keep_reason reason = v->keep == KEEP_NONE ? KEEP_NOT_NEEDED : v->keep;
		if (v->removed)
			continue;
		json_object_begin(w, NULL);
		write_image(w, report, v, ctx);
		json_string(w, "reason", keep_reason_to_string(reason));
		json_string(w, "detail", pass_keep_detail(report, v, ctx, detail));
		json_u64(w, "predictedBytes", v->predicted[RESOURCE_BYTES]);
		json_u64(w, "predictedInodes", v->predicted[RESOURCE_INODES]);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_sums(struct json_writer *w, const struct pass_report *report)
{
	json_u64(w, "targetBytes", report->target[RESOURCE_BYTES]);
	json_u64(w, "targetInodes", report->target[RESOURCE_INODES]);
	json_u64(w, "availableBytesBefore", space_available(&report->before, RESOURCE_BYTES));
	json_u64(w, "availableBytesAfter", space_available(&report->after, RESOURCE_BYTES));
	json_u64(w, "availableInodesBefore", space_available(&report->before, RESOURCE_INODES));
	json_u64(w, "availableInodesAfter", space_available(&report->after, RESOURCE_INODES));
	json_u64(w, "predictedBytes", report->predicted[RESOURCE_BYTES]);
	json_u64(w, "measuredBytes", report->measured[RESOURCE_BYTES]);
	json_u64(w, "predictedInodes", report->predicted[RESOURCE_INODES]);
	json_u64(w, "measuredInodes", report->measured[RESOURCE_INODES]);
	json_u64(w, "reclaimableBytes", report->plan.reclaimable[RESOURCE_BYTES]);
	json_u64(w, "reclaimableInodes", report->plan.reclaimable[RESOURCE_INODES]);
	json_seconds(w, "durationSeconds", report->ended - report->started);
}

/* "containerd 1.6.20, docker 20.10.24" */
static void describe_runtimes(const struct pass_report *report, const struct pass_json_context *ctx,
			      struct buf *out)
{
	if (report->n_inventories == 0 && ctx->runtime)
		(void)buf_puts(out, ctx->runtime);
	for (size_t i = 0; i < report->n_inventories; i++)
		(void)buf_printf(out, "%s%s", i ? ", " : "", report->inventories[i]->runtime);
}

static void write_pass(struct json_writer *w, const struct pass_report *report,
		       const struct pass_json_context *ctx)
{
	cleanup_buf struct buf runtimes = BUF_INIT(4096);
	describe_runtimes(report, ctx, &runtimes);
	json_object_begin(w, NULL);
	json_string(w, "runtime", runtimes.len ? buf_string(&runtimes) : NULL);
	json_string(w, "filesystem", fs_role_to_string(ctx->filesystem));
	json_string(w, "trigger", pass_trigger_to_string(report->request.trigger));
	json_bool(w, "dryRun", report->request.dry_run);
	json_string(w, "result", pass_result_to_string(report->result));
	write_sums(w, report);
	if (report->error.code)
		json_string(w, "error", report->error.msg);
	write_removed(w, report, ctx);
	write_kept(w, report, ctx);
	json_object_end(w);
}

void pass_json_render(const struct pass_report *const *reports, size_t n,
		      const struct pass_json_context *contexts, struct buf *out)
{
	struct json_writer w = { .out = out };
	json_object_begin(&w, NULL);
	json_array_begin(&w, "passes");
	for (size_t i = 0; i < n; i++)
		write_pass(&w, reports[i], &contexts[i]);
	json_array_end(&w);
	json_object_end(&w);
	buf_putc(out, '\n');
}
