/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "agent-state.h"
#include "expose/pass-json.h"
#include "node-status.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/log.h"

/* A runtime that is away, or was never there, is looked for this often. */
#define RECONNECT_INTERVAL (5 * USEC_PER_SEC)

/* The kubelet's configuration changes with a restart of the kubelet; so late is early enough. */
#define KUBELET_INTERVAL (5 * USEC_PER_MINUTE)

#define RECLAIM_QUEUE_MAX 4

enum reclaim_kind {
	JOB_OBSERVE,
	JOB_PASS,
};

/* What a watch lane heard of the runtime there. */
struct heard {
	char endpoint[STATUS_TEXT_MAX];
	struct container_news news;
};

struct reclaim_job {
	struct lane_job job;
	enum reclaim_kind kind;
	struct agent *agent; /* for the callback only */
	struct shared_config *config;
	struct image_gc_policy policy; /* points into config */
	bool read_kubelet;
	struct pass_node *node;		    /* the lane's, while the job runs */
	struct heard heard[N_MAX_RUNTIMES]; /* since the job before */
	const atomic_bool *stopping;
	struct http_request *http; /* answered when done; may be NULL */
	bool automatic;
	bool tell; /* in the log; what merely answers a question is not */

	int result; /* JOB_OBSERVE */
	struct err error;
	struct observation observation;
	struct pass_report report; /* JOB_PASS */
	bool observed;		   /* observation is good, in either kind */
	struct status_runtimes runtimes;
	struct err history_error;
	int kubelet_result; /* when read_kubelet is set */
	struct kubelet_limits kubelet;
	struct err kubelet_error;
};

/* --- in the lane ------------------------------------------------------------------------------- */

static void on_removed(void *userdata, const struct pass_report *report,
		       const struct removal *removal)
{
	struct reclaim_job *j = userdata;
	/* at once, as the filesystem is sampled while the pass goes on */
	atomic_fetch_add(&j->agent->reclaimer.freed, removal->measured[RESOURCE_BYTES]);
	if (j->tell)
		announce_removed(report, removal);
}

static void job_pass(struct reclaim_job *j)
{
	struct pass_callbacks callbacks = {
		.stopping = j->stopping,
		.removed = on_removed,
		.userdata = j,
	};
	pass_run(j->node, j->config->config, &j->policy, &callbacks, &j->report);
	j->error = j->report.error;
	j->result = j->report.result == RESULT_ERROR ? -j->error.code : 0;
	if (j->report.n_inventories == 0)
		return;
	j->observed = true;
	plan_count(&j->report.plan, j->observation.images);
	schedule_facts(&j->report.plan, &j->observation.facts);
	if (!j->report.request.dry_run)
		return;
	/* what would be removed is still there */
	j->observation.images[KEEP_NONE] += j->report.n_removals;
	for (int r = 0; r < _RESOURCE_MAX; r++)
		j->observation.facts.reclaimable[r] =
			amount_add(j->observation.facts.reclaimable[r], j->report.predicted[r]);
}

static void job_run(struct lane_job *job)
{
	struct reclaim_job *j = (struct reclaim_job *)job;
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
		pass_node_hear(j->node, j->heard[i].endpoint, &j->heard[i].news);
	if (j->kind == JOB_PASS) {
		job_pass(j);
	} else {
		j->result = pass_observe(j->node, j->config->config, &j->policy, &j->observation,
					 &j->error);
		j->observed = j->result == 0;
	}
	if (j->read_kubelet)
		j->kubelet_result = kubelet_limits_read(j->config->config, j->node->root,
							&j->kubelet, &j->kubelet_error);
	j->history_error = pass_node_save(j->node, j->config->config, false);
	node_status_runtimes(&j->runtimes, j->node, j->config->config, j->result, &j->error);
	/* An inventory of thousands of images leaves the heap full of holes; give them back. */
	(void)malloc_trim(0);
}

