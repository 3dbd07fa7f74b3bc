/* SPDX-License-Identifier: Apache-2.0 */
#include "core/quantity.h"

#include <errno.h>
#include <string.h>

#include "util/parse.h"

#define FORMAT_WRONG                                    \
	"quantities must match the regular expression " \
	"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define SUFFIX_WRONG  "unable to parse quantity's suffix"
#define NUMERIC_WRONG "unable to parse numeric part of quantity"

/* The finest decimal place, and how many of its units a whole one is. */
#define FINEST		(-9)
#define FINEST_PER_ONE	UINT64_C(1000000000)
#define BINARY_LARGEST	((uint64_t)INT64_MAX)
#define MANTISSA_DIGITS 39 /* of 2^128 */

static const struct {
	const char *name;
	int base, exponent;
} suffixes[] = {
	{ "n", 10, -9 }, { "u", 10, -6 }, { "m", 10, -3 }, { "", 10, 0 },
	{ "k", 10, 3 },	 { "M", 10, 6 },  { "G", 10, 9 },  { "T", 10, 12 },
	{ "P", 10, 15 }, { "E", 10, 18 }, { "Ki", 2, 10 }, { "Mi", 2, 20 },
	{ "Gi", 2, 30 }, { "Ti", 2, 40 }, { "Pi", 2, 50 }, { "Ei", 2, 60 },
};

/* A quantity's text, taken apart. Leading zeros are in no part. */
struct parts {
	bool negative;
	bool digits; /* there is one, leading zeros included */
	const char *whole, *fraction;
	size_t n_whole, n_fraction;
	const char *suffix;
	int base;
	int64_t exponent; /* of base, by the suffix */
	enum quantity_format format;
};

static size_t span_digits(const char *s)
{
	return strspn(s, "0123456789");
}

/*
 * Everything but the meaning of the suffix. Returns false when text does not look like a
 * quantity.
 */
static bool split(const char *text, struct parts *p)
{
	*p = (struct parts){ .negative = *text == '-' };
	const char *s = text + (*text == '-' || *text == '+');
	size_t zeros = strspn(s, "0");
	p->whole = s + zeros;
	p->n_whole = span_digits(p->whole);
	s = p->whole + p->n_whole;
	p->fraction = s + (*s == '.');
	p->n_fraction = *s == '.' ? span_digits(p->fraction) : 0;
	p->digits = zeros + p->n_whole + p->n_fraction > 0;
	p->suffix = p->fraction + p->n_fraction;
	s = p->suffix + strspn(p->suffix, "eEinumkKMGTP");
	s += *s == '-' || *s == '+';
	return s[span_digits(s)] == '\0' && *text;
}

/* "e3", "E-3", "e+3". */
static bool interpret_exponent(struct parts *p)
{
	const char *s = p->suffix;
	if (*s != 'e' && *s != 'E')
		return false;
	s += s[1] == '+' ? 2 : 1;
	p->base = 10;
	p->format = QUANTITY_DECIMAL_EXPONENT;
	return parse_i64(s, &p->exponent) == 0;
}

static bool interpret_suffix(struct parts *p)
{
	for (size_t i = 0; i < ELEMENTS(suffixes); i++) {
		if (strcmp(p->suffix, suffixes[i].name) != 0)
			continue;
		p->base = suffixes[i].base;
		p->exponent = suffixes[i].exponent;
		p->format = p->base == 2 ? QUANTITY_BINARY_SI : QUANTITY_DECIMAL_SI;
		return true;
	}
	return interpret_exponent(p);
}

/* Digit i of the number without its point. */
static unsigned digit(const struct parts *p, size_t i)
{
	return (unsigned)((i < p->n_whole ? p->whole[i] : p->fraction[i - p->n_whole]) - '0');
}

/*
 * Small numbers take a short way through the kubelet's parser, which does without any digit and
 * keeps the text of canonical ones. What counts as small and as canonical is what it tests there.
 */
static bool is_small(const struct parts *p)
{
	int64_t n_whole = p->n_whole > 0 ? (int64_t)p->n_whole : 1;
	if (p->base == 2)
		return p->n_fraction == 0 && n_whole + p->exponent * 3 / 10 <= 14;
	return n_whole + (int64_t)p->n_fraction <= 18 &&
	       p->exponent >= FINEST + (int64_t)p->n_fraction;
}

static bool is_canonical(const struct parts *p)
{
	if (p->n_whole == 0)
		return false;
	size_t n = p->n_whole + p->n_fraction;
	if (p->base == 2) {
		unsigned lowest = 0; /* three digits decide about a factor 8 */
		for (size_t i = n > 3 ? n - 3 : 0; i < n; i++)
			lowest = lowest * 10 + digit(p, i);
		return lowest % 8 != 0;
	}
	bool round = n >= 3 && digit(p, n - 1) + digit(p, n - 2) + digit(p, n - 3) == 0;
	return (p->exponent - (int64_t)p->n_fraction) % 3 == 0 && !round;
}

/* mantissa * 10^n + value; false when that does not fit. */
static bool shift_in(unsigned __int128 *mantissa, size_t n, unsigned value)
{
	for (; *mantissa > 0 && n > 0; n--)
		if (__builtin_mul_overflow(*mantissa, 10u, mantissa))
			return false;
	return !__builtin_add_overflow(*mantissa, value, mantissa);
}

