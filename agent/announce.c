/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent-state.h"

#include "core/occurrences.h"
#include "kube/event-note.h"
#include "util/human.h"
#include "util/log.h"

static void announce(enum occurrence o, int priority, const struct log_field *fields, size_t n,
		     const char *message)
{
	const struct occurrence_info *info = occurrence_info(o);
	struct log_entry entry = {
		.priority = priority < 0 ? info->priority : priority,
		.message_id = info->message_id,
		.message = message,
		.fields = fields,
		.n_fields = n,
	};
	log_entry(&entry);
}

/*
 * A pass that could not help is tried again and again: it is told once, then only to those who look
 * for every detail. A dry run that would help is such a pass, too.
 */
static bool repeats(const struct agent *a, const struct pass_report *report)
{
	const struct reclaimer *r = &a->reclaimer;
	return report->result == r->last_told && report->request.dry_run == r->dry_run_told &&
	       (report->result != RESULT_REACHED || report->request.dry_run);
}

static char *human_amount(enum resource r, uint64_t amount, char buf[HUMAN_MAX])
{
	return r == RESOURCE_BYTES ? human_bytes(amount, buf) : human_count(amount, buf);
}

/* Which threshold it is about: the high one, where that is crossed, else one of eviction. */
static void describe_start(const struct agent *a, enum pass_trigger trigger, char *ret, size_t size)
{
	const struct status_filesystem *f = &a->status.filesystems[ROLE_IMAGEFS];
	enum resource r = trigger == TRIGGER_INODES ? RESOURCE_INODES : RESOURCE_BYTES;
	char available[HUMAN_MAX];
	if (trigger == TRIGGER_AGE)
		(void)snprintf(ret, size, "imagefs: %zu images are over the maximum age",
			       a->reclaimer.schedule.n_over_age);
	else if (a->pressure.wanted[r][PRESSURE_GC])
		(void)snprintf(
			ret, size,
			"imagefs: %d%% of %s used, at or above %d%%: reclaiming down to %d%%",
			space_used_percent(&f->space, r), resource_to_string(r),
			f->thresholds[r][LEVEL_HIGH].percent, f->thresholds[r][LEVEL_LOW].percent);
	else
		(void)snprintf(ret, size,
			       "imagefs: %s %s available, %s eviction threshold in force",
			       human_amount(r, space_available(&f->space, r), available),
			       resource_to_string(r),
			       a->pressure.wanted[r][PRESSURE_HARD] ? "a hard" : "a soft");
}

static void report_plain(struct agent *a, enum occurrence o, enum fs_role role, const char *note)
{
	const struct event_fact fact = { .reason = o, .filesystem = role, .note = note };
	reporting_occurred(a, &fact);
}

static void report_start(struct agent *a, enum pass_trigger trigger)
{
	const struct status_filesystem *f = &a->status.filesystems[ROLE_IMAGEFS];
	enum resource r = trigger == TRIGGER_INODES ? RESOURCE_INODES : RESOURCE_BYTES;
	const bool *wanted = a->pressure.wanted[r];
	const struct event_start start = {
		.filesystem = ROLE_IMAGEFS,
		.trigger = trigger,
		.level = wanted[PRESSURE_GC]	 ? PRESSURE_GC
			 : wanted[PRESSURE_HARD] ? PRESSURE_HARD
						 : PRESSURE_SOFT,
		.high_percent = f->thresholds[r][LEVEL_HIGH].percent,
		.low_percent = f->thresholds[r][LEVEL_LOW].percent,
		.dry_run = a->status.dry_run,
	};
	char note[EVENT_NOTE_MAX];
	report_plain(a, OCCURRENCE_RECLAIM_STARTED, ROLE_IMAGEFS, event_note_started(&start, note));
}

void announce_pass_started(struct agent *a, enum pass_trigger trigger)
{
	const struct status_filesystem *f = &a->status.filesystems[ROLE_IMAGEFS];
	char message[STATUS_TEXT_MAX];
	describe_start(a, trigger, message, sizeof(message));
	struct log_field fields[] = {
		LOG_TEXT("reason", occurrence_to_string(OCCURRENCE_RECLAIM_STARTED)),
		LOG_TEXT("filesystem", fs_role_to_string(ROLE_IMAGEFS)),
		LOG_TEXT("trigger", pass_trigger_to_string(trigger)),
		LOG_NUMBER("availableBytes", f->space.avail_bytes),
		LOG_NUMBER("usedPercent", space_used_percent(&f->space, RESOURCE_BYTES)),
	};
	bool quiet = a->reclaimer.last_told != RESULT_REACHED || a->reclaimer.dry_run_told;
	announce(OCCURRENCE_RECLAIM_STARTED, quiet ? LOG_DEBUG : -1, fields, ELEMENTS(fields),
		 message);
	if (!quiet)
		report_start(a, trigger);
}

