/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "agent-state.h"
#include "cluster.h"
#include "kube/access-cache.h"
#include "kube/access-review.h"
#include "kube/kube-client.h"
#include "node-status.h"
#include "util/clock.h"
#include "util/log.h"

/*
 * Whether the cluster lets somebody see what the HTTP server has: the API server is asked by a lane, and
 * what it says is remembered for a while. Without an answer in time nobody gets in.
 */

#define REVIEW_TIMEOUT \
	(5 * USEC_PER_SEC) /* of all that is asked about one; scrapes give up after 10 s */
#define N_MAX_REVIEWS 16

struct review;

struct review_job {
	struct lane_job job;
	struct review *review; /* the main thread's */
	struct shared_config *config;
	usec_t deadline;
	unsigned generation;
	const int *stop_fd;
	char *path;
	struct buf token; /* empty: there is a user */
	cJSON *user;

	enum access_verdict verdict;
	struct err error; /* ACCESS_UNDECIDED: why */
	bool insecure;
	long answers[2]; /* their HTTP status, 0: none */
	size_t n_requests;
};

struct waiter {
	struct waiter *next;
	struct http_request *request;
};

/* One case, and all who wait for it. */
struct review {
	struct review *next;
	struct keyed_hash id;
	usec_t deadline;
	bool late; /* its time is over, though the lane is not done with it */
	struct waiter *waiters;
};

struct admitting {
	struct lane *lane; /* NULL: nobody was ever asked */
	sd_event_source *done, *timer;
	int stop_fd; /* an eventfd */
	struct keyed_hash_key hash_key;
	struct access_cache cache;
	struct access_rate rate;
	struct review *reviews;
	size_t n_reviews;
	unsigned generation; /* of the configuration */
	struct err told;
	bool insecure_told;
};

/* --- in the lane ------------------------------------------------------------------------------- */

static int ask(struct review_job *j, struct kube_client *client, const char *path,
	       const struct buf *body, struct kube_answer *answer)
{
	struct kube_call call = {
		.method = "POST",
		.path = path,
		.body = buf_string(body),
		.body_len = body->len,
		.right = strcmp(path, TOKEN_REVIEW_PATH) == 0
				 ? "create tokenreviews of authentication.k8s.io"
				 : "create subjectaccessreviews of authorization.k8s.io",
		.timeout = j->deadline - now_monotonic(),
		.stop_fd = j->stop_fd,
	};
	if (call.timeout <= 0)
		return err_set(&j->error, ETIMEDOUT, "not within %d seconds",
			       (int)(REVIEW_TIMEOUT / USEC_PER_SEC));
	if (body->overflowed)
		return err_set(&j->error, E2BIG, "more than %zu bytes to ask about", body->max);
	int r = kube_request(client, &call, answer, &j->error);
	j->answers[j->n_requests++] = answer->status;
	return r;
}

static int find_user(struct review_job *j, struct kube_client *client)
{
	cleanup_kube_answer struct kube_answer answer = KUBE_ANSWER_INIT;
	cleanup_buf struct buf body = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	token_review_json(j->token.data, j->token.len, &body);
	int r = ask(j, client, TOKEN_REVIEW_PATH, &body, &answer);
	if (body.data)
		explicit_bzero(body.data, body.allocated);
	if (r < 0)
		return r;
	return token_review_read(buf_string(&answer.body), answer.body.len, &j->user, &j->error);
}

static int find_right(struct review_job *j, struct kube_client *client)
{
	cleanup_kube_answer struct kube_answer answer = KUBE_ANSWER_INIT;
	cleanup_buf struct buf body = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	access_review_json(j->user, j->path, &body);
	int r = ask(j, client, ACCESS_REVIEW_PATH, &body, &answer);
	return r < 0 ? r : access_review_read(buf_string(&answer.body), answer.body.len, &j->error);
}

static enum access_verdict judge(struct review_job *j, struct kube_client *client)
{
	int r = j->user ? 1 : find_user(j, client);
	if (r == 0)
		return ACCESS_UNKNOWN;
	if (r > 0)
		r = find_right(j, client);
	return r < 0 ? ACCESS_UNDECIDED : r > 0 ? ACCESS_ALLOWED : ACCESS_DENIED;
}

/* A client each: it is minutes until the next one is needed. */
static void review_run(struct lane_job *job)
{
	struct review_job *j = (struct review_job *)job;
	struct kube_config config = { 0 };
	j->verdict = ACCESS_UNDECIDED;
	if (cluster_config(j->config->config, &config, &j->error) < 0)
		return;
	j->insecure = config.insecure;
	struct kube_client *client = kube_client_new(&config);
	j->verdict = judge(j, client);
	kube_client_free(client);
}

/* --- those who wait ---------------------------------------------------------------------------- */

static void job_free(struct review_job *j)
{
	if (j->token.data)
		explicit_bzero(j->token.data, j->token.allocated);
	buf_done(&j->token);
	cJSON_Delete(j->user);
	free(j->path);
	shared_config_unref(j->config);
	free(j);
}

