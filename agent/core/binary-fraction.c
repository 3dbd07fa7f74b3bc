/* SPDX-License-Identifier: Apache-2.0 */
#include "core/binary-fraction.h"

#define FLOAT32_BITS	 24
#define FLOAT64_BITS	 53
#define FLOAT32_INFINITE 128	/* 2^128 is infinite */
#define FLOAT32_SMALLEST (-126) /* 2^-126 is the smallest number with all its bits */
/* Powers of ten that 128 bits hold. */
#define N_DECIMALS	 38

/* An exponent that makes every significand infinite. */
static const struct binary_fraction infinite = { UINT32_C(1) << (FLOAT32_BITS - 1),
						 FLOAT32_INFINITE };

static int width(unsigned __int128 value)
{
	int bits = 0;
	for (; value > 0; value >>= 1)
		bits++;
	return bits;
}

/* Rounds half to even to that many bits, or to one more with a zero at the end. */
static unsigned __int128 round_to(unsigned __int128 value, bool rest, int bits, int64_t *exponent)
{
	int drop = width(value) - bits;
	if (drop <= 0)
		return value;
	unsigned __int128 half = (unsigned __int128)1 << (drop - 1);
	unsigned __int128 low = value & (half * 2 - 1);
	value >>= drop;
	*exponent += drop;
	return value + (low > half || (low == half && (rest || value % 2 == 1)));
}

struct binary_fraction binary_fraction_from_binary(unsigned __int128 significand, bool rest,
						   int64_t exponent)
{
	if (significand == 0)
		return (struct binary_fraction){ 0 };
	significand = round_to(significand, rest, FLOAT32_BITS, &exponent);
	int shift = FLOAT32_BITS - width(significand);
	exponent -= shift;
	if (exponent + FLOAT32_BITS > FLOAT32_INFINITE)
		return infinite;
	if (exponent + FLOAT32_BITS <= FLOAT32_SMALLEST)
		return (struct binary_fraction){ 0 };
	significand = shift < 0 ? significand >> -shift : significand << shift;
	return (struct binary_fraction){ (uint32_t)significand, (int)exponent };
}

struct binary_fraction binary_fraction_from_decimal(unsigned __int128 significand, bool rest,
						    int64_t exponent)
{
	for (; exponent < -N_DECIMALS && significand > 0; exponent++) {
		rest = rest || significand % 10 > 0;
		significand /= 10;
	}
	if (significand == 0)
		return (struct binary_fraction){ 0 };
	for (; exponent > 0; exponent--)
		if (__builtin_mul_overflow(significand, 10u, &significand))
			return infinite;
	unsigned __int128 divisor = 1;
	for (; exponent < 0; exponent++)
		divisor *= 10;
	unsigned __int128 quotient = significand / divisor, remainder = significand % divisor;
	/* two bits more than are kept, and whether there are others, decide how to round */
	for (; quotient >> (FLOAT32_BITS + 2) == 0 && (remainder > 0 || rest); exponent--) {
		remainder *= 2;
		quotient = quotient * 2 + (remainder >= divisor);
		remainder %= divisor;
	}
	return binary_fraction_from_binary(quotient, rest || remainder > 0, exponent);
}

bool binary_fraction_is_infinite(struct binary_fraction f)
{
	return f.exponent + FLOAT32_BITS > FLOAT32_INFINITE;
}

struct binary_fraction binary_fraction_percent(struct binary_fraction f)
{
	uint64_t scaled = (uint64_t)f.significand << 32;
	return binary_fraction_from_binary(scaled / 100, scaled % 100 > 0,
					   (int64_t)f.exponent - 32);
}

bool binary_fraction_above_one(struct binary_fraction f)
{
	int below = -f.exponent; /* bits of the significand behind the point */
	return f.significand > 0 &&
	       (below < FLOAT32_BITS - 1 ||
		(below == FLOAT32_BITS - 1 && f.significand >> below << below != f.significand));
}

uint64_t binary_fraction_of(struct binary_fraction f, uint64_t total)
{
	int64_t exponent = 0;
	unsigned __int128 value = round_to(total, false, FLOAT64_BITS, &exponent) * f.significand;
	exponent += f.exponent;
	value = round_to(value, false, FLOAT64_BITS, &exponent);
	if (exponent < 0)
		return exponent > -FLOAT64_BITS - 2 ? (uint64_t)(value >> -exponent) : 0;
	for (; exponent > 0 && value > 0 && value <= UINT64_MAX; exponent--)
		value *= 2;
	return value <= UINT64_MAX ? (uint64_t)value : UINT64_MAX;
}
