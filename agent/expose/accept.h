/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Whether the value of an Accept header prefers OpenMetrics 1.0 to the plain text format: it names
 * application/openmetrics-text, without a version or with 1.0.0, at a quality above 0 and not below
 * that of text/plain. Wildcards are not looked at: alone they mean plain text. NULL: no header.
 */
bool accept_prefers_openmetrics(const char *accept);