/* --- in the main thread ------------------------------------------------------------------------ */

static void job_free(struct reclaim_job *j)
{
	pass_report_done(&j->report);
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
		container_news_clear(&j->heard[i].news);
	j->config = shared_config_unref(j->config);
	free(j);
}

static void job_drop(struct lane_job *job)
{
	struct reclaim_job *j = (struct reclaim_job *)job;
	if (j->http)
		http_request_complete(j->http, 503, "text/plain; charset=utf-8",
				      "the agent is stopping\n", strlen("the agent is stopping\n"));
	job_free(j);
}

static struct reclaim_job *job_new(struct agent *a, enum reclaim_kind kind)
{
	struct reclaim_job *j = xnew(struct reclaim_job);
	j->job.run = job_run;
	j->kind = kind;
	j->agent = a;
	j->config = shared_config_ref(a->config);
	j->policy = effective_policy(a->config->config, &a->kubelet, a->status.filesystems);
	bool with_images[_ROLE_MAX];
	node_status_with_images(a->status.filesystems, with_images);
	pressure_goals(&a->pressure, with_images, &j->policy);
	j->node = &a->reclaimer.node;
	j->stopping = &a->reclaimer.stopping;
	return j;
}

static int job_submit(struct agent *a, struct reclaim_job *j)
{
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++) {
		struct watcher *w = &a->watchers[i];
		memcpy(j->heard[i].endpoint, w->endpoint, sizeof(w->endpoint));
		container_news_move(&j->heard[i].news, &w->news);
	}
	int r = lane_submit(a->reclaimer.lane, &j->job);
	if (r < 0) {
		for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
			container_news_move(&a->watchers[i].news, &j->heard[i].news);
		job_free(j);
	} else {
		a->reclaimer.jobs++;
	}
	return r;
}

bool reclaiming_observe(struct agent *a)
{
	struct reclaimer *r = &a->reclaimer;
	if (r->jobs > 0)
		return false;
	schedule_observation_begins(&r->schedule, &a->status.filesystems[ROLE_IMAGEFS].space,
				    now_monotonic());
	struct reclaim_job *j = job_new(a, JOB_OBSERVE);
	j->read_kubelet =
		r->kubelet_read_at == 0 || now_monotonic() - r->kubelet_read_at >= KUBELET_INTERVAL;
	if (j->read_kubelet)
		r->kubelet_read_at = now_monotonic();
	return job_submit(a, j) == 0;
}

static void observe(struct agent *a)
{
	if (!a->stopping)
		(void)reclaiming_observe(a);
}

static void start_automatic(struct agent *a, enum pass_trigger trigger)
{
	struct reclaimer *r = &a->reclaimer;
	struct reclaim_job *j = job_new(a, JOB_PASS);
	j->automatic = true;
	j->report.request = (struct pass_request){
		.trigger = trigger,
		.dry_run = a->status.dry_run,
		.to_percent = -1,
	};
	/* A dry run is repeated, as the disk stays full; what it would remove is told once. */
	j->tell = !a->status.dry_run || !r->dry_run_told;
	r->pass_wanted_or_running = job_submit(a, j) == 0;
	if (r->pass_wanted_or_running)
		announce_pass_started(a, trigger);
}

void reclaiming_sampled(struct agent *a)
{
	struct reclaimer *r = &a->reclaimer;
	usec_t now = now_monotonic();
	enum pass_trigger trigger;
	if (a->stopping)
		return;
	if (!r->pass_wanted_or_running &&
	    schedule_pass_due(&r->schedule, &a->pressure, now, &trigger))
		start_automatic(a, trigger);
	else if (schedule_observation_due(&r->schedule, &a->status.filesystems[ROLE_IMAGEFS].space,
					  now))
		observe(a);
}

