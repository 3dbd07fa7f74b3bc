/* SPDX-License-Identifier: Apache-2.0 */
#include "node-status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/threshold.h"
#include "util/clock.h"
#include "util/rooted.h"

#define KUBELET_ROOT "/var/lib/kubelet"

void node_status_text(char ret[STATUS_TEXT_MAX], const char *text)
{
	size_t n = strnlen(text, STATUS_TEXT_MAX);
	if (n == STATUS_TEXT_MAX) {
		n--;
		/* not within a character, which has three bytes behind its first at most */
		for (int i = 0; i < 3 && ((unsigned char)text[n] & 0xc0) == 0x80; i++)
			n--;
	}
	memcpy(ret, text, n);
	ret[n] = '\0';
}

void node_status_init(struct status *s, const struct config *config)
{
	s->version = PACKAGE_VERSION;
	s->dry_run = config->dry_run;
	s->started_wall_usec = s->now_wall_usec = now_wall();
	s->config_reload_successful = true;
	s->config_reload_success_wall_usec = s->started_wall_usec;
}

/* The kubelet's root directory where there is one, as nodefs is its filesystem. */
static const char *nodefs_default(const char *root)
{
	cleanup_close int fd = rooted_open(root, KUBELET_ROOT, O_PATH);
	return fd >= 0 ? KUBELET_ROOT : "/";
}

void node_status_path(const struct config *config, const char *root, enum fs_role role,
		      const char *image_store_path, char *ret, size_t size)
{
	const char *path = config->filesystem_paths[role];
	if (strcmp(path, "auto") == 0 && role != ROLE_NODEFS)
		path = role == ROLE_IMAGEFS ? image_store_path : "";
	else if (strcmp(path, "auto") == 0)
		path = nodefs_default(root);
	/* a path that is cut would be another one */
	if ((size_t)snprintf(ret, size, "%s", path) >= size)
		ret[0] = '\0';
}

void node_status_sampled(struct status_filesystem *f, const struct space *space,
			 const struct mount *mount, int64_t wall)
{
	f->sampled = true;
	f->error[0] = '\0';
	f->space = *space;
	f->sampled_wall_usec = wall;
	f->samples++;
	if (!mount)
		return;
	node_status_text(f->device, mount->device);
	node_status_text(f->mountpoint, mount->mountpoint);
	(void)snprintf(f->fstype, sizeof(f->fstype), "%s", mount->fstype);
}

void node_status_thresholds(struct status_filesystem *f, const struct image_gc_policy *policy)
{
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		struct status_threshold *t = f->thresholds[r];
		uint64_t total = space_total(&f->space, r);
		t[LEVEL_HIGH] = (struct status_threshold){ .percent = policy->high_percent[r] };
		t[LEVEL_HIGH].known = threshold_trigger_available(total, policy->high_percent[r],
								  &t[LEVEL_HIGH].available);
		t[LEVEL_LOW] = (struct status_threshold){
			.known = t[LEVEL_HIGH].known,
			.percent = policy->low_percent[r],
			.available = threshold_target_available(total, policy->low_percent[r]),
		};
		f->pressure[r][PRESSURE_GC].known = t[LEVEL_HIGH].known;
	}
}

static void eviction_status(struct status_filesystem *f, enum resource r, enum eviction_level level,
			    const struct eviction_pressure *e, uint64_t transitions)
{
	f->thresholds[r][level == EVICTION_HARD ? LEVEL_HARD : LEVEL_SOFT] =
		(struct status_threshold){ .known = e->known,
					   .percent = -1,
					   .available = e->amount };
	f->pressure[r][pressure_level_of(level)] = (struct status_pressure){
		.known = e->known,
		.active = e->active,
		.transitions = transitions,
	};
}

void node_status_pressure(struct status_filesystem *f, enum fs_role role,
			  const struct pressure *pressure)
{
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		if (role == ROLE_IMAGEFS) {
			f->pressure[r][PRESSURE_GC].active = pressure->wanted[r][PRESSURE_GC];
			f->pressure[r][PRESSURE_GC].transitions = pressure->gc_transitions[r];
		}
		for (int level = 0; level < _EVICTION_LEVEL_MAX; level++)
			eviction_status(f, r, level, &pressure->verdict.pressure[role][r][level],
					pressure->eviction.transitions[role][r][level]);
	}
}

void node_status_with_images(const struct status_filesystem filesystems[_ROLE_MAX],
			     bool ret[_ROLE_MAX])
{
	const struct status_filesystem *images = &filesystems[ROLE_IMAGEFS];
	for (int role = 0; role < _ROLE_MAX; role++)
		ret[role] = images->sampled && filesystems[role].sampled &&
			    filesystems[role].dev == images->dev;
}

void node_status_kubelet(struct status_filesystem *f, enum fs_role role,
			 const struct kubelet_limits *kubelet)
{
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		struct status_threshold *t = f->thresholds[r];
		t[LEVEL_KUBELET_GC_HIGH] =
			(struct status_threshold){ .percent = kubelet->gc_high_percent };
		t[LEVEL_KUBELET_GC_HIGH].known =
			role == ROLE_IMAGEFS &&
			kubelet_limits_gc(kubelet, r, &f->space,
					  &t[LEVEL_KUBELET_GC_HIGH].available);
		t[LEVEL_KUBELET_HARD] = (struct status_threshold){ .percent = -1 };
		t[LEVEL_KUBELET_HARD].known = kubelet_limits_eviction(
			kubelet, role, r, &f->space, false, &t[LEVEL_KUBELET_HARD].available);
	}
}

