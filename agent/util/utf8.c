/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

#include <string.h>

size_t utf8_char_len(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;
	if (c[0] < 0x80)
		return 1;
	size_t len = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return 0;
	/* The second byte's range is what rules out overlong forms, surrogates and > U+10FFFF. */
	unsigned char low = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : 0xbf;
	if (c[1] < low || c[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool utf8_is_control(const char *s, size_t len)
{
	const unsigned char *c = (const unsigned char *)s;
	if (len == 1)
		return c[0] < 0x20 || c[0] == 0x7f;
	return len == 2 && c[0] == 0xc2 && c[1] < 0xa0;
}

void utf8_make_printable(char *text)
{
	/* The result is never longer. */
	char *out = text;
	while (*text) {
		size_t len = utf8_char_len(text);
		if (len == 0) {
			*out++ = '?';
			text++;
		} else if (utf8_is_control(text, len)) {
			*out++ = ' ';
			text += len;
		} else {
			memmove(out, text, len);
			out += len;
			text += len;
		}
	}
	*out = '\0';
}
