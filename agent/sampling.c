/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "agent-state.h"
#include "node-status.h"
#include "node/filesystem.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/rooted.h"

/* One look at a filesystem. */
struct probe_job {
	struct lane_job job;
	const char *root;
	char path[4096]; /* as the host calls it */
	bool identified; /* dev is known: where it is mounted is asked only when it changed */
	uint64_t dev;
	int result;
	struct err error;
	struct space space;
	bool has_mount;
	struct mount mount;
};

static void probe_run(struct lane_job *job)
{
	struct probe_job *p = (struct probe_job *)job;
	uint64_t dev;
	char path[PATH_MAX];
	p->result = rooted_path(p->root, p->path, path, &p->error);
	if (p->result == 0)
		p->result = filesystem_sample(path, &p->space, &dev, &p->error);
	if (p->result < 0 || (p->identified && p->dev == dev))
		return;
	/* Without the name of its device a filesystem is as good as with it. */
	struct err ignored = { 0 };
	p->has_mount = filesystem_identify(p->root, path, &p->mount, &ignored) == 0;
	p->dev = dev;
}

static void probe_drop(struct lane_job *job)
{
	free(job);
}

static struct status_filesystem *status_of(struct sampler *s)
{
	return &s->agent->status.filesystems[s->role];
}

static int timer_rearm(struct sampler *s, usec_t delay)
{
	int r = sd_event_source_set_time_relative(s->timer, (uint64_t)delay);
	return r < 0 ? r : sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static void probe_submit(struct sampler *s)
{
	struct probe_job *p = xnew(struct probe_job);
	p->job.run = probe_run;
	p->root = s->agent->options->root;
	p->identified = s->identified;
	p->dev = s->dev;
	memcpy(p->path, s->path, sizeof(p->path));
	if (lane_submit(s->lane, &p->job) < 0) {
		free(p);
		return;
	}
	s->in_flight = true;
	s->submitted_at = now_monotonic();
}

static void stuck_check(struct sampler *s)
{
	struct status_filesystem *f = status_of(s);
	if (f->stuck ||
	    now_monotonic() - s->submitted_at < s->agent->config->config->statfs_timeout)
		return;
	f->stuck = true;
	node_status_text(f->error, "statvfs does not answer");
	announce_stuck(s->agent, s->role, true);
	reporting_judge(s->agent);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct sampler *s = userdata;
	if (!s->path[0])
		return 0;
	int r = timer_rearm(s, s->agent->config->config->statfs_timeout);
	if (s->in_flight)
		stuck_check(s);
	else
		probe_submit(s);
	return r;
}

static usec_t next_interval(struct sampler *s)
{
	const struct agent *a = s->agent;
	const struct config *c = a->config->config;
	struct cadence_limits limits = { c->sample_interval_min, c->sample_interval_max };
	if (s->role != ROLE_IMAGEFS)
		return limits.interval_max;
	return schedule_sample_interval(&status_of(s)->space, &a->pressure,
					forecast_fastest_rate(&s->forecast), &limits);
}

/* Shows the pressure on a filesystem, and tells what changed. */
static void show_pressure(struct agent *a, enum fs_role role, bool with_images)
{
	struct status_filesystem *f = &a->status.filesystems[role];
	/* before the images were found nothing is known of it */
	bool images_elsewhere = a->status.filesystems[ROLE_IMAGEFS].sampled && !with_images;
	bool before[_RESOURCE_MAX][_PRESSURE_MAX];
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int level = 0; level < _PRESSURE_MAX; level++)
			before[r][level] = f->pressure[r][level].active;
	node_status_pressure(f, role, &a->pressure);
	for (int r = 0; r < _RESOURCE_MAX; r++)
		for (int level = PRESSURE_SOFT; level < _PRESSURE_MAX; level++)
			if (f->pressure[r][level].active != before[r][level])
				announce_pressure(a, role, r, level, images_elsewhere);
}

