/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Configuration files in a directory of their own, and what loading them gives. */

#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/keys.h"
#include "util/limits.h"

/* A directory that exists while a test runs. */
static char directory[] = "/tmp/test-config-XXXXXX";

static inline int make_directory(void **state)
{
	(void)state;
	memcpy(strrchr(directory, '-') + 1, "XXXXXX", 6);
	return mkdtemp(directory) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int remove_directory(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Path of a file in the directory; one of a few static buffers. */
static inline const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static inline void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static inline int load(const char *file, const char *const *overrides, size_t n,
		       struct config **ret, struct err *e)
{
	struct config_source source = { .file = file, .overrides = overrides, .n_overrides = n };
	return config_load(&source, ret, e);
}

/* Loads what must be right. */
static inline struct config *load_good(const char *file)
{
	struct config *c = NULL;
	struct err e = { 0 };
	if (load(file, NULL, 0, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static inline void assert_value(const struct config *c, const char *section, const char *name,
				const char *expected)
{
	cleanup_buf struct buf value = BUF_INIT(BUF_MAX_CONFIG_FILE);
	/* "runtime docker": one of several */
	const char *space = strchr(section, ' ');
	cleanup_free char *kind = strndup(section, strcspn(section, " "));
	const struct config_key *key = config_key_find(kind, name);
	size_t instance = 0;
	assert_non_null(key);
	while (space && strcmp(c->runtimes[instance].name, space + 1) != 0)
		assert_true(++instance < c->n_runtimes);
	config_key_print(key, c, instance, &value);
	assert_string_equal(buf_string(&value), expected);
}

static inline void assert_defaults(const struct config *c)
{
	for (size_t i = 0; i < n_config_keys; i++)
		assert_value(c, config_keys[i].section, config_keys[i].name,
			     config_keys[i].default_value);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
