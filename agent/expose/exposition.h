/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/histogram.h"
#include "util/buf.h"
#include "util/usec.h"

/*
 * Writes the Prometheus text format 0.0.4 or OpenMetrics 1.0, one family after the other. HELP and
 * TYPE come with the first sample, so a family without samples leaves no trace. Label values may
 * hold anything: they are escaped, and bytes that are not UTF-8 become U+FFFD, because one of them
 * would make Prometheus throw away the whole page. The buffer's overflow mark tells whether
 * everything fitted.
 */
enum exposition_type {
	EXPOSITION_GAUGE,
	EXPOSITION_COUNTER,
	EXPOSITION_HISTOGRAM,
};

struct exposition {
	struct buf *out;
	bool openmetrics;
	const char *family;
	const char *help;
	enum exposition_type type;
	bool announced; /* HELP and TYPE of family are written */
};

/* Labels of a sample, ended by an entry without name; NULL for none. */
struct exposition_label {
	const char *name;
	const char *value;
};

/*
 * Starts a family. name is without the "_total" of a counter, as OpenMetrics names families; help
 * is a sentence without quotes, backslashes and newlines. Both must outlive the family.
 */
void exposition_family(struct exposition *x, const char *name, enum exposition_type type,
		       const char *help);
/* One sample of the family. Durations and times in microseconds are written as seconds;
 * USEC_INFINITY is +Inf. */
void exposition_u64(struct exposition *x, const struct exposition_label *labels, uint64_t value);
void exposition_i64(struct exposition *x, const struct exposition_label *labels, int64_t value);
void exposition_seconds(struct exposition *x, const struct exposition_label *labels, usec_t value);
void exposition_histogram(struct exposition *x, const struct exposition_label *labels,
			  const struct histogram *h);
/* Ends the page. */
void exposition_end(struct exposition *x);
