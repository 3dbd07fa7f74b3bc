/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/plan.h"

/*
 * Protects the n_newest images of every repository that came to this node last (first seen, then last
 * used, then ID decide): those of them that are candidates become KEEP_NEWEST_OF_REPOSITORY, with
 * the repository in by. All images of a repository count, in use or not. An image belongs to the
 * repository of each of its names, without tag, or of its digests when it has no name. Strings are
 * allocated in arena.
 */
void newest_protect(struct verdict *verdicts, size_t n_verdicts, size_t n_newest,
		    struct arena *arena);
