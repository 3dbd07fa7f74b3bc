/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <string.h>

#include "core/eviction-kubelet.h"
#include "core/eviction.h"

/*
 * The kubelet's cases of what is done with thresholds. Where they are about memory.available and
 * the same holds for every signal, they are run with a disk signal in its place.
 */

#define PODS "evicting pods is not ours"

static const struct kubelet_group groups[] = {
	{ "parse_threshold_config", 17, 0, NULL },	   /* by test-eviction-parse */
	{ "derived_parse_threshold_config", 42, 0, NULL }, /* by test-eviction-parse */
	{ "derived_config_loading", 14, 11, "reading a KubeletConfiguration is not done in core/" },
	{ "parse_percentage", 4, 0, NULL }, /* by test-percentage */
	{ "compare_threshold_value", 5, 0, NULL },
	{ "add_allocatable_thresholds", 4, 4, "they are of memory" },
	{ "update_containerfs_thresholds", 4, 0, NULL },
	{ "sort_by_eviction_priority", 3, 3, "memory before disks; we act on every filesystem" },
	{ "get_reclaimable_threshold", 3, 3, "one signal a pass; we act on every filesystem" },
	{ "make_signal_observations", 1, 0, NULL },
	{ "thresholds_met", 5, 0, NULL },
	{ "percentage_thresholds_met", 4, 0, NULL },
	{ "thresholds_updated_stats", 4, 4, "every step of ours is a new sample" },
	{ "thresholds_first_observed_at", 3, 0, NULL },
	{ "thresholds_met_grace_period", 4, 0, NULL },
	{ "node_conditions", 2, 2, "they are of memory" },
	{ "node_conditions_last_observed_at", 3, 0, NULL },
	{ "node_conditions_observed_since", 2, 0, NULL },
	{ "has_node_condition", 2, 2, "the only condition here is a bool" },
	{ "derived_reclaim_functions", 8, 0, NULL },
	{ "pod_ranking", 7, 7, PODS },
	{ "admit_under_node_conditions", 3, 3, PODS },
	{ "scenarios", 15, 6,
	  "memory, process IDs, limits of pods, and a feature gate that is off" },
	{ "derived_scenarios", 10, 1, "a feature gate that is off" },
	{ "branch_only_not_mainline", 2, 2, "memory, and in no release" },
	{ "storage_limit_evictions", 3, 3, PODS },
	{ "disk_pressure_condition", 4, 4, "DiskPressure is the kubelet's to write" },
	{ "usage_when_value_is_absent", 4, 4, PODS },
	{ "compare_pods_without_stats", 5, 5, PODS },
	{ "eviction_message", 6, 6, PODS },
};

static void census(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	kubelet_census(cases, groups, ELEMENTS(groups));
}

/* The rows of a group, of which the census knows. */
static const cJSON *rows_of(const cJSON *cases, const char *name)
{
	const cJSON *rows = kubelet_member(cases, name);
	assert_true(cJSON_GetArraySize(rows) > 0);
	return rows;
}

/* A disk signal in the place of memory.available, others as they are. */
static enum eviction_signal as_disk(enum eviction_signal signal, enum eviction_signal instead)
{
	return eviction_signal_is_disk(signal) ? signal : instead;
}

static struct eviction_thresholds thresholds_as_disk(const cJSON *array,
						     enum eviction_signal instead)
{
	struct eviction_thresholds thresholds = kubelet_thresholds(array);
	for (size_t i = 0; i < thresholds.n; i++)
		thresholds.items[i].signal = as_disk(thresholds.items[i].signal, instead);
	return thresholds;
}

/* --- values and thresholds ------------------------------------------------------------------ */

static void values_are_equal(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row;
	cJSON_ArrayForEach(row, rows_of(cases, "compare_threshold_value"))
	{
		struct eviction_value a = kubelet_value(kubelet_member(row, "a"));
		assert_int_equal(kubelet_value_is(&a, kubelet_member(row, "b")),
				 kubelet_bool(row, "equal"));
	}
}

