/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kubelet.h"
#include "util/json-read.h"

/* The kubelet's own test cases of image collection, and more that were run against it. */

#define LIST_MAX     16
#define NSEC_PER_SEC 1000000000

/* A runtime that has what a step says. */
struct fake {
	const char *name; /* of the case */
	size_t step;
	struct kubelet_image images[LIST_MAX];
	size_t n_images;
	struct kubelet_container containers[LIST_MAX];
	const char *mounts[LIST_MAX][LIST_MAX];
	size_t n_containers;
	const cJSON *now; /* the step, which says what fails */
	const char *removed[LIST_MAX];
	size_t n_removed;
	struct kubelet_policy policy;
	struct kubelet kubelet;
	struct kubelet_candidates candidates; /* of eviction_order */
};

#define wrong(fake, ...)                                                              \
	do {                                                                          \
		print_error("# case \"%s\", step %zu: ", (fake)->name, (fake)->step); \
		fail_msg(__VA_ARGS__);                                                \
	} while (0)

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *string_or_empty(const cJSON *object, const char *name)
{
	const cJSON *item = member(object, name);
	return cJSON_IsString(item) ? item->valuestring : "";
}

static int64_t number(const cJSON *item)
{
	return item->valuedouble >= 9.2e18 ? INT64_MAX : (int64_t)item->valuedouble;
}

static int64_t seconds(const cJSON *item)
{
	if (cJSON_IsString(item))
		return KUBELET_NEVER;
	int64_t s = number(item), ns;
	return __builtin_mul_overflow(s, NSEC_PER_SEC, &ns) ? INT64_MAX : ns;
}

static bool has_string(const cJSON *array, const char *s)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, array) if (strcmp(item->valuestring, s) == 0) return true;
	return false;
}

/* --- the runtime --------------------------------------------------------------------------- */

static int fake_list(void *ctx, struct kubelet_facts *ret)
{
	const struct fake *f = ctx;
	if (member(f->now, "container_status_fails"))
		return -EIO;
	*ret = (struct kubelet_facts){ f->images, f->n_images, f->containers, f->n_containers };
	return 0;
}

static int fake_remove(void *ctx, const char *id, const char *reason)
{
	struct fake *f = ctx;
	(void)reason;
	if (has_string(member(f->now, "remove_fails"), id))
		return -EIO;
	for (size_t i = 0; i < f->n_images; i++) {
		if (strcmp(f->images[i].id, id) != 0)
			continue;
		f->removed[f->n_removed++] = f->images[i].id;
		f->n_images--;
		memmove(&f->images[i], &f->images[i + 1], (f->n_images - i) * sizeof(f->images[0]));
		return 0;
	}
	wrong(f, "removes %s, which is not there", id);
	return 0;
}

static int fake_stats(void *ctx, int64_t *ret_capacity, int64_t *ret_available)
{
	const struct fake *f = ctx;
	const cJSON *fs = member(f->now, "fs");
	if (member(fs, "error"))
		return -EIO;
	*ret_capacity = number(member(fs, "capacity"));
	*ret_available = number(member(fs, "available"));
	return 0;
}

static const struct kubelet_ops fake_ops = { fake_list, fake_remove, fake_stats };

static void set_lists(struct fake *f)
{
	const cJSON *item, *mount;
	if (member(f->now, "images"))
		f->n_images = 0;
	cJSON_ArrayForEach(item, member(f->now, "images")) f->images[f->n_images++] =
		(struct kubelet_image){ .id = string_or_empty(item, "id"),
					.handler = string_or_empty(item, "runtime_handler"),
					.size = (uint64_t)number(member(item, "size")),
					.pinned = cJSON_IsTrue(member(item, "pinned")) };
	if (!member(f->now, "containers"))
		return;
	f->n_containers = 0;
	cJSON_ArrayForEach(item, member(f->now, "containers"))
	{
		const char **mounts = f->mounts[f->n_containers];
		size_t n = 0;
		cJSON_ArrayForEach(mount, member(item, "mounts")) mounts[n++] = mount->valuestring;
		f->containers[f->n_containers++] = (struct kubelet_container){
			.image_id = string_or_empty(item, "image_id"),
			.handler = string_or_empty(item, "image_runtime_handler"),
			.mounts = mounts,
			.n_mounts = n,
		};
	}
}

