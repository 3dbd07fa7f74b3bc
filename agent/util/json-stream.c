/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json-stream.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Where it is between objects. NULL_1 ... NULL_3 count the letters of null. */
enum {
	STATE_BEGIN,
	STATE_NULL_1,
	STATE_NULL_2,
	STATE_NULL_3,
	STATE_FIRST, /* behind [ */
	STATE_NEXT,  /* behind a comma */
	STATE_AFTER, /* behind an element */
	STATE_END,
};

static const struct transition {
	unsigned state;
	char c;
	unsigned next;
} transitions[] = {
	{ STATE_BEGIN, '[', STATE_FIRST },   { STATE_BEGIN, 'n', STATE_NULL_1 },
	{ STATE_NULL_1, 'u', STATE_NULL_2 }, { STATE_NULL_2, 'l', STATE_NULL_3 },
	{ STATE_NULL_3, 'l', STATE_END },    { STATE_FIRST, ']', STATE_END },
	{ STATE_AFTER, ',', STATE_NEXT },    { STATE_AFTER, ']', STATE_END },
};

static bool in_null(unsigned state)
{
	return state >= STATE_NULL_1 && state <= STATE_NULL_3;
}

/* Whether an object may begin here. */
static bool wants_object(const struct json_stream *s)
{
	return s->kind == JSON_STREAM_VALUES || s->state == STATE_FIRST || s->state == STATE_NEXT;
}

static int between(struct json_stream *s, char c, struct err *e)
{
	if (c == '{' && wants_object(s)) {
		s->depth = 1;
		return 0;
	}
	if (c != '\0' && strchr(" \t\r\n", c) && !in_null(s->state))
		return 0;
	for (size_t i = 0; s->kind == JSON_STREAM_ELEMENTS && i < ELEMENTS(transitions); i++) {
		if (transitions[i].state == s->state && transitions[i].c == c) {
			s->state = transitions[i].next;
			return 0;
		}
	}
	return err_set(e, EBADMSG, "not valid JSON: byte %llu is not part of %s",
		       (unsigned long long)s->bytes,
		       s->kind == JSON_STREAM_ELEMENTS ? "an array of objects" : "an object");
}

static int object_ends(struct json_stream *s, struct err *e)
{
	cleanup_json cJSON *json = NULL;
	int r = json_parse(s->value.data, s->value.len, &json, e);
	if (r == 0)
		r = s->on_value(s->ctx, json, e);
	buf_clear(&s->value);
	s->state = STATE_AFTER;
	return r < 0 ? r : 0;
}

/* Follows one byte inside an object; whether it belongs there at all is for json_parse() to say. */
static void inside(struct json_stream *s, char c)
{
	if (s->in_string) {
		s->in_string = s->escaped || c != '"';
		s->escaped = !s->escaped && c == '\\';
		return;
	}
	if (c == '"')
		s->in_string = true;
	else if (c == '{' || c == '[')
		s->depth++;
	else if (c == '}' || c == ']')
		s->depth--;
}

/* Takes what of the piece belongs to the object that is being read; its length. */
static int take_object(struct json_stream *s, const char *data, size_t len, size_t *ret_taken,
		       struct err *e)
{
	size_t n = 0;
	while (n < len && s->depth > 0)
		inside(s, data[n++]);
	*ret_taken = n;
	s->bytes += n;
	if (buf_append(&s->value, data, n) < 0)
		return err_set(e, E2BIG, "one object of the answer is larger than %zu bytes",
			       s->value.max);
	return s->depth == 0 ? object_ends(s, e) : 0;
}

int json_stream_feed(struct json_stream *s, const char *data, size_t len, struct err *e)
{
	if (s->bytes_max && len > s->bytes_max - s->bytes)
		return err_set(e, E2BIG, "the answer is larger than %llu bytes",
			       (unsigned long long)s->bytes_max);
	int r = 0;
	for (size_t i = 0, taken; r == 0 && i < len; i += taken) {
		if (s->depth > 0) {
			r = take_object(s, data + i, len - i, &taken, e);
			continue;
		}
		taken = 1;
		s->bytes++;
		r = between(s, data[i], e);
		if (r == 0 && s->depth > 0 && buf_putc(&s->value, '{') < 0)
			r = err_set(e, E2BIG, "no room for an object");
	}
	return r;
}

int json_stream_end(const struct json_stream *s, struct err *e)
{
	bool complete = s->kind == JSON_STREAM_VALUES ? s->depth == 0 : s->state == STATE_END;
	return complete ? 0
			: err_set(e, EBADMSG, "not valid JSON: it ends after %llu bytes",
				  (unsigned long long)s->bytes);
}

void json_stream_done(struct json_stream *s)
{
	buf_done(&s->value);
}