static void observations(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row = rows_of(cases, "make_signal_observations")->child;
	for (int s = 0; s < _EVICTION_DISK_MAX; s++) {
		const cJSON *stats = kubelet_member(kubelet_member(row, "stats"),
						    fs_role_to_string(eviction_signal_role(s)));
		const cJSON *expected =
			kubelet_member(kubelet_member(row, "expect"), eviction_signal_to_string(s));
		uint64_t value[4] = { 0 }, available = 0, capacity = 0;
		assert_int_equal(json_get_u64(stats, "capacity", &value[0], NULL), 0);
		assert_int_equal(json_get_u64(stats, "available", &value[1], NULL), 0);
		assert_int_equal(json_get_u64(stats, "inodes", &value[2], NULL), 0);
		assert_int_equal(json_get_u64(stats, "inodes_free", &value[3], NULL), 0);
		assert_int_equal(json_get_u64(expected, "available", &available, NULL), 0);
		assert_int_equal(json_get_u64(expected, "capacity", &capacity, NULL), 0);
		struct space space = { value[0], value[1], value[2], value[3] };
		assert_int_equal(space_available(&space, eviction_signal_resource(s)), available);
		assert_int_equal(space_total(&space, eviction_signal_resource(s)), capacity);
	}
}

/* memory.available as imagefs.available: nodefs is in there as itself. */
static void check_met(const cJSON *row)
{
	struct eviction_thresholds thresholds =
		thresholds_as_disk(kubelet_member(row, "thresholds"), EVICTION_IMAGEFS_AVAILABLE);
	struct space spaces[_ROLE_MAX] = { 0 };
	bool observed[_ROLE_MAX] = { false };
	const cJSON *item;
	cJSON_ArrayForEach(item, kubelet_member(row, "observations"))
	{
		enum eviction_signal s =
			as_disk(kubelet_signal(item->string), EVICTION_IMAGEFS_AVAILABLE);
		uint64_t available = kubelet_amount(kubelet_text(item, "available"));
		uint64_t total = kubelet_member(item, "capacity")
					 ? kubelet_amount(kubelet_text(item, "capacity"))
					 : available;
		kubelet_set_space(&spaces[eviction_signal_role(s)], eviction_signal_resource(s),
				  available, total);
		observed[eviction_signal_role(s)] = true;
	}
	bool expected[EVICTION_MAX_THRESHOLDS] = { false };
	cJSON_ArrayForEach(item, kubelet_member(row, "met")) expected[item->valueint] = true;
	for (size_t i = 0; i < thresholds.n; i++) {
		enum fs_role role = eviction_signal_role(thresholds.items[i].signal);
		bool met = eviction_met(&thresholds.items[i], observed[role] ? &spaces[role] : NULL,
					kubelet_bool(row, "enforce_min_reclaim"), true);
		if (met != expected[i])
			fail_msg("%s: threshold %zu met: %d", kubelet_name(row), i, met);
	}
}

static void thresholds_met(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row;
	cJSON_ArrayForEach(row, rows_of(cases, "thresholds_met")) check_met(row);
	cJSON_ArrayForEach(row, rows_of(cases, "percentage_thresholds_met")) check_met(row);
}

/* --- time ----------------------------------------------------------------------------------- */

#define SIGNAL EVICTION_NODEFS_AVAILABLE

/* The thresholds "hard" and "soft" of a row, as far as it has them, of nodefs. */
static struct eviction_policy defined(const cJSON *row)
{
	struct eviction_policy policy = { .transition_period = 5 * USEC_PER_MINUTE };
	const cJSON *item;
	cJSON_ArrayForEach(item, kubelet_member(row, "defs"))
	{
		struct eviction_threshold t = kubelet_threshold(item);
		t.signal = SIGNAL;
		assert_int_equal(t.set_by == EVICTION_HARD, strcmp(item->string, "hard") == 0);
		policy.thresholds.items[policy.thresholds.n++] = t;
	}
	return policy;
}

static struct eviction_track *track_of(struct eviction_state *state, const char *name)
{
	return &state->tracks[SIGNAL][strcmp(name, "hard") == 0 ? EVICTION_HARD : EVICTION_SOFT];
}

