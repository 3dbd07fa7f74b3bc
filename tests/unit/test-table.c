/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/printable.h"
#include "cli/table.h"

/* --- helpers ----------------------------------------------------------------------------------- */

static char *printed(const struct table *t)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	table_print(t, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Standard output as a terminal (or a file), which only style() looks at. */
static int saved_output = -1;

static void output_to(int fd)
{
	(void)fflush(stdout);
	saved_output = dup(STDOUT_FILENO);
	assert_true(saved_output >= 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	close(fd);
}

static void output_back(void)
{
	assert_int_equal(dup2(saved_output, STDOUT_FILENO), STDOUT_FILENO);
	close(saved_output);
}

/* --- text from outside ------------------------------------------------------------------------- */

static void what_a_terminal_shows(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
		size_t width;
	} rows[] = {
		{ NULL, "", 0 },
		{ "", "", 0 },
		{ "docker.io/lab/app:1@sha256:~", "docker.io/lab/app:1@sha256:~", 28 },
		{ "\303\244\342\202\254\360\237\220\263", "\303\244\342\202\254\360\237\220\263",
		  3 },
		{ "a\tb\nc\rd\033[31me\177", "a?b?c?d?[31me?", 14 },
		{ "\001\037 ", "?? ", 3 },
		/* C1: U+009B begins a sequence as ESC [ does, U+00A0 is a space */
		{ "\302\23331m\302\200\302\237\302\240", "?31m??\302\240", 7 },
		/* what is not UTF-8, byte by byte */
		{ "\200\377\303", "???", 3 },
		{ "\303x\342\202", "?x??", 4 },
		{ "\300\257\355\240\200\364\220\200\200", "?????????", 9 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		cleanup_free char *shown = printable(rows[i].text);
		assert_string_equal(shown, rows[i].shown);
		assert_int_equal(printable_width(shown), rows[i].width);
	}
}

/* --- tables ------------------------------------------------------------------------------------ */

static void columns_fit_the_widest(void **state)
{
	(void)state;
	static const char *const headings[] = { "NAME", ">SIZE", ">N", "STATE" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	table_row(t, (const char *[]){ "a", "1", "12345", "ok" });
	table_row(t, (const char *[]){ "longest", "12.3 GiB", "1", "" });
	cleanup_free char *text = printed(t);
	assert_string_equal(text, "NAME         SIZE      N  STATE\n"
				  "a               1  12345  ok\n"
				  "longest  12.3 GiB      1\n");
}

static void width_is_in_characters(void **state)
{
	(void)state;
	static const char *const headings[] = { "N\303\204ME", ">\342\202\254", "X" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	table_row(t, (const char *[]){ "\303\244\303\266\303\274\303\237\303\251", "12", "x" });
	table_row(t, (const char *[]){ "abcde", "\342\202\254\342\202\254\342\202\254", "y" });
	cleanup_free char *text = printed(t);
	assert_string_equal(text, "N\303\204ME     \342\202\254  X\n"
				  "\303\244\303\266\303\274\303\237\303\251   12  x\n"
				  "abcde  \342\202\254\342\202\254\342\202\254  y\n");
}

/* No spaces behind the last cell that has something in it. */
static void empty_cells(void **state)
{
	(void)state;
	static const char *const headings[] = { "A", ">B", "C" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	table_row(t, (const char *[]){ "a", "", "" });
	table_row(t, (const char *[]){ "", "b", NULL });
	table_row(t, (const char *[]){ "", "", "c" });
	table_row(t, (const char *[]){ NULL, NULL, NULL });
	cleanup_free char *text = printed(t);
	assert_string_equal(text, "A  B  C\na\n   b\n      c\n\n");
}

static void cells_are_made_printable(void **state)
{
	(void)state;
	static const char *const headings[] = { "A", "B" };
	cleanup_table struct table *t = table_new(headings, ELEMENTS(headings));
	table_row(t, (const char *[]){ "a\nb\033[2J", NULL });
	table_row(t, (const char *[]){ NULL, "\377\302\233" });
	cleanup_free char *text = printed(t);
	assert_string_equal(text, "A        B\n"
				  "a?b?[2J\n"
				  "         ??\n");
}

/* The caller's strings are not needed any longer, and are not changed. */
static void cells_are_copied(void **state)
{
	(void)state;
	char heading[] = ">X", cell[] = "a\tb";
	cleanup_table struct table *t = table_new((const char *[]){ heading, "Y" }, 2);
	table_row(t, (const char *[]){ cell, "y" });
	assert_string_equal(heading, ">X");
	assert_string_equal(cell, "a\tb");
	memset(heading, 'z', 2);
	memset(cell, 'z', 3);
	cleanup_free char *text = printed(t);
	assert_string_equal(text, "  X  Y\n"
				  "a?b  y\n");
}

static void tables_of_little(void **state)
{
	(void)state;
	cleanup_table struct table *t = table_new((const char *[]){ "ONE" }, 1);
	cleanup_free char *empty = printed(t);
	assert_string_equal(empty, "ONE\n");
	for (int i = 0; i < 1000; i++)
		table_row(t, (const char *[]){ "x" });
	cleanup_free char *text = printed(t);
	assert_int_equal(strlen(text), 4 + 1000 * 2);
	assert_null(table_free(NULL));
	/* the sign of a right-aligned column is no part of the heading, even alone */
	cleanup_table struct table *sign = table_new((const char *[]){ ">", ">>", ">LONG" }, 3);
	table_row(sign, (const char *[]){ "ab", "cd", "1" });
	cleanup_free char *signs = printed(sign);
	assert_string_equal(signs, "     >  LONG\nab  cd     1\n");
}

/* --- colours ----------------------------------------------------------------------------------- */

static void no_colours_in_a_file(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	output_to(open("/dev/null", O_WRONLY | O_CLOEXEC));
	bool plain = true;
	for (enum style s = STYLE_PLAIN; s <= STYLE_BAD; s++)
		plain = plain && strcmp(style(s), "") == 0;
	output_back();
	assert_true(plain);
}

static void colours_on_a_terminal(void **state)
{
	(void)state;
	static const struct {
		const char *no_color;
		bool colours;
	} rows[] = { { NULL, true }, { "", true }, { "1", false }, { "0", false } };
	cleanup_close int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
		print_message("# SKIP no pseudo-terminals here\n");
		skip();
	}
	cleanup_table struct table *t = table_new((const char *[]){ "A" }, 1);
	table_row(t, (const char *[]){ "a" });
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (rows[i].no_color)
			assert_int_equal(setenv("NO_COLOR", rows[i].no_color, 1), 0);
		else
			assert_int_equal(unsetenv("NO_COLOR"), 0);
		output_to(open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
		const char *good = style(STYLE_GOOD), *bad = style(STYLE_BAD);
		cleanup_free char *text = printed(t);
		output_back();
		assert_string_equal(text, rows[i].colours ? "\033[1mA\n\033[0ma\n" : "A\na\n");
		assert_string_equal(good, rows[i].colours ? "\033[32m" : "");
		assert_string_equal(bad, rows[i].colours ? "\033[31m" : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_terminal_shows),
		cmocka_unit_test(columns_fit_the_widest),
		cmocka_unit_test(width_is_in_characters),
		cmocka_unit_test(empty_cells),
		cmocka_unit_test(cells_are_made_printable),
		cmocka_unit_test(cells_are_copied),
		cmocka_unit_test(tables_of_little),
		cmocka_unit_test(no_colours_in_a_file),
		cmocka_unit_test(colours_on_a_terminal),
	};
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
