/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A directory that exists while a test runs, and files in it. */

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char own_directory[64];

static inline int make_own_directory(void **state)
{
	(void)state;
	(void)snprintf(own_directory, sizeof(own_directory), "/tmp/test-XXXXXX");
	return mkdtemp(own_directory) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* With what was mounted on it. */
static inline int remove_own_directory(void **state)
{
	(void)state;
	while (umount2(own_directory, MNT_DETACH) == 0)
		;
	return nftw(own_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Path of something in it; one of a few static buffers. */
static inline const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", own_directory, name);
	return path;
}

static inline void put(const char *path, const void *data, size_t len)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

/* How many descriptors this process has open. */
static inline int open_descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#define IN_OWN_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, make_own_directory, remove_own_directory)