int reclaiming_request(struct agent *a, const struct pass_request *request,
		       struct http_request *http)
{
	struct reclaim_job *j = job_new(a, JOB_PASS);
	j->report.request = *request;
	j->report.request.dry_run = request->dry_run || a->status.dry_run;
	j->http = http;
	j->tell = !http || !j->report.request.dry_run;
	return job_submit(a, j);
}

static void answer(struct reclaim_job *j)
{
	struct buf body = BUF_INIT(BUF_MAX_STATUS);
	struct pass_json_context context = {
		.filesystem = ROLE_IMAGEFS,
		.runtime = "",
		.now = now_monotonic(),
		.wall_offset_usec = now_wall() - now_monotonic(),
		.minimum_age = j->config->config->image_minimum_age,
	};
	const struct pass_report *report = &j->report;
	pass_json_render(&report, 1, &context, &body);
	http_request_complete(j->http, 200, "application/json", buf_string(&body), body.len);
	j->http = NULL;
	buf_done(&body);
}

static void observe_at(struct agent *a, usec_t at)
{
	usec_t now = now_monotonic();
	if (a->stopping)
		return;
	if (sd_event_source_set_time_relative(a->reclaimer.observe_timer,
					      (uint64_t)(at > now ? at - now : 0)) < 0)
		log_warning("cannot arm the timer of observations, ignoring");
}

static void pass_done(struct agent *a, struct reclaim_job *j)
{
	struct reclaimer *r = &a->reclaimer;
	if (j->tell || j->automatic)
		node_status_pass(&a->status, ROLE_IMAGEFS, &j->report, now_wall());
	if (j->automatic) {
		r->pass_wanted_or_running = false;
		observe_at(a, schedule_pass_ended(&r->schedule, &j->report, &j->observation.facts,
						  now_monotonic()));
	}
	if (j->tell || j->automatic)
		announce_pass_ended(a, &j->report);
	if (j->http)
		answer(j);
	if (!a->stopping)
		sampling_refresh(a);
}

static void take_observation(struct agent *a, const struct reclaim_job *j)
{
	struct reclaimer *r = &a->reclaimer;
	node_status_observation(&a->status, &j->observation);
	r->freed_when_observed = atomic_load(&r->freed);
	if (j->kind != JOB_OBSERVE)
		return;
	observe_at(a, schedule_observed(&r->schedule, &j->observation.facts, a->status.dry_run,
					now_monotonic()));
	if (strcmp(r->image_store_path, j->observation.image_store_path) == 0)
		return;
	memcpy(r->image_store_path, j->observation.image_store_path, sizeof(r->image_store_path));
	sampling_refresh(a);
}

static const struct status_runtime *known_before(const struct status_runtimes *all,
						 const struct status_runtime *r)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i].endpoint, r->endpoint) == 0)
			return &all->items[i];
	return NULL;
}

/* What changed about a runtime is told once. */
static void tell_runtime(const struct status_runtime *before, const struct status_runtime *r)
{
	bool was_up = before && before->up, was_elsewhere = before && before->elsewhere;
	if (r->up && !was_up)
		log_info("runtime %s at %s", r->version, r->endpoint);
	else if (!r->up && !(before && strcmp(before->error, r->error) == 0))
		log_message(r->configured ? LOG_ERR : LOG_NOTICE, "%s%s", r->error,
			    r->configured ? "" : "; watching the filesystems only");
	if (r->elsewhere && !was_elsewhere)
		log_warning(
			"the images of %s are on another filesystem than imagefs: they are left "
			"alone; an agent with a configuration of its own can look after them",
			r->version);
}

static void note_runtimes(struct agent *a, const struct reclaim_job *j)
{
	for (size_t i = 0; i < j->runtimes.n; i++)
		tell_runtime(known_before(&a->status.runtimes, &j->runtimes.items[i]),
			     &j->runtimes.items[i]);
	watching_follow(a, &a->status.runtimes, &j->runtimes);
	a->status.runtimes = j->runtimes;
}

