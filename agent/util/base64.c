/* SPDX-License-Identifier: Apache-2.0 */
#include "util/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The last group: n digits, and as many '=' as complete it. Bits that stand for nothing are 0. */
static int end(uint32_t group, int n, int padding, struct buf *out)
{
	if ((n + padding) % 4 != 0 || n == 1 || padding > 2 || (n == 0 && padding > 0))
		return -EINVAL;
	if ((n == 2 && group & 0xf) || (n == 3 && group & 0x3))
		return -EINVAL;
	if (n == 2)
		return buf_putc(out, (char)(group >> 4));
	if (n == 3)
		return buf_append(out, (const char[]){ (char)(group >> 10), (char)(group >> 2) },
				  2);
	return 0;
}

int base64_decode(const char *text, struct buf *out)
{
	uint32_t group = 0;
	int n = 0, padding = 0;
	for (; *text; text++) {
		if (is_space(*text))
			continue;
		if (*text == '=') {
			padding++;
			continue;
		}
		int d = digit(*text);
		if (d < 0 || padding > 0)
			return -EINVAL;
		group = group << 6 | (uint32_t)d;
		if (++n < 4)
			continue;
		const char bytes[] = { (char)(group >> 16), (char)(group >> 8), (char)group };
		if (buf_append(out, bytes, sizeof(bytes)) < 0)
			return -E2BIG;
		group = 0;
		n = 0;
	}
	return end(group, n, padding, out);
}
