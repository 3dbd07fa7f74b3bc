/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>

#include "node/filesystem.h"
#include "own-directory.h"
#include "own-filesystem.h"

#define MIB ((uint64_t)1 << 20)

/* --- helpers ----------------------------------------------------------------------------------- */

/* What the program that is tested does while it waits: its calls come here. */
static int flushes, waits;

int syncfs(int fd)
{
	flushes++;
	return (int)syscall(SYS_syncfs, fd);
}

int nanosleep(const struct timespec *time, struct timespec *rest)
{
	waits++;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, time, rest) == 0 ? 0 : -1;
}

static struct space sampled(const char *path)
{
	struct space space;
	uint64_t dev;
	struct err e = { 0 };
	if (filesystem_sample(path, &space, &dev, &e) < 0)
		fail_msg("%s", e.msg);
	return space;
}

/* A file whose blocks are on the disk. */
static void write_file(const char *path, uint64_t bytes)
{
	static char block[1 << 20] = "x";
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (uint64_t done = 0; done < bytes; done += sizeof(block))
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(fsync(fd), 0);
}

/* --- one sample -------------------------------------------------------------------------------- */

static void what_statvfs_says(void **state)
{
	(void)state;
	static const char *const names[] = { "", "file", "link" };
	struct statvfs vfs;
	struct stat st;
	put(at("file"), "x", 1);
	assert_int_equal(symlink("file", at("link")), 0);
	assert_int_equal(stat(own_directory, &st), 0);
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct space space;
		uint64_t dev;
		struct err e = { 0 };
		/* others write at the same time */
		for (int tries = 0; tries < 100; tries++) {
			assert_int_equal(statvfs(own_directory, &vfs), 0);
			assert_int_equal(filesystem_sample(at(names[i]), &space, &dev, &e), 0);
			if (space.avail_bytes == vfs.f_bavail * vfs.f_frsize &&
			    space.inodes_free == vfs.f_ffree)
				break;
		}
		assert_int_equal(dev, st.st_dev);
		assert_int_equal(space.size_bytes, vfs.f_blocks * vfs.f_frsize);
		assert_int_equal(space.avail_bytes, vfs.f_bavail * vfs.f_frsize);
		assert_int_equal(space.inodes, vfs.f_files);
		assert_int_equal(space.inodes_free, vfs.f_ffree);
	}
	/* a link is followed to where it leads */
	struct space space;
	uint64_t dev;
	assert_int_equal(symlink("/dev", at("elsewhere")), 0);
	assert_int_equal(stat("/dev", &st), 0);
	assert_int_equal(filesystem_sample(at("elsewhere"), &space, &dev, NULL), 0);
	assert_int_equal(dev, st.st_dev);
}

static void what_cannot_be_sampled(void **state)
{
	(void)state;
	struct space space = { .size_bytes = 99 };
	uint64_t dev = 99;
	struct err e = { 0 };
	put(at("file"), "x", 1);
	assert_int_equal(symlink("nowhere", at("dangling")), 0);
	static const struct {
		const char *name;
		int code;
	} rows[] = { { "missing", ENOENT }, { "dangling", ENOENT }, { "file/below", ENOTDIR } };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(filesystem_sample(at(rows[i].name), &space, &dev, &e),
				 -rows[i].code);
		assert_non_null(strstr(e.msg, at(rows[i].name)));
		assert_non_null(strstr(e.msg, strerror(rows[i].code)));
	}
	assert_int_equal(filesystem_sample("", &space, &dev, &e), -ENOENT);
	/* a filesystem that is none of blocks */
	assert_int_equal(filesystem_sample("/proc", &space, &dev, &e), -ENODEV);
	assert_non_null(strstr(e.msg, "/proc"));
	assert_int_equal(space.size_bytes, 99);
	assert_int_equal(dev, 99);
}

