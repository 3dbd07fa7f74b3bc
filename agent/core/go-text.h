/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "util/err.h"

/*
 * The kubelet is written in Go, and its messages carry those of Go's library: what people see there
 * and find on the web they shall find here.
 */

/* Room for quoted text in a message; longer text is cut. */
#define GO_QUOTED_MAX 160

/*
 * Writes len bytes of s with a backslash in front of quotes and backslashes and all that is not
 * printable ASCII as \xNN. Returns ret.
 */
char *go_escape(const char *s, size_t len, char ret[GO_QUOTED_MAX]);

/*
 * Says into e what Go's time.ParseDuration says about text that parse_duration() refused, as in
 * 'time: unknown unit "mins" in duration "30mins"'. Of several faults it may name another one
 * than Go. Returns -EINVAL.
 */
int go_duration_error(const char *text, struct err *e);
