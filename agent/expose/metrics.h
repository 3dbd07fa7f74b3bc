/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/status.h"
#include "expose/process.h"
#include "util/buf.h"

/*
 * The page behind /metrics, as Prometheus text 0.0.4 or OpenMetrics 1.0: every family that
 * docs/metrics.md lists. A filesystem has series for what is known of it: none where the role is not
 * configured, no amounts before the first sample. p may be NULL: no process_* then. Appends to
 * out, whose overflow mark tells whether everything fitted. Pure: reads only its arguments.
 */
void metrics_render(const struct status *s, const struct process_metrics *p, bool openmetrics,
		    struct buf *out);
