/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "util/arena.h"
#include "util/json-read.h"

/*
 * Members of an engine's answer as texts that live in an arena. Missing and null are empty, as Go's
 * encoder has it. -EBADMSG: another type, not UTF-8, control characters; -E2BIG: longer than
 * BUF_MAX_ENGINE_TEXT, or more of them than N_MAX_IMAGE_NAMES.
 */
must_check int engine_text(struct arena *arena, const cJSON *object, const char *name,
			   const char **ret, struct err *e);
/* The same, and it is an ID: 64 hex digits, with or without "sha256:" in front. */
must_check int engine_id(struct arena *arena, const cJSON *object, const char *name,
			 const char **ret, struct err *e);
/* A list of texts without those that stand for nothing: "" and Docker's "<none>:<none>". */
must_check int engine_texts(struct arena *arena, const cJSON *object, const char *name,
			    const char *const **ret, size_t *ret_n, struct err *e);