static void job_drop(struct lane_job *job)
{
	job_free((struct review_job *)job);
}

static void admit(struct http_request *request, enum access_verdict verdict)
{
	static const enum http_verdict verdicts[] = {
		[ACCESS_ALLOWED] = HTTP_ADMITTED,
		[ACCESS_DENIED] = HTTP_FORBIDDEN,
		[ACCESS_UNKNOWN] = HTTP_UNKNOWN,
		[ACCESS_UNDECIDED] = HTTP_UNDECIDED,
	};
	http_request_admit(request, verdicts[verdict]);
}

static void tell_waiters(struct review *v, enum access_verdict verdict)
{
	while (v->waiters) {
		struct waiter *w = v->waiters;
		v->waiters = w->next;
		admit(w->request, verdict);
		free(w);
	}
}

static void review_free(struct admitting *g, struct review *v)
{
	struct review **link = &g->reviews;
	while (*link != v)
		link = &(*link)->next;
	*link = v->next;
	g->n_reviews--;
	tell_waiters(v, ACCESS_UNDECIDED);
	free(v);
}

static void arm(struct admitting *g)
{
	usec_t at = USEC_INFINITY, now = now_monotonic();
	for (const struct review *v = g->reviews; v; v = v->next)
		if (!v->late && v->deadline < at)
			at = v->deadline;
	if (at != USEC_INFINITY)
		(void)sd_event_source_set_time_relative(g->timer,
							at > now ? (uint64_t)(at - now) : 0);
	(void)sd_event_source_set_enabled(g->timer,
					  at == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct admitting *g = ((struct agent *)userdata)->admitting;
	usec_t now = now_monotonic();
	for (struct review *v = g->reviews; v; v = v->next) {
		v->late = v->late || v->deadline <= now;
		if (v->late)
			tell_waiters(v, ACCESS_UNDECIDED);
	}
	arm(g);
	return 0;
}

/* --- what came of it --------------------------------------------------------------------------- */

/* What has gone wrong is told when it is something else than the last time. */
static void tell(struct admitting *g, const struct review_job *j)
{
	if (j->insecure && !g->insecure_told)
		log_warning(
			"http: the certificate of the API server is not looked at "
			"(insecure-skip-tls-verify): whoever answers there decides who gets in, "
			"and gets the tokens");
	g->insecure_told = g->insecure_told || j->insecure;
	if (j->verdict == ACCESS_DENIED)
		log_info("http: the cluster does not allow %s to get %s", access_user_name(j->user),
			 j->path);
	if (j->verdict != ACCESS_UNDECIDED) {
		if (g->told.code)
			log_notice("http: the cluster says again who gets in");
		g->told = (struct err){ 0 };
	} else if (strcmp(g->told.msg, j->error.msg) != 0) {
		log_warning("http: nobody gets in by the cluster's word, it cannot be asked: %s",
			    j->error.msg);
		g->told = j->error;
	}
}

static void reviewed(struct agent *a, struct review_job *j)
{
	struct admitting *g = a->admitting;
	for (size_t i = 0; i < j->n_requests; i++)
		status_count_request(&a->status.kubernetes, j->answers[i]);
	tell(g, j);
	if (j->generation == g->generation)
		access_cache_put(&g->cache, &j->review->id, j->verdict, now_monotonic());
	tell_waiters(j->review, j->verdict);
	review_free(g, j->review);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	struct agent *a = userdata;
	struct lane_job *job;
	while ((job = lane_take_done(a->admitting->lane))) {
		reviewed(a, (struct review_job *)job);
		job_free((struct review_job *)job);
	}
	arm(a->admitting);
	return 0;
}

/* --- asking ------------------------------------------------------------------------------------ */

static int lane_up(struct agent *a)
{
	struct admitting *g = a->admitting;
	if (g->lane)
		return 0;
	if (g->stop_fd < 0)
		g->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct lane *lane = g->stop_fd < 0 ? NULL : lane_new("access", N_MAX_REVIEWS);
	if (!lane)
		return -errno;
	int r = sd_event_add_io(a->event, &g->done, lane_fd(lane), EPOLLIN, on_done, a);
	if (r >= 0)
		r = sd_event_add_time_relative(a->event, &g->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
					       a);
	if (r < 0) {
		g->done = sd_event_source_disable_unref(g->done);
		(void)lane_free(lane, USEC_INFINITY, job_drop);
		return r;
	}
	(void)sd_event_source_set_description(g->done, "access-done");
	(void)sd_event_source_set_description(g->timer, "access-timer");
	(void)sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
	g->lane = lane;
	return 0;
}

/* What tells cases apart: all that the cluster is asked about. Names have no NUL in them. */
static int identify(const struct admitting *g, const struct http_caller *caller,
		    struct keyed_hash *ret)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	(void)buf_append(&text, caller->path, strlen(caller->path) + 1);
	if (caller->token)
		(void)buf_append(&text, caller->token, caller->token_len);
	else
		(void)buf_append(&text, caller->user, strlen(caller->user) + 1);
	for (size_t i = 0; i < caller->n_groups; i++)
		(void)buf_append(&text, caller->groups[i], strlen(caller->groups[i]) + 1);
	(void)buf_putc(&text, caller->token ? 't' : 'c');
	int r = text.overflowed ? -E2BIG : keyed_hash(&g->hash_key, text.data, text.len, ret);
	if (text.data)
		explicit_bzero(text.data, text.allocated);
	return r;
}

