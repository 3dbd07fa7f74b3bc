/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether the len bytes at s, behind which any byte but a UTF-8 continuation follows, are UTF-8
 * without control characters other than tab. */
bool text_valid(const char *s, size_t len);
/* s or, where it is longer than max bytes, how much of it fits without splitting a character. */
size_t text_cut(const char *s, size_t max);
/* Whether c separates words within a line. */
bool text_is_blank(char c);
