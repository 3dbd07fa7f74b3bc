/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "config/kubelet-config.h"

/*
 * The rules by which files and flags make the kubelet's configuration. origin is where something
 * comes from, as messages and struct kubelet_map have it; it is not copied. After an error the
 * configuration is of no use. -EINVAL: "ORIGIN: KEY: what is wrong".
 */

/* What holds without any file: no thresholds at all, which is not what holds with an empty file. */
struct kubelet_config *kubelet_values_new(void);
/* The configuration file, an object; comes first. */
must_check int kubelet_values_file(struct kubelet_config *c, const cJSON *object,
				   const char *origin, struct err *e);
/* A drop-in: a JSON merge patch. */
must_check int kubelet_values_dropin(struct kubelet_config *c, const cJSON *object,
				     const char *origin, struct err *e);

/* What of the values flags can set. */
struct kubelet_flag {
	const char *name; /* "eviction-hard" */
	bool is_map;
	int index;
};

/* The flag of that name, with which '_' counts as '-'; NULL: none of the configuration's. */
const struct kubelet_flag *kubelet_values_find_flag(const char *name, size_t len);
/* One use of a flag; the first use of a map's flag empties the map. */
must_check int kubelet_values_flag(struct kubelet_config *c, const struct kubelet_flag *flag,
				   const char *value, bool first, struct err *e);

/* The kubelet's own checks of percentages and durations, in its order and with its words. */
must_check int kubelet_values_check(const struct kubelet_config *c, struct err *e);
