/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

/* The worst level of pressure that is active, in a status document: "hard", "soft", "gc", or NULL. */
const char *pressure_level(const cJSON *filesystem, const char *resource);
/* Whether any is. */
bool pressure_active(const cJSON *filesystem, const char *resource);
bool pressure_any(const cJSON *status);
