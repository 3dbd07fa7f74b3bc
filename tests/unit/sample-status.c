/* SPDX-License-Identifier: Apache-2.0 */
#include "sample-status.h"

#include <stdio.h>

#include "util/alloc.h"

#define WALL(seconds) ((int64_t)1767322800 * USEC_PER_SEC + (seconds)*USEC_PER_SEC)

#define SET(member, text) ((void)snprintf(member, sizeof(member), "%s", text))

static void sample_nodefs(struct status_filesystem *fs)
{
	fs->configured = fs->sampled = true;
	SET(fs->path, "/var/lib/kubelet");
	SET(fs->device, "/dev/sda1");
	SET(fs->mountpoint, "/");
	SET(fs->fstype, "btrfs");
	fs->space = (struct space){ .size_bytes = 40000000000, .avail_bytes = 30000000000 };
	fs->sampled_wall_usec = WALL(0) + 250 * USEC_PER_MSEC;
	fs->samples = 17;
	fs->fill_rate = -2048;
	fs->time_to_full = fs->time_to_full_after_reclaim = USEC_INFINITY;
	fs->thresholds[RESOURCE_BYTES][LEVEL_HARD] =
		(struct status_threshold){ .known = true, .percent = -1, .available = 4000000000 };
	fs->pressure[RESOURCE_BYTES][PRESSURE_HARD].known = true;
}

static void sample_imagefs(struct status_filesystem *fs)
{
	fs->configured = fs->sampled = fs->gc = true;
	SET(fs->path, "/var/lib/containerd");
	SET(fs->device, "/dev/sdb");
	SET(fs->mountpoint, "/var/lib/containerd");
	SET(fs->fstype, "ext4");
	fs->space = (struct space){ .size_bytes = 4000000000,
				    .avail_bytes = 600000000,
				    .inodes = 262144,
				    .inodes_free = 200000 };
	fs->sampled_wall_usec = WALL(1);
	fs->samples = 18446744073709551615U;
	fs->fill_rate = 12500000;
	fs->time_to_full = 48 * USEC_PER_SEC;
	fs->time_to_full_after_reclaim = 152 * USEC_PER_SEC + 500 * USEC_PER_MSEC;
	fs->filling_fast = true;
	fs->thresholds[RESOURCE_BYTES][LEVEL_HIGH] =
		(struct status_threshold){ .known = true, .percent = 80, .available = 839999999 };
	fs->thresholds[RESOURCE_BYTES][LEVEL_LOW] =
		(struct status_threshold){ .known = true, .percent = 75, .available = 1000000000 };
	fs->thresholds[RESOURCE_BYTES][LEVEL_SOFT] =
		(struct status_threshold){ .known = true, .percent = -1, .available = 700000000 };
	fs->thresholds[RESOURCE_BYTES][LEVEL_HARD] =
		(struct status_threshold){ .known = true, .percent = -1, .available = 400000000 };
	fs->pressure[RESOURCE_BYTES][PRESSURE_SOFT] =
		(struct status_pressure){ .known = true, .active = true, .transitions = 1 };
	fs->pressure[RESOURCE_BYTES][PRESSURE_HARD].known = true;
	fs->first[RESOURCE_BYTES] = FIRST_AGENT;
	fs->first[RESOURCE_INODES] = FIRST_KUBELET;
	fs->thresholds[RESOURCE_INODES][LEVEL_KUBELET_HARD] =
		(struct status_threshold){ .known = true, .percent = 95, .available = 13107 };
	fs->pressure[RESOURCE_BYTES][PRESSURE_GC] =
		(struct status_pressure){ .known = true, .active = true, .transitions = 3 };
	fs->pressure[RESOURCE_INODES][PRESSURE_GC].known = true;
	fs->reclaimable_bytes = 1300000000;
	fs->runs[TRIGGER_SPACE][RESULT_REACHED] = 2;
	fs->runs[TRIGGER_MANUAL][RESULT_ERROR] = 1;
	fs->reclaimed[RESOURCE_BYTES] = 2600000000;
	fs->reclaimed[RESOURCE_INODES] = 36000;
	fs->predicted_bytes = 2700000000;
	fs->last_gc_wall_usec = WALL(-60);
}

static void sample_containerfs(struct status_filesystem *fs)
{
	fs->configured = fs->stuck = true;
	SET(fs->path, "/mnt/dead");
	SET(fs->error, "/mnt/dead: statvfs has not answered for 2s");
}

static void sample_runtime(struct status_runtime *r)
{
	r->configured = r->up = true;
	SET(r->name, "containerd");
	SET(r->version, "containerd 1.6.20");
	SET(r->endpoint, "unix:///run/containerd/containerd.sock");
	histogram_observe(&r->statistics.requests[OPERATION_LIST_IMAGES], 3 * USEC_PER_MSEC);
	histogram_observe(&r->statistics.requests[OPERATION_REMOVE_IMAGE], 300 * USEC_PER_SEC);
}

