/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/status-json.h"

#include "util/human.h"
#include "util/json-write.h"

/* Text, or null for "". */
static void write_text(struct json_writer *w, const char *key, const char *text)
{
	json_string(w, key, *text ? text : NULL);
}

/* An instant, or null while it has not happened. */
static void write_wall(struct json_writer *w, const char *key, int64_t wall_usec)
{
	char text[HUMAN_MAX];
	json_string(w, key, wall_usec ? human_wall(wall_usec, text) : NULL);
}

static void write_amount(struct json_writer *w, const char *key, bool known, uint64_t value)
{
	if (known)
		json_u64(w, key, value);
	else
		json_null(w, key);
}

static void write_percent(struct json_writer *w, const char *key,
			  const struct status_filesystem *fs, enum resource r)
{
	if (fs->sampled && space_has(&fs->space, r))
		json_i64(w, key, space_used_percent(&fs->space, r));
	else
		json_null(w, key);
}

static void write_space(struct json_writer *w, const struct status_filesystem *fs)
{
	bool inodes = fs->sampled && space_has(&fs->space, RESOURCE_INODES);
	write_amount(w, "sizeBytes", fs->sampled, fs->space.size_bytes);
	write_amount(w, "availableBytes", fs->sampled, fs->space.avail_bytes);
	write_percent(w, "usedPercent", fs, RESOURCE_BYTES);
	write_amount(w, "inodes", inodes, fs->space.inodes);
	write_amount(w, "inodesFree", inodes, fs->space.inodes_free);
	write_percent(w, "inodesUsedPercent", fs, RESOURCE_INODES);
}

