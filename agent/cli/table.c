/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/printable.h"
#include "util/alloc.h"

struct table {
	size_t n_columns, n_rows;
	char **cells; /* n_rows * n_columns; the first row holds the headings */
	bool *right;
};

struct table *table_new(const char *const *headings, size_t n_columns)
{
	struct table *t = xnew(struct table);
	t->n_columns = n_columns;
	t->right = xcalloc(n_columns, sizeof(*t->right));
	table_row(t, headings);
	for (size_t c = 0; c < n_columns; c++) {
		char *heading = t->cells[c];
		t->right[c] = heading[0] == '>';
		if (t->right[c])
			memmove(heading, heading + 1, strlen(heading));
	}
	return t;
}

struct table *table_free(struct table *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n_rows * t->n_columns; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->right);
	free(t);
	return NULL;
}

void table_row(struct table *t, const char *const *cells)
{
	size_t first = t->n_rows * t->n_columns;
	t->n_rows++;
	t->cells = xreallocarray(t->cells, t->n_rows * t->n_columns, sizeof(*t->cells));
	for (size_t c = 0; c < t->n_columns; c++)
		t->cells[first + c] = printable(cells[c]);
}

static void print_cell(FILE *out, const char *text, size_t columns, bool right, bool last)
{
	size_t pad = columns - printable_width(text);
	if (right)
		(void)fprintf(out, "%*s%s", (int)pad, "", text);
	else
		(void)fprintf(out, "%s%*s", text, last ? 0 : (int)pad, "");
	(void)fputs(last ? "\n" : "  ", out);
}

/* How many cells of a row there are up to the last one that is not empty: no spaces behind it. */
static size_t row_cells(const struct table *t, size_t row)
{
	size_t n = t->n_columns;
	while (n > 1 && t->cells[row * t->n_columns + n - 1][0] == '\0')
		n--;
	return n;
}

void table_print(const struct table *t, FILE *out)
{
	cleanup_free size_t *columns = xcalloc(t->n_columns, sizeof(*columns));
	for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
		size_t w = printable_width(t->cells[i]);
		if (w > columns[i % t->n_columns])
			columns[i % t->n_columns] = w;
	}
	for (size_t r = 0; r < t->n_rows; r++) {
		(void)fputs(r == 0 ? style(STYLE_BOLD) : "", out);
		for (size_t c = 0, n = row_cells(t, r); c < n; c++)
			print_cell(out, t->cells[r * t->n_columns + c], columns[c], t->right[c],
				   c + 1 == n);
		(void)fputs(r == 0 ? style(STYLE_PLAIN) : "", out);
	}
}

const char *style(enum style s)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m",
		[STYLE_BOLD] = "\033[1m",
		[STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[31m",
	};
	const char *no_color = getenv("NO_COLOR");
	bool plain = !isatty(STDOUT_FILENO) || (no_color && *no_color);
	return plain ? "" : sequences[s];
}
