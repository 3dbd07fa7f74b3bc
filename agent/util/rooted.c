/* SPDX-License-Identifier: Apache-2.0 */
#include "util/rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/openat2.h>

#define TRIES 32

static bool is_own_root(const char *root)
{
	return !root || root[strspn(root, "/")] == '\0';
}

/* Without a second slash between them. */
static int join(const char *root, const char *path, char ret[PATH_MAX])
{
	size_t len = is_own_root(root) ? 0 : strlen(root);
	while (len > 0 && root[len - 1] == '/')
		len--;
	int n = snprintf(ret, PATH_MAX, "%.*s%s%s", (int)len, root ? root : "",
			 path[0] == '/' ? "" : "/", path);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int open_joined(const char *root, const char *path, int flags)
{
	char joined[PATH_MAX];
	int r = join(root, path, joined);
	if (r < 0)
		return r;
	int fd = open(joined, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int rooted_open(const char *root, const char *path, int flags)
{
	if (is_own_root(root))
		return open_joined("", path, flags);
	cleanup_close int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT };
	long fd = -1;
	errno = EAGAIN;
	/* ".." is not followed while anything is mounted or renamed on the system: again then */
	for (int i = 0; i < TRIES && fd < 0 && errno == EAGAIN; i++)
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	/* an old kernel, or a filter that does not know the call */
	if (errno == ENOSYS || errno == EPERM)
		return open_joined(root, path, flags);
	return -errno;
}

/* The name that the kernel has for an open file. */
static int name_of(int fd, char ret[PATH_MAX])
{
	char link[32];
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, ret, PATH_MAX);
	if (n < 0)
		return -errno;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return 0;
}

int rooted_path(const char *root, const char *path, char ret[PATH_MAX], struct err *e)
{
	if (is_own_root(root)) {
		int r = join("", path, ret);
		return r < 0 ? err_set(e, -r, "a path of %zu bytes: %s", strlen(path), strerror(-r))
			     : 0;
	}
	cleanup_close int fd = rooted_open(root, path, O_PATH);
	int r = fd < 0 ? fd : name_of(fd, ret);
	return r < 0 ? err_set(e, -r, "%s%s: %s", root, path, strerror(-r)) : 0;
}

void rooted_strip(const char *root, char *path)
{
	if (is_own_root(root))
		return;
	cleanup_free char *real = realpath(root, NULL);
	size_t len = real ? strlen(real) : 0;
	if (len > 0 && strncmp(path, real, len) == 0 && path[len] == '/')
		memmove(path, path + len, strlen(path + len) + 1);
	else
		memcpy(path, "/", sizeof("/"));
}
