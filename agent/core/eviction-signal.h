/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/space.h"

/* The kubelet's eviction signals. Those of filesystems come first, two to a role. */
enum eviction_signal {
	EVICTION_NODEFS_AVAILABLE,
	EVICTION_NODEFS_INODES_FREE,
	EVICTION_IMAGEFS_AVAILABLE,
	EVICTION_IMAGEFS_INODES_FREE,
	EVICTION_CONTAINERFS_AVAILABLE,
	EVICTION_CONTAINERFS_INODES_FREE,
	_EVICTION_DISK_MAX,
	/*
	 * Known, so that a KubeletConfiguration with them can be read. Nothing here acts on them.
	 */
	EVICTION_MEMORY_AVAILABLE = _EVICTION_DISK_MAX,
	EVICTION_ALLOCATABLE_MEMORY_AVAILABLE,
	EVICTION_PID_AVAILABLE,
	_EVICTION_SIGNAL_MAX,
	_EVICTION_SIGNAL_INVALID = -22,
};

/* "nodefs.available", "memory.available" ... */
const char *eviction_signal_to_string(enum eviction_signal s);
/* The signal of exactly that name, case included; _EVICTION_SIGNAL_INVALID when there is none. */
enum eviction_signal eviction_signal_from_string(const char *name);
/* Whether it is one of a filesystem. */
bool eviction_signal_is_disk(enum eviction_signal s);

/* What a disk signal observes, and the signal that observes it. */
enum fs_role eviction_signal_role(enum eviction_signal s);
enum resource eviction_signal_resource(enum eviction_signal s);
enum eviction_signal eviction_signal_of(enum fs_role role, enum resource r);