static struct review *find_review(const struct admitting *g, const struct keyed_hash *id)
{
	for (struct review *v = g->reviews; v; v = v->next)
		if (keyed_hash_equal(&v->id, id))
			return v;
	return NULL;
}

static struct review *begin(struct agent *a, const struct http_caller *caller,
			    const struct keyed_hash *id)
{
	struct admitting *g = a->admitting;
	usec_t now = now_monotonic();
	if (g->n_reviews == N_MAX_REVIEWS || lane_up(a) < 0 || !access_rate_take(&g->rate, now))
		return NULL;
	struct review *v = xnew(struct review);
	struct review_job *j = xnew(struct review_job);
	v->id = *id;
	v->deadline = now + REVIEW_TIMEOUT;
	v->next = g->reviews;
	g->reviews = v;
	g->n_reviews++;
	j->job.run = review_run;
	j->review = v;
	j->config = shared_config_ref(a->config);
	j->deadline = v->deadline;
	j->generation = g->generation;
	j->stop_fd = &g->stop_fd;
	j->path = xstrdup(caller->path);
	j->token = BUF_INIT(BUF_MAX_KUBE_REVIEW);
	if (caller->token)
		(void)buf_append(&j->token, caller->token, caller->token_len);
	else
		j->user = access_user_new(caller->user, caller->groups, caller->n_groups);
	if (lane_submit(g->lane, &j->job) == 0)
		return v;
	job_free(j);
	review_free(g, v);
	return NULL;
}

void admitting_authorize(void *userdata, const struct http_caller *caller,
			 struct http_request *request)
{
	struct agent *a = userdata;
	struct admitting *g = a->admitting;
	struct keyed_hash id;
	enum access_verdict verdict = ACCESS_UNDECIDED;
	struct review *v = NULL;
	/* While the agent stops, answers on their way are still waited for. */
	if (g && identify(g, caller, &id) == 0 &&
	    !access_cache_find(&g->cache, &id, now_monotonic(), &verdict)) {
		v = find_review(g, &id);
		v = v ? v : begin(a, caller, &id);
	}
	if (!v || v->late) {
		admit(request, verdict);
		return;
	}
	struct waiter *w = xnew(struct waiter);
	w->request = request;
	w->next = v->waiters;
	v->waiters = w;
	arm(g);
}

/* --- life -------------------------------------------------------------------------------------- */

void admitting_configure(struct agent *a)
{
	struct admitting *g = a->admitting;
	const struct config *c = a->config->config;
	g->generation++;
	g->cache.n = 0;
	g->told = (struct err){ 0 };
	g->insecure_told = false;
	if (c->authorize_by_cluster && !*c->kubernetes_kubeconfig &&
	    !kube_config_is_in_cluster(getenv("KUBERNETES_SERVICE_HOST"), KUBE_SERVICE_ACCOUNT))
		log_warning(
			"http: authorize-by-cluster: this is no pod with a service account, and "
			"[kubernetes] has no kubeconfig: nobody gets in by the cluster's word");
}

int admitting_start(struct agent *a, struct err *e)
{
	a->admitting = xnew(struct admitting);
	a->admitting->stop_fd = -1;
	if (keyed_hash_key_make(&a->admitting->hash_key) < 0)
		return err_set(e, EIO, "no random numbers");
	admitting_configure(a);
	return 0;
}

bool admitting_stop(struct agent *a, usec_t timeout)
{
	struct admitting *g = a->admitting;
	if (!g)
		return true;
	g->timer = sd_event_source_disable_unref(g->timer);
	g->done = sd_event_source_disable_unref(g->done);
	if (g->lane) {
		(void)eventfd_write(g->stop_fd, 1);
		if (!lane_free(g->lane, timeout, job_drop))
			return false;
	}
	while (g->reviews)
		review_free(g, g->reviews);
	if (g->stop_fd >= 0)
		(void)close(g->stop_fd);
	free(g);
	a->admitting = NULL;
	return true;
}

void admitting_show(struct agent *a)
{
	const struct admitting *g = a->admitting;
	struct status *s = &a->status;
	if (!g || !g->lane)
		return;
	usec_t running = lane_running_for(g->lane);
	s->lanes[s->n_lanes++] = (struct status_lane){
		.name = "access",
		.busy = g->n_reviews > 0,
		/* names are looked up without a time-out */
		.stuck = running > 3 * REVIEW_TIMEOUT,
		.busy_for = running,
	};
}
