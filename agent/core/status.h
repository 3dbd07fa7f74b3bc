/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/findings.h"
#include "core/histogram.h"
#include "core/occurrences.h"
#include "core/pressure.h"
#include "core/reasons.h"
#include "core/space.h"
#include "util/limits.h"
#include "util/usec.h"

/*
 * The agent's state as everybody sees it: one snapshot, many faces (metrics, /status, STATUS=, the
 * status page). The main thread owns it; renderers only read. Strings are owned by the status.
 */

/* Thresholds that act or are shown for comparison. Names are metric labels. */
enum threshold_level {
	LEVEL_HIGH,
	LEVEL_LOW,
	LEVEL_SOFT,
	LEVEL_HARD,
	LEVEL_KUBELET_GC_HIGH,
	LEVEL_KUBELET_HARD,
	_LEVEL_MAX,
	_LEVEL_INVALID = -22,
};
const char *threshold_level_to_string(enum threshold_level l); /* "high" ... "kubelet_hard" */

struct status_threshold {
	bool known;	    /* the rest means something */
	int percent;	    /* usage; -1 when the threshold is an amount */
	uint64_t available; /* bytes or inodes: the threshold as an amount available */
};

struct status_pressure {
	bool known; /* a threshold of that level exists */
	bool active;
	uint64_t transitions; /* changes of active, both ways */
};

#define STATUS_TEXT_MAX 256

/* One filesystem in one of its roles. */
struct status_filesystem {
	bool configured; /* the role exists on this node: path is known */
	bool sampled;	 /* space means something */
	bool stuck;	 /* statvfs has not answered within statfs-timeout */
	char path[STATUS_TEXT_MAX];
	char device[STATUS_TEXT_MAX]; /* "/dev/sda1" */
	char mountpoint[STATUS_TEXT_MAX];
	char fstype[32];
	char error[STATUS_TEXT_MAX]; /* why there is no sample; "" when there is */
	uint64_t dev;		     /* st_dev: equal in roles that share a device */
	struct space space;
	int64_t sampled_wall_usec; /* time of the last good sample, since the epoch */
	uint64_t samples;
	int64_t fill_rate;		   /* bytes per second; 0 or less: not filling */
	usec_t time_to_full;		   /* USEC_INFINITY: not filling */
	usec_t time_to_full_after_reclaim; /* USEC_INFINITY: not filling */
	bool filling_fast;		   /* as DiskFillingFast told */
	struct status_threshold thresholds[_RESOURCE_MAX][_LEVEL_MAX];
	struct status_pressure pressure[_RESOURCE_MAX][_PRESSURE_MAX];
	enum first_actor first[_RESOURCE_MAX]; /* by the thresholds of both sides */

	/* Image garbage collection on this filesystem; gc is false where no images live. */
	bool gc;
	uint64_t reclaimable_bytes;
	uint64_t runs[_PASS_TRIGGER_MAX][_PASS_RESULT_MAX];
	uint64_t reclaimed[_RESOURCE_MAX]; /* measured */
	uint64_t predicted_bytes;
	int64_t last_gc_wall_usec; /* end of the last pass; 0: none yet */
};

/* Operations of a runtime whose duration is measured. */
enum runtime_operation {
	OPERATION_VERSION,
	OPERATION_STATUS,
	OPERATION_LIST_IMAGES,
	OPERATION_IMAGE_STATUS,
	OPERATION_REMOVE_IMAGE,
	OPERATION_IMAGE_FS_INFO,
	OPERATION_LIST_CONTAINERS,
	OPERATION_CONTAINER_STATUS,
	OPERATION_LIST_SANDBOXES,
	OPERATION_SANDBOX_STATUS,
	OPERATION_REMOVE_CONTAINER,
	OPERATION_BUILD_CACHE,
	_OPERATION_MAX,
	_OPERATION_INVALID = -22,
};
const char *runtime_operation_to_string(enum runtime_operation o); /* "list_images" ... */

struct runtime_statistics {
	struct histogram requests[_OPERATION_MAX];
};

struct status_runtime {
	bool configured;
	bool up;
	bool elsewhere;		    /* up, but its images are on another filesystem: left alone */
	const char *type;	    /* "cri", "docker", "podman"; NULL before it was reached */
	usec_t timeout;		    /* of one call */
	char name[STATUS_TEXT_MAX]; /* label: "containerd", "cri-o"; endpoint until it is known */
	char version[STATUS_TEXT_MAX];	/* "containerd 1.6.20" */
	char endpoint[STATUS_TEXT_MAX]; /* "unix:///run/containerd/containerd.sock" */
	char error[STATUS_TEXT_MAX];	/* why it is not up */
	struct runtime_statistics statistics;
};

/* The Kubernetes API server, and what it was told. */
struct status_kubernetes {
	bool enabled;
	char node[STATUS_TEXT_MAX];
	char server[STATUS_TEXT_MAX]; /* "https://10.96.0.1:443"; "" while it is not known */
	char error[STATUS_TEXT_MAX];  /* why the last request failed, or there is no server */
	/* Answers by their HTTP status; 0: there was none, -1: of any further status. */
	struct {
		int code;
		uint64_t n;
	} requests[24];
	size_t n_codes;
	uint64_t events[_OCCURRENCE_MAX], events_dropped[_OCCURRENCE_MAX];
};
/* Counts an answer, or that there was none (0). */
void status_count_request(struct status_kubernetes *k, long code);

/* Zero-initialised: not asked yet. Where none is on this host and none is asked for, it is one that is
 * not configured. */
struct status_runtimes {
	struct status_runtime items[N_MAX_RUNTIMES];
	size_t n;
};

/* The last pass, for people. */
struct status_pass {
	bool known;
	enum fs_role filesystem;
	enum pass_trigger trigger;
	enum pass_result result;
	bool dry_run;
	uint64_t removed;
	uint64_t measured[_RESOURCE_MAX];
	uint64_t predicted[_RESOURCE_MAX];
	usec_t duration;
	int64_t ended_wall_usec;
	char error[STATUS_TEXT_MAX];
};

/* A thread that does blocking work. */
struct status_lane {
	const char *name;
	bool busy;
	bool stuck;
	usec_t busy_for;
};
#define STATUS_N_LANES 8

struct status {
	const char *version;
	bool dry_run;
	int64_t started_wall_usec, now_wall_usec;
	struct status_filesystem filesystems[_ROLE_MAX];
	struct findings findings;
	struct status_runtimes runtimes;
	struct status_kubernetes kubernetes;
	uint64_t images[_KEEP_REASON_MAX]; /* by state; valid when images_known */
	bool images_known;
	struct status_pass last_pass;
	struct histogram gc_duration, removal_duration;
	uint64_t images_removed[_REMOVE_REASON_MAX];
	uint64_t removal_errors[_REMOVAL_ERROR_MAX];
	bool config_reload_successful;
	int64_t config_reload_success_wall_usec;
	uint64_t log_lines_dropped;
	struct status_lane lanes[STATUS_N_LANES];
	size_t n_lanes;
};

/* The first runtime that is asked for and cannot be reached, or NULL. */
const struct status_runtime *status_runtime_down(const struct status_runtimes *r);
/* Whether any can. */
bool status_runtime_any_up(const struct status_runtimes *r);
