/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

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
