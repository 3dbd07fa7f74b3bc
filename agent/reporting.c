/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "agent-state.h"
#include "cluster.h"
#include "config/checks.h"
#include "kube/reporter.h"
#include "node-status.h"
#include "util/clock.h"
#include "util/log.h"

/*
 * The kube lane: what happens on the node is told to the API server. The reporter decides what and
 * when, in the main thread; the lane makes one request at a time and may wait for it as long as it
 * takes. Nothing else waits for the lane.
 */

#define REQUEST_TIMEOUT (10 * USEC_PER_SEC)
/* A connection that is not needed any more is closed: thousands of nodes have thousands. */
#define REST_AFTER	(15 * USEC_PER_SEC)

enum report_kind {
	REPORT_LOAD, /* only finds out where the server is */
	REPORT_REQUEST,
	REPORT_REST,
};

/* The lane's: never touched by the main thread while a job is in flight. */
struct link {
	struct kube_client *client; /* NULL: not known where the server is */
	unsigned generation;
};

struct report_job {
	struct lane_job job;
	enum report_kind kind;
	struct link *link;
	struct shared_config *config;
	unsigned generation; /* of the configuration */
	const int *stop_fd;
	struct reporter_request *request; /* REPORT_REQUEST */

	int result;
	struct err error;
	struct kube_answer answer;
	bool loaded; /* the server is known since this job: */
	bool insecure;
	char server[STATUS_TEXT_MAX];
};

struct reporting {
	struct lane *lane; /* NULL: nothing was ever to be told */
	sd_event_source *done, *timer;
	int stop_fd; /* an eventfd */
	struct link link;
	bool enabled, events, in_flight;
	bool configure_again; /* a new configuration came while a job was in flight */
	unsigned generation;
	usec_t rest_at; /* USEC_INFINITY: there is no connection */
	struct err told;
	/* passes since the pressure began that is there */
	bool begin_told; /* and no end since */
	bool pass_known;
	enum pass_result pass_result;
	struct reporter reporter;
};

static uint64_t any_number(void)
{
	uint64_t n;
	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) == sizeof(n))
		return n;
	return (uint64_t)now_wall() * 0x9e3779b97f4a7c15u; /* early at boot */
}

/* --- in the lane ------------------------------------------------------------------------------- */

/* Finds out where the server is, again after each change of the configuration. */
static int link_up(struct report_job *j)
{
	struct link *link = j->link;
	struct kube_config config = { 0 };
	if (link->client && link->generation == j->generation)
		return 0;
	link->client = kube_client_free(link->client);
	int r = cluster_config(j->config->config, &config, &j->error);
	if (r < 0)
		return r;
	j->loaded = true;
	j->insecure = config.insecure;
	node_status_text(j->server, config.server);
	link->client = kube_client_new(&config);
	link->generation = j->generation;
	return 0;
}

static void job_run(struct lane_job *job)
{
	struct report_job *j = (struct report_job *)job;
	if (j->kind == REPORT_REST) {
		if (j->link->client)
			kube_client_rest(j->link->client);
		(void)malloc_trim(0);
		return;
	}
	j->result = link_up(j);
	if (j->result < 0 || j->kind != REPORT_REQUEST)
		return;
	j->request->call.timeout = REQUEST_TIMEOUT;
	j->request->call.stop_fd = j->stop_fd;
	j->result = kube_request(j->link->client, &j->request->call, &j->answer, &j->error);
}

/* --- in the main thread ------------------------------------------------------------------------ */

static void job_free(struct report_job *j)
{
	reporter_request_free(j->request);
	buf_done(&j->answer.body);
	j->config = shared_config_unref(j->config);
	free(j);
}

static void job_drop(struct lane_job *job)
{
	job_free((struct report_job *)job);
}

static void submit(struct agent *a, enum report_kind kind, struct reporter_request *request)
{
	struct reporting *r = a->reporting;
	struct report_job *j = xnew(struct report_job);
	j->job.run = job_run;
	j->kind = kind;
	j->link = &r->link;
	j->config = shared_config_ref(a->config);
	j->generation = r->generation;
	j->stop_fd = &r->stop_fd;
	j->request = request;
	j->answer = KUBE_ANSWER_INIT;
	/* There is one job at a time, so the queue has room. */
	r->in_flight = lane_submit(r->lane, &j->job) == 0;
	if (!r->in_flight)
		job_free(j);
}

/* Does what is due, and sets the timer to what is next. */
static void proceed(struct agent *a)
{
	struct reporting *r = a->reporting;
	usec_t now = now_monotonic();
	struct reporter_request *request;
	if (!r->enabled || r->in_flight || a->stopping)
		return;
	if ((request = reporter_begin(&r->reporter, now, now_wall()))) {
		submit(a, REPORT_REQUEST, request);
		return;
	}
	if (now >= r->rest_at) {
		r->rest_at = USEC_INFINITY;
		submit(a, REPORT_REST, NULL);
		return;
	}
	usec_t at = reporter_next(&r->reporter, now);
	if (r->rest_at < at)
		at = r->rest_at;
	int e = at == USEC_INFINITY
			? sd_event_source_set_enabled(r->timer, SD_EVENT_OFF)
			: sd_event_source_set_time_relative(r->timer, (uint64_t)(at - now));
	if (e >= 0 && at != USEC_INFINITY)
		e = sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT);
	if (e < 0)
		log_warning("cannot arm the timer of what Kubernetes is told, ignoring");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	proceed(userdata);
	return 0;
}

