/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * How many bytes the UTF-8 character at s has: 1 to 4, or 0 when there is none (a stray byte, an
 * overlong form, a surrogate, beyond U+10FFFF, cut by the terminating NUL). Never reads past the
 * NUL; at the NUL itself the answer is 1.
 */
size_t utf8_char_len(const char *s);

/* Whether the character of that length is a control character: U+0000-1F, U+007F-9F. */
bool utf8_is_control(const char *s, size_t len);

/* In place: control characters become spaces, bytes that are no UTF-8 become question marks. */
void utf8_make_printable(char *text);
