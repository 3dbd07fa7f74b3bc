/* SPDX-License-Identifier: Apache-2.0 */
#include "core/space.h"

static const char *const resource_table[_RESOURCE_MAX] = {
	[RESOURCE_BYTES] = "bytes",
	[RESOURCE_INODES] = "inodes",
};

static const char *const fs_role_table[_ROLE_MAX] = {
	[ROLE_NODEFS] = "nodefs",
	[ROLE_IMAGEFS] = "imagefs",
	[ROLE_CONTAINERFS] = "containerfs",
};

const char *resource_to_string(enum resource r)
{
	return resource_table[r];
}

const char *fs_role_to_string(enum fs_role role)
{
	return fs_role_table[role];
}

uint64_t space_total(const struct space *s, enum resource r)
{
	return r == RESOURCE_BYTES ? s->size_bytes : s->inodes;
}

uint64_t space_available(const struct space *s, enum resource r)
{
	uint64_t total = space_total(s, r);
	uint64_t available = r == RESOURCE_BYTES ? s->avail_bytes : s->inodes_free;
	return available < total ? available : total;
}

bool space_has(const struct space *s, enum resource r)
{
	return space_total(s, r) > 0;
}

int space_used_percent(const struct space *s, enum resource r)
{
	if (!space_has(s, r))
		return 0;
	/* 128 bits: the kubelet's own product overflows above 92 PB */
	unsigned __int128 scaled = (unsigned __int128)space_available(s, r) * 100;
	return 100 - (int)(scaled / space_total(s, r));
}

uint64_t amount_add(uint64_t a, uint64_t b)
{
	return b < UINT64_MAX - a ? a + b : UINT64_MAX;
}
