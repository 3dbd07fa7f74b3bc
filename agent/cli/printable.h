/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * A copy of s that a terminal shows as it stands, on one line: control characters, C1 ones as well, and
 * bytes that are not UTF-8 are "?". Text from outside could move the cursor otherwise. NULL is "". The
 * caller frees it.
 */
char *printable(const char *s);
/* The same within s, which becomes no longer by it. */
void printable_in_place(char *s);
/* How many columns a printable text takes: one a character. */
size_t printable_width(const char *s);
