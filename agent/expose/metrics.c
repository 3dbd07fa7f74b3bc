/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/metrics.h"

#include <stdio.h>
#include <string.h>

#include "expose/exposition.h"
#include "util/alloc.h"

#define LABELS(...) ((const struct exposition_label[]){ __VA_ARGS__, { NULL, NULL } })

/* How a member of a struct becomes a sample. */
enum kind {
	KIND_U64,
	KIND_I64,
	KIND_BOOL,
	KIND_USEC, /* as seconds */
	KIND_WALL, /* as seconds since the epoch; absent while 0: it has not happened */
	KIND_HISTOGRAM,
};

/* What has to be known of a filesystem for it to have the series. */
enum condition {
	WHEN_CONFIGURED,
	WHEN_SAMPLED,
	WHEN_INODES, /* sampled, and it counts inodes */
	WHEN_GC,     /* images live there */
};

struct source {
	const struct status *status;
	const struct process_metrics *process;
};

struct family {
	const char *name; /* without _total */
	enum exposition_type type;
	void (*write)(struct exposition *x, const struct source *source, const struct family *f);
	size_t offset; /* of the member that generic writers read */
	enum kind kind;
	enum condition when;
	const char *target; /* value of a label of that name; NULL: no such label */
	const char *help;
};

static void write_member(struct exposition *x, const struct exposition_label *labels,
			 const void *base, const struct family *f)
{
	const char *member = (const char *)base + f->offset;
	union {
		uint64_t u64;
		int64_t i64;
		bool yes;
		struct histogram histogram;
	} v;
	switch (f->kind) {
	case KIND_U64:
		memcpy(&v.u64, member, sizeof(v.u64));
		exposition_u64(x, labels, v.u64);
		break;
	case KIND_I64:
		memcpy(&v.i64, member, sizeof(v.i64));
		exposition_i64(x, labels, v.i64);
		break;
	case KIND_BOOL:
		memcpy(&v.yes, member, sizeof(v.yes));
		exposition_u64(x, labels, v.yes);
		break;
	case KIND_USEC:
	case KIND_WALL:
		memcpy(&v.i64, member, sizeof(v.i64));
		if (f->kind == KIND_USEC || v.i64 != 0)
			exposition_seconds(x, labels, v.i64);
		break;
	case KIND_HISTOGRAM:
		memcpy(&v.histogram, member, sizeof(v.histogram));
		exposition_histogram(x, labels, &v.histogram);
		break;
	}
}

static void write_status(struct exposition *x, const struct source *source, const struct family *f)
{
	write_member(x, NULL, source->status, f);
}

static void write_process(struct exposition *x, const struct source *source, const struct family *f)
{
	if (source->process)
		write_member(x, NULL, source->process, f);
}

static bool filesystem_has(const struct status_filesystem *fs, enum condition when)
{
	switch (when) {
	case WHEN_CONFIGURED:
		return fs->configured;
	case WHEN_SAMPLED:
		return fs->configured && fs->sampled;
	case WHEN_INODES:
		return fs->configured && fs->sampled && space_has(&fs->space, RESOURCE_INODES);
	case WHEN_GC:
		return fs->configured && fs->gc;
	}
	return false;
}

static void write_filesystem(struct exposition *x, const struct source *source,
			     const struct family *f)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *fs = &source->status->filesystems[role];
		if (filesystem_has(fs, f->when))
			write_member(x,
				     LABELS({ "filesystem", fs_role_to_string(role) },
					    { f->target ? "target" : NULL, f->target }),
				     fs, f);
	}
}

static void write_filesystem_info(struct exposition *x, const struct source *source,
				  const struct family *f)
{
	(void)f;
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *fs = &source->status->filesystems[role];
		if (fs->configured && *fs->mountpoint)
			exposition_u64(x,
				       LABELS({ "filesystem", fs_role_to_string(role) },
					      { "device", fs->device },
					      { "mountpoint", fs->mountpoint },
					      { "fstype", fs->fstype }),
				       1);
	}
}

