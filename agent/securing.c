/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent-state.h"
#include "expose/http-secrets.h"
#include "util/clock.h"
#include "util/human.h"
#include "util/log.h"

/*
 * Certificates and tokens of the HTTP server: read at the start and with each reload, and looked at again
 * now and then, by a lane, as their files may lie anywhere.
 */

#define LOOK_INTERVAL (10 * USEC_PER_SEC)
#define LOOK_ACCURACY USEC_PER_SEC
#define LOOK_STUCK    (30 * USEC_PER_SEC)

/* What network addresses ask for. */
enum access {
	ACCESS_UNTOLD,
	ACCESS_FREE,	  /* nothing */
	ACCESS_CLEAR,	  /* tokens, without TLS */
	ACCESS_PROTECTED, /* neither of them */
};

struct securing {
	struct http_secrets *secrets; /* in force */
	struct lane *lane;	      /* NULL: there were never files to look at */
	sd_event_source *done, *timer;
	bool in_flight;
	unsigned generation; /* of the configuration */
	struct err told;
	bool expiry_told;
	enum access access_told;
};

struct look_job {
	struct lane_job job;
	struct shared_config *config;
	struct http_secrets *before;
	unsigned generation;

	int result;
	struct http_secrets *secrets;
	struct err error;
};

static struct http_secret_paths paths_of(const struct config *c)
{
	return (struct http_secret_paths){ .certificate = c->tls_certificate,
					   .key = c->tls_key,
					   .client_ca = c->tls_client_ca,
					   .token = c->bearer_token_file };
}

static bool has_files(const struct config *c)
{
	return *c->tls_certificate || *c->bearer_token_file;
}

/* --- putting them in force --------------------------------------------------------------------- */

static void tell_expiry(struct agent *a)
{
	struct securing *g = a->securing;
	const struct http_secrets *s = g->secrets;
	char when[HUMAN_MAX];
	int64_t now = now_wall() / USEC_PER_SEC;
	if (!s || !s->certificate || g->expiry_told)
		return;
	bool early = now<s->valid_from, late = now> s->valid_until;
	g->expiry_told = early || late;
	if (!g->expiry_told)
		return;
	(void)human_wall((early ? s->valid_from : s->valid_until) * USEC_PER_SEC, when);
	log_warning("http: the certificate %s %s %s", a->config->config->tls_certificate,
		    early ? "does not hold before" : "has held until", when);
}

static void tell_secrets(struct agent *a)
{
	const struct http_secrets *s = a->securing->secrets;
	char until[HUMAN_MAX];
	if (s->warning[0])
		log_warning("http: %s", s->warning);
	if (s->certificate)
		log_info("http: the certificate %s holds until %s",
			 a->config->config->tls_certificate,
			 human_wall(s->valid_until * USEC_PER_SEC, until));
	tell_expiry(a);
}

/* Takes secrets over. */
static int put_in_force(struct agent *a, struct http_secrets *secrets, struct err *e)
{
	struct securing *g = a->securing;
	bool tls = !http_secrets_same_tls(g->secrets, secrets);
	http_secrets_unref(g->secrets);
	g->secrets = secrets;
	if (tls)
		g->expiry_told = false;
	return http_server_protect(a->http, secrets, a->config->config->authorize_by_cluster, e);
}

/* --- what stands open -------------------------------------------------------------------------- */

static bool is_of_the_network(const char *address)
{
	return strncmp(address, "unix:", 5) != 0 && strncmp(address, "127.", 4) != 0 &&
	       strncmp(address, "[::1]", 5) != 0;
}

static enum access access_of(const struct config *c)
{
	bool tokens = *c->bearer_token_file || c->authorize_by_cluster;
	if (tokens && !*c->tls_certificate)
		return ACCESS_CLEAR;
	return tokens || *c->tls_client_ca ? ACCESS_PROTECTED : ACCESS_FREE;
}

/* Once for each address, and again when a reload changes it. */
void securing_tell(struct agent *a)
{
	struct securing *g = a->securing;
	enum access access = access_of(a->config->config);
	const char *address;
	bool told = access == g->access_told;
	g->access_told = access;
	for (size_t i = 0; !told && (address = http_server_address(a->http, i)); i++) {
		if (!is_of_the_network(address))
			continue;
		if (access == ACCESS_CLEAR)
			log_warning("http: tokens go to %s in the clear; tls-certificate and "
				    "tls-key of [http] encrypt them",
				    address);
		else if (access == ACCESS_FREE)
			log_notice("http: whoever reaches %s may read metrics and status; "
				   "bearer-token-file, tls-client-ca or authorize-by-cluster of "
				   "[http] ask for more",
				   address);
	}
}

/* --- the lane ---------------------------------------------------------------------------------- */

static void look(struct lane_job *job)
{
	struct look_job *j = (struct look_job *)job;
	const struct http_secret_paths paths = paths_of(j->config->config);
	j->result = http_secrets_load(&paths, j->before, &j->secrets, &j->error);
}

