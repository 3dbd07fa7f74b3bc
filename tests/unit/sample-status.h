/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/status.h"
#include "expose/process.h"

/*
 * A node in the middle of things, every member set: nodefs on btrfs without inodes, imagefs under
 * pressure after two passes, containerfs stuck before its first sample. Every family of the metrics has
 * a sample.
 */
void sample_status(struct status *ret);
void sample_process(struct process_metrics *ret);
/* The same with texts that try to break out of wherever they are written. */
void sample_status_hostile(struct status *ret);
