/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/printable.h"

#include <string.h>

#include "util/alloc.h"
#include "util/utf8.h"

char *printable(const char *s)
{
	if (!s)
		s = "";
	char *copy = xcalloc(strlen(s) + 1, 1);
	for (char *to = copy; *s;) {
		size_t len = utf8_char_len(s);
		if (len == 0 || utf8_is_control(s, len))
			*to++ = '?';
		else
			to = mempcpy(to, s, len);
		s += len ? len : 1;
	}
	return copy;
}

size_t printable_width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}