static int make_decimal(const struct parts *p, struct quantity *ret)
{
	int64_t exponent = p->exponent - (int64_t)p->n_fraction; /* of the last digit */
	size_t n = p->n_whole + p->n_fraction, keep = n;
	if (exponent < FINEST) {
		uint64_t finer = (uint64_t)(FINEST - exponent);
		keep = finer < n ? n - finer : 0;
		exponent = FINEST;
	}
	unsigned __int128 mantissa = 0;
	size_t zeros = 0; /* not yet in mantissa: they need not fit */
	for (size_t i = 0; i < keep; i++) {
		zeros++;
		if (digit(p, i) == 0)
			continue;
		if (!shift_in(&mantissa, zeros, digit(p, i)))
			return -ERANGE;
		zeros = 0;
	}
	bool rest = false;
	for (size_t i = keep; i < n; i++)
		rest = rest || digit(p, i) > 0;
	if (rest) {
		if (!shift_in(&mantissa, zeros, 1))
			return -ERANGE;
		zeros = 0;
	}
	return quantity_make(mantissa, exponent + (int64_t)zeros, p->negative, p->format, ret);
}

/* The fraction of one, times scale, rounded up; any number of digits. */
static unsigned __int128 scale_fraction(const struct parts *p, unsigned __int128 scale)
{
	/* Horner's rule from the last digit on: rounding down in between does not change what the
	 * whole rounds down to, and there is a rest when there ever was one. */
	unsigned __int128 value = 0;
	bool rest = false;
	for (size_t i = p->n_fraction; i > 0; i--) {
		value += scale * digit(p, p->n_whole + i - 1);
		rest = rest || value % 10 > 0;
		value /= 10;
	}
	return value + rest;
}

static int make_binary(const struct parts *p, struct quantity *ret)
{
	/* at most 2^63 * 10^9 and 2^60 * 10^9: far below 2^128 */
	unsigned __int128 most = (unsigned __int128)BINARY_LARGEST * FINEST_PER_ONE;
	uint64_t whole = 0, whole_limit = BINARY_LARGEST >> p->exponent;
	for (size_t i = 0; i < p->n_whole && whole <= whole_limit; i++)
		whole = whole * 10 + digit(p, i);
	unsigned __int128 scale = ((unsigned __int128)FINEST_PER_ONE) << p->exponent;
	unsigned __int128 value = most;
	if (whole <= whole_limit)
		value = whole * scale + scale_fraction(p, scale);
	if (value > most)
		value = most;
	bool below_one = value > 0 && value < FINEST_PER_ONE;
	return quantity_make(value, FINEST, p->negative,
			     below_one ? QUANTITY_DECIMAL_SI : QUANTITY_BINARY_SI, ret);
}

int quantity_parse(const char *text, struct quantity *ret, struct err *e)
{
	struct parts p;
	if (!split(text, &p))
		return err_set(e, EINVAL, FORMAT_WRONG);
	if (!interpret_suffix(&p))
		return err_set(e, EINVAL, SUFFIX_WRONG);
	if (p.exponent > INT32_MAX || p.exponent < INT32_MIN)
		return err_set(e, ERANGE, "exponent of quantity out of range");
	bool small = is_small(&p);
	if (!small && !p.digits)
		return err_set(e, EINVAL, NUMERIC_WRONG);
	int r = p.base == 2 ? make_binary(&p, ret) : make_decimal(&p, ret);
	if (r < 0)
		return err_set(e, -r, "quantity has too many digits");
	ret->canonical = small && is_canonical(&p);
	return 0;
}

static void print_mantissa(unsigned __int128 mantissa, struct buf *out)
{
	char digits[MANTISSA_DIGITS + 1];
	char *s = digits + sizeof(digits) - 1;
	*s = '\0';
	do {
		*--s = (char)('0' + (int)(mantissa % 10));
		mantissa /= 10;
	} while (mantissa > 0);
	(void)buf_puts(out, s);
}

static const char *find_suffix(int base, int exponent)
{
	for (size_t i = 0; i < ELEMENTS(suffixes); i++)
		if (suffixes[i].base == base && suffixes[i].exponent == exponent)
			return suffixes[i].name;
	return NULL;
}

/* The largest exponent that is a multiple of three and leaves a whole number. */
static void print_decimal(const struct quantity *q, struct buf *out)
{
	int exponent = q->exponent;
	print_mantissa(q->mantissa, out);
	for (; exponent % 3 != 0; exponent--)
		(void)buf_putc(out, '0');
	const char *suffix = find_suffix(10, exponent);
	if (q->format != QUANTITY_DECIMAL_EXPONENT && suffix)
		(void)buf_puts(out, suffix);
	else if (exponent != 0)
		(void)buf_printf(out, "e%d", exponent);
}

static void print_binary(uint64_t value, struct buf *out)
{
	int exponent = 0;
	for (; value % 1024 == 0; exponent += 10)
		value /= 1024;
	print_mantissa(value, out);
	(void)buf_puts(out, exponent ? find_suffix(2, exponent) : "");
}

void quantity_print(const struct quantity *q, const char *parsed_from, struct buf *out)
{
	if (parsed_from && q->canonical) {
		(void)buf_puts(out, parsed_from);
		return;
	}
	if (q->negative)
		(void)buf_putc(out, '-');
	struct quantity magnitude = *q;
	magnitude.negative = false;
	uint64_t whole = quantity_ceil(&magnitude);
	/* a binary suffix would lose fractions, and says little below 1024 */
	if (q->format == QUANTITY_BINARY_SI && whole >= 1024 &&
	    quantity_compare_amount(&magnitude, whole) == 0)
		print_binary(whole, out);
	else
		print_decimal(q, out);
}
