/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A growing byte buffer with a ceiling that is fixed where it is initialised (util/limits.h). An
 * append that would pass the ceiling is dropped and marks the buffer as overflowed; the mark stays,
 * so a writer may append many times and check once. data is NUL-terminated whenever len > 0.
 */
struct buf {
	char *data;
	size_t len;
	size_t allocated;
	size_t max;
	bool overflowed;
};

#define BUF_INIT(ceiling) ((struct buf){ .max = (ceiling) })

/* Append; return 0 or -E2BIG when the ceiling is reached (also if it was reached earlier). */
int buf_append(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The content as a string, "" when nothing was ever written. Owned by the buffer. */
const char *buf_string(const struct buf *b);
/* Empties the buffer, keeps its memory and clears the overflow mark. */
void buf_clear(struct buf *b);
/* Releases the memory. The ceiling stays, so the buffer may be used again. */
void buf_done(struct buf *b);
#define cleanup_buf __attribute__((__cleanup__(buf_done)))
