/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <errno.h>
#include <string.h>

#include "core/eviction-parse.h"

/* --- the kubelet's cases -------------------------------------------------------------------- */

static struct eviction_map map_of(const cJSON *object, struct eviction_entry *entries)
{
	struct eviction_map map = { .entries = entries };
	const cJSON *item;
	cJSON_ArrayForEach(item, object)
	{
		assert_in_range(map.n, 0, EVICTION_MAX_ENTRIES - 1);
		entries[map.n++] = (struct eviction_entry){ item->string, item->valuestring };
	}
	return map;
}

/*
 * The kubelet makes a threshold of allocatableMemory.available out of each hard one of
 * memory.available where pods are in enforceNodeAllocatable. We have no use for memory.
 */
static bool is_made_by_enforcement(const cJSON *row, const cJSON *threshold)
{
	return cJSON_GetArraySize(kubelet_member(row, "enforce_node_allocatable")) > 0 &&
	       strcmp(kubelet_text(threshold, "signal"), "allocatableMemory.available") == 0;
}

static void check_thresholds(const cJSON *row, const struct eviction_thresholds *thresholds,
			     int *n_made)
{
	const cJSON *t;
	size_t expected = 0;
	cJSON_ArrayForEach(t, kubelet_member(row, "expect_thresholds_any_order"))
	{
		if (is_made_by_enforcement(row, t)) {
			++*n_made;
			continue;
		}
		expected++;
		struct eviction_threshold want = kubelet_threshold(t);
		bool found = false;
		for (size_t i = 0; i < thresholds->n; i++) {
			const struct eviction_threshold *got = &thresholds->items[i];
			found = found ||
				(got->signal == want.signal && got->grace == want.grace &&
				 kubelet_value_is(&got->value, kubelet_member(t, "value")) &&
				 kubelet_value_is(&got->min_reclaim,
						  kubelet_member(t, "min_reclaim")));
		}
		if (!found)
			fail_msg("%s: no threshold of %s", kubelet_text(row, "name"),
				 kubelet_text(t, "signal"));
	}
	if (thresholds->n != expected)
		fail_msg("%s: %zu thresholds", kubelet_text(row, "name"), thresholds->n);
}

static void check_row(const cJSON *row, int *n_made)
{
	const char *name = kubelet_text(row, "name");
	struct eviction_entry entries[4][EVICTION_MAX_ENTRIES];
	struct eviction_settings settings = {
		.hard = map_of(kubelet_member(row, "eviction_hard"), entries[0]),
		.soft = map_of(kubelet_member(row, "eviction_soft"), entries[1]),
		.soft_grace_period =
			map_of(kubelet_member(row, "eviction_soft_grace_period"), entries[2]),
		.minimum_reclaim =
			map_of(kubelet_member(row, "eviction_minimum_reclaim"), entries[3]),
	};
	struct eviction_thresholds thresholds;
	struct err e = { 0 };
	int r = eviction_parse(&settings, EVICTION_KUBELET, &thresholds, &e);
	if (kubelet_bool(row, "expect_error")) {
		if (r != -EINVAL || strcmp(e.msg, kubelet_text(row, "error_text")) != 0)
			fail_msg("%s: %d, %s", name, r, e.msg);
		return;
	}
	if (r < 0)
		fail_msg("%s: %s", name, e.msg);
	assert_true(thresholds.float32);
	check_thresholds(row, &thresholds, n_made);
}

static void parses_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	static const struct {
		const char *name;
		int rows;
	} groups[] = { { "parse_threshold_config", 17 }, { "derived_parse_threshold_config", 42 } };
	int n_made = 0;
	for (size_t i = 0; i < ELEMENTS(groups); i++) {
		const cJSON *row, *group = kubelet_member(cases, groups[i].name);
		assert_int_equal(cJSON_GetArraySize(group), groups[i].rows);
		cJSON_ArrayForEach(row, group) check_row(row, &n_made);
	}
	print_message("# left out: %d thresholds of memory made by enforceNodeAllocatable\n",
		      n_made);
	assert_int_equal(n_made, 1);
}

/* evictionHard of a configuration file is the importer's; defaults and flags are in here. */
static void defaults_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	struct eviction_thresholds defaults;
	eviction_defaults(&defaults);
	assert_int_equal(defaults.n, 4);
	assert_false(defaults.float32);
	const cJSON *row, *item;
	int n = 0;
	cJSON_ArrayForEach(row, kubelet_member(cases, "derived_config_loading"))
	{
		if (strcmp(kubelet_text(row, "name"), "absent") != 0)
			continue;
		const cJSON *expect = kubelet_member(row, "expect");
		cJSON_ArrayForEach(item, kubelet_member(expect, "eviction_hard"))
		{
			enum eviction_signal signal = kubelet_signal(item->string);
			if (!eviction_signal_is_disk(signal))
				continue;
			const struct eviction_threshold *t =
				eviction_find(&defaults, signal, EVICTION_HARD);
			assert_non_null(t);
			struct percentage p;
			assert_int_equal(
				percentage_parse(item->valuestring, PERCENTAGE_PLAIN, &p, NULL), 0);
			assert_int_equal(t->value.percentage.significand, p.significand);
			n++;
		}
		assert_int_equal(EVICTION_DEFAULT_TRANSITION_PERIOD,
				 kubelet_seconds(expect, "eviction_pressure_transition_period_s"));
	}
	assert_int_equal(n, 4);
}

