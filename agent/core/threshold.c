/* SPDX-License-Identifier: Apache-2.0 */
#include "core/threshold.h"

#include <stdbool.h>

uint64_t threshold_target_available(uint64_t total, int percent)
{
	if (percent >= 100)
		return 0;
	if (percent < 0)
		percent = 0;
	/* usage <= percent  <=>  floor(available * 100 / total) >= 100 - percent; the kubelet rounds
	 * this down (image_gc_manager.go) and may stop at percent + 1 by its own integer usage */
	unsigned __int128 scaled = (unsigned __int128)total * (unsigned)(100 - percent);
	return (uint64_t)((scaled + 99) / 100);
}

bool threshold_trigger_available(uint64_t total, int percent, uint64_t *ret)
{
	if (percent > 100 || total == 0)
		return false;
	if (percent <= 0) {
		*ret = total;
		return true;
	}
	/* usage >= percent  <=>  available * 100 < (101 - percent) * total */
	unsigned __int128 scaled = (unsigned __int128)total * (unsigned)(101 - percent);
	*ret = (uint64_t)((scaled + 99) / 100) - 1;
	return true;
}
