/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include <systemd/sd-event.h>

#include "agent.h"
#include "config/config.h"
#include "core/filling.h"
#include "core/forecast.h"
#include "core/pressure.h"
#include "core/schedule.h"
#include "core/status.h"
#include "expose/http-server.h"
#include "expose/process.h"
#include "kube/event-queue.h"
#include "kubelet.h"
#include "pass.h"
#include "shared-config.h"
#include "util/lane.h"

/*
 * The daemon's state, shared by agent.c, sampling.c, reclaiming.c, watching.c, serving.c, securing.c,
 * admitting.c, announce.c and reporting.c alone.
 * Everything in here belongs to the main thread; lanes see only their jobs.
 */

struct agent;

/* One filesystem role and the lane that looks at it: a hung mount blocks only itself. */
struct sampler {
	struct agent *agent;
	enum fs_role role;
	char path[4096]; /* "" while the role has no place on this node */
	struct lane *lane;
	sd_event_source *timer, *done;
	bool in_flight;
	usec_t submitted_at;
	bool identified;
	uint64_t dev;
	struct forecast forecast;
	struct filling filling;
	uint64_t freed_seen; /* of what the reclaimer freed, what the forecast knows of */
};

/* The reclaim lane and what the main thread knows about it. */
struct reclaimer {
	struct lane *lane;
	sd_event_source *done, *observe_timer;
	struct pass_node node; /* the lane's: never touched here while a job is in flight */
	unsigned jobs;	       /* in flight or waiting */
	bool pass_wanted_or_running;
	atomic_bool stopping;
	_Atomic uint64_t freed; /* bytes, by all removals so far; counted by the lane */
	uint64_t freed_when_observed;
	usec_t kubelet_read_at; /* 0: to be read with the next observation */
	bool asked;		/* the runtime was looked for once, whatever came of it */
	struct schedule schedule;
	enum pass_result last_told; /* result of an automatic pass that was told at full priority */
	bool dry_run_told;
	char image_store_path[4096];
	struct err history_error; /* as last told */
};

/* The lane that follows what happens to containers of one runtime, and what was heard since the last
 * inventory. */
struct watcher {
	struct agent *agent;
	struct lane *lane; /* NULL: this one was not needed yet */
	sd_event_source *done, *timer;
	int stop_fd;	/* ends the stream: an eventfd */
	bool in_flight; /* a job is in the lane */
	bool told_to_stop;
	bool asked;	/* the runtime was there, and the stream is asked for */
	bool following; /* it has stood for a moment */
	bool stood_before;
	bool silent; /* it was told that this runtime tells nothing */
	usec_t asked_at;
	usec_t backoff;
	char endpoint[STATUS_TEXT_MAX]; /* "": it has no runtime to follow */
	const char *type;
	usec_t timeout; /* of its calls */
	struct container_news news;
};

struct reporting; /* reporting.c's own */
struct securing;  /* securing.c's own */
struct admitting; /* admitting.c's own */

struct agent {
	const struct agent_options *options;
	sd_event *event;
	struct shared_config *config;
	struct status status;
	struct process_metrics process;
	struct sampler samplers[_ROLE_MAX];
	struct pressure pressure;
	struct kubelet_limits kubelet;
	struct err kubelet_error; /* why they could not be read again, as last told */
	struct reclaimer reclaimer;
	struct watcher watchers[N_MAX_RUNTIMES];
	struct reporting *reporting;
	struct securing *securing;
	struct admitting *admitting;
	struct http_server *http;
	struct http_handlers http_handlers;
	sd_event_source *stop_timer;
	bool stopping;
	/* Set by agent.c, which brings the parts together. */
	void (*sampled)(struct agent *a); /* there is a new sample of imagefs */
	void (*stopped)(struct agent *a); /* the last job of a stopping agent is done */
};

/* sampling.c: the probe lanes. */
int sampling_start(struct agent *a);
void sampling_stop(struct agent *a);
/* Takes paths of a new configuration or of the runtime over, and looks at once. */
void sampling_refresh(struct agent *a);
/* Looks for what is wrong with thresholds, and tells what changed. */
void sampling_judge(struct agent *a);

