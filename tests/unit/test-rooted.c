/* SPDX-License-Identifier: Apache-2.0 */
#include "own-directory.h"

#include "util/err.h"
#include "util/rooted.h"

static void make_tree(void)
{
	static const char *const directories[] = { "run", "run/crio", "var", "var/lib", "data" };
	static const struct {
		const char *target, *path;
	} links[] = {
		{ "/run", "var/run" },
		{ "../../data", "var/lib/relative" },
		{ "../../../../../../data", "var/lib/climbing" },
		{ "/var/run/../data", "var/lib/chain" },
		{ "/nowhere", "var/lib/dangling" },
		{ "loop", "var/lib/loop" },
	};
	for (size_t i = 0; i < ELEMENTS(directories); i++)
		assert_int_equal(mkdir(at(directories[i]), 0700), 0);
	for (size_t i = 0; i < ELEMENTS(links); i++)
		assert_int_equal(symlink(links[i].target, at(links[i].path)), 0);
	put(at("run/crio/crio.sock"), "x", 1);
}

static const struct row {
	const char *path, *is;
	int error;
} rows[] = {
	{ "/", "", 0 },
	{ "/data", "/data", 0 },
	{ "data", "/data", 0 },
	{ "//data/.", "/data", 0 },
	{ "/..", "", 0 },
	{ "/../../../data", "/data", 0 },
	{ "/var/run", "/run", 0 },
	{ "/var/run/crio/crio.sock", "/run/crio/crio.sock", 0 },
	{ "/var/lib/relative", "/data", 0 },
	{ "/var/lib/climbing", "/data", 0 },
	{ "/var/lib/chain", "/data", 0 },
	{ "/var/lib/dangling", NULL, -ENOENT },
	{ "/var/lib/loop", NULL, -ELOOP },
	{ "/missing", NULL, -ENOENT },
	{ "/run/crio/crio.sock/x", NULL, -ENOTDIR },
};

/* Links mean what they mean on the host, and none leads out of it. */
static void paths_below_a_root(void **state)
{
	(void)state;
	char expected[PATH_MAX], path[PATH_MAX], root[PATH_MAX];
	make_tree();
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct err e = { 0 };
		/* however the root is written */
		(void)snprintf(root, sizeof(root), "%s%s", own_directory, i % 2 ? "/" : "");
		assert_int_equal(rooted_path(root, rows[i].path, path, &e), rows[i].error);
		(void)snprintf(expected, sizeof(expected), "%s%s", own_directory,
			       rows[i].error ? rows[i].path : rows[i].is);
		if (rows[i].error)
			assert_non_null(strstr(e.msg, rows[i].path));
		else
			assert_string_equal(path, expected);
	}
}

static void opens_below_a_root(void **state)
{
	(void)state;
	char byte = 0;
	make_tree();
	cleanup_close int fd = rooted_open(own_directory, "/var/run/crio/crio.sock", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(rooted_open(own_directory, "/etc/passwd", O_RDONLY), -ENOENT);
	assert_int_equal(rooted_open(at("missing"), "/etc/passwd", O_RDONLY), -ENOENT);
}

/* The process's own root: paths are left as they are, links and what is missing as well. */
static void without_a_root(void **state)
{
	(void)state;
	static const char *const roots[] = { "", "/", "//" };
	char path[PATH_MAX];
	for (size_t i = 0; i < ELEMENTS(roots); i++) {
		assert_int_equal(rooted_path(roots[i], "/missing/../x", path, NULL), 0);
		assert_string_equal(path, "/missing/../x");
		cleanup_close int fd = rooted_open(roots[i], "/proc/self/status", O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(rooted_open(roots[i], "/missing", O_RDONLY), -ENOENT);
	}
}

static void too_long(void **state)
{
	(void)state;
	char path[2 * PATH_MAX], ret[PATH_MAX];
	struct err e = { 0 };
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(rooted_path("", path, ret, &e), -ENAMETOOLONG);
	assert_int_equal(rooted_path(own_directory, path, ret, &e), -ENAMETOOLONG);
	path[PATH_MAX - 1] = '\0';
	assert_int_equal(rooted_path("", path, ret, &e), 0);
	assert_string_equal(ret, path);
}

static void stripped(void **state)
{
	(void)state;
	static const struct {
		const char *root, *path, *is;
	} cases[] = {
		{ "", "/var/lib", "/var/lib" },
		{ "/", "/var/lib", "/var/lib" },
		{ "/tmp", "/tmp/var", "/var" },
		{ "/tmp/", "/tmp/var", "/var" },
		{ "/tmp", "/tmp", "/" },
		{ "/tmp", "/", "/" },
		{ "/tmp", "/tmpx/var", "/" },
		{ "/proc/../tmp", "/tmp/var", "/var" },
		{ "/missing", "/missing/var", "/" },
	};
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), "%s", cases[i].path);
		rooted_strip(cases[i].root, path);
		assert_string_equal(path, cases[i].is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(paths_below_a_root), IN_OWN_DIRECTORY(opens_below_a_root),
		cmocka_unit_test(without_a_root),     IN_OWN_DIRECTORY(too_long),
		cmocka_unit_test(stripped),
	};
	return cmocka_run_group_tests_name("rooted", tests, NULL, NULL);
}
