/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/space.h"
#include "random.h"

static void totals_and_availables(void **state)
{
	(void)state;
	struct space s = { .size_bytes = 100, .avail_bytes = 40, .inodes = 10, .inodes_free = 3 };
	assert_int_equal(space_total(&s, RESOURCE_BYTES), 100);
	assert_int_equal(space_total(&s, RESOURCE_INODES), 10);
	assert_int_equal(space_available(&s, RESOURCE_BYTES), 40);
	assert_int_equal(space_available(&s, RESOURCE_INODES), 3);
}

static void more_available_than_there_is_counts_as_all(void **state)
{
	(void)state;
	struct space s = { 100, 101, 10, UINT64_MAX };
	assert_int_equal(space_available(&s, RESOURCE_BYTES), 100);
	assert_int_equal(space_available(&s, RESOURCE_INODES), 10);
	s = (struct space){ 100, 100, 10, 10 };
	assert_int_equal(space_available(&s, RESOURCE_BYTES), 100);
	assert_int_equal(space_available(&s, RESOURCE_INODES), 10);
}

static void filesystem_without_inodes(void **state)
{
	(void)state;
	struct space s = { .size_bytes = 1, .inodes = 0, .inodes_free = 7 };
	assert_true(space_has(&s, RESOURCE_BYTES));
	assert_false(space_has(&s, RESOURCE_INODES));
	assert_int_equal(space_available(&s, RESOURCE_INODES), 0);
	assert_int_equal(space_used_percent(&s, RESOURCE_INODES), 0);
}

static void used_percent_rounds_up(void **state)
{
	(void)state;
	static const struct {
		uint64_t total, available;
		int percent;
	} rows[] = {
		{ 0, 0, 0 },
		{ 0, 5, 0 },
		{ 1, 0, 100 },
		{ 1, 1, 0 },
		{ 3, 0, 100 },
		{ 3, 1, 67 },
		{ 3, 2, 34 },
		{ 3, 3, 0 },
		{ 7, 3, 58 },
		{ 7, 6, 15 },
		{ 100, 99, 1 },
		{ 100, 16, 84 },
		{ 1000, 160, 84 },
		{ 1000, 159, 85 }, /* 84.1 % */
		{ 1000, 150, 85 },
		{ 1000, 9, 100 },
		{ 1000, 10, 99 },
		{ 1000, 999, 1 },
		{ 1000, 1000, 0 },
		/* the kubelet's product of available and 100 is beyond 63 bits here */
		{ UINT64_MAX, UINT64_MAX, 0 },
		{ UINT64_MAX, UINT64_MAX - 1, 1 },
		{ UINT64_MAX, UINT64_MAX / 2, 51 },
		{ UINT64_MAX, UINT64_MAX / 2 + 1, 50 },
		{ UINT64_MAX, 0, 100 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct space bytes = { .size_bytes = rows[i].total,
				       .avail_bytes = rows[i].available };
		struct space inodes = { .inodes = rows[i].total, .inodes_free = rows[i].available };
		if (space_used_percent(&bytes, RESOURCE_BYTES) != rows[i].percent ||
		    space_used_percent(&inodes, RESOURCE_INODES) != rows[i].percent)
			fail_msg("row %zu: %d, not %d", i,
				 space_used_percent(&bytes, RESOURCE_BYTES), rows[i].percent);
	}
}

/* 0 ... 100, and never less used when less is available. */
static void used_percent_is_monotone(void **state)
{
	(void)state;
	struct random r = random_start("used percent");
	for (int round = 0; round < 100000; round++) {
		uint64_t total = random_amount(&r), a = random_amount(&r), b = random_amount(&r);
		struct space less = { .size_bytes = total, .avail_bytes = a < b ? a : b };
		struct space more = { .size_bytes = total, .avail_bytes = a < b ? b : a };
		int p = space_used_percent(&less, RESOURCE_BYTES);
		int q = space_used_percent(&more, RESOURCE_BYTES);
		assert_in_range(p, 0, 100);
		assert_in_range(q, 0, 100);
		assert_true(p >= q);
	}
}

static void sums_stop_at_the_top(void **state)
{
	(void)state;
	assert_int_equal(amount_add(0, 0), 0);
	assert_int_equal(amount_add(2, 3), 5);
	assert_int_equal(amount_add(UINT64_MAX - 3, 2), UINT64_MAX - 1);
	assert_int_equal(amount_add(UINT64_MAX - 2, 2), UINT64_MAX);
	assert_int_equal(amount_add(UINT64_MAX - 1, 2), UINT64_MAX);
	assert_int_equal(amount_add(2, UINT64_MAX), UINT64_MAX);
	assert_int_equal(amount_add(UINT64_MAX, UINT64_MAX), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_and_availables),
		cmocka_unit_test(more_available_than_there_is_counts_as_all),
		cmocka_unit_test(filesystem_without_inodes),
		cmocka_unit_test(used_percent_rounds_up),
		cmocka_unit_test(used_percent_is_monotone),
		cmocka_unit_test(sums_stop_at_the_top),
	};
	return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
