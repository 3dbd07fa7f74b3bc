/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "util/alloc.h"
#include "util/err.h"

/*
 * The guard around cJSON, which by itself takes trailing junk, saturates integers, compares names
 * without case and ends a string at an escaped NUL. All JSON from outside comes in through here.
 */

/*
 * Parses exactly one JSON value, which text must be as a whole; text needs no NUL. The caller caps
 * len, and with it the memory: about twenty bytes are taken for one byte of hostile text. Returns 0
 * and a tree that the caller releases (cleanup_json, cJSON_Delete); -EBADMSG when it is not JSON,
 * the message naming line and byte; -E2BIG when it is nested deeper than JSON_MAX_DEPTH.
 */
must_check int json_parse(const char *text, size_t len, cJSON **ret, struct err *e);

static inline void cleanup_jsonp(cJSON **json)
{
	cJSON_Delete(*json);
}
#define cleanup_json __attribute__((__cleanup__(cleanup_jsonp)))

/*
 * Members of an object, by their exact name. Return 0 and *ret; -ENOENT when the object has no such
 * member, or has null there, or is itself NULL; -EINVAL when the type is another or a number is not
 * integral or out of range; or object is none. *ret is written on success only, e is set on
 * every failure and names the member. What *ret points to belongs to the tree.
 */
must_check int json_get_string(const cJSON *object, const char *name, const char **ret,
			       struct err *e);
/* 0 ... 2^53: doubles, which cJSON keeps, are exact up to there. */
must_check int json_get_u64(const cJSON *object, const char *name, uint64_t *ret, struct err *e);
/* -2^53 ... 2^53. */
must_check int json_get_i64(const cJSON *object, const char *name, int64_t *ret, struct err *e);
must_check int json_get_bool(const cJSON *object, const char *name, bool *ret, struct err *e);
must_check int json_get_array(const cJSON *object, const char *name, const cJSON **ret,
			      struct err *e);
must_check int json_get_object(const cJSON *object, const char *name, const cJSON **ret,
			       struct err *e);