/* What has gone wrong is told when it is something else than the last time. */
static void note_result(struct agent *a, const struct report_job *j)
{
	struct reporting *r = a->reporting;
	struct status_kubernetes *s = &a->status.kubernetes;
	if (j->result < 0) {
		if (strcmp(j->error.msg, r->told.msg) != 0)
			log_warning("kubernetes: %s", j->error.msg);
		r->told = j->error;
		node_status_text(s->error, j->error.msg);
		return;
	}
	if (r->told.code != 0 && j->kind == REPORT_REQUEST)
		log_notice("kubernetes: %s takes requests again", s->server);
	if (j->kind == REPORT_REQUEST)
		r->told = (struct err){ 0 };
	s->error[0] = '\0';
}

static void note_server(struct agent *a, const struct report_job *j)
{
	struct status_kubernetes *s = &a->status.kubernetes;
	if (!j->loaded)
		return;
	memcpy(s->server, j->server, sizeof(s->server));
	log_info("kubernetes: telling %s about the Node %s", s->server, s->node);
	if (j->insecure)
		log_warning("kubernetes: the certificate of %s is not looked at "
			    "(insecure-skip-tls-verify): whoever answers there gets the token",
			    s->server);
}

/* What stands for success: an event that is there already, one that is not there any more. */
static bool is_expected(const struct report_job *j)
{
	if (j->result == -ECANCELED)
		return true;
	return j->kind == REPORT_REQUEST &&
	       ((j->request->kind == REPORTER_EVENT_CREATE && j->result == -EEXIST) ||
		(j->request->kind == REPORTER_EVENT_SERIES &&
		 (j->result == -ENOENT || j->result == -ESTALE)));
}

static void job_done(struct agent *a, struct report_job *j)
{
	struct reporting *r = a->reporting;
	r->in_flight = false;
	note_server(a, j);
	if (j->kind == REPORT_REQUEST) {
		status_count_request(&a->status.kubernetes, j->answer.status);
		reporter_end(&r->reporter, j->request, j->result, &j->answer, now_monotonic(),
			     any_number());
		r->rest_at = now_monotonic() + REST_AFTER;
	}
	if (j->kind != REPORT_REST && !is_expected(j))
		note_result(a, j);
	job_free(j);
	if (r->configure_again)
		reporting_configure(a);
	else
		proceed(a);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	struct agent *a = userdata;
	struct lane_job *job;
	while ((job = lane_take_done(a->reporting->lane)))
		job_done(a, (struct report_job *)job);
	return 0;
}

/* --- configuration ----------------------------------------------------------------------------- */

static bool wants_events(const struct config *c)
{
	if (c->kubernetes_events != TRISTATE_AUTO)
		return c->kubernetes_events == TRISTATE_YES;
	return *c->kubernetes_kubeconfig ||
	       kube_config_is_in_cluster(getenv("KUBERNETES_SERVICE_HOST"), KUBE_SERVICE_ACCOUNT);
}

