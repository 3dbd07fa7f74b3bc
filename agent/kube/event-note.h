/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/pressure.h"
#include "core/reasons.h"
#include "core/space.h"
#include "kube/event-queue.h"

/*
 * What events say. What depends on the moment is not in it (bytes, counts of images): the same text
 * is the same event, which becomes a series, and the numbers are in the metrics and the log. Pure;
 * all return ret.
 */

/* Why a pass began. */
struct event_start {
	enum fs_role filesystem;
	enum pass_trigger trigger;     /* not TRIGGER_MANUAL */
	enum pressure_level level;     /* of TRIGGER_SPACE and _INODES: the threshold that is met */
	int high_percent, low_percent; /* PRESSURE_GC */
	bool dry_run;
};
char *event_note_started(const struct event_start *start, char ret[EVENT_NOTE_MAX]);

/* How one ended; error: why, of RESULT_ERROR. */
char *event_note_ended(enum fs_role filesystem, enum pass_result result, bool dry_run,
		       const char *error, char ret[EVENT_NOTE_MAX]);

/* Pressure by an eviction threshold began (active) or ended. */
char *event_note_pressure(enum fs_role filesystem, enum resource r, enum pressure_level level,
			  bool active, bool images_elsewhere, char ret[EVENT_NOTE_MAX]);

char *event_note_stuck(enum fs_role filesystem, const char *path, char ret[EVENT_NOTE_MAX]);
/* It will be full within minutes. */
char *event_note_filling(enum fs_role filesystem, int minutes, char ret[EVENT_NOTE_MAX]);
