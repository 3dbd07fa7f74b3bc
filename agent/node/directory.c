/* SPDX-License-Identifier: Apache-2.0 */
#include "node/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* path is changed on the way and the same again afterwards. */
static int make_with_parents(char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	char *slash = strrchr(path, '/');
	if (errno != ENOENT || !slash || slash == path)
		return -errno;
	*slash = '\0';
	int r = make_with_parents(path, 0755);
	*slash = '/';
	if (r < 0)
		return r;
	return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int directory_open(const char *path, bool make)
{
	if (make) {
		cleanup_free char *copy = xstrdup(path);
		/* behind a slash at the end the name would be that of a parent */
		for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
			copy[n - 1] = '\0';
		int r = make_with_parents(copy, 0700);
		if (r < 0)
			return r;
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