static bool all_looked_at(const struct status *s)
{
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *f = &s->filesystems[role];
		if (f->configured && !f->sampled && !f->error[0])
			return false;
	}
	return true;
}

void node_status_findings(struct status *s, const struct config *config,
			  const struct image_gc_policy *gc, const struct kubelet_limits *kubelet)
{
	struct findings_node node = { .kubelet = kubelet,
				      .gc = gc,
				      .eviction = &config->eviction.thresholds };
	if (!all_looked_at(s))
		return;
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *f = &s->filesystems[role];
		node.configured[role] = f->configured;
		node.spaces[role] = f->sampled ? &f->space : NULL;
		node.devices[role] = f->dev;
	}
	findings_find(&node, &s->findings);
	for (int role = 0; role < _ROLE_MAX; role++)
		for (int r = 0; r < _RESOURCE_MAX; r++)
			s->filesystems[role].first[r] = findings_first(&node, role, r);
}

void node_status_forecast(struct status_filesystem *f, const struct forecast *forecast,
			  uint64_t reclaimable)
{
	uint64_t available = space_available(&f->space, RESOURCE_BYTES);
	f->fill_rate = forecast_fill_rate(forecast);
	f->time_to_full = forecast_time_to(forecast, available);
	f->time_to_full_after_reclaim =
		forecast_time_to(forecast, amount_add(available, reclaimable));
}

static void runtime_status(struct status_runtime *ret, const struct node_runtime *r)
{
	*ret = (struct status_runtime){
		.configured = true,
		.up = r->error.code == 0,
		.elsewhere = r->elsewhere,
		.type = r->runtime ? r->runtime->ops->type : NULL,
		.timeout = r->timeout,
		.statistics = r->runtime ? r->runtime->statistics : r->statistics,
	};
	const char *address = *r->address ? r->address : r->endpoint;
	node_status_text(ret->name, *r->name ? r->name : address);
	node_status_text(ret->version, r->version);
	node_status_text(ret->endpoint, address);
	node_status_text(ret->error, r->error.code ? r->error.msg : "");
}

/* That there is none is all right only where none is asked for. */
static void no_runtime(struct status_runtimes *ret, const struct config *config, int result,
		       const struct err *e)
{
	struct status_runtime *r = &ret->items[ret->n++];
	*r = (struct status_runtime){ .configured = result != -ENOENT };
	node_status_text(r->name, config->runtimes[0].endpoint);
	node_status_text(r->error, e->msg);
}

void node_status_runtimes(struct status_runtimes *ret, const struct pass_node *node,
			  const struct config *config, int result, const struct err *e)
{
	ret->n = 0;
	for (size_t i = 0; i < node->n_runtimes; i++)
		runtime_status(&ret->items[ret->n++], &node->runtimes[i]);
	if (ret->n == 0 && result < 0)
		no_runtime(ret, config, result, e);
}

void node_status_observation(struct status *s, const struct observation *o)
{
	memcpy(s->images, o->images, sizeof(s->images));
	s->images_known = true;
	s->filesystems[ROLE_IMAGEFS].reclaimable_bytes = o->facts.reclaimable[RESOURCE_BYTES];
}

static void last_pass(struct status_pass *p, enum fs_role role, const struct pass_report *report,
		      int64_t wall)
{
	*p = (struct status_pass){
		.known = true,
		.filesystem = role,
		.trigger = report->request.trigger,
		.result = report->result,
		.dry_run = report->request.dry_run,
		.removed = report->n_removals,
		.duration = report->ended - report->started,
		.ended_wall_usec = wall,
	};
	memcpy(p->measured, report->measured, sizeof(p->measured));
	memcpy(p->predicted, report->predicted, sizeof(p->predicted));
	node_status_text(p->error, report->error.code ? report->error.msg : "");
}

void node_status_pass(struct status *s, enum fs_role role, const struct pass_report *report,
		      int64_t wall)
{
	struct status_filesystem *f = &s->filesystems[role];
	last_pass(&s->last_pass, role, report, wall);
	if (report->request.dry_run)
		return;
	f->runs[report->request.trigger][report->result]++;
	f->last_gc_wall_usec = wall;
	f->predicted_bytes += report->predicted[RESOURCE_BYTES];
	for (int r = 0; r < _RESOURCE_MAX; r++)
		f->reclaimed[r] += report->measured[r];
	histogram_observe(&s->gc_duration, report->ended - report->started);
	for (size_t i = 0; i < report->n_removals; i++) {
		histogram_observe(&s->removal_duration, report->removals[i].duration);
		s->images_removed[report->removals[i].reason]++;
	}
	for (int i = 0; i < _REMOVAL_ERROR_MAX; i++)
		s->removal_errors[i] += report->removal_errors[i];
}
