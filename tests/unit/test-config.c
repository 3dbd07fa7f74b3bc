/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: the corpus in tests/data/config, drop-ins and overrides. */
#include "config-files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "util/limits.h"

/* Loads what must be wrong; the message is "FILE" + expected. */
static void assert_refused(const char *file, const char *expected, int code)
{
	struct config *c = NULL;
	struct err e = { 0 };
	char message[1024];
	(void)snprintf(message, sizeof(message), "%s%s", file, expected);
	assert_int_equal(load(file, NULL, 0, &c, &e), -code);
	assert_null(c);
	assert_string_equal(e.msg, message);
}

/* --- corpus -------------------------------------------------------------------------------- */

#define EXPECT "# expect: "

/* The text behind "# expect: " in line, without the newline; NULL when it is another line. */
static char *expectation(char *line)
{
	char *start = strstr(line, EXPECT);
	line[strcspn(line, "\n")] = '\0';
	return start ? start + strlen(EXPECT) : NULL;
}

/* Good files say values: "# expect: SECTION.KEY = VALUE", one a line at their beginning. */
static void check_good(const char *path)
{
	cleanup_config struct config *c = load_good(path);
	FILE *f = fopen(path, "re");
	char line[512];
	size_t n = 0;
	assert_non_null(f);
	for (char *e; fgets(line, sizeof(line), f) && (e = expectation(line)); n++) {
		char *value = strchr(e, '='), *dot = strchr(e, '.');
		assert_true(value && dot && value > dot);
		value[-1] = *dot = '\0';
		value++;
		assert_value(c, e, dot + 1, value + strspn(value, " "));
	}
	assert_true(n > 0);
	assert_int_equal(fclose(f), 0);
}

/* Bad files say the message without their path in their first line: "# expect: LINE: TEXT". */
static void check_bad(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512], expected[512];
	assert_non_null(f);
	char *e = fgets(line, sizeof(line), f) ? expectation(line) : NULL;
	assert_non_null(e);
	(void)snprintf(expected, sizeof(expected), ":%s", e);
	assert_int_equal(fclose(f), 0);
	assert_refused(path, expected, EINVAL);
}

static void for_each_file(const char *name, void (*check)(const char *path))
{
	const char *top = getenv("TOP_SRCDIR");
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/tests/data/config/%s", top ? top : ".", name);
	DIR *d = opendir(path);
	size_t n = 0;
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		char file[1024];
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		check(file);
		n++;
	}
	(void)closedir(d);
	assert_true(n > 5);
}

static void good_files(void **state)
{
	(void)state;
	for_each_file("good", check_good);
}

static void bad_files(void **state)
{
	(void)state;
	for_each_file("bad", check_bad);
}

/* --- files --------------------------------------------------------------------------------- */

static void files_that_are_not_files(void **state)
{
	(void)state;
	assert_refused(at("absent.conf"), ": No such file or directory", ENOENT);
	assert_refused(directory, ": Is a directory", EISDIR);
	assert_int_equal(mkfifo(at("fifo.conf"), 0600), 0);
	assert_refused(at("fifo.conf"), ": not a regular file", ENODEV);
	assert_refused("/dev/zero", ": not a regular file", ENODEV);
	cleanup_config struct config *c = load_good("/dev/null");
	assert_defaults(c);
}

static void file_size_is_limited(void **state)
{
	(void)state;
	FILE *f = fopen(at("big.conf"), "we");
	assert_non_null(f);
	for (size_t i = 0; i < BUF_MAX_CONFIG_FILE / 2; i++)
		(void)fputs("#\n", f);
	assert_int_equal(fflush(f), 0);
	cleanup_config struct config *c = load_good(at("big.conf"));
	assert_defaults(c);
	(void)fputs("\n", f);
	assert_int_equal(fclose(f), 0);
	assert_refused(at("big.conf"), ": more than the allowed 262144 bytes", EINVAL);
}

static void many_sections_and_keys_are_linear(void **state)
{
	(void)state;
	FILE *f = fopen(at("many.conf"), "we");
	assert_non_null(f);
	for (size_t i = 0; i < 20000; i++)
		(void)fputs("[agent]\n", f);
	(void)fputs("dry-run = yes\n", f);
	for (size_t i = 0; i < 10000; i++)
		(void)fputs("a=b\n", f);
	assert_int_equal(fclose(f), 0);
	assert_refused(at("many.conf"),
		       ":20002: [agent] a: unknown key; see disk-pressure-agent.conf(5)", EINVAL);
}

