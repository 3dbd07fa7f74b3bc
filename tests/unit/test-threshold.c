/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "core/space.h"
#include "core/threshold.h"
#include "random.h"
#include "util/json-read.h"

static void exact_amounts(void **state)
{
	(void)state;
	static const struct {
		uint64_t total;
		int percent;
		uint64_t target;
		bool triggers;
		uint64_t trigger;
	} rows[] = {
		/* no such resource: nothing to aim for, nothing that triggers */
		{ 0, 0, 0, false, 0 },
		{ 0, 80, 0, false, 0 },
		{ 0, 100, 0, false, 0 },
		{ 1, 0, 1, true, 1 },
		{ 1, 1, 1, true, 0 },
		{ 1, 50, 1, true, 0 },
		{ 1, 99, 1, true, 0 },
		{ 1, 100, 0, true, 0 },
		{ 1, 101, 0, false, 0 },
		{ 3, 50, 2, true, 1 },
		{ 3, 66, 2, true, 1 },
		{ 3, 67, 1, true, 1 },
		{ 3, 68, 1, true, 0 },
		{ 7, 0, 7, true, 7 },
		{ 7, 57, 4, true, 3 },
		{ 7, 58, 3, true, 3 },
		{ 7, 59, 3, true, 2 },
		{ 100, 80, 20, true, 20 },
		{ 100, 100, 0, true, 0 },
		{ 1000, 80, 200, true, 209 },
		{ 1000, 85, 150, true, 159 },
		{ 1000, 100, 0, true, 9 },
		{ 1000, -1, 1000, true, 1000 },
		{ 1000, 1000, 0, false, 0 },
		{ 4000000000, 60, 1600000000, true, 1639999999 },
		{ UINT64_MAX, 0, UINT64_MAX, true, UINT64_MAX },
		{ UINT64_MAX, 1, 18262276632972456099u, true, UINT64_MAX - 1 },
		{ UINT64_MAX, 50, 9223372036854775808u, true, 9407839477591871323u },
		{ UINT64_MAX, 100, 0, true, 184467440737095516 },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		uint64_t trigger = 42;
		bool triggers =
			threshold_trigger_available(rows[i].total, rows[i].percent, &trigger);
		uint64_t target = threshold_target_available(rows[i].total, rows[i].percent);
		if (target != rows[i].target || triggers != rows[i].triggers ||
		    trigger != (triggers ? rows[i].trigger : 42))
			fail_msg("row %zu: target %ju, triggers %d at %ju", i, (uintmax_t)target,
				 triggers, (uintmax_t)trigger);
	}
}

/* What comparing amounts says and what comparing integer percent says. */
static void agree(uint64_t total, uint64_t available, int percent)
{
	struct space s = { .size_bytes = total, .avail_bytes = available };
	int used = space_used_percent(&s, RESOURCE_BYTES);
	uint64_t clamped = space_available(&s, RESOURCE_BYTES), trigger = 0;
	bool met = clamped >= threshold_target_available(total, percent);
	bool triggered =
		threshold_trigger_available(total, percent, &trigger) && clamped <= trigger;
	if (met != (used <= percent) || triggered != (total > 0 && used >= percent))
		fail_msg("total %ju available %ju percent %d: used %d, met %d, triggered %d",
			 (uintmax_t)total, (uintmax_t)available, percent, used, met, triggered);
}

static void agree_around(uint64_t total, int percent, struct random *r)
{
	uint64_t trigger = 0, target = threshold_target_available(total, percent);
	(void)threshold_trigger_available(total, percent, &trigger);
	for (uint64_t d = 0; d <= 2; d++) {
		agree(total, target - d, percent);
		agree(total, target + d, percent);
		agree(total, trigger - d, percent);
		agree(total, trigger + d, percent);
		agree(total, d, percent);
		agree(total, total - d, percent);
	}
	agree(total, random_amount(r), percent);
}

static void amounts_and_percent_agree(void **state)
{
	(void)state;
	static const uint64_t totals[] = { 0,
					   1,
					   2,
					   3,
					   7,
					   10,
					   99,
					   100,
					   101,
					   1000,
					   4096,
					   4000000000,
					   UINT64_MAX - 1,
					   UINT64_MAX,
					   1ull << 63 };
	struct random r = random_start("thresholds");
	for (size_t i = 0; i < ELEMENTS(totals); i++)
		for (int percent = 0; percent <= 103; percent++)
			agree_around(totals[i], percent, &r);
	for (int round = 0; round < 20000; round++)
		agree_around(random_amount(&r), (int)random_below(&r, 104), &r);
}

/* Reaching the target always ends what triggers, whatever the total, when low is below high. */
static void target_clears_trigger(void **state)
{
	(void)state;
	struct random r = random_start("target and trigger");
	for (int round = 0; round < 100000; round++) {
		uint64_t total = random_amount(&r) | 1, trigger;
		int high = 1 + (int)random_below(&r, 100);
		int low = (int)random_below(&r, (uint64_t)high);
		assert_true(threshold_trigger_available(total, high, &trigger));
		assert_true(threshold_target_available(total, low) > trigger);
	}
}

static cJSON *kubelet_cases(void)
{
	char path[4096], text[65536];
	const char *top = getenv("TOP_SRCDIR");
	(void)snprintf(path, sizeof(path), "%s/tests/data/kubelet/image-gc.json", top ? top : ".");
	FILE *file = fopen(path, "re");
	if (!file)
		fail_msg("cannot open %s", path);
	size_t len = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	assert_in_range(len, 1, sizeof(text) - 1);
	cJSON *json;
	struct err e = { 0 };
	if (json_parse(text, len, &json, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	return json;
}

static int64_t number(const cJSON *row, const char *name)
{
	int64_t n = 0;
	assert_int_equal(json_get_i64(row, name, &n, NULL), 0);
	return n;
}

/*
 * The kubelet rounds the amount it aims for down, so by its own integer usage it may stop at
 * low + 1. Ours is rounded up: the same, or one unit more.
 */
static void same_as_kubelet(const cJSON *row)
{
	uint64_t capacity = (uint64_t)number(row, "capacity");
	uint64_t available = (uint64_t)number(row, "available");
	struct space s = { .size_bytes = capacity, .avail_bytes = available };
	assert_int_equal(space_used_percent(&s, RESOURCE_BYTES), number(row, "usage_percent"));

	uint64_t trigger;
	bool expected = false;
	assert_int_equal(json_get_bool(row, "triggered", &expected, NULL), 0);
	bool triggered =
		threshold_trigger_available(capacity, (int)number(row, "high"), &trigger) &&
		available <= trigger;
	assert_int_equal(triggered, expected);
	if (!expected)
		return;
	uint64_t kubelet_target = available + (uint64_t)number(row, "amount_to_free");
	uint64_t target = threshold_target_available(capacity, (int)number(row, "low"));
	assert_in_range(target - kubelet_target, 0, 1);
}

static void agrees_with_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases();
	const cJSON *rows, *row;
	int n = 0;
	assert_int_equal(json_get_array(cases, "derived_threshold_math", &rows, NULL), 0);
	cJSON_ArrayForEach(row, rows)
	{
		same_as_kubelet(row);
		n++;
	}
	assert_int_equal(n, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_amounts),
		cmocka_unit_test(amounts_and_percent_agree),
		cmocka_unit_test(target_clears_trigger),
		cmocka_unit_test(agrees_with_the_kubelet),
	};
	return cmocka_run_group_tests_name("threshold", tests, NULL, NULL);
}
