/* SPDX-License-Identifier: Apache-2.0 */
#include "expose/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* A piece of the header, without copying it. */
struct span {
	const char *start;
	size_t len;
};

static struct span span_trim(const char *start, const char *end)
{
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct span){ .start = start, .len = (size_t)(end - start) };
}

/* The text up to the next separator; *s moves behind it, to NULL after the last. */
static struct span span_next(const char **s, const char *end, char separator)
{
	const char *start = *s;
	const char *stop = memchr(start, separator, (size_t)(end - start));
	*s = stop ? stop + 1 : NULL;
	return span_trim(start, stop ? stop : end);
}

static bool span_is(struct span span, const char *text)
{
	return span.len == strlen(text) && strncasecmp(span.start, text, span.len) == 0;
}

/* "q=" values in thousandths: 0, 1, 0.5, 0.875, 1.000; -1 for anything else. */
static int quality(struct span value)
{
	int q = 0, scale = 1000;
	if (value.len == 0 || value.len > 5 || (value.start[0] != '0' && value.start[0] != '1') ||
	    (value.len > 1 && value.start[1] != '.'))
		return -1;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.start[i];
		if (i == 1)
			continue;
		if (c < '0' || c > '9')
			return -1;
		q += (c - '0') * scale;
		scale /= 10;
	}
	return q <= 1000 ? q : -1;
}

/* Quality of one media range if it is type and its version, if any, is the given one; else -1. */
static int range_quality(struct span range, const char *type, const char *version)
{
	const char *s = range.start, *end = range.start + range.len;
	int q = 1000;
	if (!span_is(span_next(&s, end, ';'), type))
		return -1;
	while (s) {
		struct span parameter = span_next(&s, end, ';');
		const char *value = parameter.start, *stop = parameter.start + parameter.len;
		struct span name = span_next(&value, stop, '=');
		struct span text = value ? span_trim(value, stop) : (struct span){ "", 0 };
		if (span_is(name, "q"))
			q = quality(text);
		else if (span_is(name, "version") && !span_is(text, version))
			return -1;
	}
	return q;
}

/* The best quality that the header gives a type; -1 when it does not name it. */
static int type_quality(const char *accept, const char *type, const char *version)
{
	const char *s = accept, *end = accept + strlen(accept);
	int best = -1;
	while (s) {
		int q = range_quality(span_next(&s, end, ','), type, version);
		best = q > best ? q : best;
	}
	return best;
}

bool accept_prefers_openmetrics(const char *accept)
{
	if (!accept)
		return false;
	int openmetrics = type_quality(accept, "application/openmetrics-text", "1.0.0");
	return openmetrics > 0 && openmetrics >= type_quality(accept, "text/plain", "0.0.4");
}
