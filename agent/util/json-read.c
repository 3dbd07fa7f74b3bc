/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json-read.h"

#include <errno.h>
#include <string.h>

#include "util/limits.h"

#define DOUBLE_EXACT 9007199254740992.0 /* 2^53 */

static int parse_error(const char *text, size_t offset, const char *what, struct err *e)
{
	size_t line = 1;
	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return err_set(e, EBADMSG, "not valid JSON: %s at byte %zu (line %zu)", what, offset, line);
}

/* Steps over an escape in a string. cJSON would end the string at an escaped NUL. */
static int check_escape(const char *text, size_t len, size_t *i, struct err *e)
{
	(*i)++;
	if (len - *i >= 5 && memcmp(text + *i, "u0000", 5) == 0)
		return parse_error(text, *i - 1, "NUL in a string", e);
	return 0;
}

static int check_depth(const char *text, size_t offset, unsigned depth, struct err *e)
{
	if (depth <= JSON_MAX_DEPTH)
		return 0;
	(void)parse_error(text, offset, "nested too deep", e);
	if (e)
		e->code = E2BIG;
	return -E2BIG;
}

/* What cJSON lets through or recurses on: nesting, raw control characters and NUL in strings. */
static int check_text(const char *text, size_t len, struct err *e)
{
	unsigned depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		int r = 0;
		char c = text[i];
		if (in_string && c == '\\')
			r = check_escape(text, len, &i, e);
		else if (c == '"')
			in_string = !in_string;
		else if (in_string ? (unsigned char)c < 0x20 : c == '\0')
			r = parse_error(text, i, "control character", e);
		else if (!in_string && (c == '{' || c == '['))
			r = check_depth(text, i, ++depth, e);
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (r < 0)
			return r;
	}
	return 0;
}

int json_parse(const char *text, size_t len, cJSON **ret, struct err *e)
{
	int r = check_text(text, len, e);
	if (r < 0)
		return r;
	/* Versions before 1.7.18 look one byte past the end behind a comma: there is a NUL in the copy. */
	cleanup_free char *copy = xcalloc(len + 1, 1);
	if (len)
		memcpy(copy, text, len);
	const char *end = copy;
	cleanup_json cJSON *json = cJSON_ParseWithLengthOpts(copy, len, &end, false);
	size_t offset = (size_t)(end - copy);
	if (!json)
		return parse_error(text, offset, "a value is missing or malformed", e);
	while (offset < len && strchr(" \t\r\n", text[offset]))
		offset++;
	if (offset < len)
		return parse_error(text, offset, "more text after the value", e);
	*ret = take_ptr(json);
	return 0;
}

static int get(const cJSON *object, const char *name, const cJSON **ret, struct err *e)
{
	if (object && !cJSON_IsObject(object))
		return err_set(e, EINVAL, "'%s' is looked for in something that is no object",
			       name);
	const cJSON *item = object ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
	if (!item || cJSON_IsNull(item))
		return err_set(e, ENOENT, "'%s' is missing", name);
	*ret = item;
	return 0;
}

int json_get_string(const cJSON *object, const char *name, const char **ret, struct err *e)
{
	const cJSON *item = NULL;
	int r = get(object, name, &item, e);
	if (r < 0)
		return r;
	if (!cJSON_IsString(item))
		return err_set(e, EINVAL, "'%s' must be a string", name);
	*ret = item->valuestring;
	return 0;
}

/* Both bounds are integral, |bounds| <= 2^53; the negated comparison refuses NaN as well. */
static int get_integer(const cJSON *object, const char *name, double min, int64_t *ret,
		       struct err *e)
{
	const cJSON *item = NULL;
	int r = get(object, name, &item, e);
	if (r < 0)
		return r;
	if (!cJSON_IsNumber(item))
		return err_set(e, EINVAL, "'%s' must be a number", name);
	double d = item->valuedouble;
	if (!(d >= min && d <= DOUBLE_EXACT) || (double)(int64_t)d != d)
		return err_set(e, EINVAL, "'%s' must be an integer from %.0f to %.0f", name, min,
			       DOUBLE_EXACT);
	*ret = (int64_t)d;
	return 0;
}

int json_get_u64(const cJSON *object, const char *name, uint64_t *ret, struct err *e)
{
	int64_t value = 0;
	int r = get_integer(object, name, 0, &value, e);
	if (r < 0)
		return r;
	*ret = (uint64_t)value;
	return 0;
}

int json_get_i64(const cJSON *object, const char *name, int64_t *ret, struct err *e)
{
	return get_integer(object, name, -DOUBLE_EXACT, ret, e);
}

int json_get_bool(const cJSON *object, const char *name, bool *ret, struct err *e)
{
	const cJSON *item = NULL;
	int r = get(object, name, &item, e);
	if (r < 0)
		return r;
	if (!cJSON_IsBool(item))
		return err_set(e, EINVAL, "'%s' must be true or false", name);
	*ret = cJSON_IsTrue(item);
	return 0;
}

int json_get_array(const cJSON *object, const char *name, const cJSON **ret, struct err *e)
{
	const cJSON *item = NULL;
	int r = get(object, name, &item, e);
	if (r < 0)
		return r;
	if (!cJSON_IsArray(item))
		return err_set(e, EINVAL, "'%s' must be an array", name);
	*ret = item;
	return 0;
}

int json_get_object(const cJSON *object, const char *name, const cJSON **ret, struct err *e)
{
	const cJSON *item = NULL;
	int r = get(object, name, &item, e);
	if (r < 0)
		return r;
	if (!cJSON_IsObject(item))
		return err_set(e, EINVAL, "'%s' must be an object", name);
	*ret = item;
	return 0;
}
