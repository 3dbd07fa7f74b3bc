/* SPDX-License-Identifier: Apache-2.0 */
#include "node/pass-lock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>

#include "node/directory.h"

#define FALLBACK_DIRECTORY RUNSTATEDIR "/disk-pressure-agent"

int pass_lock_acquire_either(const char *first, const char *second, int *ret_fd, struct err *e)
{
	cleanup_close int fd = directory_open(first, true);
	int r = fd;
	const char *path = first;
	if (fd < 0) {
		path = second;
		fd = directory_open(second, true);
	}
	if (fd < 0)
		return err_set(e, -fd, "neither %s (%s) nor %s (%s) can be opened for the lock",
			       first, strerror(-r), second, strerror(-fd));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? err_set(e, EBUSY, "another pass is running on this host")
			       : err_set(e, errno, "lock %s: %s", path, strerror(errno));
	*ret_fd = take_fd(fd);
	return 0;
}

int pass_lock_acquire(const char *state_directory, int *ret_fd, struct err *e)
{
	return pass_lock_acquire_either(state_directory, FALLBACK_DIRECTORY, ret_fd, e);
}