/* --- expectations -------------------------------------------------------------------------- */

static const struct kubelet_record *record_of(const struct fake *f, const char *key)
{
	for (size_t i = 0; i < f->kubelet.n_records; i++)
		if (strcmp(f->kubelet.records[i].key, key) == 0)
			return &f->kubelet.records[i];
	wrong(f, "no record of %s", key);
	abort(); /* not reached; the compiler cannot know */
}

static void expect_records(const struct fake *f, const cJSON *records)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, records)
	{
		const struct kubelet_record *record = record_of(f, item->string);
		if (record->first_detected != seconds(member(item, "first_detected")))
			wrong(f, "%s was first detected at %jd", item->string,
			      (intmax_t)record->first_detected);
		if (record->last_used != seconds(member(item, "last_used")))
			wrong(f, "%s was last used at %jd", item->string,
			      (intmax_t)record->last_used);
		if (strcmp(record->handler, string_or_empty(item, "runtime_handler")) != 0 &&
		    member(item, "runtime_handler"))
			wrong(f, "%s has the handler %s", item->string, record->handler);
		if (member(item, "size") && record->size != number(member(item, "size")))
			wrong(f, "%s has the size %jd", item->string, (intmax_t)record->size);
	}
}

static void expect_removed(const struct fake *f, const cJSON *expected, bool ordered)
{
	const cJSON *item;
	size_t n = 0;
	if (!expected)
		return;
	cJSON_ArrayForEach(item, expected)
	{
		bool found = false;
		for (size_t i = 0; i < f->n_removed; i++)
			if ((!ordered || i == n) && strcmp(f->removed[i], item->valuestring) == 0)
				found = true;
		if (!found)
			wrong(f, "%s was not removed in its turn", item->valuestring);
		n++;
	}
	if (n != f->n_removed)
		wrong(f, "%zu images were removed", f->n_removed);
}

static void expect_list(const struct fake *f, const cJSON *expected)
{
	const cJSON *item;
	size_t n = 0;
	if (!expected)
		return;
	cJSON_ArrayForEach(item, expected)
	{
		if (n >= f->candidates.n_records ||
		    strcmp(f->candidates.records[n].key, item->valuestring) != 0)
			wrong(f, "candidate %zu is not %s", n, item->valuestring);
		n++;
	}
	if (n != f->candidates.n_records)
		wrong(f, "%zu candidates", f->candidates.n_records);
}

static void expect_count(const struct fake *f, const cJSON *expected, size_t count,
			 const char *what)
{
	if (expected && number(expected) != (int64_t)count)
		wrong(f, "%zu %s", count, what);
}

static void expect_event(const struct fake *f, const cJSON *expect)
{
	const char *event = string_or_empty(expect, "event");
	bool whole = strncmp(event, "Warning ", 8) == 0;
	const char *text = whole ? event + 8 : event;
	if (member(expect, "no_event") && *f->kubelet.event)
		wrong(f, "event: %s", f->kubelet.event);
	if (whole ? strcmp(text, f->kubelet.event) != 0
		  : strncmp(text, f->kubelet.event, strlen(text)) != 0)
		wrong(f, "event: %s", f->kubelet.event);
}

static void expect_usage(const struct fake *f, const cJSON *expect)
{
	int64_t capacity, available, usage, amount;
	if (!member(expect, "usage_percent"))
		return;
	(void)fake_stats((void *)(uintptr_t)f, &capacity, &available);
	bool triggered = kubelet_needs_space(&f->policy, capacity, available, &usage, &amount);
	if (usage != number(member(expect, "usage_percent")) ||
	    triggered != cJSON_IsTrue(member(expect, "triggered")))
		wrong(f, "usage %jd, triggered %d", (intmax_t)usage, triggered);
	if (member(expect, "amount_to_free") && amount != number(member(expect, "amount_to_free")))
		wrong(f, "wants to free %jd", (intmax_t)amount);
}

