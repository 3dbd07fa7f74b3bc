/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: the corpus in tests/data/config, drop-ins, overrides, and what is printed. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/template.h"
#include "util/limits.h"

/* --- helpers ------------------------------------------------------------------------------- */

/* A directory that exists while a test runs. */
static char directory[] = "/tmp/test-config-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	memcpy(strrchr(directory, '-') + 1, "XXXXXX", 6);
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_directory(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Path of a file in the directory; one of a few static buffers. */
static const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static int load(const char *file, const char *const *overrides, size_t n, struct config **ret,
		struct err *e)
{
	struct config_source source = { .file = file, .overrides = overrides, .n_overrides = n };
	return config_load(&source, ret, e);
}

/* Loads what must be right. */
static struct config *load_good(const char *file)
{
	struct config *c = NULL;
	struct err e = { 0 };
	if (load(file, NULL, 0, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

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

static void assert_value(const struct config *c, const char *section, const char *name,
			 const char *expected)
{
	cleanup_buf struct buf value = BUF_INIT(BUF_MAX_CONFIG_FILE);
	const struct config_key *key = config_key_find(section, name);
	assert_non_null(key);
	config_key_print(key, c, &value);
	assert_string_equal(buf_string(&value), expected);
}

static void assert_defaults(const struct config *c)
{
	for (size_t i = 0; i < n_config_keys; i++)
		assert_value(c, config_keys[i].section, config_keys[i].name,
			     config_keys[i].default_value);
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
		{ ".=", "--set .: unknown section; there are [agent] [filesystems] [image-gc] "
			"[runtime] [http]" },
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

/* --- defaults and printing ----------------------------------------------------------------- */

static void defaults_are_as_written(void **state)
{
	(void)state;
	cleanup_config struct config *c = config_defaults();
	assert_defaults(c);
	assert_int_equal(c->files.n_words, 0);
	assert_false(c->dry_run);
	assert_int_equal(c->image_gc_high_percent[RESOURCE_BYTES], 80);
	assert_int_equal(c->image_gc_low_percent[RESOURCE_INODES], 85);
	assert_int_equal(c->image_minimum_age, 2 * USEC_PER_MINUTE);
	assert_int_equal(c->log_format, LOG_FORMAT_AUTO);
	assert_int_equal(c->keep_unrecoverable, TRISTATE_AUTO);
	assert_int_equal(c->when_futile, WHEN_FUTILE_STOP);
	assert_int_equal(c->listen.n_words, 2);
	assert_null(config_free(NULL));
}

static void table_is_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_config_keys; i++) {
		const struct config_key *key = &config_keys[i];
		assert_ptr_equal(config_key_find(key->section, key->name), key);
		/* suggest.c compares no longer names. */
		assert_in_range(strlen(key->name), 1, 48);
		assert_in_range(strlen(key->section), 1, CONFIG_MAX_SECTION);
		assert_true(key->doc[strlen(key->doc) - 1] == '.');
		/* Sections stand together. */
		for (size_t j = i + 1; j < n_config_keys; j++) {
			if (strcmp(config_keys[j].section, key->section) == 0)
				assert_string_equal(config_keys[j - 1].section, key->section);
		}
	}
}

static void printed_ini_reads_back(void **state)
{
	(void)state;
	char path[512];
	const char *top = getenv("TOP_SRCDIR");
	(void)snprintf(path, sizeof(path), "%s/tests/data/config/good/everything.conf",
		       top ? top : ".");
	cleanup_config struct config *c = load_good(path);
	cleanup_buf struct buf first = BUF_INIT(BUF_MAX_CONFIG_FILE);
	cleanup_buf struct buf second = BUF_INIT(BUF_MAX_CONFIG_FILE);
	config_print_ini(c, &first);
	put("printed.conf", buf_string(&first));
	cleanup_config struct config *again = load_good(at("printed.conf"));
	config_print_ini(again, &second);
	assert_string_equal(buf_string(&first), buf_string(&second));
	assert_non_null(strstr(buf_string(&first), "dry-run = yes ; default: no\n"));
	assert_non_null(strstr(buf_string(&first), "\n\n[http]\nlisten = 0.0.0.0:0 [::1]:9779 "
						   "unix:/run/x/agent.sock ; default: 127.0.0.1"));
	/* Every key of the file differs from its default, so that nothing is lost unnoticed. */
	for (size_t i = 0; i < n_config_keys; i++) {
		cleanup_buf struct buf value = BUF_INIT(BUF_MAX_CONFIG_FILE);
		config_key_print(&config_keys[i], c, &value);
		assert_string_not_equal(buf_string(&value), config_keys[i].default_value);
	}
}

static void marks_do_not_make_lines_too_long(void **state)
{
	(void)state;
	char keep[256], file[512];
	memset(keep, 'a', sizeof(keep));
	for (size_t len = 150; len <= 193; len++) {
		(void)snprintf(file, sizeof(file), "[image-gc]\nkeep=%.*s\n", (int)len, keep);
		put("long.conf", file);
		cleanup_config struct config *c = load_good(at("long.conf"));
		cleanup_buf struct buf out = BUF_INIT(BUF_MAX_CONFIG_FILE);
		config_print_ini(c, &out);
		put("printed.conf", buf_string(&out));
		cleanup_config struct config *again = load_good(at("printed.conf"));
		assert_string_equal(again->keep.words[0], c->keep.words[0]);
		assert_non_null(strstr(buf_string(&out), "; default: empty"));
	}
}

static void printed_json(void **state)
{
	(void)state;
	static const char *const set[] = { "agent.dry-run=yes", "image-gc.keep=a/* b/*",
					   "http.listen=" };
	struct config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(load("/dev/null", set, ELEMENTS(set), &c, &e), 0);
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_CONFIG_FILE);
	config_print_json(c, &out);
	assert_string_equal(
		buf_string(&out),
		"{\"agent\":{\"dry-run\":true,\"state-directory\":\"/var/lib/disk-pressure-agent\","
		"\"log-level\":\"info\",\"log-format\":\"auto\"},"
		"\"filesystems\":{\"nodefs\":\"auto\",\"imagefs\":\"auto\",\"containerfs\":\"auto\","
		"\"sample-interval-min\":\"50ms\",\"sample-interval-max\":\"10s\","
		"\"statfs-timeout\":\"2s\"},"
		"\"image-gc\":{\"imageGCHighThresholdPercent\":80,\"imageGCLowThresholdPercent\":75,"
		"\"inodes-high-threshold-percent\":90,\"inodes-low-threshold-percent\":85,"
		"\"imageMinimumGCAge\":\"2m\",\"imageMaximumGCAge\":\"0s\","
		"\"keep\":[\"a/*\",\"b/*\"],\"keep-unrecoverable\":\"auto\","
		"\"when-futile\":\"stop\",\"max-removals-per-pass\":0},"
		"\"runtime\":{\"endpoint\":\"auto\",\"type\":\"auto\",\"timeout\":\"2m\"},"
		"\"http\":{\"listen\":[]}}");
	config_free(c);
}

static void template_uncommented_is_the_default(void **state)
{
	(void)state;
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_CONFIG_FILE);
	config_template_print(&out);
	put("template.conf", buf_string(&out));
	cleanup_config struct config *commented = load_good(at("template.conf"));
	assert_defaults(commented);
	/* "#key" becomes "key", "# text" stays. */
	assert_null(strstr(buf_string(&out), " \n"));
	size_t n = 0;
	for (char *p = out.data; (p = strchr(p, '#')); p++) {
		if ((p == out.data || p[-1] == '\n') && p[1] != ' ' && p[1] != '\n') {
			memmove(p, p + 1, strlen(p));
			n++;
		}
	}
	assert_int_equal(n, n_config_keys);
	put("template.conf", buf_string(&out));
	cleanup_config struct config *c = load_good(at("template.conf"));
	assert_defaults(c);
}

/* --- policy -------------------------------------------------------------------------------- */

static void policy(void **state)
{
	(void)state;
	cleanup_config struct config *c = config_defaults();
	struct image_gc_policy p = config_image_gc_policy(c);
	assert_int_equal(p.high_percent[RESOURCE_BYTES], 80);
	assert_int_equal(p.low_percent[RESOURCE_BYTES], 75);
	assert_int_equal(p.high_percent[RESOURCE_INODES], 90);
	assert_int_equal(p.low_percent[RESOURCE_INODES], 85);
	assert_int_equal(p.minimum_age, 2 * USEC_PER_MINUTE);
	assert_int_equal(p.maximum_age, 0);
	assert_int_equal(p.n_keep, 0);
	assert_true(p.keep_unrecoverable);
	assert_false(p.proceed_when_futile);
	assert_int_equal(p.max_removals, 0);

	c->keep_unrecoverable = TRISTATE_NO;
	c->when_futile = WHEN_FUTILE_PROCEED;
	c->max_removals_per_pass = 65536;
	c->image_gc_high_percent[RESOURCE_BYTES] = 100;
	c->image_gc_high_percent[RESOURCE_INODES] = 100;
	p = config_image_gc_policy(c);
	assert_false(p.keep_unrecoverable);
	assert_true(p.proceed_when_futile);
	assert_int_equal(p.max_removals, 65536);
	assert_in_range(p.high_percent[RESOURCE_BYTES], 101, INT32_MAX);
	assert_in_range(p.high_percent[RESOURCE_INODES], 101, INT32_MAX);
	/* The kubelet's loop runs with a maximum age, and 100 is then reached below 1 %. */
	c->image_maximum_age = USEC_PER_HOUR;
	p = config_image_gc_policy(c);
	assert_int_equal(p.high_percent[RESOURCE_BYTES], 100);
	assert_in_range(p.high_percent[RESOURCE_INODES], 101, INT32_MAX);
	assert_int_equal(p.maximum_age, USEC_PER_HOUR);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

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
		cmocka_unit_test(defaults_are_as_written),
		cmocka_unit_test(table_is_in_order),
		IN_DIRECTORY(printed_ini_reads_back),
		IN_DIRECTORY(marks_do_not_make_lines_too_long),
		cmocka_unit_test(printed_json),
		IN_DIRECTORY(template_uncommented_is_the_default),
		cmocka_unit_test(policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
