/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What the kubelet computes in float32 and float64, done in integers: every machine and compiler
 * gives the same answer, and no floating point is in the code that decides. IEEE 754, round half to
 * even. Numbers below 10^-38 are 0, and below 10^-30 the last bits may be others: no filesystem has
 * a whole byte of either.
 */

/* significand * 2^exponent, or 0: a float32 without its sign. */
struct binary_fraction {
	uint32_t significand; /* 24 bits, the highest one set; 0 for 0 */
	int exponent;
};

/* A significand of at most 126 bits; rest: the number is between it and the next one. */
struct binary_fraction binary_fraction_from_binary(unsigned __int128 significand, bool rest,
						   int64_t exponent);
/*
 * significand * 10^exponent, below 10^38; rest as above, which only numbers of 37 digits or more
 * have.
 */
struct binary_fraction binary_fraction_from_decimal(unsigned __int128 significand, bool rest,
						    int64_t exponent);
/* Whether float32 has no such number but infinity. */
bool binary_fraction_is_infinite(struct binary_fraction f);
/* f / 100 in float32. */
struct binary_fraction binary_fraction_percent(struct binary_fraction f);
/* Whether it is more than 1. */
bool binary_fraction_above_one(struct binary_fraction f);
/* int64(float64(total) * float64(f)); saturates at UINT64_MAX, where the kubelet overflows. */
uint64_t binary_fraction_of(struct binary_fraction f, uint64_t total);
