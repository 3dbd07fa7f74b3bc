/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "runtime/cri/cri-cache.h"

static void what_is_added_is_found(void **state)
{
	(void)state;
	struct cri_cache c = { 0 };
	assert_null(cri_cache_find(&c, "a"));
	cri_cache_add(&c, "a", STRINGS("x", "", "y"), 3);
	const struct cri_cache_entry *entry = cri_cache_add(&c, "b", NULL, 0);
	assert_int_equal(entry->n_texts, 0);
	entry = cri_cache_find(&c, "a");
	assert_int_equal(entry->n_texts, 3);
	assert_string_equal(entry->texts[0], "x");
	assert_string_equal(entry->texts[1], "");
	assert_string_equal(entry->texts[2], "y");
	assert_non_null(cri_cache_find(&c, "b"));
	assert_null(cri_cache_find(&c, "c"));
	assert_null(cri_cache_find(&c, ""));
	cri_cache_done(&c);
	assert_null(cri_cache_find(&c, "a"));
}

static void what_is_not_used_is_swept(void **state)
{
	(void)state;
	struct cri_cache c = { 0 };
	cri_cache_sweep(&c);
	cri_cache_add(&c, "a", NULL, 0);
	cri_cache_add(&c, "b", NULL, 0);
	cri_cache_sweep(&c);
	assert_int_equal(c.n_entries, 2);
	(void)cri_cache_find(&c, "a");
	cri_cache_sweep(&c);
	assert_int_equal(c.n_entries, 1);
	assert_non_null(cri_cache_find(&c, "a"));
	assert_null(cri_cache_find(&c, "b"));
	/* found just now, so it stays once more */
	cri_cache_sweep(&c);
	assert_int_equal(c.n_entries, 1);
	cri_cache_sweep(&c);
	assert_int_equal(c.n_entries, 0);
	cri_cache_done(&c);
}

static void id_of(unsigned n, char ret[16])
{
	(void)snprintf(ret, 16, "id-%u", n);
}

static void thousands(void **state)
{
	(void)state;
	struct cri_cache c = { 0 };
	char id[16];
	for (unsigned n = 0; n < 10000; n++) {
		id_of(n, id);
		assert_null(cri_cache_find(&c, id));
		cri_cache_add(&c, id, STRINGS(id), 1);
	}
	cri_cache_sweep(&c);
	for (unsigned n = 0; n < 10000; n += 3) {
		id_of(n, id);
		assert_string_equal(cri_cache_find(&c, id)->texts[0], id);
	}
	cri_cache_sweep(&c);
	assert_int_equal(c.n_entries, 3334);
	for (unsigned n = 0; n < 10000; n++) {
		id_of(n, id);
		assert_true((cri_cache_find(&c, id) != NULL) == (n % 3 == 0));
	}
	cri_cache_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_found),
		cmocka_unit_test(what_is_not_used_is_swept),
		cmocka_unit_test(thousands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
