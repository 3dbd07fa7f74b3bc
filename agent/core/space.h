/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What can run out on a filesystem. Index of every per-resource table. */
enum resource {
	RESOURCE_BYTES,
	RESOURCE_INODES,
	_RESOURCE_MAX,
	_RESOURCE_INVALID = -22, /* -EINVAL */
};

/* "bytes", "inodes": the label value of metrics and JSON. */
const char *resource_to_string(enum resource r);

/* The kubelet's names for what a filesystem is used for. Several roles may share one device. */
enum fs_role {
	ROLE_NODEFS,
	ROLE_IMAGEFS,
	ROLE_CONTAINERFS,
	_ROLE_MAX,
	_ROLE_INVALID = -22,
};

/* "nodefs", "imagefs", "containerfs". */
const char *fs_role_to_string(enum fs_role role);

/*
 * One measurement of a filesystem. available is what an unprivileged process can use
 * (f_bavail * f_frsize), so blocks reserved for root count as used, as in the kubelet.
 * inodes == 0: the filesystem does not count inodes (btrfs); nothing is decided by them then.
 */
struct space {
	uint64_t size_bytes;
	uint64_t avail_bytes;
	uint64_t inodes;
	uint64_t inodes_free;
};

/* Total and available amount of one resource. Never available > total (clamped). */
uint64_t space_total(const struct space *s, enum resource r);
uint64_t space_available(const struct space *s, enum resource r);
/* Whether the filesystem has that resource at all. */
bool space_has(const struct space *s, enum resource r);

/*
 * The kubelet's integer usage: 100 - floor(available * 100 / total), so 84.1 % counts as 85
 * (pkg/kubelet/images/image_gc_manager.go). 0 when the filesystem does not have the resource.
 */
int space_used_percent(const struct space *s, enum resource r);

/* a + b, or UINT64_MAX where that is more: for sums of what a runtime says. */
uint64_t amount_add(uint64_t a, uint64_t b);
