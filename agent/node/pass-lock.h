/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/alloc.h"
#include "util/err.h"

/*
 * Two passes never run at once on a host: whoever removes holds a lock on the state directory
 * itself, which needs no file to be created and so works on a full disk. Where that directory
 * cannot be had, the one below the run-time directory serves.
 *
 * Returns 0 and a descriptor whose closing gives the lock back; -EBUSY when another pass runs.
 */
must_check int pass_lock_acquire(const char *state_directory, int *ret_fd, struct err *e);
/* The same with the directory that serves in its place as an argument. */
must_check int pass_lock_acquire_either(const char *first, const char *second, int *ret_fd,
					struct err *e);