static void expect_all(const struct fake *f, int r, int64_t freed)
{
	const cJSON *expect = member(f->now, "expect");
	if (!expect)
		return;
	if (member(expect, "error") && cJSON_IsTrue(member(expect, "error")) != (r < 0))
		wrong(f, "result %d", r);
	if (strcmp(string_or_empty(f->now, "op"), "free_space") == 0 && member(expect, "freed") &&
	    number(member(expect, "freed")) != freed)
		wrong(f, "freed %jd", (intmax_t)freed);
	expect_records(f, member(expect, "records"));
	expect_count(f, member(expect, "record_count"), f->kubelet.n_records, "records");
	expect_count(f, member(expect, "remaining_count"), f->n_images, "images left");
	expect_removed(f, member(expect, "removed"), true);
	expect_removed(f, member(expect, "removed_any_order"), false);
	expect_list(f, member(expect, "ids"));
	expect_list(f, member(expect, "remaining_list"));
	expect_event(f, expect);
	expect_usage(f, expect);
}

/* --- steps --------------------------------------------------------------------------------- */

static void override_list(struct fake *f)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, member(f->now, "set"))
	{
		for (size_t i = 0; i < f->candidates.n_records; i++) {
			struct kubelet_record *record = &f->candidates.records[i];
			if (strcmp(record->key, item->string) == 0 && member(item, "last_used"))
				record->last_used = seconds(member(item, "last_used"));
		}
	}
}

static int free_space(struct fake *f, int64_t now, int64_t *ret_freed)
{
	struct kubelet_candidates candidates = { 0 };
	int64_t free_time = seconds(member(f->now, "free_time"));
	int r = kubelet_eviction_order(&f->kubelet, free_time, now, &candidates);
	if (r == 0)
		r = kubelet_free_space(&f->kubelet, &candidates,
				       number(member(f->now, "bytes_to_free")), free_time,
				       ret_freed);
	kubelet_candidates_done(&candidates);
	return r;
}

static int64_t free_time_of(const struct fake *f)
{
	const cJSON *ns = member(f->now, "free_time_ns");
	return ns ? number(ns) : seconds(member(f->now, "free_time"));
}

static void run_step(struct fake *f)
{
	const char *op = string_or_empty(f->now, "op");
	const cJSON *now_item = member(f->now, "now");
	int64_t now = now_item ? seconds(now_item) : 0, freed = 0;
	int r = 0;
	f->n_removed = 0;
	if (strcmp(op, "set") == 0) {
		set_lists(f);
	} else if (strcmp(op, "detect") == 0) {
		r = kubelet_detect(&f->kubelet, seconds(member(f->now, "detect_time")), now);
	} else if (strcmp(op, "start") == 0) {
		r = kubelet_detect(&f->kubelet, now, now);
	} else if (strcmp(op, "free_space") == 0) {
		r = free_space(f, now, &freed);
	} else if (strcmp(op, "delete_unused") == 0) {
		r = kubelet_delete_unused(&f->kubelet, now);
	} else if (strcmp(op, "eviction_order") == 0) {
		kubelet_candidates_done(&f->candidates);
		r = kubelet_eviction_order(&f->kubelet, free_time_of(f), now, &f->candidates);
	} else if (strcmp(op, "override_eviction_list") == 0) {
		override_list(f);
	} else if (strcmp(op, "free_old") == 0) {
		r = kubelet_free_old(&f->kubelet, &f->candidates, free_time_of(f),
				     seconds(member(f->now, "began_gc")));
	} else if (strcmp(op, "garbage_collect") == 0) {
		r = kubelet_garbage_collect(&f->kubelet, now, seconds(member(f->now, "began_gc")));
	} else {
		wrong(f, "unknown op %s", op);
	}
	expect_all(f, r, freed);
}

