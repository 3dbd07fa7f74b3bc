/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <cjson/cJSON.h>

/*
 * What a plain scalar of YAML 1.1 stands for, as Go's decoder sees it: null, a boolean, a number, else
 * a string. Integers may be hexadecimal (0x1f), octal (017, 0o17) or binary (0b1) and have
 * underscores in them. NULL for infinity and NaN, which JSON does not have. The caller releases it.
 */
cJSON *yaml_scalar(const char *text);
