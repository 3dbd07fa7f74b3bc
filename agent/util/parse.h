/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/alloc.h"
#include "util/usec.h"

/* Whole-string parsers: 0, or -EINVAL (not that syntax) or -ERANGE; *ret only on success. */

/* Decimal digits with an optional leading minus; nothing else. */
must_check int parse_i64(const char *s, int64_t *ret);
/* yes/no, true/false, on/off, 1/0. */
must_check int parse_bool(const char *s, bool *ret);
/*
 * A Go duration (time.ParseDuration): optional sign, then numbers with the units ns us µs ms s m h,
 * fractions allowed, "0" alone allowed, no days. Parts below a microsecond are cut off.
 */
must_check int parse_duration(const char *s, usec_t *ret);
/* The same in nanoseconds, where it matters whether it is 0. */
must_check int parse_duration_nsec(const char *s, int64_t *ret);