void announce_removed(const struct pass_report *report, const struct removal *removal)
{
	const struct image *image = report->plan.verdicts[removal->verdict].image;
	char measured[HUMAN_MAX], predicted[HUMAN_MAX], message[1024];
	bool dry_run = report->request.dry_run;
	(void)human_bytes(removal->measured[RESOURCE_BYTES], measured);
	(void)human_bytes(removal->predicted[RESOURCE_BYTES], predicted);
	if (dry_run)
		(void)snprintf(message, sizeof(message), "would remove %s: about %s",
			       image_display_name(image), predicted);
	else
		(void)snprintf(message, sizeof(message), "removed %s: %s freed (predicted %s)",
			       image_display_name(image), measured, predicted);
	struct log_field fields[] = {
		LOG_TEXT("event", dry_run ? "would-remove" : "removed"),
		LOG_TEXT("filesystem", fs_role_to_string(ROLE_IMAGEFS)),
		LOG_TEXT("image", image_display_name(image)),
		LOG_TEXT("imageId", image->id),
		LOG_TEXT("removeReason", remove_reason_to_string(removal->reason)),
		LOG_NUMBER("measuredBytes", removal->measured[RESOURCE_BYTES]),
		LOG_NUMBER("measuredInodes", removal->measured[RESOURCE_INODES]),
		LOG_NUMBER("predictedBytes", removal->predicted[RESOURCE_BYTES]),
		LOG_NUMBER("availableBytes", report->after.avail_bytes),
	};
	struct log_entry entry = {
		.priority = LOG_INFO,
		.message = message,
		.fields = fields,
		.n_fields = ELEMENTS(fields),
	};
	log_entry(&entry);
}

static enum occurrence occurrence_of(enum pass_result result)
{
	switch (result) {
	case RESULT_PARTIAL:
		return OCCURRENCE_RECLAIM_PARTIAL;
	case RESULT_FUTILE:
		return OCCURRENCE_RECLAIM_FUTILE;
	case RESULT_ERROR:
		return OCCURRENCE_RECLAIM_FAILED;
	default:
		return OCCURRENCE_RECLAIMED;
	}
}

/* What is missing, in the resource that the trigger is not cleared in. */
static void describe_futile(const struct pass_report *report, char *ret, size_t size)
{
	char need[HUMAN_MAX], have[HUMAN_MAX], wait[HUMAN_MAX];
	enum resource r =
		space_available(&report->after, RESOURCE_BYTES) < report->trigger[RESOURCE_BYTES]
			? RESOURCE_BYTES
			: RESOURCE_INODES;
	uint64_t missing = report->trigger[r] - space_available(&report->after, r);
	int n = snprintf(ret, size,
			 "imagefs: futile: %s %s needed to clear the threshold, %s reclaimable, "
			 "%zu images removed; something else fills the filesystem",
			 human_amount(r, missing, need), resource_to_string(r),
			 human_amount(r, report->plan.reclaimable[r], have), report->n_removals);
	if (report->plan.next_eligible != USEC_INFINITY && n > 0 && (size_t)n < size)
		(void)snprintf(ret + n, size - (size_t)n, "; the next image comes of age in %s",
			       human_duration(report->plan.next_eligible - report->ended, wait));
}

static void describe_end(const struct pass_report *report, char *ret, size_t size)
{
	char freed[HUMAN_MAX];
	bool dry_run = report->request.dry_run;
	const uint64_t *gain = dry_run ? report->predicted : report->measured;
	switch (report->result) {
	case RESULT_ERROR:
		(void)snprintf(ret, size, "imagefs: pass failed after %zu removals: %s",
			       report->n_removals, report->error.msg);
		return;
	case RESULT_FUTILE:
		describe_futile(report, ret, size);
		return;
	case RESULT_NOTHING_TO_DO:
		(void)snprintf(ret, size, "imagefs: nothing to do");
		return;
	default:
		(void)snprintf(ret, size, "imagefs: %s%s: %zu images %s, %s %s, now %d%% used",
			       dry_run ? "dry run, " : "", pass_result_to_string(report->result),
			       report->n_removals, dry_run ? "would go" : "removed",
			       human_bytes(gain[RESOURCE_BYTES], freed),
			       dry_run ? "predicted" : "freed",
			       space_used_percent(&report->after, RESOURCE_BYTES));
	}
}