static void write_thresholds(struct exposition *x, const struct source *source,
			     const struct family *f)
{
	(void)f;
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *fs = &source->status->filesystems[role];
		for (int i = 0; i < _RESOURCE_MAX * _LEVEL_MAX; i++) {
			int r = i / _LEVEL_MAX, level = i % _LEVEL_MAX;
			const struct status_threshold *t = &fs->thresholds[r][level];
			if (fs->configured && t->known)
				exposition_u64(
					x,
					LABELS({ "filesystem", fs_role_to_string(role) },
					       { "resource", resource_to_string(r) },
					       { "level", threshold_level_to_string(level) }),
					t->available);
		}
	}
}

/* pressure and pressure_transitions: offset is within struct status_pressure. */
static void write_pressure(struct exposition *x, const struct source *source,
			   const struct family *f)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *fs = &source->status->filesystems[role];
		for (int i = 0; i < _RESOURCE_MAX * _PRESSURE_MAX; i++) {
			int r = i / _PRESSURE_MAX, level = i % _PRESSURE_MAX;
			const struct status_pressure *p = &fs->pressure[r][level];
			if (fs->configured && p->known)
				write_member(x,
					     LABELS({ "filesystem", fs_role_to_string(role) },
						    { "resource", resource_to_string(r) },
						    { "level", pressure_level_to_string(level) }),
					     p, f);
		}
	}
}

static void write_findings(struct exposition *x, const struct source *source,
			   const struct family *f)
{
	const struct findings *findings = &source->status->findings;
	(void)f;
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *one = &findings->items[i];
		exposition_u64(x,
			       LABELS({ "finding", finding_to_string(one->kind) },
				      { "filesystem", fs_role_to_string(one->role) },
				      { "resource", resource_to_string(one->resource) }),
			       1);
	}
}

static void write_images(struct exposition *x, const struct source *source, const struct family *f)
{
	(void)f;
	for (int r = 0; source->status->images_known && r < _KEEP_REASON_MAX; r++)
		exposition_u64(x, LABELS({ "state", keep_reason_to_string(r) }),
			       source->status->images[r]);
}

/* Removing what is over age has no amount to reach, so it cannot be futile. */
static bool run_can_occur(enum pass_trigger trigger, enum pass_result result)
{
	return trigger != TRIGGER_AGE || result != RESULT_FUTILE;
}

static void write_runs(struct exposition *x, const struct source *source, const struct family *f)
{
	(void)f;
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *fs = &source->status->filesystems[role];
		for (int i = 0; i < _PASS_TRIGGER_MAX * _PASS_RESULT_MAX; i++) {
			int trigger = i / _PASS_RESULT_MAX, result = i % _PASS_RESULT_MAX;
			uint64_t n = fs->runs[trigger][result];
			if (filesystem_has(fs, WHEN_GC) && (n || run_can_occur(trigger, result)))
				exposition_u64(
					x,
					LABELS({ "filesystem", fs_role_to_string(role) },
					       { "trigger", pass_trigger_to_string(trigger) },
					       { "result", pass_result_to_string(result) }),
					n);
		}
	}
}

static void write_removed(struct exposition *x, const struct source *source, const struct family *f)
{
	(void)f;
	for (int r = 0; r < _REMOVE_REASON_MAX; r++)
		exposition_u64(x, LABELS({ "reason", remove_reason_to_string(r) }),
			       source->status->images_removed[r]);
}

static void write_removal_errors(struct exposition *x, const struct source *source,
				 const struct family *f)
{
	(void)f;
	for (int r = 0; r < _REMOVAL_ERROR_MAX; r++)
		exposition_u64(x, LABELS({ "reason", removal_error_to_string(r) }),
			       source->status->removal_errors[r]);
}

static const char *runtime_label(const struct status_runtime *r)
{
	return *r->name ? r->name : r->endpoint;
}

