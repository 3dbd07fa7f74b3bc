/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/gain.h"

#define MB UINT64_C(1000000)
#define GB UINT64_C(1000000000)

static void learn(struct gain_ratios *g, const char *runtime, uint64_t nominal, uint64_t bytes,
		  uint64_t inodes)
{
	const uint64_t freed[] = { bytes, inodes };
	gain_learn(g, runtime, nominal, freed);
}

static void assert_expected(const struct gain_ratios *g, const char *runtime, uint64_t nominal,
			    uint64_t bytes, uint64_t inodes)
{
	uint64_t got[_RESOURCE_MAX];
	assert_true(gain_expected(g, runtime, nominal, got));
	assert_int_equal(got[RESOURCE_BYTES], bytes);
	assert_int_equal(got[RESOURCE_INODES], inodes);
}

static void assert_nothing_known(const struct gain_ratios *g, const char *runtime)
{
	uint64_t got[_RESOURCE_MAX] = { 77, 78 };
	assert_false(gain_expected(g, runtime, MB, got));
	assert_int_equal(got[RESOURCE_BYTES], 77);
	assert_int_equal(got[RESOURCE_INODES], 78);
}

static void what_is_believed(void **state)
{
	(void)state;
	static const struct {
		uint64_t nominal, freed;
		bool believed;
	} rows[] = {
		{ 100 * MB, 300 * MB, true },
		{ 100 * MB, 1, true },
		{ 100 * MB, 0, false },
		{ 0, 5 * MB, false },
		/* one of 2 KB has some blocks of its files beside */
		{ 2000, 60000, true },
		{ 2000, (UINT64_C(64) << 20) + 64000, true },
		{ 2000, (UINT64_C(64) << 20) + 64001, false },
		{ 100 * MB, 10 * GB, false },
		{ UINT64_MAX, UINT64_MAX, true },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const uint64_t freed[] = { rows[i].freed, 5 };
		if (gain_believable(rows[i].nominal, freed) != rows[i].believed)
			fail_msg("row %zu", i);
	}
}

static void three_removals_tell(void **state)
{
	(void)state;
	struct gain_ratios g = { 0 };
	assert_nothing_known(&g, "containerd 1.6.20");
	learn(&g, "containerd 1.6.20", 100 * MB, 300 * MB, 4000);
	learn(&g, "containerd 1.6.20", 100 * MB, 250 * MB, 4000);
	assert_nothing_known(&g, "containerd 1.6.20");
	learn(&g, "containerd 1.6.20", 200 * MB, 650 * MB, 0);
	assert_expected(&g, "containerd 1.6.20", 10 * MB, 30 * MB, 200);
	/* another version is the same kind, another runtime is not, however it begins */
	assert_expected(&g, "containerd 2.1.9", 10 * MB, 30 * MB, 200);
	assert_expected(&g, "containerd", 0, 0, 0);
	assert_nothing_known(&g, "container 1.6.20");
	assert_nothing_known(&g, "containerd-2 1");
	assert_nothing_known(&g, "");
}

static void nothing_overflows(void **state)
{
	(void)state;
	struct gain_ratios g = { 0 };
	for (int i = 0; i < 10; i++)
		learn(&g, "a", UINT64_MAX, UINT64_MAX, UINT64_MAX);
	assert_expected(&g, "a", UINT64_MAX, UINT64_MAX, UINT64_MAX);
	for (int i = 0; i < 3; i++)
		learn(&g, "b", 1, UINT64_MAX, UINT64_MAX);
	assert_expected(&g, "b", UINT64_MAX, UINT64_MAX, UINT64_MAX);
	/* nominal sizes of nothing tell nothing */
	for (int i = 0; i < 3; i++)
		learn(&g, "c", 0, 1, 1);
	assert_nothing_known(&g, "c");
}

/* What changed long ago is outweighed, by many small images and by few large ones. */
static void the_past_fades(void **state)
{
	(void)state;
	static const struct {
		int removals;
		uint64_t nominal;
	} rows[] = { { 2000, MB }, { 20, 20 * GB } };
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct gain_ratios g = { 0 };
		uint64_t got[_RESOURCE_MAX];
		for (int k = 0; k < rows[i].removals; k++)
			learn(&g, "r", rows[i].nominal, 3 * rows[i].nominal, 0);
		for (int k = 0; k < rows[i].removals; k++)
			learn(&g, "r", rows[i].nominal, rows[i].nominal, 0);
		assert_true(gain_expected(&g, "r", 1000 * MB, got));
		assert_in_range(got[RESOURCE_BYTES], 1000 * MB, 1100 * MB);
	}
}

static void the_one_not_seen_for_longest_goes(void **state)
{
	(void)state;
	struct gain_ratios g = { 0 };
	char name[] = "a 1";
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < GAIN_N_RATIOS; i++) {
			name[0] = (char)('a' + i);
			learn(&g, name, 1, (uint64_t)i + 1, 0);
		}
	learn(&g, "a", 1, 1, 0);
	assert_int_equal(g.n_ratios, GAIN_N_RATIOS);
	for (int round = 0; round < 3; round++)
		learn(&g, "new", 1, 50, 0);
	assert_int_equal(g.n_ratios, GAIN_N_RATIOS);
	assert_nothing_known(&g, "b");
	assert_expected(&g, "a", 4, 4, 0);
	assert_expected(&g, "c", 1, 3, 0);
	assert_expected(&g, "h", 1, 8, 0);
	assert_expected(&g, "new", 1, 50, 0);
}

/* However long it is: cut, and found again; and nothing of a longer name stays behind a shorter. */
static void long_names(void **state)
{
	(void)state;
	struct gain_ratios g = { 0 };
	static const char name[] = "0123456789012345678901234567890123456789 1.0";
	for (int i = 0; i < 3; i++)
		learn(&g, name, 1, 2, 3);
	assert_int_equal(g.n_ratios, 1);
	assert_int_equal(strlen(g.ratios[0].runtime), GAIN_RUNTIME_MAX - 1);
	assert_expected(&g, name, 10, 20, 30);
	assert_nothing_known(&g, "0123456789");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_believed),
		cmocka_unit_test(three_removals_tell),
		cmocka_unit_test(nothing_overflows),
		cmocka_unit_test(the_past_fades),
		cmocka_unit_test(the_one_not_seen_for_longest_goes),
		cmocka_unit_test(long_names),
	};
	return cmocka_run_group_tests_name("gain", tests, NULL, NULL);
}
