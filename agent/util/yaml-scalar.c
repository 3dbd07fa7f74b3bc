/* SPDX-License-Identifier: Apache-2.0 */
#include "util/yaml-scalar.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/* A longer number would have no value that anybody meant; as in cJSON. */
#define NUMBER_MAX 63

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Go's strconv.ParseInt() with base 0, beyond 64 bits too. s is what follows the sign. */
static bool parse_integer(const char *s, double *ret)
{
	int base = 10;
	if (s[0] == '0' && s[1]) {
		char mark = s[1] | 0x20;
		base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
		s += mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
	}
	if (!*s)
		return false;
	double value = 0;
	for (; *s; s++) {
		int digit = digit_value(*s);
		if (digit >= base)
			return false;
		value = value * base + digit;
	}
	*ret = value;
	return true;
}

static const char *skip_digits(const char *s)
{
	return s + strspn(s, "0123456789");
}

/* (\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *s)
{
	const char *p = skip_digits(s);
	bool digits = p > s;
	if (*p == '.') {
		const char *fraction = ++p;
		p = skip_digits(p);
		if (!digits && p == fraction)
			return false;
		digits = true;
	}
	if (!digits)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '-' || *p == '+';
		const char *exponent = p;
		p = skip_digits(p);
		if (p == exponent)
			return false;
	}
	return *p == '\0';
}

/* cJSON reads it; in front of a point it wants a digit. */
static double parse_float(const char *s)
{
	char text[NUMBER_MAX + 2] = "0";
	size_t len = strlen(s);
	memcpy(text + 1, s, len);
	cJSON *number = cJSON_ParseWithLength(text, len + 1);
	double value = cJSON_IsNumber(number) ? number->valuedouble : (double)NAN;
	cJSON_Delete(number);
	return value;
}

static bool parse_number(const char *text, double *ret)
{
	char digits[NUMBER_MAX + 1];
	size_t len = 0;
	if (!strchr("+-.0123456789", text[0]) || strlen(text) > NUMBER_MAX)
		return false;
	bool negative = *text == '-';
	text += *text == '-' || *text == '+';
	for (; *text; text++) {
		if (*text != '_')
			digits[len++] = *text;
	}
	digits[len] = '\0';
	double value = 0;
	if (!parse_integer(digits, &value)) {
		if (!is_float(digits))
			return false;
		value = parse_float(digits);
	}
	*ret = negative ? -value : value;
	return true;
}

cJSON *yaml_scalar(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const yes[] = { "y",	   "Y",	   "yes", "Yes", "YES", "true",
					   "True", "TRUE", "on",  "On",	 "ON",	NULL };
	static const char *const no[] = { "n",	   "N",	    "no",  "No",  "NO",	 "false",
					  "False", "FALSE", "off", "Off", "OFF", NULL };
	static const char *const beyond[] = { ".inf",  ".Inf",	".INF",	 "+.inf", "+.Inf",
					      "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
					      ".NaN",  ".NAN",	NULL };
	double number = 0;
	cJSON *item = NULL;
	if (is_one_of(text, beyond))
		return NULL;
	if (is_one_of(text, nulls)) {
		item = cJSON_CreateNull();
	} else if (is_one_of(text, yes) || is_one_of(text, no)) {
		item = cJSON_CreateBool(is_one_of(text, yes));
	} else if (text[0] && parse_number(text, &number)) {
		if (!isfinite(number))
			return NULL;
		item = cJSON_CreateNumber(number);
	} else {
		item = cJSON_CreateString(text);
	}
	if (!item)
		abort();
	return item;
}
