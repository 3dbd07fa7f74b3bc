/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "expose/listen.h"

struct fixture {
	char directory[32];
	char path[100]; /* of a socket */
	char word[128]; /* the same as unix:PATH */
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/test-listen-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/agent.sock", f->directory);
	(void)snprintf(f->word, sizeof(f->word), "unix:%s", f->path);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static int unix_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, path, strlen(path));
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

static void test_bad_words(void **state)
{
	static const char *const words[] = {
		"",
		":",
		"x",
		":9779",
		"9779",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1: 1",
		"127.0.0.1:-1",
		"127.0.0.1:65536",
		"127.0.0.1:0x50",
		"127.0.0.1:99999999999999999999",
		"127.0.0.1:http",
		"127.0.0.256:1",
		"localhost:9779",
		"example.org:80",
		"::1:9779",
		"[::1]",
		"[::1]9779",
		"[::1:9779",
		"[:1",
		"[]:1",
		"]:1",
		"[127.0.0.1:1",
		"[::g]:1",
		"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:1",
		"unix:",
		"unix:relative",
		"unix:/",
		"unix:/tmp/",
		"unix://",
		"http://127.0.0.1:1",
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		struct listener l = LISTENER_INIT;
		struct err e = { 0 };
		print_message("# %s\n", words[i]);
		assert_int_equal(listener_open(words[i], &l, &e), -EINVAL);
		assert_int_equal(l.fd, -1);
		assert_non_null(strstr(e.msg, "expected ADDRESS:PORT"));
	}
}

static void test_tcp(void **state)
{
	static const struct {
		const char *word, *prefix;
	} rows[] = {
		{ "127.0.0.1:0", "127.0.0.1:" },
		{ "0.0.0.0:0", "0.0.0.0:" },
		{ "[127.0.0.1]:0", "127.0.0.1:" },
		{ "[::1]:0", "[::1]:" },
		{ "[::]:0", "[::]:" },
	};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct listener l = LISTENER_INIT, other = LISTENER_INIT;
		struct err e = { 0 };
		int r = listener_open(rows[i].word, &l, &e);
		if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) {
			print_message("# no IPv6 here\n");
			continue;
		}
		assert_int_equal(r, 0);
		assert_false(l.local);
		assert_int_equal(strncmp(l.address, rows[i].prefix, strlen(rows[i].prefix)), 0);
		assert_string_not_equal(l.address + strlen(rows[i].prefix), "0");
		assert_true(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(listener_open(l.address, &other, &e), -EADDRINUSE);
		assert_non_null(strstr(e.msg, l.address));
		assert_non_null(strstr(e.msg, "in use"));
		listener_close(&l);
		assert_int_equal(l.fd, -1);
		listener_close(&l);
	}
}

/* What a kernel that was booted with ipv6.disable=1 answers. */
static void forbid_ipv6(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ELEMENTS(code), .filter = code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(77);
}

