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

/* Where path is mounted from, by its real path and /proc/self/mountinfo. */
must_check int filesystem_identify(const char *path, struct mount *ret, struct err *e);

/*
 * The space after something was removed from a filesystem that had before. Where the filesystem
 * frees in the background (xfs, btrfs) it is given up to half a second until half of expected_bytes
 * shows; others are measured once.
 */
must_check int filesystem_sample_settled(const char *path, const struct space *before,
					 uint64_t expected_bytes, struct space *ret, struct err *e);
