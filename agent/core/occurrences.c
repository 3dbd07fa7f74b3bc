/* SPDX-License-Identifier: Apache-2.0 */
#include "core/occurrences.h"

#include <assert.h>
#include <syslog.h>

#define FINDING(name, id)                                   \
	{                                                   \
		name, id, LOG_WARNING, "Warning", "Observe" \
	}

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
	[OCCURRENCE_KUBELET_EVICTION_UNSET] =
		FINDING("KubeletDiskEvictionUnset", "8cb8866d119b449a8404656dc806df36"),
	[OCCURRENCE_KUBELET_ACTS_FIRST] =
		FINDING("KubeletDiskActsFirst", "737ab472eb7943d39bf4a6e32ed8cd77"),
	[OCCURRENCE_KUBELET_ALWAYS_MET] =
		FINDING("KubeletDiskThresholdAlwaysMet", "0b948ddfa2fa42eda9e87715a7ecb9df"),
	[OCCURRENCE_KUBELET_TARGET_UNREACHABLE] =
		FINDING("KubeletDiskTargetUnreachable", "322d73aaefdd48558452b771b274d032"),
	[OCCURRENCE_THRESHOLD_NEVER_MET] =
		FINDING("DiskThresholdNeverMet", "303c6651f0924f43a08dbbfbe986e20d"),
	[OCCURRENCE_THRESHOLD_ALWAYS_MET] =
		FINDING("DiskThresholdAlwaysMet", "2b5dfebaaf944060bf05e67e3463ad66"),
	[OCCURRENCE_TARGET_UNREACHABLE] =
		FINDING("DiskTargetUnreachable", "1686aef793094d99baa2a4690ab38893"),
	[OCCURRENCE_FILLING_FAST] = { "DiskFillingFast", "32db108d2654e2f212ab705bd9952f26",
				      LOG_WARNING, "Warning", "Observe" },
};

static_assert(OCCURRENCE_TARGET_UNREACHABLE - OCCURRENCE_KUBELET_EVICTION_UNSET + 1 == _FINDING_MAX,
	      "every finding has an occurrence");

const struct occurrence_info *occurrence_info(enum occurrence o)
{
	return &occurrence_table[o];
}

const char *occurrence_to_string(enum occurrence o)
{
	return occurrence_table[o].reason;
}

enum occurrence occurrence_of_finding(enum finding_kind k)
{
	return OCCURRENCE_KUBELET_EVICTION_UNSET + (enum occurrence)k;
}
