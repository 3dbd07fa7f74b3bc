/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a configuration: INI, JSON, the shipped file, the policy. */
#include "config-files.h"

#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/template.h"
#include "util/limits.h"

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
	assert_int_equal(c->order, ORDER_LRU);
	assert_int_equal(c->keep_newest_per_repository, 0);
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
		config_key_print(&config_keys[i], c, 0, &value);
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
		"\"order\":\"lru\",\"keep-newest-per-repository\":0,"
		"\"when-futile\":\"stop\",\"max-removals-per-pass\":0},"
		"\"eviction\":{\"evictionHard\":\"nodefs.available<10%,nodefs.inodesFree<5%,"
		"imagefs.available<15%,imagefs.inodesFree<5%\",\"evictionSoft\":\"\","
		"\"evictionSoftGracePeriod\":\"\",\"evictionMinimumReclaim\":\"\","
		"\"evictionPressureTransitionPeriod\":\"5m\"},"
		"\"kubelet\":{\"config\":\"auto\",\"lead-percent\":5},"
		"\"runtime\":{\"endpoint\":\"auto\",\"type\":\"auto\",\"timeout\":\"2m\"},"
		"\"kubernetes\":{\"events\":\"auto\",\"kubeconfig\":\"\",\"node-name\":\"\","
		"\"condition\":\"no\"},"
		"\"http\":{\"listen\":[],\"tls-certificate\":\"\",\"tls-key\":\"\",\"tls-client-ca\":\"\","
		"\"bearer-token-file\":\"\",\"authorize-by-cluster\":false}}");
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
	assert_true(p.unless_local_is_ordinary);
	assert_false(p.proceed_when_futile);
	assert_int_equal(p.max_removals, 0);

	c->keep_unrecoverable = TRISTATE_YES;
	p = config_image_gc_policy(c);
	assert_true(p.keep_unrecoverable);
	assert_false(p.unless_local_is_ordinary);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
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