static void set_met(struct eviction_state *state, const cJSON *times)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, times)
	{
		struct eviction_track *track = track_of(state, item->string);
		track->met = true;
		track->first_met = kubelet_seconds(times, item->string);
	}
}

static struct eviction_verdict step(struct eviction_state *state,
				    const struct eviction_policy *policy, usec_t now,
				    const char *available)
{
	uint64_t amount = kubelet_amount(available);
	struct space space = { .size_bytes = kubelet_amount("32Gi"), .avail_bytes = amount };
	const struct space *spaces[_ROLE_MAX] = { [ROLE_NODEFS] = &space };
	struct eviction_verdict verdict;
	eviction_step(state, policy, now, spaces, &verdict);
	return verdict;
}

static void first_observed_at(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row, *item;
	cJSON_ArrayForEach(row, rows_of(cases, "thresholds_first_observed_at"))
	{
		struct eviction_policy policy = defined(row);
		struct eviction_state s = { 0 };
		set_met(&s, kubelet_member(row, "last_observed_at"));
		bool met = cJSON_GetArraySize(kubelet_member(row, "thresholds")) > 0;
		(void)step(&s, &policy, kubelet_seconds(row, "now"), met ? "0" : "16Gi");
		assert_int_equal(track_of(&s, "hard")->met, met);
		const cJSON *result = kubelet_member(row, "result");
		cJSON_ArrayForEach(item, result)
			assert_int_equal(track_of(&s, item->string)->first_met,
					 kubelet_seconds(result, item->string));
	}
}

static void met_grace_period(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row, *item;
	cJSON_ArrayForEach(row, rows_of(cases, "thresholds_met_grace_period"))
	{
		struct eviction_policy policy = defined(row);
		struct eviction_state s = { 0 };
		const cJSON *observed = kubelet_member(row, "observed_at");
		set_met(&s, observed);
		const char *available = "16Gi";
		if (kubelet_member(observed, "soft"))
			available = "1.5Gi";
		if (kubelet_member(observed, "hard"))
			available = "0";
		(void)step(&s, &policy, kubelet_seconds(row, "now"), available);
		bool hard = false, soft = false;
		cJSON_ArrayForEach(item, kubelet_member(row, "met"))
		{
			hard = hard || strcmp(item->valuestring, "hard") == 0;
			soft = soft || strcmp(item->valuestring, "soft") == 0;
		}
		if (track_of(&s, "hard")->in_force != hard ||
		    track_of(&s, "soft")->in_force != soft)
			fail_msg("%s", kubelet_name(row));
	}
}

/* The condition, which is MemoryPressure in there. */
static void set_condition(struct eviction_state *state, const cJSON *times)
{
	state->was_met = cJSON_GetArraySize(times) > 0;
	state->last_met = state->was_met ? kubelet_seconds(times, times->child->string) : 0;
}

static struct eviction_policy one_hard(void)
{
	struct eviction_policy policy = { .thresholds = { .n = 1 } };
	policy.thresholds.items[0] = (struct eviction_threshold){
		.signal = SIGNAL,
		.set_by = EVICTION_HARD,
		.value = { .quantity = quantity_from_amount(1 << 30, QUANTITY_BINARY_SI) },
	};
	return policy;
}

static void condition_last_observed_at(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row;
	cJSON_ArrayForEach(row, rows_of(cases, "node_conditions_last_observed_at"))
	{
		struct eviction_policy policy = one_hard();
		struct eviction_state s = { 0 };
		set_condition(&s, kubelet_member(row, "last"));
		bool met = cJSON_GetArraySize(kubelet_member(row, "conditions")) > 0;
		(void)step(&s, &policy, kubelet_seconds(row, "now"), met ? "0" : "16Gi");
		const cJSON *result = kubelet_member(row, "result");
		assert_true(s.was_met);
		assert_int_equal(s.last_met, kubelet_seconds(result, result->child->string));
	}
}

