/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "util/alloc.h"
#include "util/err.h"

/*
 * Paths of the host as a process sees them that has the host's root directory at another place, such as
 * one in a container. A root of "" or "/" is the process's own: nothing is done to the path then. With
 * another one links are followed as the host would: an absolute link and ".." stay below root
 * (openat2(2); before Linux 5.6 the path is just put behind root). All of them block as long as a dead
 * mount does.
 */

/* A descriptor or a negative errno; flags as for open(2). path need not begin with a slash. */
must_check int rooted_open(const char *root, const char *path, int flags);

/* What path is called in this process, with all links resolved. Negative errno; *ret is undefined then. */
must_check int rooted_path(const char *root, const char *path, char ret[PATH_MAX], struct err *e);

/*
 * What the host calls a path that this process has from rooted_path() or from the kernel, such as a
 * mount point: changed in place. A path that is not below root becomes "/", as it has all of the host in it.
 */
void rooted_strip(const char *root, char *path);