static void add_flag(const char *flag, struct eviction_map *map, struct eviction_entry *entries,
		     struct eviction_entries *split)
{
	struct err e = { 0 };
	if (eviction_split(strchr(flag, '=') + 1, '<', split, &e) < 0)
		fail_msg("%s: %s", flag, e.msg);
	for (size_t i = 0; i < split->n; i++)
		entries[map->n++] = split->list[i];
	map->entries = entries;
}

static void flags_as_the_kubelet(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row, *flag, *item;
	int n = 0;
	cJSON_ArrayForEach(row, kubelet_member(cases, "derived_config_loading"))
	{
		struct eviction_entry entries[2 * EVICTION_MAX_ENTRIES];
		struct eviction_entries split[2] = { 0 };
		struct eviction_map map = { 0 };
		size_t n_flags = 0;
		cJSON_ArrayForEach(flag, kubelet_member(row, "flags"))
		{
			if (strncmp(flag->valuestring, "--eviction-hard=", 16) == 0)
				add_flag(flag->valuestring, &map, entries, &split[n_flags++]);
		}
		if (n_flags > 0) {
			const cJSON *expect =
				kubelet_member(kubelet_member(row, "expect"), "eviction_hard");
			assert_int_equal(map.n, cJSON_GetArraySize(expect));
			for (size_t i = 0; i < map.n; i++) {
				item = kubelet_member(expect, map.entries[i].signal);
				assert_non_null(item);
				assert_string_equal(item->valuestring, map.entries[i].value);
			}
			n++;
		}
		eviction_entries_done(&split[0]);
		eviction_entries_done(&split[1]);
	}
	assert_int_equal(n, 2);
}

/* --- ours ----------------------------------------------------------------------------------- */

static void assert_quantity(const struct eviction_value *v, uint64_t amount)
{
	assert_false(v->is_percentage);
	assert_int_equal(quantity_compare_amount(&v->quantity, amount), 0);
}

static void assert_percentage(const struct eviction_value *v, uint64_t significand, int exponent)
{
	assert_true(v->is_percentage);
	assert_int_equal(v->percentage.significand, significand);
	assert_int_equal(v->percentage.exponent, exponent);
}

static void accepts(void **state)
{
	(void)state;
	struct eviction_texts texts = {
		.hard = " nodefs.available < 10% ,,imagefs.available<1.5Gi,nodefs.inodesFree<0%,"
			"imagefs.inodesFree<100%",
		.soft = "nodefs.available<12.50%,containerfs.inodesFree<+1e3,"
			"imagefs.available<3Gi,containerfs.available<100%",
		.soft_grace_period = "nodefs.available=1m30s,containerfs.inodesFree=1ns,"
				     "imagefs.available=-0s,nodefs.inodesFree=1h",
		.minimum_reclaim = "nodefs.available=1G,imagefs.available=150%,"
				   "containerfs.available=0",
	};
	struct eviction_thresholds t;
	struct err e = { 0 };
	if (eviction_parse_texts(&texts, EVICTION_OURS, &t, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(t.n, 5);
	assert_false(t.float32);

	const struct eviction_threshold *hard =
		eviction_find(&t, EVICTION_NODEFS_AVAILABLE, EVICTION_HARD);
	assert_percentage(&hard->value, 1, 1);
	assert_int_equal(eviction_threshold_level(hard), EVICTION_HARD);
	assert_quantity(&hard->min_reclaim, 1000000000);

	const struct eviction_threshold *soft =
		eviction_find(&t, EVICTION_NODEFS_AVAILABLE, EVICTION_SOFT);
	assert_percentage(&soft->value, 125, -1);
	assert_int_equal(soft->grace, 90 * USEC_PER_SEC);
	assert_int_equal(eviction_threshold_level(soft), EVICTION_SOFT);
	assert_quantity(&soft->min_reclaim, 1000000000);

	/* no grace period makes it a hard one; a nanosecond is one */
	soft = eviction_find(&t, EVICTION_IMAGEFS_AVAILABLE, EVICTION_SOFT);
	assert_quantity(&soft->value, UINT64_C(3) << 30);
	assert_percentage(&soft->min_reclaim, 15, 1);
	assert_int_equal(eviction_threshold_level(soft), EVICTION_HARD);
	soft = eviction_find(&t, EVICTION_CONTAINERFS_INODES_FREE, EVICTION_SOFT);
	assert_quantity(&soft->value, 1000);
	assert_int_equal(eviction_threshold_level(soft), EVICTION_SOFT);
	assert_quantity(&soft->min_reclaim, 0);

	assert_null(eviction_find(&t, EVICTION_NODEFS_INODES_FREE, EVICTION_HARD));
	assert_null(eviction_find(&t, EVICTION_CONTAINERFS_AVAILABLE, EVICTION_SOFT));
}

static void nothing_is_fine(void **state)
{
	(void)state;
	struct eviction_thresholds t = { .n = 42 };
	struct eviction_texts none = { 0 }, empty = { "", "", ",,", "" };
	assert_int_equal(eviction_parse_texts(&none, EVICTION_OURS, &t, NULL), 0);
	assert_int_equal(t.n, 0);
	assert_int_equal(eviction_parse_texts(&empty, EVICTION_KUBELET, &t, NULL), 0);
	assert_int_equal(t.n, 0);
}

/* All there can be: every signal in both keys. */
static void full_set(void **state)
{
	(void)state;
	cleanup_buf struct buf hard = BUF_INIT(EVICTION_MAX_TEXT),
			       grace = BUF_INIT(EVICTION_MAX_TEXT);
	for (int s = 0; s < _EVICTION_SIGNAL_MAX; s++) {
		assert_int_equal(buf_printf(&hard, "%s<1Gi,", eviction_signal_to_string(s)), 0);
		assert_int_equal(buf_printf(&grace, "%s=1s,", eviction_signal_to_string(s)), 0);
	}
	struct eviction_texts texts = { .hard = buf_string(&hard),
					.soft = buf_string(&hard),
					.soft_grace_period = buf_string(&grace) };
	struct eviction_thresholds t;
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &t, NULL), 0);
	assert_int_equal(t.n, EVICTION_MAX_THRESHOLDS);
}

