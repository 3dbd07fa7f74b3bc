/* SPDX-License-Identifier: Apache-2.0 */
#include "core/percentage.h"

#include <errno.h>
#include <string.h>

#include "core/go-text.h"

/* Digits are taken while one more of them surely fits. */
#define DIGITS_LIMIT   ((unsigned __int128)1 << 122)
/* Go stops counting there. */
#define EXPONENT_LIMIT 10000

/* A number as Go's ParseFloat reads it: digits * 10^exponent, or * 2^exponent when hex. */
struct number {
	bool negative, hex;
	unsigned __int128 digits;
	bool rest; /* there are more digits, and not only zeros */
	int64_t exponent;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* -1: none. */
static int digit_value(char c, bool hex)
{
	if (is_digit(c))
		return c - '0';
	return hex && lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

/* Digits with at most one point; false when there is none. Leaves *s behind them. */
static bool take_digits(const char **s, struct number *n)
{
	bool any = false, point = false;
	for (; **s == '_' || (**s == '.' && !point) || digit_value(**s, n->hex) >= 0; (*s)++) {
		int value = digit_value(**s, n->hex);
		if (value < 0) {
			point = point || **s == '.';
			continue;
		}
		any = true;
		if (n->digits < DIGITS_LIMIT) {
			n->digits = n->digits * (n->hex ? 16 : 10) + (unsigned)value;
			n->exponent -= point;
		} else {
			n->rest = n->rest || value > 0;
			n->exponent += !point;
		}
	}
	return any;
}

/* "e-3", "p+1"; false when it is malformed, or missing where it must not be. */
static bool take_exponent(const char **s, struct number *n)
{
	if (lower(**s) != (n->hex ? 'p' : 'e'))
		return !n->hex;
	(*s)++;
	bool negative = **s == '-';
	*s += **s == '-' || **s == '+';
	if (!is_digit(**s))
		return false;
	int64_t exponent = 0;
	for (; is_digit(**s) || **s == '_'; (*s)++)
		if (**s != '_' && exponent < EXPONENT_LIMIT)
			exponent = exponent * 10 + (**s - '0');
	n->exponent += negative ? -exponent : exponent;
	return true;
}

/* Underscores stand between digits, or between "0x" and one. */
static bool underscores_ok(const char *s, const char *end, bool hex)
{
	char before = '\0';
	for (; s < end; before = *s++) {
		bool after_digit = digit_value(before, hex) >= 0 || (hex && lower(before) == 'x');
		if (*s == '_' && (!after_digit || digit_value(s[1], hex) < 0))
			return false;
	}
	return true;
}

/* The number between s and end, where there is a character that ends every number. */
static bool parse_number(const char *s, const char *end, struct number *ret)
{
	const char *start = s;
	struct number n = { .negative = *s == '-' };
	s += *s == '-' || *s == '+';
	n.hex = s[0] == '0' && lower(s[1]) == 'x';
	s += n.hex ? 2 : 0;
	bool digits = take_digits(&s, &n);
	n.exponent *= n.hex ? 4 : 1;
	*ret = n;
	if (!digits || !take_exponent(&s, ret))
		return false;
	return s == end && underscores_ok(start, end, n.hex);
}

static bool is_word(const char *s, const char *end, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(end - s) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (lower(s[i]) != word[i])
			return false;
	return true;
}

/* "NaN", and "Inf" or "Infinity" with or without a sign, in any case. */
static bool parse_special(const char *s, const char *end, struct percentage *ret)
{
	*ret = (struct percentage){ .kind = PERCENTAGE_NAN };
	if (is_word(s, end, "nan"))
		return true;
	ret->kind = PERCENTAGE_INFINITE;
	ret->negative = *s == '-';
	s += *s == '-' || *s == '+';
	return is_word(s, end, "inf") || is_word(s, end, "infinity");
}

/* Takes digits away until they fit; returns whether they did from the beginning. */
static bool set_decimal(struct percentage *p, unsigned __int128 digits, int64_t exponent)
{
	bool fits = true;
	for (; digits > 0 && (digits % 10 == 0 || digits > UINT64_MAX); exponent++) {
		fits = fits && digits % 10 == 0;
		digits /= 10;
	}
	p->significand = (uint64_t)digits;
	p->exponent = digits > 0 ? (int)exponent : 0;
	return fits;
}

static int float_error(const char *text, const char *end, int code, const char *what, struct err *e)
{
	char quoted[GO_QUOTED_MAX];
	return err_set(e, code, "strconv.ParseFloat: parsing \"%s\": %s",
		       go_escape(text, (size_t)(end - text), quoted), what);
}

/* What the kubelet takes although nobody can have meant it. */
static int refuse_odd(const char *text, const char *end, bool hex, struct err *e)
{
	if (strcmp(end, "%") != 0)
		return err_set(e, EINVAL, "expected one percent sign");
	if (hex || memchr(text, '_', (size_t)(end - text)))
		return err_set(e, EINVAL, "expected a decimal number");
	return 0;
}

int percentage_parse(const char *text, enum percentage_syntax syntax, struct percentage *ret,
		     struct err *e)
{
	bool plain = syntax == PERCENTAGE_PLAIN;
	const char *end = text + strlen(text);
	while (end > text && end[-1] == '%')
		end--;
	struct percentage p;
	if (parse_special(text, end, &p)) {
		if (plain)
			return err_set(e, EINVAL, "expected a decimal number");
		*ret = p;
		return 0;
	}
	struct number n;
	if (!parse_number(text, end, &n))
		return float_error(text, end, EINVAL, "invalid syntax", e);
	int r = plain ? refuse_odd(text, end, n.hex, e) : 0;
	if (r < 0)
		return r;
	p = (struct percentage){ .negative = n.negative };
	p.kubelet = n.hex ? binary_fraction_from_binary(n.digits, n.rest, n.exponent)
			  : binary_fraction_from_decimal(n.digits, n.rest, n.exponent);
	if (binary_fraction_is_infinite(p.kubelet))
		return float_error(text, end, ERANGE, "value out of range", e);
	p.kubelet = binary_fraction_percent(p.kubelet);
	bool fits = n.hex || set_decimal(&p, n.digits, n.exponent);
	if (plain && (!fits || n.rest))
		return err_set(e, ERANGE, "expected a number of at most 19 digits");
	*ret = p;
	return 0;
}