/* A sample counts for every role on its device. */
static void step_pressure(struct sampler *s, const struct image_gc_policy *policy)
{
	struct agent *a = s->agent;
	const struct status_filesystem *f = status_of(s);
	struct pressure_sample sample = { 0 };
	node_status_with_images(a->status.filesystems, sample.with_images);
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *other = &a->status.filesystems[role];
		if (other->sampled && other->dev == f->dev)
			sample.spaces[role] = &f->space;
	}
	(void)pressure_step(&a->pressure, policy, &a->config->config->eviction, now_monotonic(),
			    &sample);
	for (int role = 0; role < _ROLE_MAX; role++)
		if (a->status.filesystems[role].sampled)
			show_pressure(a, role, sample.with_images[role]);
}

static void show_thresholds(struct agent *a, const struct image_gc_policy *policy)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		struct status_filesystem *f = &a->status.filesystems[role];
		if (!f->sampled)
			continue;
		node_status_kubelet(f, role, &a->kubelet);
		if (role == ROLE_IMAGEFS)
			node_status_thresholds(f, policy);
	}
}

void sampling_judge(struct agent *a)
{
	const struct findings before = a->status.findings, *after = &a->status.findings;
	struct image_gc_policy policy =
		effective_policy(a->config->config, &a->kubelet, a->status.filesystems);
	show_thresholds(a, &policy);
	/* the kubelet's configuration and the images are looked for once before anything is said */
	if (!a->reclaimer.asked)
		return;
	node_status_findings(&a->status, a->config->config, &policy, &a->kubelet);
	for (size_t i = 0; i < before.n; i++)
		if (!findings_have(after, &before.items[i]))
			announce_finding(a, &before.items[i], false);
	for (size_t i = 0; i < after->n; i++)
		if (!findings_have(&before, &after->items[i]))
			announce_finding(a, &after->items[i], true);
}

/* What can be reclaimed, less what was removed since that was reckoned: it is available by now. */
static uint64_t reclaimable_now(const struct agent *a)
{
	uint64_t bytes = a->status.filesystems[ROLE_IMAGEFS].reclaimable_bytes;
	uint64_t freed = atomic_load(&a->reclaimer.freed) - a->reclaimer.freed_when_observed;
	return bytes > freed ? bytes - freed : 0;
}

/* Of the roles that share a filesystem, the one that is to be told of: that of the images. */
static enum fs_role spokesman(const struct agent *a, enum fs_role role, bool with_images)
{
	enum fs_role first = with_images ? ROLE_IMAGEFS : ROLE_NODEFS;
	const struct status_filesystem *fs = a->status.filesystems;
	while (first != role && !(fs[first].sampled && fs[first].dev == fs[role].dev))
		first++;
	return first;
}

/* What the agent freed is no filesystem that empties by itself, in whatever role it is looked at. */
static void look_ahead(struct sampler *s)
{
	struct agent *a = s->agent;
	struct status_filesystem *f = status_of(s);
	bool with_images[_ROLE_MAX];
	node_status_with_images(a->status.filesystems, with_images);
	uint64_t freed = atomic_load(&a->reclaimer.freed), before = s->freed_seen;
	uint64_t reclaimable = with_images[s->role] ? reclaimable_now(a) : 0;
	usec_t now = now_monotonic();
	s->freed_seen = freed;
	forecast_step(&s->forecast, now, f->space.avail_bytes,
		      with_images[s->role] ? freed - before : 0);
	node_status_forecast(f, &s->forecast, reclaimable);
	enum fs_role told = spokesman(a, s->role, with_images[s->role]);
	bool changed = told == s->role &&
		       filling_step(&s->filling, now, amount_add(f->space.avail_bytes, reclaimable),
				    f->time_to_full_after_reclaim);
	f->filling_fast = a->samplers[told].filling.fast;
	if (changed)
		announce_filling(a, s->role, reclaimable);
}

