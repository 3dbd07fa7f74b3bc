/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "util/usec.h"

/* The usual figures of the agent's own process. Zero-initialise it. */
struct process_metrics {
	usec_t cpu;
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
	int64_t start_wall_usec; /* computed once: it would move with the wall clock otherwise */
};

/*
 * Reads the figures of the calling process; proc is "/proc". On a negative errno p keeps what
 * it had. Any thread. Takes some 30 microseconds.
 */
int process_metrics_read(const char *proc, struct process_metrics *p);

/*
 * The same from the text of /proc/PID/stat alone, in which a process name may hold anything
 * ("foo) Z"). start is since boot. -EBADMSG when it is not such a text.
 */
int process_parse_stat(const char *text, long ticks_per_second, long page_size,
		       struct process_metrics *p, usec_t *ret_start);
