/* SPDX-License-Identifier: Apache-2.0 */
#include "util/parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at *s into *value, saturating at UINT64_MAX; returns whether there was one. */
static bool take_digits(const char **s, uint64_t *value)
{
	const char *start = *s;
	*value = 0;
	for (; is_digit(**s); (*s)++) {
		uint64_t digit = (uint64_t)(**s - '0');
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, digit, value))
			*value = UINT64_MAX;
	}
	return *s > start;
}

/* A magnitude with its sign; one more is allowed below zero than above. */
static int apply_sign(uint64_t value, bool negative, int64_t *ret)
{
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

int parse_i64(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	s += negative;
	uint64_t value;
	if (!take_digits(&s, &value) || *s)
		return -EINVAL;
	return apply_sign(value, negative, ret);
}

int parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	for (size_t i = 0; i < ELEMENTS(yes); i++) {
		if (strcmp(s, yes[i]) != 0 && strcmp(s, no[i]) != 0)
			continue;
		*ret = strcmp(s, yes[i]) == 0;
		return 0;
	}
	return -EINVAL;
}

static const struct {
	const char *name;
	uint64_t nsec;
} duration_units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* U+00B5 micro sign */
	{ "\xce\xbcs", 1000 }, /* U+03BC Greek mu */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", UINT64_C(60000000000) },
	{ "h", UINT64_C(3600000000000) },
};

static uint64_t take_unit(const char **s)
{
	/* As Go reads it, the unit is everything up to the next number: "1hs" has none. */
	size_t len = 0;
	while ((*s)[len] && (*s)[len] != '.' && !is_digit((*s)[len]))
		len++;
	for (size_t i = 0; i < ELEMENTS(duration_units); i++) {
		const char *name = duration_units[i].name;
		if (strlen(name) != len || memcmp(*s, name, len) != 0)
			continue;
		*s += len;
		return duration_units[i].nsec;
	}
	return 0;
}

/* Digits after the point as a fraction of 10^15; what lies behind is far below a nanosecond. */
#define FRACTION_SCALE UINT64_C(1000000000000000)

static bool take_fraction(const char **s, uint64_t *fraction)
{
	const char *start = *s;
	uint64_t weight = FRACTION_SCALE;
	*fraction = 0;
	for (; is_digit(**s); (*s)++) {
		weight /= 10;
		*fraction += weight * (uint64_t)(**s - '0');
	}
	return *s > start;
}

/* One "1.5h" at *s into *nsec, saturating. */
static int take_duration_part(const char **s, uint64_t *nsec)
{
	uint64_t whole, fraction = 0;
	bool digits = take_digits(s, &whole);
	if (**s == '.') {
		(*s)++;
		digits |= take_fraction(s, &fraction);
	}
	uint64_t unit = digits ? take_unit(s) : 0;
	if (!unit)
		return -EINVAL;
	uint64_t below = (uint64_t)((unsigned __int128)fraction * unit / FRACTION_SCALE);
	if (__builtin_mul_overflow(whole, unit, nsec) || __builtin_add_overflow(*nsec, below, nsec))
		*nsec = UINT64_MAX;
	return 0;
}

int parse_duration_nsec(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	s += *s == '-' || *s == '+';
	if (strcmp(s, "0") == 0) {
		*ret = 0;
		return 0;
	}
	uint64_t total = 0;
	do {
		uint64_t part;
		int r = take_duration_part(&s, &part);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(total, part, &total))
			total = UINT64_MAX;
	} while (*s);
	/* Go counts nanoseconds in 64 bits; what it refuses is refused here. */
	return apply_sign(total, negative, ret);
}

int parse_duration(const char *s, usec_t *ret)
{
	int64_t nsec;
	int r = parse_duration_nsec(s, &nsec);
	if (r < 0)
		return r;
	*ret = nsec / 1000;
	return 0;
}
