/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "util/alloc.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * Reads a JSON tree member by member, with errors that name the place: "events[3].pull.id: expected
 * a string". A tree's functions get a struct json_place, which lives on the stack of whoever reads
 * the enclosing value, so that a path costs nothing until it is needed.
 */
struct json_place {
	const struct json_place *outer; /* NULL: the document */
	const char *name;		/* of the member; NULL: an element of an array */
	size_t index;
	const cJSON *value;  /* never NULL */
	struct arena *arena; /* for copies of strings */
	struct err *e;
};

/* Says what is wrong at that place and returns -EINVAL. */
int json_wrong(const struct json_place *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A member that an object may have. */
struct json_field {
	const char *name;
	bool required;
	/* Stores the value into into. */
	int (*take)(const struct json_place *at, void *into);
	size_t offset; /* added to into */
};

/* Reads an object: each member once, none that fields do not name, all that are required. */
must_check int json_take_object(const struct json_place *at, const struct json_field *fields,
				size_t n_fields, void *into);
/* Calls take for each element of an array of at most max; index is in its place. */
must_check int json_take_array(const struct json_place *at, size_t max,
			       int (*take)(const struct json_place *at, void *into), void *into);

/* Values of members. A string is not empty and has at most JSON_FIELD_STRING_MAX bytes. */
#define JSON_FIELD_STRING_MAX 4096
/* const char *, copied into the arena. */
int json_take_string(const struct json_place *at, void *into);
/* uint64_t of 0 ... 2^53. */
int json_take_u64(const struct json_place *at, void *into);
/* int64_t of -2^53 ... 2^53. */
int json_take_i64(const struct json_place *at, void *into);
int json_take_bool(const struct json_place *at, void *into);
/* usec_t from a number of seconds, at most a thousand million of them either way. */
int json_take_seconds(const struct json_place *at, void *into);
/* The same; null is USEC_NEVER. */
int json_take_seconds_or_never(const struct json_place *at, void *into);

/* An array of strings. */
struct json_strings {
	const char **strings;
	size_t n_strings;
};
/* struct json_strings, of at most N_MAX_IMAGE_NAMES; in the arena. */
int json_take_strings(const struct json_place *at, void *into);