/* As the kubelet makes the name of its Node. */
static void host_name(char ret[NODE_NAME_MAX])
{
	struct utsname name;
	ret[0] = '\0';
	if (uname(&name) < 0)
		return;
	(void)snprintf(ret, NODE_NAME_MAX, "%s", name.nodename);
	for (char *p = ret; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

static int node_name(const struct config *c, char ret[NODE_NAME_MAX])
{
	const char *environment = getenv("NODE_NAME");
	if (*c->kubernetes_node_name)
		(void)snprintf(ret, NODE_NAME_MAX, "%s", c->kubernetes_node_name);
	else if (environment && *environment)
		(void)snprintf(ret, NODE_NAME_MAX, "%s", environment);
	else
		host_name(ret);
	if (*ret && !check_node_name(ret))
		return 0;
	log_error("kubernetes: \"%s\" cannot be the name of a Node, nothing is told; set "
		  "kubernetes.node-name",
		  ret);
	return -EINVAL;
}

static int lane_up(struct agent *a)
{
	struct reporting *r = a->reporting;
	if (r->lane)
		return 0;
	if (r->stop_fd < 0)
		r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->lane = r->stop_fd < 0 ? NULL : lane_new("kube", 1);
	if (!r->lane)
		return -errno;
	int e = sd_event_add_io(a->event, &r->done, lane_fd(r->lane), EPOLLIN, on_done, a);
	if (e >= 0)
		e = sd_event_add_time_relative(a->event, &r->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
					       a);
	if (e < 0)
		return e;
	(void)sd_event_source_set_description(r->done, "kube-done");
	(void)sd_event_source_set_description(r->timer, "kube-timer");
	return sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
}

static void configure(struct agent *a)
{
	struct reporting *r = a->reporting;
	const struct config *c = a->config->config;
	char node[NODE_NAME_MAX];
	r->events = wants_events(c);
	r->enabled = r->events || strcmp(c->kubernetes_condition, "no") != 0;
	if (r->enabled)
		r->enabled = node_name(c, node) == 0;
	int e = r->enabled ? lane_up(a) : 0;
	if (e < 0) {
		log_error("kubernetes: no lane: %s; nothing is told", strerror(-e));
		r->enabled = false;
	}
	a->status.kubernetes.enabled = r->enabled;
	if (!r->enabled) {
		r->rest_at = USEC_INFINITY;
		if (r->lane)
			submit(a, REPORT_REST, NULL);
		return;
	}
	reporter_configure(&r->reporter, node, c->kubernetes_condition, now_monotonic(),
			   any_number());
	node_status_text(a->status.kubernetes.node, node);
	submit(a, REPORT_LOAD, NULL);
}

void reporting_configure(struct agent *a)
{
	struct reporting *r = a->reporting;
	r->configure_again = r->in_flight;
	if (r->in_flight)
		return;
	r->generation++;
	r->told = (struct err){ 0 };
	configure(a);
}

void reporting_start(struct agent *a)
{
	a->reporting = xnew(struct reporting);
	a->reporting->stop_fd = -1;
	a->reporting->rest_at = USEC_INFINITY;
	reporting_configure(a);
}

bool reporting_stop(struct agent *a, usec_t timeout)
{
	struct reporting *r = a->reporting;
	if (!r)
		return true;
	r->timer = sd_event_source_disable_unref(r->timer);
	r->done = sd_event_source_disable_unref(r->done);
	if (r->lane) {
		(void)eventfd_write(r->stop_fd, 1);
		if (!lane_free(r->lane, timeout, job_drop))
			return false;
	}
	if (r->stop_fd >= 0)
		(void)close(r->stop_fd);
	kube_client_free(r->link.client);
	free(r);
	a->reporting = NULL;
	return true;
}

/* --- what is told ------------------------------------------------------------------------------ */

/* A pass that waits for images to come of age, and the one after it, are one to people. */
static bool begins_again(struct reporting *r, const struct event_fact *fact)
{
	bool again = fact->reason == OCCURRENCE_RECLAIM_STARTED && r->begin_told;
	r->begin_told = r->begin_told || fact->reason == OCCURRENCE_RECLAIM_STARTED;
	return again;
}

void reporting_occurred(struct agent *a, const struct event_fact *fact)
{
	struct reporting *r = a->reporting;
	struct event_fact now = *fact;
	if (!r || !r->enabled || !r->events || begins_again(r, fact))
		return;
	now.wall_usec = now_wall();
	event_queue_add(&r->reporter.events, &now, now_monotonic(), any_number());
	proceed(a);
}

void reporting_pass_ended(struct agent *a, enum pass_result result)
{
	if (!a->reporting)
		return;
	a->reporting->begin_told = false;
	a->reporting->pass_known = true;
	a->reporting->pass_result = result;
}

void reporting_judge(struct agent *a)
{
	struct reporting *r = a->reporting;
	const struct status_filesystem *f = &a->status.filesystems[ROLE_IMAGEFS];
	struct condition_facts facts = { .sampled = f->sampled && !f->stuck };
	struct condition_state state;
	if (!r || !r->enabled)
		return;
	for (int i = 0; i < _RESOURCE_MAX * _PRESSURE_MAX; i++)
		if (a->pressure.wanted[i / _PRESSURE_MAX][i % _PRESSURE_MAX])
			facts.pressure = true;
	r->pass_known = r->pass_known && facts.pressure;
	r->begin_told = r->begin_told && facts.pressure;
	facts.pass = r->pass_known;
	facts.cleared = r->pass_result == RESULT_REACHED || r->pass_result == RESULT_NOTHING_TO_DO;
	facts.failed = r->pass_result == RESULT_ERROR;
	facts.futile = r->pass_result == RESULT_FUTILE;
	condition_judge(&facts, &state);
	condition_want(&r->reporter.condition, &state, now_wall());
	proceed(a);
}

void reporting_show(struct agent *a)
{
	const struct reporting *r = a->reporting;
	struct status *s = &a->status;
	if (!r || !r->enabled)
		return;
	memcpy(s->kubernetes.events, r->reporter.events.told, sizeof(s->kubernetes.events));
	memcpy(s->kubernetes.events_dropped, r->reporter.events.dropped,
	       sizeof(s->kubernetes.events_dropped));
	usec_t running = lane_running_for(r->lane);
	s->lanes[s->n_lanes++] = (struct status_lane){
		.name = "kube",
		.busy = r->in_flight,
		/* one request; names are looked up without a time-out */
		.stuck = running > 3 * REQUEST_TIMEOUT,
		.busy_for = running,
	};
}
