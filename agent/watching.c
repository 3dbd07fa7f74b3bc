/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "agent-state.h"
#include "node-status.h"
#include "util/clock.h"
#include "util/log.h"

/*
 * The watch lane: one job that lasts as long as the stream of events does, and hands over what it hears.
 * All that comes of it are hints for the usage history, merged with the next inventory.
 */

#define BACKOFF_MIN	     USEC_PER_SEC
#define BACKOFF_MAX	     USEC_PER_MINUTE
/* A runtime that does not tell may be another one after an upgrade, or be told to. */
#define UNSUPPORTED_INTERVAL (10 * USEC_PER_MINUTE)
/* Runtimes do not say when they have begun to tell; they refuse within milliseconds. */
#define SETTLED_AFTER	     (500 * USEC_PER_MSEC)

enum note_kind {
	NOTE_ASKED, /* the runtime answers, now it is asked for its events */
	NOTE_EVENT,
	NOTE_ENDED, /* the job itself */
};

struct note {
	struct lane_job job;
	enum note_kind kind;
};

struct event_note {
	struct note note;
	usec_t at;
	struct container_event event;
	char texts[]; /* what it points to */
};

struct watch_job {
	struct note note;
	struct lane *lane;
	char endpoint[STATUS_TEXT_MAX];
	const char *type;
	usec_t timeout;
	int stop_fd;
	int result;
	struct err error;
};

/* --- in the lane ------------------------------------------------------------------------------- */

static const char *copy_text(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*at, text, size);
	*at += size;
	return copy;
}

static size_t texts_size(const struct container_event *event)
{
	size_t size = strlen(event->id) + 1;
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		size += strlen(event->references[i]) + 1;
	return size;
}

static void on_event(void *ctx, const struct container_event *event)
{
	const struct watch_job *w = ctx;
	struct event_note *n = xcalloc(1, sizeof(*n) + texts_size(event));
	char *at = n->texts;
	n->note.kind = NOTE_EVENT;
	n->at = now_monotonic();
	n->event.kind = event->kind;
	n->event.id = copy_text(&at, event->id);
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		n->event.references[i] = copy_text(&at, event->references[i]);
	/* With the loop so far behind, the next inventory tells more. */
	if (lane_post(w->lane, &n->note.job) < 0)
		free(n);
}

static void tell_asked(struct watch_job *w)
{
	struct note *n = xnew(struct note);
	n->kind = NOTE_ASKED;
	if (lane_post(w->lane, &n->job) < 0)
		free(n);
}

static void job_run(struct lane_job *job)
{
	struct watch_job *w = (struct watch_job *)job;
	const struct runtime_options options = {
		.endpoint = w->endpoint,
		.type = w->type,
		.root = "", /* the endpoint has it already */
		.timeout = w->timeout,
	};
	const struct runtime_watch watch = {
		.stop_fd = w->stop_fd,
		.on_event = on_event,
		.ctx = w,
	};
	struct runtime *runtime = NULL;
	w->result = runtime_open(&options, &runtime, &w->error);
	if (w->result < 0)
		return;
	tell_asked(w);
	w->result = runtime_watch(runtime, &watch, &w->error);
	(void)runtime_free(runtime);
}

/* --- in the main thread ------------------------------------------------------------------------ */

static void job_start(struct watcher *w)
{
	struct watch_job *j = xnew(struct watch_job);
	j->note = (struct note){ .job.run = job_run, .kind = NOTE_ENDED };
	j->lane = w->lane;
	memcpy(j->endpoint, w->endpoint, sizeof(j->endpoint));
	j->type = w->type;
	j->timeout = w->timeout;
	j->stop_fd = w->stop_fd;
	w->in_flight = lane_submit(w->lane, &j->note.job) == 0;
	if (!w->in_flight)
		free(j);
}

static void timer_arm(struct watcher *w, usec_t delay)
{
	if (sd_event_source_set_time_relative(w->timer, (uint64_t)delay) < 0 ||
	    sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT) < 0)
		log_warning("cannot arm the timer of the watch, ignoring");
}

static void tell_to_stop(struct watcher *w)
{
	if (!w->told_to_stop)
		(void)eventfd_write(w->stop_fd, 1);
	w->told_to_stop = true;
}

/* It has stood for a moment. What happened while it did not is learnt from what is there now. */
static void settled(struct watcher *w)
{
	w->following = true;
	log_info("following the containers of %s", w->endpoint);
	if (w->stood_before)
		(void)reclaiming_observe(w->agent);
	w->stood_before = true;
	w->silent = false;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct watcher *w = userdata;
	if (w->agent->stopping || !w->endpoint[0])
		return 0;
	if (!w->in_flight)
		job_start(w);
	else if (w->asked && !w->told_to_stop)
		settled(w);
	return 0;
}

static void asked(struct watcher *w)
{
	w->asked = true;
	w->asked_at = now_monotonic();
	timer_arm(w, SETTLED_AFTER);
}

/* When to try again. */
static usec_t next_delay(struct watcher *w, const struct watch_job *j)
{
	if (j->result == -EOPNOTSUPP)
		return UNSUPPORTED_INTERVAL;
	if (w->following)
		w->backoff = BACKOFF_MIN;
	usec_t delay = w->backoff;
	w->backoff = 2 * delay < BACKOFF_MAX ? 2 * delay : BACKOFF_MAX;
	return delay;
}

