/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/alloc.h"
#include "util/lane.h"

#define PATIENCE_MS 20000

/* A job that counts itself, and one that stays in run() until the gate is opened. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool entered, open;
};
#define GATE_INIT                                                                      \
	{                                                                              \
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
	}

struct test_job {
	struct lane_job job; /* first */
	int number;
	int result;
	struct gate *gate;
};

static void run_simple(struct lane_job *job)
{
	struct test_job *t = (struct test_job *)job;
	t->result = t->number * 10;
}

static void run_gated_by(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->entered = true;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void run_gated(struct lane_job *job)
{
	run_gated_by(((struct test_job *)job)->gate);
}

static void gate_wait_entered(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (!gate->entered)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

static bool readable(const struct lane *lane, int timeout_ms)
{
	struct pollfd p = { .fd = lane_fd(lane), .events = POLLIN };
	return poll(&p, 1, timeout_ms) == 1;
}

static struct test_job *wait_done(struct lane *lane)
{
	assert_true(readable(lane, PATIENCE_MS));
	struct lane_job *job = lane_take_done(lane);
	assert_non_null(job);
	return (struct test_job *)job;
}

static int dropped[16];
static size_t n_dropped;

static void drop(struct lane_job *job)
{
	dropped[n_dropped++] = ((struct test_job *)job)->number;
}

static void drop_unexpected(struct lane_job *job)
{
	(void)job;
	fail();
}

static usec_t now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static void test_order(void **state)
{
	(void)state;
	struct lane *lane = lane_new("order", 8);
	struct test_job jobs[8] = { 0 };
	assert_null(lane_take_done(lane));
	assert_false(readable(lane, 0));
	for (int i = 0; i < 8; i++) {
		jobs[i] = (struct test_job){ .job.run = run_simple, .number = i };
		assert_int_equal(lane_submit(lane, &jobs[i].job), 0);
	}
	for (int i = 0; i < 8; i++) {
		const struct test_job *done = wait_done(lane);
		assert_ptr_equal(done, &jobs[i]);
		assert_int_equal(done->result, i * 10);
	}
	assert_null(lane_take_done(lane));
	assert_false(readable(lane, 0));
	assert_false(lane_busy(lane));
	assert_true(lane_free(lane, USEC_PER_SEC, drop_unexpected));
}

static void test_announced_until_last_is_taken(void **state)
{
	(void)state;
	struct lane *lane = lane_new("announce", 2);
	struct test_job jobs[2] = { { .job.run = run_simple }, { .job.run = run_simple } };
	assert_int_equal(lane_submit(lane, &jobs[0].job), 0);
	assert_int_equal(lane_submit(lane, &jobs[1].job), 0);
	while (lane_running_for(lane) > 0 || lane_busy(lane))
		usleep(100);
	assert_true(readable(lane, 0));
	assert_non_null(lane_take_done(lane));
	assert_true(readable(lane, 0));
	assert_non_null(lane_take_done(lane));
	assert_false(readable(lane, 0));
	/* A job may go around again. */
	assert_int_equal(lane_submit(lane, &jobs[0].job), 0);
	assert_ptr_equal(wait_done(lane), &jobs[0]);
	assert_true(lane_free(lane, USEC_PER_SEC, drop_unexpected));
}

static void test_queue_full(void **state)
{
	(void)state;
	struct gate gate = GATE_INIT;
	struct lane *lane = lane_new("full", 2);
	struct test_job first = { .job.run = run_gated, .gate = &gate };
	struct test_job more[3] = { { .job.run = run_simple, .number = 1 },
				    { .job.run = run_simple, .number = 2 },
				    { .job.run = run_simple, .number = 3 } };
	assert_int_equal(lane_submit(lane, &first.job), 0);
	gate_wait_entered(&gate);
	assert_int_equal(lane_submit(lane, &more[0].job), 0);
	assert_int_equal(lane_submit(lane, &more[1].job), 0);
	assert_int_equal(lane_submit(lane, &more[2].job), -EBUSY);
	gate_open(&gate);
	assert_ptr_equal(wait_done(lane), &first);
	assert_ptr_equal(wait_done(lane), &more[0]);
	assert_ptr_equal(wait_done(lane), &more[1]);
	assert_int_equal(lane_submit(lane, &more[2].job), 0);
	assert_ptr_equal(wait_done(lane), &more[2]);
	assert_true(lane_free(lane, USEC_PER_SEC, drop_unexpected));
}

/* An idle lane takes one at once, whether or not its thread has woken up yet. */
static void test_no_queue(void **state)
{
	(void)state;
	struct lane *lane = lane_new("none", 0);
	for (int i = 0; i < 1000; i++) {
		struct gate gate = GATE_INIT;
		struct test_job job = { .job.run = run_gated, .gate = &gate };
		struct test_job refused = { .job.run = run_simple };
		assert_int_equal(lane_submit(lane, &job.job), 0);
		assert_int_equal(lane_submit(lane, &refused.job), -EBUSY);
		gate_open(&gate);
		assert_ptr_equal(wait_done(lane), &job);
	}
	assert_true(lane_free(lane, USEC_PER_SEC, drop_unexpected));
}

static void test_busy(void **state)
{
	(void)state;
	struct gate gate = GATE_INIT;
	struct lane *lane = lane_new("busy", 1);
	struct test_job job = { .job.run = run_gated, .gate = &gate };
	assert_false(lane_busy(lane));
	assert_int_equal(lane_running_for(lane), 0);
	assert_int_equal(lane_submit(lane, &job.job), 0);
	assert_true(lane_busy(lane));
	gate_wait_entered(&gate);
	assert_true(lane_busy(lane));
	usec_t before = lane_running_for(lane);
	usleep(20000);
	assert_true(lane_running_for(lane) >= before + 20 * USEC_PER_MSEC);
	gate_open(&gate);
	(void)wait_done(lane);
	assert_false(lane_busy(lane));
	assert_int_equal(lane_running_for(lane), 0);
	assert_true(lane_free(lane, USEC_PER_SEC, drop_unexpected));
}

static void *open_later(void *gate)
{
	usleep(50000);
	gate_open(gate);
	return NULL;
}

static void test_free_waits_and_drops(void **state)
{
	(void)state;
	struct gate gate = GATE_INIT;
	struct lane *lane = lane_new("drop", 4);
	struct test_job done = { .job.run = run_simple, .number = 1 };
	struct test_job running = { .job.run = run_gated, .number = 2, .gate = &gate };
	struct test_job waiting[2] = { { .job.run = run_simple, .number = 3 },
				       { .job.run = run_simple, .number = 4 } };
	int fd = lane_fd(lane);
	assert_int_equal(lane_submit(lane, &done.job), 0);
	assert_int_equal(lane_submit(lane, &running.job), 0);
	gate_wait_entered(&gate);
	assert_int_equal(lane_submit(lane, &waiting[0].job), 0);
	assert_int_equal(lane_submit(lane, &waiting[1].job), 0);

	pthread_t opener;
	assert_int_equal(pthread_create(&opener, NULL, open_later, &gate), 0);
	n_dropped = 0;
	assert_true(lane_free(lane, PATIENCE_MS * USEC_PER_MSEC, drop));
	pthread_join(opener, NULL);
	assert_int_equal(n_dropped, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(dropped[i], i + 1);
	/* What waited has not run. */
	assert_int_equal(done.result, 10);
	assert_int_equal(waiting[0].result, 0);
	/* The descriptor went with it. */
	char byte;
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EBADF);
}

static void test_free_idle(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(lane_free(lane_new("idle", 1), USEC_INFINITY, drop_unexpected));
	assert_true(lane_free(NULL, 0, drop_unexpected));
}

/* Static: the thread stays in there until the process ends, as on a dead mount. */
static struct gate hanging_gate = GATE_INIT;
static struct test_job hanging = { .job.run = run_gated, .number = 1, .gate = &hanging_gate };

static void test_free_gives_up_on_hanging_job(void **state)
{
	(void)state;
	struct lane *lane = lane_new("hanging", 4);
	struct test_job waiting[2] = { { .job.run = run_simple, .number = 7 },
				       { .job.run = run_simple, .number = 8 } };
	assert_int_equal(lane_submit(lane, &hanging.job), 0);
	gate_wait_entered(&hanging_gate);
	assert_int_equal(lane_submit(lane, &waiting[0].job), 0);
	assert_int_equal(lane_submit(lane, &waiting[1].job), 0);
	n_dropped = 0;
	usec_t start = now();
	assert_false(lane_free(lane, 50 * USEC_PER_MSEC, drop));
	usec_t took = now() - start;
	assert_true(took >= 50 * USEC_PER_MSEC);
	assert_true(took < 5 * USEC_PER_SEC);
	assert_int_equal(n_dropped, 2);
	assert_int_equal(dropped[0], 7);
	assert_int_equal(dropped[1], 8);
}

static sigset_t seen_mask;
static char seen_name[32];

static void run_look(struct lane_job *job)
{
	(void)job;
	pthread_sigmask(SIG_BLOCK, NULL, &seen_mask);
	(void)pthread_getname_np(pthread_self(), seen_name, sizeof(seen_name));
}

static void test_thread(void **state)
{
	(void)state;
	sigset_t before, after;
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	struct lane *lane = lane_new("a-name-that-is-too-long", 1);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (int i = 1; i <= SIGRTMAX; i++)
		assert_int_equal(sigismember(&after, i) == 1, i == SIGUSR2);
	struct test_job job = { .job.run = run_look };
	assert_int_equal(lane_submit(lane, &job.job), 0);
	(void)wait_done(lane);
	static const int signals[] = { SIGTERM, SIGINT,	 SIGHUP,  SIGUSR1, SIGUSR2,
				       SIGPIPE, SIGCHLD, SIGALRM, SIGQUIT };
	for (size_t i = 0; i < ELEMENTS(signals); i++)
		assert_int_equal(sigismember(&seen_mask, signals[i]), 1);
	assert_string_equal(seen_name, "a-name-that-is-");
	assert_true(lane_free(lane, USEC_PER_SEC, drop_unexpected));
}

static void test_no_descriptor_left(void **state)
{
	(void)state;
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	errno = 0;
	struct lane *lane = lane_new("x", 1);
	int error = errno;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_null(lane);
	assert_int_equal(error, EMFILE);
}

/* A job that hands over numbers 1 ... N while it runs; what does not fit stays its own. */
#define N_POSTS (LANE_POST_MAX + 5)
struct poster {
	struct lane_job job; /* first */
	struct lane *lane;
	struct gate *gate;
	struct test_job posts[N_POSTS];
	int refused;
};

static void run_poster(struct lane_job *job)
{
	struct poster *p = (struct poster *)job;
	for (int i = 0; i < N_POSTS; i++) {
		p->posts[i].number = i + 1;
		int r = lane_post(p->lane, &p->posts[i].job);
		assert_true(r == 0 || r == -EBUSY);
		p->refused += r == -EBUSY;
	}
	run_gated_by(p->gate);
}

static void test_post(void **state)
{
	(void)state;
	static struct poster p;
	struct gate gate = GATE_INIT;
	struct test_job next = { .job.run = run_simple, .number = 7 };
	p = (struct poster){ .job.run = run_poster, .gate = &gate };
	struct lane *lane = p.lane = lane_new("post", 1);
	assert_int_equal(lane_submit(lane, &p.job), 0);
	assert_int_equal(lane_submit(lane, &next.job), 0);
	gate_wait_entered(&gate);
	/* they are there while the job runs on, in order, and no more than there may be */
	for (int i = 0; i < LANE_POST_MAX; i++)
		assert_int_equal(wait_done(lane)->number, i + 1);
	assert_null(lane_take_done(lane));
	assert_false(readable(lane, 0));
	assert_true(lane_busy(lane));
	gate_open(&gate);
	assert_ptr_equal(wait_done(lane), &p);
	assert_int_equal(p.refused, N_POSTS - LANE_POST_MAX);
	assert_ptr_equal(wait_done(lane), &next);
	assert_int_equal(next.result, 70);
	assert_true(lane_free(lane, USEC_PER_SEC, drop_unexpected));
}

static void run_two_posts(struct lane_job *job)
{
	struct poster *p = (struct poster *)job;
	for (int i = 0; i < 2; i++) {
		p->posts[i].number = i + 1;
		assert_int_equal(lane_post(p->lane, &p->posts[i].job), 0);
	}
}

/* What nobody took is handed back at the end. */
static void test_posts_are_dropped(void **state)
{
	(void)state;
	static struct poster p;
	p = (struct poster){ .job.run = run_two_posts };
	struct lane *lane = p.lane = lane_new("post", 1);
	assert_int_equal(lane_submit(lane, &p.job), 0);
	assert_true(readable(lane, PATIENCE_MS));
	n_dropped = 0;
	assert_true(lane_free(lane, PATIENCE_MS * USEC_PER_MSEC, drop));
	assert_int_equal(n_dropped, 3);
	assert_int_equal(dropped[0], 1);
	assert_int_equal(dropped[1], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_announced_until_last_is_taken),
		cmocka_unit_test(test_queue_full),
		cmocka_unit_test(test_no_queue),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_free_waits_and_drops),
		cmocka_unit_test(test_free_idle),
		cmocka_unit_test(test_free_gives_up_on_hanging_job),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_post),
		cmocka_unit_test(test_posts_are_dropped),
		cmocka_unit_test(test_no_descriptor_left),
	};
	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
