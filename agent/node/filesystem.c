/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_STEP_MSEC 25
#define SETTLE_STEPS	 20

static uint64_t multiply(uint64_t blocks, uint64_t size)
{
	uint64_t bytes;
	return __builtin_mul_overflow(blocks, size, &bytes) ? UINT64_MAX : bytes;
}

int filesystem_sample(const char *path, struct space *ret, uint64_t *ret_dev, struct err *e)
{
	struct statvfs vfs;
	struct stat st;
	if (stat(path, &st) < 0)
		return err_set(e, errno, "stat %s: %s", path, strerror(errno));
	if (statvfs(path, &vfs) < 0)
		return err_set(e, errno, "statvfs %s: %s", path, strerror(errno));
	uint64_t unit = vfs.f_frsize ? vfs.f_frsize : vfs.f_bsize;
	*ret = (struct space){
		.size_bytes = multiply(vfs.f_blocks, unit),
		.avail_bytes = multiply(vfs.f_bavail, unit),
		.inodes = vfs.f_files,
		.inodes_free = vfs.f_ffree,
	};
	if (ret->size_bytes == 0)
		return err_set(e, ENODEV, "%s: the filesystem reports a size of 0 bytes", path);
	*ret_dev = st.st_dev;
	return 0;
}

int filesystem_identify(const char *path, struct mount *ret, struct err *e)
{
	cleanup_free char *real = realpath(path, NULL);
	if (!real)
		return err_set(e, errno, "resolve %s: %s", path, strerror(errno));
	return mountinfo_lookup("/proc/self/mountinfo", real, ret, e);
}

/* btrfs gives extents back when a transaction commits, xfs when its inode workers come round. */
static bool frees_in_background(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 &&
	       (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC);
}

/* Commits what is pending; without this btrfs shows the space up to 30 s later. */
static void push_pending(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)syncfs(fd);
}

int filesystem_sample_settled(const char *path, const struct space *before, uint64_t expected_bytes,
			      struct space *ret, struct err *e)
{
	uint64_t dev;
	int r = filesystem_sample(path, ret, &dev, e);
	if (r < 0 || !frees_in_background(path))
		return r;
	uint64_t enough = before->avail_bytes + expected_bytes / 2;
	for (int i = 0; i < SETTLE_STEPS && ret->avail_bytes < enough; i++) {
		if (i == 0)
			push_pending(path);
		else
			(void)nanosleep(
				&(struct timespec){ .tv_nsec = SETTLE_STEP_MSEC * 1000000L }, NULL);
		r = filesystem_sample(path, ret, &dev, e);
		if (r < 0)
			return r;
	}
	return 0;
}