static void sample_kubernetes(struct status_kubernetes *k)
{
	*k = (struct status_kubernetes){ .enabled = true };
	SET(k->node, "node-a");
	SET(k->server, "https://10.96.0.1:443");
	SET(k->error, "no answer from https://10.96.0.1:443 within 10s");
	static const int codes[] = { 201, 201, 200, 0, 503 };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		status_count_request(k, codes[i]);
	for (int o = 0; o < _OCCURRENCE_MAX; o++)
		k->events[o] = (uint64_t)o;
	k->events_dropped[OCCURRENCE_RECLAIM_STARTED] = 3;
}

static void sample_last_pass(struct status_pass *p)
{
	*p = (struct status_pass){ .known = true,
				   .filesystem = ROLE_IMAGEFS,
				   .trigger = TRIGGER_SPACE,
				   .result = RESULT_REACHED,
				   .removed = 4,
				   .measured = { 1300000000, 18000 },
				   .predicted = { 1350000000, 18001 },
				   .duration = 1500 * USEC_PER_MSEC,
				   .ended_wall_usec = WALL(-60) };
}

void sample_status(struct status *ret)
{
	*ret = (struct status){ .version = "0.1.0",
				.started_wall_usec = WALL(-3600),
				.now_wall_usec = WALL(2),
				.images_known = true,
				.config_reload_successful = true,
				.config_reload_success_wall_usec = WALL(-3600),
				.log_lines_dropped = 5,
				.n_lanes = 2 };
	sample_nodefs(&ret->filesystems[ROLE_NODEFS]);
	sample_imagefs(&ret->filesystems[ROLE_IMAGEFS]);
	sample_containerfs(&ret->filesystems[ROLE_CONTAINERFS]);
	sample_runtime(&ret->runtimes.items[ret->runtimes.n++]);
	sample_kubernetes(&ret->kubernetes);
	sample_last_pass(&ret->last_pass);
	ret->findings = (struct findings){
		.n = 2,
		.items = { { .kind = FINDING_KUBELET_EVICTION_UNSET, .role = ROLE_NODEFS },
			   { .kind = FINDING_KUBELET_ACTS_FIRST,
			     .role = ROLE_IMAGEFS,
			     .resource = RESOURCE_INODES,
			     .images = true,
			     .kubelet_below = 13107 } },
	};
	for (int r = 0; r < _KEEP_REASON_MAX; r++)
		ret->images[r] = (uint64_t)r + 1;
	for (int r = 0; r < _REMOVE_REASON_MAX; r++)
		ret->images_removed[r] = (uint64_t)r;
	ret->removal_errors[REMOVAL_ERROR_REFUSED] = 2;
	histogram_observe(&ret->gc_duration, 1500 * USEC_PER_MSEC);
	histogram_observe(&ret->gc_duration, 20 * USEC_PER_MSEC);
	histogram_observe(&ret->removal_duration, 300 * USEC_PER_MSEC);
	ret->lanes[0] = (struct status_lane){
		.name = "probe", .busy = true, .stuck = true, .busy_for = 2500 * USEC_PER_MSEC
	};
	ret->lanes[1] = (struct status_lane){ .name = "reclaim" };
}

void sample_process(struct process_metrics *ret)
{
	*ret = (struct process_metrics){ .cpu = 1230 * USEC_PER_MSEC,
					 .resident_bytes = 11534336,
					 .virtual_bytes = 104857600,
					 .open_fds = 12,
					 .max_fds = 1024,
					 .start_wall_usec = WALL(-3600) };
}

void sample_status_hostile(struct status *ret)
{
	static const char evil[] = "\"} 1\n# EOF\nx{a=\"\\\t\x01\xff\xc3\xa4\xed\xa0\x80\r";
	sample_status(ret);
	struct status_filesystem *fs = &ret->filesystems[ROLE_IMAGEFS];
	SET(fs->path, evil);
	SET(fs->device, evil);
	SET(fs->mountpoint, evil);
	SET(fs->fstype, evil);
	SET(fs->error, evil);
	SET(ret->runtimes.items[0].name, evil);
	SET(ret->runtimes.items[0].version, evil);
	SET(ret->runtimes.items[0].endpoint, evil);
	SET(ret->runtimes.items[0].error, evil);
	SET(ret->last_pass.error, evil);
	SET(ret->kubernetes.node, evil);
	SET(ret->kubernetes.server, evil);
	SET(ret->kubernetes.error, evil);
	ret->version = evil;
	ret->lanes[0].name = evil;
	/* a text that was cut in the middle of a character */
	for (size_t i = 1; i < sizeof(fs->device); i += 3)
		(void)snprintf(fs->device + i, sizeof(fs->device) - i, "\xe2\x82\xac");
}
