/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/rate-limit.h"

static usec_t later(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

/* What is spent by now, as one comes back in each interval. */
static unsigned spent(const struct rate_limit *l, usec_t now)
{
	usec_t back = l->spent > 0 ? (now - l->spent_since) / RATE_INTERVAL : 0;
	return back >= l->spent ? 0 : l->spent - (unsigned)back;
}

usec_t rate_limit_at(const struct rate_limit *l, enum occurrence reason, usec_t now)
{
	usec_t at = later(now, l->paced_until);
	if (spent(l, at) < RATE_BURST)
		return at;
	usec_t back = l->spent_since + RATE_INTERVAL;
	usec_t own = l->reason_at[reason];
	return later(at, own < back ? own : back);
}

void rate_limit_take(struct rate_limit *l, enum occurrence reason, usec_t now)
{
	unsigned left = spent(l, now);
	l->spent_since = left == 0 ? now : l->spent_since + (l->spent - left) * RATE_INTERVAL;
	l->spent = left < RATE_BURST ? left + 1 : left;
	l->reason_at[reason] = now + RATE_INTERVAL;
	l->paced_until = now + RATE_PACE;
}
