/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The vocabulary of decisions. One table each gives the text for logs, JSON and metric labels;
 * users see these words, so they are part of the interface and never change.
 */

/* Why an image stays. KEEP_NONE: nothing protects it, it is a candidate. */
enum keep_reason {
	KEEP_NONE,
	KEEP_IN_USE,		   /* a container in any state refers to it */
	KEEP_IMAGE_VOLUME,	   /* a container mounts it as a volume */
	KEEP_SANDBOX,		   /* the sandbox (pause) image, configured or in use */
	KEEP_PINNED,		   /* the runtime says that it must stay */
	KEEP_RULE,		   /* matches a pattern of image-gc.keep */
	KEEP_UNRECOVERABLE,	   /* has no registry digest, so it could not be pulled again */
	KEEP_NEWEST_OF_REPOSITORY, /* one of the newest of its repository */
	KEEP_TOO_YOUNG,		   /* first seen less than imageMinimumGCAge ago */
	KEEP_CHANGED,	 /* the runtime refused to remove it, so it is not what it seemed */
	KEEP_NOT_NEEDED, /* the target was met without it */
	_KEEP_REASON_MAX,
	_KEEP_REASON_INVALID = -22,
};

/* "reclaimable" for KEEP_NONE, else "in-use", "image-volume", ... */
const char *keep_reason_to_string(enum keep_reason r);

/* Why an image was removed. */
enum remove_reason {
	REMOVE_SPACE,
	REMOVE_INODES,
	REMOVE_AGE,
	REMOVE_DANGLING,
	REMOVE_MANUAL,
	_REMOVE_REASON_MAX,
	_REMOVE_REASON_INVALID = -22,
};

const char *remove_reason_to_string(enum remove_reason r);

/* What set a pass off. */
enum pass_trigger {
	TRIGGER_SPACE,
	TRIGGER_INODES,
	TRIGGER_AGE,
	TRIGGER_MANUAL,
	_PASS_TRIGGER_MAX,
	_PASS_TRIGGER_INVALID = -22,
};

/* "space", "inodes", "age", "manual". */
const char *pass_trigger_to_string(enum pass_trigger t);

/* How a pass ended. */
enum pass_result {
	RESULT_REACHED,	      /* the target was met */
	RESULT_PARTIAL,	      /* a trigger was cleared, or a limit or stop ended the pass early */
	RESULT_FUTILE,	      /* everything reclaimable together clears no trigger */
	RESULT_NOTHING_TO_DO, /* the target was met beforehand */
	RESULT_ERROR, /* a fact could not be had, or the runtime failed: nothing more was done */
	_PASS_RESULT_MAX,
	_PASS_RESULT_INVALID = -22,
};

/* "reached", "partial", "futile", "nothing-to-do", "error". */
const char *pass_result_to_string(enum pass_result r);

/* Why a removal failed, the label of removal_errors_total. */
enum removal_error {
	REMOVAL_ERROR_REFUSED,	   /* the runtime said no, for example because it sees a user */
	REMOVAL_ERROR_TIMEOUT,	   /* no answer within runtime.timeout */
	REMOVAL_ERROR_UNAVAILABLE, /* the runtime could not be reached or went away */
	REMOVAL_ERROR_OTHER,
	_REMOVAL_ERROR_MAX,
	_REMOVAL_ERROR_INVALID = -22,
};

/* "refused", "timeout", "unavailable", "other". */
const char *removal_error_to_string(enum removal_error r);
/* The kind of a positive errno as the runtimes report it (see runtime/runtime.h). */
enum removal_error removal_error_from_errno(int code);
