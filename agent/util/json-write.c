/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json-write.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "util/usec.h"
#include "util/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Writes what stands for one character that cannot stand for itself. */
static void escape_char(struct buf *out, const char *s, size_t len)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, escape */
	if (!len) {
		(void)buf_puts(out, REPLACEMENT);
		return;
	}
	if (len > 1) { /* U+0080-9F */
		(void)buf_printf(out, "\\u%04x", (unsigned char)s[1]);
		return;
	}
	for (const char *pair = letters; *pair; pair += 2) {
		if (*pair != *s)
			continue;
		(void)buf_putc(out, '\\');
		(void)buf_putc(out, pair[1]);
		return;
	}
	(void)buf_printf(out, "\\u%04x", (unsigned char)*s);
}

void json_escape(struct buf *out, const char *s)
{
	(void)buf_putc(out, '"');
	const char *plain = s; /* start of what goes out unchanged */
	while (*s) {
		size_t len = utf8_char_len(s);
		if (len && !utf8_is_control(s, len) && *s != '"' && *s != '\\') {
			s += len;
			continue;
		}
		(void)buf_append(out, plain, (size_t)(s - plain));
		escape_char(out, s, len);
		s += len ? len : 1;
		plain = s;
	}
	(void)buf_append(out, plain, (size_t)(s - plain));
	(void)buf_putc(out, '"');
}

/* What stands before every value: the comma after the one before it, and its key. */
static void begin_value(struct json_writer *w, const char *key)
{
	if (w->comma)
		(void)buf_putc(w->out, ',');
	w->comma = true;
	if (!key)
		return;
	json_escape(w->out, key);
	(void)buf_putc(w->out, ':');
}

static void begin_container(struct json_writer *w, const char *key, char bracket)
{
	begin_value(w, key);
	(void)buf_putc(w->out, bracket);
	w->depth++;
	w->comma = false;
}

static void end_container(struct json_writer *w, char bracket)
{
	assert(w->depth > 0);
	w->depth--;
	(void)buf_putc(w->out, bracket);
	w->comma = true;
}

void json_object_begin(struct json_writer *w, const char *key)
{
	begin_container(w, key, '{');
}

void json_object_end(struct json_writer *w)
{
	end_container(w, '}');
}

void json_array_begin(struct json_writer *w, const char *key)
{
	begin_container(w, key, '[');
}

void json_array_end(struct json_writer *w)
{
	end_container(w, ']');
}

void json_string(struct json_writer *w, const char *key, const char *value)
{
	begin_value(w, key);
	if (value)
		json_escape(w->out, value);
	else
		(void)buf_puts(w->out, "null");
}

void json_u64(struct json_writer *w, const char *key, uint64_t value)
{
	begin_value(w, key);
	(void)buf_printf(w->out, "%" PRIu64, value);
}

void json_i64(struct json_writer *w, const char *key, int64_t value)
{
	begin_value(w, key);
	(void)buf_printf(w->out, "%" PRId64, value);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
	begin_value(w, key);
	(void)buf_puts(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w, const char *key)
{
	json_string(w, key, NULL);
}

void json_seconds(struct json_writer *w, const char *key, int64_t usec)
{
	if (usec == USEC_NEVER || usec == USEC_INFINITY) {
		json_null(w, key);
		return;
	}
	begin_value(w, key);
	uint64_t magnitude = usec < 0 ? 0 - (uint64_t)usec : (uint64_t)usec;
	uint64_t fraction = magnitude % USEC_PER_SEC;
	(void)buf_printf(w->out, "%s%" PRIu64, usec < 0 ? "-" : "", magnitude / USEC_PER_SEC);
	if (!fraction)
		return;
	int width = 6;
	for (; fraction % 10 == 0; width--)
		fraction /= 10;
	(void)buf_printf(w->out, ".%0*" PRIu64, width, fraction);
}
