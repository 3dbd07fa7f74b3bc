/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/event-note.h"

#include <stdio.h>

char *event_note_started(const struct event_start *s, char ret[EVENT_NOTE_MAX])
{
	const char *fs = fs_role_to_string(s->filesystem);
	bool inodes = s->trigger == TRIGGER_INODES;
	const char *dry = s->dry_run ? " (dry run: they stay)" : "";
	if (s->trigger == TRIGGER_AGE)
		(void)snprintf(ret, EVENT_NOTE_MAX,
			       "%s: images are over the maximum age and are removed%s", fs, dry);
	else if (s->level == PRESSURE_GC)
		(void)snprintf(ret, EVENT_NOTE_MAX,
			       "%s: %d%% of %s used: unused images are removed until it is %d%%%s",
			       fs, s->high_percent, inodes ? "inodes" : "space", s->low_percent,
			       dry);
	else
		(void)snprintf(ret, EVENT_NOTE_MAX,
			       "%s: too %s left by a %s eviction threshold: unused images "
			       "are removed%s",
			       fs, inodes ? "few inodes" : "little space",
			       pressure_level_to_string(s->level), dry);
	return ret;
}

char *event_note_ended(enum fs_role filesystem, enum pass_result result, bool dry_run,
		       const char *error, char ret[EVENT_NOTE_MAX])
{
	const char *text;
	switch (result) {
	case RESULT_REACHED:
		text = dry_run ? "removing unused images would reach the target"
			       : "unused images were removed, the target is reached";
		break;
	case RESULT_PARTIAL:
		text = dry_run ? "removing unused images would help, but not reach the target"
			       : "unused images were removed, but the target is not reached";
		break;
	case RESULT_FUTILE:
		text = "all images that may be removed together would not relieve it: something "
		       "else fills it";
		break;
	case RESULT_ERROR:
		text = "removing unused images failed: ";
		break;
	default:
		text = "nothing is to be done";
		break;
	}
	(void)snprintf(ret, EVENT_NOTE_MAX, "%s: %s%s%s", fs_role_to_string(filesystem), text,
		       result == RESULT_ERROR ? error : "", dry_run ? " (dry run)" : "");
	return ret;
}

char *event_note_pressure(enum fs_role filesystem, enum resource r, enum pressure_level level,
			  bool active, bool images_elsewhere, char ret[EVENT_NOTE_MAX])
{
	(void)snprintf(ret, EVENT_NOTE_MAX, "%s: %s pressure on %s %s%s",
		       fs_role_to_string(filesystem), pressure_level_to_string(level),
		       resource_to_string(r), active ? "by the eviction threshold" : "is over",
		       active && images_elsewhere
			       ? "; there are no images on this filesystem to remove"
			       : "");
	return ret;
}

char *event_note_stuck(enum fs_role filesystem, const char *path, char ret[EVENT_NOTE_MAX])
{
	(void)snprintf(ret, EVENT_NOTE_MAX, "%s: statvfs of %s does not answer",
		       fs_role_to_string(filesystem), path);
	return ret;
}

char *event_note_filling(enum fs_role filesystem, int minutes, char ret[EVENT_NOTE_MAX])
{
	(void)snprintf(ret, EVENT_NOTE_MAX,
		       "%s: will be full within %d minutes even if all that is reclaimable were "
		       "removed",
		       fs_role_to_string(filesystem), minutes);
	return ret;
}
