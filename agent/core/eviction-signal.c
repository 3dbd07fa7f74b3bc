/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eviction-signal.h"

#include <string.h>

static const char *const names[_EVICTION_SIGNAL_MAX] = {
	[EVICTION_NODEFS_AVAILABLE] = "nodefs.available",
	[EVICTION_NODEFS_INODES_FREE] = "nodefs.inodesFree",
	[EVICTION_IMAGEFS_AVAILABLE] = "imagefs.available",
	[EVICTION_IMAGEFS_INODES_FREE] = "imagefs.inodesFree",
	[EVICTION_CONTAINERFS_AVAILABLE] = "containerfs.available",
	[EVICTION_CONTAINERFS_INODES_FREE] = "containerfs.inodesFree",
	[EVICTION_MEMORY_AVAILABLE] = "memory.available",
	[EVICTION_ALLOCATABLE_MEMORY_AVAILABLE] = "allocatableMemory.available",
	[EVICTION_PID_AVAILABLE] = "pid.available",
};

const char *eviction_signal_to_string(enum eviction_signal s)
{
	return names[s];
}

enum eviction_signal eviction_signal_from_string(const char *name)
{
	for (int s = 0; s < _EVICTION_SIGNAL_MAX; s++)
		if (strcmp(names[s], name) == 0)
			return s;
	return _EVICTION_SIGNAL_INVALID;
}

bool eviction_signal_is_disk(enum eviction_signal s)
{
	return s < _EVICTION_DISK_MAX;
}

enum fs_role eviction_signal_role(enum eviction_signal s)
{
	return s / _RESOURCE_MAX;
}

enum resource eviction_signal_resource(enum eviction_signal s)
{
	return s % _RESOURCE_MAX;
}

enum eviction_signal eviction_signal_of(enum fs_role role, enum resource r)
{
	return role * _RESOURCE_MAX + r;
}