static void tell_silent(struct watcher *w, const struct err *e)
{
	log_message(w->silent ? LOG_DEBUG : LOG_INFO,
		    "%s; last use is learnt from inventories alone", e->msg);
	w->silent = true;
}

static void ended(struct watcher *w, const struct watch_job *j)
{
	eventfd_t ignored;
	w->in_flight = false;
	if (w->told_to_stop) {
		(void)eventfd_read(w->stop_fd, &ignored);
		w->told_to_stop = false;
		w->backoff = BACKOFF_MIN;
		timer_arm(w, 0);
	} else {
		if (j->result == -EOPNOTSUPP)
			tell_silent(w, &j->error);
		else if (w->following)
			log_info("containers are not followed: %s; trying again", j->error.msg);
		timer_arm(w, next_delay(w, j));
	}
	w->asked = w->following = false;
}

static void take_note(struct watcher *w, struct note *n)
{
	if (n->kind == NOTE_ASKED) {
		asked(w);
	} else if (n->kind == NOTE_EVENT) {
		const struct event_note *e = (const struct event_note *)n;
		(void)container_news_add(&w->news, &e->event, e->at);
	} else {
		ended(w, (const struct watch_job *)n);
	}
	free(n);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	struct watcher *w = userdata;
	struct lane_job *job;
	while ((job = lane_take_done(w->lane)))
		take_note(w, (struct note *)job);
	return 0;
}

/* Its lane, which only comes with the first runtime. */
static int prepare(struct watcher *w)
{
	if (w->lane)
		return 0;
	w->backoff = BACKOFF_MIN;
	w->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->stop_fd < 0)
		return -errno;
	w->lane = lane_new("watch", 1);
	if (!w->lane)
		return -errno;
	sd_event *event = w->agent->event;
	int r = sd_event_add_io(event, &w->done, lane_fd(w->lane), EPOLLIN, on_done, w);
	if (r >= 0)
		r = sd_event_add_time(event, &w->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_timer,
				      w);
	if (r < 0)
		return r;
	(void)sd_event_source_set_description(w->done, "watch-done");
	(void)sd_event_source_set_description(w->timer, "watch-timer");
	return sd_event_source_set_exit_on_failure(w->done, true);
}

static const struct status_runtime *runtime_at(const struct status_runtimes *all,
					       const char *endpoint)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i].endpoint, endpoint) == 0)
			return &all->items[i];
	return NULL;
}

static struct watcher *watcher_at(struct agent *a, const char *endpoint)
{
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
		if (strcmp(a->watchers[i].endpoint, endpoint) == 0)
			return &a->watchers[i];
	return NULL;
}

static void leave(struct watcher *w)
{
	w->endpoint[0] = '\0';
	container_news_clear(&w->news);
	if (w->in_flight)
		tell_to_stop(w);
}

static void follow(struct watcher *w, const struct status_runtime *r, bool again)
{
	bool same = w->endpoint[0] && w->type == r->type;
	if (same && !again)
		return;
	if (prepare(w) < 0) {
		log_warning("no thread to follow the containers of %s with", r->name);
		return;
	}
	w->timeout = r->timeout;
	if (!same) {
		node_status_text(w->endpoint, r->endpoint);
		w->type = r->type;
		w->stood_before = w->silent = false;
	}
	if (!w->in_flight)
		timer_arm(w, 0);
	else if (!same)
		tell_to_stop(w);
}

void watching_follow(struct agent *a, const struct status_runtimes *before,
		     const struct status_runtimes *now)
{
	if (a->stopping)
		return;
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
		if (a->watchers[i].endpoint[0] && !runtime_at(now, a->watchers[i].endpoint))
			leave(&a->watchers[i]);
	for (size_t i = 0; i < now->n; i++) {
		const struct status_runtime *r = &now->items[i], *was;
		struct watcher *w = watcher_at(a, r->endpoint);
		if (!r->up || !r->type)
			continue;
		was = runtime_at(before, r->endpoint);
		if (!w)
			w = watcher_at(a, "");
		if (w)
			follow(w, r, !was || !was->up);
	}
}

bool watching_has_news(const struct agent *a)
{
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
		if (a->watchers[i].news.n_items > 0)
			return true;
	return false;
}

void watching_start(struct agent *a)
{
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
		a->watchers[i].agent = a;
}

static void note_drop(struct lane_job *job)
{
	free(job);
}

static bool stop(struct watcher *w, usec_t timeout)
{
	w->timer = sd_event_source_disable_unref(w->timer);
	w->done = sd_event_source_disable_unref(w->done);
	container_news_clear(&w->news);
	if (!w->lane)
		return true;
	tell_to_stop(w);
	if (!lane_free(w->lane, timeout, note_drop))
		return false;
	w->lane = NULL;
	(void)close(w->stop_fd);
	return true;
}

bool watching_stop(struct agent *a, usec_t timeout)
{
	bool ended = true;
	for (size_t i = 0; i < N_MAX_RUNTIMES; i++)
		ended = stop(&a->watchers[i], timeout) && ended;
	return ended;
}