static void run_case(const cJSON *one)
{
	const cJSON *policy = member(one, "policy"), *step;
	struct fake *f = xnew(struct fake);
	f->name = string_or_empty(one, "name");
	f->policy = (struct kubelet_policy){
		.high_percent = number(member(policy, "high_threshold_percent")),
		.low_percent = number(member(policy, "low_threshold_percent")),
		.minimum_age = seconds(member(policy, "min_age_s")),
		.maximum_age = seconds(member(policy, "max_age_s")),
		.handler_keys = cJSON_IsTrue(
			member(member(one, "feature_gates"), "RuntimeClassInImageCriAPI")),
	};
	f->kubelet = (struct kubelet){ .policy = &f->policy, .ops = &fake_ops, .ctx = f };
	cJSON_ArrayForEach(step, member(one, "steps"))
	{
		f->now = step;
		f->step++;
		run_step(f);
	}
	kubelet_forget(&f->kubelet);
	kubelet_candidates_done(&f->candidates);
	free(f);
}

/* --- the file ------------------------------------------------------------------------------ */

static int load(void **state)
{
	*state = kubelet_cases("image-gc.json");
	return 0;
}

static int unload(void **state)
{
	cJSON_Delete(*state);
	return 0;
}

/* No group is left out, and none lost. */
static void census(void **state)
{
	static const struct kubelet_group groups[] = {
		{ "cases", 16, 0, NULL },
		{ "derived_cases", 13, 0, NULL },
		{ "derived_threshold_math", 12, 0, NULL },
		{ "policy_validation", 4, 0, NULL },
		{ "config_validation", 6, 0, NULL },
	};
	kubelet_census(*state, groups, ELEMENTS(groups));
}

static void run_group(const cJSON *json, const char *group)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, member(json, group)) run_case(one);
}

static void upstream_cases(void **state)
{
	run_group(*state, "cases");
}

static void derived_cases(void **state)
{
	run_group(*state, "derived_cases");
}

static void threshold_math(void **state)
{
	const cJSON *row;
	size_t i = 0;
	cJSON_ArrayForEach(row, member(*state, "derived_threshold_math"))
	{
		struct kubelet_policy policy = {
			.high_percent = number(member(row, "high")),
			.low_percent = number(member(row, "low")),
		};
		int64_t usage, amount;
		bool triggered =
			kubelet_needs_space(&policy, number(member(row, "capacity")),
					    number(member(row, "available")), &usage, &amount);
		const cJSON *expected = member(row, "amount_to_free");
		if (usage != number(member(row, "usage_percent")) ||
		    triggered != cJSON_IsTrue(member(row, "triggered")) ||
		    (triggered && amount != number(expected)))
			fail_msg("row %zu: usage %jd, triggered %d, to free %jd", i,
				 (intmax_t)usage, triggered, (intmax_t)amount);
		i++;
	}
}

static void expect_words(const cJSON *row, const char *key, int r, const struct err *e)
{
	const char *expected = string_or_empty(row, key);
	if ((r < 0) != (*expected != '\0') || strcmp(e->msg, expected) != 0)
		fail_msg("%s: \"%s\"", string_or_empty(row, "name"), e->msg);
}

static void validation(void **state)
{
	const cJSON *row;
	cJSON_ArrayForEach(row, member(*state, "policy_validation"))
	{
		struct kubelet_policy policy = {
			.high_percent = number(member(row, "high")),
			.low_percent = number(member(row, "low")),
		};
		struct err e = { 0 };
		expect_words(row, "error", kubelet_policy_check(&policy, &e), &e);
	}
	cJSON_ArrayForEach(row, member(*state, "config_validation"))
	{
		struct kubelet_policy policy = {
			.high_percent = number(member(row, "high")),
			.low_percent = number(member(row, "low")),
			.minimum_age = number(member(row, "min_age_ns")),
			.maximum_age = number(member(row, "max_age_ns")),
		};
		struct err e = { 0 };
		expect_words(row, "expect_error", kubelet_config_check(&policy, &e), &e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(census),	 cmocka_unit_test(upstream_cases),
		cmocka_unit_test(derived_cases), cmocka_unit_test(threshold_math),
		cmocka_unit_test(validation),
	};
	return cmocka_run_group_tests_name("kubelet", tests, load, unload);
}
