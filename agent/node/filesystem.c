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

#include "util/rooted.h"

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
	if (vfs.f_blocks == 0)
		return err_set(e, ENODEV, "%s: the filesystem reports a size of 0 bytes", path);
	*ret = (struct space){
		.size_bytes = multiply(vfs.f_blocks, unit),
		.avail_bytes = multiply(vfs.f_bavail, unit),
		.inodes = vfs.f_files,
		.inodes_free = vfs.f_ffree,
	};
	*ret_dev = st.st_dev;
	return 0;
}

int filesystem_identify(const char *root, const char *path, struct mount *ret, struct err *e)
{
	cleanup_free char *real = realpath(path, NULL);
	if (!real)
		return err_set(e, errno, "resolve %s: %s", path, strerror(errno));
	int r = mountinfo_lookup("/proc/self/mountinfo", real, ret, e);
	if (r == 0)
		rooted_strip(root, ret->mountpoint);
	return r;
}

/* What a filesystem does between a removal and its space being there. */
enum settling {
	SETTLES_AT_ONCE,
	SETTLES_BY_ITSELF, /* xfs, when its inode workers come round: some milliseconds */
	SETTLES_AT_COMMIT, /* btrfs, up to 30 s later by itself */
};

static enum settling settling_of(const char *path)
{
	struct statfs fs;
	if (statfs(path, &fs) < 0)
		return SETTLES_AT_ONCE;
	if (fs.f_type == BTRFS_SUPER_MAGIC)
		return SETTLES_AT_COMMIT;
	return fs.f_type == XFS_SUPER_MAGIC ? SETTLES_BY_ITSELF : SETTLES_AT_ONCE;
}

/* On btrfs only: elsewhere it would write out what others have yet to write, and free nothing. */
static void commit(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)syncfs(fd);
}

static uint64_t settled_at(const struct space *before, uint64_t expected_bytes)
{
	uint64_t enough;
	if (__builtin_add_overflow(before->avail_bytes, expected_bytes / 2, &enough))
		return UINT64_MAX;
	return enough;
}

int filesystem_sample_settled(const char *path, const struct space *before, uint64_t expected_bytes,
			      struct space *ret, struct err *e)
{
	static const struct timespec step = { .tv_nsec = SETTLE_STEP_MSEC * 1000000L };
	uint64_t dev, enough = settled_at(before, expected_bytes);
	int r = filesystem_sample(path, ret, &dev, e);
	enum settling settling = settling_of(path);
	if (r < 0 || settling == SETTLES_AT_ONCE)
		return r;
	/* What comes by itself comes file by file: half of it is no reason to believe that it is all. */
	bool step_by_step = settling == SETTLES_BY_ITSELF && expected_bytes > 0;
	uint64_t last = step_by_step ? 0 : UINT64_MAX;
	for (int i = 0; i <= SETTLE_STEPS && (ret->avail_bytes < enough || ret->avail_bytes > last);
	     i++) {
		last = step_by_step ? ret->avail_bytes : last;
		if (i == 0 && settling == SETTLES_AT_COMMIT)
			commit(path);
		else
			(void)nanosleep(&step, NULL);
		r = filesystem_sample(path, ret, &dev, e);
		if (r < 0)
			return r;
	}
	return 0;
}
