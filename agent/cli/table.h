/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A table for people: columns as wide as their widest cell, headings in bold on a terminal. Cells are
 * copied; what a terminal would not show as it stands is "?" (printable()), as image names come from
 * outside.
 */
struct table;

/* headings: n_columns strings; a heading that begins with '>' makes its column right-aligned. */
struct table *table_new(const char *const *headings, size_t n_columns);
struct table *table_free(struct table *t);
/* Adds a row of n_columns cells; NULL is an empty one. */
void table_row(struct table *t, const char *const *cells);
void table_print(const struct table *t, FILE *out);

static inline void cleanup_tablep(struct table **t)
{
	*t = table_free(*t);
}
#define cleanup_table __attribute__((cleanup(cleanup_tablep)))

/* Colours on standard output: only when it is a terminal and NO_COLOR is not set. */
enum style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_GOOD,
	STYLE_BAD,
};
/* The escape sequence that begins or ("STYLE_PLAIN") ends a style; "" without colours. */
const char *style(enum style s);
