/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/eviction-threshold.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/usec.h"

/*
 * One entry of the eviction settings: its name, and its value by the kind of setting. All return
 * -EINVAL or -ERANGE and say why; *ret is written on success only.
 */

/* By whose rules (see enum eviction_dialect), and where to say what is wrong; e is not NULL. */
struct eviction_reader {
	bool ours;
	struct err *e;
};

must_check int eviction_read_signal(const struct eviction_reader *r, const char *name,
				    enum eviction_signal *ret);
/* evictionHard, evictionSoft: 1 and *ret; 0 for "0%" and "100%", which mean that there is none. */
must_check int eviction_read_threshold(const struct eviction_reader *r, enum eviction_signal signal,
				       const char *text, struct eviction_value *ret);
/* evictionSoftGracePeriod: a Go duration. Above 0, if only by a nanosecond, it is 1 us or more. */
must_check int eviction_read_grace(const struct eviction_reader *r, enum eviction_signal signal,
				   const char *text, usec_t *ret);
/* evictionMinimumReclaim. */
must_check int eviction_read_reclaim(const struct eviction_reader *r, enum eviction_signal signal,
				     const char *text, struct eviction_value *ret);
