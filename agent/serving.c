/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "agent-state.h"
#include "expose/metrics.h"
#include "expose/notify.h"
#include "expose/status-json.h"
#include "util/clock.h"
#include "util/human.h"
#include "util/json-read.h"
#include "util/log.h"

static usec_t longest_timeout(const struct config *config)
{
	usec_t longest = 0;
	for (size_t i = 0; i < config->n_runtimes; i++)
		if (config->runtimes[i].timeout > longest)
			longest = config->runtimes[i].timeout;
	return longest;
}

/* The watch lanes as one. They wait for what happens: that is no hang, however long it takes. */
static void watch_lane(struct agent *a)
{
	struct status *s = &a->status;
	struct status_lane all = { .name = "watch" };
	bool any = false;
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++) {
		const struct watcher *w = &a->watchers[i];
		usec_t busy_for = w->following ? now_monotonic() - w->asked_at : 0;
		any = any || w->endpoint[0];
		all.busy = all.busy || w->following;
		if (busy_for > all.busy_for)
			all.busy_for = busy_for;
	}
	if (any)
		s->lanes[s->n_lanes++] = all;
}

static void refresh_status(struct agent *a)
{
	struct status *s = &a->status;
	s->now_wall_usec = now_wall();
	s->log_lines_dropped = log_dropped();
	s->n_lanes = 0;
	for (int role = 0; role < _ROLE_MAX; role++) {
		struct sampler *sampler = &a->samplers[role];
		if (sampler->path[0])
			s->lanes[s->n_lanes++] = (struct status_lane){
				.name = fs_role_to_string(role),
				.busy = sampler->in_flight,
				.stuck = s->filesystems[role].stuck,
				.busy_for = lane_running_for(sampler->lane),
			};
	}
	usec_t running = lane_running_for(a->reclaimer.lane);
	s->lanes[s->n_lanes++] = (struct status_lane){
		.name = "reclaim",
		.busy = a->reclaimer.jobs > 0,
		/* one call ends within the timeout; a pass is many calls, but each is short */
		.stuck = running > 2 * longest_timeout(a->config->config),
		.busy_for = running,
	};
	watch_lane(a);
	reporting_show(a);
	securing_show(a);
	admitting_show(a);
}

void serving_notify(struct agent *a)
{
	const struct status_filesystem *f = &a->status.filesystems[ROLE_IMAGEFS];
	if (!f->configured)
		f = &a->status.filesystems[ROLE_NODEFS];
	if (!f->sampled)
		return;
	char size[HUMAN_MAX];
	cleanup_buf struct buf text = BUF_INIT(1024);
	(void)buf_printf(&text, "%s: %d%% of %s used", f->path,
			 space_used_percent(&f->space, RESOURCE_BYTES),
			 human_bytes(f->space.size_bytes, size));
	if (a->status.dry_run)
		(void)buf_puts(&text, ", dry run");
	if (status_runtime_down(&a->status.runtimes))
		(void)buf_puts(&text, ", runtime unreachable");
	(void)notify_status(buf_string(&text));
}

static void serve_metrics(void *userdata, bool openmetrics, struct buf *out)
{
	struct agent *a = userdata;
	refresh_status(a);
	(void)process_metrics_read("/proc", &a->process);
	metrics_render(&a->status, &a->process, openmetrics, out);
}

static void serve_status(void *userdata, struct buf *out)
{
	struct agent *a = userdata;
	refresh_status(a);
	status_json_render(&a->status, out);
}

/* Alive: the loop turns, or this would not be answered. Stuck lanes are told, not judged: a restart
 * would not bring a dead mount back. */
static bool serve_healthy(void *userdata, struct buf *reason)
{
	struct agent *a = userdata;
	refresh_status(a);
	for (size_t i = 0; i < a->status.n_lanes; i++)
		if (a->status.lanes[i].stuck)
			(void)buf_printf(reason, "lane %s is stuck\n", a->status.lanes[i].name);
	return true;
}

static bool serve_ready(void *userdata, struct buf *reason)
{
	const struct agent *a = userdata;
	const struct status *s = &a->status;
	const struct status_runtime *down = status_runtime_down(&s->runtimes);
	bool ready = a->reclaimer.asked && !down;
	if (!ready)
		(void)buf_printf(reason, "runtime: %s\n", down ? down->error : "not asked yet");
	for (int role = 0; role < _ROLE_MAX; role++) {
		const struct status_filesystem *f = &s->filesystems[role];
		if (!f->configured || f->sampled)
			continue;
		ready = false;
		(void)buf_printf(reason, "%s: %s\n", fs_role_to_string(role),
				 f->error[0] ? f->error : "not sampled yet");
	}
	return ready;
}

static int parse_gc_body(const char *body, size_t len, struct pass_request *ret, struct err *e)
{
	cleanup_json cJSON *json = NULL;
	uint64_t percent;
	*ret = (struct pass_request){ .trigger = TRIGGER_MANUAL, .to_percent = -1 };
	if (len == 0)
		return 0;
	int r = json_parse(body, len, &json, e);
	if (r < 0)
		return -EINVAL;
	r = json_get_bool(json, "dryRun", &ret->dry_run, e);
	if (r < 0 && r != -ENOENT)
		return r;
	r = json_get_u64(json, "toPercent", &percent, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (percent > 99)
		return err_set(e, EINVAL, "toPercent must be between 0 and 99");
	ret->to_percent = (int)percent;
	return 0;
}

static int serve_gc(void *userdata, const char *body, size_t len, struct http_request *http,
		    struct err *e)
{
	struct agent *a = userdata;
	struct pass_request request;
	int r = parse_gc_body(body, len, &request, e);
	if (r < 0)
		return r;
	if (a->stopping)
		return err_set(e, ESHUTDOWN, "the agent is stopping");
	if (reclaiming_request(a, &request, http) < 0)
		return err_set(e, EBUSY, "too many passes wait already");
	return 0;
}

int serving_start(struct agent *a, struct err *e)
{
	const struct word_list *listen = &a->config->config->listen;
	a->http_handlers = (struct http_handlers){
		.userdata = a,
		.metrics = serve_metrics,
		.status = serve_status,
		.healthy = serve_healthy,
		.ready = serve_ready,
		.gc = serve_gc,
		.authorize = admitting_authorize,
	};
	a->http = http_server_new(a->event, &a->http_handlers, NULL);
	int r = securing_start(a, e);
	if (r == 0)
		r = admitting_start(a, e);
	for (size_t i = 0; r == 0 && i < listen->n_words; i++) {
		r = http_server_listen(a->http, listen->words[i], e);
		if (r == 0)
			log_info("serving on %s", http_server_address(a->http, i));
	}
	if (r == 0)
		securing_tell(a);
	return r;
}
