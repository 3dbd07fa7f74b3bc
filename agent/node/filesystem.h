/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "core/space.h"
#include "node/mountinfo.h"
#include "util/alloc.h"
#include "util/err.h"

/* All functions may block as long as a dead mount blocks: call them from a lane only. */

/* statvfs(3) of the filesystem that path lies on, and its st_dev. */
must_check int filesystem_sample(const char *path, struct space *ret, uint64_t *ret_dev,
				 struct err *e);

/* Where path is mounted from, by its real path and /proc/self/mountinfo. The mount point is as the host
 * calls it, whose root directory is root here (util/rooted.h). */
must_check int filesystem_identify(const char *root, const char *path, struct mount *ret,
				   struct err *e);

/*
 * The space after something was removed from a filesystem that had before. Where the filesystem
 * frees in the background (xfs, btrfs) it is given some half a second until half of expected_bytes
 * shows, on xfs until no more comes within 25 ms as well, and btrfs is made to commit first; others
 * are measured once.
 *
 * Measured with 200 MB removed, Linux 6.18: ext4 shows all of it at once, with or without syncfs(2),
 * which took 276 ms there; xfs within 25 ms, without it; btrfs nothing within 500 ms, all of it
 * after a syncfs(2) of 10 ms. On a busy machine an image of two files of 33 MB on xfs showed one of
 * them 25 ms before the other.
 */
must_check int filesystem_sample_settled(const char *path, const struct space *before,
					 uint64_t expected_bytes, struct space *ret, struct err *e);
