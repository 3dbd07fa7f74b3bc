/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/binary-fraction.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * A percentage of a filesystem, as in "nodefs.available<12.5%".
 *
 * Two arithmetics. Ours is exact: 15 % of 107374182400 bytes are 16106127360. The kubelet has
 * float32(number) / 100 in float32, times the capacity in float64: 16106128000, 640 bytes more.
 * Both cut off what is below one byte or inode.
 */

enum percentage_kind {
	PERCENTAGE_FINITE,
	PERCENTAGE_NAN, /* the kubelet takes "NaN%"; nothing is ever below it */
	PERCENTAGE_INFINITE,
};

struct percentage {
	enum percentage_kind kind;
	bool negative;
	/* percent = significand * 10^exponent, without factor 10; 0 of a hexadecimal number */
	uint64_t significand;
	int exponent;
	struct binary_fraction kubelet; /* of 1, as the kubelet keeps it; without sign */
};

/* What may be written. */
enum percentage_syntax {
	/* One number, as Go reads it, and one percent sign: "10%", "+12.5%", ".5%", "1e1%". */
	PERCENTAGE_PLAIN,
	/*
	 * All that the kubelet takes: any number of percent signs, "0x1p3%", "1_0%", "NaN%",
	 * "Inf%".
	 */
	PERCENTAGE_KUBELET,
};

/*
 * Parses the whole of text. -EINVAL when it is not a number, in Go's words ('strconv.ParseFloat:
 * parsing "10 ": invalid syntax') or, for what only the kubelet takes, in ours; -ERANGE when it is
 * above what float32 holds, or has more than 19 digits (PERCENTAGE_KUBELET cuts them). Of numbers
 * below 10^-38 the kubelet's fraction is 0 here; the kubelet's own go down to 10^-45.
 */
must_check int percentage_parse(const char *text, enum percentage_syntax syntax,
				struct percentage *ret, struct err *e);

/*
 * -1, 0 or 1: below, equal to, above 0; by the kubelet's arithmetic when float32 is set. NaN is
 * above, as no test of the kubelet for being below or equal holds for it.
 */
int percentage_sign(const struct percentage *p, bool float32);
/* Whether it is more than 100 %. */
bool percentage_is_above_all(const struct percentage *p, bool float32);

/*
 * That part of total, cut off to a whole number; saturates at UINT64_MAX. 0 for what is negative or
 * not finite.
 */
uint64_t percentage_of(const struct percentage *p, uint64_t total, bool float32);
