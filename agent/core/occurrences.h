/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/findings.h"

/* What is worth an entry with a MESSAGE_ID in the journal and a Kubernetes event. */
enum occurrence {
	OCCURRENCE_RECLAIM_STARTED,
	OCCURRENCE_RECLAIMED,
	OCCURRENCE_RECLAIM_PARTIAL,
	OCCURRENCE_RECLAIM_FUTILE,
	OCCURRENCE_RECLAIM_FAILED,
	OCCURRENCE_FILESYSTEM_STUCK,
	OCCURRENCE_PRESSURE_SOFT,
	OCCURRENCE_PRESSURE_HARD,
	OCCURRENCE_PRESSURE_CLEARED,
	OCCURRENCE_KUBELET_EVICTION_UNSET, /* and the other findings, in their order */
	OCCURRENCE_KUBELET_ACTS_FIRST,
	OCCURRENCE_KUBELET_ALWAYS_MET,
	OCCURRENCE_KUBELET_TARGET_UNREACHABLE,
	OCCURRENCE_THRESHOLD_NEVER_MET,
	OCCURRENCE_THRESHOLD_ALWAYS_MET,
	OCCURRENCE_TARGET_UNREACHABLE,
	OCCURRENCE_FILLING_FAST,
	_OCCURRENCE_MAX,
	_OCCURRENCE_INVALID = -22,
};

struct occurrence_info {
	const char *reason;	/* "DiskReclaimStarted": event reason and DPA_REASON */
	const char *message_id; /* 32 hex digits, never changes */
	int priority;		/* syslog */
	const char *type;	/* of the event: "Normal" or "Warning" */
	const char *action;	/* of the event: what the agent does or did there */
};

/* The facts of one occurrence. Any thread. */
const struct occurrence_info *occurrence_info(enum occurrence o);
/* Its reason. */
const char *occurrence_to_string(enum occurrence o);
/* A finding's. */
enum occurrence occurrence_of_finding(enum finding_kind k);
