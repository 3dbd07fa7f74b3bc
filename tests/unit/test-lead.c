/* SPDX-License-Identifier: Apache-2.0 */
/* Staying ahead of the kubelet. */
#include "unit.h"

#include "core/eviction-parse.h"
#include "core/lead.h"

#define TOTAL 1000

static const struct space disk = {
	.size_bytes = TOTAL, .avail_bytes = TOTAL, .inodes = TOTAL, .inodes_free = TOTAL
};

static struct kubelet_limits limits(int gc_high, const char *hard, const char *soft)
{
	struct kubelet_limits k = { .known = true, .gc_high_percent = gc_high };
	struct eviction_texts texts = { .hard = hard, .soft = soft };
	struct err e = { 0 };
	if (soft)
		texts.soft_grace_period = "imagefs.available=1m";
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &k.eviction, &e), 0);
	return k;
}

static struct image_gc_policy policy(int high, int low)
{
	return (struct image_gc_policy){ .high_percent = { high, high },
					 .low_percent = { low, low } };
}

static void where_the_kubelet_acts(void **state)
{
	(void)state;
	uint64_t amount = 7;
	struct kubelet_limits none = { 0 };
	assert_false(kubelet_limits_gc(&none, RESOURCE_BYTES, &disk, &amount));
	assert_false(
		kubelet_limits_eviction(&none, ROLE_IMAGEFS, RESOURCE_BYTES, &disk, true, &amount));
	struct kubelet_limits k =
		limits(85, "imagefs.available<15%,nodefs.inodesFree<50", "imagefs.available<20%");
	assert_true(kubelet_limits_gc(&k, RESOURCE_BYTES, &disk, &amount));
	assert_int_equal(amount, 159);
	assert_false(kubelet_limits_gc(&k, RESOURCE_INODES, &disk, &amount));
	assert_true(
		kubelet_limits_eviction(&k, ROLE_IMAGEFS, RESOURCE_BYTES, &disk, false, &amount));
	assert_int_equal(amount, 150);
	assert_true(
		kubelet_limits_eviction(&k, ROLE_IMAGEFS, RESOURCE_BYTES, &disk, true, &amount));
	assert_int_equal(amount, 200);
	assert_true(
		kubelet_limits_eviction(&k, ROLE_NODEFS, RESOURCE_INODES, &disk, false, &amount));
	assert_int_equal(amount, 50);
	assert_false(
		kubelet_limits_eviction(&k, ROLE_NODEFS, RESOURCE_BYTES, &disk, true, &amount));
	static const struct space btrfs = { .size_bytes = TOTAL };
	assert_false(
		kubelet_limits_eviction(&k, ROLE_NODEFS, RESOURCE_INODES, &btrfs, false, &amount));
}

static void the_larger_of_two_counts(void **state)
{
	(void)state;
	uint64_t amount;
	struct kubelet_limits k = limits(101, "imagefs.available<30%", "imagefs.available<20%");
	assert_true(
		kubelet_limits_eviction(&k, ROLE_IMAGEFS, RESOURCE_BYTES, &disk, true, &amount));
	assert_int_equal(amount, 300);
}

static void percentages(void **state)
{
	(void)state;
	static const struct {
		int high, low;
		int gc_high; /* the kubelet's */
		const char *hard;
		bool nodefs_shared;
		int lead;
		int want_high[_RESOURCE_MAX], want_low[_RESOURCE_MAX];
	} rows[] = {
		/* the kubelet's defaults and ours: nothing to do */
		{ 80, 75, 85, EVICTION_DEFAULT_HARD, true, 5, { 80, 80 }, { 75, 75 } },
		/* ours behind the kubelet's collection, and behind its eviction */
		{ 90, 85, 85, "", true, 5, { 80, 90 }, { 75, 85 } },
		{ 90, 85, 101, "imagefs.available<15%", true, 5, { 81, 90 }, { 76, 85 } },
		{ 95, 90, 101, "imagefs.inodesFree<20%", true, 0, { 95, 81 }, { 90, 76 } },
		/* its eviction comes before its collection, and the other way round */
		{ 90, 85, 95, "imagefs.available<15%", true, 5, { 81, 90 }, { 76, 85 } },
		{ 90, 85, 85, "imagefs.available<10%", true, 0, { 85, 90 }, { 80, 85 } },
		/* what is on another filesystem does not count */
		{ 90, 85, 101, "nodefs.available<40%", false, 5, { 90, 90 }, { 85, 85 } },
		{ 90, 85, 101, "nodefs.available<40%", true, 5, { 56, 90 }, { 51, 85 } },
		/* amounts; one that cannot be met; nothing left below */
		{ 90, 85, 101, "imagefs.available<400", true, 0, { 61, 90 }, { 56, 85 } },
		{ 90, 85, 101, "imagefs.available<2Ki", true, 5, { 1, 90 }, { 0, 85 } },
		{ 90, 10, 101, "imagefs.available<50%", true, 0, { 51, 90 }, { 0, 10 } },
		/* less than one byte is nothing to be ahead of */
		{ 90, 85, 101, "imagefs.available<0.01%", true, 50, { 90, 90 }, { 85, 85 } },
		/* switched off stays off; no kubelet thresholds at all */
		{ 101, 75, 85, EVICTION_DEFAULT_HARD, true, 5, { 101, 101 }, { 75, 75 } },
		{ 90, 85, 101, "", true, 50, { 90, 90 }, { 85, 85 } },
		/* the kubelet collects all the time, or when nothing is left */
		{ 90, 85, 0, "", true, 5, { 1, 90 }, { 0, 85 } },
		{ 90, 85, 100, "", true, 0, { 90, 90 }, { 85, 85 } },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct kubelet_limits k = limits(rows[i].gc_high, rows[i].hard, NULL);
		struct image_gc_policy p = policy(rows[i].high, rows[i].low);
		const bool shared[_ROLE_MAX] = {
			[ROLE_IMAGEFS] = true, [ROLE_NODEFS] = rows[i].nodefs_shared
		};
		lead_apply(&p, &k, &disk, shared, rows[i].lead);
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			if (p.high_percent[r] != rows[i].want_high[r] ||
			    p.low_percent[r] != rows[i].want_low[r])
				fail_msg("row %zu, %s: %d/%d", i, resource_to_string(r),
					 p.high_percent[r], p.low_percent[r]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_the_kubelet_acts),
		cmocka_unit_test(the_larger_of_two_counts),
		cmocka_unit_test(percentages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
