/* SPDX-License-Identifier: Apache-2.0 */
#include "config/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <ini.h>

#include "config/text.h"
#include "util/limits.h"

struct scan {
	const char *name;
	unsigned line;
	struct ini_file file;
	const char *section; /* the last entry's; NULL before the first section */
	size_t next;	     /* entry that inih's next answer belongs to */
};

/* --- reading ------------------------------------------------------------------------------- */

/* An empty drop-in that is a link to /dev/null is how files are masked below /etc. */
static bool is_dev_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int read_all(int fd, struct buf *text)
{
	char chunk[4096];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		int r = buf_append(text, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
}

int ini_fd_read(int fd, const char *path, struct buf *text, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "%s: %s", path, strerror(EISDIR));
	if (!S_ISREG(st.st_mode) && !is_dev_null(&st))
		return err_set(e, ENODEV, "%s: not a regular file", path);
	int r = read_all(fd, text);
	if (r == -E2BIG)
		return err_set(e, EINVAL, "%s: more than the allowed %zu bytes", path, text->max);
	if (r < 0)
		return err_set(e, -r, "%s: %s", path, strerror(-r));
	return 0;
}

int ini_file_read(const char *path, struct buf *text, struct err *e)
{
	/* Without O_NONBLOCK the open of a FIFO waits for a writer. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	return ini_fd_read(fd, path, text, e);
}

/* --- scanning ------------------------------------------------------------------------------ */

/* Refuses the line that is being scanned; what: a format with its arguments. */
#define refuse(s, e, ...) (err_set(e, EINVAL, __VA_ARGS__), refuse_here(s, e))

static int refuse_here(const struct scan *s, struct err *e)
{
	(void)err_prefix(e, "%s:%u: ", s->name, s->line);
	return -EINVAL;
}

static struct ini_entry *add_entry(struct scan *s)
{
	struct ini_file *f = &s->file;
	if (f->n_entries == f->n_allocated) {
		f->n_allocated = f->n_allocated ? 2 * f->n_allocated : 32;
		f->entries = xreallocarray(f->entries, f->n_allocated, sizeof(*f->entries));
	}
	struct ini_entry *entry = &f->entries[f->n_entries++];
	*entry = (struct ini_entry){ .line = s->line };
	return entry;
}

static char *copy(const char *s, size_t len)
{
	char *r = xcalloc(len + 1, 1);
	memcpy(r, s, len);
	return r;
}

static size_t skip_blank(const char *line, size_t len, size_t at)
{
	while (at < len && text_is_blank(line[at]))
		at++;
	return at;
}

static bool is_comment_start(char c)
{
	return c == ';' || c == '#';
}

static int scan_section(struct scan *s, const char *line, size_t len, struct err *e)
{
	const char *end = memchr(line, ']', len);
	if (!end)
		return refuse(s, e, "expected ']' after the section's name");
	size_t name_len = (size_t)(end - line) - 1;
	if (name_len == 0 || name_len > CONFIG_MAX_SECTION)
		return refuse(s, e, "expected a section name of 1 to %d bytes, got %zu",
			      CONFIG_MAX_SECTION, name_len);
	size_t rest = skip_blank(line, len, name_len + 2);
	if (rest < len && !is_comment_start(line[rest]))
		return refuse(s, e, "expected nothing after ']'");
	struct ini_entry *entry = add_entry(s);
	entry->section = copy(line + 1, name_len);
	s->section = entry->section;
	return 0;
}

static int scan_pair(struct scan *s, const char *line, size_t len, struct err *e)
{
	/* inih takes ':' for '=' as well; "a: b" is more likely YAML in the wrong file. */
	size_t key_len = 0;
	while (key_len < len && line[key_len] != '=' && line[key_len] != ':')
		key_len++;
	bool equals = key_len < len && line[key_len] == '=';
	while (key_len > 0 && text_is_blank(line[key_len - 1]))
		key_len--;
	if (!equals || key_len == 0)
		return refuse(s, e, "expected KEY = VALUE, [SECTION] or a comment");
	if (!s->section)
		return refuse(s, e, "expected a [SECTION] line before the first key");
	struct ini_entry *entry = add_entry(s);
	entry->section = xstrdup(s->section);
	entry->key = copy(line, key_len);
	return 0;
}

static int scan_line(struct scan *s, const char *line, size_t len, struct err *e)
{
	if (len >= CONFIG_MAX_LINE)
		return refuse(s, e, "expected a line of less than %d bytes, got %zu",
			      CONFIG_MAX_LINE, len);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (!text_valid(line, len))
		return refuse(s, e, "expected UTF-8 text without control characters");
	size_t start = skip_blank(line, len, 0);
	if (start == len || is_comment_start(line[start]))
		return 0;
	if (start > 0)
		return refuse(s, e,
			      "expected no space before a key or section; a value ends with "
			      "its line");
	return line[0] == '[' ? scan_section(s, line, len, e) : scan_pair(s, line, len, e);
}

static int scan_text(struct scan *s, const char *text, size_t len, struct err *e)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end ? (size_t)(end - text) : len;
		s->line++;
		int r = scan_line(s, text, line_len, e);
		if (r < 0)
			return r;
		size_t step = line_len + (end != NULL);
		text += step;
		len -= step;
	}
	return 0;
}

/* --- values by inih ------------------------------------------------------------------------ */

/* inih's handler: 0 is an error, and makes it remember the line. */
static int take_pair(void *user, const char *section, const char *key, const char *value)
{
	struct scan *s = user;
	while (s->next < s->file.n_entries && !s->file.entries[s->next].key)
		s->next++;
	if (s->next == s->file.n_entries)
		return 0;
	struct ini_entry *entry = &s->file.entries[s->next++];
	if (strcmp(entry->section, section) != 0 || strcmp(entry->key, key) != 0)
		return 0;
	entry->value = xstrdup(value);
	return 1;
}

static int fill_values(struct scan *s, const char *text, struct err *e)
{
	int line = ini_parse_string(text, take_pair, s);
	for (size_t i = 0; line == 0 && i < s->file.n_entries; i++) {
		if (s->file.entries[i].key && !s->file.entries[i].value)
			line = (int)s->file.entries[i].line;
	}
	if (line == 0)
		return 0;
	s->line = line > 0 ? (unsigned)line : 0;
	return refuse(s, e, "expected KEY = VALUE, [SECTION] or a comment");
}

int ini_file_parse(const char *name, const char *text, size_t len, struct ini_file *ret,
		   struct err *e)
{
	struct scan s = { .name = name };
	/* The mark that some editors put in front of UTF-8. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	int r = scan_text(&s, text, len, e);
	if (r == 0)
		r = fill_values(&s, text, e);
	if (r < 0) {
		ini_file_done(&s.file);
		return r;
	}
	*ret = s.file;
	return 0;
}

void ini_file_done(struct ini_file *f)
{
	for (size_t i = 0; i < f->n_entries; i++) {
		free(f->entries[i].section);
		free(f->entries[i].key);
		free(f->entries[i].value);
	}
	free(f->entries);
	*f = (struct ini_file){ 0 };
}
