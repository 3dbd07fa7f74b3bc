/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "node/pass-lock.h"
#include "own-directory.h"
#include "own-filesystem.h"

/* --- another process that takes the lock ------------------------------------------------------- */

struct holder {
	pid_t pid;
	int result;  /* of its try */
	int release; /* closing this lets it go on and exit */
};

static void holder_run(const char *first, const char *second, int answer, int release)
{
	int fd = -1, r = pass_lock_acquire_either(first, second, &fd, NULL);
	char c;
	if (write(answer, &r, sizeof(r)) != sizeof(r))
		_exit(1);
	(void)read(release, &c, 1);
	_exit(0);
}

static struct holder holder_start(const char *first, const char *second)
{
	int answer[2], release[2];
	struct holder h;
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	assert_int_equal(pipe2(release, O_CLOEXEC), 0);
	h.pid = fork();
	assert_true(h.pid >= 0);
	if (h.pid == 0) {
		close(release[1]);
		holder_run(first, second, answer[1], release[0]);
	}
	close(answer[1]);
	close(release[0]);
	assert_int_equal(read(answer[0], &h.result, sizeof(h.result)), sizeof(h.result));
	close(answer[0]);
	h.release = release[1];
	return h;
}

static void holder_end(struct holder *h, int signal)
{
	if (signal)
		(void)kill(h->pid, signal);
	close(h->release);
	assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
}

/* Tries, and gives it back at once. */
static int try(const char *first, const char *second, struct err *e)
{
	cleanup_close int fd = -1;
	int r = pass_lock_acquire_either(first, second, &fd, e);
	assert_int_equal(fd >= 0, r == 0);
	if (r == 0)
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	return r;
}

/* --- tests ------------------------------------------------------------------------------------- */

static void one_at_a_time(void **state)
{
	(void)state;
	static const int ways[] = { 0, SIGTERM, SIGKILL };
	const char *directory = at("state"), *unused = at("unused");
	for (size_t i = 0; i < ELEMENTS(ways); i++) {
		struct err e = { 0 };
		struct holder h = holder_start(directory, unused);
		assert_int_equal(h.result, 0);
		assert_int_equal(try(directory, unused, &e), -EBUSY);
		assert_non_null(strstr(e.msg, "another pass"));
		struct holder second = holder_start(directory, unused);
		assert_int_equal(second.result, -EBUSY);
		holder_end(&second, 0);
		/* the one that failed took nothing away */
		assert_int_equal(try(directory, unused, &e), -EBUSY);
		holder_end(&h, ways[i]);
		assert_int_equal(try(directory, unused, &e), 0);
		assert_int_equal(try(directory, unused, &e), 0);
	}
	assert_int_equal(access(unused, F_OK), -1);
}

/* Not even within one process: the daemon never runs two passes either. */
static void not_twice_in_a_process(void **state)
{
	(void)state;
	int fd;
	int descriptors = open_descriptors();
	assert_int_equal(pass_lock_acquire_either(at("a"), at("b"), &fd, NULL), 0);
	assert_int_equal(try(at("a"), at("b"), NULL), -EBUSY);
	close(fd);
	assert_int_equal(try(at("a"), at("b"), NULL), 0);
	assert_int_equal(open_descriptors(), descriptors);
}

