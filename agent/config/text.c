/* SPDX-License-Identifier: Apache-2.0 */
#include "config/text.h"

#include <string.h>

#include "util/utf8.h"

bool text_valid(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char_len(s + i);
		if (n == 0 || n > len - i)
			return false;
		if (s[i] != '\t' && utf8_is_control(s + i, n))
			return false;
		i += n;
	}
	return true;
}

size_t text_cut(const char *s, size_t max)
{
	size_t len = strlen(s);
	if (len <= max)
		return len;
	/* Bytes 10xxxxxx continue a character. */
	while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

bool text_is_blank(char c)
{
	return c == ' ' || c == '\t';
}