static void limits(void **state)
{
	(void)state;
	struct eviction_thresholds t;
	struct err e = { 0 };
	char text[EVICTION_MAX_TEXT + 2];
	memset(text, ',', sizeof(text));
	text[EVICTION_MAX_TEXT] = '\0';
	struct eviction_texts texts = { .soft = text };
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_OURS, &t, &e), 0);
	text[EVICTION_MAX_TEXT] = ',';
	text[EVICTION_MAX_TEXT + 1] = '\0';
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_OURS, &t, &e), -E2BIG);
	assert_string_equal(e.msg, "evictionSoft: longer than 4096 bytes");

	cleanup_buf struct buf many = BUF_INIT(EVICTION_MAX_TEXT);
	for (int i = 0; i < EVICTION_MAX_ENTRIES; i++)
		assert_int_equal(buf_puts(&many, "nodefs.available<1,"), 0);
	texts.soft = NULL;
	texts.hard = buf_string(&many);
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &t, &e), 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(buf_puts(&many, "nodefs.available<1"), 0);
	texts.hard = buf_string(&many);
	assert_int_equal(eviction_parse_texts(&texts, EVICTION_KUBELET, &t, &e), -E2BIG);
	assert_string_equal(e.msg, "more than 64 entries");

	struct eviction_entry entries[EVICTION_MAX_ENTRIES + 1];
	for (size_t i = 0; i < ELEMENTS(entries); i++)
		entries[i] = (struct eviction_entry){ "nodefs.available", "1" };
	struct eviction_settings settings = { .minimum_reclaim = { entries, ELEMENTS(entries) } };
	assert_int_equal(eviction_parse(&settings, EVICTION_OURS, &t, &e), -E2BIG);
	assert_string_equal(e.msg, "evictionMinimumReclaim: more than 64 entries");
}

static void signals(void **state)
{
	(void)state;
	for (int s = 0; s < _EVICTION_SIGNAL_MAX; s++) {
		assert_int_equal(eviction_signal_from_string(eviction_signal_to_string(s)), s);
		assert_int_equal(eviction_signal_is_disk(s), s <= EVICTION_CONTAINERFS_INODES_FREE);
	}
	assert_int_equal(eviction_signal_from_string(""), _EVICTION_SIGNAL_INVALID);
	assert_int_equal(eviction_signal_from_string("nodefs"), _EVICTION_SIGNAL_INVALID);
	for (int role = 0; role < _ROLE_MAX; role++) {
		for (int r = 0; r < _RESOURCE_MAX; r++) {
			enum eviction_signal s = eviction_signal_of(role, r);
			char name[64];
			(void)snprintf(name, sizeof(name), "%s.%s", fs_role_to_string(role),
				       r == RESOURCE_BYTES ? "available" : "inodesFree");
			assert_string_equal(eviction_signal_to_string(s), name);
			assert_int_equal(eviction_signal_role(s), role);
			assert_int_equal(eviction_signal_resource(s), r);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_as_the_kubelet),
		cmocka_unit_test(defaults_as_the_kubelet),
		cmocka_unit_test(flags_as_the_kubelet),

		cmocka_unit_test(accepts),
		cmocka_unit_test(nothing_is_fine),
		cmocka_unit_test(full_set),
		cmocka_unit_test(limits),

		cmocka_unit_test(signals),
	};
	return cmocka_run_group_tests_name("eviction-parse", tests, NULL, NULL);
}
