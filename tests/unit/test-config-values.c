/* SPDX-License-Identifier: Apache-2.0 */
/* Values by type, the checks of single keys, and the suggestions for unknown names. */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "config/checks.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/suggest.h"
#include "config/text.h"
#include "config/values.h"

/* --- parsing and printing ------------------------------------------------------------------ */

struct value_case {
	const char *section, *name, *text;
	const char *printed; /* NULL: refused */
};

static const struct value_case value_cases[] = {
	{ "agent", "dry-run", "yes", "yes" },
	{ "agent", "dry-run", "true", "yes" },
	{ "agent", "dry-run", "0", "no" },
	{ "agent", "dry-run", "Yes", NULL },
	{ "agent", "dry-run", "", NULL },
	{ "agent", "log-level", "error", "error" },
	{ "agent", "log-level", "debug", "debug" },
	{ "agent", "log-level", "7", NULL },
	{ "agent", "log-level", "emerg", NULL },
	{ "agent", "log-format", "journal", "journal" },
	{ "agent", "log-format", "1", NULL },
	{ "agent", "state-directory", "/", "/" },
	{ "agent", "state-directory", "/with space", "/with space" },
	{ "agent", "state-directory", "/a;b", "/a;b" },
	{ "agent", "state-directory", "auto", NULL },
	{ "agent", "state-directory", "\"/quoted\"", NULL },
	{ "agent", "state-directory", "/\x7f", NULL },
	{ "agent", "state-directory", "/\xff", NULL },
	{ "filesystems", "nodefs", "auto", "auto" },
	{ "filesystems", "nodefs", "/var", "/var" },
	{ "filesystems", "nodefs", "Auto", NULL },
	{ "filesystems", "nodefs", "~", NULL },
	{ "filesystems", "sample-interval-min", "10ms", "10ms" },
	{ "filesystems", "sample-interval-min", "1h", "1h" },
	{ "filesystems", "sample-interval-min", "60m", "1h" },
	{ "filesystems", "sample-interval-min", "1h1ns", "1h" },
	{ "filesystems", "sample-interval-min", "1h1us", NULL },
	{ "filesystems", "sample-interval-min", "9999us", NULL },
	{ "filesystems", "sample-interval-min", "0", NULL },
	{ "filesystems", "sample-interval-min", "50", NULL },
	{ "filesystems", "sample-interval-min", "50 ms", NULL },
	{ "filesystems", "sample-interval-min", "5 minutes", NULL },
	{ "filesystems", "sample-interval-min", "nan", NULL },
	{ "filesystems", "sample-interval-min", "1e3s", NULL },
	{ "filesystems", "sample-interval-max", "90s", "1m30s" },
	{ "filesystems", "sample-interval-max", "10m", "10m" },
	{ "filesystems", "sample-interval-max", "100s", "1m40s" },
	{ "filesystems", "statfs-timeout", "100ms", "100ms" },
	{ "filesystems", "statfs-timeout", "99ms", NULL },
	{ "filesystems", "statfs-timeout", "1m", "1m" },
	{ "filesystems", "statfs-timeout", "61s", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "0", "0" },
	{ "image-gc", "imageGCHighThresholdPercent", "100", "100" },
	{ "image-gc", "imageGCHighThresholdPercent", "101", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "-1", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "85%", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "85 %", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "0x10", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "8.5", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "+80", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "18446744073709551616", NULL },
	{ "image-gc", "imageGCHighThresholdPercent", "4294967376", NULL },
	{ "image-gc", "imageMinimumGCAge", "0", "0s" },
	{ "image-gc", "imageMinimumGCAge", "24h", "24h" },
	{ "image-gc", "imageMinimumGCAge", "1h0m5s", "1h0m5s" },
	{ "image-gc", "imageMinimumGCAge", "2562047h47m16.854775s", "2562047h47m16.854775s" },
	{ "image-gc", "imageMinimumGCAge", "2562047h47m17s", NULL },
	{ "image-gc", "imageMinimumGCAge", "-1us", NULL },
	{ "image-gc", "keep", "", "" },
	{ "image-gc", "keep", " a \t b ", "a b" },
	{ "image-gc", "keep-unrecoverable", "auto", "auto" },
	{ "image-gc", "keep-unrecoverable", "true", NULL },
	{ "image-gc", "when-futile", "proceed", "proceed" },
	{ "image-gc", "max-removals-per-pass", "65536", "65536" },
	{ "image-gc", "max-removals-per-pass", "65537", NULL },
	{ "runtime", "timeout", "1h", "1h" },
	{ "runtime", "timeout", "99ms", NULL },
};