/* The figures of `stat -f`: block size, blocks, those free to users, inodes, those free. */
static void assert_as_stat_says(const char *path)
{
	unsigned long long unit, blocks, available, files, files_free;
	char text[256];
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		execlp("stat", "stat", "-f", "-c", "%S %b %a %c %d", path, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	ssize_t n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(sscanf(text, "%llu %llu %llu %llu %llu", &unit, &blocks, &available,
				&files, &files_free),
			 5);
	struct space space = sampled(path);
	assert_int_equal(space.size_bytes, blocks * unit);
	assert_int_equal(space.avail_bytes, available * unit);
	assert_int_equal(space.inodes, files);
	assert_int_equal(space.inodes_free, files_free);
}

/* Quiet ones of our own, so that the figures hold still. */
static void as_stat_says(const char *kind, uint64_t size)
{
	struct mount m;
	struct err e = { 0 };
	struct space outside = sampled(own_directory);
	uint64_t dev_outside, dev;
	assert_int_equal(filesystem_sample(own_directory, &outside, &dev_outside, &e), 0);
	if (!own_filesystem(kind, (off_t)size, own_directory))
		SKIP("%s cannot be made and mounted here", kind);
	assert_as_stat_says(own_directory);
	write_file(at("file"), 10 * MIB);
	sync();
	assert_as_stat_says(own_directory);

	struct space space;
	assert_int_equal(filesystem_sample(at("file"), &space, &dev, &e), 0);
	assert_int_not_equal(dev, dev_outside);
	assert_true(space.size_bytes <= size);
	assert_int_equal(filesystem_identify("", at("file"), &m, &e), 0);
	assert_string_equal(m.mountpoint, own_directory);
	assert_string_equal(m.fstype, kind);
	assert_int_equal(strncmp(m.device, "/dev/loop", 9), 0);
	/* the same in the words of a host whose root directory that is, or one above it */
	assert_int_equal(filesystem_identify(own_directory, at("file"), &m, &e), 0);
	assert_string_equal(m.mountpoint, "/");
	assert_int_equal(filesystem_identify("/tmp", at("file"), &m, &e), 0);
	assert_string_equal(m.mountpoint, own_directory + strlen("/tmp"));

	fill_up(own_directory);
	/* xfs keeps some blocks for itself */
	assert_in_range(sampled(own_directory).avail_bytes, 0, 64 * 1024);
}

static void ext4_as_stat_says(void **state)
{
	(void)state;
	as_stat_says("ext4", 64 * MIB);
}

static void xfs_as_stat_says(void **state)
{
	(void)state;
	as_stat_says("xfs", 320 * MIB);
}

/* --- where it is mounted ----------------------------------------------------------------------- */

static void identifies_by_the_real_path(void **state)
{
	(void)state;
	struct mount m, root;
	struct err e = { 0 };
	assert_int_equal(symlink("/proc/self", at("link")), 0);
	assert_int_equal(filesystem_identify("", at("link"), &m, &e), 0);
	assert_string_equal(m.fstype, "proc");
	assert_string_equal(m.mountpoint, "/proc");
	assert_int_equal(filesystem_identify("", "/", &root, &e), 0);
	assert_string_equal(root.mountpoint, "/");
	assert_int_equal(filesystem_identify("", "/proc/..", &m, &e), 0);
	assert_string_equal(m.device, root.device);
	assert_int_equal(filesystem_identify("", at("missing"), &m, &e), -ENOENT);
	assert_non_null(strstr(e.msg, at("missing")));
}

/* --- after a removal --------------------------------------------------------------------------- */

/* Removes a file and measures as a pass does; *ret gets what that gained. */
static void settle(uint64_t bytes, uint64_t expected, struct space *ret)
{
	struct err e = { 0 };
	write_file(at("victim"), bytes);
	sync();
	usleep(100000);
	struct space before = sampled(own_directory);
	assert_int_equal(unlink(at("victim")), 0);
	flushes = waits = 0;
	assert_int_equal(filesystem_sample_settled(own_directory, &before, expected, ret, &e), 0);
	ret->avail_bytes -= before.avail_bytes;
}

static void settles(const char *kind, uint64_t size, uint64_t least, int expected_flushes)
{
	struct space gain;
	if (!own_filesystem(kind, (off_t)size, own_directory))
		SKIP("%s cannot be made and mounted here", kind);
	for (int i = 0; i < 3; i++) {
		settle(40 * MIB, 40 * MIB, &gain);
		assert_in_range(gain.avail_bytes, least, 41 * MIB);
		assert_int_equal(flushes, expected_flushes);
		assert_in_range(waits, 0, strcmp(kind, "ext4") == 0 ? 0 : 10);
	}
}

static void ext4_settles_at_once(void **state)
{
	(void)state;
	settles("ext4", 100 * MIB, 39 * MIB, 0);
}

static void xfs_settles_by_itself(void **state)
{
	(void)state;
	settles("xfs", 320 * MIB, 39 * MIB, 0);
}

static void btrfs_settles_at_a_commit(void **state)
{
	(void)state;
	settles("btrfs", 320 * MIB, 39 * MIB, 1);
}

/* Predictions may be wrong: what never comes is waited for half a second, and on ext4 not at all. */
static void what_never_comes(void **state)
{
	(void)state;
	static const uint64_t expected[] = { 200 * MIB, UINT64_MAX };
	struct space gain;
	if (!own_filesystem("xfs", 320 << 20, own_directory))
		SKIP("xfs cannot be made and mounted here");
	for (size_t i = 0; i < ELEMENTS(expected); i++) {
		settle(10 * MIB, expected[i], &gain);
		assert_in_range(waits, 20, 22);			      /* of 25 ms */
		assert_in_range(gain.avail_bytes, 9 * MIB, 11 * MIB); /* all of it, by then */
	}
	settle(10 * MIB, 0, &gain);
	assert_int_equal(waits, 0);
	assert_int_equal(umount(own_directory), 0);
	if (!own_filesystem("ext4", 100 << 20, own_directory))
		SKIP("ext4 cannot be made and mounted here");
	settle(10 * MIB, UINT64_MAX, &gain);
	assert_int_equal(waits, 0);
}

static void settled_of_nothing(void **state)
{
	(void)state;
	struct space before = { 0 }, space;
	struct err e = { 0 };
	assert_int_equal(filesystem_sample_settled(at("missing"), &before, 1, &space, &e), -ENOENT);
	assert_non_null(strstr(e.msg, at("missing")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(what_statvfs_says),
		IN_OWN_DIRECTORY(what_cannot_be_sampled),
		IN_OWN_DIRECTORY(ext4_as_stat_says),
		IN_OWN_DIRECTORY(xfs_as_stat_says),
		IN_OWN_DIRECTORY(identifies_by_the_real_path),
		IN_OWN_DIRECTORY(ext4_settles_at_once),
		IN_OWN_DIRECTORY(xfs_settles_by_itself),
		IN_OWN_DIRECTORY(btrfs_settles_at_a_commit),
		IN_OWN_DIRECTORY(what_never_comes),
		IN_OWN_DIRECTORY(settled_of_nothing),
	};
	return cmocka_run_group_tests_name("filesystem", tests, NULL, NULL);
}
