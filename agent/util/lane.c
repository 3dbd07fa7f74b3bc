/* SPDX-License-Identifier: Apache-2.0 */
#include "util/lane.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "util/alloc.h"

/*
 * The default of 8 MiB counts as locked memory under mlockall(). getaddrinfo() and OpenSSL
 * stay well below 128 KiB; the nesting of JSON and protobuf is limited.
 */
#define LANE_STACK_SIZE ((size_t)512 * 1024)

struct job_list {
	struct lane_job *first, *last;
	size_t n;
};

struct lane {
	pthread_t thread;
	pthread_mutex_t lock; /* everything below, except fd and queue_max */
	pthread_cond_t wake;  /* for the thread: a job waits, or stop */
	pthread_cond_t gone;  /* for lane_free(): ended */
	struct job_list waiting, done;
	struct lane_job *running;
	usec_t running_since;
	bool stop, ended;
	int fd;
	size_t queue_max;
	char name[16];
};

static void job_list_append(struct job_list *list, struct lane_job *job)
{
	job->next = NULL;
	if (list->last)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	list->n++;
}

static struct lane_job *job_list_take(struct job_list *list)
{
	struct lane_job *job = list->first;
	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->last = NULL;
	list->n--;
	job->next = NULL;
	return job;
}

static usec_t monotonic(void)
{
	struct timespec ts = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* The descriptor is readable exactly while done jobs wait; only called with the lock held. */
static void descriptor_set(const struct lane *lane)
{
	uint64_t one = 1;
	ssize_t n = write(lane->fd, &one, sizeof(one));
	(void)n; /* EAGAIN would mean 2^64 - 2 unread announcements */
}

static void descriptor_clear(const struct lane *lane)
{
	uint64_t count;
	ssize_t n = read(lane->fd, &count, sizeof(count));
	(void)n;
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	(void)pthread_setname_np(pthread_self(), lane->name);
	pthread_mutex_lock(&lane->lock);
	while (!lane->stop) {
		struct lane_job *job = job_list_take(&lane->waiting);
		if (!job) {
			pthread_cond_wait(&lane->wake, &lane->lock);
			continue;
		}
		lane->running = job;
		lane->running_since = monotonic();
		pthread_mutex_unlock(&lane->lock);
		job->run(job);
		pthread_mutex_lock(&lane->lock);
		lane->running = NULL;
		job_list_append(&lane->done, job);
		descriptor_set(lane);
	}
	lane->ended = true;
	pthread_cond_signal(&lane->gone);
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

/* Returns 0 or a positive errno, as pthread_create() does. */
static int start_thread(struct lane *lane)
{
	pthread_attr_t attr;
	int r = pthread_attr_init(&attr);
	if (r)
		return r;
	r = pthread_attr_setstacksize(&attr, LANE_STACK_SIZE);
	if (!r) {
		/* The new thread inherits the mask: no signal can arrive there even at its start. */
		sigset_t all, before;
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		r = pthread_create(&lane->thread, &attr, lane_main, lane);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	return r;
}

static void release(struct lane *lane)
{
	pthread_cond_destroy(&lane->gone);
	pthread_cond_destroy(&lane->wake);
	pthread_mutex_destroy(&lane->lock);
	if (lane->fd >= 0)
		close(lane->fd);
	free(lane);
}

struct lane *lane_new(const char *name, size_t queue_max)
{
	struct lane *lane = xnew(struct lane);
	lane->queue_max = queue_max;
	(void)snprintf(lane->name, sizeof(lane->name), "%s", name);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->wake, NULL);
	pthread_cond_init(&lane->gone, &attr);
	pthread_condattr_destroy(&attr);

	int error = 0;
	lane->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (lane->fd < 0)
		error = errno;
	if (!error)
		error = start_thread(lane);
	if (error) {
		release(lane);
		errno = error;
		return NULL;
	}
	return lane;
}

/* Waits for the thread's end; called and returns with the lock held. */
static bool wait_ended(struct lane *lane, usec_t timeout)
{
	usec_t now = monotonic(), until;
	if (__builtin_add_overflow(now, timeout > 0 ? timeout : 0, &until))
		until = USEC_INFINITY;
	struct timespec ts = { .tv_sec = until / USEC_PER_SEC,
			       .tv_nsec = until % USEC_PER_SEC * 1000 };
	int r = 0;
	while (!lane->ended && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&lane->gone, &lane->lock, &ts);
	return lane->ended;
}

static void drop_all(struct job_list *list, void (*drop)(struct lane_job *job))
{
	for (struct lane_job *job; (job = job_list_take(list));)
		drop(job);
}

bool lane_free(struct lane *lane, usec_t timeout, void (*drop)(struct lane_job *job))
{
	if (!lane)
		return true;
	pthread_mutex_lock(&lane->lock);
	lane->stop = true;
	pthread_cond_signal(&lane->wake);
	bool ended = wait_ended(lane, timeout);
	struct job_list done = lane->done, waiting = lane->waiting;
	lane->done = lane->waiting = (struct job_list){ 0 };
	pthread_t thread = lane->thread;
	pthread_mutex_unlock(&lane->lock);

	if (ended) {
		pthread_join(thread, NULL);
		release(lane);
	} else {
		pthread_detach(thread);
	}
	drop_all(&done, drop);
	drop_all(&waiting, drop);
	return ended;
}

int lane_fd(const struct lane *lane)
{
	return lane->fd;
}

int lane_submit(struct lane *lane, struct lane_job *job)
{
	assert(job->run);
	int r = 0;
	pthread_mutex_lock(&lane->lock);
	/* A job that the thread has not picked up yet takes the running one's place. */
	size_t held = lane->waiting.n + (lane->running ? 1 : 0);
	if (held > lane->queue_max)
		r = -EBUSY;
	else
		job_list_append(&lane->waiting, job);
	pthread_cond_signal(&lane->wake);
	pthread_mutex_unlock(&lane->lock);
	return r;
}

int lane_post(struct lane *lane, struct lane_job *post)
{
	int r = 0;
	pthread_mutex_lock(&lane->lock);
	if (lane->done.n >= LANE_POST_MAX) {
		r = -EBUSY;
	} else {
		job_list_append(&lane->done, post);
		descriptor_set(lane);
	}
	pthread_mutex_unlock(&lane->lock);
	return r;
}

struct lane_job *lane_take_done(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	struct lane_job *job = job_list_take(&lane->done);
	if (job && !lane->done.first)
		descriptor_clear(lane);
	pthread_mutex_unlock(&lane->lock);
	return job;
}

bool lane_busy(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	bool busy = lane->running || lane->waiting.first;
	pthread_mutex_unlock(&lane->lock);
	return busy;
}

usec_t lane_running_for(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	usec_t since = lane->running ? lane->running_since : 0;
	usec_t now = monotonic();
	usec_t d = since && now > since ? now - since : 0;
	pthread_mutex_unlock(&lane->lock);
	return d;
}