static void write_runtime_up(struct exposition *x, const struct source *source,
			     const struct family *f)
{
	const struct status_runtimes *all = &source->status->runtimes;
	(void)f;
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].configured)
			exposition_u64(x, LABELS({ "runtime", runtime_label(&all->items[i]) }),
				       all->items[i].up);
}

static void write_requests_to(struct exposition *x, const struct status_runtime *r)
{
	for (int o = 0; r->configured && o < _OPERATION_MAX; o++)
		if (r->statistics.requests[o].count)
			exposition_histogram(
				x,
				LABELS({ "runtime", runtime_label(r) },
				       { "operation", runtime_operation_to_string(o) }),
				&r->statistics.requests[o]);
}

static void write_requests(struct exposition *x, const struct source *source,
			   const struct family *f)
{
	(void)f;
	for (size_t i = 0; i < source->status->runtimes.n; i++)
		write_requests_to(x, &source->status->runtimes.items[i]);
}

static void write_kubernetes(struct exposition *x, const struct source *source,
			     const struct family *f)
{
	const struct status_kubernetes *k = &source->status->kubernetes;
	(void)f;
	for (size_t i = 0; k->enabled && i < k->n_codes; i++) {
		char code[16];
		(void)snprintf(code, sizeof(code), "%d", k->requests[i].code);
		exposition_u64(x,
			       LABELS({ "code", k->requests[i].code > 0	   ? code
						: k->requests[i].code == 0 ? "none"
									   : "other" }),
			       k->requests[i].n);
	}
}

/* events and events_dropped: offset is that of the counts in the status. */
static void write_events(struct exposition *x, const struct source *source, const struct family *f)
{
	const char *counts = (const char *)source->status + f->offset;
	for (int o = 0; source->status->kubernetes.enabled && o < _OCCURRENCE_MAX; o++) {
		uint64_t n;
		memcpy(&n, counts + (size_t)o * sizeof(n), sizeof(n));
		exposition_u64(x, LABELS({ "reason", occurrence_to_string(o) }), n);
	}
}

static void write_lanes(struct exposition *x, const struct source *source, const struct family *f)
{
	(void)f;
	for (size_t i = 0; i < source->status->n_lanes; i++)
		exposition_u64(x, LABELS({ "lane", source->status->lanes[i].name }),
			       source->status->lanes[i].stuck);
}

static void write_build_info(struct exposition *x, const struct source *source,
			     const struct family *f)
{
	(void)f;
	exposition_u64(x, LABELS({ "version", source->status->version }), 1);
}

/* Rows of the generic writers: type, kind, member, condition, name, target, help. */
#define FILESYSTEM(type_, kind_, member_, when_, name_, target_, help_)                           \
	{                                                                                         \
		name_, EXPOSITION_##type_, write_filesystem,                                      \
			offsetof(struct status_filesystem, member_), kind_, when_, target_, help_ \
	}
#define STATUS(type_, kind_, member_, name_, help_)                                               \
	{                                                                                         \
		name_, EXPOSITION_##type_, write_status, offsetof(struct status, member_), kind_, \
			WHEN_CONFIGURED, NULL, help_                                              \
	}
#define PROCESS(type_, kind_, member_, name_, help_)                                             \
	{                                                                                        \
		name_, EXPOSITION_##type_, write_process,                                        \
			offsetof(struct process_metrics, member_), kind_, WHEN_CONFIGURED, NULL, \
			help_                                                                    \
	}
#define PRESSURE(type_, kind_, member_, name_, help_)                                            \
	{                                                                                        \
		name_, EXPOSITION_##type_, write_pressure,                                       \
			offsetof(struct status_pressure, member_), kind_, WHEN_CONFIGURED, NULL, \
			help_                                                                    \
	}
#define EVENTS(member_, name_, help_)                                                      \
	{                                                                                  \
		name_, EXPOSITION_COUNTER, write_events, offsetof(struct status, member_), \
			KIND_U64, WHEN_CONFIGURED, NULL, help_                             \
	}