static void condition_observed_since(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row;
	cJSON_ArrayForEach(row, rows_of(cases, "node_conditions_observed_since"))
	{
		struct eviction_policy policy = one_hard();
		struct eviction_state s = { 0 };
		policy.transition_period = kubelet_seconds(row, "period_s");
		set_condition(&s, kubelet_member(row, "observed_at"));
		struct eviction_verdict v = step(&s, &policy, kubelet_seconds(row, "now"), "16Gi");
		assert_int_equal(v.kubelet_disk_pressure,
				 cJSON_GetArraySize(kubelet_member(row, "result")) > 0);
	}
}

/* --- layouts -------------------------------------------------------------------------------- */

static void check_containerfs(const cJSON *row)
{
	struct eviction_thresholds thresholds =
		kubelet_thresholds(kubelet_member(row, "thresholds"));
	size_t others = 0, expected = 0;
	for (size_t i = 0; i < thresholds.n; i++)
		others += eviction_signal_role(thresholds.items[i].signal) != ROLE_CONTAINERFS;
	struct err e = { 0 };
	if (eviction_derive_containerfs(&thresholds, kubelet_layout(row), &e) !=
	    kubelet_bool(row, "expect_error"))
		fail_msg("%s: %s", kubelet_name(row), e.msg);
	const cJSON *t;
	cJSON_ArrayForEach(t, kubelet_member(row, "expect_containerfs_thresholds"))
	{
		struct eviction_threshold want = kubelet_threshold(t);
		const struct eviction_threshold *got =
			eviction_find(&thresholds, want.signal, want.set_by);
		if (!got || got->grace != want.grace ||
		    !kubelet_value_is(&got->value, kubelet_member(t, "value")) ||
		    !kubelet_value_is(&got->min_reclaim, kubelet_member(t, "min_reclaim")))
			fail_msg("%s: %s", kubelet_name(row), kubelet_text(t, "signal"));
		expected++;
	}
	assert_int_equal(thresholds.n, others + expected);
}

static void containerfs(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row;
	cJSON_ArrayForEach(row, rows_of(cases, "update_containerfs_thresholds"))
		check_containerfs(row);
}

static void reclaim_functions(void **state)
{
	(void)state;
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row, *item;
	cJSON_ArrayForEach(row, rows_of(cases, "derived_reclaim_functions"))
	{
		bool images = strcmp(kubelet_text(row, "filesystem"), "imagefs") == 0;
		struct eviction_reclaim got =
			eviction_reclaims(images ? ROLE_IMAGEFS : ROLE_NODEFS, kubelet_layout(row));
		struct eviction_reclaim want = { 0 };
		cJSON_ArrayForEach(item, kubelet_member(row, "reclaim_in_order"))
		{
			bool first = strcmp(item->valuestring, "containers") == 0;
			assert_false(first && want.images); /* that is the order, always */
			want.containers = want.containers || first;
			want.images = want.images || !first;
		}
		assert_int_equal(got.containers, want.containers);
		assert_int_equal(got.images, want.images);
	}
	/* containerfs, which the rows leave out */
	static const struct {
		struct eviction_layout layout;
		struct eviction_reclaim expected;
	} rows[] = {
		{ { false, false }, { true, true } },
		{ { false, true }, { true, true } },
		{ { true, false }, { true, true } },
		{ { true, true }, { true, false } },
	};
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct eviction_reclaim got = eviction_reclaims(ROLE_CONTAINERFS, rows[i].layout);
		assert_int_equal(got.containers, rows[i].expected.containers);
		assert_int_equal(got.images, rows[i].expected.images);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(census),
		cmocka_unit_test(values_are_equal),
		cmocka_unit_test(observations),
		cmocka_unit_test(thresholds_met),
		cmocka_unit_test(first_observed_at),
		cmocka_unit_test(met_grace_period),
		cmocka_unit_test(condition_last_observed_at),
		cmocka_unit_test(condition_observed_since),
		cmocka_unit_test(containerfs),
		cmocka_unit_test(reclaim_functions),
	};
	return cmocka_run_group_tests_name("eviction-kubelet", tests, NULL, NULL);
}