/* A futile pass is not the last word when the images that are too young yet would be enough. */
static bool youth_would_do(const struct pass_report *report)
{
	uint64_t gain[_RESOURCE_MAX] = { report->plan.reclaimable[RESOURCE_BYTES],
					 report->plan.reclaimable[RESOURCE_INODES] };
	for (size_t i = 0; i < report->plan.n_verdicts; i++) {
		const struct verdict *v = &report->plan.verdicts[i];
		if (v->keep != KEEP_TOO_YOUNG)
			continue;
		for (int r = 0; r < _RESOURCE_MAX; r++)
			gain[r] += v->predicted[r];
	}
	for (int r = 0; r < _RESOURCE_MAX; r++) {
		uint64_t available = space_available(&report->after, r);
		if (available < report->trigger[r] && gain[r] < report->trigger[r] - available)
			return false;
	}
	return true;
}

static void remember_told(struct agent *a, const struct pass_report *report)
{
	a->reclaimer.last_told = report->result;
	a->reclaimer.dry_run_told = report->request.dry_run;
}

/* A pass after which nothing is different is counted, no event of its own. */
static void report_end(struct agent *a, const struct pass_report *report, bool repeated)
{
	char note[EVENT_NOTE_MAX];
	const struct event_fact fact = {
		.reason = occurrence_of(report->result),
		.filesystem = ROLE_IMAGEFS,
		.repeat = repeated,
		.note = event_note_ended(ROLE_IMAGEFS, report->result, report->request.dry_run,
					 report->error.msg, note),
	};
	reporting_occurred(a, &fact);
}

void announce_pass_ended(struct agent *a, const struct pass_report *report)
{
	char message[1024];
	enum occurrence o = occurrence_of(report->result);
	bool automatic = report->request.trigger != TRIGGER_MANUAL;
	bool repeated = automatic && repeats(a, report);
	bool waits = report->result == RESULT_FUTILE && youth_would_do(report);
	int priority = -1;
	describe_end(report, message, sizeof(message));
	if (report->result == RESULT_NOTHING_TO_DO || repeated)
		priority = LOG_DEBUG;
	else if (waits)
		priority = LOG_NOTICE;
	else if (automatic)
		remember_told(a, report);
	struct log_field fields[] = {
		LOG_TEXT("reason", occurrence_to_string(o)),
		LOG_TEXT("filesystem", fs_role_to_string(ROLE_IMAGEFS)),
		LOG_TEXT("trigger", pass_trigger_to_string(report->request.trigger)),
		LOG_TEXT("result", pass_result_to_string(report->result)),
		LOG_TEXT("dryRun", report->request.dry_run ? "yes" : "no"),
		LOG_NUMBER("removed", report->n_removals),
		LOG_NUMBER("measuredBytes", report->measured[RESOURCE_BYTES]),
		LOG_NUMBER("measuredInodes", report->measured[RESOURCE_INODES]),
		LOG_NUMBER("predictedBytes", report->predicted[RESOURCE_BYTES]),
		LOG_NUMBER("reclaimableBytes", report->plan.reclaimable[RESOURCE_BYTES]),
		LOG_NUMBER("targetBytes", report->target[RESOURCE_BYTES]),
		LOG_NUMBER("availableBytes", report->after.avail_bytes),
	};
	announce(o, priority, fields, ELEMENTS(fields), message);
	if (waits)
		return;
	if (report->result != RESULT_NOTHING_TO_DO)
		report_end(a, report, repeated);
	reporting_pass_ended(a, report->result);
}

static void report_pressure(struct agent *a, enum occurrence o, enum fs_role role, enum resource r,
			    enum pressure_level level, bool images_elsewhere)
{
	char note[EVENT_NOTE_MAX];
	const struct event_fact fact = {
		.reason = o,
		.filesystem = role,
		/* each resource and level begins and ends by itself */
		.variant = (unsigned)r * _PRESSURE_MAX + level,
		.note = event_note_pressure(role, r, level, o != OCCURRENCE_PRESSURE_CLEARED,
					    images_elsewhere, note),
	};
	reporting_occurred(a, &fact);
}

