/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/engine/engine.h"

/*
 * BuildKit's cache in Docker. It holds layers that images have as well: while it does, removing such an
 * image frees nothing (measured with Docker 20.10), and pruning what an image has frees nothing either.
 */

/* See struct runtime_ops. */
must_check int docker_build_cache(struct runtime *runtime, uint64_t *ret_bytes, struct err *e);
must_check int docker_prune_build_cache(struct runtime *runtime, uint64_t keep_bytes,
					uint64_t *ret_freed, struct err *e);