static void values(void **state)
{
	(void)state;
	cleanup_config struct config *c = config_defaults();
	for (size_t i = 0; i < ELEMENTS(value_cases); i++) {
		const struct value_case *v = &value_cases[i];
		const struct config_key *key = config_key_find(v->section, v->name);
		cleanup_buf struct buf before = BUF_INIT(8192), after = BUF_INIT(8192);
		struct err e = { 0 };
		config_key_print(key, c, 0, &before);
		int r = config_key_set(key, c, 0, v->text, &e);
		config_key_print(key, c, 0, &after);
		if ((r == 0) != (v->printed != NULL))
			fail_msg("%s = \"%s\": %s", v->name, v->text, r ? e.msg : "accepted");
		if (r < 0)
			assert_int_equal(r, -EINVAL);
		/* What is refused changes nothing. */
		assert_string_equal(buf_string(&after),
				    v->printed ? v->printed : buf_string(&before));
	}
}

static void printed_values_are_read_again(void **state)
{
	(void)state;
	cleanup_config struct config *c = config_defaults();
	for (size_t i = 0; i < ELEMENTS(value_cases); i++) {
		const struct value_case *v = &value_cases[i];
		if (!v->printed)
			continue;
		const struct config_key *key = config_key_find(v->section, v->name);
		cleanup_buf struct buf again = BUF_INIT(8192);
		assert_int_equal(config_key_set(key, c, 0, v->printed, NULL), 0);
		config_key_print(key, c, 0, &again);
		assert_string_equal(buf_string(&again), v->printed);
	}
}

static void messages_are_cut_between_characters(void **state)
{
	(void)state;
	cleanup_config struct config *c = config_defaults();
	const struct config_key *key = config_key_find("agent", "dry-run");
	char text[4096], shown[256];
	struct err e = { 0 };
	/* 79 bytes and then a character of two, of which only the first would fit. */
	memset(text, 'x', sizeof(text));
	memcpy(text + 79, "\xc3\xa4", 2);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(config_key_set(key, c, 0, text, &e), -EINVAL);
	(void)snprintf(shown, sizeof(shown), "expected yes or no, got \"%.79s...\"", text);
	assert_string_equal(e.msg, shown);
}

static void words_are_limited(void **state)
{
	(void)state;
	cleanup_config struct config *c = config_defaults();
	const struct config_key *key = config_key_find("image-gc", "keep");
	cleanup_buf struct buf text = BUF_INIT(1 << 20);
	struct err e = { 0 };
	for (int64_t i = 0; i < key->max; i++)
		(void)buf_printf(&text, "p%lld ", (long long)i);
	assert_int_equal(config_key_set(key, c, 0, buf_string(&text), &e), 0);
	assert_int_equal(c->keep.n_words, key->max);
	assert_string_equal(c->keep.words[255], "p255");
	(void)buf_puts(&text, "more");
	assert_int_equal(config_key_set(key, c, 0, buf_string(&text), &e), -EINVAL);
	assert_string_equal(e.msg, "more than the allowed 256 words");
	assert_int_equal(c->keep.n_words, key->max);
}

static void descriptions(void **state)
{
	(void)state;
	static const struct {
		const char *section, *name, *text;
	} cases[] = {
		{ "agent", "dry-run", "yes or no" },
		{ "agent", "log-level", "error, warning, notice, info or debug" },
		{ "agent", "state-directory", "an absolute path" },
		{ "filesystems", "nodefs", "auto or an absolute path" },
		{ "filesystems", "sample-interval-min", "a duration from 10ms to 1h" },
		{ "image-gc", "imageMinimumGCAge", "a duration of 0s or more" },
		{ "image-gc", "when-futile", "stop or proceed" },
		{ "image-gc", "max-removals-per-pass", "a whole number from 0 to 65536" },
	};
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		cleanup_buf struct buf out = BUF_INIT(512);
		value_describe(config_key_find(cases[i].section, cases[i].name), &out);
		assert_string_equal(buf_string(&out), cases[i].text);
	}
	for (size_t i = 0; i < n_config_keys; i++) {
		cleanup_buf struct buf out = BUF_INIT(256);
		value_describe(&config_keys[i], &out);
		/* Messages and the template have that much room. */
		assert_true(out.len > 0 && !out.overflowed);
	}
}