static void note_history(struct agent *a, const struct err *e)
{
	struct reclaimer *r = &a->reclaimer;
	if (e->code != 0 && r->history_error.code == 0)
		log_warning("usage history: %s; it is kept in memory only", e->msg);
	else if (e->code == 0 && r->history_error.code != 0)
		log_notice("usage history: kept again");
	r->history_error = *e;
}

/* What cannot be read is told once, and the last good values stay. */
static void note_kubelet(struct agent *a, const struct reclaim_job *j)
{
	if (!j->read_kubelet)
		return;
	if (j->kubelet_result < 0) {
		if (strcmp(j->kubelet_error.msg, a->kubelet_error.msg) != 0)
			log_warning("the kubelet's configuration: %s; %s", j->kubelet_error.msg,
				    a->kubelet.known ? "what was read before stays"
						     : "not kept ahead of");
		a->kubelet_error = j->kubelet_error;
		return;
	}
	if (j->kubelet.known && !a->kubelet.known)
		log_info("the kubelet's configuration is known, staying %lld%% ahead of it",
			 (long long)a->config->config->kubelet_lead_percent);
	a->kubelet = j->kubelet;
	a->kubelet_error = (struct err){ 0 };
}

static void job_done(struct agent *a, struct reclaim_job *j)
{
	a->reclaimer.jobs--;
	a->reclaimer.asked = true;
	note_runtimes(a, j);
	note_history(a, &j->history_error);
	note_kubelet(a, j);
	if (j->observed)
		take_observation(a, j);
	if (j->kind == JOB_PASS)
		pass_done(a, j);
	sampling_judge(a);
	job_free(j);
	serving_notify(a);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	struct agent *a = userdata;
	struct lane_job *job;
	while ((job = lane_take_done(a->reclaimer.lane)))
		job_done(a, (struct reclaim_job *)job);
	if (a->stopping && a->reclaimer.jobs == 0)
		a->stopped(a);
	return 0;
}

void reclaiming_reloaded(struct agent *a)
{
	a->reclaimer.kubelet_read_at = 0;
	observe_at(a, now_monotonic());
}

static int on_observe_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)usec;
	struct agent *a = userdata;
	bool up = status_runtime_any_up(&a->status.runtimes);
	int r = sd_event_source_set_time_relative(
		source, (uint64_t)(up ? SCHEDULE_OBSERVE_INTERVAL : RECONNECT_INTERVAL));
	observe(a);
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int reclaiming_start(struct agent *a)
{
	struct reclaimer *r = &a->reclaimer;
	pass_node_init(&r->node, a->options->root);
	r->last_told = RESULT_REACHED;
	r->lane = lane_new("reclaim", RECLAIM_QUEUE_MAX);
	if (!r->lane)
		return -errno;
	int e = sd_event_add_io(a->event, &r->done, lane_fd(r->lane), EPOLLIN, on_done, a);
	if (e >= 0)
		e = sd_event_add_time_relative(a->event, &r->observe_timer, CLOCK_MONOTONIC, 0, 0,
					       on_observe_timer, a);
	if (e < 0)
		return e;
	(void)sd_event_source_set_description(r->done, "reclaim-done");
	(void)sd_event_source_set_description(r->observe_timer, "observe-timer");
	e = sd_event_source_set_exit_on_failure(r->done, true);
	return e < 0 ? e : sd_event_source_set_exit_on_failure(r->observe_timer, true);
}

bool reclaiming_stop(struct agent *a, usec_t timeout)
{
	struct reclaimer *r = &a->reclaimer;
	r->observe_timer = sd_event_source_disable_unref(r->observe_timer);
	r->done = sd_event_source_disable_unref(r->done);
	if (r->lane && !lane_free(r->lane, timeout, job_drop))
		return false;
	r->lane = NULL;
	(void)pass_node_save(&r->node, a->config->config, true);
	pass_node_done(&r->node);
	return true;
}
