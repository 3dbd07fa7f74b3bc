/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/reclaim.h"
#include "util/buf.h"
#include "util/usec.h"

/* What a report does not know about its pass. */
struct pass_json_context {
	enum fs_role filesystem;
	const char *runtime;	  /* shown when the report has no inventory; may be NULL or "" */
	int64_t wall_offset_usec; /* wall clock minus monotonic clock: turns instants into dates */
	usec_t now;		  /* monotonic: "first seen 30s ago" */
	usec_t minimum_age;	  /* imageMinimumGCAge, which too young images are measured by */
};

/*
 * The document of `gc --json` and `plan --json`: {"passes":[...]}, one entry a report with its
 * context of the same index. Lists every image: removed, in the order of removal, or kept with the
 * reason. Written as a stream: 10,000 images are some 4 MB and take milliseconds. Appends to out, whose
 * overflow mark tells whether everything fitted. Pure.
 */
void pass_json_render(const struct pass_report *const *reports, size_t n,
		      const struct pass_json_context *contexts, struct buf *out);

#define PASS_DETAIL_MAX 512

/*
 * Why an image stays, in words for people: "container 0229...", "keep rule docker.io/x*", "first
 * seen 30s ago, minimum age 2m0s". Writes into buf and returns it.
 */
char *pass_keep_detail(const struct pass_report *report, const struct verdict *v,
		       const struct pass_json_context *ctx, char buf[PASS_DETAIL_MAX]);
