/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "agent-state.h"
#include "expose/journal.h"
#include "expose/metrics.h"
#include "expose/notify.h"
#include "expose/status-json.h"
#include "node-status.h"
#include "util/human.h"
#include "util/json-read.h"
#include "util/log.h"

/* SIGTERM to exit: the removal in flight may take so long, systemd and users wait no longer. */
#define STOP_TIMEOUT (4500 * USEC_PER_MSEC)

#define EXIT_BAD_CONFIGURATION 1
#define EXIT_IMPOSSIBLE	       2

struct shared_config *shared_config_new(struct config *config)
{
	struct shared_config *c = xnew(struct shared_config);
	c->config = config;
	c->users = 1;
	return c;
}

struct shared_config *shared_config_ref(struct shared_config *c)
{
	c->users++;
	return c;
}

struct shared_config *shared_config_unref(struct shared_config *c)
{
	if (c && --c->users == 0) {
		config_free(c->config);
		free(c);
	}
	return NULL;
}

/* --- configuration ----------------------------------------------------------------------------- */

static int load(const struct agent_options *options, struct config **ret, struct err *e)
{
	int r = config_load(&options->source, ret, e);
	if (r == 0 && options->dry_run != TRISTATE_AUTO)
		(*ret)->dry_run = options->dry_run == TRISTATE_YES;
	return r;
}

static void setup_log(const struct config *c)
{
	enum log_format format = c->log_format;
	if (format == LOG_FORMAT_AUTO)
		format = journal_available() ? LOG_FORMAT_JOURNAL : LOG_FORMAT_TEXT;
	log_setup(format == LOG_FORMAT_JOURNAL ? journal_sink
		  : format == LOG_FORMAT_JSON  ? log_sink_json
					       : log_sink_text,
		  c->log_level);
}

static void adopt(struct agent *a, struct config *config)
{
	shared_config_unref(a->config);
	a->config = shared_config_new(config);
	a->status.dry_run = config->dry_run;
	setup_log(config);
	sampling_refresh(a);
}

static void reload(struct agent *a)
{
	struct config *config = NULL;
	struct err e = { 0 };
	(void)notify_reloading(now_monotonic());
	if (load(a->options, &config, &e) < 0) {
		a->status.config_reload_successful = false;
		log_error("configuration not reloaded, the old one stays: %s", e.msg);
	} else {
		adopt(a, config);
		a->status.config_reload_successful = true;
		a->status.config_reload_success_wall_usec = now_wall();
		log_notice("configuration reloaded%s", config->dry_run ? ", dry run" : "");
	}
	(void)notify_ready(NULL);
}

/* --- signals ----------------------------------------------------------------------------------- */

void agent_stopped(struct agent *a)
{
	(void)sd_event_exit(a->event, 0);
}

static int on_stop_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	log_warning("the removal in flight has not ended in time, leaving it to the runtime");
	agent_stopped(userdata);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	struct agent *a = userdata;
	if (a->stopping)
		return 0;
	a->stopping = true;
	a->reclaimer.stopping = 1;
	(void)notify_stopping(NULL);
	log_notice("stopping on %s", info->ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
	if (a->reclaimer.jobs == 0) {
		agent_stopped(a);
		return 0;
	}
	return sd_event_add_time_relative(a->event, &a->stop_timer, CLOCK_MONOTONIC, STOP_TIMEOUT,
					  0, on_stop_timeout, a);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	struct agent *a = userdata;
	if (!a->stopping)
		reload(a);
	return 0;
}

static int on_pass_now(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	struct agent *a = userdata;
	struct pass_request request = { .trigger = TRIGGER_MANUAL, .to_percent = -1 };
	if (a->stopping)
		return 0;
	if (reclaiming_request(a, &request, NULL) < 0)
		log_warning("SIGUSR1 ignored: too many passes wait already");
	else
		log_notice("pass requested by SIGUSR1");
	return 0;
}

