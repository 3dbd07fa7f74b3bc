/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static int buf_reserve(struct buf *b, size_t more)
{
	if (b->overflowed || more > b->max - b->len) {
		b->overflowed = true;
		return -E2BIG;
	}
	size_t need = b->len + more + 1;
	if (need <= b->allocated)
		return 0;
	size_t size = b->allocated ? b->allocated : 256;
	while (size < need)
		size *= 2;
	if (size > b->max + 1)
		size = b->max + 1;
	b->data = xreallocarray(b->data, size, 1);
	b->allocated = size;
	return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
	int r = buf_reserve(b, len);
	if (r < 0)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_puts(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

int buf_putc(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	int r = n < 0 ? -EINVAL : buf_reserve(b, (size_t)n);
	if (r == 0) {
		(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return r;
}

const char *buf_string(const struct buf *b)
{
	return b->len ? b->data : "";
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->overflowed = false;
}

void buf_done(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->allocated = 0;
	b->overflowed = false;
}
