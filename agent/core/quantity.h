/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * Kubernetes' resource.Quantity, without any floating point. As there, a value is kept exactly down
 * to 10^-9, what is finer is rounded away from zero, and values with a binary suffix end at 2^63-1.
 * Up to 38 significant digits fit, whatever their exponent, 20 of which 2^64 bytes would need;
 * more are an error. So is an exponent of more than 32 bits, which the kubelet wraps.
 */

/* How a value is written: 12M, 12e6, 12Mi. */
enum quantity_format {
	QUANTITY_DECIMAL_SI,
	QUANTITY_DECIMAL_EXPONENT,
	QUANTITY_BINARY_SI,
};

/* Zero-initialised it is 0. */
struct quantity {
	unsigned __int128 mantissa; /* value = mantissa * 10^exponent; below 10^38, no factor 10 */
	int32_t exponent;	    /* -9 or more; 0 for the value 0 */
	bool negative;		    /* never for the value 0 */
	bool canonical; /* the text it was parsed from counts as canonical: see quantity_print() */
	enum quantity_format format;
};

/*
 * Parses the whole of text. -EINVAL with the kubelet's words when that is not a quantity, -ERANGE
 * when it is beyond the limits above. A number without any digit is 0 where the kubelet
 * has it so ("Ki", "."; not "Pi").
 */
must_check int quantity_parse(const char *text, struct quantity *ret, struct err *e);

/* A whole amount. */
struct quantity quantity_from_amount(uint64_t amount, enum quantity_format format);

/* -1, 0 or 1: below, equal to, above 0. */
int quantity_sign(const struct quantity *q);
/* Less than 0, 0 or more: a is less than, equal to, more than b. Exact. */
int quantity_compare(const struct quantity *a, const struct quantity *b);
/* The same with a whole amount. */
int quantity_compare_amount(const struct quantity *q, uint64_t amount);

/* The exact sum, written like a unless that is 0. -ERANGE when it has too many digits. */
must_check int quantity_add(const struct quantity *a, const struct quantity *b,
			    struct quantity *ret);

/* Rounded away from zero to a whole number. -ERANGE where the kubelet would overflow. */
must_check int quantity_value(const struct quantity *q, int64_t *ret);
/* The smallest amount that is not below q: 0 for negative values, UINT64_MAX for larger ones. */
uint64_t quantity_ceil(const struct quantity *q);

/*
 * Appends the value as the kubelet prints it, which is the text it was parsed from when that
 * counts as canonical ("+5Gi" does), else the canonical form ("1.5Gi" becomes "1536Mi").
 * parsed_from is that text, or NULL for the canonical form in any case. Two printed texts may
 * differ for equal values.
 */
void quantity_print(const struct quantity *q, const char *parsed_from, struct buf *out);

/*
 * For the parser: brings mantissa * 10^exponent into the form above. -ERANGE when it does not fit;
 * exponent is -9 or more.
 */
must_check int quantity_make(unsigned __int128 mantissa, int64_t exponent, bool negative,
			     enum quantity_format format, struct quantity *ret);
