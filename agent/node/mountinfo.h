/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "util/alloc.h"
#include "util/err.h"

/* What /proc/self/mountinfo says about the mount that a path lies on (proc_pid_mountinfo(5)). */
struct mount {
	char device[256];     /* mount source: "/dev/sda1" */
	char mountpoint[256]; /* with octal escapes resolved */
	char fstype[32];
};

/*
 * Finds the mount that path (absolute, without symbolic links) lies on in a mountinfo text: the
 * longest mount point that is path or above it, the last of equal ones, as later mounts cover
 * earlier ones. Lines that are not mountinfo are skipped. -ENOENT when there is none. Fields longer
 * than struct mount holds are cut.
 */
must_check int mountinfo_find(const char *text, const char *path, struct mount *ret);

/* Reads file (normally "/proc/self/mountinfo") and finds path in it. */
must_check int mountinfo_lookup(const char *file, const char *path, struct mount *ret,
				struct err *e);
