/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "util/alloc.h"
#include "util/err.h"

/* Most entries of a map, and bytes of a text. */
#define EVICTION_MAX_ENTRIES 64
#define EVICTION_MAX_TEXT    4096

/* "nodefs.available" and "10%". */
struct eviction_entry {
	const char *signal, *value;
};

/* A text taken apart. The entries point into it. */
struct eviction_entries {
	char *text;
	struct eviction_entry list[EVICTION_MAX_ENTRIES];
	size_t n;
};

/*
 * Takes "nodefs.available<10%,imagefs.available<15%" apart as the kubelet's flags do: commas
 * between entries, empty entries count for nothing, the first separator ('<' or '=') in an entry
 * ends its name, space around both parts is dropped. Nothing else is checked. text may be NULL.
 * -EINVAL with the kubelet's words, or -E2BIG; *ret is empty then. The caller releases *ret.
 */
must_check int eviction_split(const char *text, char separator, struct eviction_entries *ret,
			      struct err *e);
void eviction_entries_done(struct eviction_entries *entries);
#define cleanup_eviction_entries __attribute__((__cleanup__(eviction_entries_done)))