void announce_pressure(struct agent *a, enum fs_role role, enum resource r,
		       enum pressure_level level, bool images_elsewhere)
{
	const struct status_filesystem *f = &a->status.filesystems[role];
	const struct status_pressure *levels = f->pressure[r];
	enum occurrence o = !levels[level].active    ? OCCURRENCE_PRESSURE_CLEARED
			    : level == PRESSURE_HARD ? OCCURRENCE_PRESSURE_HARD
						     : OCCURRENCE_PRESSURE_SOFT;
	const struct status_threshold *t =
		&f->thresholds[r][level == PRESSURE_HARD ? LEVEL_HARD : LEVEL_SOFT];
	char message[STATUS_TEXT_MAX], available[HUMAN_MAX], threshold[HUMAN_MAX];
	(void)snprintf(
		message, sizeof(message),
		"%s: %s pressure on %s %s: %s available, the threshold is %s%s",
		fs_role_to_string(role), pressure_level_to_string(level), resource_to_string(r),
		levels[level].active ? "begins" : "is over",
		human_amount(r, space_available(&f->space, r), available),
		human_amount(r, t->available, threshold),
		levels[level].active && images_elsewhere
			? "; no images are on this filesystem, removing some does not help it"
			: "");
	struct log_field fields[] = {
		LOG_TEXT("reason", occurrence_to_string(o)),
		LOG_TEXT("filesystem", fs_role_to_string(role)),
		LOG_TEXT("resource", resource_to_string(r)),
		LOG_TEXT("level", pressure_level_to_string(level)),
		LOG_NUMBER("available", space_available(&f->space, r)),
		LOG_NUMBER("threshold", t->available),
	};
	announce(o, -1, fields, ELEMENTS(fields), message);
	report_pressure(a, o, role, r, level, images_elsewhere);
}

void announce_finding(struct agent *a, const struct finding *f, bool found)
{
	char text[FINDING_TEXT_MAX], message[FINDING_TEXT_MAX + 32];
	enum occurrence o = occurrence_of_finding(f->kind);
	(void)snprintf(message, sizeof(message), "%s%s",
		       found ? "" : "no longer so: ", finding_text(f, text));
	struct log_field fields[] = {
		LOG_TEXT("reason", occurrence_to_string(o)),
		LOG_TEXT("filesystem", fs_role_to_string(f->role)),
		LOG_TEXT("resource", resource_to_string(f->resource)),
	};
	announce(o, found ? -1 : LOG_NOTICE, fields, ELEMENTS(fields), message);
	const struct event_fact fact = {
		.reason = o,
		.filesystem = f->role,
		.variant = f->resource,
		.note = text,
	};
	if (found)
		reporting_occurred(a, &fact);
}

void announce_filling(struct agent *a, enum fs_role role, uint64_t reclaimable)
{
	const struct status_filesystem *f = &a->status.filesystems[role];
	char message[STATUS_TEXT_MAX], what[128] = "no longer fills fast", note[EVENT_NOTE_MAX];
	char rate[HUMAN_MAX], available[HUMAN_MAX], freeable[HUMAN_MAX];
	bool fast = f->filling_fast;
	if (fast)
		(void)snprintf(what, sizeof(what),
			       "will be full within %lld minutes even if all that is reclaimable "
			       "were removed",
			       (long long)(FILLING_HORIZON / USEC_PER_MINUTE));
	(void)snprintf(message, sizeof(message), "%s: %s: %s, %s available, %s reclaimable",
		       fs_role_to_string(role), what, human_rate(f->fill_rate, rate),
		       human_bytes(f->space.avail_bytes, available),
		       human_bytes(reclaimable, freeable));
	struct log_field fields[] = {
		LOG_TEXT("reason", occurrence_to_string(OCCURRENCE_FILLING_FAST)),
		LOG_TEXT("filesystem", fs_role_to_string(role)),
		LOG_NUMBER("fillRateBytesPerSecond", f->fill_rate),
		LOG_NUMBER("availableBytes", f->space.avail_bytes),
		LOG_NUMBER("reclaimableBytes", reclaimable),
		/* the last of them: when there is no such time, it is not told */
		LOG_NUMBER("timeToFullAfterReclaimSeconds",
			   f->time_to_full_after_reclaim / USEC_PER_SEC),
	};
	announce(OCCURRENCE_FILLING_FAST, fast ? -1 : LOG_NOTICE, fields, ELEMENTS(fields) - !fast,
		 message);
	if (fast)
		report_plain(
			a, OCCURRENCE_FILLING_FAST, role,
			event_note_filling(role, (int)(FILLING_HORIZON / USEC_PER_MINUTE), note));
}

void announce_stuck(struct agent *a, enum fs_role role, bool stuck)
{
	const struct status_filesystem *f = &a->status.filesystems[role];
	char message[STATUS_TEXT_MAX * 2], note[EVENT_NOTE_MAX];
	(void)snprintf(message, sizeof(message), "%s: statvfs of %s %s", fs_role_to_string(role),
		       f->path, stuck ? "does not answer" : "answers again");
	struct log_field fields[] = {
		LOG_TEXT("reason", occurrence_to_string(OCCURRENCE_FILESYSTEM_STUCK)),
		LOG_TEXT("filesystem", fs_role_to_string(role)),
	};
	announce(OCCURRENCE_FILESYSTEM_STUCK, stuck ? -1 : LOG_NOTICE, fields, ELEMENTS(fields),
		 message);
	if (stuck)
		report_plain(a, OCCURRENCE_FILESYSTEM_STUCK, role,
			     event_note_stuck(role, f->path, note));
}
