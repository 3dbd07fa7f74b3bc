/* SPDX-License-Identifier: Apache-2.0 */
#include "core/quantity.h"

#include <errno.h>

/* 10^38, the largest power of ten in 128 bits. */
#define MANTISSA_LIMIT \
	((unsigned __int128)UINT64_C(10000000000000000000) * UINT64_C(10000000000000000000))

/* Moves factors 10 from the mantissa to the exponent. */
static void strip_zeros(unsigned __int128 *mantissa, int64_t *exponent)
{
	if (*mantissa == 0)
		*exponent = 0;
	for (; *mantissa > 0 && *mantissa % 10 == 0; ++*exponent)
		*mantissa /= 10;
}

int quantity_make(unsigned __int128 mantissa, int64_t exponent, bool negative,
		  enum quantity_format format, struct quantity *ret)
{
	strip_zeros(&mantissa, &exponent);
	if (mantissa >= MANTISSA_LIMIT || exponent > INT32_MAX)
		return -ERANGE;
	*ret = (struct quantity){
		.mantissa = mantissa,
		.exponent = (int32_t)exponent,
		.negative = negative && mantissa > 0,
		.format = format,
	};
	return 0;
}

struct quantity quantity_from_amount(uint64_t amount, enum quantity_format format)
{
	unsigned __int128 mantissa = amount;
	int64_t exponent = 0;
	strip_zeros(&mantissa, &exponent);
	return (struct quantity){
		.mantissa = mantissa,
		.exponent = (int32_t)exponent,
		.format = format,
	};
}

int quantity_sign(const struct quantity *q)
{
	if (q->mantissa == 0)
		return 0;
	return q->negative ? -1 : 1;
}

/*
 * Brings two magnitudes to the smaller one of their exponents. Returns 0; or what comparing them
 * says, when one does not fit into 128 bits then and is larger by that. The exponent of 0 being 0,
 * it is multiplied nine times at most.
 */
static int align(const struct quantity *a, const struct quantity *b, unsigned __int128 *x,
		 unsigned __int128 *y)
{
	*x = a->mantissa;
	*y = b->mantissa;
	int64_t difference = (int64_t)a->exponent - b->exponent;
	for (; difference > 0; difference--)
		if (__builtin_mul_overflow(*x, 10u, x))
			return 1;
	for (; difference < 0; difference++)
		if (__builtin_mul_overflow(*y, 10u, y))
			return -1;
	return 0;
}

static int compare_magnitudes(const struct quantity *a, const struct quantity *b)
{
	unsigned __int128 x, y;
	int order = align(a, b, &x, &y);
	return order ? order : (x > y) - (x < y);
}

int quantity_compare(const struct quantity *a, const struct quantity *b)
{
	int signs = quantity_sign(a) - quantity_sign(b);
	if (signs != 0)
		return signs;
	return a->negative ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

int quantity_compare_amount(const struct quantity *q, uint64_t amount)
{
	struct quantity other = quantity_from_amount(amount, q->format);
	return quantity_compare(q, &other);
}

int quantity_add(const struct quantity *a, const struct quantity *b, struct quantity *ret)
{
	if (a->mantissa == 0 || b->mantissa == 0) {
		struct quantity sum = a->mantissa == 0 ? *b : *a;
		sum.canonical = false;
		*ret = sum;
		return 0;
	}
	unsigned __int128 x, y;
	if (align(a, b, &x, &y) != 0)
		return -ERANGE;
	int32_t exponent = a->exponent < b->exponent ? a->exponent : b->exponent;
	if (a->negative != b->negative)
		return quantity_make(x > y ? x - y : y - x, exponent,
				     x > y ? a->negative : b->negative, a->format, ret);
	unsigned __int128 sum;
	if (__builtin_add_overflow(x, y, &sum))
		return -ERANGE;
	return quantity_make(sum, exponent, a->negative, a->format, ret);
}

/* The magnitude rounded up to a whole number; saturates at limit. */
static uint64_t round_up(const struct quantity *q, uint64_t limit)
{
	unsigned __int128 value = q->mantissa;
	for (int32_t e = q->exponent; e < 0; e++)
		value /= 10;
	/* without a factor 10 in the mantissa, something was cut off */
	value += q->exponent < 0;
	for (int32_t e = q->exponent; e > 0 && value <= limit; e--)
		value *= 10;
	return value < limit ? (uint64_t)value : limit;
}

int quantity_value(const struct quantity *q, int64_t *ret)
{
	/* 2^63 is the magnitude of INT64_MIN; one more stands for everything above */
	uint64_t most = (uint64_t)INT64_MAX + q->negative;
	uint64_t value = round_up(q, most + 1);
	if (value > most)
		return -ERANGE;
	*ret = q->negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

uint64_t quantity_ceil(const struct quantity *q)
{
	return q->negative ? 0 : round_up(q, UINT64_MAX);
}