static void take_sample(struct sampler *s, const struct probe_job *p)
{
	struct agent *a = s->agent;
	struct status_filesystem *f = status_of(s);
	if (p->dev != s->dev) {
		s->forecast = (struct forecast){ 0 };
		s->filling = (struct filling){ 0 };
	}
	s->identified = true;
	s->dev = f->dev = p->dev;
	node_status_sampled(f, &p->space, p->has_mount ? &p->mount : NULL, now_wall());
	look_ahead(s);
	struct image_gc_policy policy =
		effective_policy(a->config->config, &a->kubelet, a->status.filesystems);
	step_pressure(s, &policy);
	sampling_judge(a);
	reporting_judge(a);
	if (s->role == ROLE_IMAGEFS)
		a->sampled(a);
}

static void probe_done(struct sampler *s, struct probe_job *p)
{
	struct status_filesystem *f = status_of(s);
	s->in_flight = false;
	if (f->stuck) {
		f->stuck = false;
		announce_stuck(s->agent, s->role, false);
	}
	/* The path may have changed while the lane looked. */
	if (strcmp(p->path, s->path) == 0) {
		if (p->result == 0) {
			take_sample(s, p);
		} else {
			if (strcmp(f->error, p->error.msg) != 0)
				log_warning("%s: %s, trying again", fs_role_to_string(s->role),
					    p->error.msg);
			f->sampled = false;
			node_status_text(f->error, p->error.msg);
		}
	}
	free(p);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	struct sampler *s = userdata;
	struct lane_job *job;
	while ((job = lane_take_done(s->lane)))
		probe_done(s, (struct probe_job *)job);
	const struct status_filesystem *f = status_of(s);
	if (s->in_flight || s->agent->stopping)
		return 0;
	return timer_rearm(s, f->sampled ? next_interval(s) : USEC_PER_SEC);
}

static int sampler_start(struct sampler *s, struct agent *a, enum fs_role role)
{
	s->agent = a;
	s->role = role;
	s->lane = lane_new(fs_role_to_string(role), 1);
	if (!s->lane)
		return -errno;
	int r = sd_event_add_io(a->event, &s->done, lane_fd(s->lane), EPOLLIN, on_done, s);
	if (r >= 0)
		r = sd_event_add_time_relative(a->event, &s->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
					       s);
	if (r < 0)
		return r;
	(void)sd_event_source_set_description(s->done, "sample-done");
	(void)sd_event_source_set_description(s->timer, "sample-timer");
	r = sd_event_source_set_exit_on_failure(s->done, true);
	return r < 0 ? r : sd_event_source_set_exit_on_failure(s->timer, true);
}

int sampling_start(struct agent *a)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		int r = sampler_start(&a->samplers[role], a, role);
		if (r < 0)
			return r;
	}
	sampling_refresh(a);
	return 0;
}

void sampling_stop(struct agent *a)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		struct sampler *s = &a->samplers[role];
		s->timer = sd_event_source_disable_unref(s->timer);
		s->done = sd_event_source_disable_unref(s->done);
		if (s->lane)
			(void)lane_free(s->lane, 100 * USEC_PER_MSEC, probe_drop);
		s->lane = NULL;
	}
}

void sampling_refresh(struct agent *a)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		struct sampler *s = &a->samplers[role];
		struct status_filesystem *f = status_of(s);
		char path[sizeof(s->path)];
		node_status_path(a->config->config, a->options->root, role,
				 a->reclaimer.image_store_path, path, sizeof(path));
		if (strcmp(path, s->path) != 0) {
			memcpy(s->path, path, sizeof(path));
			s->identified = false;
			f->sampled = false;
		}
		f->configured = s->path[0] != '\0';
		f->gc = f->configured && role == ROLE_IMAGEFS;
		node_status_text(f->path, s->path);
		if (!s->in_flight && timer_rearm(s, 0) < 0)
			log_error("cannot arm the timer of %s", fs_role_to_string(role));
	}
}
