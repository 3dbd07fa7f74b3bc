/* SPDX-License-Identifier: Apache-2.0 */
#include "core/percentage.h"

int percentage_sign(const struct percentage *p, bool float32)
{
	if (p->kind == PERCENTAGE_NAN)
		return 1;
	bool zero = float32 ? p->kubelet.significand == 0 : p->significand == 0;
	if (zero && p->kind == PERCENTAGE_FINITE)
		return 0;
	return p->negative ? -1 : 1;
}

/* significand is not 0. */
static bool is_above_hundred(uint64_t significand, int exponent)
{
	unsigned __int128 value = significand, limit = 100;
	for (; exponent < 0 && limit <= UINT64_MAX; exponent++)
		limit *= 10;
	for (; exponent > 0 && value <= limit; exponent--)
		value *= 10;
	return value > limit;
}

bool percentage_is_above_all(const struct percentage *p, bool float32)
{
	if (percentage_sign(p, float32) <= 0 || p->kind == PERCENTAGE_NAN)
		return false;
	if (p->kind == PERCENTAGE_INFINITE)
		return true;
	return float32 ? binary_fraction_above_one(p->kubelet)
		       : is_above_hundred(p->significand, p->exponent);
}

static uint64_t exact_part(const struct percentage *p, uint64_t total)
{
	unsigned __int128 value = (unsigned __int128)total * p->significand;
	int exponent = p->exponent - 2;
	for (; exponent < 0 && value > 0; exponent++)
		value /= 10;
	for (; exponent > 0 && value > 0 && value <= UINT64_MAX; exponent--)
		value *= 10;
	return value <= UINT64_MAX ? (uint64_t)value : UINT64_MAX;
}

uint64_t percentage_of(const struct percentage *p, uint64_t total, bool float32)
{
	if (p->kind != PERCENTAGE_FINITE || p->negative)
		return 0;
	return float32 ? binary_fraction_of(p->kubelet, total) : exact_part(p, total);
}