/* Every address, on a host without IPv6; one of IPv6 cannot be had there. */
static void test_without_ipv6(void **state)
{
	int status;
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct listener l = LISTENER_INIT;
		struct err e = { 0 };
		forbid_ipv6();
		if (listener_open("[::1]:0", &l, &e) != -EAFNOSUPPORT)
			_exit(1);
		if (listener_open("[::]:0", &l, &e) < 0)
			_exit(2);
		_exit(strncmp(l.address, "0.0.0.0:", strlen("0.0.0.0:")) == 0 ? 0 : 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_unix_mode(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0177, 0777 };
	struct fixture *f = *state;
	for (size_t i = 0; i < ELEMENTS(masks); i++) {
		struct listener l = LISTENER_INIT;
		struct err e = { 0 };
		struct stat st;
		mode_t before = umask(masks[i]);
		int r = listener_open(f->word, &l, &e);
		umask(before);
		assert_int_equal(r, 0);
		assert_true(l.local);
		assert_string_equal(l.address, f->word);
		assert_int_equal(lstat(f->path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0600 & ~masks[i]);
		listener_close(&l);
		assert_int_equal(lstat(f->path, &st), -1);
	}
}

static void test_unix_directory(void **state)
{
	struct fixture *f = *state;
	struct listener l = LISTENER_INIT;
	struct err e = { 0 };
	struct stat st;
	char word[128], directory[100];
	(void)snprintf(word, sizeof(word), "unix:%s/a/b/agent.sock", f->directory);
	mode_t before = umask(022);
	assert_int_equal(listener_open(word, &l, &e), 0);
	umask(before);
	(void)snprintf(directory, sizeof(directory), "%s/a/b", f->directory);
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	listener_close(&l);
	assert_int_equal(rmdir(directory), 0);
	(void)snprintf(directory, sizeof(directory), "%s/a", f->directory);
	assert_int_equal(rmdir(directory), 0);
}

static void test_unix_stale(void **state)
{
	struct fixture *f = *state;
	struct listener l = LISTENER_INIT, second = LISTENER_INIT;
	struct err e = { 0 };
	assert_int_equal(listener_open(f->word, &l, &e), 0);
	assert_int_equal(unix_connect(f->path), 0);
	/* someone answers: stays as it is */
	assert_int_equal(listener_open(f->word, &second, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "another process answers"));
	assert_int_equal(unix_connect(f->path), 0);
	/* died without removing it: replaced */
	close(l.fd);
	assert_int_equal(unix_connect(f->path), -ECONNREFUSED);
	assert_int_equal(listener_open(f->word, &second, &e), 0);
	assert_int_equal(unix_connect(f->path), 0);
	listener_close(&second);
}

/* A successor has replaced the file meanwhile: it is not ours to remove. */
static void test_unix_close_removes_only_its_own(void **state)
{
	struct fixture *f = *state;
	struct listener l = LISTENER_INIT, second = LISTENER_INIT;
	struct err e = { 0 };
	assert_int_equal(listener_open(f->word, &l, &e), 0);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(listener_open(f->word, &second, &e), 0);
	listener_close(&l);
	assert_int_equal(unix_connect(f->path), 0);
	listener_close(&second);
}

static void test_unix_not_a_socket(void **state)
{
	struct fixture *f = *state;
	struct listener l = LISTENER_INIT;
	struct err e = { 0 };
	cleanup_close int fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(listener_open(f->word, &l, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "no socket"));
	assert_int_equal(access(f->path, F_OK), 0);
	unlink(f->path);
	/* nor is a link followed */
	assert_int_equal(symlink("/tmp", f->path), 0);
	assert_int_equal(listener_open(f->word, &l, &e), -EADDRINUSE);
	/* and a path below a file cannot be created */
	char word[160];
	unlink(f->path);
	close(take_fd(fd));
	fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	(void)snprintf(word, sizeof(word), "%s/x", f->word);
	assert_int_equal(listener_open(word, &l, &e), -ENOTDIR);
}

static void test_unix_long_path(void **state)
{
	struct fixture *f = *state;
	struct listener l = LISTENER_INIT;
	struct err e = { 0 };
	char word[400];
	size_t n = strlen("unix:/tmp/");
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	memcpy(word, "unix:/tmp/", n);
	assert_int_equal(listener_open(word, &l, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "at most 107 characters"));
	/* the longest possible one */
	n = strlen("unix:") + strlen(f->directory) + 1;
	(void)snprintf(word, sizeof(word), "unix:%s/", f->directory);
	memset(word + n, 'x', strlen("unix:") + 107 - n);
	word[strlen("unix:") + 107] = '\0';
	assert_int_equal(listener_open(word, &l, &e), 0);
	assert_string_equal(l.address, word);
	listener_close(&l);
	assert_int_equal(access(word + strlen("unix:"), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_without_ipv6),
		cmocka_unit_test_setup_teardown(test_unix_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_close_removes_only_its_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_unix_not_a_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_long_path, setup, teardown),
	};
	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
