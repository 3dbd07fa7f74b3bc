/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "util/usec.h"

/*
 * How long to wait after a failure. Full jitter: any time up to a ceiling that doubles with each
 * failure, so that the nodes of a cluster whose API server comes back do not all ask at once. random
 * is any number. Zero-initialised: nothing failed yet. Pure.
 */
#define BACKOFF_FIRST  USEC_PER_SEC
#define BACKOFF_MAX    (5 * USEC_PER_MINUTE)
/* After what only people can mend, such as a role that is missing: this to twice this. */
#define BACKOFF_PEOPLE (5 * USEC_PER_MINUTE)

struct backoff {
	unsigned failures;
};

/* The pause after another failure; not shorter than retry_after, which the server wants (0: nothing). */
usec_t backoff_failed(struct backoff *b, usec_t retry_after, uint64_t random);
/* The pause for people. */
usec_t backoff_people(uint64_t random);
