/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit.h"

#include <stdbool.h>

#include "core/eviction-kubelet.h"
#include "core/eviction-threshold.h"
#include "util/json-read.h"

/*
 * The kubelet's own cases of quantities, thresholds and image collection, in tests/data/kubelet;
 * _schema in there says what they mean. All helpers fail the test when the data are not what they expect.
 */

/* tests/data/kubelet/NAME; the caller releases it. */
cJSON *kubelet_cases(const char *name);
/* Member of a row; NULL when it is absent or null. */
const cJSON *kubelet_member(const cJSON *row, const char *name);
const char *kubelet_text(const cJSON *row, const char *name);
bool kubelet_bool(const cJSON *row, const char *name);
/* The name of a row, for messages. */
const char *kubelet_name(const cJSON *row);
/* A number of seconds, rounded up to microseconds: a nanosecond is still a grace period. */
usec_t kubelet_seconds(const cJSON *row, const char *name);

/* What a group of cases is for us. */
struct kubelet_group {
	const char *name;
	int rows;    /* of it in the file */
	int not_run; /* so many of them concern what we do not do, */
	const char *why;
};
/*
 * Fails unless the file has exactly these groups with so many rows. Prints how many are
 * run, and which are not and why.
 */
void kubelet_census(const cJSON *cases, const struct kubelet_group *groups, size_t n);

/* {"quantity": "1Gi"}, {"percentage": 0.15} or null, as the kubelet would have parsed it. */
struct eviction_value kubelet_value(const cJSON *value);
/* Whether a value is that of the case, in the kubelet's arithmetic. */
bool kubelet_value_is(const struct eviction_value *v, const cJSON *value);
/* A threshold object. set_by follows from its grace period. */
struct eviction_threshold kubelet_threshold(const cJSON *t);
/* All of an array. */
struct eviction_thresholds kubelet_thresholds(const cJSON *array);
/* The signal of that name. */
enum eviction_signal kubelet_signal(const char *name);
/* "1.5Gi" as a whole amount. */
uint64_t kubelet_amount(const char *quantity);
/* "dedicated_imagefs" and "split_containerfs". */
struct eviction_layout kubelet_layout(const cJSON *row);
void kubelet_set_space(struct space *s, enum resource r, uint64_t available, uint64_t total);
