/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "expose/status-json.h"
#include "sample-status.h"
#include "util/limits.h"

static cJSON *render(const struct status *s)
{
	cleanup_buf struct buf out = BUF_INIT(BUF_MAX_STATUS);
	status_json_render(s, &out);
	assert_false(out.overflowed);
	assert_true(out.len > 0 && out.data[out.len - 1] == '\n');
	assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
	cJSON *json = cJSON_ParseWithLengthOpts(out.data, out.len + 1, NULL, true);
	assert_non_null(json);
	return json;
}

/* tests/data/status.json is the document with white space; `test-status-json --print` writes it. */
static void test_golden(void **state)
{
	struct status s;
	(void)state;
	sample_status(&s);
	cJSON *json = render(&s);
	char *text = cJSON_Print(json);
	cleanup_free char *expected = xcalloc(1, 65536);
	const char *source = getenv("TOP_SRCDIR");
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/tests/data/status.json", source ? source : ".");
	FILE *file = fopen(path, "re");
	if (!file)
		fail_msg("no %s", path);
	size_t n = fread(expected, 1, 65535, file);
	(void)fclose(file);
	assert_true(n > 0 && expected[n - 1] == '\n');
	expected[n - 1] = '\0';
	assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(json);
}

static const cJSON *get(const cJSON *json, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, key);
	if (!value)
		fail_msg("no %s", key);
	return value;
}

/* Tools rely on the keys: they are there before anything is known. */
static void test_nothing_known(void **state)
{
	static const char *const null[] = { "startedAt", "now", "kubernetes", "images",
					    "lastPass" };
	static const char *const fs_null[] = {
		"device",
		"mountpoint",
		"fstype",
		"sizeBytes",
		"availableBytes",
		"usedPercent",
		"inodes",
		"inodesFree",
		"error",
		"inodesUsedPercent",
		"sampledAt",
		"fillRateBytesPerSecond",
		"timeToFullSeconds",
		"timeToFullAfterReclaimSeconds",
		"reclaimableBytes",
	};
	struct status s = { .version = "0.1.0" };
	(void)state;
	s.filesystems[ROLE_IMAGEFS].configured = true;
	(void)snprintf(s.filesystems[ROLE_IMAGEFS].path, 8, "/x");
	cJSON *json = render(&s);
	for (size_t i = 0; i < ELEMENTS(null); i++)
		assert_true(cJSON_IsNull(get(json, null[i])));
	assert_int_equal(cJSON_GetArraySize(get(json, "lanes")), 0);
	assert_int_equal(cJSON_GetArraySize(get(json, "filesystems")), 1);
	const cJSON *fs = cJSON_GetArrayItem(get(json, "filesystems"), 0);
	for (size_t i = 0; i < ELEMENTS(fs_null); i++)
		if (!cJSON_IsNull(get(fs, fs_null[i])))
			fail_msg("%s is not null", fs_null[i]);
	assert_int_equal(cJSON_GetArraySize(get(fs, "thresholds")), 0);
	assert_int_equal(cJSON_GetArraySize(get(fs, "pressure")), 0);
	assert_int_equal(cJSON_GetArraySize(get(json, "runtimes")), 0);
	cJSON_Delete(json);
}

static void test_hostile(void **state)
{
	struct status s;
	(void)state;
	sample_status_hostile(&s);
	cJSON *json = render(&s);
	const cJSON *fs = cJSON_GetArrayItem(get(json, "filesystems"), ROLE_IMAGEFS);
	assert_string_equal(get(fs, "fstype")->valuestring,
			    "\"} 1\n# EOF\nx{a=\"\\\t\x01\xef\xbf\xbd\xc3\xa4"
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\r");
	cJSON_Delete(json);
}

static void test_overflow(void **state)
{
	struct status s;
	(void)state;
	sample_status(&s);
	for (size_t max = 0; max < 2000; max += 101) {
		cleanup_buf struct buf out = BUF_INIT(max);
		status_json_render(&s, &out);
		assert_true(out.overflowed);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_overflow),
	};
	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		struct status s;
		sample_status(&s);
		return puts(cJSON_Print(render(&s))) < 0;
	}
	return cmocka_run_group_tests_name("status-json", tests, NULL, NULL);
}
