/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/printable.h"

#include <string.h>

#include "util/alloc.h"
#include "util/utf8.h"

void printable_in_place(char *s)
{
	char *to = s;
	while (*s) {
		size_t len = utf8_char_len(s);
		if (len == 0 || utf8_is_control(s, len))
			*to++ = '?';
		else
			to = (char *)memmove(to, s, len) + len;
		s += len ? len : 1;
	}
	*to = '\0';
}

char *printable(const char *s)
{
	char *copy = xstrdup(s ? s : "");
	printable_in_place(copy);
	return copy;
}

size_t printable_width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}