#define OWN(type_, write_, name_, help_)                                                     \
	{                                                                                    \
		name_, EXPOSITION_##type_, write_, 0, KIND_U64, WHEN_CONFIGURED, NULL, help_ \
	}

/* clang-format off */
static const struct family families[] = {
	FILESYSTEM(GAUGE, KIND_U64, space.size_bytes, WHEN_SAMPLED,
		   "disk_pressure_filesystem_size_bytes", NULL, "Size of the filesystem."),
	FILESYSTEM(GAUGE, KIND_U64, space.avail_bytes, WHEN_SAMPLED,
		   "disk_pressure_filesystem_avail_bytes", NULL,
		   "Space available to unprivileged processes."),
	FILESYSTEM(GAUGE, KIND_U64, space.inodes, WHEN_INODES,
		   "disk_pressure_filesystem_files", NULL, "Inodes of the filesystem."),
	FILESYSTEM(GAUGE, KIND_U64, space.inodes_free, WHEN_INODES,
		   "disk_pressure_filesystem_files_free", NULL, "Free inodes."),
	OWN(GAUGE, write_filesystem_info, "disk_pressure_filesystem_info",
	    "What the filesystem is; always 1."),
	FILESYSTEM(GAUGE, KIND_BOOL, stuck, WHEN_CONFIGURED,
		   "disk_pressure_filesystem_stuck", NULL,
		   "Whether statvfs has not answered in time."),
	OWN(GAUGE, write_thresholds, "disk_pressure_threshold",
	    "Thresholds as the amount that is available when they are met."),
	PRESSURE(GAUGE, KIND_BOOL, active, "disk_pressure_pressure",
		 "Whether the filesystem is under pressure at that level."),
	PRESSURE(COUNTER, KIND_U64, transitions, "disk_pressure_pressure_transitions",
		 "Changes of pressure, both ways."),
	OWN(GAUGE, write_findings, "disk_pressure_finding",
	    "What is wrong with thresholds, ours or the kubelet's; always 1."),
	FILESYSTEM(GAUGE, KIND_I64, fill_rate, WHEN_SAMPLED,
		   "disk_pressure_fill_rate_bytes_per_second", NULL,
		   "How fast the filesystem fills; negative while it empties."),
	FILESYSTEM(GAUGE, KIND_USEC, time_to_full, WHEN_SAMPLED,
		   "disk_pressure_time_to_full_seconds", NULL,
		   "Time until nothing is available at the present rate; +Inf when not filling."),
	FILESYSTEM(GAUGE, KIND_USEC, time_to_full_after_reclaim, WHEN_SAMPLED,
		   "disk_pressure_time_to_full_after_reclaim_seconds", NULL,
		   "The same if everything reclaimable were removed first."),
	FILESYSTEM(GAUGE, KIND_U64, reclaimable_bytes, WHEN_GC,
		   "disk_pressure_reclaimable_bytes", "images",
		   "What removing all candidates is expected to free."),
	OWN(GAUGE, write_images, "disk_pressure_images",
	    "Images by state: reclaimable, or why they stay."),
	OWN(COUNTER, write_runs, "disk_pressure_gc_runs", "Garbage collection passes."),
	STATUS(HISTOGRAM, KIND_HISTOGRAM, gc_duration, "disk_pressure_gc_duration_seconds",
	       "Duration of garbage collection passes."),
	STATUS(HISTOGRAM, KIND_HISTOGRAM, removal_duration,
	       "disk_pressure_removal_duration_seconds",
	       "Duration of the calls that remove an image."),
	OWN(COUNTER, write_removed, "disk_pressure_images_removed", "Images removed."),
	FILESYSTEM(COUNTER, KIND_U64, reclaimed[RESOURCE_BYTES], WHEN_GC,
		   "disk_pressure_reclaimed_bytes", "images",
		   "Bytes that removals freed, as measured on the filesystem."),
	FILESYSTEM(COUNTER, KIND_U64, reclaimed[RESOURCE_INODES], WHEN_GC,
		   "disk_pressure_reclaimed_inodes", "images",
		   "Inodes that removals freed, as measured on the filesystem."),
	FILESYSTEM(COUNTER, KIND_U64, predicted_bytes, WHEN_GC,
		   "disk_pressure_predicted_bytes", "images",
		   "Bytes that the same removals were predicted to free."),
	OWN(COUNTER, write_removal_errors, "disk_pressure_removal_errors",
	    "Removals that failed."),
	OWN(GAUGE, write_runtime_up, "disk_pressure_runtime_up",
	    "Whether the container runtime answers."),
	OWN(HISTOGRAM, write_requests, "disk_pressure_runtime_request_duration_seconds",
	    "Duration of calls to the container runtime."),
	OWN(COUNTER, write_kubernetes, "disk_pressure_kubernetes_requests",
	    "Requests to the Kubernetes API server by the HTTP status of the answer."),
	EVENTS(kubernetes.events, "disk_pressure_events",
	       "Occurrences that became Kubernetes events or were counted in one."),
	EVENTS(kubernetes.events_dropped, "disk_pressure_events_dropped",
	       "Occurrences that will never be told to Kubernetes."),
	FILESYSTEM(GAUGE, KIND_WALL, sampled_wall_usec, WHEN_CONFIGURED,
		   "disk_pressure_last_sample_timestamp_seconds", NULL,
		   "Time of the last good sample."),
	FILESYSTEM(GAUGE, KIND_WALL, last_gc_wall_usec, WHEN_GC,
		   "disk_pressure_last_gc_timestamp_seconds", NULL,
		   "End of the last garbage collection pass."),
	FILESYSTEM(COUNTER, KIND_U64, samples, WHEN_CONFIGURED,
		   "disk_pressure_samples", NULL, "Samples taken."),
	STATUS(GAUGE, KIND_BOOL, config_reload_successful,
	       "disk_pressure_config_last_reload_successful",
	       "Whether the last reload of the configuration succeeded."),
	STATUS(GAUGE, KIND_WALL, config_reload_success_wall_usec,
	       "disk_pressure_config_last_reload_success_timestamp_seconds",
	       "Time of the last successful load of the configuration."),
	STATUS(GAUGE, KIND_BOOL, dry_run, "disk_pressure_dry_run",
	       "Whether the agent only says what it would remove."),
	OWN(GAUGE, write_lanes, "disk_pressure_lane_stuck",
	    "Whether a thread for blocking work has not come back in time."),
	STATUS(COUNTER, KIND_U64, log_lines_dropped, "disk_pressure_log_lines_dropped",
	       "Log lines dropped because nobody took them."),
	OWN(GAUGE, write_build_info, "disk_pressure_build_info",
	    "The version of the agent; always 1."),
	PROCESS(COUNTER, KIND_USEC, cpu, "process_cpu_seconds",
		"User and system CPU time spent by the agent."),
	PROCESS(GAUGE, KIND_U64, resident_bytes, "process_resident_memory_bytes",
		"Resident memory size of the agent."),
	PROCESS(GAUGE, KIND_U64, virtual_bytes, "process_virtual_memory_bytes",
		"Virtual memory size of the agent."),
	PROCESS(GAUGE, KIND_U64, open_fds, "process_open_fds", "Number of open file descriptors."),
	PROCESS(GAUGE, KIND_U64, max_fds, "process_max_fds",
		"Maximum number of open file descriptors."),
	PROCESS(GAUGE, KIND_WALL, start_wall_usec, "process_start_time_seconds",
		"Time at which the agent started, since the epoch."),
};
/* clang-format on */

void metrics_render(const struct status *s, const struct process_metrics *p, bool openmetrics,
		    struct buf *out)
{
	struct source source = { .status = s, .process = p };
	struct exposition x = { .out = out, .openmetrics = openmetrics };
	for (size_t i = 0; i < ELEMENTS(families); i++) {
		exposition_family(&x, families[i].name, families[i].type, families[i].help);
		families[i].write(&x, &source, &families[i]);
	}
	exposition_end(&x);
}