/* --- checks of single keys ----------------------------------------------------------------- */

/* A path of that many bytes with prefix in front. */
static const char *long_path(const char *prefix, size_t len)
{
	static char text[2][PATH_MAX + 16];
	static unsigned next;
	char *s = text[next++ % 2];
	(void)snprintf(s, sizeof(text[0]), "%s/", prefix);
	memset(s + strlen(s), 'x', len - 1);
	s[strlen(prefix) + len] = '\0';
	return s;
}

static void assert_check(const char *(*check)(const char *), const char *value, bool right)
{
	const char *wrong = check(value);
	if ((wrong == NULL) != right)
		fail_msg("\"%s\": %s", value, wrong ? wrong : "accepted");
}

static void keep_patterns(void **state)
{
	(void)state;
	static const char *const right[] = {
		"*",
		"docker.io/library/*",
		"*@sha256:0123",
		"a[bc]d",
		"a[!b]",
		"a[]b]c",
		"[]]",
		"[!]]",
		"a]",
		"host:5000/x:*",
		"?",
		"a[^0-9]*",
		"sha256:ab*",
		"k8s.gcr.io/x_y+z",
	};
	static const char *const wrong[] = {
		"a[",  "[]",   "[!]", "a[b",   "[a]b[", "a b", "{a,b}",
		"a#b", "a\\*", "ä",   "\"a\"", "~",	";",
	};
	for (size_t i = 0; i < ELEMENTS(right); i++)
		assert_check(check_keep, right[i], true);
	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_check(check_keep, wrong[i], false);
	char text[1026];
	memset(text, 'a', sizeof(text));
	text[1025] = '\0';
	assert_check(check_keep, text, false);
	text[1024] = '\0';
	assert_check(check_keep, text, true);
}

static void endpoints(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",	   "/run/x.sock", "unix:/run/x.sock",  "unix://run/x.sock",
		"unix://", "unix:///",	  "tcp://127.0.0.1:1", "npipe:////./pipe/x",
		"Auto",	   "unix://auto",
	};
	assert_check(check_endpoint, "auto", true);
	assert_check(check_endpoint, "unix:///run/containerd/containerd.sock", true);
	assert_check(check_endpoint, long_path("unix://", 107), true);
	assert_check(check_endpoint, long_path("unix://", 108), false);
	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_check(check_endpoint, wrong[i], false);
	assert_check(check_kubelet_config, "auto", true);
	assert_check(check_kubelet_config, "no", true);
	assert_check(check_kubelet_config, "/", true);
	assert_check(check_kubelet_config, "/etc/kubernetes/kubelet.conf.d", true);
	assert_check(check_kubelet_config, long_path("", PATH_MAX - 1), true);
	assert_check(check_kubelet_config, long_path("", PATH_MAX), false);
	assert_check(check_kubelet_config, "", false);
	assert_check(check_kubelet_config, "yes", false);
	assert_check(check_kubelet_config, "kubelet.conf", false);
	assert_check(check_runtime_type, "auto", true);
	assert_check(check_runtime_type, "cri", true);
	assert_check(check_runtime_type, "docker", true);
	assert_check(check_runtime_type, "podman", true);
	assert_check(check_runtime_type, "", false);
	assert_check(check_runtime_type, "Docker", false);
	assert_check(check_runtime_type, "crio", false);
}

