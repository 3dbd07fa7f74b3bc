/* SPDX-License-Identifier: Apache-2.0 */
#include "node/pass-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FALLBACK_DIRECTORY RUNSTATEDIR "/disk-pressure-agent"

static int open_directory(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int pass_lock_acquire(const char *state_directory, int *ret_fd, struct err *e)
{
	cleanup_close int fd = open_directory(state_directory);
	int first = fd;
	if (fd < 0)
		fd = open_directory(FALLBACK_DIRECTORY);
	if (fd < 0)
		return err_set(e, -fd, "neither %s (%s) nor %s (%s) can be opened for the lock",
			       state_directory, strerror(-first), FALLBACK_DIRECTORY,
			       strerror(-fd));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? err_set(e, EBUSY, "another pass is running on this host")
			       : err_set(e, errno, "lock %s: %s", state_directory, strerror(errno));
	*ret_fd = take_fd(fd);
	return 0;
}
