/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

/*
 * Writes JSON straight into a buffer: documents over tens of thousands of images need no tree.
 * Commas and nesting are kept by the writer; strings are escaped, and bytes that are not UTF-8 are
 * replaced by U+FFFD. In an object every value has a key, in an array key is NULL. The buffer's
 * overflow mark tells whether everything fitted. Start from (struct json_writer){ .out = &buf }.
 */
struct json_writer {
	struct buf *out;
	unsigned depth;
	bool comma; /* a value was written at this depth */
};

void json_object_begin(struct json_writer *w, const char *key);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w, const char *key);
void json_array_end(struct json_writer *w);
/* NULL is written as null. */
void json_string(struct json_writer *w, const char *key, const char *value);
void json_u64(struct json_writer *w, const char *key, uint64_t value);
void json_i64(struct json_writer *w, const char *key, int64_t value);
void json_bool(struct json_writer *w, const char *key, bool value);
void json_null(struct json_writer *w, const char *key);
/* Microseconds as a number of seconds with up to six decimals: 1500000 is 1.5. USEC_NEVER and
 * USEC_INFINITY are null. */
void json_seconds(struct json_writer *w, const char *key, int64_t usec);
/* Only the quoted, escaped string, without comma: for writers of other formats. */
void json_escape(struct buf *out, const char *s);