/* --- drop-ins ------------------------------------------------------------------------------ */

static void dropins_override_in_order(void **state)
{
	(void)state;
	put("a.conf", "[agent]\nlog-level = error\nlog-format = text\ndry-run = yes\n");
	assert_int_equal(mkdir(at("a.conf.d"), 0700), 0);
	put("a.conf.d/20.conf", "[agent]\nlog-level = debug\n");
	put("a.conf.d/100.conf", "[agent]\nlog-level = info\nlog-format = json\n");
	put("a.conf.d/B.conf", "[http]\nlisten = unix:/b\n");
	put("a.conf.d/a.conf", "[http]\nlisten = unix:/a\n");
	put("a.conf.d/.hidden.conf", "broken\n");
	put("a.conf.d/30.conf.bak", "broken\n");
	put("a.conf.d/conf", "broken\n");
	assert_int_equal(symlink("/dev/null", at("a.conf.d/40.conf")), 0);
	cleanup_config struct config *c = load_good(at("a.conf"));
	assert_value(c, "agent", "log-level", "debug");
	assert_value(c, "agent", "log-format", "json");
	assert_value(c, "agent", "dry-run", "yes");
	assert_value(c, "http", "listen", "unix:/a");
	static const char *const files[] = { "a.conf",		 "a.conf.d/100.conf",
					     "a.conf.d/20.conf", "a.conf.d/40.conf",
					     "a.conf.d/B.conf",	 "a.conf.d/a.conf" };
	assert_int_equal(c->files.n_words, ELEMENTS(files));
	for (size_t i = 0; i < ELEMENTS(files); i++)
		assert_string_equal(c->files.words[i], at(files[i]));
}

static void dropins_are_refused_by_name(void **state)
{
	(void)state;
	put("a.conf", "[image-gc]\nimageGCHighThresholdPercent = 60\n"
		      "imageGCLowThresholdPercent = 50\n");
	assert_int_equal(mkdir(at("a.conf.d"), 0700), 0);
	put("a.conf.d/1.conf", "[image-gc]\nimageGCHighThresholdPercent = 55\n");
	put("a.conf.d/2.conf", "\n\n[image-gc]\nimageGCLowThresholdPercent = 55\n");
	char expected[1024];
	(void)snprintf(expected, sizeof(expected),
		       "%s:4: [image-gc] imageGCLowThresholdPercent: imageGCLowThresholdPercent 55 "
		       "must be less than imageGCHighThresholdPercent 55",
		       at("a.conf.d/2.conf"));
	struct config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load(at("a.conf"), NULL, 0, &c, &e), -EINVAL);
	assert_string_equal(e.msg, expected);
	/* The same key in two files is no repetition, twice in the second is one. */
	put("a.conf.d/2.conf", "[agent]\n[image-gc]\nimageGCHighThresholdPercent = 70\n"
			       "imageGCHighThresholdPercent = 70\n");
	(void)snprintf(expected, sizeof(expected),
		       "%s:4: [image-gc] imageGCHighThresholdPercent: already set in line 3 of "
		       "this file",
		       at("a.conf.d/2.conf"));
	assert_int_equal(load(at("a.conf"), NULL, 0, &c, &e), -EINVAL);
	assert_string_equal(e.msg, expected);
}

static void dropin_directory_of_other_names(void **state)
{
	(void)state;
	put("plain", "");
	assert_int_equal(mkdir(at("plain.conf.d"), 0700), 0);
	put("plain.conf.d/x.conf", "[agent]\ndry-run = yes\n");
	cleanup_config struct config *c = load_good(at("plain"));
	assert_value(c, "agent", "dry-run", "yes");

	put("file.conf", "");
	put("file.conf.d", "");
	struct config *none = NULL;
	struct err e = { 0 };
	assert_int_equal(load(at("file.conf"), NULL, 0, &none, &e), -ENOTDIR);
	assert_non_null(strstr(e.msg, "file.conf.d: Not a directory"));
}

static void dropins_are_limited(void **state)
{
	(void)state;
	put("a.conf", "");
	assert_int_equal(mkdir(at("a.conf.d"), 0700), 0);
	for (int i = 0; i <= N_MAX_DROPINS; i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "a.conf.d/%d.conf", i);
		put(name, "");
	}
	struct config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load(at("a.conf"), NULL, 0, &c, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "a.conf.d: expected at most 256 files, got 257"));
}

