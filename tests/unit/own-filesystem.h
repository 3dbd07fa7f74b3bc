/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Filesystems of a test's own, in a mount namespace of its own: they go when the program ends. */

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Leaves the test with a reason. */
#define SKIP(...)                                     \
	do {                                          \
		print_message("# SKIP " __VA_ARGS__); \
		print_message("\n");                  \
		skip();                               \
	} while (0)

/* Whether this process may mount, having left the host's mounts; done once. */
static inline bool own_mounts(void)
{
	static int result = -1;
	if (result < 0)
		result = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
			 mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return result == 1;
}

/* Runs a program without its output; returns whether it ended well. */
static inline bool run_quietly(const char *const *argv)
{
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			(void)dup2(null, fd);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	int status;
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static inline bool make_filesystem(const char *kind, const char *image)
{
	if (strcmp(kind, "ext4") == 0)
		return run_quietly((const char *[]){
			"mkfs.ext4", "-q", "-F", "-b", "4096", "-E",
			"lazy_itable_init=0,lazy_journal_init=0,nodiscard", image, NULL });
	if (strcmp(kind, "xfs") == 0)
		return run_quietly((const char *[]){ "mkfs.xfs", "-q", "-f", "-K", image, NULL });
	return run_quietly((const char *[]){ "mkfs.btrfs", "-q", "-f", "-K", image, NULL });
}

/* A free loop device over the image, which goes with the last user of it. -1 without one. */
static inline int loop_attach(int image, char device[32])
{
	cleanup_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = { .fd = (uint32_t)image,
				      .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
	for (int tries = 0; control >= 0 && tries < 50; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			return -1;
		(void)snprintf(device, 32, "/dev/loop%d", number);
		/* a minimal /dev lacks the node */
		(void)mknod(device, S_IFBLK | 0600, makedev(7, (unsigned)number));
		int loop = open(device, O_RDWR | O_CLOEXEC);
		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			return loop;
		if (loop >= 0)
			close(loop);
		usleep(20000); /* someone else took it */
	}
	return -1;
}

/* Mounts a new filesystem of that kind and size on directory. False: this host cannot. */
static inline bool own_filesystem(const char *kind, off_t size, const char *directory)
{
	char image[] = "/tmp/test-filesystem-XXXXXX", device[32];
	if (!own_mounts())
		return false;
	cleanup_close int fd = mkstemp(image);
	bool made = fd >= 0 && ftruncate(fd, size) == 0 && make_filesystem(kind, image);
	(void)unlink(image);
	cleanup_close int loop = made ? loop_attach(fd, device) : -1;
	return loop >= 0 && mount(device, directory, kind, 0, NULL) == 0;
}

/* A tmpfs, options as for mount(8). */
static inline bool own_tmpfs(const char *options, const char *directory)
{
	return own_mounts() && mount("tmpfs", directory, "tmpfs", 0, options) == 0;
}

/* Takes all space, and what is reserved for root, in smaller and smaller pieces. */
static inline void fill_up(const char *directory)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/filler", directory);
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	off_t at = 0;
	for (off_t step = 64 << 20; step >= 4096;)
		if (fallocate(fd, 0, at, step) == 0)
			at += step;
		else
			step /= 2;
	static const char block[4096] = "x";
	while (pwrite(fd, block, sizeof(block), at) > 0)
		at += (off_t)sizeof(block);
	(void)fsync(fd);
}