static void listen_addresses(void **state)
{
	(void)state;
	static const char *const right[] = {
		"127.0.0.1:9779", "0.0.0.0:0",	  "255.255.255.255:65535", "[::]:1",
		"[::1]:9779",	  "[fe80::1]:80", "[::ffff:1.2.3.4]:80",   "unix:/run/x.sock",
		"unix:/a:80",
	};
	static const char *const wrong[] = {
		"",
		"9779",
		"127.0.0.1",
		"127.0.0.1:",
		":9779",
		":",
		"[]:1",
		"[:1",
		"]:1",
		"[::1]",
		"[::1]:",
		"[::1]9779",
		"::1:9779",
		"127.1:80",
		"256.0.0.1:80",
		"1.2.3.4:65536",
		"1.2.3.4:-1",
		"1.2.3.4:+1",
		"1.2.3.4:0x50",
		"1.2.3.4:80 ",
		"localhost:80",
		"*:80",
		"[fe80::1%lo]:80",
		"http://1.2.3.4:80",
		"1.2.3.4:80/",
		"unix:x",
		"unix:",
		"unix:/",
		"unix:@x",
		"1.2.3.4:99999999999999999999",
		"1.2.3.4:http",
		"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd]:80",
	};
	for (size_t i = 0; i < ELEMENTS(right); i++)
		assert_check(check_listen, right[i], true);
	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_check(check_listen, wrong[i], false);
	assert_check(check_listen, long_path("unix:", 107), true);
	assert_check(check_listen, long_path("unix:", 108), false);
}

/* --- suggestions --------------------------------------------------------------------------- */

static void suggestions(void **state)
{
	(void)state;
	static const struct {
		const char *name, *meant_section, *meant;
	} cases[] = {
		{ "dryrun", "agent", "dry-run" },
		{ "DRY-RUN", "agent", "dry-run" },
		{ "imagegchighthresholdpercent", "image-gc", "imageGCHighThresholdPercent" },
		{ "inode-high-threshold-percent", "image-gc", "inodes-high-threshold-percent" },
		{ "imageMinGCAge", "image-gc", "imageMinimumGCAge" },
		{ "timeout", "runtime", "timeout" },
		{ "timeot", "runtime", "timeout" },
		{ "imagef", "filesystems", "imagefs" },
		{ "liste", "http", "listen" },
		{ "ordinal", NULL, NULL },
		{ "", NULL, NULL },
		{ "threshold", NULL, NULL },
	};
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct config_key *key = suggest_key(cases[i].name);
		if (!cases[i].meant) {
			assert_null(key);
			continue;
		}
		assert_non_null(key);
		assert_string_equal(key->section, cases[i].meant_section);
		assert_string_equal(key->name, cases[i].meant);
	}
	char text[4096];
	memset(text, 'k', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_null(suggest_key(text));
	assert_null(suggest_section(text));
	assert_null(suggest_section("podman"));
	assert_string_equal(suggest_section("imagegc"), "image-gc");
	assert_string_equal(suggest_section("HTTP"), "http");
	assert_string_equal(suggest_section("filesystem"), "filesystems");
}

/* --- text ---------------------------------------------------------------------------------- */

static void text(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		bool valid;
	} cases[] = {
		{ "", 0, true },
		{ "a\tb", 3, true },
		{ "\xc3\xa4", 2, true },
		{ "\xf0\x9f\x98\x80", 4, true },
		/* Cut by the length although the byte behind would complete it. */
		{ "\xc3\xa4", 1, false },
		{ "a\0b", 3, false },
		{ "a\nb", 3, false },
		{ "\x1b", 1, false },
		{ "\xc2\x85", 2, false },
		{ "\xc0\xaf", 2, false },
		{ "\xff", 1, false },
	};
	for (size_t i = 0; i < ELEMENTS(cases); i++)
		assert_int_equal(text_valid(cases[i].bytes, cases[i].len), cases[i].valid);
	assert_int_equal(text_cut("abc", 3), 3);
	assert_int_equal(text_cut("abcd", 3), 3);
	assert_int_equal(text_cut("ab\xc3\xa4", 3), 2);
	assert_int_equal(text_cut("\xe2\x82\xac", 2), 0);
	assert_int_equal(text_cut("", 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(printed_values_are_read_again),
		cmocka_unit_test(messages_are_cut_between_characters),
		cmocka_unit_test(words_are_limited),
		cmocka_unit_test(descriptions),
		cmocka_unit_test(keep_patterns),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(listen_addresses),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
