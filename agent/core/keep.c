/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keep.h"

#include <fnmatch.h>
#include <stdbool.h>

#include "core/reference.h"

/* A comparison that fails for want of memory counts as a match: the image stays. */
static bool matches(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, 0) != FNM_NOMATCH;
}

static bool matches_any(const char *pattern, const char *const *names, size_t n)
{
	char full[REFERENCE_MAX];
	for (size_t i = 0; i < n; i++)
		if (matches(pattern, names[i]) ||
		    (reference_normalise(names[i], full) && matches(pattern, full)))
			return true;
	return false;
}

const char *keep_match(const struct image *image, const char *const *patterns, size_t n_patterns)
{
	for (size_t i = 0; i < n_patterns; i++)
		if (matches_any(patterns[i], image->names, image->n_names) ||
		    matches_any(patterns[i], image->digests, image->n_digests) ||
		    matches(patterns[i], image->id))
			return patterns[i];
	return NULL;
}
