/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/alloc.h"
#include "util/arena.h"

static void test_zeroed_and_aligned(void **state)
{
	(void)state;
	static const char zeros[512];
	struct arena a = { 0 };
	for (size_t size = 0; size < sizeof(zeros); size++) {
		char *p = arena_calloc(&a, 1, size);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		assert_memory_equal(p, zeros, size);
		memset(p, 0xff, size);
	}
	arena_done(&a);
}

static void test_pieces_do_not_overlap(void **state)
{
	(void)state;
	enum { N = 20000 };
	struct arena a = { 0 };
	size_t **pieces = xcalloc(N, sizeof(*pieces));
	for (size_t i = 0; i < N; i++) {
		/* Every thousandth is larger than a block. */
		pieces[i] = arena_calloc(&a, i % 1000 == 0 ? 20000 : 1 + i % 7, sizeof(size_t));
		*pieces[i] = i;
	}
	for (size_t i = 0; i < N; i++)
		assert_int_equal(*pieces[i], i);
	assert_true(a.used >= N * sizeof(size_t));
	free(pieces);
	arena_done(&a);
}

static void test_large_first(void **state)
{
	(void)state;
	struct arena a = { 0 };
	char *large = arena_calloc(&a, 1, 1024 * 1024);
	large[1024 * 1024 - 1] = 1;
	assert_string_equal(arena_strdup(&a, "small"), "small");
	arena_done(&a);
}

static void test_strdup(void **state)
{
	(void)state;
	struct arena a = { 0 };
	char source[] = "docker.io/lab/app:1";
	char *copy = arena_strdup(&a, source);
	source[0] = 'X';
	assert_string_equal(copy, "docker.io/lab/app:1");
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_strdup(&a, NULL), "");
	arena_done(&a);
}

static void test_usable_again(void **state)
{
	(void)state;
	struct arena a = { 0 };
	arena_done(&a);
	assert_string_equal(arena_strdup(&a, "one"), "one");
	arena_done(&a);
	assert_int_equal(a.used, 0);
	assert_null(a.blocks);
	assert_string_equal(arena_strdup(&a, "two"), "two");
	arena_done(&a);
}

static int child_signal(void (*body)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		/* What the child says on its way down is expected. */
		const struct rlimit no_core = { 0 };
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGABRT, SIG_DFL);
		int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		(void)dup2(fd, STDERR_FILENO);
		body();
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void overflow_product(void)
{
	struct arena a = { 0 };
	(void)!arena_calloc(&a, SIZE_MAX / 2, 3);
}

static void overflow_padding(void)
{
	struct arena a = { 0 };
	(void)!arena_calloc(&a, 1, SIZE_MAX);
}

static void test_overflow_aborts(void **state)
{
	(void)state;
	assert_int_equal(child_signal(overflow_product), SIGABRT);
	assert_int_equal(child_signal(overflow_padding), SIGABRT);
}

static void test_alloc(void **state)
{
	(void)state;
	void *p = xcalloc(0, 0);
	assert_non_null(p);
	p = xreallocarray(p, 0, 4);
	assert_non_null(p);
	void *taken = take_ptr(p);
	assert_null(p);
	assert_non_null(taken);
	free(taken);
	cleanup_free char *s = xstrdup("x");
	assert_string_equal(s, "x");
}

static void test_descriptor(void **state)
{
	(void)state;
	int left, handed_out;
	{
		cleanup_close int a = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cleanup_close int b = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cleanup_close int none = -1;
		assert_true(a >= 0 && b >= 0);
		assert_int_equal(none, -1);
		left = a;
		handed_out = take_fd(b);
		assert_int_equal(b, -1);
	}
	assert_int_equal(fcntl(left, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	assert_true(fcntl(handed_out, F_GETFD) >= 0);
	close(handed_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_and_aligned),
		cmocka_unit_test(test_pieces_do_not_overlap),
		cmocka_unit_test(test_large_first),
		cmocka_unit_test(test_strdup),
		cmocka_unit_test(test_usable_again),
		cmocka_unit_test(test_overflow_aborts),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_descriptor),
	};
	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
