/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/status.h"
#include "util/buf.h"

/*
 * The document behind /status and `status --json`, for people and tools: one JSON object, camelCase,
 * amounts in bytes, durations in seconds, instants as RFC 3339 in UTC. Every key is always there;
 * what is not known is null. Of the filesystems only those that are configured are listed, of
 * thresholds and pressure only those that exist. Appends to out, whose overflow mark tells whether
 * everything fitted. Pure.
 */
void status_json_render(const struct status *s, struct buf *out);
