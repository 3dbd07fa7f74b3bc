/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/json-read.h"

/*
 * JSON objects out of a stream of bytes that comes in pieces: the elements of one array, or objects one
 * after the other. Each is parsed by itself and forgotten, so that a list of any length takes the
 * memory of its largest element. Everything that is no object there is an error.
 */
enum json_stream_kind {
	JSON_STREAM_ELEMENTS, /* [{...},{...}]; null counts as an empty array */
	JSON_STREAM_VALUES,   /* {...} {...}, with or without white space between */
};

struct json_stream {
	enum json_stream_kind kind;
	/* What it returns, if negative, ends the stream. The value is valid during the call. */
	int (*on_value)(void *ctx, const cJSON *value, struct err *e);
	void *ctx;
	struct buf value;   /* the object that is being read; its ceiling is that of each */
	uint64_t bytes_max; /* of the whole stream; 0: no limit */

	uint64_t bytes;
	unsigned depth; /* of the object being read; 0: between objects */
	unsigned state; /* between objects */
	bool in_string, escaped;
};

/* kind, on_value, ctx, a ceiling for each object and one for all. */
#define JSON_STREAM_INIT(k, f, c, each, all)            \
	((struct json_stream){ .kind = (k),             \
			       .on_value = (f),         \
			       .ctx = (c),              \
			       .value = BUF_INIT(each), \
			       .bytes_max = (all) })

/*
 * Takes the next piece. 0, what on_value returned, -EBADMSG (not such JSON; see also json_parse()), or
 * -E2BIG (a ceiling). After a failure the stream is of no further use.
 */
must_check int json_stream_feed(struct json_stream *s, const char *data, size_t len, struct err *e);
/* Nothing more comes: 0, or -EBADMSG when something is missing. */
must_check int json_stream_end(const struct json_stream *s, struct err *e);
void json_stream_done(struct json_stream *s);
#define cleanup_json_stream __attribute__((__cleanup__(json_stream_done)))
