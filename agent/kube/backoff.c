/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/backoff.h"

usec_t backoff_failed(struct backoff *b, usec_t retry_after, uint64_t random)
{
	usec_t ceiling = BACKOFF_FIRST;
	for (unsigned i = 0; i < b->failures && ceiling < BACKOFF_MAX; i++)
		ceiling *= 2;
	if (ceiling > BACKOFF_MAX)
		ceiling = BACKOFF_MAX;
	b->failures++;
	return retry_after + (usec_t)(random % (uint64_t)(ceiling + 1));
}

usec_t backoff_people(uint64_t random)
{
	return BACKOFF_PEOPLE + (usec_t)(random % (uint64_t)(BACKOFF_PEOPLE + 1));
}
