/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/inventory.h"

/*
 * The first pattern that one of the image's names, digests or its ID matches, or NULL. Patterns are
 * those of fnmatch(3) without special treatment of slashes: "*" crosses them, so
 * docker.io/library/nginx* keeps all of these and "*@sha256:ab..." a digest wherever it was
 * pulled from. Names are compared as the runtime lists them and in full: docker.io/library/n* keeps
 * what Docker lists as "nginx:1" too.
 */
const char *keep_match(const struct image *image, const char *const *patterns, size_t n_patterns);