static int add_signals(struct agent *a)
{
	static const struct {
		int number;
		sd_event_signal_handler_t handler;
	} table[] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGHUP, on_reload },
		{ SIGUSR1, on_pass_now },
	};
	sigset_t set;
	(void)sigemptyset(&set);
	for (size_t i = 0; i < ELEMENTS(table); i++)
		(void)sigaddset(&set, table[i].number);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		int r = sd_event_add_signal(a->event, NULL, table[i].number, table[i].handler, a);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what others see --------------------------------------------------------------------------- */

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
		.stuck = running > 2 * a->config->config->runtime_timeout,
		.busy_for = running,
	};
}

void agent_update_notify(struct agent *a)
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
	if (a->status.runtime.configured && !a->status.runtime.up)
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
	bool ready = s->runtime.up || (!s->runtime.configured && a->reclaimer.observed_at > 0);
	if (!ready)
		(void)buf_printf(reason, "runtime: %s\n",
				 s->runtime.error[0] ? s->runtime.error : "not asked yet");
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

static int start_http(struct agent *a, struct err *e)
{
	const struct word_list *listen = &a->config->config->listen;
	a->http_handlers = (struct http_handlers){
		.userdata = a,
		.metrics = serve_metrics,
		.status = serve_status,
		.healthy = serve_healthy,
		.ready = serve_ready,
		.gc = serve_gc,
	};
	a->http = http_server_new(a->event, &a->http_handlers, NULL);
	for (size_t i = 0; i < listen->n_words; i++) {
		int r = http_server_listen(a->http, listen->words[i], e);
		if (r < 0)
			return r;
		log_info("serving on %s", http_server_address(a->http, i));
	}
	return 0;
}

/* --- life -------------------------------------------------------------------------------------- */

static int agent_start(struct agent *a, struct err *e)
{
	int r = sd_event_new(&a->event);
	if (r >= 0)
		r = add_signals(a);
	if (r >= 0)
		r = sd_event_set_watchdog(a->event, true);
	if (r < 0)
		return err_set(e, -r, "event loop: %s", strerror(-r));
	r = start_http(a, e);
	if (r < 0)
		return r;
	r = reclaiming_start(a);
	if (r >= 0)
		r = sampling_start(a);
	return r < 0 ? err_set(e, -r, "lanes: %s", strerror(-r)) : 0;
}

/* Returns false when a thread hangs and may still use what it was given. */
static bool agent_stop(struct agent *a)
{
	sampling_stop(a);
	bool ended = reclaiming_stop(a, 200 * USEC_PER_MSEC);
	a->http = http_server_free(a->http);
	a->stop_timer = sd_event_source_disable_unref(a->stop_timer);
	a->event = sd_event_unref(a->event);
	return ended;
}

static void announce_start(const struct agent *a)
{
	const struct config *c = a->config->config;
	log_notice("disk-pressure-agent %s: reclaiming images at %lld%% down to %lld%%%s",
		   PACKAGE_VERSION, (long long)c->image_gc_high_percent[RESOURCE_BYTES],
		   (long long)c->image_gc_low_percent[RESOURCE_BYTES],
		   c->dry_run ? ", dry run: nothing is removed" : "");
}

int agent_run(const struct agent_options *options)
{
	struct agent *a = xnew(struct agent);
	struct config *config = NULL;
	struct err e = { 0 };
	a->options = options;
	if (load(options, &config, &e) < 0) {
		log_error("%s", e.msg);
		free(a);
		return e.code == EINVAL ? EXIT_BAD_CONFIGURATION : EXIT_IMPOSSIBLE;
	}
	/* One arena for all lanes: each further one costs dirty pages that are never given back. */
	(void)mallopt(M_ARENA_MAX, 1);
	setup_log(config);
	a->config = shared_config_new(config);
	node_status_init(&a->status, config);
	int r = agent_start(a, &e);
	if (r < 0) {
		log_error("%s", e.msg);
	} else {
		announce_start(a);
		(void)notify_ready(NULL);
		r = sd_event_loop(a->event);
		if (r < 0)
			log_error("event loop: %s", strerror(-r));
	}
	if (!agent_stop(a))
		/* nothing that the thread left behind uses may be freed under it */
		_exit(r < 0 ? EXIT_IMPOSSIBLE : EXIT_SUCCESS);
	a->config = shared_config_unref(a->config);
	free(a);
	return r < 0 ? EXIT_IMPOSSIBLE : EXIT_SUCCESS;
}
