/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gain.h"

#include <string.h>

/* One removal may have been disturbed; three hardly all were. */
#define REMOVALS_MIN 3
/* Beyond one of these the past counts half: images, and how they are packed, change. */
#define REMOVALS_MAX 256
#define NOMINAL_MAX  (UINT64_C(64) << 30)

/* Text unpacks to ten times its size and no further; a small image has the blocks of its files beside. */
#define UNPACKED_MAX 32
#define BLOCKS_MAX   (UINT64_C(64) << 20)

typedef unsigned __int128 wide;

static size_t first_word(const char *runtime)
{
	size_t len = strcspn(runtime, " ");
	return len < GAIN_RUNTIME_MAX ? len : GAIN_RUNTIME_MAX - 1;
}

/* Its place, or n_ratios. */
static size_t find(const struct gain_ratios *g, const char *runtime)
{
	size_t len = first_word(runtime), i = 0;
	while (i < g->n_ratios && (strncmp(g->ratios[i].runtime, runtime, len) != 0 ||
				   g->ratios[i].runtime[len] != '\0'))
		i++;
	return i;
}

bool gain_believable(uint64_t nominal_bytes, const uint64_t freed[_RESOURCE_MAX])
{
	return nominal_bytes > 0 && freed[RESOURCE_BYTES] > 0 &&
	       freed[RESOURCE_BYTES] <= (wide)UNPACKED_MAX * nominal_bytes + BLOCKS_MAX;
}

/* The runtime's ratio, moved to the end; an empty one when it is new. */
static struct gain_ratio *bring_to_end(struct gain_ratios *g, const char *runtime)
{
	size_t at = find(g, runtime);
	struct gain_ratio ratio = { 0 };
	if (at < g->n_ratios)
		ratio = g->ratios[at];
	else if (at == GAIN_N_RATIOS)
		at = 0;
	else
		g->n_ratios++;
	memcpy(ratio.runtime, runtime, first_word(runtime));
	memmove(&g->ratios[at], &g->ratios[at + 1], (g->n_ratios - at - 1) * sizeof(g->ratios[0]));
	g->ratios[g->n_ratios - 1] = ratio;
	return &g->ratios[g->n_ratios - 1];
}

void gain_learn(struct gain_ratios *g, const char *runtime, uint64_t nominal_bytes,
		const uint64_t freed[_RESOURCE_MAX])
{
	struct gain_ratio *ratio = bring_to_end(g, runtime);
	ratio->nominal_bytes = amount_add(ratio->nominal_bytes, nominal_bytes);
	ratio->removals++;
	for (int r = 0; r < _RESOURCE_MAX; r++)
		ratio->freed[r] = amount_add(ratio->freed[r], freed[r]);
	if (ratio->removals <= REMOVALS_MAX && ratio->nominal_bytes <= NOMINAL_MAX)
		return;
	ratio->nominal_bytes /= 2;
	ratio->removals = ratio->removals / 2 > REMOVALS_MIN ? ratio->removals / 2 : REMOVALS_MIN;
	for (int r = 0; r < _RESOURCE_MAX; r++)
		ratio->freed[r] /= 2;
}

bool gain_expected(const struct gain_ratios *g, const char *runtime, uint64_t nominal_bytes,
		   uint64_t ret[_RESOURCE_MAX])
{
	size_t at = find(g, runtime);
	if (at == g->n_ratios)
		return false;
	const struct gain_ratio *ratio = &g->ratios[at];
	if (ratio->removals < REMOVALS_MIN || ratio->nominal_bytes == 0)
		return false;
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		wide expected = (wide)ratio->freed[r] * nominal_bytes / ratio->nominal_bytes;
		ret[r] = expected > UINT64_MAX ? UINT64_MAX : (uint64_t)expected;
	}
	return true;
}