/* --- overrides ----------------------------------------------------------------------------- */

static void overrides_are_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "--set : expected SECTION.KEY=VALUE" },
		{ "agent", "--set agent: expected SECTION.KEY=VALUE" },
		{ "agent=x", "--set agent=x: expected SECTION.KEY=VALUE" },
		{ "agent.dry-run", "--set agent.dry-run: expected SECTION.KEY=VALUE" },
		{ "agent=a.b", "--set agent=a.b: expected SECTION.KEY=VALUE" },
		{ ".=",
		  "--set .: unknown section; there are [agent] [filesystems] [image-gc] [eviction] "
		  "[kubelet] [runtime] [kubernetes] [http]" },
		{ "agnet.dry-run=yes",
		  "--set agnet.dry-run: unknown section; did you mean [agent]?" },
		{ "agent.dryrun=yes", "--set agent.dryrun: unknown key; did you mean dry-run?" },
		{ "agent.keep=x",
		  "--set agent.keep: unknown key; did you mean keep of section [image-gc]?" },
		{ "agent.dry-run=", "--set agent.dry-run: expected yes or no, got nothing; without "
				    "the key's line the default holds, no" },
		/* '=' is not among the characters of references. */
		{ "image-gc.keep=a=b",
		  "--set image-gc.keep: expected patterns on image names and digests, separated by "
		  "spaces, got \"a=b\": only letters, digits and ._-/:@+*?[]!^ can be in a pattern" },
		{ "agent.dry-run=yes\n",
		  "--set agent.dry-run: expected UTF-8 text without control characters" },
		{ "agent.state-directory=/a ;b",
		  "--set agent.state-directory: expected an absolute path, got \"/a ;b\": ';' at "
		  "the beginning or after a space starts a comment" },
		{ "image-gc.imageGCHighThresholdPercent=70",
		  "--set image-gc.imageGCHighThresholdPercent: imageGCLowThresholdPercent 75 (the "
		  "default) must be less than imageGCHighThresholdPercent 70" },
	};
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		struct config *c = NULL;
		struct err e = { 0 };
		assert_int_equal(load("/dev/null", &bad[i].text, 1, &c, &e), -EINVAL);
		assert_string_equal(e.msg, bad[i].message);
	}
}

static void last_override_wins(void **state)
{
	(void)state;
	static const char *const good[] = {
		"agent.log-level=error",
		"agent.log-level=debug",
		" image-gc . keep = b.c/* x",
		"image-gc.imageGCLowThresholdPercent=10",
		"http.listen=",
		"agent.state-directory= /a ",
	};
	struct config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load("/dev/null", good, ELEMENTS(good), &c, &e), 0);
	assert_value(c, "agent", "log-level", "debug");
	assert_value(c, "image-gc", "keep", "b.c/* x");
	assert_value(c, "image-gc", "imageGCLowThresholdPercent", "10");
	assert_value(c, "agent", "state-directory", "/a");
	assert_value(c, "http", "listen", "");
	config_free(c);
}

static void overrides_win_over_dropins(void **state)
{
	(void)state;
	put("a.conf", "[agent]\nlog-level = error\n");
	assert_int_equal(mkdir(at("a.conf.d"), 0700), 0);
	put("a.conf.d/1.conf", "[agent]\nlog-level = notice\n");
	const char *text = "agent.log-level=warning";
	struct config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load(at("a.conf"), &text, 1, &c, &e), 0);
	assert_value(c, "agent", "log-level", "warning");
	config_free(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files),
		cmocka_unit_test(bad_files),
		IN_DIRECTORY(files_that_are_not_files),
		IN_DIRECTORY(file_size_is_limited),
		IN_DIRECTORY(many_sections_and_keys_are_linear),
		IN_DIRECTORY(dropins_override_in_order),
		IN_DIRECTORY(dropins_are_refused_by_name),
		IN_DIRECTORY(dropin_directory_of_other_names),
		IN_DIRECTORY(dropins_are_limited),
		cmocka_unit_test(overrides_are_refused_by_name),
		cmocka_unit_test(last_override_wins),
		IN_DIRECTORY(overrides_win_over_dropins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
