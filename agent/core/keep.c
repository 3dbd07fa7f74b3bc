/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keep.h"

#include <fnmatch.h>
#include <stdbool.h>

static bool matches_any(const char *pattern, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(pattern, texts[i], 0) == 0)
			return true;
	return false;
}

const char *keep_match(const struct image *image, const char *const *patterns, size_t n_patterns)
{
	for (size_t i = 0; i < n_patterns; i++)
		if (matches_any(patterns[i], image->names, image->n_names) ||
		    matches_any(patterns[i], image->digests, image->n_digests) ||
		    matches_any(patterns[i], &image->id, 1))
			return patterns[i];
	return NULL;
}
