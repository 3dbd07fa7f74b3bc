/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/eviction-text.h"
#include "core/eviction-threshold.h"
#include "util/alloc.h"
#include "util/err.h"

/*
 * evictionHard, evictionSoft, evictionSoftGracePeriod and evictionMinimumReclaim, as pairs from a
 * KubeletConfiguration or as the one text that the kubelet's flags and our own configuration have.
 */

enum eviction_dialect {
	/*
	 * Our own configuration: signals of filesystems only, nothing given twice, no numbers
	 * that the kubelet only takes by accident ("10%%", "0x1p3%", "NaN%", "Ki"). Percentages
	 * are exact. Messages name the key, say what is expected, and have the kubelet's words as
	 * well.
	 */
	EVICTION_OURS,
	/*
	 * Exactly what the kubelet takes, in its arithmetic and with its messages alone. Of entries
	 * with the same name the last one counts. Signals other than those of filesystems are
	 * checked like them and are in the result; callers leave them out.
	 */
	EVICTION_KUBELET,
};

struct eviction_map {
	const struct eviction_entry *entries;
	size_t n;
};

struct eviction_settings {
	struct eviction_map hard, soft, soft_grace_period, minimum_reclaim;
};

/*
 * The same as texts: "nodefs.available<10%,imagefs.available<15%", the last two with "=". NULL:
 * none.
 */
struct eviction_texts {
	const char *hard, *soft, *soft_grace_period, *minimum_reclaim;
};

/*
 * Checks the settings as the kubelet does, in its order (hard, soft, grace periods, reclaims,
 * missing grace periods), and derives the thresholds. "0%" and "100%" make none. Copies what it
 * needs. -EINVAL, -ERANGE for numbers out of all range, or -E2BIG for more than
 * EVICTION_MAX_ENTRIES; *ret is written on success only.
 */
must_check int eviction_parse(const struct eviction_settings *settings,
			      enum eviction_dialect dialect, struct eviction_thresholds *ret,
			      struct err *e);
/* The same of texts. */
must_check int eviction_parse_texts(const struct eviction_texts *texts,
				    enum eviction_dialect dialect, struct eviction_thresholds *ret,
				    struct err *e);

/* What the kubelet does when its configuration says nothing, as far as it concerns filesystems. */
#define EVICTION_DEFAULT_HARD \
	"nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%"
#define EVICTION_DEFAULT_TRANSITION_PERIOD (5 * USEC_PER_MINUTE)
/* Those thresholds, exact. */
void eviction_defaults(struct eviction_thresholds *ret);
