/* SPDX-License-Identifier: Apache-2.0 */
#include "core/occurrences.h"

#include <syslog.h>

static const struct occurrence_info occurrence_table[_OCCURRENCE_MAX] = {
	[OCCURRENCE_RECLAIM_STARTED] = { "DiskReclaimStarted", "ffd01b9ec4e64589a692a1b920fa8e94",
					 LOG_NOTICE, "Normal", "RemoveImages" },
	[OCCURRENCE_RECLAIMED] = { "DiskReclaimed", "5afc2d1b8d6c492c852aedbb6e624330", LOG_NOTICE,
				   "Normal", "RemoveImages" },
	[OCCURRENCE_RECLAIM_PARTIAL] = { "DiskReclaimPartial", "4b6047144bec49779e60c974825e5a42",
					 LOG_WARNING, "Warning", "RemoveImages" },
	[OCCURRENCE_RECLAIM_FUTILE] = { "DiskReclaimFutile", "ef0c4219ae124a2cbc0a04c0a3e727e1",
					LOG_WARNING, "Warning", "RemoveImages" },
	[OCCURRENCE_RECLAIM_FAILED] = { "DiskReclaimFailed", "833cab01348a4b50954015f06970eb44",
					LOG_ERR, "Warning", "RemoveImages" },
	[OCCURRENCE_FILESYSTEM_STUCK] = { "FilesystemStuck", "6fbe95a91da2428d88257285a1d3c212",
					  LOG_ERR, "Warning", "Observe" },
	[OCCURRENCE_PRESSURE_SOFT] = { "DiskPressureSoft", "45710ebd81a84c45be74565ce8ecda50",
				       LOG_WARNING, "Warning", "Observe" },
	[OCCURRENCE_PRESSURE_HARD] = { "DiskPressureHard", "52495e3dc3074848ad4024e14365c82d",
				       LOG_WARNING, "Warning", "Observe" },
	[OCCURRENCE_PRESSURE_CLEARED] = { "DiskPressureCleared", "d9a08b5513634857835da403806dd5ba",
					  LOG_NOTICE, "Normal", "Observe" },
};

const struct occurrence_info *occurrence_info(enum occurrence o)
{
	return &occurrence_table[o];
}

const char *occurrence_to_string(enum occurrence o)
{
	return occurrence_table[o].reason;
}