static void look_free(struct look_job *j)
{
	http_secrets_unref(j->secrets);
	http_secrets_unref(j->before);
	shared_config_unref(j->config);
	free(j);
}

static void look_drop(struct lane_job *job)
{
	look_free((struct look_job *)job);
}

/* A failure is told when it is another one than the last time. */
static void looked(struct agent *a, struct look_job *j)
{
	struct securing *g = a->securing;
	if (j->result == 1) {
		if (put_in_force(a, take_ptr(j->secrets), &j->error) == 0) {
			log_notice("http: the new certificates and tokens are in force");
			tell_secrets(a);
		} else {
			j->result = -j->error.code;
		}
	}
	if (j->result < 0 && strcmp(j->error.msg, g->told.msg) != 0)
		log_error("http: %s; what was there before stays in force", j->error.msg);
	if (j->result < 0)
		g->told = j->error;
	else
		g->told = (struct err){ 0 };
	tell_expiry(a);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	struct agent *a = userdata;
	struct lane_job *job;
	while ((job = lane_take_done(a->securing->lane))) {
		struct look_job *j = (struct look_job *)job;
		a->securing->in_flight = false;
		if (j->generation == a->securing->generation)
			looked(a, j);
		look_free(j);
	}
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)usec;
	struct agent *a = userdata;
	struct securing *g = a->securing;
	(void)sd_event_source_set_time_relative(source, LOOK_INTERVAL);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	if (g->in_flight)
		return 0;
	struct look_job *j = xnew(struct look_job);
	j->job.run = look;
	j->config = shared_config_ref(a->config);
	j->before = http_secrets_ref(g->secrets);
	j->generation = g->generation;
	g->in_flight = lane_submit(g->lane, &j->job) == 0;
	if (!g->in_flight)
		look_free(j);
	return 0;
}

static int lane_up(struct agent *a)
{
	struct securing *g = a->securing;
	if (g->lane)
		return 0;
	g->lane = lane_new("http-files", 1);
	if (!g->lane)
		return -errno;
	int r = sd_event_add_io(a->event, &g->done, lane_fd(g->lane), EPOLLIN, on_done, a);
	if (r >= 0)
		r = sd_event_add_time_relative(a->event, &g->timer, CLOCK_MONOTONIC, LOOK_INTERVAL,
					       LOOK_ACCURACY, on_timer, a);
	if (r >= 0) {
		(void)sd_event_source_set_description(g->done, "http-files-done");
		(void)sd_event_source_set_description(g->timer, "http-files-timer");
	}
	return r;
}

/* --- what others call -------------------------------------------------------------------------- */

int securing_load(struct agent *a, const struct config *config, struct http_secrets **ret,
		  struct err *e)
{
	const struct http_secret_paths paths = paths_of(config);
	struct http_secrets *before = a->securing ? a->securing->secrets : NULL;
	int r = http_secrets_load(&paths, before, ret, e);
	if (r == 0)
		*ret = http_secrets_ref(before);
	return r < 0 ? err_prefix(e, "http: ") : 0;
}

void securing_configure(struct agent *a, struct http_secrets *secrets)
{
	struct securing *g = a->securing;
	const struct config *c = a->config->config;
	struct err e = { 0 };
	bool news = secrets != g->secrets;
	g->generation++;
	g->told = (struct err){ 0 };
	if (put_in_force(a, secrets, &e) < 0)
		log_error("http: %s; what was there before stays in force", e.msg);
	if (news)
		tell_secrets(a);
	int r = has_files(c) ? lane_up(a) : 0;
	if (r < 0)
		log_error("http: no lane: %s; files that change are seen with a reload only",
			  strerror(-r));
	if (g->timer)
		(void)sd_event_source_set_enabled(g->timer,
						  has_files(c) ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

int securing_start(struct agent *a, struct err *e)
{
	struct http_secrets *secrets;
	int r = securing_load(a, a->config->config, &secrets, e);
	a->securing = xnew(struct securing);
	if (r == 0)
		securing_configure(a, secrets);
	return r;
}

bool securing_stop(struct agent *a, usec_t timeout)
{
	struct securing *g = a->securing;
	if (!g)
		return true;
	g->timer = sd_event_source_disable_unref(g->timer);
	g->done = sd_event_source_disable_unref(g->done);
	if (!lane_free(g->lane, timeout, look_drop))
		return false;
	http_secrets_unref(g->secrets);
	free(g);
	a->securing = NULL;
	return true;
}

void securing_show(struct agent *a)
{
	const struct securing *g = a->securing;
	struct status *s = &a->status;
	if (!g || !g->lane)
		return;
	usec_t running = lane_running_for(g->lane);
	s->lanes[s->n_lanes++] = (struct status_lane){
		.name = "http-files",
		.busy = g->in_flight,
		.stuck = running > LOOK_STUCK,
		.busy_for = running,
	};
}
