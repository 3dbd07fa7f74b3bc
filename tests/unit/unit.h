/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every unit test includes first: cmocka.h needs these headers in front of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/alloc.h"

/* An array of strings and its length, for members like names and n_names of struct image. */
#define STRINGS(...) ((const char *const[]){ __VA_ARGS__ })
#define LIST(member, ...) \
	.member = STRINGS(__VA_ARGS__), .n_##member = ELEMENTS(STRINGS(__VA_ARGS__))
