/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/keep.h"

static const struct image image = {
	.id = "sha256:4a81b686",
	LIST(names, "docker.io/library/nginx:1.27", "reg.io/team/web:v1"),
	LIST(digests, "docker.io/library/nginx@sha256:abcdef"),
};

/* As Docker lists it. */
static const struct image short_name = { .id = "sha256:01",
					 LIST(names, "redis:7"),
					 LIST(digests, "redis@sha256:77") };

static void patterns(void **state)
{
	(void)state;
	static const struct {
		const struct image *image;
		const char *pattern;
		bool kept;
	} rows[] = {
		{ &image, "docker.io/library/nginx:1.27", true },
		{ &image, "docker.io/library/nginx:*", true },
		{ &image, "docker.io/library/*", true },
		{ &image, "docker.io/*", true }, /* a star crosses slashes */
		{ &image, "*", true },
		{ &image, "*/web:v1", true },
		{ &image, "reg.io/*:v[0-9]", true },
		{ &image, "reg.io/*:v[2-9]", false },
		{ &image, "reg.io/team/web:v?", true },
		{ &image, "*@sha256:ab*", true },
		{ &image, "*@sha256:ac*", false },
		{ &image, "sha256:4a81*", true },
		{ &image, "sha256:4a81", false },
		{ &image, "nginx*", false }, /* names count in full */
		{ &image, "docker.io/library/Nginx:*", false },
		{ &image, "docker.io/library", false },
		{ &image, "", false },
		{ &image, "[", false },
		{ &image, "\\", false },
		{ &short_name, "redis:*", true },
		{ &short_name, "docker.io/library/*", true },
		{ &short_name, "docker.io/library/redis:7", true },
		{ &short_name, "docker.io/library/redis@sha256:*", true },
		{ &short_name, "docker.io/me/*", false },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const char *matched = keep_match(rows[i].image, &rows[i].pattern, 1);
		if (matched != (rows[i].kept ? rows[i].pattern : NULL))
			fail_msg("row %zu, %s: %s", i, rows[i].pattern, matched ? matched : "none");
	}
}

static void first_pattern_wins(void **state)
{
	(void)state;
	const char *const *list = STRINGS("quay.io/*", "reg.io/*", "docker.io/*", "*");
	assert_string_equal(keep_match(&image, list, 4), "reg.io/*");
	assert_null(keep_match(&image, list, 1));
	assert_null(keep_match(&image, list, 0));
	assert_null(keep_match(&image, NULL, 0));
}

static void image_without_names(void **state)
{
	(void)state;
	const struct image dangling = { .id = "sha256:77" };
	assert_non_null(keep_match(&dangling, STRINGS("sha256:7*"), 1));
	assert_null(keep_match(&dangling, STRINGS("docker.io/*"), 1));
}

/* Bytes that are no text and names that are too long for a full form: compared as they stand. */
static void hostile_names(void **state)
{
	(void)state;
	static char long_name[5000];
	memset(long_name, 'a', sizeof(long_name) - 1);
	const struct image hostile = { .id = "i",
				       .names = STRINGS("\xff\xfe/\x01", long_name, ""),
				       .n_names = 3 };
	assert_non_null(keep_match(&hostile, STRINGS("\xff*"), 1));
	assert_non_null(keep_match(&hostile, STRINGS("aaaa*"), 1));
	assert_null(keep_match(&hostile, STRINGS("b*"), 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(first_pattern_wins),
		cmocka_unit_test(image_without_names),
		cmocka_unit_test(hostile_names),
	};
	return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
