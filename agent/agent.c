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
#include "expose/notify.h"
#include "node-status.h"
#include "util/clock.h"
#include "util/log.h"

/* SIGTERM to exit: the removal in flight may take so long, systemd and users wait no longer. */
#define STOP_TIMEOUT (4500 * USEC_PER_MSEC)

#define EXIT_BAD_CONFIGURATION 1
#define EXIT_IMPOSSIBLE	       2

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

static void adopt(struct agent *a, struct config *config, struct http_secrets *secrets)
{
	shared_config_unref(a->config);
	a->config = shared_config_new(config);
	a->status.dry_run = config->dry_run;
	setup_log(config);
	sampling_refresh(a);
	reclaiming_reloaded(a);
	reporting_configure(a);
	admitting_configure(a);
	securing_configure(a, secrets);
	securing_tell(a);
}

static int load_for_reload(struct agent *a, struct config **ret, struct http_secrets **ret_secrets,
			   struct err *e)
{
	int r = load(a->options, ret, e);
	if (r < 0)
		return r;
	r = securing_load(a, *ret, ret_secrets, e);
	if (r < 0)
		*ret = config_free(*ret);
	return r;
}

static void reload(struct agent *a)
{
	struct config *config = NULL;
	struct http_secrets *secrets = NULL;
	struct err e = { 0 };
	(void)notify_reloading(now_monotonic());
	if (load_for_reload(a, &config, &secrets, &e) < 0) {
		a->status.config_reload_successful = false;
		log_error("configuration not reloaded, the old one stays: %s", e.msg);
	} else {
		adopt(a, config, secrets);
		a->status.config_reload_successful = true;
		a->status.config_reload_success_wall_usec = now_wall();
		log_notice("configuration reloaded%s", config->dry_run ? ", dry run" : "");
	}
	(void)notify_ready(NULL);
}

/* --- signals ----------------------------------------------------------------------------------- */

static void agent_stopped(struct agent *a)
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
	/* What was heard and not looked up yet would be lost with the process. */
	bool look = watching_has_news(a) && status_runtime_any_up(&a->status.runtimes) &&
		    reclaiming_observe(a);
	if (!look && a->reclaimer.jobs == 0) {
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
	r = serving_start(a, e);
	if (r < 0)
		return r;
	a->stopped = agent_stopped;
	a->sampled = reclaiming_sampled;
	reporting_start(a);
	watching_start(a);
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
	ended = watching_stop(a, 200 * USEC_PER_MSEC) && ended;
	ended = reporting_stop(a, 200 * USEC_PER_MSEC) && ended;
	ended = admitting_stop(a, 200 * USEC_PER_MSEC) && ended;
	ended = securing_stop(a, 200 * USEC_PER_MSEC) && ended;
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