static void write_thresholds(struct json_writer *w, const struct status_filesystem *fs)
{
	json_array_begin(w, "thresholds");
	for (int i = 0; i < _RESOURCE_MAX * _LEVEL_MAX; i++) {
		int r = i / _LEVEL_MAX, level = i % _LEVEL_MAX;
		const struct status_threshold *t = &fs->thresholds[r][level];
		if (!t->known)
			continue;
		json_object_begin(w, NULL);
		json_string(w, "resource", resource_to_string(r));
		json_string(w, "level", threshold_level_to_string(level));
		if (t->percent >= 0)
			json_i64(w, "percent", t->percent);
		else
			json_null(w, "percent");
		json_u64(w, "available", t->available);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_pressure(struct json_writer *w, const struct status_filesystem *fs)
{
	json_array_begin(w, "pressure");
	for (int i = 0; i < _RESOURCE_MAX * _PRESSURE_MAX; i++) {
		int r = i / _PRESSURE_MAX, level = i % _PRESSURE_MAX;
		const struct status_pressure *p = &fs->pressure[r][level];
		if (!p->known)
			continue;
		json_object_begin(w, NULL);
		json_string(w, "resource", resource_to_string(r));
		json_string(w, "level", pressure_level_to_string(level));
		json_bool(w, "active", p->active);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_first(struct json_writer *w, const struct status_filesystem *fs)
{
	json_object_begin(w, "actsFirst");
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		bool somebody = fs->sampled && fs->first[r] != FIRST_NOBODY;
		json_string(w, resource_to_string(r),
			    somebody ? first_actor_to_string(fs->first[r]) : NULL);
	}
	json_object_end(w);
}

static void write_filesystem(struct json_writer *w, enum fs_role role,
			     const struct status_filesystem *fs)
{
	json_object_begin(w, NULL);
	json_string(w, "filesystem", fs_role_to_string(role));
	write_text(w, "path", fs->path);
	write_text(w, "device", fs->device);
	write_text(w, "mountpoint", fs->mountpoint);
	write_text(w, "fstype", fs->fstype);
	write_space(w, fs);
	json_bool(w, "stuck", fs->stuck);
	write_text(w, "error", fs->error);
	write_wall(w, "sampledAt", fs->sampled_wall_usec);
	if (fs->sampled)
		json_i64(w, "fillRateBytesPerSecond", fs->fill_rate);
	else
		json_null(w, "fillRateBytesPerSecond");
	/* USEC_INFINITY is null: JSON has no number for it */
	json_seconds(w, "timeToFullSeconds", fs->sampled ? fs->time_to_full : USEC_INFINITY);
	json_seconds(w, "timeToFullAfterReclaimSeconds",
		     fs->sampled ? fs->time_to_full_after_reclaim : USEC_INFINITY);
	json_bool(w, "fillingFast", fs->filling_fast);
	write_thresholds(w, fs);
	write_pressure(w, fs);
	write_first(w, fs);
	write_amount(w, "reclaimableBytes", fs->gc, fs->reclaimable_bytes);
	json_object_end(w);
}

static void write_findings(struct json_writer *w, const struct findings *findings)
{
	json_array_begin(w, "findings");
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *f = &findings->items[i];
		char text[FINDING_TEXT_MAX];
		json_object_begin(w, NULL);
		json_string(w, "finding", finding_to_string(f->kind));
		json_string(w, "filesystem", fs_role_to_string(f->role));
		json_string(w, "resource", resource_to_string(f->resource));
		json_string(w, "text", finding_text(f, text));
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_runtime(struct json_writer *w, const struct status_runtime *r)
{
	json_object_begin(w, NULL);
	write_text(w, "name", r->name);
	write_text(w, "version", r->version);
	write_text(w, "endpoint", r->endpoint);
	json_bool(w, "up", r->up);
	json_bool(w, "elsewhere", r->elsewhere);
	write_text(w, "error", r->error);
	json_object_end(w);
}

static void write_kubernetes(struct json_writer *w, const struct status_kubernetes *k)
{
	if (!k->enabled) {
		json_null(w, "kubernetes");
		return;
	}
	json_object_begin(w, "kubernetes");
	write_text(w, "node", k->node);
	write_text(w, "server", k->server);
	write_text(w, "error", k->error);
	json_object_end(w);
}

static void write_runtimes(struct json_writer *w, const struct status_runtimes *all)
{
	json_array_begin(w, "runtimes");
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].configured)
			write_runtime(w, &all->items[i]);
	json_array_end(w);
}

static void write_images(struct json_writer *w, const struct status *s)
{
	if (!s->images_known) {
		json_null(w, "images");
		return;
	}
	json_object_begin(w, "images");
	for (int r = 0; r < _KEEP_REASON_MAX; r++)
		json_u64(w, keep_reason_to_string(r), s->images[r]);
	json_object_end(w);
}

static void write_last_pass(struct json_writer *w, const struct status_pass *p)
{
	if (!p->known) {
		json_null(w, "lastPass");
		return;
	}
	json_object_begin(w, "lastPass");
	json_string(w, "filesystem", fs_role_to_string(p->filesystem));
	json_string(w, "trigger", pass_trigger_to_string(p->trigger));
	json_string(w, "result", pass_result_to_string(p->result));
	json_bool(w, "dryRun", p->dry_run);
	json_u64(w, "removed", p->removed);
	json_u64(w, "measuredBytes", p->measured[RESOURCE_BYTES]);
	json_u64(w, "measuredInodes", p->measured[RESOURCE_INODES]);
	json_u64(w, "predictedBytes", p->predicted[RESOURCE_BYTES]);
	json_u64(w, "predictedInodes", p->predicted[RESOURCE_INODES]);
	json_seconds(w, "durationSeconds", p->duration);
	write_wall(w, "endedAt", p->ended_wall_usec);
	write_text(w, "error", p->error);
	json_object_end(w);
}

static void write_lanes(struct json_writer *w, const struct status *s)
{
	json_array_begin(w, "lanes");
	for (size_t i = 0; i < s->n_lanes; i++) {
		const struct status_lane *lane = &s->lanes[i];
		json_object_begin(w, NULL);
		json_string(w, "name", lane->name);
		json_bool(w, "busy", lane->busy);
		json_bool(w, "stuck", lane->stuck);
		json_seconds(w, "busySeconds", lane->busy_for);
		json_object_end(w);
	}
	json_array_end(w);
}

void status_json_render(const struct status *s, struct buf *out)
{
	struct json_writer w = { .out = out };
	json_object_begin(&w, NULL);
	json_string(&w, "version", s->version);
	json_bool(&w, "dryRun", s->dry_run);
	write_wall(&w, "startedAt", s->started_wall_usec);
	write_wall(&w, "now", s->now_wall_usec);
	json_array_begin(&w, "filesystems");
	for (int role = 0; role < _ROLE_MAX; role++)
		if (s->filesystems[role].configured)
			write_filesystem(&w, role, &s->filesystems[role]);
	json_array_end(&w);
	write_findings(&w, &s->findings);
	write_runtimes(&w, &s->runtimes);
	write_kubernetes(&w, &s->kubernetes);
	write_images(&w, s);
	write_last_pass(&w, &s->last_pass);
	write_lanes(&w, s);
	json_bool(&w, "configLastReloadSuccessful", s->config_reload_successful);
	json_object_end(&w);
	buf_putc(out, '\n');
}
