/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * A guard around inih, which cuts long lines and section names, puts the keys of a broken section
 * line into the previous section, takes an indented line as another value of the key above and
 * passes no line numbers. The text is scanned first: what inih would misread is refused, and the
 * values inih returns are matched with the lines that were found.
 */

/* A line that is not blank or a comment. */
struct ini_entry {
	unsigned line; /* from 1 */
	char *section;
	char *key;   /* NULL: the line of the section itself */
	char *value; /* without comment and space around it; NULL where key is */
};

/* The entries of one file in its order. Zero-initialised is empty. */
struct ini_file {
	struct ini_entry *entries;
	size_t n_entries;
	size_t n_allocated;
};

/*
 * Appends the content of a regular file (or of /dev/null) to text. Negative errno from opening and
 * reading; -EISDIR or -ENODEV for other kinds of files; -EINVAL when it does not fit into text.
 * The message begins with the path.
 */
must_check int ini_file_read(const char *path, struct buf *text, struct err *e);
/* The same of an open file, which stays open; path is for messages. */
must_check int ini_fd_read(int fd, const char *path, struct buf *text, struct err *e);
/*
 * Takes text, whose byte after the last is NUL, apart. -EINVAL with "NAME:LINE: what is wrong" for
 * anything that is not plain KEY = VALUE lines in sections. Repeated keys are left to the caller.
 * *ret is written on success only and released with ini_file_done().
 */
must_check int ini_file_parse(const char *name, const char *text, size_t len, struct ini_file *ret,
			      struct err *e);
void ini_file_done(struct ini_file *f);
#define cleanup_ini_file __attribute__((__cleanup__(ini_file_done)))