/* It is the directory that is locked, not its name, and nothing is put into it. */
static void no_file_is_needed(void **state)
{
	(void)state;
	int fd;
	struct stat st;
	assert_int_equal(pass_lock_acquire_either(at("parent/state/"), at("b"), &fd, NULL), 0);
	assert_int_equal(stat(at("parent/state"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(rmdir(at("parent/state")), 0);
	close(fd);
	assert_int_equal(mkdir(at("c"), 0700), 0);
	assert_int_equal(symlink("c", at("link")), 0);
	assert_int_equal(pass_lock_acquire_either(at("c"), at("b"), &fd, NULL), 0);
	assert_int_equal(try(at("link"), at("b"), NULL), -EBUSY);
	close(fd);
}

static void another_directory_serves(void **state)
{
	(void)state;
	struct err e = { 0 };
	put(at("file"), "x", 1);
	const char *bad = at("file"), *below = at("file/below");
	const char *other = at("other"), *good = at("good");
	struct holder h = holder_start(bad, other);
	assert_int_equal(h.result, 0);
	assert_int_equal(try(below, other, &e), -EBUSY);
	/* it is another lock */
	assert_int_equal(try(good, other, &e), 0);
	holder_end(&h, 0);
	assert_int_equal(try(bad, other, &e), 0);
}

static void neither_serves(void **state)
{
	(void)state;
	struct err e = { 0 };
	int descriptors = open_descriptors();
	put(at("file"), "x", 1);
	assert_int_equal(symlink("nowhere", at("dangling")), 0);
	assert_int_equal(try(at("file"), at("dangling"), &e), -ENOENT);
	assert_non_null(strstr(e.msg, at("file")));
	assert_non_null(strstr(e.msg, strerror(ENOTDIR)));
	assert_non_null(strstr(e.msg, at("dangling")));
	assert_non_null(strstr(e.msg, strerror(ENOENT)));
	assert_int_equal(open_descriptors(), descriptors);
}

/* A state directory that this user may not open: the other one serves, and is the same for all who
 * may not. */
static void without_permission(void **state)
{
	(void)state;
	int status;
	assert_int_equal(mkdir(at("state"), 0000), 0);
	assert_int_equal(mkdir(at("other"), 0777), 0);
	assert_int_equal(chmod(at("other"), 0777), 0);
	assert_int_equal(chmod(own_directory, 0755), 0);
	put(at("file"), "x", 1);
	struct holder h = holder_start(at("file"), at("other"));
	assert_int_equal(h.result, 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		int fd = -1;
		_exit(pass_lock_acquire_either(at("state"), at("other"), &fd, NULL) == -EBUSY ? 0
											      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	holder_end(&h, 0);
	assert_int_equal(status, 0);
}

/* The disk that passes are run for is full. */
static void on_a_full_disk(void **state)
{
	(void)state;
	struct err e = { 0 };
	if (!own_filesystem("ext4", 16 << 20, own_directory))
		SKIP("ext4 cannot be made and mounted here");
	assert_int_equal(mkdir(at("state"), 0700), 0);
	fill_up(own_directory);
	assert_int_equal(try(at("state"), at("other"), &e), 0);
	/* one that would have to be made is not to be had, and the run-time directory is */
	char fallback[] = "/tmp/test-pass-lock-XXXXXX";
	assert_non_null(mkdtemp(fallback));
	int r = try(at("missing"), fallback, &e);
	assert_int_equal(rmdir(fallback), 0);
	assert_int_equal(r, 0);
}

/* The directory that serves where the state directory does not is below the run-time directory. */
static void below_the_run_time_directory(void **state)
{
	(void)state;
	struct err e = { 0 };
	struct stat st;
	int fd;
	if (access(RUNSTATEDIR, F_OK) < 0 || !own_tmpfs("size=64k", RUNSTATEDIR))
		SKIP("no mount of one's own on " RUNSTATEDIR);
	put(at("file"), "x", 1);
	assert_int_equal(pass_lock_acquire(at("file"), &fd, &e), 0);
	assert_int_equal(stat(RUNSTATEDIR "/disk-pressure-agent", &st), 0);
	assert_int_equal(pass_lock_acquire(at("file/below"), &fd, &e), -EBUSY);
	close(fd);
	assert_int_equal(umount2(RUNSTATEDIR, MNT_DETACH), 0);
	assert_int_equal(pass_lock_acquire(at("state"), &fd, &e), 0);
	assert_int_equal(stat(at("state"), &st), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(one_at_a_time),     IN_OWN_DIRECTORY(not_twice_in_a_process),
		IN_OWN_DIRECTORY(no_file_is_needed), IN_OWN_DIRECTORY(another_directory_serves),
		IN_OWN_DIRECTORY(neither_serves),    IN_OWN_DIRECTORY(without_permission),
		IN_OWN_DIRECTORY(on_a_full_disk),    IN_OWN_DIRECTORY(below_the_run_time_directory),
	};
	return cmocka_run_group_tests_name("pass-lock", tests, NULL, NULL);
}
