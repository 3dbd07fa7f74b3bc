/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/json-fields.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/buf.h"
#include "util/limits.h"

#define INTEGER_MAX 9007199254740992.0 /* 2^53: doubles, which cJSON keeps, are exact up to there */
#define SECONDS_MAX 1e9
/* A name from the file is shown up to this length. */
#define SHOWN_MAX   80

static void print_place(const struct json_place *at, struct buf *out)
{
	if (!at->outer)
		return;
	print_place(at->outer, out);
	if (at->name)
		(void)buf_printf(out, "%s%.*s", out->len ? "." : "", SHOWN_MAX, at->name);
	else
		(void)buf_printf(out, "[%zu]", at->index);
}

int json_wrong(const struct json_place *at, const char *fmt, ...)
{
	char what[320];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	cleanup_buf struct buf path = BUF_INIT(BUF_MAX_CRI_TEXT);
	print_place(at, &path);
	return err_set(at->e, EINVAL, "%s%s%s", buf_string(&path), path.len ? ": " : "", what);
}

static struct json_place inside(const struct json_place *at, const cJSON *value)
{
	return (struct json_place){ .outer = at, .value = value, .arena = at->arena, .e = at->e };
}

static int unknown_member(const struct json_place *at, const struct json_field *fields,
			  size_t n_fields)
{
	char known[256] = "";
	size_t n = 0;
	for (size_t i = 0; i < n_fields && n < sizeof(known); i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "",
				      fields[i].name);
	return json_wrong(at, "unknown; expected one of %s", known);
}

static int take_member(const struct json_place *at, const struct json_field *fields,
		       size_t n_fields, bool *seen, void *into)
{
	for (size_t i = 0; i < n_fields; i++) {
		if (strcmp(fields[i].name, at->name) != 0)
			continue;
		if (seen[i])
			return json_wrong(at, "is there twice");
		seen[i] = true;
		return fields[i].take(at, (char *)into + fields[i].offset);
	}
	return unknown_member(at, fields, n_fields);
}

int json_take_object(const struct json_place *at, const struct json_field *fields, size_t n_fields,
		     void *into)
{
	if (!cJSON_IsObject(at->value))
		return json_wrong(at, "expected an object");
	cleanup_free bool *seen = xcalloc(n_fields, sizeof(*seen));
	for (const cJSON *member = at->value->child; member; member = member->next) {
		struct json_place place = inside(at, member);
		place.name = member->string;
		int r = take_member(&place, fields, n_fields, seen, into);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n_fields; i++) {
		if (seen[i] || !fields[i].required)
			continue;
		struct json_place place = inside(at, at->value);
		place.name = fields[i].name;
		return json_wrong(&place, "is missing");
	}
	return 0;
}

int json_take_array(const struct json_place *at, size_t max,
		    int (*take)(const struct json_place *at, void *into), void *into)
{
	if (!cJSON_IsArray(at->value))
		return json_wrong(at, "expected an array");
	size_t n = 0;
	for (const cJSON *element = at->value->child; element; element = element->next) {
		struct json_place place = inside(at, element);
		place.index = n++;
		if (n > max)
			return json_wrong(at, "expected at most %zu elements", max);
		int r = take(&place, into);
		if (r < 0)
			return r;
	}
	return 0;
}

int json_take_string(const struct json_place *at, void *into)
{
	if (!cJSON_IsString(at->value))
		return json_wrong(at, "expected a string");
	const char *s = at->value->valuestring;
	if (!*s)
		return json_wrong(at, "expected a string that is not empty");
	if (strlen(s) > JSON_FIELD_STRING_MAX)
		return json_wrong(at, "expected at most %d bytes", JSON_FIELD_STRING_MAX);
	*(const char **)into = arena_strdup(at->arena, s);
	return 0;
}

/* The negated comparison refuses NaN as well. */
static int take_integer(const struct json_place *at, double min, int64_t *ret)
{
	double d = at->value->valuedouble;
	if (!cJSON_IsNumber(at->value) || !(d >= min && d <= INTEGER_MAX) ||
	    (double)(int64_t)d != d)
		return json_wrong(at, "expected an integer from %.0f to %.0f", min, INTEGER_MAX);
	*ret = (int64_t)d;
	return 0;
}

int json_take_u64(const struct json_place *at, void *into)
{
	int64_t n = 0;
	int r = take_integer(at, 0, &n);
	if (r == 0)
		*(uint64_t *)into = (uint64_t)n;
	return r;
}

int json_take_i64(const struct json_place *at, void *into)
{
	return take_integer(at, -INTEGER_MAX, into);
}

int json_take_bool(const struct json_place *at, void *into)
{
	if (!cJSON_IsBool(at->value))
		return json_wrong(at, "expected true or false");
	*(bool *)into = cJSON_IsTrue(at->value);
	return 0;
}

int json_take_seconds(const struct json_place *at, void *into)
{
	double d = at->value->valuedouble;
	if (!cJSON_IsNumber(at->value) || !(d >= -SECONDS_MAX && d <= SECONDS_MAX))
		return json_wrong(at, "expected a number of seconds");
	/* rounded to the nearest microsecond: 0.1 is not exact in binary */
	double usec = d * (double)USEC_PER_SEC;
	*(usec_t *)into = (usec_t)(usec < 0 ? usec - 0.5 : usec + 0.5);
	return 0;
}

int json_take_seconds_or_never(const struct json_place *at, void *into)
{
	if (!cJSON_IsNull(at->value))
		return json_take_seconds(at, into);
	*(usec_t *)into = USEC_NEVER;
	return 0;
}

static int take_one_string(const struct json_place *at, void *into)
{
	struct json_strings *list = into;
	int r = json_take_string(at, &list->strings[list->n_strings]);
	if (r == 0)
		list->n_strings++;
	return r;
}

int json_take_strings(const struct json_place *at, void *into)
{
	struct json_strings *list = into;
	size_t n = (size_t)cJSON_GetArraySize(at->value);
	if (n > N_MAX_IMAGE_NAMES)
		return json_wrong(at, "expected at most %d elements", N_MAX_IMAGE_NAMES);
	list->n_strings = 0;
	list->strings = arena_calloc(at->arena, n + 1, sizeof(*list->strings));
	return json_take_array(at, n, take_one_string, list);
}
