/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/usec.h"

/* Amounts as people read them. All write into the caller's buffer and return it. */

#define HUMAN_MAX 32

/* Binary units, three digits: "0 B", "999 B", "1.0 KiB", "12.3 GiB". */
char *human_bytes(uint64_t bytes, char buf[HUMAN_MAX]);
/* The same with a sign, for rates: "+12.3 MiB/s". */
char *human_rate(int64_t bytes_per_second, char buf[HUMAN_MAX]);
/* Counts with thousands separators: "12,345". */
char *human_count(uint64_t n, char buf[HUMAN_MAX]);
/* Two units at most: "350ms", "4s", "2m 5s", "3h 10m", "12d 4h"; "never" for USEC_NEVER and "-" for
 * USEC_INFINITY; negative durations as 0. */
char *human_duration(usec_t d, char buf[HUMAN_MAX]);
/* A duration in Go syntax, as configuration and the kubelet write it: "2m0s", "500ms", "0s". */
char *human_go_duration(usec_t d, char buf[HUMAN_MAX]);
/* UTC, RFC 3339 with microseconds dropped: "2026-01-02T03:04:05Z". */
char *human_wall(int64_t wall_usec, char buf[HUMAN_MAX]);
