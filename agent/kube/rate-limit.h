/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/occurrences.h"
#include "util/usec.h"

/*
 * How many requests about events an agent makes, whatever happens on its node: a burst of RATE_BURST,
 * then one for each reason in RATE_INTERVAL, and one more in that time for whichever comes first,
 * which fills the burst up again while there is nothing to tell; never two within RATE_PACE. In any time T
 * that is at most RATE_BURST + (_OCCURRENCE_MAX + 1) * T / RATE_INTERVAL. Zero-initialised: nothing
 * was sent yet. Pure.
 */
#define RATE_BURST    25
#define RATE_INTERVAL (5 * USEC_PER_MINUTE)
#define RATE_PACE     USEC_PER_SEC

struct rate_limit {
	unsigned spent; /* of the burst */
	usec_t spent_since;
	usec_t paced_until;
	usec_t reason_at[_OCCURRENCE_MAX]; /* when each may be sent without the burst */
};

/* When a request about that reason may be sent, now or later. */
usec_t rate_limit_at(const struct rate_limit *l, enum occurrence reason, usec_t now);
/* It is sent. */
void rate_limit_take(struct rate_limit *l, enum occurrence reason, usec_t now);
