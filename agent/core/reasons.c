/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reasons.h"

#include <errno.h>

static const char *const keep_reason_table[_KEEP_REASON_MAX] = {
	[KEEP_NONE] = "reclaimable",
	[KEEP_IN_USE] = "in-use",
	[KEEP_IMAGE_VOLUME] = "image-volume",
	[KEEP_SANDBOX] = "sandbox",
	[KEEP_PINNED] = "pinned",
	[KEEP_RULE] = "keep-rule",
	[KEEP_UNRECOVERABLE] = "unrecoverable",
	[KEEP_NEWEST_OF_REPOSITORY] = "newest-of-repository",
	[KEEP_TOO_YOUNG] = "too-young",
	[KEEP_CHANGED] = "changed",
	[KEEP_NOT_NEEDED] = "not-needed",
};

static const char *const remove_reason_table[_REMOVE_REASON_MAX] = {
	[REMOVE_SPACE] = "space",	[REMOVE_INODES] = "inodes", [REMOVE_AGE] = "age",
	[REMOVE_DANGLING] = "dangling", [REMOVE_MANUAL] = "manual",
};

static const char *const pass_trigger_table[_PASS_TRIGGER_MAX] = {
	[TRIGGER_SPACE] = "space",
	[TRIGGER_INODES] = "inodes",
	[TRIGGER_AGE] = "age",
	[TRIGGER_MANUAL] = "manual",
};

static const char *const pass_result_table[_PASS_RESULT_MAX] = {
	[RESULT_REACHED] = "reached", [RESULT_PARTIAL] = "partial",
	[RESULT_FUTILE] = "futile",   [RESULT_NOTHING_TO_DO] = "nothing-to-do",
	[RESULT_ERROR] = "error",
};

static const char *const removal_error_table[_REMOVAL_ERROR_MAX] = {
	[REMOVAL_ERROR_REFUSED] = "refused",
	[REMOVAL_ERROR_TIMEOUT] = "timeout",
	[REMOVAL_ERROR_UNAVAILABLE] = "unavailable",
	[REMOVAL_ERROR_OTHER] = "other",
};

const char *keep_reason_to_string(enum keep_reason r)
{
	return keep_reason_table[r];
}

const char *remove_reason_to_string(enum remove_reason r)
{
	return remove_reason_table[r];
}

const char *pass_trigger_to_string(enum pass_trigger t)
{
	return pass_trigger_table[t];
}

const char *pass_result_to_string(enum pass_result r)
{
	return pass_result_table[r];
}

const char *removal_error_to_string(enum removal_error r)
{
	return removal_error_table[r];
}

enum removal_error removal_error_from_errno(int code)
{
	switch (code) {
	case EBUSY:
	case EPERM:
		return REMOVAL_ERROR_REFUSED;
	case ETIMEDOUT:
		return REMOVAL_ERROR_TIMEOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOENT:
	case EACCES:
		return REMOVAL_ERROR_UNAVAILABLE;
	default:
		return REMOVAL_ERROR_OTHER;
	}
}
