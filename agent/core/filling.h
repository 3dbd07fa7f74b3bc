/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/usec.h"

/*
 * Whether a filesystem fills so fast that people are to be told: it will be full soon, even if
 * everything reclaimable on it were removed. Once it is, it stays so for a while, so that it is told
 * once. Zero-initialised is "it does not".
 */

/* Full within this is soon. */
#define FILLING_HORIZON (15 * USEC_PER_MINUTE)

struct filling {
	bool fast;
	/* While not fast: the forecast says so since then, and that much was left. */
	bool suspected;
	usec_t suspected_at;
	uint64_t suspected_amount;
	/* While fast: the forecast says no more, since then. */
	bool calm;
	usec_t calm_since;
};

/*
 * Takes a sample into account: amount is what is available and reclaimable, left the time in which the
 * forecast has that used up. It begins when left has been within the horizon for two minutes, or for a
 * quarter of left where that is less, and amount did shrink since at a pace that uses it up within the
 * horizon: what is written is reclaimable again, or removed, where it does not. It ends when left has
 * been beyond twice the horizon for five minutes. Returns whether fast changed.
 */
bool filling_step(struct filling *f, usec_t now, uint64_t amount, usec_t left);