/* reclaiming.c: the reclaim lane. */
int reclaiming_start(struct agent *a);
/* Waits up to timeout for the job in flight. False: it did not end, its thread is left alone. */
bool reclaiming_stop(struct agent *a, usec_t timeout);
/* After a sample of imagefs: starts a pass or refreshes the observation where that is due. */
void reclaiming_sampled(struct agent *a);
/* Looks at once, the kubelet's configuration included, as a new one of ours may say where that is. */
void reclaiming_reloaded(struct agent *a);
/* Queues a pass for request; http (may be NULL) is answered when it is done. -EBUSY: queue full. */
int reclaiming_request(struct agent *a, const struct pass_request *request,
		       struct http_request *http);

/* Lists everything now, unless something is in flight that does. False: it was not begun. */
bool reclaiming_observe(struct agent *a);

/* watching.c: the watch lanes, one a runtime. */
void watching_start(struct agent *a);
/* Ends the streams and waits up to timeout for each. False: one did not end, its thread is left alone. */
bool watching_stop(struct agent *a, usec_t timeout);
/* These are the runtimes now: those that answer are followed, if they are not yet, and at once where they
 * did not answer before. */
void watching_follow(struct agent *a, const struct status_runtimes *before,
		     const struct status_runtimes *now);
/* Whether something was heard that no inventory has resolved yet. */
bool watching_has_news(const struct agent *a);

/* reporting.c: the kube lane, which tells the API server. */
void reporting_start(struct agent *a);
/* Ends the request in flight and waits up to timeout for that. False: it did not end, as above. */
bool reporting_stop(struct agent *a, usec_t timeout);
/* Takes a new configuration over. */
void reporting_configure(struct agent *a);
/* Something that is worth an event happened now; wall_usec need not be set. */
void reporting_occurred(struct agent *a, const struct event_fact *fact);
/* A pass that was to relieve the image filesystem ended. */
void reporting_pass_ended(struct agent *a, enum pass_result result);
/* There is a new sample of the image filesystem, or none any more. */
void reporting_judge(struct agent *a);
/* Adds the lane and what was told to the status. */
void reporting_show(struct agent *a);

/* serving.c: what others see. */
int serving_start(struct agent *a, struct err *e);
/* Tells the service manager how full the filesystem is. */
void serving_notify(struct agent *a);

/* securing.c: the certificates and tokens of what others see. */
/* Reads the files of a configuration for the first time. */
int securing_start(struct agent *a, struct err *e);
/* Tells what stands open, when there are addresses. */
void securing_tell(struct agent *a);
/* Waits up to timeout for a look in flight. False: it did not end, as above. */
bool securing_stop(struct agent *a, usec_t timeout);
/* Reads the files of a configuration that is not in force yet; *ret has one user more. */
int securing_load(struct agent *a, const struct config *config, struct http_secrets **ret,
		  struct err *e);
/* Takes them over, with the configuration that is in force now. */
void securing_configure(struct agent *a, struct http_secrets *secrets);
/* Adds the lane to the status. */
void securing_show(struct agent *a);

/* admitting.c: whom the cluster lets in. */
int admitting_start(struct agent *a, struct err *e);
/* Takes a new configuration over, and forgets what was said before. */
void admitting_configure(struct agent *a);
/* Ends what is asked and waits up to timeout for that. False: it did not end, as above. */
bool admitting_stop(struct agent *a, usec_t timeout);
/* Adds the lane to the status. */
void admitting_show(struct agent *a);
/* The authorize handler of the HTTP server. */
void admitting_authorize(void *userdata, const struct http_caller *caller,
			 struct http_request *request);

/* announce.c: logs what INTERFACE calls the occurrences, once per change of state, and has Kubernetes
 * told of them. */
void announce_pass_started(struct agent *a, enum pass_trigger trigger);
void announce_pass_ended(struct agent *a, const struct pass_report *report);
void announce_removed(const struct pass_report *report, const struct removal *removal);
/* A level of pressure by an eviction threshold began or ended; images_elsewhere: they are known to be on
 * another filesystem. */
void announce_pressure(struct agent *a, enum fs_role role, enum resource r,
		       enum pressure_level level, bool images_elsewhere);
/* Something that is wrong with thresholds was found, or is no longer so. */
void announce_finding(struct agent *a, const struct finding *f, bool found);
/* A filesystem began to fill fast, or does so no longer. */
void announce_filling(struct agent *a, enum fs_role role, uint64_t reclaimable);
void announce_stuck(struct agent *a, enum fs_role role, bool stuck);
