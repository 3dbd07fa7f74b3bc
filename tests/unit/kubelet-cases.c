/* SPDX-License-Identifier: Apache-2.0 */
#include "kubelet-cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cJSON *kubelet_cases(const char *name)
{
	char path[4096];
	const char *top = getenv("TOP_SRCDIR");
	(void)snprintf(path, sizeof(path), "%s/tests/data/kubelet/%s", top ? top : ".", name);
	FILE *file = fopen(path, "re");
	if (!file)
		fail_msg("cannot open %s", path);
	const size_t max = 1 << 20;
	cleanup_free char *text = xcalloc(max, 1);
	size_t len = fread(text, 1, max, file);
	(void)fclose(file);
	assert_in_range(len, 1, max - 1);
	cJSON *json = NULL;
	struct err e = { 0 };
	if (json_parse(text, len, &json, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
	return json;
}

const cJSON *kubelet_member(const cJSON *row, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, name);
	return cJSON_IsNull(item) ? NULL : item;
}

const char *kubelet_text(const cJSON *row, const char *name)
{
	const char *text = NULL;
	struct err e = { 0 };
	if (json_get_string(row, name, &text, &e) < 0)
		fail_msg("%s", e.msg);
	return text;
}

bool kubelet_bool(const cJSON *row, const char *name)
{
	bool value = false;
	struct err e = { 0 };
	if (json_get_bool(row, name, &value, &e) < 0)
		fail_msg("%s", e.msg);
	return value;
}

const char *kubelet_name(const cJSON *row)
{
	return kubelet_member(row, "name") ? kubelet_text(row, "name") : "(no name)";
}

usec_t kubelet_seconds(const cJSON *row, const char *name)
{
	const cJSON *item = kubelet_member(row, name);
	if (!cJSON_IsNumber(item))
		fail_msg("%s: not a number", name);
	return (usec_t)ceil(item->valuedouble * 1e6);
}

/* Which ones: of a group that is run in part, the test that does so tells. */
static void tell_not_run(const cJSON *rows, const struct kubelet_group *group)
{
	if (group->not_run == 0)
		return;
	print_message("# not run: %d of %d %s: %s\n", group->not_run, group->rows, group->name,
		      group->why);
	const cJSON *row;
	cJSON_ArrayForEach(row, rows)
	{
		if (group->not_run == group->rows && kubelet_member(row, "name"))
			print_message("#   %s\n", kubelet_text(row, "name"));
	}
}

void kubelet_census(const cJSON *cases, const struct kubelet_group *groups, size_t n)
{
	size_t found = 0;
	int rows = 0, not_run = 0;
	const cJSON *group;
	cJSON_ArrayForEach(group, cases)
	{
		if (group->string[0] == '_')
			continue;
		size_t i = 0;
		while (i < n && strcmp(groups[i].name, group->string) != 0)
			i++;
		if (i == n)
			fail_msg("group %s: no test knows it", group->string);
		if (cJSON_GetArraySize(group) != groups[i].rows)
			fail_msg("group %s has %d rows", group->string, cJSON_GetArraySize(group));
		tell_not_run(group, &groups[i]);
		rows += groups[i].rows;
		not_run += groups[i].not_run;
		found++;
	}
	assert_int_equal(found, n);
	print_message("# run: %d of %d cases of the kubelet\n", rows - not_run, rows);
}

/* The shortest decimal of a fraction, as a percentage. */
static void print_percentage(const cJSON *fraction, char *text, size_t size)
{
	if (cJSON_IsString(fraction))
		(void)snprintf(text, size, "%s%%", fraction->valuestring);
	else
		(void)snprintf(text, size, "%.7g%%", fraction->valuedouble * 100);
}

struct eviction_value kubelet_value(const cJSON *value)
{
	struct eviction_value v = { 0 };
	const cJSON *fraction = kubelet_member(value, "percentage");
	char text[64];
	struct err e = { 0 };
	if (fraction) {
		v.is_percentage = true;
		print_percentage(fraction, text, sizeof(text));
		if (percentage_parse(text, PERCENTAGE_KUBELET, &v.percentage, &e) < 0)
			fail_msg("%s: %s", text, e.msg);
	} else if (kubelet_member(value, "quantity")) {
		if (quantity_parse(kubelet_text(value, "quantity"), &v.quantity, &e) < 0)
			fail_msg("%s: %s", kubelet_text(value, "quantity"), e.msg);
	}
	return v;
}

bool kubelet_value_is(const struct eviction_value *v, const cJSON *value)
{
	struct eviction_value expected = kubelet_value(value);
	if (v->is_percentage != expected.is_percentage)
		return false;
	if (!v->is_percentage)
		return quantity_compare(&v->quantity, &expected.quantity) == 0;
	const struct percentage *a = &v->percentage, *b = &expected.percentage;
	return a->kind == b->kind && a->negative == b->negative &&
	       a->kubelet.significand == b->kubelet.significand &&
	       a->kubelet.exponent == b->kubelet.exponent;
}

enum eviction_signal kubelet_signal(const char *name)
{
	enum eviction_signal signal = eviction_signal_from_string(name);
	if (signal == _EVICTION_SIGNAL_INVALID)
		fail_msg("unknown signal %s", name);
	return signal;
}

struct eviction_threshold kubelet_threshold(const cJSON *t)
{
	assert_string_equal(kubelet_text(t, "operator"), "LessThan");
	usec_t grace = kubelet_seconds(t, "grace_period_s");
	return (struct eviction_threshold){
		.signal = kubelet_signal(kubelet_text(t, "signal")),
		.set_by = grace > 0 ? EVICTION_SOFT : EVICTION_HARD,
		.value = kubelet_value(kubelet_member(t, "value")),
		.grace = grace,
		.min_reclaim = kubelet_value(kubelet_member(t, "min_reclaim")),
	};
}

struct eviction_thresholds kubelet_thresholds(const cJSON *array)
{
	struct eviction_thresholds thresholds = { .float32 = true };
	const cJSON *t;
	cJSON_ArrayForEach(t, array)
	{
		assert_in_range(thresholds.n, 0, EVICTION_MAX_THRESHOLDS - 1);
		thresholds.items[thresholds.n++] = kubelet_threshold(t);
	}
	return thresholds;
}

uint64_t kubelet_amount(const char *quantity)
{
	struct quantity q;
	struct err e = { 0 };
	if (quantity_parse(quantity, &q, &e) < 0)
		fail_msg("%s: %s", quantity, e.msg);
	return quantity_ceil(&q);
}

struct eviction_layout kubelet_layout(const cJSON *row)
{
	return (struct eviction_layout){
		.dedicated_imagefs = kubelet_bool(row, "dedicated_imagefs"),
		.split = kubelet_bool(row, "split_containerfs"),
	};
}

void kubelet_set_space(struct space *s, enum resource r, uint64_t available, uint64_t total)
{
	*(r == RESOURCE_BYTES ? &s->size_bytes : &s->inodes) = total;
	*(r == RESOURCE_BYTES ? &s->avail_bytes : &s->inodes_free) = available;
}
