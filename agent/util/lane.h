/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/usec.h"

/*
 * A lane: one thread that does blocking work, jobs in order, one at a time, behind a bounded queue.
 * A job owns its input; when its work is done it comes back through lane_take_done() on the
 * submitting thread, announced by the lane's eventfd. The two sides share nothing else. A job that
 * hangs blocks only its lane. All signals are blocked in the lane's thread.
 */

struct lane;

/* Embedded at the start of whatever the work needs and produces. */
struct lane_job {
	/* Runs in the lane's thread. */
	void (*run)(struct lane_job *job);
	struct lane_job *next; /* the lane's */
};

/*
 * Starts a lane; queue_max jobs may wait besides the running one. name (at most 15 characters) is
 * the thread's. Returns NULL with errno set when the system gives no thread or descriptor.
 */
struct lane *lane_new(const char *name, size_t queue_max);
/*
 * Waits up to timeout for the running job, and frees the lane and its descriptor. Waiting and
 * finished jobs nobody took are handed to drop. Returns true. When the job does not end in time the
 * thread is left alone with its memory and the running job (the process is about to exit): returns
 * false. The lane must not be used afterwards either way. lane may be NULL. drop runs in the
 * calling thread.
 */
bool lane_free(struct lane *lane, usec_t timeout, void (*drop)(struct lane_job *job));
/* Readable while finished jobs wait. Owned by the lane. */
int lane_fd(const struct lane *lane);
/* Hands a job over: 0, or -EBUSY when the queue is full and the job stays the caller's. */
int lane_submit(struct lane *lane, struct lane_job *job);
/*
 * Hands something over while the running job goes on, which calls this: it comes back through
 * lane_take_done() in its turn, as a finished job does; its run is not called. -EBUSY: LANE_POST_MAX
 * wait to be taken already, and the post stays the caller's.
 */
#define LANE_POST_MAX 1024
int lane_post(struct lane *lane, struct lane_job *post);
/* The oldest finished job, or NULL. Clears the descriptor when it was the last. */
struct lane_job *lane_take_done(struct lane *lane);
/* Whether a job runs or waits. */
bool lane_busy(struct lane *lane);
/* How long the running job has been running by CLOCK_MONOTONIC; 0 when none runs. */
usec_t lane_running_for(struct lane *lane);
