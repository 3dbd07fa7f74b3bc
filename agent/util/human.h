/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/usec.h"

/* Amounts as people read them. All write into the caller's buffer and return it. */

#define HUMAN_MAX 32

/* Binary units, one decimal below a hundred: "0 B", "999 B", "1.0 KiB", "12.3 GiB", "123 MiB". */
char *human_bytes(uint64_t bytes, char buf[HUMAN_MAX]);
/* The same with a sign, for rates: "+12.3 MiB/s"; "0 B/s" has none. */
char *human_rate(int64_t bytes_per_second, char buf[HUMAN_MAX]);
/* Counts with thousands separators: "12,345". */
char *human_count(uint64_t n, char buf[HUMAN_MAX]);
/*
 * Two units at most, the rest cut off: "0s", "350us", "350ms", "1.9s" (tenths below ten seconds),
 * "45s", "2m 5s", "3h 10m", "12d 4h"; "never" for USEC_NEVER and "-" for USEC_INFINITY; other
 * negative durations as "0s".
 */
char *human_duration(usec_t d, char buf[HUMAN_MAX]);
/*
 * A duration as Go writes it and the kubelet's configuration has it: "2m0s", "500ms", "1.5s", "0s";
 * microseconds as "us", in ASCII. parse_duration() reads back the same value.
 */
char *human_go_duration(usec_t d, char buf[HUMAN_MAX]);
/* UTC, RFC 3339 with microseconds dropped: "2026-01-02T03:04:05Z"; "never" and "-" as above. */
char *human_wall(int64_t wall_usec, char buf[HUMAN_MAX]);
