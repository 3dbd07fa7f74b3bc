/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <string.h>

#include "core/eviction-kubelet.h"
#include "core/eviction.h"

/* The kubelet's scenarios: passes of one kubelet over time, under the pressure of filesystems. */

/* One kubelet. Its passes are made of our parts, its pods are never seen. */
struct kubelet {
	const char *name;
	int step;
	struct eviction_layout layout;
	struct eviction_policy policy;
	struct eviction_state state;
	const cJSON *capacity;
	usec_t now;
};

struct outcome {
	bool pressure, containers, images, killed;
};

/* Capacity is twice of what is available where the scenario does not say it. */
static void set_spaces(const struct kubelet *k, const cJSON *available, struct space *spaces)
{
	const cJSON *item;
	memset(spaces, 0, _ROLE_MAX * sizeof(*spaces));
	cJSON_ArrayForEach(item, available)
	{
		enum eviction_signal s = kubelet_signal(item->string);
		uint64_t amount = kubelet_amount(item->valuestring), total = amount * 2;
		if (kubelet_member(k->capacity, item->string))
			total = kubelet_amount(kubelet_text(k->capacity, item->string));
		kubelet_set_space(&spaces[eviction_signal_role(s)], eviction_signal_resource(s),
				  amount, total);
	}
}

/* The filesystem whose threshold is acted on, or -1. All scenarios have one at most. */
static int in_force(const struct eviction_verdict *verdict)
{
	int found = -1;
	for (int s = 0; s < _EVICTION_DISK_MAX * _EVICTION_LEVEL_MAX; s++) {
		enum fs_role role = eviction_signal_role(s / _EVICTION_LEVEL_MAX);
		enum resource r = eviction_signal_resource(s / _EVICTION_LEVEL_MAX);
		if (verdict->pressure[role][r][s % _EVICTION_LEVEL_MAX].in_force && found < 0)
			found = (int)role;
	}
	return found;
}

static struct outcome run_pass(struct kubelet *k, const cJSON *step)
{
	struct space spaces[_ROLE_MAX];
	const struct space *pointers[_ROLE_MAX] = { &spaces[0], &spaces[1], &spaces[2] };
	struct eviction_verdict verdict;
	set_spaces(k, kubelet_member(step, "available"), spaces);
	eviction_step(&k->state, &k->policy, k->now, pointers, &verdict);
	if (k->step == 0)
		(void)eviction_derive_containerfs(&k->policy.thresholds, k->layout, NULL);
	struct outcome o = { .pressure = verdict.kubelet_disk_pressure };
	int role = in_force(&verdict);
	if (role < 0)
		return o;
	struct eviction_reclaim reclaim = eviction_reclaims(role, k->layout);
	o.containers = reclaim.containers;
	o.images = reclaim.images;
	const cJSON *after = kubelet_member(step, "available_after_gc");
	if (after && (o.containers || o.images))
		set_spaces(k, after, spaces);
	o.killed = (!o.containers && !o.images) ||
		   !eviction_satisfied(&k->policy.thresholds, pointers);
	return o;
}

static void check(const struct kubelet *k, const cJSON *expect, const char *name, bool got)
{
	const cJSON *item = kubelet_member(expect, name);
	if (item && cJSON_IsTrue(item) != got)
		fail_msg("%s: step %d: %s: %d", k->name, k->step, name, got);
}

static void run_scenario(const cJSON *row)
{
	struct kubelet k = {
		.name = kubelet_name(row),
		.layout = kubelet_layout(kubelet_member(row, "layout")),
		.policy = { kubelet_thresholds(kubelet_member(row, "thresholds")),
			    kubelet_seconds(row, "pressure_transition_period_s") },
		.capacity = kubelet_member(row, "capacity"),
	};
	const cJSON *step;
	cJSON_ArrayForEach(step, kubelet_member(row, "steps"))
	{
		k.now += kubelet_seconds(step, "advance_s");
		struct outcome o = run_pass(&k, step);
		const cJSON *expect = kubelet_member(step, "expect");
		check(&k, expect, "disk_pressure", o.pressure);
		check(&k, expect, "container_gc_called", o.containers);
		check(&k, expect, "image_gc_called", o.images);
		check(&k, expect, "killed_some", o.killed);
		const cJSON *killed = cJSON_GetObjectItemCaseSensitive(expect, "killed");
		if (killed && cJSON_IsString(killed) != o.killed)
			fail_msg("%s: step %d: killed: %d", k.name, k.step, o.killed);
		k.step++;
	}
	assert_true(k.step > 0);
}

/* Of memory or process IDs, or one that the kubelet refuses because of a feature gate. */
static bool is_ours(const cJSON *row)
{
	const cJSON *item, *step;
	bool ours = true;
	cJSON_ArrayForEach(item, kubelet_member(row, "thresholds"))
	{
		enum eviction_signal signal = kubelet_signal(kubelet_text(item, "signal"));
		ours = ours && eviction_signal_is_disk(signal);
	}
	cJSON_ArrayForEach(step, kubelet_member(row, "steps"))
	{
		const cJSON *expect = kubelet_member(step, "expect");
		ours = ours && !kubelet_member(expect, "sync_error");
	}
	return ours;
}

static void run_group(const char *name, int expected_run, int expected_not_run)
{
	cleanup_json cJSON *cases = kubelet_cases("thresholds.json");
	const cJSON *row;
	int run = 0, not_run = 0;
	cJSON_ArrayForEach(row, kubelet_member(cases, name))
	{
		if (is_ours(row)) {
			run_scenario(row);
			run++;
			continue;
		}
		print_message("# not run: %s\n", kubelet_text(row, "name"));
		not_run++;
	}
	assert_int_equal(run, expected_run);
	assert_int_equal(not_run, expected_not_run);
}

static void scenarios(void **state)
{
	(void)state;
	run_group("scenarios", 9, 6);
}

static void derived_scenarios(void **state)
{
	(void)state;
	run_group("derived_scenarios", 9, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios),
		cmocka_unit_test(derived_scenarios),
	};
	return cmocka_run_group_tests_name("eviction-scenarios", tests, NULL, NULL);
}
