/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

/* Whether any level of pressure is active, in a status document. */
bool pressure_active(const cJSON *filesystem, const char *resource);
bool pressure_any(const cJSON *status);
